//! `onedb`: the tool that changes databases, with all its silences. What it says is the model's.

mod backup;
mod fsck;
mod login;
mod restore;
mod upgrade;

use std::sync::Arc;

use nebplay_model::cli::options::Options;
use nebplay_model::onedb::versions::{NOT_BOOTSTRAPED, Versions};
use nebplay_model::onedb::{OPTIONS, Stop, listening, locked};
use nebplay_model::rpc::Call;
use nebplay_model::version::Version;

use super::daemon::{self, LOCK};
use super::database::Database;
use super::place::Place;
use crate::files::{Content, Node};
use crate::process::Process;
use crate::programs::systemd::State;

/// onedb at work.
struct Tool<'a, 'b> {
    process: &'a mut Process<'b>,
    options: Options,
    place: Place,
    required: Version,
}

impl Tool<'_, '_> {
    fn database(&self) -> Option<Arc<Database>> {
        match self.process.machine().files.followed(&self.place.path()) {
            Some(Node::File(_, Content::Database(database))) => Some(Arc::clone(database)),
            _ => None,
        }
    }

    /// Puts a database in its place; a new file is oneadmin's.
    fn put(&mut self, database: Database) -> Result<(), Stop> {
        let written = match &self.place {
            Place::Sqlite(file) => self
                .process
                .write(&file.clone(), Content::Database(Arc::new(database))),
            Place::Mysql(_) => {
                let now = self.process.federation.now();
                let place = self.place.clone();
                place.put(self.process.machine_mut(), database, now)
            }
        };
        written.map_err(|why| Stop::new(format!("{} ({why})", self.full())))
    }

    /// What the database's library says of a full disk.
    fn full(&self) -> &'static str {
        match &self.place {
            Place::Sqlite(_) => "SQLite3::FullException: database or disk is full",
            Place::Mysql(_) => "Mysql2::Error: The table is full",
        }
    }

    /// Changes the database, where there is one.
    fn change(&mut self, by: impl FnOnce(&mut Database)) -> Result<(), Stop> {
        let Some(mut database) = self.database() else {
            return Ok(());
        };
        by(Arc::make_mut(&mut database));
        self.put(Arc::unwrap_or_clone(database))
    }

    fn versions(&self) -> Result<Versions, Stop> {
        let versions = self.database().and_then(|database| database.versions());
        versions.ok_or_else(|| Stop {
            line: NOT_BOOTSTRAPED.to_owned(),
            exit: 1,
        })
    }

    fn verbose(&self) -> bool {
        self.options.has("verbose")
    }

    fn say(&mut self, text: &str) {
        self.process.say(text);
    }

    /// Refuses while oned runs, or seems to: a killed oned leaves its lock.
    fn guard(&mut self) -> Result<(), Stop> {
        if self.process.machine().files.at(LOCK).is_some() {
            return Err(Stop::new(locked(LOCK)));
        }
        let endpoint = endpoint(self.process);
        let call = Call::new("one.system.version", &daemon::session(self.process.machine()), []);
        match daemon::call(self.process.federation, self.process.at, &endpoint, &call) {
            Ok(_) => Err(Stop::new(listening(&endpoint))),
            Err(_) => Ok(()),
        }
    }

    /// Shared and local version, for the deeds.
    fn both(&self) -> Option<(Version, Version)> {
        self.database().and_then(|database| database.both_versions())
    }
}

/// Where the tools look for oned.
pub(super) fn endpoint(process: &Process<'_>) -> String {
    let given = process.env.get("ONE_XMLRPC").cloned();
    given.unwrap_or_else(|| "http://localhost:2633/RPC2".to_owned())
}

/// The version of all commands but oned.
pub(super) fn tools_version(process: &Process<'_>) -> Version {
    let text = process
        .machine()
        .files
        .text("/usr/share/one/opennebula-tools.version");
    text.trim().parse().unwrap_or(Version::V7_0_0)
}

/// The units of OpenNebula that run on the machine.
pub(super) fn running(process: &Process<'_>) -> Vec<String> {
    let units = process.machine().units.iter();
    units
        .filter(|(name, unit)| name.starts_with("opennebula") && unit.active == State::Up)
        .map(|(name, _)| name.clone())
        .collect()
}

pub(super) fn onedb(process: &mut Process<'_>) -> i32 {
    match run(process) {
        Ok(exit) => i32::from(exit),
        Err(stop) => {
            process.complain(format!("{}\n", stop.line));
            i32::from(stop.exit)
        }
    }
}

fn run(process: &mut Process<'_>) -> Result<u8, Stop> {
    let options = Options::parse(process.args, &OPTIONS).map_err(Stop::new)?;
    let begins = process.federation.rates.onedb;
    if process.spends(begins) < 1.0 {
        return Ok(137);
    }
    let required = tools_version(process);
    if options.has("version") {
        process.say(format!("OpenNebula {required}\n"));
        return Ok(0);
    }
    let command = options.words.first().cloned().unwrap_or_default();
    let place = login::place(process, &options)?;
    let mut tool = Tool {
        process,
        options,
        place,
        required,
    };
    match command.as_str() {
        "version" => {
            let verbose = tool.verbose();
            let (text, exit) = tool.versions()?.report(required, verbose);
            tool.say(&text);
            Ok(exit)
        }
        "backup" => backup::command(&mut tool),
        "restore" => restore::command(&mut tool),
        "upgrade" => upgrade::command(&mut tool),
        "fsck" => fsck::command(&mut tool),
        "" => Err(Stop::new(
            "A command is required: version, backup, restore, upgrade or fsck",
        )),
        other => Err(Stop::new(format!("Command {other} is not known"))),
    }
}
