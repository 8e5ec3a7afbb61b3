//! The indexes that make a directory of packages an apt repository.

use super::packages::files_below;
use crate::LabError;
use crate::program::Program;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// As upstream names them.
const SUITE: &str = "stable";
const COMPONENT: &str = "opennebula";

/// Debian's name of what this program was built for: the stand-in runs on nothing else.
pub(super) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// The line for an apt source list. Unsigned: what apt verifies of signatures is not nebplay's to test.
pub fn source_line(version: &str) -> String {
    let short = version.rsplit_once('.').map_or(version, |(short, _)| short);
    format!(
        "deb [trusted=yes] http://{}/repo/{short}/Debian/12 {SUITE} {COMPONENT}\n",
        crate::federation::CONTROLLER
    )
}

/// Writes `Packages` and `Release` for the packages in `pool`.
pub(super) fn index(repository: &Path) -> Result<(), LabError> {
    let mut packages = String::new();
    for file in files_below(&repository.join("pool"))? {
        let fields = Program::new("dpkg-deb").arg("--field").arg(&file).run()?;
        let bytes = fs::read(&file).map_err(LabError::file("read", &file))?;
        let name = file
            .strip_prefix(repository)
            .unwrap_or(&file)
            .display()
            .to_string();
        // The description is a field of many lines and stays last but for these.
        write!(
            packages,
            "{}Filename: {name}\nSize: {}\nSHA256: {}\n\n",
            fields,
            bytes.len(),
            sha256(&bytes)
        )
        .ok();
    }
    let relative = format!("{COMPONENT}/binary-{}/Packages", architecture());
    let suite = repository.join("dists").join(SUITE);
    write(&suite.join(&relative), &packages)?;
    let release = format!(
        "Origin: OpenNebula\nLabel: OpenNebula\nSuite: {SUITE}\nCodename: {SUITE}\nArchitectures: {}\nComponents: {COMPONENT}\n\
         Date: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n {} {} {relative}\n",
        architecture(),
        sha256(packages.as_bytes()),
        packages.len()
    );
    write(&suite.join("Release"), &release)
}

fn write(path: &Path, text: &str) -> Result<(), LabError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(LabError::file("create", parent))?;
    }
    fs::write(path, text).map_err(LabError::file("write", path))
}

fn sha256(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02x}").ok();
    }
    text
}
