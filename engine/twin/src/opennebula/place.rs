//! Where a zone's database is, as oned.conf says.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use nebplay_model::config::{Backend, Mysql, OnedConf};
use nebplay_model::rows::Dialect;

use super::database::Database;
use super::mysql;
use crate::files::{Content, FileError, Node};
use crate::machine::Machine;

/// oned's own file, unless its configuration says otherwise.
const SQLITE: &str = "/var/lib/one/one.db";

/// The place of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// This file.
    Sqlite(String),
    /// A schema of the server on the front-end.
    Mysql(Mysql),
}

/// What a machine's oned is configured to. Such files are few, and they are read all the time.
pub(crate) fn conf(machine: &Machine) -> OnedConf {
    thread_local! {
        static READ: RefCell<HashMap<String, OnedConf>> = RefCell::default();
    }
    let text = machine.files.text("/etc/one/oned.conf");
    READ.with_borrow_mut(|read| {
        if let Some(conf) = read.get(&text) {
            return conf.clone();
        }
        let conf = OnedConf::parse(&text);
        read.insert(text, conf.clone());
        conf
    })
}

impl Place {
    /// That of a backend.
    pub(crate) fn new(backend: Backend) -> Self {
        match backend {
            Backend::Sqlite => Self::Sqlite(SQLITE.to_owned()),
            Backend::Mysql(login) => Self::Mysql(login),
        }
    }

    /// That of a machine's oned.
    pub(crate) fn of(machine: &Machine) -> Self {
        Self::new(conf(machine).backend)
    }

    /// The file in which it is kept.
    pub(crate) fn path(&self) -> String {
        match self {
            Self::Sqlite(path) => path.clone(),
            Self::Mysql(login) => mysql::file(&login.database),
        }
    }

    /// How its statements are written.
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Mysql(_) => Dialect::Mysql,
        }
    }

    /// Puts a database there, whatever was there. A file of SQLite is oneadmin's.
    pub(crate) fn put(
        &self,
        machine: &mut Machine,
        database: Database,
        now: Duration,
    ) -> Result<(), FileError> {
        match self {
            Self::Mysql(login) => mysql::put(machine, &login.database, database, now),
            Self::Sqlite(path) => {
                let meta = machine.meta("oneadmin", 0o600, now);
                let content = Content::Database(Arc::new(database));
                machine.files.put(path, Node::File(meta, content))
            }
        }
    }
}
