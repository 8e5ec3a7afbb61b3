//! onedb on MySQL: how it finds its database, and what it says.

use super::Stop;
use crate::cli::options::Options;
use crate::config::Mysql;
use crate::schema::FEDERATED_TABLES;

/// What it asks on a terminal where no password is given.
pub const PROMPT: &str = "MySQL Password: ";

/// Which database it is to work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meant {
    /// That of oned.conf: no option says anything.
    Configured,
    /// SQLite's, in this file or where oned has it.
    Sqlite(Option<String>),
    /// MySQL's. Any option of it means that nothing is taken from oned.conf.
    Mysql(Mysql),
}

/// What the options mean. `password` is asked for one where it is needed and not among them.
pub fn meant(options: &Options, password: impl FnOnce() -> Result<String, Stop>) -> Result<Meant, Stop> {
    if let Some(file) = options.get("sqlite") {
        return Ok(Meant::Sqlite(Some(file.to_owned())));
    }
    let of_mysql = ["server", "port", "username", "password", "dbname"]
        .iter()
        .any(|name| options.has(name));
    match (options.get("type"), of_mysql) {
        (Some("sqlite"), _) => Ok(Meant::Sqlite(None)),
        (Some("mysql"), _) | (None, true) => {
            let value = |name: &str, default: &str| options.get(name).unwrap_or(default).to_owned();
            Ok(Meant::Mysql(Mysql {
                server: value("server", "localhost"),
                port: value("port", "0").parse().unwrap_or(0),
                user: value("username", "oneadmin"),
                password: options
                    .get("password")
                    .map_or_else(password, |given| Ok(given.to_owned()))?,
                database: value("dbname", "opennebula"),
            }))
        }
        (Some(other), _) => Err(Stop::new(format!("Backend {other} is not supported"))),
        (None, false) => Ok(Meant::Configured),
    }
}

/// What becomes of [`PROMPT`] where nobody can answer; the first line is stty's.
pub fn nobody_answers() -> [Stop; 2] {
    [
        Stop::new("stty: 'standard input': Inappropriate ioctl for device"),
        Stop::new(
            "undefined method `strip' for nil:NilClass\n\n        passwd = STDIN.gets.strip\n                           ^^^^^^",
        ),
    ]
}

/// A database that cannot be reached, in the words of onedb's own library.
pub fn unreached(why: &str) -> Stop {
    Stop::new(format!(
        "Error connecting to DB: Mysql2::Error::ConnectionError: {why}"
    ))
}

/// Where a dump goes that is given no place.
pub fn default_file(login: &Mysql, suffix: &str) -> String {
    format!(
        "/var/lib/one/mysql_{}_{}{suffix}.sql",
        login.server, login.database
    )
}

/// A dump is made.
pub fn stored(file: &str) -> String {
    format!(
        "MySQL dump stored in {file}\nUse 'onedb restore' or restore the DB using the mysql command:\n\
         mysql -u user -h server -P port db_name < backup_file\n\n"
    )
}

/// The command lines of a dump, without the program's name: two for a federated one, the tables and then the log.
pub fn dumps(login: &Mysql, file: &str, federated: bool) -> Vec<String> {
    let Mysql {
        server,
        port,
        user,
        password,
        database,
    } = login;
    let options = format!("-u {user} -p'{password}' -h {server} -P {port}  --add-drop-table {database}");
    if !federated {
        return vec![format!("{options} > {file}")];
    }
    let tables = FEDERATED_TABLES.join(" ");
    vec![
        format!("{options} {tables} > {file}"),
        format!("{options} logdb --where=\"fed_index!=-1\" >> {file}"),
    ]
}

/// One of [`dumps`] failed: all of it stands in the error, the password too.
pub fn not_dumped(command: &str) -> Stop {
    Stop::new(format!("Unknown error running 'mysqldump {command}'"))
}

/// A full restore without -f: the database is taken to be there.
pub fn is_there(login: &Mysql) -> Stop {
    Stop::new(format!(
        "MySQL database {} at {} exists, use -f to overwrite.",
        login.database, login.server
    ))
}

/// A restore went through.
pub fn restored(login: &Mysql) -> String {
    format!("MySQL DB {} at {} restored.\n", login.database, login.server)
}

/// The client ended a restore with an error.
pub fn not_restored(login: &Mysql) -> Stop {
    Stop::new(format!(
        "Error while restoring MySQL DB {} at {}.",
        login.database, login.server
    ))
}
