//! What a database says about a migration that was cut off.

use crate::database::migration::Migration;
use crate::opennebula::conf::Mode;
use crate::opennebula::fingerprint::Fingerprints;
use crate::opennebula::onedb::Access;
use crate::opennebula::onedb::version::{DbVersion, Standing};

/// Why this looks like a migration that was cut off; empty: it does not.
pub(super) fn signs(
    access: &Access,
    now: &Fingerprints,
    mark: Option<&Migration>,
    version: &DbVersion,
    backed_up: &Fingerprints,
) -> Vec<String> {
    if version.state == Standing::NotBootstrapped {
        return vec!["there is no database any more, or an empty one".to_owned()];
    }
    let mut signs = Vec::new();
    if mark.is_some() {
        signs.push("nebplay started a migration and its end was never proven".to_owned());
    }
    // On a slave this is what a restored federated backup looks like.
    if access.mode != Mode::Slave
        && version.shared == version.required_shared
        && version.local != version.required_local
    {
        signs.push("the shared tables are migrated and the zone's own are not".to_owned());
    }
    signs.extend(
        now.leftovers()
            .iter()
            .map(|name| format!("{name} was left behind by a migrator")),
    );
    let lost = backed_up.indexes.difference(&now.indexes);
    let lost = lost.filter(|name| access.mode != Mode::Slave || !replaced_on_purpose(name));
    signs.extend(lost.map(|name| format!("the index {name} is missing")));
    signs
}

/// Why a full backup looks as if it had been made in the middle of a migration; empty: it does not.
pub(super) fn half_migrated(access: &Access, version: &DbVersion, backed_up: &Fingerprints) -> Vec<String> {
    let mut signs: Vec<String> = backed_up
        .leftovers()
        .iter()
        .map(|name| format!("{name} was left behind by a migrator"))
        .collect();
    if access.mode != Mode::Slave
        && backed_up.shared_version.is_some()
        && backed_up.shared_version == version.required_shared
        && backed_up.local_version != version.required_local
    {
        signs.push("its shared tables are migrated and its own are not".to_owned());
    }
    signs
}

/// A federated restore makes the log anew, without its indexes.
fn replaced_on_purpose(index: &str) -> bool {
    ["fed_index_idx", "applied_idx"]
        .iter()
        .any(|name| index.ends_with(name))
}

/// How the database differs from its backup, where nothing should have run since; a slave's federated tables are the master's by now.
pub(super) fn drift(access: &Access, now: &Fingerprints, backed_up: &Fingerprints) -> Vec<String> {
    if access.mode == Mode::Slave {
        now.local().differences(&backed_up.local())
    } else {
        now.differences(backed_up)
    }
}
