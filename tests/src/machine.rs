//! What this machine must offer for a lab, asked before anything is made.

use crate::LabError;
use crate::program::Program;
use rustix::fs::inotify;
use std::path::Path;

/// Programs a lab is made of, and the Debian package each comes from.
const PROGRAMS: [(&str, &str); 12] = [
    ("systemd-nspawn", "systemd-container"),
    ("debootstrap", "debootstrap"),
    ("ip", "iproute2"),
    ("tc", "iproute2"),
    ("nsenter", "util-linux"),
    ("setsid", "util-linux"),
    ("mount", "mount"),
    ("dpkg-deb", "dpkg"),
    ("apt-get", "apt"),
    ("ssh", "openssh-client"),
    ("ssh-keygen", "openssh-client"),
    ("strip", "binutils"),
];

/// Nothing, or the sentence that says what this machine lacks and what would help. `directory` is where labs shall live.
pub fn check(directory: &Path) -> Result<(), LabError> {
    if !rustix::process::geteuid().is_root() {
        return Err(lacks(
            "only root can make namespaces and containers here; run it as root",
        ));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let missing: Vec<&str> = PROGRAMS
        .iter()
        .filter(|(program, _)| {
            !std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
        })
        .map(|(_, package)| *package)
        .collect();
    if !missing.is_empty() {
        return Err(lacks(&format!(
            "packages are missing: {}; tests/install.sh installs them",
            missing.join(", ")
        )));
    }
    if !allowed(&["unshare", "--mount", "--net", "--pid", "--fork", "true"]) {
        return Err(lacks(
            "new namespaces are not allowed; in a container it must be a privileged one",
        ));
    }
    enough_inotify()?;
    overlay_works(directory)
}

/// What a lab's hosts take of them: systemd, journald, dbus and login watch files in each. Without one, systemd in a host fails
/// with "Too many open files" long before anything here would.
const INOTIFY_OF_A_LAB: usize = 24;

/// The kernel counts them for each user, over all namespaces; how many are taken only trying tells.
fn enough_inotify() -> Result<(), LabError> {
    let taken: Result<Vec<_>, _> = (0..INOTIFY_OF_A_LAB)
        .map(|_| inotify::init(inotify::CreateFlags::CLOEXEC))
        .collect();
    if taken.is_ok() {
        return Ok(());
    }
    let limit = "/proc/sys/fs/inotify/max_user_instances";
    let limit = std::fs::read_to_string(limit).unwrap_or_default();
    Err(lacks(&format!(
        "root's inotify instances are used up (fs.inotify.max_user_instances is {}, a lab takes about {INOTIFY_OF_A_LAB}); \
         remove a lab (lab status, lab down NAME), or: sysctl fs.inotify.max_user_instances=1024",
        limit.trim()
    )))
}

/// An overlay's upper directory cannot itself be on an overlay, as it would be inside many containers.
fn overlay_works(directory: &Path) -> Result<(), LabError> {
    std::fs::create_dir_all(directory).map_err(LabError::file("create", directory))?;
    let trial =
        tempfile::tempdir_in(directory).map_err(LabError::file("create a directory in", directory))?;
    let script = "cd \"$1\" && mkdir l u w m && mount -t overlay trial -o lowerdir=l,upperdir=u,workdir=w,volatile m && umount m";
    if allowed(&["sh", "-c", script, "sh", &trial.path().display().to_string()]) {
        return Ok(());
    }
    Err(lacks(&format!(
        "no overlay can be mounted with its upper directory in {}; it must be on a disk's file system",
        directory.display()
    )))
}

fn allowed(argv: &[&str]) -> bool {
    Program::new(argv[0])
        .args(&argv[1..])
        .output()
        .is_ok_and(|output| output.code == 0)
}

fn lacks(what: &str) -> LabError {
    LabError::Unsuitable(what.to_owned())
}
