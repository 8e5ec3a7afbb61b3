//! Whether the federated tables of all running zones hold the same rows.

use std::time::Duration;

use futures_util::future::join_all;

use crate::module::{Cx, Failure};
use crate::opennebula::conf::OnedConf;
use crate::opennebula::fingerprint::{Fingerprints, federated_tables};
use crate::opennebula::onedb::Access;

/// Looks before a difference is believed: a running master writes federated rows by itself (marketplaces, scheduled actions), and they
/// need a moment to arrive.
const LOOKS: u32 = 3;

/// Looks in all, those too that say nothing because the master was written to meanwhile: where the API is open, clients do.
const MOST_LOOKS: u32 = 10;

/// What was compared.
pub(crate) struct Compared {
    /// Zones whose tables are the same, the master first.
    pub(crate) zones: Vec<u32>,
    /// What could not be compared.
    pub(crate) warnings: Vec<String>,
}

/// Compares every zone of the inventory with the master. A difference counts only where the master stood still while it was looked.
pub(crate) async fn compare_zones(cx: &Cx<'_>, conf: &OnedConf) -> Result<Compared, Failure> {
    let mut counted = 0;
    for look in 0..MOST_LOOKS {
        if look > 0 {
            cx.host.clock().sleep(Duration::from_secs(3)).await;
        }
        let (prints, warnings) = fingerprints(cx).await?;
        let differences = differences_of(&prints);
        if differences.is_empty() {
            return Ok(Compared {
                zones: prints.into_iter().map(|(zone, _)| zone).collect(),
                warnings,
            });
        }
        if !stood_still(cx, &prints).await? {
            continue;
        }
        counted += 1;
        if counted == LOOKS {
            return Err(different(conf, &differences));
        }
    }
    Ok(Compared {
        zones: Vec::new(),
        warnings: vec![format!(
            "the zones' data could not be compared: the master was written to during each of {MOST_LOOKS} looks"
        )],
    })
}

/// Whether the master still has what it had when it was looked at first.
async fn stood_still(cx: &Cx<'_>, prints: &[(u32, Fingerprints)]) -> Result<bool, Failure> {
    let (Some((_, then)), Some(zone)) = (prints.first(), cx.federation.zones.first()) else {
        return Ok(true);
    };
    let now = match zone.hosts.first() {
        Some(name) => print_of(cx, name).await?,
        None => return Ok(true),
    };
    Ok(now.differences_between_zones(then).is_empty())
}

fn different(conf: &OnedConf, differences: &[String]) -> Failure {
    Failure::unsafe_to_go_on(format!(
        "the zones have the same index and different data: {}",
        differences.join("; ")
    ))
    .state(format!(
        "compared through {} databases, in {LOOKS} looks",
        conf.db.name()
    ))
    .hint("restore the master's federated backup in that zone; if the master was rolled back, in every slave")
}

async fn print_of(cx: &Cx<'_>, name: &str) -> Result<Fingerprints, Failure> {
    if name == cx.host.name() {
        let access = Access::of(cx, None).await?;
        return federated_tables(cx.host, &access).await;
    }
    let peer = cx.peers.peer(name).await?;
    let access = Access::of_host(&*peer, cx.secrets, None).await?;
    federated_tables(&*peer, &access).await
}

async fn fingerprints(cx: &Cx<'_>) -> Result<(Vec<(u32, Fingerprints)>, Vec<String>), Failure> {
    let mut warnings = Vec::new();
    let mut looks = Vec::new();
    for zone in &cx.federation.zones {
        match zone.hosts.first() {
            Some(name) => looks.push(async move { Ok((zone.id, print_of(cx, name).await?)) }),
            None => warnings.push(format!(
                "zone {} has no front-end in the inventory and was not compared",
                zone.id
            )),
        }
    }
    // All at once: one after the other, a large federation is never seen between two writes.
    let prints: Result<Vec<_>, Failure> = join_all(looks).await.into_iter().collect();
    Ok((prints?, warnings))
}

fn differences_of(prints: &[(u32, Fingerprints)]) -> Vec<String> {
    let Some(((_, master), slaves)) = prints.split_first() else {
        return Vec::new();
    };
    let of_zone = |(zone, print): &(u32, Fingerprints)| {
        let found = print.differences_between_zones(master);
        (!found.is_empty()).then(|| format!("zone {zone}: {}", found.join(", ")))
    };
    slaves.iter().filter_map(of_zone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opennebula::fingerprint::TablePrint;

    fn print(sha256: &str, log: u64) -> Fingerprints {
        let table = |rows, sha256: &str| TablePrint {
            rows,
            sha256: sha256.to_owned(),
        };
        Fingerprints {
            tables: [
                ("user_pool".to_owned(), table(2, sha256)),
                ("logdb(federated)".to_owned(), table(log, "x")),
            ]
            .into(),
            ..Fingerprints::default()
        }
    }

    #[test]
    fn pools_are_compared_with_the_master_and_the_log_never() {
        assert!(differences_of(&[(0, print("a", 5)), (100, print("a", 9))]).is_empty());
        let found = differences_of(&[(0, print("a", 5)), (100, print("a", 5)), (101, print("b", 5))]);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("zone 101: "), "{found:?}");
    }
}
