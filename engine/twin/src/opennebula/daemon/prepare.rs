//! What oned looks at before it runs: its database, which must be of its version.

use std::time::Duration;

use nebplay_model::config::OnedConf;
use nebplay_model::log::Log as Indexes;
use nebplay_model::oned::{Identity, Oned};
use nebplay_model::seed::Plan;
use nebplay_model::version::Version;

use super::log::Log;
use super::{database, session};
use crate::machine::Machine;
use crate::opennebula::database::Database;
use crate::opennebula::mysql;
use crate::opennebula::place::Place;

/// What oned says on a terminal before it ends.
const MISMATCH: &str = "Database version mismatch. Check oned.log.";
const FAILED: &str = "Error starting the database. Check oned.log.";

/// Its database in memory. The error is what it says before it ends; its log has more.
pub(super) fn prepare(
    machine: &mut Machine,
    conf: &OnedConf,
    version: Version,
    now: Duration,
    log: &mut Log,
) -> Result<Oned, String> {
    let place = Place::new(conf.backend.clone());
    if let Place::Mysql(login) = &place {
        mysql::connect(machine, login).map_err(|refusal| {
            log.error(
                "ONE",
                &format!("Could not open connect to database server: {}", refusal.2),
            );
            FAILED.to_owned()
        })?;
    }
    if database(machine).is_none_or(|database| database.is_empty()) {
        log.info("ONE", "Bootstrapping database.");
        bootstrap(machine, conf, &place, version, now).map_err(|why| {
            log.error("ONE", &format!("Error connecting to the database: {why}"));
            FAILED.to_owned()
        })?;
    }
    let Some(database) = database(machine) else {
        return Err(FAILED.to_owned());
    };
    log.info("ONE", "Checking database version.");
    let Some(versions) = database.versions() else {
        log.error("ONE", "Error reading database version.");
        return Err(MISMATCH.to_owned());
    };
    let uses = |table: &str| format!("oned is using version {version} for {table}");
    if let Some(lines) = versions.refusal(version, conf.mode) {
        if versions.local.version == version {
            log.info("ONE", &uses("local_db_versioning"));
        }
        for line in lines {
            log.error("ONE", &line);
        }
        return Err(MISMATCH.to_owned());
    }
    log.info("ONE", &uses("local_db_versioning"));
    log.info("ONE", &uses("db_versioning"));
    let identity = Identity {
        zone_id: conf.zone_id,
        mode: conf.mode,
        version,
        dialect: place.dialect(),
    };
    let indexes = database.indexes().unwrap_or_else(|| {
        // It runs all the same, and nothing is ever replicated to it.
        for sql in [
            "SELECT MAX(log_index) FROM logdb",
            "SELECT fed_index FROM logdb WHERE fed_index != 18446744073709551615",
        ] {
            log.error(
                "ONE",
                &format!("SQL command was: {sql}, error: no such table: logdb"),
            );
        }
        Indexes::default()
    });
    Ok(Oned::new(identity, database.store(), indexes))
}

/// What oned makes of an empty database. Another account's leftover file stops it halfway, as it does the real one.
fn bootstrap(
    machine: &mut Machine,
    conf: &OnedConf,
    place: &Place,
    version: Version,
    now: Duration,
) -> Result<(), String> {
    let stopped = machine.files.at("/var/lib/one/.one/sunstone_auth").is_some();
    let database = if stopped {
        Database::bare()
    } else {
        let session = session(machine);
        let password = session
            .split_once(':')
            .map_or("opennebula", |(_, password)| password);
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        Database::seeded(&Plan::bootstrap(conf.zone_id, version, password, seconds))?
    };
    place.put(machine, database, now)?;
    if stopped {
        return Err("the auth files of serveradmin are there already".to_owned());
    }
    Ok(())
}
