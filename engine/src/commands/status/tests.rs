use nebplay_modules::federation_map::{Federation, Role, Zone};
use nebplay_modules::host::HostError;
use nebplay_modules::opennebula::conf::Mode;
use nebplay_modules::opennebula::onedb::version::{DbVersion, Standing};
use nebplay_modules::opennebula::status::{
    ApiSilence, ApiStatus, ConfStatus, Known, MachineStatus, ZoneStatus,
};
use nebplay_modules::opennebula::zone::{FedIndex, ZoneInfo, ZoneState};

use super::row::{Row, endpoints_from_others};
use super::verdict::Verdict;
use super::{exit_code, table};
use crate::commands::terminal::Terminal;

fn federation() -> Federation {
    let zone = |id, name: &str, role, host: &str| Zone {
        id,
        name: name.to_owned(),
        role,
        hosts: vec![host.to_owned()],
    };
    Federation {
        zones: vec![
            zone(0, "M-EU-FR", Role::Master, "fr"),
            zone(100, "S-EU-GE", Role::Slave, "ge"),
            zone(101, "S-US-CA", Role::Slave, "ca"),
        ],
    }
}

fn endpoint(id: u32) -> String {
    format!("http://192.168.150.{}:2633/RPC2", id.saturating_sub(98).max(1))
}

/// A zone that is well, at that index.
fn well(id: u32, index: u64) -> ZoneStatus {
    let info = |id| ZoneInfo {
        id,
        name: format!("zone {id}"),
        endpoint: endpoint(id),
        state: ZoneState::Enabled,
        servers: 0,
    };
    let units = ["opennebula.service", "opennebula-hem.service"];
    ZoneStatus {
        host: String::new(),
        conf: Known::Value(ConfStatus {
            zone_id: id,
            mode: if id == 0 { Mode::Master } else { Mode::Slave },
            server_id: None,
            master_oned: None,
            backend: "sqlite",
        }),
        api: Ok(ApiStatus {
            version: "7.0.0".to_owned(),
            fed_index: FedIndex::At(index),
            state: ZoneState::Enabled,
            name: String::new(),
            endpoint: endpoint(id),
            pool: [info(0), info(100), info(101)].into(),
        }),
        oned_version: Known::Value("7.0.0".parse().unwrap()),
        database: Known::Value(DbVersion {
            state: Standing::Current,
            shared: Some("7.0.0".to_owned()),
            local: Some("7.0.0".to_owned()),
            required_shared: Some("7.0.0".to_owned()),
            required_local: Some("7.0.0".to_owned()),
            marked_as_slave: false,
        }),
        machine: Known::Value(MachineStatus {
            units: units.map(|unit| (unit.to_owned(), "active".to_owned())).into(),
            lock: "live".to_owned(),
            ..MachineStatus::default()
        }),
    }
}

/// In the middle of the night: oned stopped, its units masked.
fn stopped(id: u32) -> ZoneStatus {
    let mut status = well(id, 0);
    status.api = Err(ApiSilence {
        why: "nothing listens".to_owned(),
        bad_auth: false,
        down: true,
    });
    if let Known::Value(machine) = &mut status.machine {
        machine.lock = "none".to_owned();
        machine.masked = machine.units.keys().cloned().collect();
        machine
            .units
            .values_mut()
            .for_each(|state| *state = "inactive".to_owned());
    }
    status
}

fn shown(statuses: Vec<Result<ZoneStatus, HostError>>, columns: Option<u16>) -> (String, u8) {
    let federation = federation();
    let zones = federation.zones.iter().zip(statuses);
    let mut rows: Vec<Row> = zones
        .map(|(zone, status)| Row::new(zone, &zone.hosts[0], status))
        .collect();
    endpoints_from_others(&mut rows);
    let terminal = Terminal {
        colour: false,
        error_colour: false,
        error_is_seen: false,
        width: 80,
        columns,
    };
    let text = table::text(&rows, &Verdict::of(&rows, &federation), &terminal);
    (text, exit_code(&rows))
}

#[test]
fn a_federation_that_is_well() {
    let (text, code) = shown([0, 100, 101].map(|id| Ok(well(id, 203))).into(), None);
    assert_eq!(code, 0);
    insta::assert_snapshot!(text);
}

#[test]
fn half_way_through_a_night() {
    let mut master = stopped(0);
    master.oned_version = Known::Value("7.2.0".parse().unwrap());
    if let Known::Value(database) = &mut master.database {
        database.state = Standing::UpgradeNeeded;
        database.required_local = Some("7.2.0".to_owned());
    }
    let (text, code) = shown(vec![Ok(master), Ok(stopped(100)), Ok(stopped(101))], Some(80));
    assert_eq!(code, 0, "a stopped oned is no riddle");
    insta::assert_snapshot!(text);
}

#[test]
fn a_zone_behind_one_out_of_reach() {
    let mut behind = well(100, 198);
    if let Ok(api) = &mut behind.api {
        api.state = ZoneState::Disabled;
    }
    let lost = HostError::Unreachable {
        host: "ca".to_owned(),
        why: "connecting to 192.168.150.3:22 did not finish within 3s".to_owned(),
        sent: false,
    };
    let (text, code) = shown(vec![Ok(well(0, 203)), Ok(behind), Err(lost)], None);
    assert_eq!(code, 4);
    insta::assert_snapshot!(text);
}

#[test]
fn everything_odd_is_said() {
    let mut master = well(0, 203);
    master.oned_version = Known::Value("7.2.0".parse().unwrap());
    let mut ahead = well(100, 204);
    if let Known::Value(machine) = &mut ahead.machine {
        machine
            .units
            .insert("opennebula-flow.service".to_owned(), "failed".to_owned());
        machine
            .packages
            .insert("opennebula".to_owned(), "7.2.0-1 (unpacked)".to_owned());
        machine.masked = vec!["opennebula-gate.service".to_owned()];
    }
    let mut cut = well(7, 0);
    if let Ok(api) = &mut cut.api {
        api.fed_index = FedIndex::NoLog;
        api.pool = api
            .pool
            .iter()
            .map(|zone| ZoneInfo {
                id: if zone.id == 100 { 102 } else { zone.id },
                ..zone.clone()
            })
            .collect();
    }
    cut.database = Known::Unknown("onedb version: it could not read the database".to_owned());
    let (text, code) = shown(vec![Ok(master), Ok(ahead), Ok(cut)], None);
    assert_eq!(code, 2, "it was reached and did not tell all");
    insta::assert_snapshot!(text);
}
