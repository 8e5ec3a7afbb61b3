//! Module `distribute`.

mod relay;

use async_trait::async_trait;
use futures_util::future::join_all;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

use crate::contract::{Concurrency, Contract, Order, Privilege, Recovery};
use crate::ground;
use crate::host::{Command, FileKind, Host, RunAs};
use crate::module::{Change, Cx, Failure, FailureKind, Finding, Module, Outcome, Together};
use crate::opennebula::onedb::LOOK;
use relay::{Packing, Received};

/// Brings one file from one host to all hosts of the task at once, through the controller.
///
/// The source is sent once, compressed where both ends can, and relayed as it comes; a host that fails or stalls does not stop the
/// others. A file takes its place only after each host read it back and its SHA-256 was found equal to the source's; in its place it
/// must still be the file that was read, unchanged, or it is read again. Where somebody else than root could plant a link, the file
/// is read as that user and written as its owner. Registers `sha256` and `size`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Distribute {
    /// Inventory name of the host that has the file.
    from: String,
    /// Absolute path of the file there.
    src: String,
    /// Absolute path it gets; a missing directory is made, the owner's alone.
    dest: String,
    /// Owner it gets.
    #[serde(default = "oneadmin")]
    owner: String,
    /// Group it gets.
    #[serde(default = "oneadmin")]
    group: String,
    /// Permission bits it gets, octal in quotes.
    #[serde(default = "private")]
    mode: String,
    /// SHA-256 (hex) the file must have, as recorded when it was made: a copy that has it proves the source as well, which then needs
    /// not be read a second time.
    #[serde(default)]
    sha256: Option<String>,
}

fn oneadmin() -> String {
    crate::opennebula::command::USER.to_owned()
}

fn private() -> String {
    "0600".to_owned()
}

/// `$1` file. Answers its digest and size. openssl is four times as fast as coreutils where the processor has instructions for it.
const DIGEST: &str = r#"# nebplay: digest of a file
if command -v openssl > /dev/null; then openssl dgst -sha256 -r < "$1"; else sha256sum < "$1"; fi && stat -c %s -- "$1""#;

/// `$1` file, `$2` what tells which file it is.
const LOOK_WHICH: &str = r#"# nebplay: which file is it
stat -c "$2" -- "$1""#;

/// Where `apply` leaves for `verify` which file was read back; nobody else needs it.
const WHICH_KEY: &str = "which";

/// Puts a received file in its place: `$1` part, `$2` dest.
const PLACE: &str = r#"# nebplay: put a received file in its place
mv -T -- "$1" "$2" && sync -- "$2" "$(dirname -- "$2")""#;

impl Distribute {
    fn check(&self) -> Result<u32, Failure> {
        for (argument, path) in [("src", &self.src), ("dest", &self.dest)] {
            if !path.starts_with('/') || path.ends_with('/') || path.contains('\0') {
                return Err(Failure::failed(format!(
                    "{argument} must be an absolute path of a file, not {path:?}"
                )));
            }
        }
        let mode = u32::from_str_radix(&self.mode, 8)
            .ok()
            .filter(|mode| *mode <= 0o7777);
        mode.ok_or_else(|| {
            Failure::failed(format!(
                "mode must be octal and in quotes, as \"0600\", not {:?}",
                self.mode
            ))
        })
    }

    /// Digest and size of the file on its host, compared with what was asked for.
    async fn source_digest(&self, source: &dyn Host, reader: &RunAs) -> Result<(String, u64), Failure> {
        let (digest, size) = digest(source, &self.src, reader).await?;
        match &self.sha256 {
            Some(wanted) if !wanted.eq_ignore_ascii_case(&digest) => Err(Failure::unsafe_to_go_on(format!(
                "{}: {} is not the file that was asked for: its sha256 is {digest}, not {wanted}",
                source.name(),
                self.src
            ))
            .hint("make it again, or find out what changed it")),
            _ => Ok((digest, size)),
        }
    }

    /// Digest and size of a file of this size, if it is the one that was recorded.
    fn recorded(&self, size: u64) -> Option<(String, u64)> {
        Some((self.sha256.as_ref()?.to_ascii_lowercase(), size))
    }

    /// Digest and size that a copy must have: as recorded, else as the source has them.
    async fn wanted(&self, source: &dyn Host, reader: &RunAs) -> Result<(String, u64), Failure> {
        if self.sha256.is_some()
            && let Some(stat) = source.stat(&self.src, reader).await?
            && let Some(recorded) = self.recorded(stat.size)
        {
            return Ok(recorded);
        }
        self.source_digest(source, reader).await
    }

