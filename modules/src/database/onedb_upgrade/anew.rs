//! A migration that was cut off or failed: what it left, and how it is begun anew.

use super::OnedbUpgrade;
use crate::database::migration::{self, Migration, Stage};
use crate::database::{full, task};
use crate::module::{Cx, Failure};
use crate::opennebula::conf::Mode;
use crate::opennebula::dump;
use crate::opennebula::fingerprint::{Fingerprints, all_tables};
use crate::opennebula::onedb::version;
use crate::opennebula::onedb::{Access, output};

impl OnedbUpgrade {
    /// Fails unless the database can be put back to where the migration began, without losing what was written since the backup.
    pub(super) async fn can_begin_again(
        &self,
        cx: &Cx<'_>,
        access: &Access,
        mark: Option<&Migration>,
        now: &Fingerprints,
        backed_up: &Fingerprints,
        signs: &[String],
    ) -> Result<(), Failure> {
        let refused = |why: &str| {
            Failure::unsafe_to_go_on(format!(
                "{}: an earlier migration was cut off ({}); run again as it is, it would exit 0 and lose rows. The database must \
                 be put back first, and {why}",
                cx.host.name(),
                signs.join("; ")
            ))
            .state("the database is half migrated. Never start oned on it")
            .hint("put the right full backup back with onedb_restore_full (a slave: then onedb_restore), and run this again")
        };
        let slave = access.mode == Mode::Slave;
        if let Some(mark) = mark.filter(|mark| mark.stage == Stage::Migrating) {
            let began = if slave {
                backed_up.local().differences(&mark.before.local())
            } else {
                backed_up.differences(&mark.before)
            };
            if !began.is_empty() {
                return Err(refused(&format!(
                    "{} is not what it was begun with: {}",
                    self.backup,
                    began.join("; ")
                )));
            }
        }
        if mark.is_none() && slave {
            return Err(refused(
                "nebplay did not start it, so it cannot tell what this slave held",
            ));
        }
        // No migrator touches the log's rows: more of them mean that the zone has run since the backup.
        if mark.is_none() && now.tables.get("logdb") != backed_up.tables.get("logdb") {
            return Err(refused(&format!(
                "the zone has written since {} was made",
                self.backup
            )));
        }
        if slave {
            let Some(federated) = &self.federated_backup else {
                return Err(refused(
                    "federated_backup is not given: this slave's own backup has the old federated tables",
                ));
            };
            if dump::proven(cx.host, access, federated, true).await?.is_none() {
                return Err(refused(&format!("there is no federated dump {federated}")));
            }
        }
        Ok(())
    }

    /// Puts the database back to where the migration began, and proves it.
    pub(super) async fn begin_again(&self, cx: &Cx<'_>, access: &Access) -> Result<(), Failure> {
        let gone = |path: &str| Failure::failed(format!("{}: {path} is gone", cx.host.name()));
        let (_, wanted) = full::trusted(cx, access, &self.backup, None)
            .await?
            .ok_or_else(|| gone(&self.backup))?;
        let aside = full::aside(cx, access);
        full::restore(cx, access, &self.backup, &wanted, aside.as_deref()).await?;
        full::prove(cx, access, &self.backup, &wanted, aside.as_deref()).await?;
        if access.mode != Mode::Slave {
            return Ok(());
        }
        let path = self.federated_backup.as_deref().unwrap_or_default();
        let (_, federated) = dump::proven(cx.host, access, path, true)
            .await?
            .ok_or_else(|| gone(path))?;
        let command = access.onedb(&["restore", "-v", "--federated"], Some(path));
        let end = task::run(cx, access, "onedb-restore-again", command).await?;
        task::succeeded(cx, access, "onedb restore", &end)?;
        let now = all_tables(cx.host, access).await?;
        let mut differences = now.federated().differences(&federated.federated());
        differences.extend(now.local().differences(&wanted.local()));
        if differences.is_empty() {
            Ok(())
        } else {
            Err(Failure::not_verified(format!(
                "{}: the slave could not be put back to where its migration began: {}",
                cx.host.name(),
                differences.join("; ")
            )))
        }
    }

    /// What a migration that reported failure left: onedb claims to have put the old data back.
    pub(super) async fn failed(
        &self,
        cx: &Cx<'_>,
        access: &Access,
        mark: &Migration,
        failure: Failure,
        said: &str,
    ) -> Failure {
        let claim = if output::upgrade(said).put_back {
            "onedb says that it put the old data back"
        } else {
            "onedb does not say that it put the old data back"
        };
        // A killed one leaves an open transaction, which no reader can look through; onedb undoes it.
        let _ = version::read(cx.host, access).await;
        match full::differences(cx, access, &mark.before).await {
            Ok(differences) if differences.is_empty() => {
                let proof = format!("{claim}, and it did: every table and index is as before");
                match migration::forget(cx).await {
                    Ok(()) => failure.state(proof),
                    Err(also) => failure.state(format!("{proof} ({})", also.message)),
                }
            }
            Ok(differences) => failure
                .state(format!(
                    "{claim}, and the database is not as it was: {}. Never start oned on it",
                    differences.join("; ")
                ))
                .hint(format!(
                    "run again: the database is first put back from {}",
                    self.backup
                )),
            Err(unknown) => failure.state(format!("{claim}; whether it did is unknown: {}", unknown.message)),
        }
    }
}
