//! OpenNebula on the machines: the daemon, its database, and the programs that speak with either.

mod counted;
pub mod daemon;
pub mod database;
mod mysql;
mod onedb;
mod place;
mod sqlite;
mod tools;

use std::time::Duration;

use nebplay_model::config::{Backend, Mysql};
use nebplay_model::onedb::FAILED;
use nebplay_model::seed::{Plan, ZoneSeed};
use nebplay_modules::host::{Command, RunAs};

use crate::federation::{At, Federation};
use crate::files::{Content, Node};
use crate::image::{Description, Zone};
use crate::machine::Machine;
use crate::process::{Process, Program};
use database::Database;
use database::shared::Known;
use place::Place;

/// How long the zones get to hear of each other's states.
const HEARD: Duration = Duration::from_secs(5);

/// The programs of this family: oned, onedb, onezone, onehost, onevm, oneuser, and the database's client.
pub(crate) fn find(name: &str) -> Option<Program> {
    Some(match name {
        "oned" => oned,
        "onedb" => onedb::onedb,
        "onezone" | "onehost" | "onevm" | "oneuser" => match name {
            "onezone" => |process| tools::run(process, "onezone"),
            "onehost" => |process| tools::run(process, "onehost"),
            "onevm" => |process| tools::run(process, "onevm"),
            _ => |process| tools::run(process, "oneuser"),
        },
        "sqlite3" => sqlite::sqlite3,
        "mysql" | "mariadb" => mysql::client,
        "perl" => counted::perl,
        _ => return None,
    })
}

/// `oned --version`, and `oned -f`, which goes into the background here: nothing of a script is left to wait for.
fn oned(process: &mut Process<'_>) -> i32 {
    let Some(version) = daemon::program_version(process.machine()) else {
        process.complain("oned: not found\n");
        return 127;
    };
    if process
        .args
        .iter()
        .any(|word| word == "-v" || word == "--version")
    {
        process.say(format!(
            "OpenNebula {version} ()\nCopyright 2002-2026, OpenNebula Project, OpenNebula Systems\n"
        ));
        return 0;
    }
    match daemon::start(process.federation, process.at) {
        Ok(()) => 0,
        Err(why) => {
            process.complain(format!("{why}\n"));
            i32::from(FAILED)
        }
    }
}

fn endpoint(zone: &Zone) -> String {
    format!("http://{}:2633/RPC2", zone.address)
}

/// Puts on a machine what makes it the front-end of that zone: configuration, credentials, database.
pub(crate) fn install(machine: &mut Machine, zone: &Zone, description: &Description) {
    let master = description.zones.iter().find(|zone| zone.master).map(endpoint);
    let mode = if zone.master { "MASTER" } else { "SLAVE" };
    let conf = format!(
        "# Configuration of OpenNebula\nLOG = [ SYSTEM = \"file\", DEBUG_LEVEL = 3 ]\nPORT = 2633\nLISTEN_ADDRESS = \"0.0.0.0\"\n\
         {}\n\
         FEDERATION = [\n    MODE          = \"{mode}\",\n    ZONE_ID       = {},\n    SERVER_ID     = -1,\n    MASTER_ONED   = \"{}\"\n]\n",
        backend(&zone.backend),
        zone.id,
        if zone.master {
            String::new()
        } else {
            master.unwrap_or_default()
        }
    );
    let plan = Plan {
        zone: zone.id,
        is_master: zone.master,
        zones: description
            .zones
            .iter()
            .map(|zone| ZoneSeed {
                id: zone.id,
                name: Some(zone.name.clone()),
                endpoint: endpoint(zone),
                disabled: false,
            })
            .collect(),
        version: description.version,
        users: i64::from(description.users),
        logged_users: i64::from(description.users),
        hosts: zone.hosts.clone(),
        vms: Vec::new(),
        is_slave: !zone.master,
        password: description.password.clone(),
        time: i64::try_from(description.now.as_secs()).unwrap_or(i64::MAX) - 86_400 * 300,
    };
    let now = description.now;
    let mut put = |path: &str, owner: &str, mode: u32, content: Content| {
        let meta = machine.meta(owner, mode, now);
        // A new machine has room, and the directories are there.
        let _ = machine.files.put(path, Node::File(meta, content));
    };
    put("/etc/one/oned.conf", "root", 0o640, Content::text(conf));
    put(
        "/var/lib/one/.one/one_auth",
        "oneadmin",
        0o600,
        Content::text(format!("oneadmin:{}\n", description.password)),
    );
    if let Backend::Mysql(login) = &zone.backend {
        mysql::install(machine, login, zone.makes_schemas, now);
    }
    // What the model refuses here is a description that makes no sense; the zone then has no database, which is seen at once.
    let _ = seed(machine, &plan, now);
}

/// Makes a zone's database anew where its oned.conf has it, whatever was there. The error says what the model refused, or why it cannot
/// be written.
pub fn seed(machine: &mut Machine, plan: &Plan, now: Duration) -> Result<(), String> {
    let place = Place::of(machine);
    let database = Database::seeded(plan)?;
    Ok(place.put(machine, database, now)?)
}

/// Lets the zones' databases share the tables that are equal: of a large federation that is nearly all there is.
pub(crate) fn share_tables(machines: &mut [Machine]) {
    let mut known = Known::default();
    for machine in machines {
        if let Some(database) = daemon::database_mut(machine) {
            database.share(&mut known);
        }
    }
}

/// Enables or disables a zone, by its own front-end, and lets all zones hear of it.
pub fn toggle(federation: &mut Federation, at: At, zone: i64, enable: bool) {
    let state = if enable { "enable" } else { "disable" };
    let command = Command::new(["onezone", state, &zone.to_string()]);
    let came = federation.execute(at, &command.run_as(RunAs::User("oneadmin".to_owned())), None);
    let then = federation.now() + came.took + HEARD;
    federation.advance(then);
}

/// The line of oned.conf.
fn backend(backend: &Backend) -> String {
    let Backend::Mysql(login) = backend else {
        return "DB = [ BACKEND = \"sqlite\", TIMEOUT = 2500 ]".to_owned();
    };
    let Mysql {
        server,
        port,
        user,
        password,
        database,
    } = login;
    format!(
        "DB = [ BACKEND = \"mysql\", SERVER = \"{server}\", PORT = {port}, USER = \"{user}\", PASSWD = \"{password}\", DB_NAME = \"{database}\", \
         CONNECTIONS = 25, COMPARE_BINARY = \"no\" ]"
    )
}
