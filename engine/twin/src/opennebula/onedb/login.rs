//! Which database onedb works on: no option means oned.conf, any option of MySQL means nothing from it.

use nebplay_model::cli::options::Options;
use nebplay_model::config::{Backend, Mysql};

use super::Stop;
use crate::opennebula::mysql;
use crate::opennebula::place::Place;
use crate::process::Process;

pub(super) fn place(process: &mut Process<'_>, options: &Options) -> Result<Place, Stop> {
    if let Some(file) = options.get("sqlite") {
        return Ok(Place::Sqlite(process.path(file)));
    }
    let of_mysql = ["server", "port", "username", "password", "dbname"]
        .iter()
        .any(|name| options.has(name));
    let place = match (options.get("type"), of_mysql) {
        (Some("sqlite"), _) => Place::new(Backend::Sqlite),
        (Some("mysql"), _) | (None, true) => {
            let value = |name: &str, default: &str| options.get(name).unwrap_or(default).to_owned();
            Place::Mysql(Mysql {
                server: value("server", "localhost"),
                port: value("port", "0").parse().unwrap_or(0),
                user: value("username", "oneadmin"),
                password: password(process, options)?,
                database: value("dbname", "opennebula"),
            })
        }
        (Some(other), _) => return Err(Stop::new(format!("Backend {other} is not supported"))),
        (None, false) => Place::of(process.machine()),
    };
    if let Place::Mysql(login) = &place {
        // It connects before it does anything, and says what its own library says.
        mysql::open(process.machine(), login).map_err(|refusal| {
            Stop::new(format!(
                "Error connecting to DB: Mysql2::Error::ConnectionError: {}",
                refusal.2
            ))
        })?;
    }
    Ok(place)
}

fn password(process: &mut Process<'_>, options: &Options) -> Result<String, Stop> {
    if let Some(password) = options.get("password") {
        return Ok(password.to_owned());
    }
    if let Some(password) = process.env.get("ONE_DB_PASSWORD") {
        return Ok(password.clone());
    }
    process.say("MySQL Password: ");
    let line = String::from_utf8_lossy(process.stdin);
    if let Some(line) = line.lines().next() {
        return Ok(line.trim().to_owned());
    }
    process.complain("stty: 'standard input': Inappropriate ioctl for device\n");
    Err(Stop::new(
        "undefined method `strip' for nil:NilClass\n\n        passwd = STDIN.gets.strip\n                           ^^^^^^",
    ))
}
