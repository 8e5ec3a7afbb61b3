//! Which database onedb works on: no option means oned.conf, any option of MySQL means nothing from it.

use std::io::BufRead;
use std::path::PathBuf;

use nebplay_model::config::Mysql;

use super::{Stop, database_of};
use crate::database::{Database, DatabaseError};
use crate::host::Host;
use crate::output;
use nebplay_model::cli::options::Options;

pub(super) fn database(host: &Host, options: &Options) -> Result<Database, Stop> {
    if let Some(file) = options.get("sqlite") {
        return Ok(Database::Sqlite(PathBuf::from(file)));
    }
    let kind = options.get("type");
    let of_mysql = ["server", "port", "username", "password", "dbname"]
        .iter()
        .any(|name| options.has(name));
    match (kind, of_mysql) {
        (Some("sqlite"), _) => Ok(Database::Sqlite(host.sqlite_file())),
        (Some("mysql"), _) | (None, true) => {
            let value = |name: &str, default: &str| options.get(name).unwrap_or(default).to_owned();
            Ok(Database::Mysql(Mysql {
                server: value("server", "localhost"),
                port: value("port", "0").parse().unwrap_or(0),
                user: value("username", "oneadmin"),
                password: password(options)?,
                database: value("dbname", "opennebula"),
            }))
        }
        (Some(other), _) => Err(Stop::new(format!("Backend {other} is not supported"))),
        (None, false) => Ok(database_of(host, &host.conf().backend)),
    }
}

fn password(options: &Options) -> Result<String, Stop> {
    if let Some(password) = options.get("password") {
        return Ok(password.to_owned());
    }
    if let Ok(password) = std::env::var("ONE_DB_PASSWORD") {
        return Ok(password);
    }
    output::say("MySQL Password: ");
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line).unwrap_or_default();
    if read == 0 {
        output::error("stty: 'standard input': Inappropriate ioctl for device");
        return Err(Stop::new(
            "undefined method `strip' for nil:NilClass\n\n        passwd = STDIN.gets.strip\n                           ^^^^^^",
        ));
    }
    Ok(line.trim().to_owned())
}

/// What onedb says of a database that cannot be reached, in the words of its own library.
pub(super) fn connection_error(database: &Database, error: &DatabaseError) -> String {
    match database {
        Database::Sqlite(_) => format!("Error connecting to DB: {error}"),
        Database::Mysql(_) => {
            // `ERROR 1045 (28000): Access denied …`
            let text = error.to_string();
            let message = text
                .split_once("): ")
                .map_or(text.as_str(), |(_, message)| message);
            format!("Error connecting to DB: Mysql2::Error::ConnectionError: {message}")
        }
    }
}
