//! Three zones of a test: what their oneds answer, as a table that a test sets and that lies when told to.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::opennebula::command::AUTH_FILE;
use crate::opennebula::conf::PATH;
use crate::opennebula::fake::{Call, Reply, oned};
use crate::testing::{FakeHost, FakeWorld};

/// A zone's oned.
#[derive(Clone)]
struct FakeZone {
    /// What it has stored for each zone.
    states: BTreeMap<u32, u32>,
    /// Its FEDLOG_INDEX, in turn; the last one is repeated.
    indices: VecDeque<String>,
    down: bool,
}

struct State {
    zones: BTreeMap<u32, FakeZone>,
    version: String,
    servers: usize,
    /// Zones that say yes to a toggle and do nothing.
    liars: BTreeSet<u32>,
    /// Whether answers to toggles get lost.
    loses_answers: bool,
    /// Zones that do not hear of others' toggles.
    deaf: BTreeSet<u32>,
    /// Zones that do not hear of the next toggle.
    stuck: BTreeSet<u32>,
    /// What each zone's index becomes at a toggle of the master.
    woken_to: Option<u64>,
    pools: VecDeque<String>,
    hypervisors: VecDeque<String>,
    toggles: Vec<String>,
}

/// The zones 0, 100 and 101 behind the hosts `m`, `s1` and `s2`.
#[derive(Clone)]
pub(crate) struct Cloud(Arc<Mutex<State>>);

const HOSTS: [(&str, u32); 3] = [("m", 0), ("s1", 100), ("s2", 101)];

impl Default for Cloud {
    fn default() -> Self {
        let states: BTreeMap<u32, u32> = HOSTS.iter().map(|&(_, id)| (id, 0)).collect();
        let zone = FakeZone {
            states,
            indices: VecDeque::from(["33".to_owned()]),
            down: false,
        };
        Self(Arc::new(Mutex::new(State {
            zones: HOSTS.iter().map(|&(_, id)| (id, zone.clone())).collect(),
            version: "7.0.0".to_owned(),
            servers: 0,
            liars: BTreeSet::new(),
            loses_answers: false,
            deaf: BTreeSet::new(),
            stuck: BTreeSet::new(),
            woken_to: None,
            pools: VecDeque::new(),
            hypervisors: VecDeque::new(),
            toggles: Vec::new(),
        })))
    }
}

fn in_turn(queue: &mut VecDeque<String>) -> String {
    if queue.len() > 1 {
        queue.pop_front().unwrap()
    } else {
        queue.front().cloned().unwrap_or_default()
    }
}

impl Cloud {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// The world with the other front-ends in it.
    pub(crate) fn world(&self) -> FakeWorld {
        FakeWorld {
            hosts: HOSTS
                .iter()
                .map(|&(name, _)| (name.to_owned(), self.host(name)))
                .collect(),
            ..FakeWorld::default()
        }
    }

    /// A front-end: oned.conf, one_auth, and connections to every zone; `127.0.0.1` is its own.
    pub(crate) fn host(&self, name: &str) -> FakeHost {
        let own = HOSTS.iter().find(|(host, _)| *host == name).unwrap().1;
        self.furnished(FakeHost::new(name), own)
    }

    /// That host as the front-end of a zone.
    pub(crate) fn furnished(&self, host: FakeHost, own: u32) -> FakeHost {
        let (mode, master) = if own == 0 {
            ("MASTER", "")
        } else {
            ("SLAVE", "http://10.0.0.1:2633/RPC2")
        };
        let conf = format!(
            "FEDERATION = [ MODE = \"{mode}\", ZONE_ID = {own}, SERVER_ID = -1, MASTER_ONED = \"{master}\" ]\n"
        );
        let cloud = self.clone();
        host.on("clock and notes", 0, "1795000000\n")
            .file(PATH, conf)
            .file(AUTH_FILE, "oneadmin:opennebula")
            .listener(oned(move |call| cloud.answer(own, call)))
    }

    pub(crate) fn set_state(&self, id: u32, state: u32) {
        self.state().zones.values_mut().for_each(|zone| {
            zone.states.insert(id, state);
        });
    }

    pub(crate) fn indices(&self, id: u32, indices: &[&str]) {
        self.state().zones.get_mut(&id).unwrap().indices =
            indices.iter().map(|&index| index.to_owned()).collect();
    }

    pub(crate) fn down(&self, id: u32) {
        self.state().zones.get_mut(&id).unwrap().down = true;
    }

    pub(crate) fn version(&self, version: &str) {
        version.clone_into(&mut self.state().version);
    }

    pub(crate) fn servers(&self, servers: usize) {
        self.state().servers = servers;
    }

    pub(crate) fn lies(&self, id: u32) {
        self.state().liars.insert(id);
    }

    pub(crate) fn deaf(&self, id: u32) {
        self.state().deaf.insert(id);
    }

