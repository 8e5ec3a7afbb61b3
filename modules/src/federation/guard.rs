//! What must be true before anything is done to a zone: the inventory says what oned.conf says, and it is no HA zone.

use crate::federation_map::{Role, Zone};
use crate::module::{Cx, Failure};
use crate::opennebula::conf::{Mode, OnedConf};

/// The zone this step's host is a front-end of.
pub(crate) fn zone_of<'a>(cx: &'a Cx<'_>) -> Result<&'a Zone, Failure> {
    cx.zone().ok_or_else(|| {
        Failure::unsafe_to_go_on(format!(
            "{} is a front-end of no zone of the inventory",
            cx.host.name()
        ))
        .hint("put it into the group master or slaves, with zone_id and zone_name")
    })
}

/// The disagreements between the inventory and oned.conf; none is none.
pub(crate) fn disagreements(zone: &Zone, conf: &OnedConf) -> Vec<String> {
    let federation = &conf.federation;
    let mut found = Vec::new();
    if federation.zone_id != zone.id {
        found.push(format!(
            "the inventory says zone_id {}, oned.conf says FEDERATION/ZONE_ID {}",
            zone.id, federation.zone_id
        ));
    }
    let wanted = match zone.role {
        Role::Master => Mode::Master,
        Role::Slave => Mode::Slave,
    };
    if federation.mode != wanted {
        found.push(format!(
            "the inventory says {}, oned.conf says FEDERATION/MODE {}",
            wanted.to_string().to_lowercase(),
            federation.mode
        ));
    }
    if federation.mode == Mode::Slave && federation.master_oned.is_none() {
        found.push("oned.conf has no FEDERATION/MASTER_ONED".to_owned());
    }
    found
}

/// Refuses to go on where the inventory and oned.conf disagree.
pub(crate) fn agrees(host: &str, zone: &Zone, conf: &OnedConf) -> Result<(), Failure> {
    let found = disagreements(zone, conf);
    if found.is_empty() {
        return Ok(());
    }
    Err(Failure::unsafe_to_go_on(format!("{host}: {}", found.join("; ")))
        .hint("correct the inventory, or /etc/one/oned.conf: nebplay never guesses which of them is right"))
}

/// Refuses an HA zone: several front-ends in the inventory, a server id in oned.conf, or servers in the pool.
pub(crate) fn single_server(zone: &Zone, conf: &OnedConf, servers: usize) -> Result<(), Failure> {
    let why = match (zone.hosts.len(), conf.federation.server_id, servers) {
        (2.., _, _) => format!("it has the front-ends {}", zone.hosts.join(", ")),
        (_, Some(id), _) => format!("its oned.conf says FEDERATION/SERVER_ID {id}"),
        (_, _, 1..) => format!("OpenNebula lists {servers} servers of it"),
        _ => return Ok(()),
    };
    Err(
        Failure::unsafe_to_go_on(format!("zone {} ({}) is an HA zone: {why}", zone.id, zone.name)).hint(
            "keep its API out with api_block on every front-end; disabling HA zones is not trusted yet",
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::FailureKind;
    use crate::opennebula::conf;

    fn slave(hosts: &[&str]) -> Zone {
        Zone {
            id: 100,
            name: "S".into(),
            role: Role::Slave,
            hosts: hosts.iter().map(|&host| host.to_owned()).collect(),
        }
    }

    #[test]
    fn every_disagreement_is_named_with_both_sides() {
        let cases = [
            (
                "FEDERATION = [ MODE = SLAVE, ZONE_ID = 100, MASTER_ONED = \"http://m:2633/RPC2\" ]",
                "",
            ),
            (
                "FEDERATION = [ MODE = SLAVE, ZONE_ID = 101, MASTER_ONED = x ]",
                "zone_id 100, oned.conf says FEDERATION/ZONE_ID 101",
            ),
            (
                "FEDERATION = [ MODE = MASTER, ZONE_ID = 100 ]",
                "says slave, oned.conf says FEDERATION/MODE MASTER",
            ),
            ("", "FEDERATION/MODE STANDALONE"),
            (
                "FEDERATION = [ MODE = SLAVE, ZONE_ID = 100 ]",
                "no FEDERATION/MASTER_ONED",
            ),
        ];
        for (text, part) in cases {
            let found = agrees("s1", &slave(&["s1"]), &conf::parse(text).unwrap());
            match found {
                Ok(()) => assert_eq!(part, "", "{text}"),
                Err(failure) => {
                    assert_eq!(failure.kind, FailureKind::Unsafe);
                    assert!(
                        !part.is_empty() && failure.message.contains(part),
                        "{}",
                        failure.message
                    );
                }
            }
        }
    }

    #[test]
    fn an_ha_zone_is_recognized_by_any_of_its_signs() {
        let solo = conf::parse("FEDERATION = [ SERVER_ID = -1 ]").unwrap();
        let server = conf::parse("FEDERATION = [ SERVER_ID = 0 ]").unwrap();
        assert!(single_server(&slave(&["s1"]), &solo, 0).is_ok());
        assert!(single_server(&slave(&["s1", "s3"]), &solo, 0).is_err());
        assert!(single_server(&slave(&["s1"]), &server, 0).is_err());
        assert!(single_server(&slave(&["s1"]), &solo, 1).is_err());
    }
}
