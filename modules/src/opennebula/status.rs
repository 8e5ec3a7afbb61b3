//! All that can be told of a zone from its front-end, at a glance. A host that answers half tells half, and why not the rest.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::host::Command;
use crate::module::{Cx, Failure};
use crate::opennebula::conf::{Mode, OnedConf, read_conf};
use crate::opennebula::local::LocalOned;
use crate::opennebula::onedb::{Access, version};
use crate::opennebula::version::{Version, of_oned};
use crate::opennebula::xmlrpc::{Code, RpcError};
use crate::opennebula::zone::{self, FedIndex, Pool, ZoneState};

/// A value, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Known<T> {
    /// This.
    Value(T),
    /// Not known, for this reason.
    Unknown(String),
}

impl<T> Known<T> {
    /// The value, where there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// Why there is none.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Value(_) => None,
            Self::Unknown(why) => Some(why),
        }
    }

    fn of<E: ToString>(result: Result<T, E>) -> Self {
        match result {
            Ok(value) => Self::Value(value),
            Err(error) => Self::Unknown(error.to_string()),
        }
    }

    fn of_failure(result: Result<T, Failure>) -> Self {
        Self::of(result.map_err(|failure| failure.message))
    }
}

/// What oned.conf says that an operator wants to see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfStatus {
    /// FEDERATION/ZONE_ID.
    pub zone_id: u32,
    /// FEDERATION/MODE.
    pub mode: Mode,
    /// FEDERATION/SERVER_ID, in an HA zone.
    pub server_id: Option<u32>,
    /// FEDERATION/MASTER_ONED.
    pub master_oned: Option<String>,
    /// `sqlite` or `mysql`.
    pub backend: &'static str,
}

/// What the running oned says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiStatus {
    /// Its version.
    pub version: String,
    /// How far its federated log is.
    pub fed_index: FedIndex,
    /// The zone's stored state.
    pub state: ZoneState,
    /// The zone's name.
    pub name: String,
    /// The zone's endpoint.
    pub endpoint: String,
    /// All zones it knows.
    #[serde(skip)]
    pub pool: Pool,
}

/// Why the API did not say it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiSilence {
    /// In words.
    pub why: String,
    /// Whether oned answered and did not accept oneadmin's session.
    pub bad_auth: bool,
    /// Whether nothing listens: oned is down.
    pub down: bool,
}

/// What the machine says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MachineStatus {
    /// Installed packages `opennebula*` and their versions.
    pub packages: BTreeMap<String, String>,
    /// Units `opennebula*` and their state: `active`, `inactive`, `failed`, …
    pub units: BTreeMap<String, String>,
    /// Units that are masked.
    pub masked: Vec<String>,
    /// oned's lock file: `none`, `live`, or `stale` (which blocks onedb).
    pub lock: String,
    /// Whether `api_block` keeps the API out.
    pub blocked: bool,
}

/// A zone, as its front-end tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ZoneStatus {
    /// Inventory name of the front-end.
    pub host: String,
    /// From oned.conf.
    pub conf: Known<ConfStatus>,
    /// From the running oned.
    pub api: Result<ApiStatus, ApiSilence>,
    /// Version of the installed oned.
    pub oned_version: Known<Version>,
    /// Versions of the database and what the programs need.
    pub database: Known<version::DbVersion>,
    /// From the machine.
    pub machine: Known<MachineStatus>,
}

impl ZoneStatus {
    /// Whether the zone takes writes: oned answers, and it is neither disabled nor blocked. `None`: not known.
    pub fn open(&self) -> Option<bool> {
        let Ok(api) = &self.api else {
            return Some(false);
        };
        Some(api.state == ZoneState::Enabled && !self.machine.value()?.blocked)
    }

    /// Whether oned runs and yet nothing listens for us: TCP forwarding is off, or it has not finished starting.
    pub fn out_of_reach(&self) -> bool {
        let runs = self.machine.value().is_some_and(|machine| machine.lock == "live");
        runs && self.api.as_ref().is_err_and(|silence| silence.down)
    }

    /// How the API is kept out, in a word for a table.
    pub fn kept_out(&self) -> &'static str {
        let blocked = self.machine.value().is_some_and(|machine| machine.blocked);
        match &self.api {
            Err(silence) if silence.down && !self.out_of_reach() => "stopped",
            Err(_) => "unknown",
            Ok(api) => match (api.state, blocked) {
                (ZoneState::Disabled, true) => "disabled, blocked",
                (ZoneState::Disabled, false) => "disabled",
                (ZoneState::Enabled, true) => "blocked",
                (ZoneState::Enabled, false) => "open",
            },
        }
    }
}

