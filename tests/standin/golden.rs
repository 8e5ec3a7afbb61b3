//! The stand-in against what the real OpenNebula printed: stories in `golden/*.story`, most of whose
//! commands and outputs were recorded on a real federation, word for word.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "all of it is a test, its helpers too"
)]

#[path = "golden/federation.rs"]
mod federation;

use std::path::Path;

use federation::Federation;
use nebplay_tests::story;

/// Plays one story file.
fn play(name: &str, with_mysql: bool) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("standin/golden")
        .join(format!("{name}.story"));
    let text = std::fs::read_to_string(&file).unwrap();
    if let Err(difference) = story::play(&text, &mut Federation::new(with_mysql)) {
        panic!("{name}.story, {difference}");
    }
}

macro_rules! stories {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                play(stringify!($name), false);
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

/// Needs a MariaDB server's programs; where there are none it says so, and fails if CI=true.
#[test]
fn mysql() {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|directory| directory.join("mariadbd").is_file()) {
        play("mysql", true);
    } else {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "mariadbd is not installed"
        );
        eprintln!("skipped: mariadbd is not installed");
    }
}
