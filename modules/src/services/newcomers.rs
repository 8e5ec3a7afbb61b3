//! Units that came to a host after its services were stopped, as a package of a new version brings them.
//!
//! Nothing masked them when the others were, so a reboot in the middle of the night would start them. They are held down as the
//! others are, and noted as they came, so that `service_start` takes the mask off in the phase that starts what is theirs.

use std::collections::BTreeMap;

use super::service_stop::{Before, NOTE};
use super::snapshot::{self, Scope, in_short};
use crate::host::Command;
use crate::memory;
use crate::module::{Cx, Failure};

/// The units that are not held down, while those that nebplay has stopped are. None where nebplay has masked nothing.
pub(crate) async fn newcomers(cx: &Cx<'_>) -> Result<Vec<String>, Failure> {
    let note: Option<BTreeMap<String, Before>> = memory::recall(cx.host, NOTE).await?;
    let Some(note) = note else {
        return Ok(Vec::new());
    };
    let units = snapshot::look(cx, &[]).await?.units;
    let masked_by_us = |(name, before): (&String, &Before)| {
        !before.masked && units.get(name).is_some_and(snapshot::Unit::masked)
    };
    if !note.iter().any(masked_by_us) {
        return Ok(Vec::new());
    }
    // A noted one may have been cut off between note and mask. What is oned's is unmasked before the rest, and then stays so.
    let ours = |name: &str| {
        note.get(name)
            .is_none_or(|before| !before.masked && Scope::Related.covers(name))
    };
    let new = units
        .iter()
        .filter(|(name, unit)| !unit.held_down() && ours(name));
    Ok(new.map(|(name, _)| name.clone()).collect())
}

/// Notes newcomers as they are, then masks them: a mask that nobody remembers would never be taken off.
pub(crate) async fn hold_down(cx: &Cx<'_>, names: &[String]) -> Result<(), Failure> {
    let mut note: BTreeMap<String, Before> = memory::recall(cx.host, NOTE).await?.unwrap_or_default();
    let units = snapshot::look(cx, names).await?.units;
    for name in names {
        if let Some(unit) = units.get(name) {
            note.entry(name.clone()).or_insert(Before {
                up: false,
                masked: false,
                enabled: unit.enabled(),
            });
        }
    }
    memory::overwrite(cx.host, NOTE, &note).await?;
    let words = ["systemctl", "mask", "--"].map(str::to_owned);
    let command = Command::new(words.into_iter().chain(names.iter().cloned())).as_root();
    let output = cx.host.run(&command).await?;
    if output.exit.success() {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "{}: failed to mask {}: {}",
        cx.host.name(),
        in_short(names.iter().map(String::as_str)),
        output.err_text().trim()
    ))
    .state("the new packages are installed; these units may be started at the next boot")
    .hint("mask them with systemctl, or run the playbook again"))
}

/// What is to be done about newcomers, in words; none: there are none.
pub(crate) fn in_words(names: &[String]) -> Option<String> {
    (!names.is_empty()).then(|| format!("mask {}", in_short(names.iter().map(String::as_str))))
}
