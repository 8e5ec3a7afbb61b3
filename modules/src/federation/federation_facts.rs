//! `federation_facts`.

mod master;

use std::collections::BTreeMap;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::contract::{Contract, Privilege};
use crate::federation::guard;
use crate::federation_map::{Role, Zone};
use crate::host::Command;
use crate::memory;
use crate::module::{Cx, Failure, Finding, Module, Outcome};
use crate::opennebula::conf::{OnedConf, read_conf, read_conf_of};
use crate::opennebula::onedb::Access;
use crate::opennebula::status::{ApiStatus, Known, ZoneStatus, zone_status};
use crate::opennebula::zone::{self, ZoneInfo, ZoneState};
use crate::opennebula::zone_table;

/// Tells all about a front-end's zone, and checks that the inventory says what OpenNebula's own configuration says.
///
/// Registers `clock` (seconds this host's clock is ahead of the controller's), `notes` (what a run that was stopped has still to put
/// back: `services`, `zone-disabled`, `hypervisor-hosts`, `migration`), `zone_id`, `mode`, `backend`, `oned_version` (installed), `running_version`, `answers` (oned answers, and accepts
/// oneadmin), `state` (`enabled` or `disabled`), `open` (answers, enabled, not blocked), `kept_out`, `fed_index`, `db`, `units`,
/// `masked`, `packages`, `lock`, and `unknown`: what could not be learned, and why. Fails where the inventory and oned.conf disagree
/// on the zone's id or role, where a slave follows another master than the zones know, where its clock is more than a minute off,
/// where the zones do not use one kind of database, where OpenNebula knows zones the inventory does not, where oneadmin's one_auth is
/// not accepted or a running oned cannot be reached, and for HA zones. An oned that is stopped is no failure.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FederationFacts {
    /// Endpoints that lead to the master too, as oned.conf of a slave has them in FEDERATION/MASTER_ONED: through a tunnel, or
    /// translated addresses. Another name of the same address needs none.
    #[serde(default)]
    master_endpoints: Vec<String>,
}

#[async_trait]
impl Module for FederationFacts {
    const NAME: &'static str = "federation_facts";
    const CONTRACT: Contract = Contract::reads(Privilege::Root);
    const EXAMPLE: &'static str = "- name: The inventory is right\n  federation_facts:\n  register: zone\n";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        let zone = guard::zone_of(cx)?;
        let conf = read_conf(cx).await?;
        guard::agrees(cx.host.name(), zone, &conf)?;
        guard::single_server(zone, &conf, 0)?;
        same_backend(cx, zone, &conf).await?;
        let traces = traces(cx).await?;
        let status = zone_status(cx).await;
        let mut warnings = Vec::new();
        match &status.api {
            Ok(api) => {
                let words = |zone: &ZoneInfo| format!("{}, {}", zone.name, zone.endpoint);
                same_zones(cx, api.pool.iter().map(|zone| (zone.id, words(zone))))?;
                let servers = zone::find(&api.pool, zone.id).map_or(0, |known| known.servers);
                guard::single_server(zone, &conf, servers)?;
                master::same(cx, zone, &conf, api, &self.master_endpoints).await?;
                warnings = oddities(zone, api);
            }
            Err(silence) if silence.bad_auth => {
                return Err(Failure::unsafe_to_go_on(format!(
                    "{}: oned does not accept oneadmin's one_auth: {}",
                    cx.host.name(),
                    silence.why
                ))
                .hint("correct /var/lib/one/.one/one_auth: every zone's own credentials must work before the window"));
            }
            // Taken for a stopped oned, it would let the night go on unchecked.
            Err(silence) if status.out_of_reach() => {
                return Err(Failure::unsafe_to_go_on(format!(
                    "oned runs on {}, and nebplay gets no connection to it: {}",
                    cx.host.name(),
                    silence.why
                ))
                .hint("see that sshd there allows TCP forwarding (AllowTcpForwarding, PermitOpen) to oned's port")
                .hint("if oned was started a moment ago, run this again"));
            }
            // Its slaves are stopped before it, so nobody else could tell.
            Err(_) if zone.role == Role::Master => {
                let access = Access::of(cx, None).await?;
                match zone_table::zones(cx.host, &access).await {
                    Ok(known) => same_zones(cx, known.into_iter())?,
                    Err(failure) => warnings.push(format!(
                        "whether the inventory has every zone is not known while oned is stopped: {}",
                        failure.message
                    )),
                }
            }
            Err(_) => {}
        }
        let message = sentence(zone, &status);
        let mut result = registered(&status);
        result.insert("clock".to_owned(), traces.ahead.into());
        result.insert("notes".to_owned(), traces.notes.into());
        Ok(Finding::NoChange(Outcome {
            result,
            warnings,
            ..Outcome::unchanged(message)
        }))
    }
}

