//! oned on a machine: started, stopped, asked, and what it does by itself as time passes.

pub(crate) mod apart;
pub(crate) mod clients;
mod log;
mod prepare;
mod ship;
mod unreached;

use std::sync::Arc;
use std::time::Duration;

use nebplay_model::log::LogEntry;
use nebplay_model::oned::{Mode, Oned, Outcome};
use nebplay_model::replication::Replication;
use nebplay_model::rows::Dialect;
use nebplay_model::rpc::{Answer, Call, Value};
use nebplay_model::schema::Table;
use nebplay_model::version::Version;

use super::database::Database;
use super::place::{Place, conf};
use crate::deeds::Act;
use crate::federation::{At, Federation};
use crate::files::{Content, Node, text_of};
use crate::machine::Machine;
use crate::programs::coreutils::archive::is_compressed;
use crate::programs::network;
use ship::replicate;
use unreached::{Unreached, Why};

/// How often oned looks after its hosts.
const MONITORED: Duration = Duration::from_secs(30);
/// There while oned runs, and after it was killed.
pub(crate) const LOCK: &str = "/var/lock/one/one";

/// A oned that runs.
#[derive(Debug, Clone)]
pub struct Running {
    oned: Arc<Oned>,
    replication: Replication,
    /// Of a master: its slaves, with their endpoints where they are such.
    slaves: Arc<[(i64, Option<Endpoint>)]>,
    master: Arc<str>,
    session: Arc<str>,
    port: u16,
    /// The file of its database, and how it writes.
    database: Arc<str>,
    dialect: Dialect,
    /// It answers from this moment on.
    ready: Duration,
    /// When it looks after its hosts next, if any of them waits for it.
    next_look: Duration,
    hosts_wait: bool,
    /// Of a master: every slave has accepted all that is in the log, so that there is nothing to ship until something is written.
    all_shipped: bool,
}

impl Running {
    /// The index of its federated log.
    pub fn index(&self) -> u64 {
        self.oned.log.fed_index()
    }

    /// The looks at its hosts until now were made. Those that found nothing to do left nothing.
    fn has_looked(&mut self, now: Duration) {
        while self.next_look <= now {
            self.next_look += MONITORED;
        }
    }

    /// Whether its zone is enabled.
    pub fn enabled(&self) -> bool {
        !self.oned.is_disabled()
    }
}

/// The version of the installed program.
pub(crate) fn program_version(machine: &Machine) -> Option<Version> {
    machine
        .files
        .text("/usr/share/one/opennebula.version")
        .trim()
        .parse()
        .ok()
}

/// The zone's database, where it is one.
pub(crate) fn database(machine: &Machine) -> Option<&Arc<Database>> {
    let found = match &machine.oned {
        Some(running) => machine.files.followed(&running.database),
        None => machine.files.followed(&Place::of(machine).path()),
    };
    match found {
        Some(Node::File(_, Content::Database(database))) => Some(database),
        _ => None,
    }
}

/// The same, to be changed.
pub(super) fn database_mut(machine: &mut Machine) -> Option<&mut Database> {
    let path: Arc<str> = match &machine.oned {
        Some(running) => Arc::clone(&running.database),
        None => Place::of(machine).path().into(),
    };
    match machine.files.followed_mut(&path) {
        Some(Node::File(_, Content::Database(database))) => Some(Arc::make_mut(database)),
        _ => None,
    }
}

/// The number of its zone, and whether that is enabled, as its oned has it; `None`: that does not run.
pub(crate) fn own_zone(machine: &Machine) -> Option<(i64, bool)> {
    let running = machine.oned.as_ref()?;
    Some((running.oned.identity.zone_id, running.enabled()))
}

/// Takes every federated entry out of the zone's log: nothing is ever replicated to it again.
pub(crate) fn forget_federated_log(machine: &mut Machine) {
    let Some(database) = database_mut(machine) else {
        return;
    };
    database.forget_federated_log();
    let log = database.indexes().unwrap_or_default();
    if let Some(running) = &mut machine.oned {
        Arc::make_mut(&mut running.oned).log = log;
    }
}

