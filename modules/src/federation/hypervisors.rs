//! What `host_disable` and `host_enable` share.

use crate::module::{Cx, Failure};
use crate::opennebula::command::opennebula;
use crate::opennebula::local::LocalOned;
use crate::opennebula::machines::{self, Hypervisor};
use crate::opennebula::zone::{self, ZoneState};

/// The note that says how each hypervisor host was before nebplay disabled any.
pub(crate) const NOTE: &str = "hypervisor-hosts";

/// Ids a single command takes; far below what an argument vector holds.
const AT_ONCE: usize = 500;

/// The hypervisor hosts of this host's zone.
pub(crate) struct Sight {
    /// The zone's id, by oned.conf.
    pub(crate) zone: u32,
    /// The zone's state.
    pub(crate) zone_state: ZoneState,
    /// Its hypervisor hosts, by id.
    pub(crate) hosts: Vec<Hypervisor>,
    port: u16,
}

impl Sight {
    /// Looks.
    pub(crate) async fn of(cx: &Cx<'_>) -> Result<Self, Failure> {
        let oned = LocalOned::of(cx.host, cx.secrets).await?;
        let client = oned.client(cx.host);
        let zone = oned.conf.federation.zone_id;
        Ok(Self {
            zone,
            zone_state: zone::info(&client, zone).await?.state,
            hosts: machines::hypervisors(&client).await?,
            port: oned.conf.port,
        })
    }
}

/// The ids of these.
pub(crate) fn ids(hosts: &[&Hypervisor]) -> Vec<u32> {
    hosts.iter().map(|host| host.id).collect()
}

