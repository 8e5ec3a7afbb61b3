//! How `onedb` is called, and what the words it prints mean.
//!
//! Its exit status is believed nowhere: a restore that wrote nothing says "restored" and exits 0. What it says decides only how a
//! failure is explained; what it did is read from the database.

#[cfg(test)]
pub(crate) mod fake;
pub mod output;
pub mod version;

use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::LazyLock;
use std::time::Duration;

use crate::host::{Command, Host};
use crate::module::{Cx, Failure, Secrets};
use crate::opennebula::command::{HOME, opennebula};
use crate::opennebula::conf::{Backend, Mode, read_conf_of};

/// What a look into a large database may take. A look that is killed does no harm.
pub const LOOK: Duration = Duration::from_hours(6);

/// Connection parameters given in a task instead of those of oned.conf. onedb takes all of them from one place or all from the other.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GivenDatabase {
    /// Which kind of database it is.
    pub backend: Kind,
    /// The SQLite file.
    #[serde(default)]
    pub path: Option<String>,
    /// MySQL server's name or address; `localhost` unless given.
    #[serde(default)]
    pub server: Option<String>,
    /// MySQL server's port; the usual one unless given.
    #[serde(default)]
    pub port: Option<u16>,
    /// MySQL user.
    #[serde(default)]
    pub user: Option<String>,
    /// MySQL password; it travels by environment, never in an argument vector.
    #[serde(default)]
    pub password: Option<String>,
    /// Name of the MySQL database.
    #[serde(default)]
    pub name: Option<String>,
}

/// Kind of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One file on the front-end.
    Sqlite,
    /// A MySQL or MariaDB server.
    Mysql,
}

impl Kind {
    /// That of a database in oned.conf.
    pub fn of(db: &Backend) -> Self {
        match db {
            Backend::Sqlite { .. } => Self::Sqlite,
            Backend::Mysql { .. } => Self::Mysql,
        }
    }
}

impl GivenDatabase {
    fn backend(&self) -> Result<Backend, Failure> {
        let needed = |value: &Option<String>, what: &str| {
            value
                .clone()
                .filter(|text| !text.is_empty())
                .ok_or_else(|| Failure::failed(format!("database.{what} is needed for this backend")))
        };
        Ok(match self.backend {
            Kind::Sqlite => Backend::Sqlite {
                path: needed(&self.path, "path")?,
            },
            Kind::Mysql => Backend::Mysql {
                server: self.server.clone().unwrap_or_else(|| "localhost".to_owned()),
                port: self.port.unwrap_or(0),
                user: needed(&self.user, "user")?,
                password: needed(&self.password, "password")?,
                db_name: needed(&self.name, "name")?,
            },
        })
    }
}

/// A zone's database, as onedb on its front-end is told of it.
#[derive(Debug, Clone)]
pub struct Access {
    /// Where it is.
    pub db: Backend,
    /// Whether the parameters were given, so that onedb must be given them too.
    pub given: bool,
    /// The zone's part in the federation, by FEDERATION/MODE; `is_slave` of the database is 0 on slaves made as the docs say.
    pub mode: Mode,
    /// The port of the zone's own XML-RPC.
    pub port: u16,
    /// Whether the zone has several servers, which share one log.
    pub ha: bool,
}

impl Access {
    /// Reads oned.conf of the step's host, and takes the database from there unless it was given.
    pub async fn of(cx: &Cx<'_>, given: Option<&GivenDatabase>) -> Result<Self, Failure> {
        Self::of_host(cx.host, cx.secrets, given).await
    }

    /// As [`Access::of`], for any host.
    pub async fn of_host(
        host: &dyn Host,
        secrets: &dyn Secrets,
        given: Option<&GivenDatabase>,
    ) -> Result<Self, Failure> {
        let conf = read_conf_of(host, secrets).await?;
        let db = match given {
            None => conf.db,
            Some(given) => given.backend()?,
        };
        if let Backend::Mysql { password, .. } = &db {
            secrets.learn(password, &format!("database password of {}", host.name()));
        }
        Ok(Self {
            db,
            given: given.is_some(),
            mode: conf.federation.mode,
            port: conf.port,
            ha: conf.federation.server_id.is_some(),
        })
    }

    /// The kind of the database.
    pub fn kind(&self) -> Kind {
        Kind::of(&self.db)
    }

    /// Where scratch files go: beside the SQLite database, which is where there is room, else oneadmin's home.
    pub fn room(&self) -> &str {
        match &self.db {
            Backend::Sqlite { path } => path.rsplit_once('/').map_or(HOME, |(directory, _)| directory),
            Backend::Mysql { .. } => HOME,
        }
    }

    /// The database in words, without its password.
    pub fn describe(&self) -> String {
        match &self.db {
            Backend::Sqlite { path } => path.clone(),
            Backend::Mysql { server, db_name, .. } => format!("MySQL database {db_name} at {server}"),
        }
    }

    /// `onedb` with these words, the connection's options, and the file it is about, if any.
    pub fn onedb(&self, words: &[&str], file: Option<&str>) -> Command {
        let words = words.iter().map(|word| (*word).to_owned());
        let argv = std::iter::once("onedb".to_owned())
            .chain(words)
            .chain(self.options())
            .chain(file.map(str::to_owned));
        self.equip(opennebula(self.port, argv))
    }