/// Writes what oned writes, while it runs.
fn write(machine: &mut Machine, entries: &[LogEntry]) {
    let Some(running) = &machine.oned else { return };
    let dialect = running.dialect;
    if let Some(database) = database_mut(machine) {
        database.write(entries, dialect);
    }
    if let Some(running) = &mut machine.oned {
        running.all_shipped = false;
        running.hosts_wait = running.oned.has_hosts_waiting();
    }
}

/// `user:password` of oneadmin.
pub(crate) fn session(machine: &Machine) -> String {
    machine.files.text("/var/lib/one/.one/one_auth").trim().to_owned()
}

/// Starts it, unless it refuses its database; its log says why.
pub(crate) fn start(federation: &mut Federation, at: At) -> Result<(), String> {
    let machine = federation.machine(at);
    if machine.oned.is_some() {
        return Ok(());
    }
    let conf = conf(machine);
    let Some(version) = program_version(machine) else {
        return Err("oned is not installed".to_owned());
    };
    let mut log = log::Log::new(federation.now(), conf.zone_id);
    log.info("ONE", &format!("Starting OpenNebula {version} ()"));
    let now = federation.now();
    // At boot it is started before the machine answers.
    let ready = now.max(federation.machine(at).away_until) + federation.paced(at, federation.rates.oned);
    let machine = federation.machine_mut(at);
    let prepared = prepare::prepare(machine, &conf, version, now, &mut log);
    if prepared.is_err() {
        log.info("ONE", "All modules finalized, exiting.\n");
    }
    log::append(machine, now, &log.lines);
    let oned = prepared?;
    let place = Place::new(conf.backend);
    let slaves: Arc<[(i64, Option<Endpoint>)]> = match conf.mode {
        Mode::Master => {
            let others = oned.other_zones().into_iter();
            others.map(|(zone, url)| (zone, Endpoint::of(&url))).collect()
        }
        _ => Arc::from([]),
    };
    let meta = machine.meta("oneadmin", 0o644, now);
    // On a full disk oned says so and ends; the caller leaves the unit failed.
    machine
        .files
        .put(LOCK, Node::File(meta, Content::text("")))
        .map_err(|why| format!("Cannot open lock file: {why}"))?;
    machine.oned = Some(Running {
        replication: Replication::at_start(slaves.iter().map(|(id, _)| *id), &oned.log),
        oned: Arc::new(oned),
        slaves,
        master: conf.master.as_str().into(),
        session: session(machine).into(),
        port: conf.port,
        database: place.path().into(),
        dialect: place.dialect(),
        ready,
        next_look: ready,
        hosts_wait: false,
        all_shipped: false,
    });
    federation.did(at, Act::OnedStarted { program: version });
    let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    own_writes(federation, at, |oned| oned.started(seconds));
    Ok(())
}

/// Stops it. `asked`: in order, after the slaves that answer have everything; otherwise its machine went down, and the lock stays.
pub(crate) fn stop(federation: &mut Federation, at: At, asked: bool) {
    if federation.machine(at).oned.is_none() {
        return;
    }
    if asked {
        replicate(federation, at);
    }
    let apart = zones_apart(federation);
    let machine = federation.machine_mut(at);
    let index = machine.oned.take().map(|running| running.index());
    if asked {
        machine.files.remove(LOCK);
    }
    federation.did(at, Act::OnedStopped { index, apart, asked });
}

/// Two zones that run and are at different indexes, if there are such.
fn zones_apart(federation: &Federation) -> Option<[(i64, u64); 2]> {
    let running = federation.machines().filter_map(|machine| machine.oned.as_ref());
    let mut indexes = running.map(|running| (running.oned.identity.zone_id, running.index()));
    let one = indexes.next()?;
    let other = indexes.find(|(_, index)| *index != one.1)?;
    Some([one, other])
}

