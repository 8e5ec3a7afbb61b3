//! `onedb version`: which version the database has, and which one the installed programs need.

use serde::Serialize;

use super::{Access, LOOK};
use crate::host::{Exit, Host};
use crate::module::Failure;

/// Where a database stands beside the installed programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The programs can run on it.
    Current,
    /// It must be migrated first.
    UpgradeNeeded,
    /// It is newer than the programs.
    Newer,
    /// There is no database, or an empty one. oned started on it would begin a new cloud.
    NotBootstrapped,
}

/// What `onedb version -v` said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DbVersion {
    /// Where the database stands.
    pub state: Standing,
    /// Version of the federated tables.
    pub shared: Option<String>,
    /// Version of the zone's own tables.
    pub local: Option<String>,
    /// Version the programs need the federated tables to have.
    pub required_shared: Option<String>,
    /// Version the programs need the zone's own tables to have.
    pub required_local: Option<String>,
    /// Whether the database calls itself a slave's. `false` says nothing: slaves made as the docs say have it too.
    pub marked_as_slave: bool,
}

/// Asks onedb. It may run beside oned and changes nothing, except that SQLite undoes a transaction that something killed left behind.
pub async fn read(host: &dyn Host, access: &Access) -> Result<DbVersion, Failure> {
    let output = host
        .run(&access.onedb(&["version", "-v"], None).deadline(LOOK))
        .await?;
    let said = format!("{}{}", output.text(), output.err_text());
    interpret(output.exit, &output.text(), &output.err_text()).map_err(|why| {
        super::output::explain(
            Failure::failed(format!(
                "onedb version on {}: {why} ({}): {}",
                host.name(),
                output.exit,
                access.scrub(said.trim())
            )),
            &said,
        )
    })
}

/// Reads exit status and what was said together: either alone is not believed.
pub fn interpret(exit: Exit, stdout: &str, stderr: &str) -> Result<DbVersion, &'static str> {
    let state = match exit {
        Exit::Code(0) => Standing::Current,
        Exit::Code(2) => Standing::UpgradeNeeded,
        Exit::Code(3) => Standing::Newer,
        // `Database is not correctly bootstraped.` comes with it; a program that could not start ends with 1 too.
        Exit::Code(1) if stderr.contains("bootstrap") => Standing::NotBootstrapped,
        // It has no status of its own that a shell would take for a signal.
        exit if exit.shell_signal().is_some() => return Err("it was killed"),
        Exit::Code(_) => return Err("it could not read the database"),
        Exit::Signal(_) => return Err("it was killed"),
    };
    let mut version = DbVersion {
        state,
        shared: None,
        local: None,
        required_shared: None,
        required_local: None,
        marked_as_slave: false,
    };
    let mut required_of_shared = true;
    for line in stdout.lines() {
        if line.trim() == "This database is a federation slave" {
            version.marked_as_slave = true;
        }
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let value = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
        match name {
            // With -v the required version follows each table's own; without, both have names of their own.
            "Shared tables version" => {
                required_of_shared = true;
                version.shared = value;
            }
            "Local tables version" => {
                required_of_shared = false;
                version.local = value;
            }
            "Required version" if required_of_shared => version.required_shared = value,
            "Required shared version" => version.required_shared = value,
            "Required version" | "Required local version" => version.required_local = value,
            // The last lines of an answer of 2 repeat these names with what is expected.
            "Shared" if version.shared.is_none() => version.shared = value,
            "Local" if version.local.is_none() => version.local = value,
            _ => {}
        }
    }
    if state == Standing::NotBootstrapped {
        return Ok(version);
    }
    let complete = version.shared.is_some()
        && version.local.is_some()
        && version.required_shared.is_some()
        && version.required_local.is_some();
    if !complete {
        return Err("it did not say all four versions");
    }
    let equal = version.shared == version.required_shared && version.local == version.required_local;
    if equal != (state == Standing::Current) {
        return Err("its exit status and the versions it printed contradict each other");
    }
    Ok(version)
}

impl DbVersion {
    /// In a line: `shared 7.0.0, local 7.0.0, 7.2.0 needed`; of one that is not there, `missing or empty`.
    pub fn describe(&self) -> String {
        if self.state == Standing::NotBootstrapped {
            return "missing or empty".to_owned();
        }
        let say = |version: &Option<String>| version.clone().unwrap_or_else(|| "none".to_owned());
        let needed = if self.required_shared == self.required_local {
            say(&self.required_shared)
        } else {
            format!("{} and {}", say(&self.required_shared), say(&self.required_local))
        };
        format!(
            "shared {}, local {}, {needed} needed",
            say(&self.shared),
            say(&self.local)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDED: &str = "Shared tables version:   7.2.0\nRequired version:        7.2.0\nTimestamp: 11/23 01:33:07\n\
        Comment:   Database migrated from 7.0.0 to 7.2.0 (OpenNebula 7.2.0) by onedb command.\n\n\
        Local tables version:    7.0.0\nRequired version:        7.2.0\nTimestamp: 11/23 01:16:20\n\
        Comment:   OpenNebula 7.0.0 () daemon bootstrap\n\nThis database is a federation slave\n\n\
        Update required. Expected DB version is:\nLocal:  7.2.0\nShared: 7.2.0\n";
    const CURRENT: &str =
        "Shared: 7.0.0\nLocal:  7.0.0\nRequired shared version: 7.0.0\nRequired local version:  7.0.0\n";
    const NEWER: &str = "Shared: 7.2.0\nLocal:  7.0.0\nRequired shared version: 7.0.0\nRequired local version:  7.0.0\n\
        \nWARNING: Source version is lower than DB version\n";

    #[test]
    fn every_answer_seen_is_read() {
        let needed = interpret(Exit::Code(2), NEEDED, "").unwrap();
        assert_eq!(needed.state, Standing::UpgradeNeeded);
        assert_eq!(
            (needed.shared.as_deref(), needed.local.as_deref()),
            (Some("7.2.0"), Some("7.0.0"))
        );
        assert!(needed.marked_as_slave);
        assert_eq!(needed.describe(), "shared 7.2.0, local 7.0.0, 7.2.0 needed");

        assert_eq!(
            interpret(Exit::Code(0), CURRENT, "").unwrap().state,
            Standing::Current
        );
        let newer = interpret(Exit::Code(3), NEWER, "").unwrap();
        assert_eq!(
            (newer.state, newer.local.as_deref()),
            (Standing::Newer, Some("7.0.0"))
        );
        let empty = interpret(Exit::Code(1), "", "Database is not correctly bootstraped.\n").unwrap();
        assert_eq!((empty.state, empty.shared), (Standing::NotBootstrapped, None));
    }

    #[test]
    fn half_an_answer_is_none() {
        for (exit, text) in [
            (Exit::Code(255), ""),
            (Exit::Code(1), ""),
            (Exit::Signal(9), CURRENT),
            (Exit::Code(137), CURRENT),
            (Exit::Code(0), "Shared: 7.0.0\n"),
            (Exit::Code(0), ""),
            (Exit::Code(0), NEWER),
            (Exit::Code(2), CURRENT),
        ] {
            assert!(interpret(exit, text, "").is_err(), "{exit} {text}");
        }
    }
}
