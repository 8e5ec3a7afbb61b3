//! `package_facts`: which packages are installed, and in what state.

use std::collections::BTreeMap;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::apt::{self, Package};
use super::selection::PATTERNS;
use crate::contract::{Contract, Privilege};
use crate::module::{Cx, Failure, Finding, Module, Outcome};

/// Reads which packages are installed and in what state.
///
/// Sets the fact `packages` in Ansible's shape, and registers `incomplete` (packages whose installation was cut off) and `held`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PackageFacts {
    /// Names, with wildcards; all packages unless said.
    #[serde(default = "all")]
    names: Vec<String>,
    /// Fail if an OpenNebula package is half-configured or held back.
    #[serde(default)]
    must_be_clean: bool,
}

fn all() -> Vec<String> {
    vec!["*".to_owned()]
}

fn names<'a>(packages: impl Iterator<Item = &'a Package>) -> Vec<String> {
    packages.map(|package| package.name.clone()).collect()
}

#[async_trait]
impl Module for PackageFacts {
    const NAME: &'static str = "package_facts";
    const CONTRACT: Contract = Contract::reads(Privilege::AsTask);
    const EXAMPLE: &'static str = "\
- name: no package is half-configured or held
  package_facts:
    names: [opennebula*]
    must_be_clean: true
";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        let packages = apt::packages(cx, &self.names).await?;
        let incomplete = names(packages.values().filter(|package| !package.complete()));
        let held = names(packages.values().filter(|package| package.held));
        if self.must_be_clean {
            clean(cx, &incomplete, &held).await?;
        }
        let shape = |package: &Package| json!([{"name": package.name, "version": package.version, "arch": package.arch, "source": "apt"}]);
        let facts: BTreeMap<&str, Value> = packages
            .values()
            .map(|package| (package.name.as_str(), shape(package)))
            .collect();
        let mut outcome = Outcome::unchanged(format!("{} packages", packages.len()))
            .with("incomplete", incomplete)
            .with("held", held);
        outcome.facts.insert("packages".to_owned(), json!(facts));
        Ok(Finding::NoChange(outcome))
    }
}

async fn clean(cx: &Cx<'_>, incomplete: &[String], held: &[String]) -> Result<(), Failure> {
    let patterns = PATTERNS.map(str::to_owned);
    let ours = apt::packages(cx, &patterns).await?;
    let of_ours = |list: &[String]| {
        list.iter()
            .filter(|name| ours.contains_key(*name))
            .cloned()
            .collect::<Vec<_>>()
    };
    let (incomplete, held) = (of_ours(incomplete), of_ours(held));
    if !incomplete.is_empty() {
        return Err(Failure::unsafe_to_go_on(format!(
            "{}: half-configured: {}",
            cx.host.name(),
            incomplete.join(", ")
        ))
        .hint("dpkg --configure -a --force-confdef --force-confold, then look at why it was cut off"));
    }
    if !held.is_empty() {
        return Err(
            Failure::unsafe_to_go_on(format!("{}: held back: {}", cx.host.name(), held.join(", ")))
                .hint(format!("apt-mark unhold {}", held.join(" "))),
        );
    }
    Ok(())
}
