//! `oned -f`: the model behind a real port, over a real database.

mod log;
mod notify;
mod replicator;
mod service;

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use nebplay_model::oned::{Identity, Oned};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::database::{Database, zone};
use crate::host::Host;
use crate::onedb::database_of;
use crate::output;
use crate::seed;
use log::Log;
use service::Service;

/// oned's exit code for whatever keeps it from running.
const FAILED: u8 = 255;

pub(crate) fn main(host: &Host, arguments: &[String]) -> u8 {
    match arguments.first().map(String::as_str) {
        Some("-v" | "--version") => {
            output::say(&format!(
                "OpenNebula {} ()\nCopyright 2002-2026, OpenNebula Project, OpenNebula Systems\n",
                host.oned_version()
            ));
            0
        }
        _ => run(host),
    }
}

fn run(host: &Host) -> u8 {
    let conf = host.conf();
    let log = Log::new(host, conf.zone_id);
    let version = host.oned_version();
    let database = database_of(host, &conf.backend);
    log.info("ONE", &format!("Starting OpenNebula {version} ()"));
    if let Err(error) = std::fs::write(host.lock_file(), "") {
        log.error("ONE", &format!("Cannot open lock file: {error}"));
        output::error("Cannot open lock file, aborting.");
        return FAILED;
    }
    let service = match prepare(host, &database, &log) {
        Ok(service) => service,
        Err(complaint) => {
            output::error(&complaint);
            return leave(host, &log, FAILED);
        }
    };
    // Taken before anything is announced: whoever hears that oned is ready may stop it at once.
    let Ok(mut signals) = Signals::new([SIGTERM, SIGINT]) else {
        return leave(host, &log, FAILED);
    };
    let listener = match TcpListener::bind((conf.listen.as_str(), conf.port)) {
        Ok(listener) => listener,
        Err(error) => {
            log.error("ReM", &format!("Cannot bind to port {}: {error}", conf.port));
            return leave(host, &log, FAILED);
        }
    };
    log.info("ReM", &format!("Starting XML-RPC server, port {} ...", conf.port));
    let served = Arc::clone(&service);
    std::thread::spawn(move || served.serve(&listener));
    replicator::start(&service);
    let ticking = Arc::clone(&service);
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_secs(1));
            ticking.tick();
        }
    });
    log.info("ReM", "Request Manager started");
    notify::ready();
    signals.forever().next();
    log.info("ONE", "Stopping OpenNebula...");
    service.settle();
    // What is being written is written to its end.
    let _still = service.lock();
    leave(host, &log, 0)
}

/// Looks at the database and refuses what is not of its version; an empty one becomes a new zone.
fn prepare(host: &Host, database: &Database, log: &Log) -> Result<Arc<Service>, String> {
    let (conf, version) = (host.conf(), host.oned_version());
    let failed = |error: crate::database::DatabaseError| {
        log.error("ONE", &format!("Error connecting to the database: {error}"));
        "Error starting the database. Check oned.log.".to_owned()
    };
    if database.tables().map_err(failed)?.is_empty() {
        log.info("ONE", "Bootstrapping database.");
        seed::bootstrap(host, database, version).map_err(failed)?;
    }
    log.info("ONE", "Checking database version.");
    let versions = zone::versions(database).map_err(failed)?.ok_or_else(|| {
        log.error("ONE", "Error reading database version.");
        "Database version mismatch. Check oned.log.".to_owned()
    })?;
    if let Some(lines) = versions.refusal(version, conf.mode) {
        if versions.local.version == version {
            log.info(
                "ONE",
                &format!("oned is using version {version} for local_db_versioning"),
            );
        }
        for line in lines {
            log.error("ONE", &line);
        }
        return Err("Database version mismatch. Check oned.log.".to_owned());
    }
    log.info(
        "ONE",
        &format!("oned is using version {version} for local_db_versioning"),
    );
    log.info(
        "ONE",
        &format!("oned is using version {version} for db_versioning"),
    );
    let identity = Identity {
        zone_id: conf.zone_id,
        mode: conf.mode,
        version,
        dialect: database.dialect(),
    };
    let store = zone::load_store(database).map_err(failed)?;
    let (entries, complaints) = zone::load_log(database);
    for complaint in &complaints {
        log.error("ONE", complaint);
    }
    let oned = Oned::new(identity, store, entries);
    Ok(Service::new(
        oned,
        database.clone(),
        conf.master,
        host.session(),
        log.clone(),
    ))
}

fn leave(host: &Host, log: &Log, exit: u8) -> u8 {
    let _ = std::fs::remove_file(host.lock_file());
    log.info("ONE", "All modules finalized, exiting.\n");
    exit
}