/// Looks at the zone of this front-end. Never fails as a whole.
pub async fn zone_status(cx: &Cx<'_>) -> ZoneStatus {
    let conf = read_conf(cx).await;
    ZoneStatus {
        host: cx.host.name().to_owned(),
        api: api_status(cx).await,
        oned_version: Known::of_failure(of_oned(cx.host).await),
        database: Known::of_failure(database(cx).await),
        machine: Known::of_failure(machine(cx).await),
        conf: Known::of_failure(conf.map(|conf| conf_status(&conf))),
    }
}

fn conf_status(conf: &OnedConf) -> ConfStatus {
    ConfStatus {
        zone_id: conf.federation.zone_id,
        mode: conf.federation.mode,
        server_id: conf.federation.server_id,
        master_oned: conf.federation.master_oned.clone(),
        backend: conf.db.name(),
    }
}

async fn api_status(cx: &Cx<'_>) -> Result<ApiStatus, ApiSilence> {
    let oned = LocalOned::of(cx.host, cx.secrets)
        .await
        .map_err(|failure| ApiSilence {
            why: failure.message,
            bad_auth: false,
            down: false,
        })?;
    let client = oned.client(cx.host);
    let ask = async {
        let pool = zone::pool(&client).await?;
        let own = zone::find(&pool, oned.conf.federation.zone_id);
        let own = own.ok_or_else(|| {
            let id = oned.conf.federation.zone_id;
            client.malformed(format!("its pool has no zone {id}, which oned.conf says it is"))
        })?;
        Ok(ApiStatus {
            version: zone::system_version(&client).await?,
            fed_index: zone::raft_status(&client).await?.fed_index,
            state: own.state,
            name: own.name.clone(),
            endpoint: own.endpoint.clone(),
            pool,
        })
    };
    ask.await.map_err(|error: RpcError| ApiSilence {
        bad_auth: matches!(
            error,
            RpcError::Refused {
                code: Code::Authentication | Code::Authorization,
                ..
            }
        ),
        down: error.nothing_listens(),
        why: error.to_string(),
    })
}

async fn database(cx: &Cx<'_>) -> Result<version::DbVersion, Failure> {
    let access = Access::of(cx, None).await?;
    version::read(cx.host, &access).await
}

/// Every section's failure is that section's silence, except of the whole script.
const LOOK: &str = r"
export LC_ALL=C
echo '=== packages'
dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\n' 'opennebula*' 2>/dev/null
echo '=== units'
systemctl list-units --all --plain --no-legend --full 'opennebula*' 2>/dev/null
echo '=== masked'
systemctl list-unit-files --state=masked --no-legend --full 'opennebula*' 2>/dev/null
echo '=== lock'
if [ -e /var/lock/one/one ]; then
  # The file is empty: whether it is somebody's only the process table tells.
  if pgrep -x oned >/dev/null; then echo live; else echo stale; fi
else echo none; fi
echo '=== blocked'
nft list table inet nebplay >/dev/null 2>&1 && echo yes
echo '=== end'
";

async fn machine(cx: &Cx<'_>) -> Result<MachineStatus, Failure> {
    let output = cx
        .host
        .run(&Command::script(LOOK, Vec::<String>::new()).as_root())
        .await?;
    parse_machine(&output.text()).ok_or_else(|| {
        Failure::failed(format!(
            "{}: the look at packages and units was cut off: {}",
            cx.host.name(),
            output.err_text().trim()
        ))
    })
}

