//! Module `onedb_fsck`.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use super::guard::{absolute, stillness};
use super::task;
use crate::contract::{Contract, Order, Privilege, Recovery};
use crate::host::Exit;
use crate::module::{Change, Cx, Effect, Failure, Finding, Module, Outcome};
use crate::opennebula::conf::Mode;
use crate::opennebula::onedb::output::{self, FsckSaid};
use crate::opennebula::onedb::{Access, GivenDatabase, LOOK};

/// Checks a zone's database with `onedb fsck`, and repairs it only when told to.
///
/// Its exit status says nothing by itself: 7.0 exits 0 with errors, 7.2 exits 1 for every error found, repaired or not, and a slave
/// keeps errors for ever that only the master could repair. Registers `found`, `repairable`, `unrepairable` and `errors`. A repair
/// in a slave may change federated tables there and is refused unless forced.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OnedbFsck {
    /// Only look: may run beside oned, and changes nothing.
    #[serde(default = "yes")]
    dry: bool,
    /// Where a repair's backup goes: absolute path of a file that is not there yet. Needed to repair.
    #[serde(default)]
    backup: Option<String>,
    /// Repair in a slave too.
    #[serde(default)]
    force: bool,
    /// Fail if there is any error except those a slave always has.
    #[serde(default)]
    strict: bool,
    /// Connection parameters instead of those of oned.conf.
    #[serde(default)]
    database: Option<GivenDatabase>,
}

fn yes() -> bool {
    true
}

/// What every slave has: ids of federated pools are given by the master, and the slave's own counters stay behind.
fn always_in_a_slave(text: &str) -> bool {
    text.starts_with("pool_control for table ") && text.contains(" has last_oid ")
}

impl OnedbFsck {
    async fn look(&self, cx: &Cx<'_>, access: &Access) -> Result<FsckSaid, Failure> {
        let output = cx
            .host
            .run(&access.onedb(&["fsck", "--dry"], None).deadline(LOOK))
            .await?;
        read(cx, access, output.exit, &output.text(), &output.err_text())
    }

    fn outcome(&self, cx: &Cx<'_>, access: &Access, said: &FsckSaid) -> Result<Outcome, Failure> {
        let serious: Vec<&str> = said
            .errors
            .iter()
            .filter(|error| {
                access.mode != Mode::Slave || !(error.in_master_only || always_in_a_slave(&error.text))
            })
            .map(|error| error.text.as_str())
            .collect();
        if self.strict && !serious.is_empty() {
            return Err(Failure::failed(format!(
                "{}: onedb fsck found {} errors: {}",
                cx.host.name(),
                serious.len(),
                serious.join("; ")
            ))
            .hint("look at them one by one; repairing removes references that fsck believes to be wrong"));
        }
        let summary = match (said.found, serious.len()) {
            (0, _) => "no errors".to_owned(),
            (found, 0) => format!("{} that every slave has, and no others", errors(found)),
            (found, serious) => format!("{}, {serious} to look at", errors(found)),
        };
        let mut outcome = Outcome::unchanged(summary)
            .with("found", said.found)
            .with("repairable", said.repairable)
            .with("unrepairable", said.unrepairable)
            .with("errors", serde_json::to_value(&said.errors).unwrap_or_default());
        for error in serious {
            outcome = outcome.warn(format!("onedb fsck: {error}"));
        }
        Ok(outcome)
    }
}

fn errors(count: u64) -> String {
    if count == 1 {
        "1 error".to_owned()
    } else {
        format!("{count} errors")
    }
}

/// Reads an answer by its totals; without them it could not run, whatever its exit status.
fn read(cx: &Cx<'_>, access: &Access, exit: Exit, stdout: &str, stderr: &str) -> Result<FsckSaid, Failure> {
    let ran = matches!(exit, Exit::Code(0 | 1));
    match output::fsck(stdout) {
        Some(said) if ran => Ok(said),
        _ => {
            let words = format!("{stdout}{stderr}");
            let failure = Failure::failed(format!(
                "{}: onedb fsck could not run: {exit}\n{}",
                cx.host.name(),
                access.scrub(words.trim())
            ));
            Err(output::explain(failure, &words))
        }
    }
}

#[async_trait]
impl Module for OnedbFsck {
    const NAME: &'static str = "onedb_fsck";
    const CONTRACT: Contract = Contract::serial(Order::Inventory, Recovery::Inspect, Privilege::Oneadmin);
    const EXAMPLE: &'static str =
        "- name: Check the upgraded database\n  onedb_fsck:\n    dry: true\n  register: fsck\n";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        let access = Access::of(cx, self.database.as_ref()).await?;
        if !self.dry {
            match &self.backup {
                Some(path) => absolute("backup", path)?,
                None => return Err(Failure::failed("a repairing fsck needs `backup`")),
            }
        }
        let said = self.look(cx, &access).await?;
        let outcome = self.outcome(cx, &access, &said)?;
        let repairs = said.errors.iter().filter(|error| !error.unrepaired).count();
        if self.dry || repairs == 0 {
            return Ok(Finding::NoChange(outcome));
        }
        if access.mode == Mode::Slave && !self.force {
            return Err(Failure::unsafe_to_go_on(format!(
                "{}: refused to repair in a slave: it may change federated tables, which are the master's",
                cx.host.name()
            ))
            .hint("repair in the master, or say `force: true`"));
        }
        stillness(cx, &access, "repair the database").await?;
        let mut change = Change::new(format!("repair {repairs} errors"));
        change
            .what
            .extend(said.errors.into_iter().map(|error| error.text));
        Ok(Finding::Change(change))
    }
}

#[async_trait]
impl Effect for OnedbFsck {
    async fn apply(&self, cx: &Cx<'_>, _: &Change) -> Result<Outcome, Failure> {
        let access = Access::of(cx, self.database.as_ref()).await?;
        let backup = self.backup.as_deref().unwrap_or_default();
        let script =
            "# nebplay: onedb fsck\numask 077\nbackup=$1\nshift\nexec onedb fsck -b \"$backup\" \"$@\"";
        let command = access.script_with_options(script, &[backup]);
        let end = task::run(cx, &access, "onedb-fsck", command).await?;
        let (stdout, stderr) = (
            String::from_utf8_lossy(&end.stdout),
            String::from_utf8_lossy(&end.stderr),
        );
        let said =
            read(cx, &access, end.exit.unwrap_or(Exit::Code(255)), &stdout, &stderr).map_err(|failure| {
                failure.state(format!(
                    "if a repair had begun, {backup} is the database before it"
                ))
            })?;
        Ok(Outcome::changed(format!("repaired {} errors", said.repairable)).with("backup", backup))
    }

    async fn verify(&self, cx: &Cx<'_>, _: &Change, outcome: &mut Outcome) -> Result<(), Failure> {
        let access = Access::of(cx, self.database.as_ref()).await?;
        let said = self.look(cx, &access).await?;
        let left: Vec<String> = said
            .errors
            .into_iter()
            .filter(|error| !error.unrepaired)
            .map(|error| error.text)
            .collect();
        if left.is_empty() {
            outcome
                .result
                .insert("unrepairable".to_owned(), said.unrepairable.into());
            return Ok(());
        }
        Err(Failure::not_verified(format!(
            "{}: after the repair these errors are still there: {}",
            cx.host.name(),
            left.join("; ")
        )))
    }
}

#[cfg(test)]
mod tests;