    /// The same once the copies are there. If one of them is not as recorded, the source is read after all: is that another file, or did
    /// this one change on its way?
    async fn confirmed(
        &self,
        source: &dyn Host,
        reader: &RunAs,
        wanted: (String, u64),
        copies: &[Result<Received, Failure>],
    ) -> Result<(String, u64), Failure> {
        let is_other = |copy: &Received| copy.sha256 != wanted.0;
        if self.sha256.is_some() && copies.iter().flatten().any(is_other) {
            return self.source_digest(source, reader).await;
        }
        Ok(wanted)
    }

    async fn source(&self, cx: &Cx<'_>) -> Result<Arc<dyn Host>, Failure> {
        cx.peers.peer(&self.from).await.map_err(|error| {
            Failure::from(error).hint(format!("`from` must be a host of the inventory: {}", self.from))
        })
    }

    /// Removes what a host received; what is in the way the next time is removed then.
    async fn discard(&self, cx: &Cx<'_>) {
        if let Ok(writer) = self.writer(cx).await {
            let part = relay::part(&self.dest);
            let _ = cx
                .host
                .run(&Command::new(["rm", "-f", "--", &part]).run_as(writer))
                .await;
        }
    }

    /// Who writes the file on this step's host, and reads it back. It is replaced as a whole, so it is the directory that counts, and
    /// not whose the file is that stands there.
    async fn writer(&self, cx: &Cx<'_>) -> Result<RunAs, Failure> {
        let directory = self.dest.rsplit_once('/').map_or("", |(directory, _)| directory);
        let directory = if directory.is_empty() { "/" } else { directory };
        ground::writer(cx.host, directory, &self.owner).await
    }

    /// Puts what a host received in its place, if it is what the source has.
    async fn place(
        &self,
        cx: &Cx<'_>,
        received: Received,
        wanted: &(String, u64),
    ) -> Result<Outcome, Failure> {
        let host = cx.host.name();
        let (digest, size) = wanted;
        if received.sha256 != *digest {
            self.discard(cx).await;
            return Err(Failure::not_verified(format!(
                "{host}: what arrived of {} is not what {} has: sha256 {}, not {digest}",
                self.src, self.from, received.sha256
            ))
            .state(format!("{} on {host} is as it was before", self.dest))
            .hint("run again; if it happens again, something writes to the source"));
        }
        let place = Command::script(PLACE, [relay::part(&self.dest), self.dest.clone()]);
        let output = cx.host.run(&place.run_as(received.writer)).await?;
        if !output.exit.success() {
            return Err(Failure::failed(format!(
                "{host}: failed to put {} in its place: {}",
                self.dest,
                output.err_text().trim()
            )));
        }
        Ok(
            Outcome::changed(format!("{} from {}, {size} bytes", self.dest, self.from))
                .with("sha256", digest.as_str())
                .with("size", *size)
                .with("sent", received.sent)
                .with(WHICH_KEY, received.which)
                .with("dest", self.dest.as_str()),
        )
    }
}

async fn digest(host: &dyn Host, path: &str, reader: &RunAs) -> Result<(String, u64), Failure> {
    let command = Command::script(DIGEST, [path]).run_as(reader.clone());
    let output = host.run(&command.deadline(LOOK)).await?;
    let text = output.text();
    let mut words = text.split_whitespace();
    let digest = words.next().filter(|word| word.len() == 64);
    let size = words.nth(1).and_then(|word| word.parse().ok());
    match (digest, size) {
        (Some(digest), Some(size)) if output.exit.success() => Ok((digest.to_owned(), size)),
        _ => Err(Failure::failed(format!(
            "{}: failed to read {path}: {}",
            host.name(),
            output.err_text().trim()
        ))),
    }
}

/// Which file is there, as [`relay::WHICH`] tells it; `None`: that cannot be told.
async fn which(host: &dyn Host, path: &str, reader: &RunAs) -> Result<Option<String>, Failure> {
    let look = Command::script(LOOK_WHICH, [path, relay::WHICH]).run_as(reader.clone());
    let output = host.run(&look).await?;
    let text = output.text().trim().to_owned();
    Ok((output.exit.success() && !text.is_empty()).then_some(text))
}

