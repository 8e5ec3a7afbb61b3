//! oned.conf: which database, which role in the federation, which port.

pub mod syntax;

use std::fmt;

use crate::host::{Host, RunAs};
use crate::module::{Cx, Failure, Secrets};

use syntax::{Attribute, AttributeValue, SyntaxError};

/// Where it is on every front-end that was installed from packages.
pub const PATH: &str = "/etc/one/oned.conf";

/// Where oned keeps its SQLite database; oned.conf has no word for it.
pub const SQLITE_PATH: &str = "/var/lib/one/one.db";

/// The shipped file has 60 KiB.
const LIMIT: u64 = 4 << 20;

/// The port of XML-RPC unless oned.conf says otherwise.
pub const DEFAULT_PORT: u16 = 2633;

/// What nebplay needs to know of an oned.conf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnedConf {
    /// The database.
    pub db: Backend,
    /// The zone's part in its federation.
    pub federation: FederationConf,
    /// The port of XML-RPC.
    pub port: u16,
    /// The address oned listens on; `None`: on all.
    pub listen_address: Option<String>,
}

/// Where a zone's data is.
#[derive(Clone, PartialEq, Eq)]
pub enum Backend {
    /// A file.
    Sqlite {
        /// Its path on the front-end.
        path: String,
    },
    /// A MySQL or MariaDB server.
    Mysql {
        /// Host name or address; `localhost` is reached through its socket.
        server: String,
        /// Its port; 0 is the server's usual one.
        port: u16,
        /// The user.
        user: String,
        /// A secret: never in a message, an argument vector or the journal.
        password: String,
        /// The database.
        db_name: String,
    },
}

impl Backend {
    /// `sqlite` or `mysql`, as in oned.conf.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "sqlite",
            Self::Mysql { .. } => "mysql",
        }
    }
}

impl fmt::Debug for Backend {
    /// Leaves the password out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path } => f.debug_struct("Sqlite").field("path", path).finish(),
            Self::Mysql {
                server,
                port,
                user,
                db_name,
                ..
            } => f
                .debug_struct("Mysql")
                .field("server", server)
                .field("port", port)
                .field("user", user)
                .field("db_name", db_name)
                .finish_non_exhaustive(),
        }
    }
}

/// FEDERATION/MODE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Not federated.
    Standalone,
    /// Owns the federated tables.
    Master,
    /// Receives them.
    Slave,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Standalone => "STANDALONE",
            Self::Master => "MASTER",
            Self::Slave => "SLAVE",
        })
    }
}

/// The FEDERATION vector. Without one a zone stands alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FederationConf {
    /// What the zone is. This, and not `is_slave` of the database, tells a slave.
    pub mode: Mode,
    /// The zone's id.
    pub zone_id: u32,
    /// The server's id in an HA zone; `None` (written -1) where there is one server.
    pub server_id: Option<u32>,
    /// The master's endpoint, on slaves.
    pub master_oned: Option<String>,
}

/// Reads the oned.conf of the step's host. Its password is reported as a secret.
pub async fn read_conf(cx: &Cx<'_>) -> Result<OnedConf, Failure> {
    read_conf_of(cx.host, cx.secrets).await
}

/// Reads the oned.conf of any host.
pub async fn read_conf_of(host: &dyn Host, secrets: &dyn Secrets) -> Result<OnedConf, Failure> {
    let Some(bytes) = host.read_file(PATH, &RunAs::root(), LIMIT).await? else {
        return Err(Failure::failed(format!("there is no {PATH} on {}", host.name()))
            .hint("check that the host is an OpenNebula front-end, installed from packages"));
    };
    // Comments of old files are not always UTF-8; names and values that matter here are.
    let text = String::from_utf8_lossy(&bytes);
    let conf = parse(&text).map_err(|error| {
        Failure::failed(format!(
            "{}: {PATH}:{}: {}",
            host.name(),
            error.line,
            error.message
        ))
        .hint(format!("correct {PATH}; oned itself may refuse to start with it"))
    })?;
    if let Backend::Mysql { password, .. } = &conf.db {
        secrets.learn(password, &format!("oned.conf PASSWD of {}", host.name()));
    }
    Ok(conf)
}

