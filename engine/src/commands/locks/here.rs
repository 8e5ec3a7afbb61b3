//! This process as others will see it in a lock, and whether another process of this machine still runs.

use std::fs;
use std::io;

use nebplay_modules::digest::sha256;
use nebplay_modules::lock::Controller;
use rustix::process::{Pid, getpid, getuid, test_kill_process};

use crate::commands::error::CommandError;

/// What is known of a process number on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Process {
    /// No process has it.
    None,
    /// A process has it that began then, in ticks since boot.
    Since(u64),
    /// A process has it, and this user is not told more.
    Hidden,
}

/// This process.
pub(super) fn controller() -> Result<Controller, CommandError> {
    let read = |path: &str| {
        let text = fs::read_to_string(path).map_err(|error| CommandError::Io {
            doing: format!("read {path}"),
            error,
        })?;
        Ok::<_, CommandError>(text.trim().to_owned())
    };
    let pid = getpid().as_raw_nonzero().get();
    let Process::Since(pid_started) = process(pid) else {
        return Err(CommandError::Io {
            doing: "read in /proc when this process began".to_owned(),
            error: io::ErrorKind::Unsupported.into(),
        });
    };
    let pid_namespace = fs::read_link("/proc/self/ns/pid").map_err(|error| CommandError::Io {
        doing: "read /proc/self/ns/pid".to_owned(),
        error,
    })?;
    Ok(Controller {
        owner: format!("{}@{}", login(), read("/proc/sys/kernel/hostname")?),
        // The id itself is not to be shown to other machines (machine-id(5)). A container may have none.
        machine: read("/etc/machine-id")
            .ok()
            .filter(|id| id.len() >= 32)
            .map(|id| sha256(format!("nebplay lock {id}"))[..32].to_owned()),
        boot: read("/proc/sys/kernel/random/boot_id")?,
        pid_namespace: pid_namespace.display().to_string(),
        pid,
        pid_started,
    })
}

/// Who logged in, also where they became somebody else by sudo.
fn login() -> String {
    let variable = |name| {
        std::env::var(name)
            .ok()
            .filter(|value: &String| !value.is_empty())
    };
    let known = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(variable);
    known.unwrap_or_else(|| format!("uid {}", getuid().as_raw()))
}

/// Looks a process number up. A process that has ended and was not collected yet runs no more.
pub(super) fn process(pid: i32) -> Process {
    let Some(number) = Pid::from_raw(pid) else {
        return Process::None;
    };
    // /proc may be mounted so that it hides the processes of others; a signal that is not sent tells whether there is one.
    if test_kill_process(number) == Err(rustix::io::Errno::SRCH) {
        return Process::None;
    }
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return Process::Hidden;
    };
    began(&stat).unwrap_or(Process::Hidden)
}

/// Reads `/proc/PID/stat`. The name in it may hold blanks and parentheses.
fn began(stat: &str) -> Option<Process> {
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    if matches!(fields.next()?, "Z" | "X") {
        return Some(Process::None);
    }
    Some(Process::Since(fields.nth(18)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_runs_and_one_that_ended_does_not() {
        let here = controller().unwrap();
        assert_eq!(process(here.pid), Process::Since(here.pid_started));
        assert_eq!(process(0), Process::None);
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        child.wait().unwrap();
        assert_eq!(process(pid), Process::None);
    }

    #[test]
    fn stats_of_processes() {
        let rest = "1 2 3 0 -1 4194304 97 0 0 0 0 0 0 0 20 0 1 0 49161 3133440";
        let cases = [
            (format!("7 (a) b) S {rest}"), Some(Process::Since(49161))),
            (format!("7 (a) Z {rest}"), Some(Process::None)),
            ("7 (a) S 1".to_owned(), None),
            (String::new(), None),
        ];
        for (stat, expected) in cases {
            assert_eq!(began(&stat), expected, "{stat}");
        }
    }
}