    /// It misses the next toggle, as where the master is restarted right after it, and catches up with the one after that.
    pub(crate) fn stuck(&self, id: u32) {
        self.state().stuck.insert(id);
    }

    pub(crate) fn loses_answers(&self) {
        self.state().loses_answers = true;
    }

    pub(crate) fn woken_to(&self, index: u64) {
        self.state().woken_to = Some(index);
    }

    pub(crate) fn vm_pools(&self, pools: impl Iterator<Item = String>) {
        self.state().pools = pools.collect();
    }

    pub(crate) fn hypervisors<'a>(&self, looks: impl IntoIterator<Item = &'a [(u32, u32)]>) {
        let host = |(id, state): &(u32, u32)| {
            format!("<HOST><ID>{id}</ID><NAME>h{id}</NAME><STATE>{state}</STATE></HOST>")
        };
        let pool = |hosts: &[(u32, u32)]| {
            format!(
                "<HOST_POOL>{}</HOST_POOL>",
                hosts.iter().map(host).collect::<String>()
            )
        };
        self.state().hypervisors = looks.into_iter().map(pool).collect();
    }

    /// The toggles it was asked, as `ZONE=STATE at ZONE`.
    pub(crate) fn toggles(&self) -> Vec<String> {
        self.state().toggles.clone()
    }

    fn answer(&self, own: u32, call: &Call) -> Reply {
        let asked = match call.address.as_str() {
            "127.0.0.1:2633" => own,
            "10.0.0.1:2633" => 0,
            "10.0.0.2:2633" => 100,
            "10.0.0.3:2633" => 101,
            _ => return Reply::NoConnection,
        };
        let mut state = self.state();
        if state.zones[&asked].down {
            return Reply::NoConnection;
        }
        match call.method.as_str() {
            // The probe before a connection.
            "" => Reply::Silence,
            "one.system.version" => Reply::text(&state.version),
            "one.zonepool.info" => Reply::text(&state.pool(asked)),
            "one.zone.info" => Reply::text(&state.zone(asked, call.params[1].parse().unwrap())),
            "one.zone.raftstatus" => {
                let index = in_turn(&mut state.zones.get_mut(&asked).unwrap().indices);
                Reply::text(&format!(
                    "<RAFT><SERVER_ID>-1</SERVER_ID><STATE>0</STATE><FEDLOG_INDEX>{index}</FEDLOG_INDEX></RAFT>"
                ))
            }
            "one.zone.enable" => state.toggle(asked, call),
            "one.vmpool.info" => Reply::text(&in_turn(&mut state.pools)),
            "one.hostpool.info" => Reply::text(&in_turn(&mut state.hypervisors)),
            other => panic!("unexpected {other}"),
        }
    }
}

impl State {
    fn pool(&self, asked: u32) -> String {
        let zones: String = HOSTS.iter().map(|(_, id)| self.zone(asked, *id)).collect();
        format!("<ZONE_POOL>{zones}</ZONE_POOL>")
    }

    fn zone(&self, asked: u32, id: u32) -> String {
        let servers = "<SERVER><ID>0</ID></SERVER>".repeat(self.servers);
        let index = HOSTS.iter().position(|(_, known)| *known == id).unwrap();
        let name = HOSTS[index].0;
        format!(
            "<ZONE><ID>{id}</ID><NAME>zone-{name}</NAME><STATE>{}</STATE><TEMPLATE><ENDPOINT><![CDATA[http://10.0.0.{}:2633/RPC2]]>\
             </ENDPOINT></TEMPLATE><SERVER_POOL>{servers}</SERVER_POOL></ZONE>",
            self.zones[&asked].states[&id],
            index + 1
        )
    }

    fn toggle(&mut self, asked: u32, call: &Call) -> Reply {
        let id: u32 = call.params[1].parse().unwrap();
        let wanted = u32::from(call.params[2] == "0");
        self.toggles.push(format!("{id}={wanted} at {asked}"));
        if id != asked {
            let words =
                "[one.zone.enable] Enable/disable mode have to be set through the target zone endpoints";
            return Reply::no(2048, words);
        }
        if id != 0 && self.zones[&0].states[&0] == 1 {
            let words = "[one.zone.enable] Cannot update zone at federation master: [one.zone.updatedb] Cannot process request, zone disabled";
            return Reply::no(8192, words);
        }
        if !self.liars.contains(&id) {
            let deaf = self.deaf.clone();
            let stuck = std::mem::take(&mut self.stuck);
            let hears = |name: u32| name == id || !(deaf.contains(&name) || stuck.contains(&name));
            let mut known = self.zones[&0].states.clone();
            known.insert(id, wanted);
            for (_, zone) in self.zones.iter_mut().filter(|(name, _)| hears(**name)) {
                zone.states.clone_from(&known);
                if let Some(index) = self.woken_to {
                    zone.indices = VecDeque::from([index.to_string()]);
                }
            }
        }
        if self.loses_answers {
            Reply::Raw(Vec::new())
        } else {
            Reply::int(i64::from(id))
        }
    }
}
