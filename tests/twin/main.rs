//! The twin against what the real OpenNebula printed: the stand-in's golden stories, played in memory.
//!
//! Two of them stay out: `mysql`, a backend the twin does not have, and `terminated_upgrade`, since its programs end with or without
//! their work and never by a signal they catch.

#![expect(clippy::unwrap_used, reason = "all of it is a test, its helpers too")]

mod stage;

use std::path::Path;

use nebplay_tests::story;
use stage::Federation;

/// Plays one story file.
fn play(name: &str) -> Result<(), String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("standin/golden")
        .join(format!("{name}.story"));
    let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let difference = story::play(&text, &mut Federation::new());
    difference.map_err(|difference| format!("{name}.story, {difference}"))
}

macro_rules! stories {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                let played = play(stringify!($name));
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
    hosts
);