#[async_trait]
impl Module for Distribute {
    const NAME: &'static str = "distribute";
    const CONTRACT: Contract = Contract {
        concurrency: Concurrency::Parallel {
            allowed_by: "Upgrading a Federation: the federated backup is copied to the slave zones; no slave needs another for it",
        },
        order: Order::Inventory,
        recovery: Recovery::Inspect,
        privilege: Privilege::Root,
        expressions: &[],
    };
    const EXAMPLE: &'static str = "- name: Bring the federated backup to the slaves\n  distribute:\n    \
        from: \"{{ groups.master[0] }}\"\n    src: /var/lib/one/nebplay/federated.bck\n    \
        dest: /var/lib/one/nebplay/federated.bck\n";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        let mode = self.check()?;
        let host = cx.host.name();
        if host == self.from && self.src == self.dest {
            return Ok(Finding::no_change(format!("{} is the source itself", self.src)));
        }
        let source = self.source(cx).await?;
        let Some(at_source) = source.stat(&self.src, &RunAs::root()).await? else {
            return Ok(Finding::CannotTell(Change::new(format!(
                "bring {} from {}, where it is not yet",
                self.src, self.from
            ))));
        };
        let bring = || Finding::change(format!("bring {} from {} to {}", self.src, self.from, self.dest));
        let Some(stat) = cx.host.stat(&self.dest, &RunAs::root()).await? else {
            return Ok(bring());
        };
        if stat.kind != FileKind::File {
            return Err(Failure::unsafe_to_go_on(format!(
                "{host}: {} is there and is not a regular file",
                self.dest
            )));
        }
        let as_wanted = stat.mode == mode && stat.is_owner(&self.owner) && stat.is_group(&self.group);
        let wanted = if let Some(recorded) = self.recorded(at_source.size) {
            recorded
        } else {
            let reader = ground::reader(source.as_ref(), &self.src).await?;
            self.source_digest(source.as_ref(), &reader).await?
        };
        if as_wanted
            && stat.size == wanted.1
            && digest(cx.host, &self.dest, &self.writer(cx).await?).await? == wanted
        {
            return Ok(Finding::NoChange(
                Outcome::unchanged(format!("{} is there already", self.dest))
                    .with("sha256", wanted.0)
                    .with("size", wanted.1)
                    .with("dest", self.dest.as_str()),
            ));
        }
        Ok(bring())
    }
}

#[async_trait]
impl Together for Distribute {
    async fn apply_all(&self, targets: &[(&Cx<'_>, &Change)]) -> Vec<Result<Outcome, Failure>> {
        let Some((first, _)) = targets.first() else {
            return Vec::new();
        };
        let fail_all = |failure: &Failure| targets.iter().map(|_| Err(failure.clone())).collect();
        let source = match self.source(first).await {
            Ok(source) => source,
            Err(failure) => return fail_all(&failure),
        };
        let contexts: Vec<&Cx<'_>> = targets.iter().map(|(cx, _)| *cx).collect();
        let (reader, packing) = tokio::join!(
            ground::reader(source.as_ref(), &self.src),
            Packing::common(source.as_ref(), &contexts)
        );
        let reader = match reader {
            Ok(reader) => reader,
            Err(failure) => return fail_all(&failure),
        };
        // Where no digest was recorded, it is made from a reading of its own, beside the one that is relayed.
        let (wanted, received) = tokio::join!(
            self.wanted(source.as_ref(), &reader),
            relay::relay(source.as_ref(), &reader, self, &contexts, packing)
        );
        let wanted = match wanted {
            Ok(wanted) => self.confirmed(source.as_ref(), &reader, wanted, &received).await,
            Err(failure) => Err(failure),
        };
        let wanted = match wanted {
            Ok(wanted) => wanted,
            Err(failure) => {
                for cx in &contexts {
                    self.discard(cx).await;
                }
                return fail_all(&failure);
            }
        };
        let placed = contexts.iter().zip(received).map(|(cx, received)| {
            let wanted = &wanted;
            async move { self.place(cx, received?, wanted).await }
        });
        join_all(placed).await
    }

    async fn verify(&self, cx: &Cx<'_>, _: &Change, outcome: &mut Outcome) -> Result<(), Failure> {
        let host = cx.host.name();
        let read_back = outcome.result.shift_remove(WHICH_KEY);
        let read_back = read_back.as_ref().and_then(Value::as_str);
        let wanted = outcome
            .result
            .get("sha256")
            .and_then(Value::as_str)
            .unwrap_or_default();
        // The file that was read back, written to by nobody since, needs not be read a second time.
        let writer = self.writer(cx).await?;
        if which(cx.host, &self.dest, &writer).await?.as_deref() != read_back {
            let (found, _) = digest(cx.host, &self.dest, &writer).await?;
            if found != wanted {
                return Err(Failure::new(
                    FailureKind::NotVerified,
                    format!(
                        "{host}: {} reads back with sha256 {found}, not {wanted}",
                        self.dest
                    ),
                )
                .hint("look at the disk of this host"));
            }
        }
        let mode = self.check()?;
        match cx.host.stat(&self.dest, &RunAs::root()).await? {
            Some(stat) if stat.mode == mode && stat.is_owner(&self.owner) && stat.is_group(&self.group) => {
                outcome.result.insert("mode".to_owned(), json!(self.mode));
                Ok(())
            }
            Some(stat) => Err(Failure::not_verified(format!(
                "{host}: {} belongs to {}:{} with mode {:04o}, not to {}:{} with mode {}",
                self.dest, stat.owner, stat.group, stat.mode, self.owner, self.group, self.mode
            ))),
            None => Err(Failure::not_verified(format!(
                "{host}: {} is not there",
                self.dest
            ))),
        }
    }
}

#[cfg(test)]
mod tests;
