//! No secret of the lab stands in anything that a run shows or keeps: looked at after every run of every story.

use crate::lab::SUDO_PASSWORD;
use std::fs;
use std::path::Path;

/// The passwords of oneadmin, of the database, and of sudo.
pub const SECRETS: [&str; 3] = ["lab-password", "lab-database", SUDO_PASSWORD];

/// Panics with where it was found, and not with the text around it.
#[track_caller]
pub(super) fn assert_kept(stdout: &str, stderr: &str, state: &Path) {
    for (place, text) in [("standard output", stdout), ("standard error", stderr)] {
        for secret in SECRETS {
            let line = text.lines().position(|line| line.contains(secret));
            assert_eq!(line, None, "{secret} is in this line of {place}");
        }
    }
    look_below(state);
}

/// Looks at every file below a directory, which need not be there.
#[track_caller]
fn look_below(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            look_below(&path);
            continue;
        }
        let bytes = fs::read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret} is in {}", path.display());
        }
    }
}