/// The host's time, then the notes.
const TRACES: &str = r#"# nebplay: clock and notes
date +%s || exit
cd /var/lib/nebplay/memory 2>/dev/null || exit 0
for note in *.json; do [ -f "$note" ] && printf '%s\n' "${note%.json}"; done
exit 0
"#;

/// How far a host's clock may be from the controller's. Logs of several hosts are read side by side when something went wrong.
const SKEW: i64 = 60;

/// What a host says that OpenNebula does not.
struct Traces {
    /// Seconds its clock is ahead.
    ahead: i64,
    /// What has still to be put back.
    notes: Vec<String>,
}

async fn traces(cx: &Cx<'_>) -> Result<Traces, Failure> {
    let before = cx.host.clock().now();
    let output = cx
        .host
        .run(&Command::script::<&str>(TRACES, []).as_root())
        .await?;
    let (text, after) = (output.text(), cx.host.clock().now());
    let mut lines = text.lines();
    let Some(time) = lines
        .next()
        .and_then(|line| line.parse::<i64>().ok())
        .filter(|_| output.exit.success())
    else {
        return Err(Failure::failed(format!(
            "{}: failed to read its clock: {} {}",
            cx.host.name(),
            output.exit,
            output.err_text().trim()
        )));
    };
    // It was read at some moment in between.
    let ahead = time - time.clamp(before, after.max(before));
    if ahead.abs() > SKEW {
        return Err(Failure::unsafe_to_go_on(format!(
            "{}: its clock is {} s {} that of this machine",
            cx.host.name(),
            ahead.abs(),
            if ahead > 0 { "ahead of" } else { "behind" }
        ))
        .hint("set the clocks (chrony, systemd-timesyncd), of this machine too"));
    }
    let notes = lines
        .filter(|note| memory::TO_PUT_BACK.contains(note))
        .map(str::to_owned)
        .collect();
    Ok(Traces { ahead, notes })
}

/// One kind of database everywhere: a federated backup of one kind cannot be restored in the other.
async fn same_backend(cx: &Cx<'_>, zone: &Zone, conf: &OnedConf) -> Result<(), Failure> {
    let master = cx.federation.master().and_then(|master| master.hosts.first());
    let (Role::Slave, Some(master)) = (zone.role, master) else {
        return Ok(());
    };
    let peer = cx.peers.peer(master).await?;
    let theirs = read_conf_of(&*peer, cx.secrets).await?;
    if theirs.db.name() == conf.db.name() {
        return Ok(());
    }
    Err(Failure::unsafe_to_go_on(format!(
        "{} uses {}, and the master {master} uses {}",
        cx.host.name(),
        conf.db.name(),
        theirs.db.name()
    ))
    .hint("all zones need one kind of database: the master's federated backup is restored in every slave"))
}

