//! The stand-in against what the real OpenNebula printed: stories in `golden/*.story`, most of whose
//! commands and outputs were recorded on a real federation, word for word.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "all of it is a test, its helpers too"
)]

#[path = "golden/federation.rs"]
mod federation;
#[path = "golden/story.rs"]
mod story;

use std::path::Path;

/// Plays one story file.
fn play(name: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("standin/golden")
        .join(format!("{name}.story"));
    let text = std::fs::read_to_string(&file).unwrap();
    if let Err(difference) = story::play(&text) {
        panic!("{name}.story, {difference}");
    }
}

macro_rules! stories {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                play(stringify!($name));
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
