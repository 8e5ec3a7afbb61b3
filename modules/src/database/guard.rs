//! Is everything of OpenNebula still on this host?
//!
//! onedb looks at a lock file and at one endpoint; a database that is written to meanwhile must not depend on these two.

use crate::host::{Command, HostError};
use crate::module::{Cx, Failure};
use crate::opennebula::onedb::Access;

/// The file oned makes while it runs.
const LOCK: &str = "/var/lock/one/one";

/// `$1` lock file. Units in any state but stopped, and processes that may write to the database, whoever started them.
const SCRIPT: &str = r#"# nebplay: what of this zone runs
if [ -e "$1" ]; then echo "lock $1"; fi
ps -eo pid=,comm=,args= | awk '$2 == "oned" || $2 == "onedb" || ($2 ~ /^ruby/ && $4 ~ /\/onedb$/) { print "process", $1, $2 == "oned" ? "oned" : "onedb" }'
if command -v systemctl > /dev/null; then
    systemctl list-units --all --plain --no-legend 'opennebula*' |
        awk '$3 ~ /^(active|activating|reloading|deactivating)$/ { print "unit", $1, $3 }'
fi
echo end
"#;

/// What was found running; nothing in it: all is still.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Running {
    units: Vec<String>,
    processes: Vec<String>,
    lock: bool,
    api: bool,
}

/// Looks at units, processes, the lock file and the API's port.
pub(super) async fn what_runs(cx: &Cx<'_>, access: &Access) -> Result<Running, Failure> {
    let output = cx.host.run(&Command::script(SCRIPT, [LOCK]).as_root()).await?;
    let text = output.text();
    if !text.trim_end().ends_with("end") {
        return Err(Failure::failed(format!(
            "{}: failed to see what runs: {} ({})",
            cx.host.name(),
            output.exit,
            output.err_text().trim()
        )));
    }
    let mut running = Running::default();
    for line in text.lines() {
        match line.split_once(' ') {
            Some(("lock", _)) => running.lock = true,
            Some(("process", what)) => running.processes.push(what.to_owned()),
            Some(("unit", what)) => running.units.push(what.to_owned()),
            _ => {}
        }
    }
    running.api = match cx.host.connect("localhost", access.port).await {
        Ok(_) => true,
        Err(HostError::Refused { .. } | HostError::TimedOut { .. }) => false,
        Err(error @ HostError::Unreachable { .. }) => return Err(error.into()),
    };
    Ok(running)
}

impl Running {
    /// Nothing runs, and nothing says so either.
    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// The refusal to do this while it runs.
    pub(super) fn refuse(&self, host: &str, what: &str) -> Failure {
        let mut reasons = Vec::new();
        if !self.units.is_empty() {
            reasons.push(format!("units are up: {}", self.units.join(", ")));
        }
        if !self.processes.is_empty() {
            reasons.push(format!("processes run: {}", self.processes.join(", ")));
        }
        if self.api {
            reasons.push("something answers at the API's port".to_owned());
        }
        let stale = self.lock && reasons.is_empty();
        if self.lock {
            reasons.push(format!("the lock file {LOCK} is there"));
        }
        let failure = Failure::unsafe_to_go_on(format!("{host}: refused to {what}: {}", reasons.join("; ")));
        if stale {
            // No unit, no process and no answer: nothing holds it.
            failure
                .state("the lock is stale: oned was killed and no process is left")
                .hint("`systemctl stop opennebula` clears the lock; it stops nothing that runs")
        } else {
            failure.hint("stop everything of OpenNebula on this host first (service_stop)")
        }
    }
}

/// Fails unless all is still, and the zone is one whose database may be changed here alone.
pub(super) async fn stillness(cx: &Cx<'_>, access: &Access, what: &str) -> Result<(), Failure> {
    if access.ha {
        return Err(Failure::unsafe_to_go_on(format!(
            "{}: refused to {what}: this is a server of an HA zone (SERVER_ID in oned.conf)",
            cx.host.name()
        ))
        .hint(
            "its other servers share the log that would be replaced here; nebplay cannot do HA zones yet",
        ));
    }
    let running = what_runs(cx, access).await?;
    if running.is_nothing() {
        Ok(())
    } else {
        Err(running.refuse(cx.host.name(), what))
    }
}