/// A zone that OpenNebula knows and the inventory does not would be left behind at the old version. `pool`: number and words of each.
fn same_zones(cx: &Cx<'_>, pool: impl Iterator<Item = (u32, String)>) -> Result<(), Failure> {
    let pool: BTreeMap<u32, String> = pool.collect();
    let ours: BTreeMap<u32, &str> = cx
        .federation
        .zones
        .iter()
        .map(|zone| (zone.id, zone.name.as_str()))
        .collect();
    let missing: Vec<String> = pool
        .iter()
        .filter(|(id, _)| !ours.contains_key(id))
        .map(|(id, words)| format!("{id} ({words})"))
        .collect();
    let gone: Vec<String> = ours
        .iter()
        .filter(|(id, _)| !pool.contains_key(id))
        .map(|(id, name)| format!("{id} ({name})"))
        .collect();
    let mut found = Vec::new();
    if !missing.is_empty() {
        found.push(format!(
            "OpenNebula knows zones that the inventory does not: {}",
            missing.join(", ")
        ));
    }
    if !gone.is_empty() {
        found.push(format!(
            "the inventory has zones that OpenNebula does not know: {}",
            gone.join(", ")
        ));
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(
        Failure::unsafe_to_go_on(format!("{}: {}", cx.host.name(), found.join("; ")))
            .hint("put every zone of the federation into the inventory"),
    )
}

/// What is odd and may be meant.
fn oddities(zone: &Zone, api: &ApiStatus) -> Vec<String> {
    let differs = zone.name != api.name;
    differs
        .then(|| {
            format!(
                "the inventory calls zone {} {}, OpenNebula calls it {}",
                zone.id, zone.name, api.name
            )
        })
        .into_iter()
        .collect()
}

fn sentence(zone: &Zone, status: &ZoneStatus) -> String {
    let version = |known: Option<String>| known.unwrap_or_else(|| "unknown".to_owned());
    let index = status
        .api
        .as_ref()
        .map_or_else(|_| "unknown".to_owned(), |api| api.fed_index.to_string());
    format!(
        "zone {} ({}): {}, oned {}, FED_INDEX {index}",
        zone.id,
        zone.name,
        status.kept_out(),
        version(status.oned_version.value().map(ToString::to_string)),
    )
}

fn registered(status: &ZoneStatus) -> Map<String, Value> {
    let mut result = Map::new();
    let mut unknown = Map::new();
    let mut put = |key: &str, value: Value| {
        result.insert(key.to_owned(), value);
    };
    if let Some(conf) = status.conf.value() {
        put("zone_id", json!(conf.zone_id));
        put("mode", json!(conf.mode));
        put("backend", json!(conf.backend));
        put("master_oned", json!(conf.master_oned));
    }
    let api = status.api.as_ref().ok();
    put("answers", json!(api.is_some()));
    put("running_version", json!(api.map(|api| &api.version)));
    put("fed_index", json!(api.map(|api| api.fed_index)));
    put("name", json!(api.map(|api| &api.name)));
    put("endpoint", json!(api.map(|api| &api.endpoint)));
    let state = api.map(|api| match api.state {
        ZoneState::Enabled => "enabled",
        ZoneState::Disabled => "disabled",
    });
    put("state", json!(state));
    put("open", json!(status.open()));
    put("kept_out", json!(status.kept_out()));
    put("oned_version", json!(status.oned_version.value()));
    put("db", json!(status.database.value()));
    let machine = status.machine.value();
    put("packages", json!(machine.map(|machine| &machine.packages)));
    put("units", json!(machine.map(|machine| &machine.units)));
    put("masked", json!(machine.map(|machine| &machine.masked)));
    put("lock", json!(machine.map(|machine| &machine.lock)));
    put("blocked", json!(machine.map(|machine| machine.blocked)));
    let mut why = |key: &str, why: Option<&str>| {
        if let Some(why) = why {
            unknown.insert(key.to_owned(), why.into());
        }
    };
    why("conf", Known::why(&status.conf));
    why(
        "api",
        status.api.as_ref().err().map(|silence| silence.why.as_str()),
    );
    why("oned_version", status.oned_version.why());
    why("db", status.database.why());
    why("machine", status.machine.why());
    result.insert("unknown".to_owned(), Value::Object(unknown));
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::federation::cloud::Cloud;
    use crate::module::FailureKind;
    use crate::opennebula::conf::PATH;
    use crate::testing::{FakeHost, FakeWorld};

    async fn facts(world: &FakeWorld, host: &FakeHost) -> Result<Outcome, Failure> {
        match FederationFacts::default().inspect(&world.cx(host)).await? {
            Finding::NoChange(outcome) => Ok(outcome),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn what_a_playbook_needs_is_registered_and_the_unknown_has_its_reason() {
        let cloud = Cloud::default();
        let host = cloud.host("s1").on("oned --version", 0, "OpenNebula 7.0.0 ()\n");
        let outcome = facts(&cloud.world(), &host).await.unwrap();
        let result = &outcome.result;
        assert_eq!(result["answers"], true);
        assert_eq!(result["state"], "enabled");
        assert_eq!(result["oned_version"], "7.0.0");
        assert_eq!(result["fed_index"], 33);
        assert_eq!(result["mode"], "slave");
        // Whether a firewall keeps it out is not known here, so nobody may say that it is open.
        assert_eq!(result["open"], Value::Null);
        assert!(result["unknown"]["machine"].is_string() && result["unknown"]["db"].is_string());
        assert!(
            outcome.warnings[0].contains("calls it zone-s1"),
            "{:?}",
            outcome.warnings
        );
    }

    #[tokio::test]
    async fn an_oned_that_is_down_is_no_failure() {
        let cloud = Cloud::default();
        cloud.down(100);
        let outcome = facts(&cloud.world(), &cloud.host("s1")).await.unwrap();
        assert_eq!(
            (&outcome.result["answers"], &outcome.result["open"]),
            (&json!(false), &json!(false))
        );
        assert_eq!(outcome.result["kept_out"], "stopped");
    }

    #[tokio::test]
    async fn an_oned_that_runs_out_of_reach_is_never_taken_for_a_stopped_one() {
        let cloud = Cloud::default();
        cloud.down(100);
        let host = cloud
            .host("s1")
            .on("=== packages", 0, "=== lock\nlive\n=== end\n");
        let failure = facts(&cloud.world(), &host).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unsafe);
        assert!(failure.next[0].contains("AllowTcpForwarding"));
    }

    #[test]
    fn the_notes_of_what_is_closed_are_known_as_such() {
        for key in [
            crate::federation::zone_toggle::NOTE,
            crate::federation::hypervisors::NOTE,
        ] {
            assert!(memory::TO_PUT_BACK.contains(&key), "{key}");
        }
    }

    #[tokio::test]
    async fn what_has_still_to_be_put_back_is_told_and_a_wrong_clock_stops_the_night() {
        let cloud = Cloud::default();
        let answer = "1795000000\ndump-00ff\nservices\nrepository\n";
        let host = FakeHost::new("s1").on("clock and notes", 0, answer);
        let host = cloud.furnished(host, 100);
        let outcome = facts(&cloud.world(), &host).await.unwrap();
        assert_eq!(outcome.result["notes"], json!(["services"]));
        for (answer, word) in [
            ("1795000100\n", "100 s ahead"),
            ("1794999000\n", "1000 s behind"),
            ("", "failed to read"),
        ] {
            let host = cloud.furnished(FakeHost::new("s1").on("clock and notes", 0, answer), 100);
            let failure = facts(&cloud.world(), &host).await.unwrap_err();
            assert!(failure.message.contains(word), "{}", failure.message);
        }
    }

    #[tokio::test]
    async fn every_disagreement_stops_the_night() {
        let slave =
            "FEDERATION = [ MODE = SLAVE, ZONE_ID = 100, MASTER_ONED = \"http://10.0.0.1:2633/RPC2\" ]\n";
        let mysql = format!("{slave}DB = [ BACKEND = mysql ]\n");
        let ha = slave.replace("ZONE_ID", "SERVER_ID = 0, ZONE_ID");
        let cases = [
            (
                slave.replace("100", "101"),
                "zone_id 100, oned.conf says FEDERATION/ZONE_ID 101",
            ),
            (slave.replace("SLAVE", "STANDALONE"), "FEDERATION/MODE STANDALONE"),
            (mysql, "s1 uses mysql, and the master m uses sqlite"),
            (ha, "HA zone"),
        ];
        for (conf, part) in cases {
            let cloud = Cloud::default();
            let host = cloud.host("s1").file(PATH, conf);
            let failure = facts(&cloud.world(), &host).await.unwrap_err();
            assert_eq!(failure.kind, FailureKind::Unsafe);
            assert!(failure.message.contains(part), "{}", failure.message);
        }
    }

    #[tokio::test]
    async fn a_zone_on_one_side_alone_stops_the_night() {
        let cloud = Cloud::default();
        let mut world = cloud.world();
        world.federation.zones[2].id = 102;
        let failure = facts(&world, &cloud.host("s1")).await.unwrap_err();
        assert!(
            failure.message.contains("101 (zone-s2") && failure.message.contains("102 (S-US-CA)"),
            "{}",
            failure.message
        );
        // A master that is stopped cannot be asked; its database can.
        cloud.down(0);
        for (table, word) in [
            ("0 a\n100 b\n101 zone of nobody\nend\n", "101 (zone of nobody)"),
            ("0 a\n100 b\n", ""),
        ] {
            let host = cloud.host("m").on("zones of a SQLite database", 0, table);
            match facts(&world, &host).await {
                Ok(outcome) => assert!(outcome.warnings[0].contains("not known while oned is stopped")),
                Err(failure) => assert!(
                    !word.is_empty() && failure.message.contains(word),
                    "{}",
                    failure.message
                ),
            }
        }
    }
}
