//! What the model needs of oned.conf.

use std::collections::BTreeMap;

use crate::oned::Mode;

/// Where the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backend {
    /// One file; its path is not in oned.conf.
    Sqlite,
    /// MySQL or MariaDB.
    Mysql(Mysql),
}

/// How to reach a MySQL database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mysql {
    /// SERVER.
    pub server: String,
    /// PORT; 0 is the client's default.
    pub port: u16,
    /// USER.
    pub user: String,
    /// PASSWD.
    pub password: String,
    /// DB_NAME.
    pub database: String,
}

/// The settings of oned.conf that decide what a zone is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnedConf {
    /// DB.
    pub backend: Backend,
    /// FEDERATION/MODE.
    pub mode: Mode,
    /// FEDERATION/ZONE_ID.
    pub zone_id: i64,
    /// FEDERATION/MASTER_ONED; empty on the master.
    pub master: String,
    /// PORT.
    pub port: u16,
    /// LISTEN_ADDRESS.
    pub listen: String,
}

/// Names to texts; of names that repeat, the last.
type Values = BTreeMap<String, String>;

impl OnedConf {
    /// Reads the file's text. What is missing has oned's default; what cannot be read is passed over,
    /// since the stand-in is no place to check a configuration.
    pub fn parse(text: &str) -> Self {
        let (single, vectors) = parse(text);
        let of = |vector: &str, name: &str| -> Option<String> { vectors.get(vector)?.get(name).cloned() };
        let backend = match of("DB", "BACKEND").as_deref() {
            Some("mysql") => Backend::Mysql(Mysql {
                server: of("DB", "SERVER").unwrap_or_else(|| "localhost".to_owned()),
                port: of("DB", "PORT").and_then(|port| port.parse().ok()).unwrap_or(0),
                user: of("DB", "USER").unwrap_or_else(|| "oneadmin".to_owned()),
                password: of("DB", "PASSWD").unwrap_or_default(),
                database: of("DB", "DB_NAME").unwrap_or_else(|| "opennebula".to_owned()),
            }),
            _ => Backend::Sqlite,
        };
        let mode = match of("FEDERATION", "MODE")
            .unwrap_or_default()
            .to_uppercase()
            .as_str()
        {
            "MASTER" => Mode::Master,
            "SLAVE" => Mode::Slave,
            _ => Mode::Standalone,
        };
        Self {
            backend,
            mode,
            zone_id: of("FEDERATION", "ZONE_ID")
                .and_then(|id| id.parse().ok())
                .unwrap_or(0),
            master: of("FEDERATION", "MASTER_ONED").unwrap_or_default(),
            port: single
                .get("PORT")
                .and_then(|port| port.parse().ok())
                .unwrap_or(2633),
            listen: single
                .get("LISTEN_ADDRESS")
                .cloned()
                .unwrap_or_else(|| "0.0.0.0".to_owned()),
        }
    }
}

/// The single values and the vectors of the file.
fn parse(text: &str) -> (Values, BTreeMap<String, Values>) {
    let tokens = tokens(text);
    let (mut single, mut vectors) = (Values::new(), BTreeMap::new());
    let mut at = 0;
    while let Some([name, equals, value]) = tokens.get(at..at + 3) {
        if equals != "=" {
            at += 1;
            continue;
        }
        if value != "[" {
            single.insert(name.to_uppercase(), value.clone());
            at += 3;
            continue;
        }
        at += 3;
        let mut vector = Values::new();
        while let Some(token) = tokens.get(at) {
            match tokens.get(at..at + 3) {
                _ if token == "]" => break,
                Some([name, equals, value]) if equals == "=" => {
                    vector.insert(name.to_uppercase(), value.clone());
                    at += 3;
                }
                _ => at += 1,
            }
        }
        at += 1;
        vectors.insert(name.to_uppercase(), vector);
    }
    (single, vectors)
}

/// Words, quoted texts (without quotes), `=`, `[` and `]`; commas and comments are gone.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut word = String::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' => {
                let mut quoted = String::new();
                while let Some(character) = characters.next() {
                    match character {
                        '\\' if characters.peek() == Some(&'"') => quoted.extend(characters.next()),
                        '"' => break,
                        other => quoted.push(other),
                    }
                }
                tokens.push(quoted);
                continue;
            }
            '#' => while characters.next_if(|next| *next != '\n').is_some() {},
            '=' | '[' | ']' | ',' => {}
            other if other.is_whitespace() => {}
            other => {
                word.push(other);
                if characters
                    .peek()
                    .is_some_and(|next| !"=[],#\"".contains(*next) && !next.is_whitespace())
                {
                    continue;
                }
            }
        }
        if !word.is_empty() {
            tokens.push(std::mem::take(&mut word));
        }
        if "=[]".contains(character) {
            tokens.push(character.to_string());
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_forms_of_the_file() {
        let text = r#"
#DB = [ BACKEND = "mysql" ]
PORT = 2634 # not 2633
LISTEN_ADDRESS = "10.0.0.1"
DB = [ BACKEND = "mysql",
       SERVER  = "localhost", PORT = 0, # comment in a vector
       USER    = "oneadmin", PASSWD = "a#b\"c, ]",
       DB_NAME = "one" ]
VM_MAD = [ NAME = "kvm", ARGUMENTS = "-t 15
  -r 0 kvm" ]
FEDERATION = [
    MODE = "SLAVE", ZONE_ID = 100, SERVER_ID = -1,
    MASTER_ONED = "http://10.99.0.1:2633/RPC2"
]
"#;
        let conf = OnedConf::parse(text);
        let Backend::Mysql(mysql) = &conf.backend else {
            panic!("{conf:?}")
        };
        assert_eq!(
            (mysql.password.as_str(), mysql.database.as_str()),
            ("a#b\"c, ]", "one")
        );
        assert_eq!((conf.mode, conf.zone_id, conf.port), (Mode::Slave, 100, 2634));
        assert_eq!(
            (conf.listen.as_str(), conf.master.as_str()),
            ("10.0.0.1", "http://10.99.0.1:2633/RPC2")
        );
    }

    #[test]
    fn defaults_and_broken_files() {
        for text in [
            "",
            "DB = [",
            "= = =",
            "DB = [ BACKEND = \"sqlite\" ]",
            "\"",
            "FEDERATION = [ MODE ]",
        ] {
            let conf = OnedConf::parse(text);
            assert_eq!(
                (conf.backend, conf.mode, conf.port),
                (Backend::Sqlite, Mode::Standalone, 2633)
            );
        }
    }
}
