//! `fetch`: a file of the host to the controller.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use super::place::{LIMIT, digest_on};
use crate::contract::{Contract, Recovery};
use crate::digest::sha256;
use crate::module::{Change, Cx, Effect, Failure, Finding, Module, Outcome};

/// Brings a file of the host to the controller, verified by its digest.
///
/// It is kept as `DEST/HOST/PATH`, or as `dest` itself with `flat`. Files up to 64 MiB; `distribute` moves larger ones between hosts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Fetch {
    /// The file on the host.
    src: String,
    /// The directory on the controller, relative to the playbook.
    dest: String,
    /// Keep it under the name `dest`; one that ends in `/` gets the name of `src`.
    #[serde(default)]
    flat: bool,
    /// A file that is not there is a failure.
    #[serde(default = "yes")]
    fail_on_missing: bool,
}

fn yes() -> bool {
    true
}

impl Fetch {
    fn dest(&self, host: &str) -> String {
        let dest = self.dest.as_str();
        match (self.flat, dest.ends_with('/')) {
            (true, true) => format!("{dest}{}", self.src.rsplit('/').next().unwrap_or_default()),
            (true, false) => dest.to_owned(),
            (false, _) => format!(
                "{}/{host}/{}",
                dest.trim_end_matches('/'),
                self.src.trim_start_matches('/')
            ),
        }
    }
}

#[async_trait]
impl Module for Fetch {
    const NAME: &'static str = "fetch";
    const CONTRACT: Contract = Contract::general(Recovery::Inspect);
    const EXAMPLE: &'static str = "\
- name: keep oned.conf of every zone
  fetch:
    src: /etc/one/oned.conf
    dest: kept/
";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        // A host decides neither where on the controller a file goes nor that it leaves the directory.
        if self.src.split('/').any(|part| part == "..") {
            return Err(Failure::failed(format!("`{}` must not contain `..`", self.src)));
        }
        let Some(digest) = digest_on(cx, &self.src).await? else {
            let message = format!("{}: there is no file {}", cx.host.name(), self.src);
            return if self.fail_on_missing {
                Err(Failure::failed(message))
            } else {
                Ok(Finding::no_change(message))
            };
        };
        let dest = self.dest(cx.host.name());
        if cx
            .controller
            .read(&dest)
            .await
            .is_ok_and(|kept| sha256(&kept) == digest)
        {
            let outcome = Outcome::unchanged(format!("{dest} is the same"))
                .with("dest", dest)
                .with("checksum", digest);
            return Ok(Finding::NoChange(outcome));
        }
        Ok(Finding::Change(
            Change::new(format!("fetch {} to {dest}", self.src)).seen(digest.into()),
        ))
    }
}

#[async_trait]
impl Effect for Fetch {
    async fn apply(&self, cx: &Cx<'_>, change: &Change) -> Result<Outcome, Failure> {
        let Some(content) = cx.host.read_file(&self.src, &cx.run_as, LIMIT).await? else {
            return Err(Failure::failed(format!(
                "{}: {} is gone",
                cx.host.name(),
                self.src
            )));
        };
        let (digest, dest) = (sha256(&content), self.dest(cx.host.name()));
        if change.seen != digest.as_str() {
            return Err(Failure::failed(format!(
                "{}: {} changed while it was read",
                cx.host.name(),
                self.src
            )));
        }
        cx.controller.write(&dest, &content).await?;
        Ok(Outcome::changed(format!("fetched {} to {dest}", self.src))
            .with("dest", dest)
            .with("checksum", digest))
    }

    async fn verify(&self, cx: &Cx<'_>, change: &Change, _: &mut Outcome) -> Result<(), Failure> {
        let dest = self.dest(cx.host.name());
        let kept = cx.controller.read(&dest).await?;
        if change.seen == sha256(&kept).as_str() {
            return Ok(());
        }
        Err(Failure::not_verified(format!(
            "{dest} does not read back as it was written"
        )))
    }
}
