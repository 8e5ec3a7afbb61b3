//! `standin-seed`: a zone's database made ready, so that zones seeded alike are in sync; and what oned
//! itself puts into an empty database. README.md of the stand-in lists the options.

use std::path::Path;

use nebplay_model::rows::RowOp;
use nebplay_model::schema::{Table, create_statements};
use nebplay_model::version::Version;

use crate::database::{Database, DatabaseError, client_program, zone};
use crate::host::{Host, now};
use crate::onedb::database_of;
use crate::output;
use nebplay_model::cli::options::Options;
use nebplay_model::seed::options::{OPTIONS, plan};
use nebplay_model::seed::{self as content, Plan, Seeded};

pub(crate) fn main(host: &Host, arguments: &[String]) -> u8 {
    match seed(host, arguments) {
        Ok(text) => {
            output::say(&text);
            0
        }
        Err(line) => {
            output::error(&line);
            2
        }
    }
}

fn seed(host: &Host, arguments: &[String]) -> Result<String, String> {
    let options = Options::parse(arguments, &OPTIONS)?;
    let plan = plan(&options, host.conf().zone_id, host.oned_version())?;
    let database = database_of(host, &host.conf().backend);
    let seeded = content::seed(&plan)?;
    empty(&database, options.get("mysql-socket")).map_err(|error| error.to_string())?;
    write(&database, &plan, &seeded).map_err(|error| error.to_string())?;
    let home = host.path("/var/lib/one");
    if let Database::Sqlite(file) = &database {
        own_as(&home, file);
    }
    let auth = host.path("/var/lib/one/.one/one_auth");
    if !auth.exists() {
        let directory = host.path("/var/lib/one/.one");
        std::fs::create_dir_all(&directory)
            .and_then(|()| std::fs::write(&auth, format!("oneadmin:{}\n", plan.password)))
            .map_err(|error| format!("{}: {error}", auth.display()))?;
        own_as(&home, &directory);
        own_as(&home, &auth);
    }
    Ok(format!(
        "zone {} {}: {} users, {} log entries, federated index {}\n",
        plan.zone,
        plan.version,
        seeded.store.rows(Table::UserPool).count(),
        seeded.entries.len(),
        seeded.fed_index
    ))
}

/// What oned makes of an empty database. Other accounts' leftover files stop it halfway, as they do the
/// real one: the tables are there, and nothing in them.
pub(crate) fn bootstrap(host: &Host, database: &Database, version: Version) -> Result<(), DatabaseError> {
    let conf = host.conf();
    if host.path("/var/lib/one/.one/sunstone_auth").exists() {
        database.transaction(&create_statements())?;
        return Err(DatabaseError(
            "the auth files of serveradmin are there already".to_owned(),
        ));
    }
    let session = host.session();
    let password = session
        .split_once(':')
        .map_or("opennebula", |(_, password)| password);
    let plan = Plan::bootstrap(conf.zone_id, version, password, now());
    let seeded = content::seed(&plan).map_err(DatabaseError)?;
    write(database, &plan, &seeded)
}

fn empty(database: &Database, socket: Option<&str>) -> Result<(), DatabaseError> {
    match database {
        Database::Sqlite(file) => {
            for leftover in [file.clone(), file.with_extension("db-journal")] {
                match std::fs::remove_file(&leftover) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(DatabaseError(format!("{}: {error}", leftover.display())));
                    }
                    _ => {}
                }
            }
            Ok(())
        }
        Database::Mysql(login) => {
            let (name, user, password) = (&login.database, &login.user, &login.password);
            // As root of the server, through its socket.
            let script = format!(
                "DROP DATABASE IF EXISTS `{name}`; CREATE DATABASE `{name}` CHARACTER SET utf8mb4; \
                 CREATE USER IF NOT EXISTS '{user}'@'localhost' IDENTIFIED BY '{password}'; \
                 CREATE USER IF NOT EXISTS '{user}'@'127.0.0.1' IDENTIFIED BY '{password}'; \
                 GRANT ALL ON `{name}`.* TO '{user}'@'localhost'; \
                 GRANT ALL ON `{name}`.* TO '{user}'@'127.0.0.1';"
            );
            let output = std::process::Command::new(client_program())
                .args(socket.map(|socket| format!("--socket={socket}")))
                .args(["-u", "root", "-e", &script])
                .output()
                .map_err(|error| DatabaseError(error.to_string()))?;
            if output.status.success() {
                Ok(())
            } else {
                Err(DatabaseError(
                    String::from_utf8_lossy(&output.stderr).trim().to_owned(),
                ))
            }
        }
    }
}

fn write(database: &Database, plan: &Plan, seeded: &Seeded) -> Result<(), DatabaseError> {
    let dialect = database.dialect();
    let mut statements = create_statements();
    statements.extend(content::versions(plan));
    statements.extend(content::fixed_rows(plan.time));
    for table in Table::ALL {
        statements.extend(seeded.store.rows(table).map(|values| {
            RowOp::Upsert {
                table,
                values: std::sync::Arc::clone(values),
            }
            .sql(dialect)
        }));
    }
    // The rows are there already: of an entry only its place in the log is written.
    statements.extend(seeded.entries.iter().map(|entry| {
        let [_, logged] = zone::statements(entry);
        logged
    }));
    database.transaction(&statements)
}

/// Gives a file to whom the home of oneadmin belongs; nothing to do when that is oneself.
fn own_as(home: &Path, file: &Path) {
    use std::os::unix::fs::MetadataExt;
    if let Ok(owner) = std::fs::metadata(home) {
        let _ = std::os::unix::fs::chown(file, Some(owner.uid()), Some(owner.gid()));
    }
}
