//! The command line of `onedb`.

use crate::cli::options::{Known, flag, valued};

/// Every option it knows.
pub const OPTIONS: [Known; 15] = [
    flag(Some('v'), "verbose"),
    flag(Some('f'), "force"),
    flag(None, "federated"),
    flag(None, "dry"),
    flag(None, "no-backup"),
    flag(Some('V'), "version"),
    valued(Some('s'), "sqlite"),
    valued(Some('t'), "type"),
    valued(Some('S'), "server"),
    valued(Some('P'), "port"),
    valued(Some('u'), "username"),
    valued(Some('p'), "password"),
    valued(Some('d'), "dbname"),
    valued(None, "encoding"),
    valued(Some('b'), "backup"),
];
