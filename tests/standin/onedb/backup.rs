//! `onedb backup`: real dumps by the vendor's programs, so that disks fill and files are cut as in reality.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use nebplay_model::config::Mysql;
use nebplay_model::onedb::{backup_suffix, mysql};
use nebplay_model::schema::FEDERATED_TABLES;

use super::{Stop, Tool};
use crate::database::{Database, dump_program};
use crate::faults;
use crate::host::now;
use crate::output;

pub(super) fn command(tool: &Tool) -> Result<u8, Stop> {
    let named = tool.options.words.get(1).map(String::as_str);
    make(tool, named, tool.options.has("federated"))?;
    Ok(0)
}

/// Makes a backup at the place named, or at the one onedb chooses, and says so. Gives that place.
pub(super) fn make(tool: &Tool, named: Option<&str>, federated: bool) -> Result<PathBuf, Stop> {
    let file = named.map_or_else(|| default_file(tool, federated), PathBuf::from);
    if file.exists() && !tool.options.has("force") {
        let file = file.display();
        return Err(Stop::new(format!(
            "File {file} exists, backup aborted. Use -f to overwrite."
        )));
    }
    faults::record(tool.host, "backup started");
    match &tool.database {
        Database::Sqlite(database) => sqlite(tool, database, &file, federated)?,
        Database::Mysql(login) => dump_mysql(tool, login, &file, federated)?,
    }
    faults::record(tool.host, "backup completed");
    Ok(file)
}

fn default_file(tool: &Tool, federated: bool) -> PathBuf {
    let suffix = backup_suffix(federated, now());
    match &tool.database {
        Database::Sqlite(database) => PathBuf::from(format!("{}{suffix}.bck", database.display())),
        Database::Mysql(login) => tool.host.path(&mysql::default_file(login, &suffix)),
    }
}

/// The dumps are piped by a shell whose failure nobody looks at: a full disk leaves a cut file and exit 0.
fn sqlite(tool: &Tool, database: &Path, file: &Path, federated: bool) -> Result<(), Stop> {
    let of = if federated { " of federated tables" } else { "" };
    output::say(&format!(
        "Sqlite database backup{of} stored in {}\n",
        file.display()
    ));
    let tables = tool.database.tables().unwrap_or_default();
    let mut head = String::new();
    if federated {
        head.push_str("-- FEDERATED\n");
    }
    let dropped: Vec<&str> = if federated {
        FEDERATED_TABLES.into_iter().chain(["logdb"]).collect()
    } else {
        tables.iter().map(String::as_str).collect()
    };
    for table in dropped {
        let _ = writeln!(head, "DROP TABLE IF EXISTS \"{table}\";");
    }
    if std::fs::write(file, head).is_err() {
        return Err(Stop::new(format!(
            "No such file or directory @ rb_sysopen - {}",
            file.display()
        )));
    }
    faults::hang(tool.host, "in-backup", || false);
    if federated {
        // A leftover of an interrupted backup is in the way.
        let copied = "CREATE TABLE logdb_tmp AS SELECT * FROM logdb WHERE fed_index!=-1;\n";
        tool.database
            .script(copied)
            .map_err(|error| Stop::new(format!("SQLite3::SQLException: {error}")))?;
        for table in FEDERATED_TABLES {
            dump(database, file, table, "");
        }
        dump(database, file, "logdb_tmp", " | sed -e 's/logdb_tmp/logdb/'");
        let _ = tool.database.script("DROP TABLE IF EXISTS logdb_tmp;\n");
    } else {
        dump(database, file, "", "");
    }
    output::say("Use 'onedb restore' to restore the DB.\n");
    Ok(())
}

fn dump(database: &Path, file: &Path, table: &str, filter: &str) {
    let script = format!("sqlite3 -cmd '.timeout 10000' \"$0\" \".dump $2\"{filter} >> \"$1\" 2>/dev/null");
    let _ = Command::new("sh")
        .args(["-c", &script])
        .args([database, file])
        .arg(table)
        .status();
}

/// Two dumps into one file. The whole command line, password and all, stands in the error.
fn dump_mysql(tool: &Tool, login: &Mysql, file: &Path, federated: bool) -> Result<(), Stop> {
    let program = dump_program();
    let file = file.display().to_string();
    for command in mysql::dumps(login, &file, federated) {
        let status = Command::new("sh")
            .args(["-c", &format!("{program} {command}")])
            .status();
        if !status.is_ok_and(|status| status.success()) {
            return Err(mysql::not_dumped(&command));
        }
        faults::hang(tool.host, "in-backup", || false);
    }
    output::say(&mysql::stored(&file));
    Ok(())
}
