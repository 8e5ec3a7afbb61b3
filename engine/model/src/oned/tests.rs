//! Calls and answers recorded on real zones, and what the federation does with a write.

use super::*;
use crate::objects::{group, pool_row, user, user_row, zone};

fn zone_rows(disabled: &[i64]) -> Vec<RowOp> {
    [(0, "M-EU-FR", 1), (100, "S-EU-GE", 2), (101, "S-US-CA", 3)]
        .map(|(id, name, last)| {
            let endpoint = format!("http://10.99.0.{last}:2633/RPC2");
            pool_row(
                Table::ZonePool,
                id,
                name,
                zone(id, name, i64::from(disabled.contains(&id)), &endpoint),
            )
        })
        .to_vec()
}

fn oned(zone_id: i64, fed_index: u64, disabled: &[i64]) -> Oned {
    let account = |id, name: &str, gid, group: &str, password: &str| {
        user_row(
            id,
            name,
            gid,
            user(id, name, (gid, group), &password_digest(password)),
        )
    };
    let mut store = Store::default();
    let rows = [
        account(0, "oneadmin", 0, "oneadmin", "opennebula"),
        account(10, "plain1", 1, "users", "pw1"),
        pool_row(Table::GroupPool, 1, "users", group(1, "users", &[10])),
    ];
    for row in zone_rows(disabled).iter().chain(&rows) {
        store.apply(row);
    }
    let mode = if zone_id == 0 { Mode::Master } else { Mode::Slave };
    let identity = Identity {
        zone_id,
        mode,
        version: Version::V7_0_0,
        dialect: Dialect::Sqlite,
    };
    Oned::new(identity, store, Log::new(Some(fed_index), [fed_index]))
}

fn answer(oned: &mut Oned, call: &Call) -> Answer {
    match oned.handle(call, 0) {
        Outcome::Answered { answer, .. } => answer,
        Outcome::AskMaster(asked) => panic!("{asked:?}"),
    }
}

/// The zone asked, its index, the zones disabled, and the recording: the request, a blank line, the body of
/// the answer.
macro_rules! recordings {
    ($(($zone:literal, $index:literal, $disabled:expr, $name:literal)),* $(,)?) => {
        [$(($zone, $index, &$disabled[..], $name, include_str!(concat!("captured/", $name, ".txt")))),*]
    };
}

#[test]
fn answers_are_those_recorded() {
    let none: [i64; 0] = [];
    let recordings = recordings![
        (0, 63, none, "raftstatus_m"),
        (100, 67, none, "raftstatus_s1"),
        (100, 68, [100], "raftstatus_while_disabled_s1"),
        (0, 63, none, "bad_auth_raftstatus_m"),
        (100, 63, none, "bad_auth_version_s1"),
        (0, 63, none, "bad_auth_zonepool_m"),
        (0, 63, none, "empty_auth_raftstatus_m"),
        (0, 63, none, "nosuchmethod_m"),
        (0, 63, none, "plain_user_raftstatus_m"),
        (100, 63, none, "plain_user_raftstatus_s1"),
        (0, 63, none, "plain_user_version_m"),
        (0, 63, none, "plain_user_zone_enable_m"),
        (100, 63, none, "plain_user_zone_enable_s1"),
        (100, 63, none, "plain_user_zonepool_s1"),
        (0, 63, [100], "user_allocate_while_100_disabled_m"),
        (100, 63, [100], "user_allocate_while_100_disabled_s1"),
        (0, 63, none, "version_m"),
        (0, 63, none, "zone_enable_777_m"),
        (0, 63, none, "zone_enable_100_false_m"),
        (100, 63, none, "zone_info_0_s1"),
        (0, 63, none, "zone_info_100_m"),
        (0, 63, none, "zonepool_info_m"),
        (100, 63, [100], "zonepool_info_while_disabled_s1"),
    ];
    for (zone, index, disabled, name, recorded) in recordings {
        let (request, body) = recorded.split_once("\n\n").unwrap();
        let call = Call::parse(request).unwrap();
        let seen = answer(&mut oned(zone, index, disabled), &call).render();
        assert_eq!(seen.replace("\r\n", "\n"), body, "{name}");
    }
}

const ADMIN: &str = "oneadmin:opennebula";

fn allocate(name: &str) -> Call {
    let text = |text: &str| Value::Text(text.to_owned());
    Call::new("one.user.allocate", ADMIN, [text(name), text("pw"), text("core")])
}

fn toggle(zone: i64, enable: bool) -> Call {
    Call::new("one.zone.enable", ADMIN, [Value::Int(zone), Value::Bool(enable)])
}

