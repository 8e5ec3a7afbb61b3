//! The minimal Debian every host starts from.

use super::cache::{Cache, digest};
use super::mirror;
use crate::LabError;
use crate::program::Program;
use std::path::PathBuf;

/// What is installed beside the essential packages, one a line; `#` begins a comment.
const PACKAGES: &str = include_str!("../../lab/root/packages.list");

/// What is changed afterwards, inside.
const CUSTOMIZE: &str = include_str!("../../lab/root/customize.sh");

/// The cached root; made by debootstrap, in a minute or two, if it is not there yet.
pub fn root(cache: &Cache) -> Result<PathBuf, LabError> {
    let mirror = mirror::of_this_machine()?;
    let digest = digest([mirror.suite.as_bytes(), PACKAGES.as_bytes(), CUSTOMIZE.as_bytes()]);
    let archives = cache.scratch("archives")?;
    cache.entry("root", &digest, |directory| {
        let packages: Vec<&str> = PACKAGES
            .lines()
            .map(|line| line.split('#').next().unwrap_or_default().trim())
            .filter(|name| !name.is_empty())
            .collect();
        let mut debootstrap = Program::new("debootstrap")
            .args(["--variant=minbase", &format!("--include={}", packages.join(","))])
            .arg(format!("--cache-dir={}", archives.display()))
            .args([&mirror.suite])
            .arg(directory)
            .arg(&mirror.uri);
        if let Some(proxy) = &mirror.proxy {
            debootstrap = debootstrap.env("http_proxy", proxy);
        }
        debootstrap.run()?;
        Program::new("chroot")
            .arg(directory)
            .args(["sh", "-eu", "-c", CUSTOMIZE])
            .run()
            .map(drop)
    })
}