/// Runs `onehost VERB` for these; it is silent when it works.
pub(crate) async fn run_onehost(
    cx: &Cx<'_>,
    sight: &Sight,
    verb: &str,
    hosts: &[&Hypervisor],
) -> Result<(), Failure> {
    for some in hosts.chunks(AT_ONCE) {
        let list: Vec<String> = some.iter().map(|host| host.id.to_string()).collect();
        let list = list.join(",");
        let output = cx
            .host
            .run(&opennebula(sight.port, ["onehost", verb, &list]))
            .await?;
        if !output.exit.success() {
            return Err(Failure::failed(format!(
                "onehost {verb} {list}: {}: {}",
                output.exit,
                output.err_text().trim()
            ))
            .state("some of them may have changed; how each was before is remembered")
            .hint("look with onehost list, then run this task again"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::federation::cloud::Cloud;
    use crate::federation::host_disable::HostDisable;
    use crate::federation::host_enable::HostEnable;
    use crate::module::{Effect, FailureKind, Finding, Module};

    const NOTE_FILE: &str = "/var/lib/nebplay/memory/hypervisor-hosts.json";

    fn change(finding: Finding) -> crate::module::Change {
        match finding {
            Finding::Change(change) => change,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn only_hosts_that_are_in_are_disabled_and_all_are_remembered() {
        let cloud = Cloud::default();
        cloud.hypervisors([
            &[(0, 2), (1, 8), (2, 4), (3, 3), (4, 0)][..],
            &[(0, 2), (1, 8), (2, 4), (3, 3), (4, 0)],
            &[(0, 4), (1, 8), (2, 4), (3, 4), (4, 4)],
        ]);
        let world = cloud.world();
        let host = cloud
            .host("s1")
            .on("install -d", 0, "")
            .on("onehost disable", 0, "");
        let cx = world.cx(&host);
        let change = change(HostDisable {}.inspect(&cx).await.unwrap());
        assert_eq!(change.what.len(), 3, "{:?}", change.what);
        let mut outcome = HostDisable {}.apply(&cx, &change).await.unwrap();
        assert!(host.asked().contains(&"onehost disable 0,3,4".to_owned()));
        HostDisable {}.verify(&cx, &change, &mut outcome).await.unwrap();
        let note: Vec<Hypervisor> = serde_json::from_slice(&host.content(NOTE_FILE).unwrap()).unwrap();
        let states: Vec<_> = note.iter().map(|host| (host.id, host.state.0)).collect();
        assert_eq!(states, [(0, 2), (1, 8), (2, 4), (3, 3), (4, 0)]);
    }

    #[tokio::test]
    async fn a_host_that_only_says_so_is_caught() {
        let cloud = Cloud::default();
        cloud.hypervisors([&[(0, 2)][..]]);
        let world = cloud.world();
        let host = cloud
            .host("s1")
            .on("install -d", 0, "")
            .on("onehost disable", 0, "");
        let cx = world.cx(&host);
        let change = change(HostDisable {}.inspect(&cx).await.unwrap());
        let mut outcome = HostDisable {}.apply(&cx, &change).await.unwrap();
        let failure = HostDisable {}
            .verify(&cx, &change, &mut outcome)
            .await
            .unwrap_err();
        assert_eq!(failure.kind, FailureKind::NotVerified);
    }

    #[tokio::test]
    async fn a_disabled_zone_is_refused_unless_there_is_nothing_to_do() {
        for (states, refused) in [(&[(0, 2)][..], true), (&[(0, 4)], false)] {
            let cloud = Cloud::default();
            cloud.set_state(100, 1);
            cloud.hypervisors([states]);
            let world = cloud.world();
            let host = cloud.host("s1");
            let found = HostDisable {}.inspect(&world.cx(&host)).await;
            assert_eq!(found.is_err(), refused, "{states:?}");
        }
    }

    #[tokio::test]
    async fn what_was_out_before_stays_out() {
        let note = json!([{"id": 0, "name": "h0", "state": 2}, {"id": 1, "name": "h1", "state": 8},
            {"id": 2, "name": "h2", "state": 4}, {"id": 3, "name": "h3", "state": 3}, {"id": 9, "name": "gone", "state": 2}]);
        let cloud = Cloud::default();
        // Somebody set host 3 offline meanwhile; host 5 came later and was disabled by somebody.
        let before: &[(u32, u32)] = &[(0, 4), (1, 8), (2, 4), (3, 8), (5, 4)];
        let after: &[(u32, u32)] = &[(0, 0), (1, 8), (2, 4), (3, 8), (5, 4)];
        cloud.hypervisors([before, before, after]);
        let world = cloud.world();
        let host = cloud
            .host("s1")
            .file(NOTE_FILE, note.to_string())
            .on("onehost enable", 0, "")
            .on("rm -f", 0, "");
        let cx = world.cx(&host);
        let change = change(HostEnable {}.inspect(&cx).await.unwrap());
        assert_eq!(change.what, ["enable hypervisor host 0 (h0)"]);
        let mut outcome = HostEnable {}.apply(&cx, &change).await.unwrap();
        assert!(host.asked().contains(&"onehost enable 0".to_owned()));
        HostEnable {}.verify(&cx, &change, &mut outcome).await.unwrap();
        assert!(
            host.asked()
                .iter()
                .any(|line| line.starts_with("rm -f") && line.contains(NOTE_FILE))
        );
    }

    #[tokio::test]
    async fn the_note_is_kept_until_the_hosts_are_back() {
        let cloud = Cloud::default();
        cloud.hypervisors([&[(0, 4)][..]]);
        let world = cloud.world();
        let note = json!([{"id": 0, "name": "h0", "state": 2}]).to_string();
        let host = cloud.host("s1").file(NOTE_FILE, note).on("onehost enable", 0, "");
        let cx = world.cx(&host);
        let change = change(HostEnable {}.inspect(&cx).await.unwrap());
        let mut outcome = HostEnable {}.apply(&cx, &change).await.unwrap();
        let failure = HostEnable {}
            .verify(&cx, &change, &mut outcome)
            .await
            .unwrap_err();
        assert_eq!(failure.kind, FailureKind::NotVerified);
        assert!(!host.asked().iter().any(|line| line.starts_with("rm")));
    }

    #[tokio::test]
    async fn without_a_note_nothing_is_enabled() {
        let cloud = Cloud::default();
        cloud.hypervisors([&[(0, 4)][..]]);
        let world = cloud.world();
        let host = cloud.host("s1");
        assert!(matches!(
            HostEnable {}.inspect(&world.cx(&host)).await.unwrap(),
            Finding::NoChange(_)
        ));
    }
}
