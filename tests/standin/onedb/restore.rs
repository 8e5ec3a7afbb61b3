//! `onedb restore`: on SQLite it never fails, whatever becomes of the database.

use std::path::Path;
use std::process::Command;

use nebplay_model::config::Mysql;
use nebplay_model::onedb::{RESTORE_USAGE, mysql};

use super::{Stop, Tool, guard};
use crate::database::{Database, client_program};
use crate::{faults, output};

pub(super) fn command(tool: &Tool) -> Result<u8, Stop> {
    let Some(file) = tool.options.words.get(1) else {
        output::say(RESTORE_USAGE);
        return Err(Stop::new("Command restore requires one parameter to run"));
    };
    if !Path::new(file).exists() {
        return Err(Stop::new(format!(
            "File {file} doesn't exist, backup restoration aborted."
        )));
    }
    guard::check(tool)?;
    // A federated restore replaces some tables only and needs no -f.
    if !tool.options.has("federated") && !tool.options.has("force") {
        match &tool.database {
            Database::Sqlite(database) if database.exists() => {
                let database = database.display();
                return Err(Stop::new(format!("File {database} exists, use -f to overwrite.")));
            }
            Database::Mysql(login) => return Err(mysql::is_there(login)),
            Database::Sqlite(_) => {}
        }
    }
    let _alone = faults::alone(tool.host);
    put_back(tool, Path::new(file))?;
    Ok(0)
}

/// Puts a backup back and says so.
pub(super) fn put_back(tool: &Tool, file: &Path) -> Result<(), Stop> {
    faults::record(tool.host, "restore started");
    faults::slow(tool.host, "restore", || false);
    faults::hang(tool.host, "in-restore", || false);
    match &tool.database {
        Database::Sqlite(database) => sqlite(database, file),
        Database::Mysql(login) => load_mysql(login, file)?,
    }
    faults::record(tool.host, "restore completed");
    Ok(())
}

/// Piped in by a shell; neither its exit code nor sqlite3's is looked at.
fn sqlite(database: &Path, file: &Path) {
    let _ = Command::new("sh")
        .args(["-c", "sqlite3 \"$0\" < \"$1\""])
        .args([database, file])
        .status();
    output::say(&format!(
        "Sqlite database backup restored in {}\n",
        database.display()
    ));
}

fn load_mysql(login: &Mysql, file: &Path) -> Result<(), Stop> {
    let Mysql {
        server,
        port,
        user,
        password,
        database,
    } = login;
    let script = format!(
        "{} -u \"$1\" -h \"$2\" -P \"$3\" \"$4\" < \"$0\"",
        client_program()
    );
    let status = Command::new("sh")
        .args(["-c", &script])
        .arg(file)
        .args([user, server, &port.to_string(), database])
        .env("MYSQL_PWD", password)
        .status();
    if status.is_ok_and(|status| status.success()) {
        output::say(&mysql::restored(login));
        Ok(())
    } else {
        Err(mysql::not_restored(login))
    }
}