/// Lets oned write by itself.
fn own_writes(federation: &mut Federation, at: At, act: impl FnOnce(&mut Oned) -> Vec<LogEntry>) {
    let Some(running) = &mut federation.machine_mut(at).oned else {
        return;
    };
    let writes = act(Arc::make_mut(&mut running.oned));
    if !writes.is_empty() {
        write(federation.machine_mut(at), &writes);
    }
}

/// The machine behind an address and port, if its oned takes connections from that one.
fn reach(federation: &Federation, from: At, address: &str, port: u16) -> Result<At, Unreached> {
    let unreached = |why| Unreached::new(address, port, why);
    let to = network::resolve(federation, from, address).ok_or_else(|| unreached(Why::Unknown))?;
    let machine = federation.machine(to);
    let apart = federation.zones_apart && from != to && federation.machine(from).is_front_end();
    if apart || machine.away_until > federation.now() || network::filtered(federation, from, to, port) {
        return Err(unreached(Why::Silent));
    }
    let ready = machine
        .oned
        .as_ref()
        .is_some_and(|running| running.port == port && running.ready <= federation.now());
    if ready {
        Ok(to)
    } else {
        Err(unreached(Why::Refused))
    }
}

/// Whether something takes connections at that address and port, seen from that machine; why not, in the system's words.
pub(crate) fn listens(federation: &Federation, from: At, address: &str, port: u16) -> Result<(), String> {
    let other = [22, 80].contains(&port) && network::resolve(federation, from, address).is_some();
    if other {
        return Ok(());
    }
    reach(federation, from, address, port).map(|_| ()).map_err(|why| {
        if why.is_refused() {
            "Connection refused".to_owned()
        } else {
            "Connection timed out".to_owned()
        }
    })
}

/// Where an oned takes calls.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Endpoint {
    address: String,
    port: u16,
}

impl Endpoint {
    /// That of `http://ADDRESS:PORT/RPC2`.
    fn of(url: &str) -> Option<Self> {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let place = rest.split('/').next()?;
        let (address, port) = place.rsplit_once(':')?;
        Some(Self {
            address: address.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: port.parse().ok()?,
        })
    }
}

/// Asks the oned behind an endpoint.
pub(crate) fn call(
    federation: &mut Federation,
    from: At,
    url: &str,
    call: &Call,
) -> Result<Answer, Unreached> {
    let Endpoint { address, port } = Endpoint::of(url).ok_or_else(|| Unreached::new(url, 0, Why::Unknown))?;
    let to = reach(federation, from, &address, port)?;
    Ok(answer(federation, to, call))
}

fn answer(federation: &mut Federation, at: At, call: &Call) -> Answer {
    let (now, seconds) = (federation.now(), federation.seconds());
    let Some(running) = &mut federation.machine_mut(at).oned else {
        return Answer::no_such_method(&call.method);
    };
    if !running.hosts_wait {
        running.has_looked(now);
    }
    let master = Arc::clone(&running.master);
    match Arc::make_mut(&mut running.oned).handle(call, seconds) {
        Outcome::Answered { answer, writes } => {
            if !writes.is_empty() {
                write(federation.machine_mut(at), &writes);
                zone_states(federation, at, &writes, call);
            }
            answer
        }
        Outcome::AskMaster(asked) => {
            let came = self::call(federation, at, &master, &asked.call).map_err(|why| why.as_libcurl());
            let Some(running) = &mut federation.machine_mut(at).oned else {
                return Answer::no_such_method(&call.method);
            };
            Arc::make_mut(&mut running.oned).after_master(&asked, &call.method, came)
        }
    }
}

