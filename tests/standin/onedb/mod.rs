//! `onedb`: the tool that changes databases, with all its silences.

mod backup;
mod fsck;
mod guard;
mod login;
mod restore;
mod upgrade;

use nebplay_model::config::Backend;
use nebplay_model::onedb::versions::{NOT_BOOTSTRAPED, Versions};
use nebplay_model::onedb::{OPTIONS, Stop};

use crate::database::{Database, DatabaseError, zone};
use crate::host::Host;
use crate::output;
use nebplay_model::cli::options::Options;

/// A command at work.
struct Tool<'a> {
    host: &'a Host,
    options: Options,
    database: Database,
}

impl Tool<'_> {
    fn verbose(&self) -> bool {
        self.options.has("verbose")
    }

    fn versions(&self) -> Result<Versions, Stop> {
        // A file that is not there must not come to be by being looked at.
        if let Database::Sqlite(file) = &self.database
            && !file.exists()
        {
            return Err(not_bootstraped());
        }
        match zone::versions(&self.database) {
            Ok(Some(versions)) => Ok(versions),
            Ok(None) => Err(not_bootstraped()),
            Err(error) => Err(login::connection_error(&self.database, &error)),
        }
    }
}

fn not_bootstraped() -> Stop {
    Stop {
        line: NOT_BOOTSTRAPED.to_owned(),
        exit: 1,
    }
}

fn failed(error: DatabaseError) -> Stop {
    Stop::new(error.to_string())
}

/// The database oned.conf speaks of.
pub(crate) fn database_of(host: &Host, backend: &Backend) -> Database {
    match backend {
        Backend::Sqlite => Database::Sqlite(host.sqlite_file()),
        Backend::Mysql(login) => Database::Mysql(login.clone()),
    }
}

pub(crate) fn main(host: &Host, arguments: &[String]) -> u8 {
    match run(host, arguments) {
        Ok(exit) => exit,
        Err(stop) => {
            output::error(&stop.line);
            stop.exit
        }
    }
}

fn run(host: &Host, arguments: &[String]) -> Result<u8, Stop> {
    let options = Options::parse(arguments, &OPTIONS).map_err(Stop::new)?;
    if options.has("version") {
        output::say(&format!("OpenNebula {}\n", host.tools_version()));
        return Ok(0);
    }
    let command = options.words.first().cloned().unwrap_or_default();
    let database = login::database(host, &options)?;
    let tool = Tool {
        host,
        options,
        database,
    };
    if let Database::Mysql(_) = &tool.database {
        // The real one connects before it does anything.
        tool.database
            .query("SELECT 1")
            .map_err(|error| login::connection_error(&tool.database, &error))?;
    }
    match command.as_str() {
        "version" => version(&tool),
        "backup" => backup::command(&tool),
        "restore" => restore::command(&tool),
        "upgrade" => upgrade::command(&tool),
        "fsck" => fsck::command(&tool),
        "" => Err(Stop::new(
            "A command is required: version, backup, restore, upgrade or fsck",
        )),
        other => Err(Stop::new(format!("Command {other} is not known"))),
    }
}

fn version(tool: &Tool) -> Result<u8, Stop> {
    let (text, exit) = tool.versions()?.report(tool.host.tools_version(), tool.verbose());
    output::say(&text);
    Ok(exit)
}