    /// A script as oneadmin that finds these arguments first and onedb's connection options after them.
    pub fn script_with_options(&self, script: &str, args: &[&str]) -> Command {
        let head = ["sh", "-c", script, "sh"];
        let argv = head.iter().chain(args).map(|word| (*word).to_owned());
        self.equip(opennebula(self.port, argv.chain(self.options())))
    }

    /// A script as oneadmin, for looks that need no onedb.
    pub fn script(&self, script: &str, args: &[&str]) -> Command {
        let head = ["sh", "-c", script, "sh"];
        opennebula(self.port, head.iter().chain(args).copied()).deadline(LOOK)
    }

    /// The options that tell onedb of the database, all of them or none; the password is never one.
    fn options(&self) -> Vec<String> {
        if !self.given {
            return Vec::new();
        }
        match &self.db {
            Backend::Sqlite { path } => vec!["-s".to_owned(), path.clone()],
            Backend::Mysql {
                server,
                port,
                user,
                db_name,
                ..
            } => {
                let mut words: Vec<String> = ["-t", "mysql", "-S", server, "-u", user, "-d", db_name]
                    .map(str::to_owned)
                    .to_vec();
                if *port != 0 {
                    words.extend(["-P".to_owned(), port.to_string()]);
                }
                words
            }
        }
    }

    /// Adds the password where onedb was given the other parameters; it takes none of them from oned.conf then.
    fn equip(&self, command: Command) -> Command {
        match &self.db {
            Backend::Mysql { password, .. } if self.given => command.env("ONE_DB_PASSWORD", password.clone()),
            _ => command,
        }
    }

    /// What onedb or sqlite3 printed, fit to be shown: no database password, no password hash, no line of the length of a table row.
    pub fn scrub(&self, text: &str) -> String {
        let password = match &self.db {
            Backend::Mysql { password, .. } => Some(password.as_str()),
            Backend::Sqlite { .. } => None,
        };
        scrub(text, password)
    }
}

/// See [`Access::scrub`].
pub fn scrub(text: &str, password: Option<&str>) -> String {
    // A failing dump prints `mysqldump -u oneadmin -p'PASSWORD' …`; a failing restore prints the statement with users' hashes.
    static OPTION: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(?:-p|--password=)(?:'[^']*'|[^\s']\S*)").ok());
    static HASH: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[0-9a-fA-F]{32,}").ok());
    let mut text = text.to_owned();
    if let Some(password) = password.filter(|password| !password.is_empty()) {
        text = text.replace(password, "***");
    }
    for (pattern, instead) in [(&OPTION, "-p***"), (&HASH, "***")] {
        if let Some(pattern) = pattern.as_ref() {
            text = pattern.replace_all(&text, instead).into_owned();
        }
    }
    let short = |line: &str| match line.char_indices().nth(300) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None => line.to_owned(),
    };
    text.lines().map(short).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mysql(given: bool) -> Access {
        Access {
            db: Backend::Mysql {
                server: "localhost".to_owned(),
                port: 0,
                user: "oneadmin".to_owned(),
                password: "on3pw".to_owned(),
                db_name: "opennebula".to_owned(),
            },
            given,
            mode: Mode::Master,
            port: 2633,
            ha: false,
        }
    }

    #[test]
    fn given_parameters_are_options_and_the_password_is_not() {
        let command = mysql(true).onedb(&["version"], None);
        assert_eq!(
            command.display(),
            "onedb version -t mysql -S localhost -u oneadmin -d opennebula"
        );
        assert_eq!(command.env.get("ONE_DB_PASSWORD").unwrap(), "on3pw");
        assert_eq!(
            command.env.get("ONE_XMLRPC").unwrap(),
            "http://localhost:2633/RPC2"
        );
        assert!(command.clear_env);
        let by_conf = mysql(false).onedb(&["version"], None);
        assert_eq!(by_conf.display(), "onedb version");
        assert!(!by_conf.env.contains_key("ONE_DB_PASSWORD"));
    }

    #[test]
    fn nothing_secret_survives_what_onedb_prints() {
        // As printed by a dump into a directory that is not there.
        let printed = "Unknown error running 'mysqldump -u oneadmin -p'on3pw' -h localhost -P 0  --add-drop-table opennebula \
                       group_pool user_pool > /proc/x.sql'";
        let shown = mysql(false).scrub(printed);
        assert!(!shown.contains("on3pw"), "{shown}");
        assert!(shown.contains("-h localhost -P 0"), "{shown}");
        assert!(!scrub(printed, None).contains("on3pw"));
        let row = "INSERT INTO user_pool VALUES(20,'bulk7','<PASSWORD><![CDATA[0f067531a934aa8efc02ac4c2b7153ab8a12d9c2eb4e2c7d32ae21d3759a41a5]]>";
        assert!(!scrub(row, None).contains("0f067531"));
        assert!(scrub(&"x".repeat(5000), None).chars().count() < 310);
    }

    #[test]
    fn half_given_parameters_are_refused() {
        let given: GivenDatabase =
            serde_json::from_value(serde_json::json!({"backend": "mysql", "user": "oneadmin"})).unwrap();
        let failure = given.backend().unwrap_err();
        assert!(
            failure.message.contains("database.password"),
            "{}",
            failure.message
        );
    }
}
