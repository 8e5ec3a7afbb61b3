//! Processes, as `ps`, `pgrep` and /proc show them.

use crate::federation::{At, Federation};
use crate::machine::Machine;
use crate::process::{Process, Program};

/// A process.
pub(crate) struct Running {
    /// Its id.
    pub(crate) pid: u32,
    /// Its program's name.
    pub(crate) comm: String,
    /// Its command line.
    pub(crate) args: String,
}

/// All processes of the machine.
pub(crate) fn of(machine: &Machine) -> Vec<Running> {
    let process = |pid, comm: &str, args: &str| Running {
        pid,
        comm: comm.to_owned(),
        args: args.to_owned(),
    };
    let mut all = vec![
        process(1, "systemd", "/sbin/init"),
        process(412, "sshd", "sshd: /usr/sbin/sshd -D"),
    ];
    let units = machine.units.values();
    all.extend(units.filter_map(|unit| {
        let (comm, args) = unit.runs.as_ref()?;
        Some(process(unit.pid?, comm, args))
    }));
    for (number, job) in (900_000..).zip(machine.jobs.values().filter(|job| job.end.is_none())) {
        let words = job.command.argv.join(" ");
        // What a script is in the middle of.
        let onedb = ["onedb backup", "onedb restore", "onedb upgrade", "onedb fsck"];
        match onedb.into_iter().find(|command| words.contains(command)) {
            Some(command) => all.push(process(number, "ruby", &format!("ruby /usr/bin/{command}"))),
            None => all.push(process(number, "sh", "sh -c nebplay job")),
        }
    }
    all.sort_by_key(|process| process.pid);
    all
}

/// The programs of this family.
pub(crate) fn find(name: &str) -> Option<Program> {
    match name {
        "ps" => Some(ps),
        "pgrep" => Some(pgrep),
        "pkill" | "killall" | "kill" => Some(|_| 0),
        "uptime" => Some(|process| {
            process.say(" 12:00:00 up 12 days,  3:04,  1 user,  load average: 0.10, 0.08, 0.05\n");
            0
        }),
        _ => None,
    }
}

fn ps(process: &mut Process<'_>) -> i32 {
    let columns: Vec<String> = process
        .args
        .iter()
        .filter(|word| word.contains('='))
        .flat_map(|word| {
            word.trim_start_matches("-eo")
                .split(',')
                .map(|name| name.trim_end_matches('=').to_owned())
                .collect::<Vec<_>>()
        })
        .filter(|name| !name.is_empty())
        .collect();
    for running in of(process.machine()) {
        let shown: Vec<String> = columns
            .iter()
            .map(|column| match column.as_str() {
                "pid" => format!("{:>7}", running.pid),
                "comm" => format!("{:<15}", running.comm),
                "args" | "cmd" | "command" => running.args.clone(),
                "user" => "root    ".to_owned(),
                _ => "-".to_owned(),
            })
            .collect();
        let line = if columns.is_empty() {
            format!("{:>7} ?        00:00:00 {}", running.pid, running.comm)
        } else {
            shown.join(" ")
        };
        process.say(format!("{line}\n"));
    }
    0
}

fn pgrep(process: &mut Process<'_>) -> i32 {
    let exact = process.args.iter().any(|word| word == "-x");
    let full = process.args.iter().any(|word| word == "-f");
    let pattern = process.args.last().cloned().unwrap_or_default();
    let is_it = |running: &Running| match (exact, full) {
        (true, _) => running.comm == pattern,
        (false, true) => running.args.contains(&pattern),
        (false, false) => running.comm.contains(&pattern),
    };
    let found: Vec<u32> = of(process.machine())
        .iter()
        .filter(|running| is_it(running))
        .map(|running| running.pid)
        .collect();
    for pid in &found {
        process.say(format!("{pid}\n"));
    }
    i32::from(found.is_empty())
}

/// A file of the kernel's own below /proc; `None`: it is none.
pub(crate) fn proc_file(federation: &Federation, at: At, path: &str) -> Option<String> {
    let machine = federation.machine(at);
    match path {
        "/proc/sys/kernel/random/boot_id" => Some(format!("{}\n", machine.boot_id())),
        "/proc/uptime" => Some("1036800.00 4000000.00\n".to_owned()),
        "/proc/meminfo" => Some("MemTotal:       16384000 kB\nMemFree:         8192000 kB\n".to_owned()),
        "/proc/1/comm" => Some("systemd\n".to_owned()),
        _ => {
            let pid: u32 = path.strip_prefix("/proc/")?.strip_suffix("/comm")?.parse().ok()?;
            let processes = of(machine);
            let process = processes.iter().find(|process| process.pid == pid)?;
            Some(format!("{}\n", process.comm))
        }
    }
}
