//! What is kept of a night that went wrong, because its lab is gone when somebody asks.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::Lab;

/// Copies what nebplay and the hosts said if a panic goes by.
pub(super) struct Kept<'l> {
    lab: &'l Lab,
    to: PathBuf,
}

impl<'l> Kept<'l> {
    /// To a directory of this name below `target/chaos`.
    pub(super) fn of(lab: &'l Lab, name: &str) -> Self {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/chaos");
        Self {
            lab,
            to: target.join(name),
        }
    }

    fn copy(&self) -> std::io::Result<()> {
        let _ = fs::remove_dir_all(&self.to);
        fs::create_dir_all(&self.to)?;
        for entry in fs::read_dir(self.lab.directory())? {
            let path = entry?.path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if name.starts_with("run-") && path.is_file() {
                fs::copy(&path, self.to.join(name))?;
            }
        }
        for host in self.lab.hosts() {
            // A host that is off says nothing more.
            if host.is_on() {
                let said = host.sh("cat /var/lib/one/.standin/log; journalctl --no-pager -o short-precise");
                fs::write(self.to.join(host.name()), said.stdout)?;
            }
        }
        Ok(())
    }
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        match self.copy() {
            Ok(()) => eprintln!("what nebplay and the hosts said is in {}", self.to.display()),
            Err(error) => eprintln!("nothing is kept in {}: {error}", self.to.display()),
        }
    }
}