/// Reads the text of an oned.conf.
pub fn parse(text: &str) -> Result<OnedConf, SyntaxError> {
    let attributes = syntax::parse(text)?;
    let port = match only(&attributes, "PORT")? {
        None => DEFAULT_PORT,
        Some(attribute) => number("PORT", single(attribute)?, attribute.line)?,
    };
    let listen_address = match only(&attributes, "LISTEN_ADDRESS")? {
        None => None,
        Some(attribute) => Some(single(attribute)?.to_owned()).filter(|address| address != "0.0.0.0"),
    };
    Ok(OnedConf {
        db: backend(only(&attributes, "DB")?)?,
        federation: federation(only(&attributes, "FEDERATION")?)?,
        port,
        listen_address,
    })
}

/// The attribute of that name. Two of them are an error: which one oned and onedb take need not be the same.
fn only<'a>(attributes: &'a [Attribute], name: &str) -> Result<Option<&'a Attribute>, SyntaxError> {
    let mut found = attributes.iter().filter(|attribute| attribute.name == name);
    let first = found.next();
    match (first, found.next()) {
        (Some(first), Some(second)) => Err(SyntaxError {
            line: second.line,
            message: format!("{name} stands here again, after line {}; remove one", first.line),
        }),
        _ => Ok(first),
    }
}

fn single(attribute: &Attribute) -> Result<&str, SyntaxError> {
    match &attribute.value {
        AttributeValue::Single(value) => Ok(value),
        AttributeValue::Vector(_) => Err(SyntaxError {
            line: attribute.line,
            message: format!("{} takes one value, not a vector", attribute.name),
        }),
    }
}

fn vector(attribute: &Attribute) -> Result<(), SyntaxError> {
    match &attribute.value {
        AttributeValue::Vector(_) => Ok(()),
        AttributeValue::Single(_) => Err(SyntaxError {
            line: attribute.line,
            message: format!("{} takes a vector in brackets", attribute.name),
        }),
    }
}

fn number<T: std::str::FromStr>(name: &str, value: &str, line: usize) -> Result<T, SyntaxError> {
    value.trim().parse().map_err(|_| SyntaxError {
        line,
        message: format!("{name} is not a number in its range"),
    })
}

fn backend(attribute: Option<&Attribute>) -> Result<Backend, SyntaxError> {
    let sqlite = || Backend::Sqlite {
        path: SQLITE_PATH.to_owned(),
    };
    let Some(db) = attribute else {
        return Ok(sqlite());
    };
    vector(db)?;
    let or = |name: &str, default: &str| db.member(name).unwrap_or(default).to_owned();
    // What is left out has oned's own default.
    match or("BACKEND", "sqlite").to_ascii_lowercase().as_str() {
        "sqlite" => Ok(sqlite()),
        "mysql" => Ok(Backend::Mysql {
            server: or("SERVER", "localhost"),
            port: match db.member("PORT") {
                None | Some("") => 0,
                Some(port) => number("DB/PORT", port, db.line)?,
            },
            user: or("USER", "oneadmin"),
            password: or("PASSWD", "oneadmin"),
            db_name: or("DB_NAME", "opennebula"),
        }),
        other => Err(SyntaxError {
            line: db.line,
            message: format!("DB/BACKEND {other:?} is neither sqlite nor mysql; nebplay knows no other"),
        }),
    }
}

