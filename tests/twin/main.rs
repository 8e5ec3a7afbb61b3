//! The twin against what the real OpenNebula printed: the stand-in's golden stories, played in memory.

#![expect(clippy::unwrap_used, reason = "all of it is a test, its helpers too")]

mod stage;

use std::path::Path;

use nebplay_model::config::{Backend, Mysql};
use nebplay_tests::story;
use stage::Federation;

/// Plays one story file.
fn play(name: &str, backend: &Backend) -> Result<(), String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("standin/golden")
        .join(format!("{name}.story"));
    let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let difference = story::play(&text, &mut Federation::new(backend));
    difference.map_err(|difference| format!("{name}.story, {difference}"))
}

macro_rules! stories {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                let played = play(stringify!($name), &Backend::Sqlite);
                assert!(played.is_ok(), "{}", played.unwrap_err());
            }
        )*
    };
}

stories!(
    zones,
    disable,
    replication,
    onedb_running,
    restore_faults,
    upgrade,
    interrupted_upgrade,
    terminated_upgrade,
    hosts
);

#[test]
fn mysql() {
    let login = Mysql {
        server: "localhost".to_owned(),
        port: 0,
        user: "oneadmin".to_owned(),
        password: "on3pw".to_owned(),
        database: "opennebula".to_owned(),
    };
    let played = play("mysql", &Backend::Mysql(login));
    assert!(played.is_ok(), "{}", played.unwrap_err());
}