/// Notes that a zone was enabled or disabled: the master writes the state of every zone.
fn zone_states(federation: &mut Federation, at: At, writes: &[LogEntry], call: &Call) {
    let toggles = matches!(call.method.as_str(), "one.zone.enable" | "one.zone.updatedb");
    let is_federated = writes.iter().any(|entry| entry.fed_index.is_some());
    let Ok(zone) = call.int(1) else { return };
    if !toggles || !is_federated {
        return;
    }
    let Some(running) = &federation.machine(at).oned else {
        return;
    };
    let body = running.oned.store.body(Table::ZonePool, zone).unwrap_or_default();
    let enabled = nebplay_model::xml::field(body, "STATE") == "0";
    federation.did(at, Act::ZoneState { zone, enabled });
}

/// Time has passed on a machine: the log is replicated, hosts are monitored, clients write.
pub(crate) fn tick(federation: &mut Federation, at: At) {
    let seconds = federation.seconds();
    let Some(running) = &federation.machine(at).oned else {
        return;
    };
    if running.ready > federation.now() {
        return;
    }
    let is_master = !running.slaves.is_empty();
    if running.hosts_wait && running.next_look <= federation.now() {
        let now = federation.now();
        if let Some(running) = &mut federation.machine_mut(at).oned {
            running.has_looked(now);
        }
        own_writes(federation, at, |oned| oned.tick(seconds));
    }
    if is_master {
        clients::write(federation, at);
        replicate(federation, at);
    }
}

/// When there is something to do for [`tick`] next, if the machine does not change before.
pub(crate) fn next_tick(federation: &Federation, at: At) -> Duration {
    let (now, machine) = (federation.now(), federation.machine(at));
    let Some(running) = &machine.oned else {
        return Duration::MAX;
    };
    if running.ready > now {
        return running.ready;
    }
    let look = running.hosts_wait.then_some(running.next_look);
    let is_master = !running.slaves.is_empty();
    let ship = (is_master && !running.all_shipped).then_some(now);
    // A client that is due already was kept out by the machine, which changes, or is away for a time.
    let mut clients = [federation.next_client(), machine.away_until].into_iter();
    let client = clients.find(|due| is_master && *due > now);
    let due = [look, ship, client].into_iter().flatten();
    due.min().unwrap_or(Duration::MAX)
}

/// Answers a request of HTTP; `None`: it is not all there yet.
pub(crate) fn http(
    federation: &mut Federation,
    from: At,
    address: &str,
    port: u16,
    request: &[u8],
) -> Option<Vec<u8>> {
    let text = text_of(request);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length: usize = head.lines().find_map(|line| {
        line.to_ascii_lowercase()
            .strip_prefix("content-length:")?
            .trim()
            .parse()
            .ok()
    })?;
    if body.len() < length {
        return None;
    }
    // Gone since the connection was made: it is closed without a word.
    let Ok(to) = reach(federation, from, address, port) else {
        return Some(Vec::new());
    };
    let answer = match Call::parse(body) {
        Ok(call) => answer(federation, to, &call),
        Err(error) => Answer::Fault {
            code: -503,
            message: error.to_string(),
        },
    };
    let body = answer.render();
    let head = format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-length: {}\r\nContent-type: text/xml; charset=utf-8\r\nServer: Xmlrpc-c_Abyss/1.56.0\r\n\r\n",
        body.len()
    );
    Some([head, body].concat().into_bytes())
}

/// How many bytes there would be in reality where the twin has this sample of a dump.
pub(crate) fn stands_for(federation: &Federation, at: At, sample: &[u8]) -> u64 {
    if sample.len() < 4096 {
        return sample.len() as u64;
    }
    let bytes = federation.machine(at).sizes.federated;
    if !is_compressed(sample) {
        return bytes;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "sizes below 2^53 bytes"
    )]
    let compressed = (bytes as f64 * federation.rates.compressed) as u64;
    compressed
}

/// A user of this name, for clients.
fn new_user(session: &str, name: &str) -> Call {
    let text = |text: &str| Value::Text(text.to_owned());
    Call::new(
        "one.user.allocate",
        session,
        [text(name), text("secret"), text("core")],
    )
}
