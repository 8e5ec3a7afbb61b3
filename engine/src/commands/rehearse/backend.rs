//! Where the zones of a rehearsal keep their databases.

use std::collections::BTreeSet;

use nebplay_model::config::{Backend, Mysql};
use nebplay_modules::opennebula::conf;
use nebplay_modules::opennebula::onedb::{GivenDatabase, Kind};
use nebplay_twin::image::Description;

use crate::commands::prepare::Prepared;

/// The variable of the shipped playbooks that has connection parameters.
const VARIABLE: &str = "database";

/// The password of oneadmin in the twin and its database server, where nobody has given one. The real one is not for rehearsals; and
/// it is no word that stands elsewhere, for whatever holds it is taken for a secret.
pub(super) const PASSWORD: &str = "of-the-rehearsal";

/// What `--backend` takes.
pub(super) fn kind(word: &str) -> Result<Kind, String> {
    match word {
        "sqlite" => Ok(Kind::Sqlite),
        "mysql" | "mariadb" => Ok(Kind::Mysql),
        _ => Err("it is sqlite or mysql".to_owned()),
    }
}

/// That of a front-end: as it is asked for, as its variables give it, as the real one has it, or in SQLite.
pub(super) fn of(
    prepared: &Prepared,
    host: &str,
    asked: Option<Kind>,
    live: Option<&conf::Backend>,
) -> Backend {
    let given = given(prepared, host);
    let kind = asked
        .or_else(|| given.as_ref().map(|given| given.backend))
        .or_else(|| live.map(Kind::of));
    match kind {
        Some(Kind::Mysql) => Backend::Mysql(login(given, live)),
        _ => Backend::Sqlite,
    }
}

/// As people call it.
pub(super) fn name(backend: &Backend) -> &'static str {
    match backend {
        Backend::Sqlite => "SQLite",
        Backend::Mysql(_) => "MySQL",
    }
}

/// Those of a federation, each once: `SQLite`, or `MySQL and SQLite`.
pub(super) fn names(description: &Description) -> String {
    let names: BTreeSet<_> = description.zones.iter().map(|zone| name(&zone.backend)).collect();
    names.into_iter().collect::<Vec<_>>().join(" and ")
}

/// What is wrong with the variable is said by the task that takes it.
fn given(prepared: &Prepared, host: &str) -> Option<GivenDatabase> {
    let hosts = &prepared.options.hosts;
    let value = hosts.variable(host, VARIABLE, &prepared.templates).ok()??;
    serde_json::from_value(value).ok()
}

/// oned.conf's words in the twin: those given, or the real ones but for the password.
fn login(given: Option<GivenDatabase>, live: Option<&conf::Backend>) -> Mysql {
    let mut login = Mysql {
        server: "localhost".to_owned(),
        port: 0,
        user: "oneadmin".to_owned(),
        password: PASSWORD.to_owned(),
        database: "opennebula".to_owned(),
    };
    if let Some(conf::Backend::Mysql {
        server,
        port,
        user,
        db_name,
        ..
    }) = live
    {
        login.server.clone_from(server);
        login.port = *port;
        login.user.clone_from(user);
        login.database.clone_from(db_name);
    }
    if let Some(given) = given {
        login = Mysql {
            server: given.server.unwrap_or(login.server),
            port: given.port.unwrap_or(login.port),
            user: given.user.unwrap_or(login.user),
            password: given.password.unwrap_or(login.password),
            database: given.name.unwrap_or(login.database),
        };
    }
    login
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn live() -> conf::Backend {
        conf::Backend::Mysql {
            server: "db.example.org".to_owned(),
            port: 3307,
            user: "cloud".to_owned(),
            password: "the real one".to_owned(),
            db_name: "one".to_owned(),
        }
    }

    #[test]
    fn the_real_password_stays_where_it_is() {
        let login = login(None, Some(&live()));
        assert_eq!(login.password, PASSWORD);
        assert_eq!(
            (login.server.as_str(), login.port, login.database.as_str()),
            ("db.example.org", 3307, "one")
        );
    }

    #[test]
    fn what_is_given_is_what_the_tasks_will_say() {
        let given = json!({"backend": "mysql", "user": "root", "password": "p"});
        let login = login(serde_json::from_value(given).ok(), Some(&live()));
        assert_eq!((login.user.as_str(), login.password.as_str()), ("root", "p"));
        assert_eq!(login.server, "db.example.org");
    }
}