fn parse_machine(text: &str) -> Option<MachineStatus> {
    let mut status = MachineStatus::default();
    let mut section = "";
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("=== ") {
            section = name;
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        match (section, words.as_slice()) {
            // Known to dpkg and not there: removed, or only wanted by another.
            ("packages", [_, _, "config-files" | "not-installed"]) => {}
            ("packages", [name, version, "installed"]) => {
                status.packages.insert((*name).to_owned(), (*version).to_owned());
            }
            ("packages", [name, version, state]) => {
                status
                    .packages
                    .insert((*name).to_owned(), format!("{version} ({state})"));
            }
            ("units", [unit, load, active, ..]) if *load != "not-found" => {
                status.units.insert((*unit).to_owned(), (*active).to_owned());
            }
            ("masked", [unit, ..]) => status.masked.push((*unit).to_owned()),
            ("lock", [state]) => (*state).clone_into(&mut status.lock),
            ("blocked", ["yes"]) => status.blocked = true,
            _ => {}
        }
    }
    (section == "end").then_some(status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::federation::cloud::Cloud;
    use crate::testing::FakeHost;

    const MACHINE: &str = "=== packages\nopennebula 7.0.0-1 installed\nopennebula-flow 7.0.0-1 config-files\n\
        opennebula-tools 7.2.0-1 unpacked\n=== units\nopennebula.service loaded active running OpenNebula\n\
        opennebula-guacd.service not-found inactive dead x\nopennebula-hem.service loaded failed failed y\n\
        === masked\nopennebula-flow.service masked enabled\n=== lock\nlive\n=== blocked\n=== end\n";

    #[test]
    fn the_machine_is_read_by_sections_and_a_cut_look_is_none() {
        let status = parse_machine(MACHINE).unwrap();
        assert_eq!(status.packages["opennebula"], "7.0.0-1");
        assert_eq!(status.packages["opennebula-tools"], "7.2.0-1 (unpacked)");
        assert_eq!(status.packages.len(), 2);
        assert_eq!(status.units.len(), 2);
        assert_eq!(status.units["opennebula-hem.service"], "failed");
        assert_eq!((status.lock.as_str(), status.blocked), ("live", false));
        assert_eq!(status.masked, ["opennebula-flow.service"]);
        assert_eq!(parse_machine(MACHINE.trim_end_matches("=== end\n")), None);
    }

    fn whole(cloud: &Cloud) -> FakeHost {
        cloud
            .host("s1")
            .on("oned --version", 0, "OpenNebula 7.0.0 ()\n")
            .on("onedb version", 0, "Shared tables version:   7.0.0\nRequired version:        7.0.0\nLocal tables version:    7.0.0\nRequired version:        7.0.0\n")
            .on("=== packages", 0, MACHINE)
    }

    #[tokio::test]
    async fn a_whole_zone_is_told_whole() {
        let cloud = Cloud::default();
        let world = cloud.world();
        let status = zone_status(&world.cx(&whole(&cloud))).await;
        assert_eq!(status.conf.value().unwrap().zone_id, 100);
        assert_eq!(status.api.as_ref().unwrap().fed_index, FedIndex::At(33));
        assert_eq!((status.kept_out(), status.open()), ("open", Some(true)));
        assert_eq!(status.database.value().unwrap().shared.as_deref(), Some("7.0.0"));
        assert!(
            serde_json::to_string(&status)
                .unwrap()
                .contains("\"fed_index\":33")
        );
    }

    #[tokio::test]
    async fn every_part_may_be_silent_and_says_why() {
        let cloud = Cloud::default();
        let world = cloud.world();
        let host = FakeHost::new("s1");
        let status = zone_status(&world.cx(&host)).await;
        assert!(status.conf.why().unwrap().contains("oned.conf"));
        assert!(status.oned_version.why().is_some() && status.machine.why().is_some());
        assert_eq!((status.kept_out(), status.open()), ("unknown", Some(false)));
        cloud.down(100);
        let status = zone_status(&world.cx(&whole(&cloud))).await;
        assert!(status.out_of_reach(), "its lock is live");
        assert_eq!(status.kept_out(), "unknown");
        let stopped = MACHINE.replace("\nlive", "\nnone");
        let status = zone_status(&world.cx(&cloud.host("s1").on("=== packages", 0, &stopped))).await;
        assert_eq!((status.kept_out(), status.open()), ("stopped", Some(false)));
        assert!(status.conf.value().is_some());
    }

    #[tokio::test]
    async fn disabled_and_blocked_are_both_told() {
        let cloud = Cloud::default();
        cloud.set_state(100, 1);
        let world = cloud.world();
        let blocked = MACHINE.replace("=== blocked\n", "=== blocked\nyes\n");
        let host = cloud.host("s1").on("=== packages", 0, &blocked);
        assert_eq!(
            zone_status(&world.cx(&host)).await.kept_out(),
            "disabled, blocked"
        );
        cloud.set_state(100, 0);
        let status = zone_status(&world.cx(&host)).await;
        assert_eq!((status.kept_out(), status.open()), ("blocked", Some(false)));
    }
}