fn federation(attribute: Option<&Attribute>) -> Result<FederationConf, SyntaxError> {
    let Some(federation) = attribute else {
        return Ok(FederationConf {
            mode: Mode::Standalone,
            zone_id: 0,
            server_id: None,
            master_oned: None,
        });
    };
    vector(federation)?;
    let line = federation.line;
    let mode = match federation
        .member("MODE")
        .unwrap_or("STANDALONE")
        .to_ascii_uppercase()
    {
        mode if mode == "STANDALONE" => Mode::Standalone,
        mode if mode == "MASTER" => Mode::Master,
        mode if mode == "SLAVE" => Mode::Slave,
        other => {
            return Err(SyntaxError {
                line,
                message: format!("FEDERATION/MODE {other:?} is none of STANDALONE, MASTER, SLAVE"),
            });
        }
    };
    let server_id: i64 = match federation.member("SERVER_ID") {
        None => -1,
        Some(id) => number("FEDERATION/SERVER_ID", id, line)?,
    };
    let member = |name| {
        federation
            .member(name)
            .map(str::trim)
            .filter(|text| !text.is_empty())
    };
    Ok(FederationConf {
        mode,
        zone_id: match federation.member("ZONE_ID") {
            None => 0,
            Some(id) => number("FEDERATION/ZONE_ID", id, line)?,
        },
        server_id: u32::try_from(server_id).ok(),
        master_oned: member("MASTER_ONED").map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::FailureKind;
    use crate::testing::{FakeHost, FakeWorld};

    const SLAVE: &str = r#"
        PORT = 2634
        DB = [ BACKEND = "mysql",
               SERVER  = "localhost",
               PORT    = 0,
               USER    = "oneadmin",
               PASSWD  = "p \"q\" #r", # not this
               DB_NAME = "opennebula" ]
        # DB = [ BACKEND = "sqlite" ]
        FEDERATION = [ MODE = "slave", ZONE_ID = 100, SERVER_ID = -1,
                       MASTER_ONED = "http://192.168.150.1:2633/RPC2" ]
    "#;

    #[test]
    fn a_slave_on_mysql_is_read() {
        let conf = parse(SLAVE).unwrap();
        let password = "p \"q\" #r".to_owned();
        assert_eq!(
            conf.db,
            Backend::Mysql {
                server: "localhost".into(),
                port: 0,
                user: "oneadmin".into(),
                password,
                db_name: "opennebula".into()
            }
        );
        assert_eq!(conf.federation.mode, Mode::Slave);
        assert_eq!((conf.federation.zone_id, conf.federation.server_id), (100, None));
        assert_eq!(
            conf.federation.master_oned.as_deref(),
            Some("http://192.168.150.1:2633/RPC2")
        );
        assert_eq!(conf.port, 2634);
        assert!(!format!("{conf:?}").contains("#r"), "{conf:?}");
    }

    #[test]
    fn what_is_left_out_has_oneds_default() {
        let conf = parse("").unwrap();
        assert_eq!(
            conf.db,
            Backend::Sqlite {
                path: SQLITE_PATH.into()
            }
        );
        assert_eq!(conf.federation.mode, Mode::Standalone);
        assert_eq!(conf.port, 2633);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_line() {
        let cases = [
            ("DB = sqlite", 1, "vector"),
            ("DB = [ BACKEND = \"postgresql\" ]", 1, "neither sqlite nor mysql"),
            ("DB = [ A = 1 ]\nDB = [ A = 1 ]", 2, "after line 1"),
            ("\nFEDERATION = [ MODE = \"BOSS\" ]", 2, "none of"),
            ("FEDERATION = [ ZONE_ID = -1 ]", 1, "ZONE_ID is not a number"),
            ("PORT = 99999", 1, "PORT is not a number"),
        ];
        for (text, line, part) in cases {
            let error = parse(text).unwrap_err();
            assert!(
                error.line == line && error.message.contains(part),
                "{text}: {error}"
            );
        }
    }

    #[tokio::test]
    async fn the_password_is_reported_as_a_secret() {
        let world = FakeWorld::default();
        let host = FakeHost::new("s1").file(PATH, SLAVE);
        read_conf(&world.cx(&host)).await.unwrap();
        assert_eq!(*world.secrets.lock().unwrap(), ["p \"q\" #r"]);
    }

    #[tokio::test]
    async fn a_missing_and_a_broken_file_say_what_to_do() {
        let world = FakeWorld::default();
        let host = FakeHost::new("m");
        let failure = read_conf(&world.cx(&host)).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Failed);
        assert!(
            failure.message.contains("no /etc/one/oned.conf on m"),
            "{}",
            failure.message
        );
        let host = host.file(PATH, "A = 1\nB = \"");
        let failure = read_conf(&world.cx(&host)).await.unwrap_err();
        assert!(
            failure.message.contains("/etc/one/oned.conf:2:"),
            "{}",
            failure.message
        );
        assert!(!failure.next.is_empty());
    }
}
