//! Statements for a zone's own database, by the client on the host. Nothing is changed by them.

use super::conf::Backend;
use super::fingerprint::{mysql, sqlite};
use super::onedb::Access;
use crate::host::Command;

/// Asks the database, in its own dialect. Output: a row a line. The script is named by `of`: `zones of` a MySQL database.
pub(crate) fn query(access: &Access, of: &str, in_sqlite: &str, in_mysql: &str) -> Command {
    match &access.db {
        Backend::Sqlite { path } => {
            let script = format!(
                "# nebplay: {of} a SQLite database\n{}printf '%s\\n' \"$2\" | reader \"$1\"",
                sqlite::FUNCTION
            );
            access.script(&script, &[path, in_sqlite])
        }
        Backend::Mysql { .. } => {
            let script = format!(
                "# nebplay: {of} a MySQL database\n{}statements=$1\nshift\nask \"$statements\" \"$@\"",
                mysql::FUNCTIONS
            );
            mysql::client(access, &script, &[in_mysql], true)
        }
    }
}
