//! Whether a lock still means anything, by facts: never by its age.

use nebplay_modules::lock::{Controller, Lock};

use super::here::Process;

/// What a lock means, seen from this machine, and by which fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::commands) enum Standing {
    /// Its run is under way on this machine.
    Alive(String),
    /// Its run is over and did not come to remove it.
    Stale(String),
    /// Nobody here can tell.
    Unknown(String),
}

impl Standing {
    /// `process` looks up a process number of this machine.
    pub(super) fn of(lock: &Lock, here: &Controller, process: impl Fn(i32) -> Process) -> Self {
        if lock.boot == here.boot {
            return Self::of_this_boot(lock, here, process);
        }
        let machine = |owner: &str| owner.rsplit_once('@').map(|(_, name)| name.to_owned());
        // Machines copied from one image may share their id: then the name, too, must be the same.
        let same = lock.machine.is_some()
            && lock.machine == here.machine
            && machine(&lock.owner) == machine(&here.owner);
        if same {
            Self::Stale("this machine was restarted since".to_owned())
        } else {
            Self::Unknown("its controller is another machine: only that one can tell".to_owned())
        }
    }

    fn of_this_boot(lock: &Lock, here: &Controller, process: impl Fn(i32) -> Process) -> Self {
        let pid = lock.pid;
        if lock.pid_namespace != here.pid_namespace {
            return Self::Unknown(format!(
                "its process {pid} is in another container of this machine: only from there it can be seen"
            ));
        }
        match process(pid) {
            Process::Since(began) if began == lock.pid_started => {
                Self::Alive(format!("process {pid} of this machine runs it"))
            }
            Process::None => Self::Stale(format!("process {pid} of this machine, which ran it, has ended")),
            Process::Since(_) => Self::Stale(format!(
                "its process has ended: number {pid} of this machine is another one now"
            )),
            Process::Hidden => Self::Unknown(format!(
                "there is a process {pid} on this machine, and you may not see when it began"
            )),
        }
    }

    /// The fact.
    pub(in crate::commands) fn fact(&self) -> &str {
        match self {
            Self::Alive(fact) | Self::Stale(fact) | Self::Unknown(fact) => fact,
        }
    }

    /// One word for it.
    pub(in crate::commands) fn word(&self) -> &'static str {
        match self {
            Self::Alive(_) => "alive",
            Self::Stale(_) => "stale",
            Self::Unknown(_) => "not known",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> Controller {
        Controller {
            owner: "ops@ctl".to_owned(),
            machine: Some("m".to_owned()),
            boot: "b".to_owned(),
            pid_namespace: "pid:[1]".to_owned(),
            pid: 9,
            pid_started: 90,
        }
    }

    #[test]
    fn facts_decide() {
        type Change = fn(&mut Controller);
        let nothing: Change = |_| {};
        let cases: [(&str, Change, Process, &str); 11] = [
            ("it runs", nothing, Process::Since(90), "alive"),
            ("it ended", nothing, Process::None, "stale"),
            ("its number is another's", nothing, Process::Since(91), "stale"),
            ("it is hidden", nothing, Process::Hidden, "not known"),
            (
                "another user of this machine",
                |it| it.owner = "root@ctl".to_owned(),
                Process::None,
                "stale",
            ),
            (
                "a container of this machine",
                |it| it.pid_namespace = "pid:[2]".to_owned(),
                Process::None,
                "not known",
            ),
            (
                "this machine before its restart",
                |it| it.boot = "a".to_owned(),
                Process::Since(90),
                "stale",
            ),
            (
                "the same, in a container",
                |it| (it.boot, it.pid_namespace) = ("a".to_owned(), "pid:[2]".to_owned()),
                Process::None,
                "stale",
            ),
            (
                "another machine",
                |it| (it.boot, it.machine) = ("a".to_owned(), Some("n".to_owned())),
                Process::None,
                "not known",
            ),
            (
                "a machine copied from this one",
                |it| (it.boot, it.owner) = ("a".to_owned(), "ops@copy".to_owned()),
                Process::None,
                "not known",
            ),
            (
                "a machine without an id",
                |it| (it.boot, it.machine) = ("a".to_owned(), None),
                Process::None,
                "not known",
            ),
        ];
        for (what, change, process, expected) in cases {
            let mut holder = here();
            change(&mut holder);
            let lock = Lock::new(holder, "run".to_owned(), Vec::new(), 0);
            let standing = Standing::of(&lock, &here(), |_| process);
            assert_eq!(standing.word(), expected, "{what}: {}", standing.fact());
        }
        let mut nameless = here();
        nameless.machine = None;
        let mut before = nameless.clone();
        before.boot = "a".to_owned();
        let lock = Lock::new(before, "run".to_owned(), Vec::new(), 0);
        let standing = Standing::of(&lock, &nameless, |_| Process::None);
        assert_eq!(standing.word(), "not known", "two machines without an id");
    }
}
