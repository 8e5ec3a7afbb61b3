//! Whether a slave follows the master that the zones know.

use std::collections::BTreeSet;

use crate::federation_map::{Role, Zone};
use crate::host::Command;
use crate::module::{Cx, Failure};
use crate::opennebula::conf::OnedConf;
use crate::opennebula::endpoint::Endpoint;
use crate::opennebula::status::ApiStatus;
use crate::opennebula::zone;

/// `$1` and `$2` names. Answers their addresses, a line each, with the name's number before it.
const RESOLVE: &str = r#"# nebplay: addresses of names
getent ahosts "$1" | awk '{ print 1, $1 }'
getent ahosts "$2" | awk '{ print 2, $1 }'
exit 0
"#;

/// Refuses to go on where a slave's FEDERATION/MASTER_ONED leads elsewhere than to the endpoint that the zones have for the master:
/// a slave that follows another master would be restored from this one. `known` lead to the master because the author says so.
pub(super) async fn same(
    cx: &Cx<'_>,
    zone: &Zone,
    conf: &OnedConf,
    api: &ApiStatus,
    known: &[String],
) -> Result<(), Failure> {
    let master = cx
        .federation
        .master()
        .and_then(|master| zone::find(&api.pool, master.id));
    let (Role::Slave, Some(ours), Some(master)) = (zone.role, &conf.federation.master_oned, master) else {
        return Ok(());
    };
    let told = known.iter().any(|known| alike(known, ours));
    if told || alike(ours, &master.endpoint) || same_address(cx, ours, &master.endpoint).await? {
        return Ok(());
    }
    Err(Failure::unsafe_to_go_on(format!(
        "{}: oned.conf says FEDERATION/MASTER_ONED {ours}, and the zones know the master as {}",
        cx.host.name(),
        master.endpoint
    ))
    .hint(format!(
        "correct MASTER_ONED in /etc/one/oned.conf, or the endpoint of zone {} (onezone update)",
        master.id
    ))
    .hint(format!(
        "if {ours} leads to the master from there, say so: master_endpoints: [\"{ours}\"]"
    )))
}

/// Whether two texts name one endpoint. What is behind TLS is no [`Endpoint`] and is compared as it is written.
fn alike(one: &str, other: &str) -> bool {
    match (Endpoint::parse(one), Endpoint::parse(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => one.trim() == other.trim(),
    }
}

/// Whether two endpoints differ only in the name of one address, as the host itself resolves it.
async fn same_address(cx: &Cx<'_>, one: &str, other: &str) -> Result<bool, Failure> {
    let (Ok(one), Ok(other)) = (Endpoint::parse(one), Endpoint::parse(other)) else {
        return Ok(false);
    };
    if (one.port, &one.path) != (other.port, &other.path) {
        return Ok(false);
    }
    let command = Command::script(RESOLVE, [one.address, other.address]);
    let text = cx.host.run(&command).await?.text();
    let of = |number: &str| -> BTreeSet<&str> {
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        lines
            .filter(|(name, _)| *name == number)
            .map(|(_, address)| address)
            .collect()
    };
    Ok(!of("1").is_disjoint(&of("2")))
}

#[cfg(test)]
mod tests {
    use super::super::FederationFacts;
    use crate::federation::cloud::Cloud;
    use crate::module::{FailureKind, Module};
    use crate::opennebula::conf::PATH;

    #[tokio::test]
    async fn a_slave_that_follows_another_master_stops_the_night() {
        let same = "1 10.0.0.1\n1 fd00::1\n2 10.0.0.1\n2 10.0.0.1\n";
        let other = "1 10.0.0.9\n2 10.0.0.1\n";
        let unknown = "2 10.0.0.1\n";
        for (master_oned, resolved, fits) in [
            ("http://10.0.0.1:2633/RPC2", "", true),
            ("http://10.0.0.1:2633", "", true),
            ("http://one.example.org:2633/RPC2", same, true),
            ("http://one.example.org:2633/RPC2", other, false),
            ("http://one.example.org:2633/RPC2", unknown, false),
            ("http://one.example.org:2644/RPC2", same, false),
            ("https://one.example.org/RPC2", same, false),
            ("http://tunnel:2633/RPC2", other, true),
        ] {
            let cloud = Cloud::default();
            let conf =
                format!("FEDERATION = [ MODE = SLAVE, ZONE_ID = 100, MASTER_ONED = \"{master_oned}\" ]\n");
            let host = cloud
                .host("s1")
                .file(PATH, conf)
                .on("addresses of names", 0, resolved);
            let facts = FederationFacts {
                master_endpoints: vec!["http://tunnel:2633/RPC2".to_owned()],
            };
            let world = cloud.world();
            match facts.inspect(&world.cx(&host)).await {
                Ok(_) => assert!(fits, "{master_oned} {resolved:?}"),
                Err(failure) => {
                    assert!(!fits, "{}", failure.message);
                    assert_eq!(failure.kind, FailureKind::Unsafe);
                    assert!(failure.message.contains(master_oned), "{}", failure.message);
                }
            }
        }
    }
}
