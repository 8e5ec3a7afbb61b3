//! Module `onedb_room`.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use super::guard::{absolute, room};
use super::onedb_backup::{ROOM_FACTOR, database_size, parent};
use crate::contract::{Contract, Privilege};
use crate::module::{Cx, Failure, Finding, Module, Outcome};
use crate::opennebula::onedb::{Access, GivenDatabase};

/// Checks that there is room for dumps: three times the database, where the dump goes and where the database is.
///
/// `onedb_backup` checks the same before it writes. Run this before the window opens, beside a zone that runs: on a full disk onedb
/// writes a cut dump and exits 0. Registers `database_size` in bytes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OnedbRoom {
    /// Absolute path of the dump that will be written; its directory need not be there yet.
    dest: String,
    /// Connection parameters instead of those of oned.conf.
    #[serde(default)]
    database: Option<GivenDatabase>,
}

#[async_trait]
impl Module for OnedbRoom {
    const NAME: &'static str = "onedb_room";
    const CONTRACT: Contract = Contract::reads(Privilege::Root);
    const EXAMPLE: &'static str =
        "- name: There is room for the dumps\n  onedb_room:\n    dest: /var/lib/one/nebplay/full.bck\n";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        absolute("dest", &self.dest)?;
        let access = Access::of(cx, self.database.as_ref()).await?;
        let size = database_size(cx, &access).await?;
        let need = size.saturating_mul(ROOM_FACTOR);
        room(cx, &[(parent(&self.dest), need), (access.room(), need)]).await?;
        let message = format!("there is room for three times the database ({size} bytes)");
        Ok(Finding::NoChange(
            Outcome::unchanged(message).with("database_size", size),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::FailureKind;
    use crate::opennebula::onedb::fake;
    use crate::testing::FakeWorld;
    use serde_json::json;

    #[tokio::test]
    async fn too_little_is_found_out_beforehand_and_beside_a_running_zone() {
        let world = FakeWorld::default();
        let module: OnedbRoom =
            serde_json::from_value(json!({"dest": "/var/lib/one/not/yet/full.bck"})).unwrap();
        let host = fake::front_end("m", "MASTER");
        host.write("/var/lock/one/one", "1");
        assert!(module.inspect(&world.cx_of(&host)).await.is_ok());
        host.program("df", "printf 'Filesystem x y z\\n/dev/x 9 9 7 1%% /\\n'");
        let failure = module.inspect(&world.cx_of(&host)).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unsafe);
        assert!(failure.message.contains("7 KiB free"), "{}", failure.message);
    }
}