#[test]
fn a_user_takes_four_entries_and_replays_in_a_slave() {
    let (mut master, mut slave) = (oned(0, 53, &[]), oned(100, 53, &[]));
    let Outcome::Answered {
        answer: Answer::Success(id),
        writes,
    } = master.handle(&allocate("x"), 7)
    else {
        panic!("refused")
    };
    assert_eq!((id, master.log.fed_index()), (Value::Int(11), 57));
    let indexes: Vec<Option<u64>> = writes.iter().map(|entry| entry.fed_index).collect();
    assert_eq!(indexes, [Some(54), Some(55), None, Some(57)]);
    for entry in writes.iter().filter(|entry| entry.fed_index.is_some()) {
        let index = entry.fed_index.unwrap();
        let call = shipment_call(ADMIN, index, master.log.before(index), &entry.sql);
        assert_eq!(replicated_to(&answer(&mut slave, &call)), Some(index));
    }
    assert_eq!(
        slave.store.body(Table::UserPool, 11),
        master.store.body(Table::UserPool, 11)
    );
    assert_eq!(
        slave.store.body(Table::GroupPool, 1),
        master.store.body(Table::GroupPool, 1)
    );
    assert!(
        slave.store.row(Table::UserQuotas, 11).is_none(),
        "quotas are each zone's own"
    );
}

#[test]
fn a_slave_tells_where_it_is() {
    let mut slave = oned(100, 53, &[]);
    let call = shipment_call(ADMIN, 60, 57, "DELETE FROM user_pool WHERE oid = 10");
    assert_eq!(replicated_to(&answer(&mut slave, &call)), Some(53));
    assert!(slave.store.row(Table::UserPool, 10).is_some());
    slave.log = Log::default();
    assert_eq!(replicated_to(&answer(&mut slave, &call)), Some(NO_INDEX));
}

#[test]
fn a_slave_toggles_through_its_master() {
    let (mut master, mut slave) = (oned(0, 53, &[0]), oned(100, 53, &[]));
    let Outcome::AskMaster(asked) = slave.handle(&toggle(100, false), 0) else {
        panic!("answered")
    };
    let refused = answer(&mut master, &asked.call);
    let told = slave.after_master(&asked, "one.zone.enable", Ok(refused));
    let message = "[one.zone.enable] Cannot update zone at federation master: [one.zone.updatedb] Cannot \
                   process request, zone disabled";
    assert!(
        matches!(&told, Answer::Failure { message: seen, .. } if seen == message),
        "{told:?}"
    );
    assert!(!slave.is_disabled());

    assert_eq!(
        answer(&mut master, &toggle(0, true)),
        Answer::Success(Value::Int(0))
    );
    let agreed = answer(&mut master, &asked.call);
    assert_eq!(
        slave.after_master(&asked, "one.zone.enable", Ok(agreed)),
        Answer::Success(Value::Int(100))
    );
    assert!(slave.is_disabled());
}

#[test]
fn repeating_a_state_is_a_write_and_the_same_name_is_none() {
    let mut master = oned(0, 53, &[]);
    answer(&mut master, &toggle(0, true));
    assert_eq!(master.log.fed_index(), 54);
    let same = Value::Text("M-EU-FR".to_owned());
    answer(
        &mut master,
        &Call::new("one.zone.rename", ADMIN, [Value::Int(0), same]),
    );
    assert_eq!(master.log.fed_index(), 54);
}

#[test]
fn a_start_uses_two_numbers() {
    let mut master = oned(0, 53, &[]);
    assert_eq!(master.started(0).len(), 2);
    answer(&mut master, &toggle(0, false));
    assert_eq!(master.log.fed_index(), 56);
}

#[test]
fn wrong_parameters_are_refused_without_effect() {
    let mut master = oned(0, 53, &[]);
    for call in [
        Call::new("one.zone.enable", ADMIN, []),
        Call::new(
            "one.zone.enable",
            ADMIN,
            [Value::Text("0".to_owned()), Value::Bool(true)],
        ),
        Call::new("one.user.allocate", ADMIN, [Value::Int(3)]),
        Call::new("one.zone.fedreplicate", ADMIN, [Value::Int(3)]),
        Call {
            method: "one.zone.enable".to_owned(),
            parameters: Vec::new(),
        },
    ] {
        assert!(
            matches!(answer(&mut master, &call), Answer::Failure { .. }),
            "{call:?}"
        );
    }
    assert_eq!(master.log.fed_index(), 53);
}