/// Fails unless a path is absolute and names a file: a relative one would mean another file to another program.
pub(super) fn absolute(argument: &str, path: &str) -> Result<(), Failure> {
    let plain = path.starts_with('/') && !path.ends_with('/') && !path.contains(['\n', '\0']);
    if plain && !path.split('/').any(|part| part == "..") {
        Ok(())
    } else {
        Err(Failure::failed(format!(
            "{argument} must be an absolute path of a file, not {path:?}"
        )))
    }
}

/// `$1…` directories that need room, each followed by KiB. Answers a line for each that has too little.
const ROOM: &str = r#"# nebplay: is there room
while [ $# -gt 1 ]; do
    directory=$1
    while [ ! -d "$directory" ]; do directory=$(dirname -- "$directory"); done
    free=$(df -Pk -- "$directory" | awk 'NR == 2 { print $4 }')
    [ -n "$free" ] || exit 1
    if [ "$free" -lt "$2" ]; then echo "$1: $2 KiB needed, $free KiB free"; fi
    shift 2
done
"#;

/// Fails unless these directories have that many bytes free.
pub(super) async fn room(cx: &Cx<'_>, needs: &[(&str, u64)]) -> Result<(), Failure> {
    let words = needs
        .iter()
        .flat_map(|(directory, bytes)| [(*directory).to_owned(), (bytes / 1024 + 1).to_string()]);
    let output = cx.host.run(&Command::script(ROOM, words).as_root()).await?;
    let short = output.text();
    if output.exit.success() && short.trim().is_empty() {
        return Ok(());
    }
    if !output.exit.success() {
        return Err(Failure::failed(format!(
            "{}: failed to see how much room there is: {}",
            cx.host.name(),
            output.err_text().trim()
        )));
    }
    Err(Failure::unsafe_to_go_on(format!(
        "{}: not enough room: {}",
        cx.host.name(),
        short.trim().replace('\n', "; ")
    ))
    .hint("make room, or give a directory on another file system; onedb writes a cut dump on a full one and exits 0"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opennebula::conf::{Backend, Mode};
    use crate::testing::{FakeHost, FakeWorld};

    fn access() -> Access {
        Access {
            db: Backend::Sqlite {
                path: "/var/lib/one/one.db".to_owned(),
            },
            given: false,
            mode: Mode::Slave,
            port: 2633,
            ha: false,
        }
    }

    #[tokio::test]
    async fn whatever_runs_is_named_and_a_stale_lock_is_told_apart() {
        let world = FakeWorld::default();
        let cases = [
            ("end\n", None),
            (
                "lock /var/lock/one/one\nend\n",
                Some("`systemctl stop opennebula` clears the lock"),
            ),
            (
                "lock /var/lock/one/one\nprocess 17 oned\nend\n",
                Some("service_stop"),
            ),
            ("unit opennebula-hem.service active\nend\n", Some("service_stop")),
            ("process 99 onedb\nend\n", Some("service_stop")),
        ];
        for (answer, hint) in cases {
            let host = FakeHost::new("s1").on("what of this zone runs", 0, answer);
            let result = stillness(&world.cx(&host), &access(), "restore").await;
            match hint {
                None => assert!(result.is_ok(), "{answer}"),
                Some(hint) => assert!(result.unwrap_err().next[0].contains(hint), "{answer}"),
            }
        }
        let cut = FakeHost::new("s1").on("what of this zone runs", 137, "lock");
        assert!(stillness(&world.cx(&cut), &access(), "restore").await.is_err());
    }

    #[tokio::test]
    async fn an_answering_api_is_enough_to_refuse() {
        let world = FakeWorld::default();
        let (stream, _) = tokio::io::duplex(64);
        let host = FakeHost::new("s1")
            .on("what of this zone runs", 0, "end\n")
            .stream_of(stream);
        let failure = stillness(&world.cx(&host), &access(), "restore")
            .await
            .unwrap_err();
        assert!(failure.message.contains("answers"), "{}", failure.message);
    }

    #[test]
    fn only_absolute_paths_of_files() {
        for path in ["", "x", "./x", "/x/", "/x/../y", "/x\ny"] {
            assert!(absolute("dest", path).is_err(), "{path:?}");
        }
        assert!(absolute("dest", "/var/lib/one/a b'c.bck").is_ok());
    }
}
