//! Module `onedb_restore_full`.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::guard::{absolute, stillness};
use super::{full, migration, record, task};
use crate::contract::{Contract, Order, Privilege, Recovery};
use crate::module::{Change, Cx, Effect, Failure, Finding, Module, Outcome};
use crate::opennebula::fingerprint::Fingerprints;
use crate::opennebula::onedb::version::{self, DbVersion};
use crate::opennebula::onedb::{Access, GivenDatabase};

/// Puts a zone's whole database back from a full backup: the way back, one zone at a time, once `package_restore` has put the
/// packages back that it belongs to.
///
/// What nebplay had closed when the backup was made (the zone, its hypervisor hosts) is closed in it, and is then opened again by
/// `zone_enable` and `host_enable`, also where they have done so since.
///
/// The present SQLite file is moved aside and kept (registered as `aside`); a restore into it would leave tables that a migration
/// made; on MySQL such tables are dropped. Proven by comparing the list of tables, the indexes and every table's content with the
/// backup. A master that goes back alone is out of step with its slaves, though every index may look equal: restore every zone
/// that was touched.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OnedbRestoreFull {
    /// Absolute path of the full backup on this host.
    src: String,
    /// What the backup must hold: `fingerprints` as `onedb_backup` registered them. Without it, what nebplay remembers of it.
    #[serde(default)]
    expect: Option<Fingerprints>,
    /// Connection parameters instead of those of oned.conf.
    #[serde(default)]
    database: Option<GivenDatabase>,
}

#[async_trait]
impl Module for OnedbRestoreFull {
    const NAME: &'static str = "onedb_restore_full";
    const CONTRACT: Contract = Contract::serial(Order::Inventory, Recovery::Job, Privilege::Oneadmin);
    const EXAMPLE: &'static str = "- name: Go back to the database as it was before the upgrade\n  onedb_restore_full:\n    \
        src: /var/lib/one/nebplay/full.bck\n";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        absolute("src", &self.src)?;
        let access = Access::of(cx, self.database.as_ref()).await?;
        task::settle(cx, &access, "onedb-restore-full").await?;
        stillness(cx, &access, "restore the database").await?;
        let Some((size, wanted)) = full::trusted(cx, &access, &self.src, self.expect.as_ref()).await? else {
            return Ok(Finding::CannotTell(Change::new(format!(
                "restore {}, which is not there yet",
                self.src
            ))));
        };
        fits_programs(cx, &access, &self.src, &wanted).await?;
        let differences = full::differences(cx, &access, &wanted).await?;
        if differences.is_empty() {
            if migration::is_marked(cx).await? {
                let change = Change::new("take note that a migration which was begun has left nothing");
                return Ok(Finding::Change(change.seen(json!({AS_IT_WAS: true}))));
            }
            return Ok(Finding::no_change(format!(
                "the database is that of {}",
                self.src
            )));
        }
        full::enough_room(cx, &access, size).await?;
        let aside = full::aside(cx, &access);
        let mut change = Change::new(match &aside {
            Some(aside) => format!("move {} to {aside} and restore {}", access.describe(), self.src),
            None => format!(
                "restore {} into {}, and drop tables that are not in it",
                self.src,
                access.describe()
            ),
        });
        change.what.extend(differences);
        Ok(Finding::Change(change.seen(json!({"aside": aside}))))
    }
}

/// An older backup that was found in the place of the right one must not take the right one's place in the database as well.
async fn fits_programs(cx: &Cx<'_>, access: &Access, src: &str, dump: &Fingerprints) -> Result<(), Failure> {
    // Of a database that cannot be read, which may be why it is put back, nothing is known.
    let Ok(DbVersion {
        required_local: Some(needed),
        ..
    }) = version::read(cx.host, access).await
    else {
        return Ok(());
    };
    match &dump.local_version {
        Some(its) if *its != needed => Err(Failure::unsafe_to_go_on(format!(
            "{}: {src} is of a database of {its}, and the programs that are installed need one of {needed}",
            cx.host.name()
        ))
        .hint(
            "put the packages back first that the backup belongs to (package_restore), or name the right backup",
        )),
        _ => Ok(()),
    }
}

/// Nothing is to be restored: only the mark of a migration is to be removed.
const AS_IT_WAS: &str = "as_it_was";

fn is_as_it_was(change: &Change) -> bool {
    change.seen.get(AS_IT_WAS).is_some()
}

fn aside_of(change: &Change) -> Option<&str> {
    change.seen.get("aside").and_then(Value::as_str)
}

#[async_trait]
impl Effect for OnedbRestoreFull {
    async fn apply(&self, cx: &Cx<'_>, change: &Change) -> Result<Outcome, Failure> {
        let access = Access::of(cx, self.database.as_ref()).await?;
        if is_as_it_was(change) {
            return Ok(Outcome::changed(format!("the database is that of {}", self.src)));
        }
        let trusted = full::trusted(cx, &access, &self.src, self.expect.as_ref()).await?;
        let Some((_, wanted)) = trusted else {
            return Err(Failure::failed(format!(
                "{}: there is no backup {}",
                cx.host.name(),
                self.src
            )));
        };
        let aside = aside_of(change)
            .map(str::to_owned)
            .or_else(|| full::aside(cx, &access));
        // First: whoever is cut off after the restore finds it done, and would never know that the zone in it is closed.
        record::closed_again(cx.host, &self.src).await?;
        full::restore(cx, &access, &self.src, &wanted, aside.as_deref()).await?;
        Ok(Outcome::changed(format!("restored {}", self.src)).with("aside", aside))
    }

    async fn verify(&self, cx: &Cx<'_>, change: &Change, outcome: &mut Outcome) -> Result<(), Failure> {
        let access = Access::of(cx, self.database.as_ref()).await?;
        let aside = outcome
            .result
            .get("aside")
            .and_then(Value::as_str)
            .map(str::to_owned);
        let Some((_, wanted)) = full::trusted(cx, &access, &self.src, self.expect.as_ref()).await? else {
            return Err(Failure::not_verified(format!(
                "{}: {} is gone",
                cx.host.name(),
                self.src
            )));
        };
        full::prove(cx, &access, &self.src, &wanted, aside.as_deref()).await?;
        // A migration that was begun is undone by this.
        migration::forget(cx).await?;
        outcome.result.insert("rows".to_owned(), wanted.rows().into());
        if is_as_it_was(change) {
            return Ok(());
        }
        let kept = aside
            .map(|aside| format!("; the database that was there is {aside}"))
            .unwrap_or_default();
        outcome.message = Some(format!(
            "restored {}: {} rows in {} tables, equal to the backup{kept}",
            self.src,
            wanted.rows(),
            wanted.tables.len()
        ));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
