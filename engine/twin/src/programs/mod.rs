//! What a machine can run beside shells and text tools: everything that looks at, or changes, more than files.

pub(crate) mod access;
pub(crate) mod coreutils;
pub(crate) mod network;
pub(crate) mod packages;
pub(crate) mod processes;
pub(crate) mod systemd;
pub(crate) mod wrappers;

use bytes::Bytes;

use crate::federation::{At, Federation};
use crate::machine::Machine;
use crate::process::Program;

/// The program of this name.
pub(crate) fn find(name: &str) -> Option<Program> {
    let families = [
        systemd::find,
        packages::find,
        processes::find,
        coreutils::find,
        network::find,
        crate::opennebula::find,
    ];
    families.iter().find_map(|find| find(name))
}

/// A file's content as a user reads it, the kernel's own files included.
pub(crate) fn read(federation: &Federation, at: At, user: &str, path: &str) -> Result<Bytes, String> {
    let machine = federation.machine(at);
    if let Some(text) = processes::proc_file(federation, at, path) {
        return Ok(text.into());
    }
    if path == "/dev/urandom" {
        return Ok(noise(machine).into());
    }
    access::may_read(machine, user, path)?;
    Ok(Bytes::from_owner(machine.files.read(path)?))
}

/// As much of the kernel's random bytes as anybody asks for; the same each time, so that a night can be repeated.
fn noise(machine: &Machine) -> Vec<u8> {
    const MOST: usize = 1 << 16;
    let mut state = u64::from(machine.last_pid) | 1;
    let next = || {
        // xorshift64.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(next).take(MOST / 8).flatten().collect()
}

/// The names in a directory below /proc; `None`: it is none of the kernel's.
pub(crate) fn proc_names(machine: &Machine, directory: &str) -> Option<Vec<String>> {
    (directory.trim_end_matches('/') == "/proc").then(|| {
        let processes = processes::of(machine);
        processes.iter().map(|process| process.pid.to_string()).collect()
    })
}

/// Whether a name is of a pattern with stars.
pub(crate) fn is_named(name: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => name == pattern,
        Some((front, rest)) => {
            let Some(left) = name.strip_prefix(front) else {
                return false;
            };
            (0..=left.len()).any(|skip| left.is_char_boundary(skip) && is_named(&left[skip..], rest))
        }
    }
}
