//! A server of MySQL or MariaDB, on the front-end itself, and its client as scripts call it.

use std::sync::Arc;
use std::time::Duration;

use nebplay_model::config::Mysql;
use nebplay_model::rows::Dialect;

use super::database::{ALL_TABLES, Database, FEDERATED_TABLES_ALONE, Ran};
use super::onedb::running;
use super::place::Place;
use crate::deeds::{Act, content_of};
use crate::files::{Content, FileError, Node};
use crate::machine::Machine;
use crate::process::Process;

/// Where its schemas are, each one a file here.
pub(crate) const DIRECTORY: &str = "/var/lib/mysql";
/// The port it listens on, then the accounts it knows: `user:password`, a line each.
const ACCOUNTS: &str = "/var/lib/mysql/mysql.user";
/// Who may use which schema: `user:schema`, a line each; `*`: any, and make it.
const GRANTS: &str = "/var/lib/mysql/mysql.db";
/// The port of a client that names none.
const PORT: u16 = 3306;

/// Why it refuses: its number of the error, the standard's, and words.
pub(crate) struct Refusal(u16, &'static str, pub(crate) String);

impl From<Refusal> for String {
    /// As the client prints it.
    fn from(Refusal(code, state, words): Refusal) -> Self {
        format!("ERROR {code} ({state}): {words}")
    }
}

/// The file of a schema.
pub(crate) fn file(schema: &str) -> String {
    format!("{DIRECTORY}/{schema}")
}

/// The port that a login means.
fn port(login: &Mysql) -> u16 {
    if login.port == 0 { PORT } else { login.port }
}

/// Puts the server on a machine, with an account and nothing else. It may use its own schema, as the documentation grants it, or make others
/// too.
pub(crate) fn install(machine: &mut Machine, login: &Mysql, makes_schemas: bool, now: Duration) {
    let directory = machine.meta("mysql", 0o700, now);
    let granted = if makes_schemas { "*" } else { &login.database };
    // A new machine has room.
    let _ = machine.files.put(DIRECTORY, Node::Directory(directory));
    for (path, text) in [
        (
            ACCOUNTS,
            format!("{}\n{}:{}\n", port(login), login.user, login.password),
        ),
        (GRANTS, format!("{}:{granted}\n", login.user)),
    ] {
        let meta = machine.meta("mysql", 0o600, now);
        let _ = machine.files.put(path, Node::File(meta, Content::text(text)));
    }
}

/// Lets an account make a schema, or says why not.
fn may_make(machine: &Machine, user: &str, schema: &str) -> Result<(), Refusal> {
    let grants = machine.files.text(GRANTS);
    let is_granted = |line: &str| line == format!("{user}:*") || line == format!("{user}:{schema}");
    if grants.lines().any(is_granted) {
        return Ok(());
    }
    let why = format!("Access denied for user '{user}'@'localhost' to database '{schema}'");
    Err(Refusal(1044, "42000", why))
}

/// Lets a client in, or says why not.
pub(crate) fn connect(machine: &Machine, login: &Mysql) -> Result<(), Refusal> {
    let Mysql {
        server,
        user,
        password,
        ..
    } = login;
    let known = machine.files.text(ACCOUNTS);
    let mut known = known.lines();
    if known.next() != Some(port(login).to_string().as_str()) {
        let why = format!("Can't connect to server on '{server}' (115)");
        return Err(Refusal(2002, "HY000", why));
    }
    let account = format!("{user}:{password}");
    if known.any(|line| line == account) {
        return Ok(());
    }
    let using = if password.is_empty() { "NO" } else { "YES" };
    let why = format!("Access denied for user '{user}'@'localhost' (using password: {using})");
    Err(Refusal(1045, "28000", why))
}

/// As [`connect`], to the schema named.
pub(crate) fn open(machine: &Machine, login: &Mysql) -> Result<(), Refusal> {
    connect(machine, login)?;
    let name = &login.database;
    if schema(machine, name).is_some() {
        return Ok(());
    }
    Err(Refusal(1049, "42000", format!("Unknown database '{name}'")))
}

/// A schema; `None`: there is none of that name.
pub(crate) fn schema(machine: &Machine, name: &str) -> Option<Arc<Database>> {
    match machine.files.at(&file(name)) {
        Some(Node::File(_, Content::Database(database))) => Some(Arc::clone(database)),
        _ => None,
    }
}

/// Puts a schema in its place, whatever was there.
pub(crate) fn put(
    machine: &mut Machine,
    name: &str,
    database: Database,
    now: Duration,
) -> Result<(), FileError> {
    let meta = machine.meta("mysql", 0o660, now);
    let content = Content::Database(Arc::new(database));
    machine.files.write(&file(name), content, &meta)
}

/// What the client was called with.
fn login(process: &Process<'_>) -> Mysql {
    let mut login = Mysql {
        server: "localhost".to_owned(),
        port: 0,
        user: process.user.to_owned(),
        password: process.env.get("MYSQL_PWD").cloned().unwrap_or_default(),
        database: String::new(),
    };
    let mut words = process.args.iter();
    while let Some(word) = words.next() {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) if word.starts_with("--") => (name, value.to_owned()),
            _ if ["-h", "-u", "-P", "-D"].contains(&word.as_str()) => {
                (word.as_str(), words.next().cloned().unwrap_or_default())
            }
            _ if word.starts_with("-p") => ("--password", word[2..].to_owned()),
            _ => (word.as_str(), String::new()),
        };
        match name {
            "--host" | "-h" => login.server = value,
            "--user" | "-u" => login.user = value,
            "--port" | "-P" => login.port = value.parse().unwrap_or(0),
            "--password" => login.password = value,
            "--database" | "-D" => login.database = value,
            name if !name.starts_with('-') => name.clone_into(&mut login.database),
            _ => {}
        }
    }
    login
}

pub(super) fn client(process: &mut Process<'_>) -> i32 {
    let login = login(process);
    let text = String::from_utf8_lossy(process.stdin).into_owned();
    let to = if login.database.is_empty() { connect } else { open };
    let connected = to(process.machine(), &login).map_err(String::from);
    match connected.and_then(|()| work(process, &login, &text)) {
        Ok(()) => 0,
        Err(why) => {
            process.complain(format!("{why}\n"));
            1
        }
    }
}

/// Does what the statements say. The error is what the client prints.
fn work(process: &mut Process<'_>, login: &Mysql, text: &str) -> Result<(), String> {
    const SETTING: &str = "set session group_concat_max_len = 1000000;\n";
    let name = &login.database;
    let text = text.strip_prefix(SETTING).unwrap_or(text);
    let quoted = |begin: &str| text.strip_prefix(begin)?.split('`').next();
    if let Some(new) = quoted("create database `") {
        may_make(process.machine(), &login.user, new)?;
        if schema(process.machine(), new).is_some() {
            let why = format!("Can't create database '{new}'; database exists");
            return Err(Refusal(1007, "HY000", why).into());
        }
        return written(process, new, Database::default());
    }
    if let Some(gone) = quoted("drop database `") {
        process.machine_mut().files.remove(&file(gone));
        return Ok(());
    }
    let Some(database) = schema(process.machine(), name) else {
        return Err(Refusal(1046, "3D000", "No database selected".to_owned()).into());
    };
    if text.starts_with("select table_name, group_concat(") {
        let tables = if text.contains("table_name in (") {
            FEDERATED_TABLES_ALONE
        } else {
            ALL_TABLES
        };
        process.say(format!("{tables}\t*\t*\n"));
        return Ok(());
    }
    if text.contains("sum(data_length + index_length)") {
        let size = process.machine().sizes.database;
        process.say(format!("{size}\n"));
        return Ok(());
    }
    if text.starts_with("start transaction with consistent snapshot;") {
        let all = text.contains(ALL_TABLES);
        let sizes = process.machine().sizes;
        let (bytes, rate) = (
            if all { sizes.database } else { sizes.federated },
            process.federation.rates.read,
        );
        process.works_through(bytes, rate);
        process.say(database.as_rows(all));
        return Ok(());
    }
    run(process, name, &database, text)
}

/// Whether a dump is one of the federated tables alone.
pub(super) fn is_federated(dump: &str) -> bool {
    !dump.contains("\nCREATE TABLE `host_pool`")
}

/// Runs statements, or loads a dump.
fn run(process: &mut Process<'_>, name: &str, database: &Database, text: &str) -> Result<(), String> {
    let is_dump = text.contains("\nCREATE TABLE `");
    let federated = is_dump && is_federated(text);
    let sizes = process.machine().sizes;
    let bytes = match (is_dump, federated) {
        (false, _) => 0,
        (true, true) => sizes.federated,
        (true, false) => sizes.database,
    };
    let rate = process.federation.rates.load;
    let part = process.works_through(bytes, rate);
    let mut changed = database.clone();
    let Ran { out, errors, whole } = changed.run(text, part, true, Dialect::Mysql);
    if changed != *database {
        written(process, name, changed)?;
    }
    let is_zones = matches!(Place::of(process.machine()), Place::Mysql(login) if login.database == name);
    if is_dump && is_zones {
        let running = running(process);
        process.did(Act::Restored {
            path: "standard input".to_owned(),
            content: content_of(text),
            federated,
            whole,
            running,
        });
    }
    process.say(out);
    errors.into_iter().next().map_or(Ok(()), Err)
}

fn written(process: &mut Process<'_>, name: &str, database: Database) -> Result<(), String> {
    let now = process.federation.now();
    put(process.machine_mut(), name, database, now).map_err(|why| {
        // The server's own words for a full disk.
        Refusal(1114, "HY000", format!("The table is full ({why})")).into()
    })
}
