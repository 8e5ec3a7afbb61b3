//! Jobs on a host: started once, found again, followed to their end over any number of connections.
//!
//! `/var/lib/nebplay/jobs/NAME` (root, 0700) holds `digest`, `boot`, `started`, `limit`, `pid`, `stdout`, `stderr` and, at the
//! very end and in one step, `status`. Whoever reads it needs nothing else, so a job survives controller and connection.

use std::time::Duration;

use nebplay_modules::host::{Command, Exit, Host, HostError, Lines};
use nebplay_modules::job::{JobEnd, JobRecord, JobSpec, JobState};

use super::launch;
use super::lines::Splitter;
use super::machine::{Heard, Link, Machine};
use super::pipe::{Drain, MOST_KEPT};

/// What every script about jobs begins with.
///
/// `start_of`: when a process began, in ticks since boot: together with its number it names a process for good.
/// `describe`: one line about one job. A job whose process is gone is looked at twice, because it may have ended in between.
/// A boot id that is not the job's tells that the host was rebooted while it ran.
/// `lock`: only who holds it makes or removes a job, so what is half made or half gone then lost its power, and is removed.
const PRELUDE: &str = r#"
export LC_ALL=C; umask 077
jobs=/var/lib/nebplay/jobs
start_of() { set -- $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null); shift 19 2>/dev/null && echo "$1"; }
lock() {
  exec 9>"$jobs/.lock" && flock 9 || return
  for half in "$jobs"/.new.* "$jobs"/.gone.*; do [ ! -d "$half" ] || rm -rf -- "$half" || return; done
}
describe() {
  d=$jobs/$1 rc=- ended=- state=lost
  [ -d "$d" ] || return 0
  read -r digest <"$d/digest"; read -r boot <"$d/boot"; read -r started <"$d/started"; read -r limit <"$d/limit"
  if [ "$boot" != "$(cat /proc/sys/kernel/random/boot_id)" ]; then
    state=rebooted
  elif [ ! -f "$d/status" ] && [ -f "$d/pid" ]; then
    read -r pid since <"$d/pid"
    [ "$(start_of "$pid")" = "$since" ] && state=running
  fi
  [ -f "$d/status" ] && state=ended && read -r rc ended <"$d/status"
  echo "$1 $digest $started $state $rc $ended $limit $(stat -c %s "$d/stdout") $(stat -c %s "$d/stderr")"
}
"#;

/// The job's first process: takes the script (which may hold secrets) from memory and removes it as its first act, runs it with
/// its deadline, and writes its status at the end. It outlives signals to its group, so that the status is written then, too.
///
/// timeout(1) waits for its child alone: what that one started and what does not listen to TERM is killed here, with the whole group
/// that timeout leads, before the job counts as ended.
const WRAPPER: &str = r#"
d=$1 limit=$2 length=$3 since=
trap : HUP INT TERM
exec 3<"$4" && rm -f -- "$4" || exit 1
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export USER=root LOGNAME=root SHELL=/bin/sh HOME="$(getent passwd root | cut -d: -f6)"
cd /; umask 077
since=$(sed 's/.*) //' "/proc/$$/stat" | cut -d " " -f 20)
echo "$$ $since" >"$d/pid.new" && mv -f -- "$d/pid.new" "$d/pid" || exit 1
umask 022
timeout -k 10 "$limit" sh -c 'echo "$PPID" >"$2/group"; eval "$(head -c "$1" <&3)"' sh "$length" "$d" >>"$d/stdout" 2>>"$d/stderr" </dev/null
rc=$?
if [ "$rc" = 124 ] && read -r group <"$d/group"; then
  for wait in $(seq 100); do kill -s 0 -- "-$group" 2>/dev/null || break; sleep 0.1; done
  kill -s KILL -- "-$group" 2>/dev/null
fi
echo "$rc $(date +%s)" >"$d/status.new" && sync -- "$d/status.new" && mv -f -- "$d/status.new" "$d/status"
sync -- "$d"
"#;

/// The wrapper goes into a file, because systemd replaces what looks like a variable in the arguments of a service.
///
/// Claims the name under a lock, starts the wrapper, and waits until its process is on record; whoever finds the name claimed waits
/// for that too, since the first may have been cut off before.
const START: &str = r#"
name=$1 digest=$2 limit=$3 length=$4 size=$5 wrapper=$6
fail() { echo "$1" >&2; exit 1; }
mkdir -p -- "$jobs" /run/nebplay && chmod 0700 /var/lib/nebplay "$jobs" /run/nebplay || exit 1
script=$(mktemp "/run/nebplay/$name.XXXXXXXXXX") || exit 1
trap 'rm -f -- "$script"' EXIT
cat >"$script" && [ "$(stat -c %s -- "$script")" = "$size" ] || fail "the job's script did not arrive whole"
lock || exit 1
d=$jobs/$name fresh=
if [ ! -d "$d" ]; then
  new=$jobs/.new.$name fresh=yes
  mkdir -- "$new" || exit 1
  echo "$digest" >"$new/digest" && cat /proc/sys/kernel/random/boot_id >"$new/boot" && date +%s >"$new/started" &&
  echo "$limit" >"$new/limit" && printf '%s' "$wrapper" >"$new/run" && : >"$new/stdout" && : >"$new/stderr" && mv -T -- "$new" "$d" && sync -- "$jobs" || exit 1
  if [ -d /run/systemd/system ] && command -v systemd-run >/dev/null; then
    systemctl reset-failed "nebplay-$name.service" 2>/dev/null
    systemd-run --quiet --collect --unit="nebplay-$name" --description="nebplay job" \
      -- /bin/sh "$d/run" "$d" "$limit" "$length" "$script" 9>&- || { rm -rf -- "$d"; exit 1; }
  else
    setsid sh "$d/run" "$d" "$limit" "$length" "$script" </dev/null >/dev/null 2>&1 9>&- &
  fi
fi
if [ ! -f "$d/pid" ] && [ "$(cat "$d/boot")" = "$(cat /proc/sys/kernel/random/boot_id)" ]; then
  for wait in $(seq 200); do [ -f "$d/pid" ] && break; sleep 0.05; done
  if [ ! -f "$d/pid" ]; then
    # Without its script it cannot run any more.
    rm -f -- "/run/nebplay/$name."*
    [ -z "$fresh" ] || fail "its process did not start; $d and the host's journal may say why"
  fi
fi
[ -z "$fresh" ] || echo fresh
describe "$name"
"#;

const FIND: &str = r#"
[ -d "$jobs" ] || exit 0
lock || exit 1
if [ $# -gt 0 ]; then describe "$1"; exit; fi
for d in "$jobs"/*/; do [ -d "$d" ] && describe "$(basename -- "$d")"; done
exit 0
"#;

/// Shows both streams from where we are; ends when the job's process has.
const FOLLOW: &str = r#"
d=$jobs/$1
[ -f "$d/pid" ] || exit 0
read -r pid since <"$d/pid"
if [ -f "$d/status" ] || [ "$(start_of "$pid")" != "$since" ]; then set -- "$@" -n; fi
show() { if [ "$3" = -n ]; then tail -c "+$(($1 + 1))" -- "$2"; else tail -c "+$(($1 + 1))" -s 0.1 -f --pid="$pid" -- "$2"; fi; }
show "$2" "$d/stdout" "${4:-}" &
show "$3" "$d/stderr" "${4:-}" >&2 &
wait
"#;

const FORGET: &str = r#"
[ -d "$jobs/$1" ] || exit 0
lock || exit 1
case $(describe "$1") in *" running "*) echo "it still runs" >&2; exit 1;; esac
mv -T -- "$jobs/$1" "$jobs/.gone.$1" && rm -rf -- "$jobs/.gone.$1"
"#;

/// How long one look at a running job lasts before it is begun again: a look that hangs must not hang for ever.
const LOOK: Duration = Duration::from_secs(3600);

/// All that a host says of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Described {
    record: JobRecord,
    rebooted: bool,
    ended: Option<i64>,
    limit: u64,
    stdout: u64,
    stderr: u64,
}

fn script(text: &str, args: impl IntoIterator<Item = String>) -> Command {
    Command::script(&format!("{PRELUDE}{text}"), args).as_root()
}

/// A name that is safe as a file's and a unit's name, and that the documented stop check does not take for OpenNebula.
fn check_name<L: Link>(machine: &Machine<L>, name: &str) -> Result<(), HostError> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.is_empty()
        && name.len() <= 100
        && !name.starts_with('-')
        && name.chars().all(fits)
        && !name.contains("opennebula")
    {
        return Ok(());
    }
    Err(refused(
        machine,
        name,
        "it is no name for a job (a-z, 0-9, -; without the word opennebula)",
    ))
}

fn refused<L: Link>(machine: &Machine<L>, name: &str, why: impl Into<String>) -> HostError {
    HostError::Refused {
        host: machine.account.host.clone(),
        what: format!("job {name}"),
        why: why.into(),
    }
}

async fn ask<L: Link>(machine: &Machine<L>, name: &str, command: &Command) -> Result<String, HostError> {
    let output = machine.run(command).await?;
    if output.exit.success() {
        return Ok(output.text());
    }
    let words = output.err_text();
    Err(refused(
        machine,
        name,
        if words.trim().is_empty() {
            output.exit.to_string()
        } else {
            words.trim().to_owned()
        },
    ))
}

/// See [`Host::start_job`].
pub(super) async fn start<L: Link>(machine: &Machine<L>, spec: &JobSpec) -> Result<JobRecord, HostError> {
    check_name(machine, &spec.name)?;
    launch::check(&machine.account.host, &spec.command)?;
    if spec.command.stdin.is_some() {
        return Err(refused(machine, &spec.name, "a job reads nothing"));
    }
    let job = launch::job(&machine.account, &spec.command);
    let digest = spec.digest();
    // Rounded up: timeout takes 0 for "none".
    let limit = spec.command.deadline.as_secs() + u64::from(spec.command.deadline.subsec_nanos() > 0);
    let args = [
        spec.name.clone(),
        digest.clone(),
        limit.max(1).to_string(),
        job.length.to_string(),
        job.bytes.len().to_string(),
        WRAPPER.to_owned(),
    ];
    let said = ask(machine, &spec.name, &script(START, args).stdin(job.bytes)).await?;
    let (fresh, line) = match said.strip_prefix("fresh\n") {
        Some(rest) => (true, rest),
        None => (false, said.as_str()),
    };
    let described = parse(line).ok_or_else(|| {
        refused(
            machine,
            &spec.name,
            format!("its record makes no sense: {line:?}"),
        )
    })?;
    if described.record.digest != digest {
        return Err(refused(
            machine,
            &spec.name,
            "a job of this name is there already, with another command: see what became of it \
             (/var/lib/nebplay/jobs), and remove it if it is not needed any more",
        ));
    }
    Ok(JobRecord {
        fresh,
        ..described.record
    })
}

/// See [`Host::find_job`].
pub(super) async fn find<L: Link>(machine: &Machine<L>, name: &str) -> Result<Option<JobRecord>, HostError> {
    Ok(describe(machine, name).await?.map(|described| described.record))
}

async fn describe<L: Link>(machine: &Machine<L>, name: &str) -> Result<Option<Described>, HostError> {
    check_name(machine, name)?;
    let said = ask(machine, name, &script(FIND, [name.to_owned()])).await?;
    if said.is_empty() {
        return Ok(None);
    }
    let described = parse(&said);
    described
        .map(Some)
        .ok_or_else(|| refused(machine, name, format!("its record makes no sense: {said:?}")))
}

/// See [`Host::list_jobs`].
pub(super) async fn list<L: Link>(machine: &Machine<L>) -> Result<Vec<JobRecord>, HostError> {
    let said = ask(machine, "list", &script(FIND, [])).await?;
    let parse = |line: &str| {
        parse(line)
            .map(|described| described.record)
            .ok_or_else(|| refused(machine, "list", format!("a record makes no sense: {line:?}")))
    };
    said.lines().map(parse).collect()
}

/// See [`Host::forget_job`].
pub(super) async fn forget<L: Link>(machine: &Machine<L>, name: &str) -> Result<(), HostError> {
    check_name(machine, name)?;
    ask(machine, name, &script(FORGET, [name.to_owned()]))
        .await
        .map(drop)
}

/// See [`Host::follow_job`]. A lost connection is the caller's to have again; a look that lasted too long goes on where it was.
pub(super) async fn follow<L: Link>(
    machine: &Machine<L>,
    name: &str,
    lines: &dyn Lines,
) -> Result<JobEnd, HostError> {
    check_name(machine, name)?;
    let mut heard = Followed::default();
    loop {
        match look(machine, name, &mut heard, lines).await {
            Ok(Some(end)) => {
                heard.splitter.finish(lines);
                return end;
            }
            Ok(None) | Err(HostError::TimedOut { .. }) => {}
            Err(error) => return Err(error),
        }
    }
}

/// What was heard of a job so far.
#[derive(Default)]
struct Followed {
    stdout: Stream,
    stderr: Stream,
    splitter: Splitter,
}

/// What a job printed on one stream: the job goes on however much that is, so of too much only the end is kept.
#[derive(Default)]
struct Stream {
    seen: u64,
    kept: Vec<u8>,
}

impl Stream {
    fn take(&mut self, bytes: &[u8]) {
        self.seen += bytes.len() as u64;
        self.kept.extend_from_slice(bytes);
        if self.kept.len() > MOST_KEPT {
            self.kept.drain(..self.kept.len() - MOST_KEPT / 2);
        }
    }
}

/// Follows a job over one connection; `None`: it has not ended, look again.
async fn look<L: Link>(
    machine: &Machine<L>,
    name: &str,
    followed: &mut Followed,
    lines: &dyn Lines,
) -> Result<Option<Result<JobEnd, HostError>>, HostError> {
    let args = [
        name.to_owned(),
        followed.stdout.seen.to_string(),
        followed.stderr.seen.to_string(),
    ];
    let command = script(FOLLOW, args).deadline(LOOK);
    machine
        .watch(&command, Drain::Shown, |heard| match heard {
            Heard::Piece(bytes, is_stderr) => {
                let stream = if is_stderr {
                    &mut followed.stderr
                } else {
                    &mut followed.stdout
                };
                stream.take(bytes);
                followed.splitter.take(bytes, is_stderr, lines);
            }
            Heard::Silence => followed.splitter.silence(lines),
        })
        .await?;
    let described = describe(machine, name)
        .await?
        .ok_or_else(|| refused(machine, name, "there is none of this name"))?;
    // Following may end a moment before the last bytes are written; the sizes on record tell.
    let whole = described.stdout <= followed.stdout.seen && described.stderr <= followed.stderr.seen;
    if described.record.state == JobState::Running || !whole {
        return Ok(None);
    }
    let mut end = |exit| JobEnd {
        exit,
        rebooted: described.rebooted,
        stdout: std::mem::take(&mut followed.stdout.kept),
        stderr: std::mem::take(&mut followed.stderr.kept),
        elapsed: Duration::from_secs(seconds_between(described.record.started, described.ended)),
    };
    Ok(Some(match described.record.state {
        JobState::Ended(_) if described.timed_out() => Err(HostError::TimedOut {
            host: machine.account.host.clone(),
            what: format!("job {name}"),
            limit: Duration::from_secs(described.limit),
        }),
        JobState::Ended(rc) => Ok(end(Some(Exit::Code(rc)))),
        JobState::Lost | JobState::Running => Ok(end(None)),
    }))
}

fn seconds_between(started: i64, ended: Option<i64>) -> u64 {
    ended
        .and_then(|ended| u64::try_from(ended - started).ok())
        .unwrap_or(0)
}

impl Described {
    /// Whether timeout(1) ended it: with 124, or by the signal it falls back to, KILL.
    fn timed_out(&self) -> bool {
        matches!(self.record.state, JobState::Ended(124 | 137))
            && seconds_between(self.record.started, self.ended) >= self.limit
    }
}

/// One line of `describe`.
fn parse(line: &str) -> Option<Described> {
    let mut words = line.split_ascii_whitespace();
    let mut next = || words.next();
    let (name, digest) = (next()?.to_owned(), next()?.to_owned());
    let started = next()?.parse().ok()?;
    let (state, rc, ended) = (next()?, next()?, next()?.parse().ok());
    let rebooted = state == "rebooted";
    let state = match state {
        "running" => JobState::Running,
        "ended" => JobState::Ended(rc.parse().ok()?),
        "lost" | "rebooted" => JobState::Lost,
        _ => return None,
    };
    let (limit, stdout, stderr) = (
        next()?.parse().ok()?,
        next()?.parse().ok()?,
        next()?.parse().ok()?,
    );
    let record = JobRecord {
        name,
        digest,
        state,
        started,
        fresh: false,
    };
    next().is_none().then_some(Described {
        record,
        rebooted,
        ended,
        limit,
        stdout,
        stderr,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records() {
        let line = |rest: &str| parse(&format!("onedb-upgrade-1 abc 1700000000 {rest}"));
        let running = line("running - - 60 5 0\n").unwrap();
        assert_eq!(
            (running.record.state, running.ended, running.stdout),
            (JobState::Running, None, 5)
        );
        assert_eq!(
            line("ended 255 1700000009 60 0 0").unwrap().record.state,
            JobState::Ended(255)
        );
        assert_eq!(
            line("ended 137 1700000009 60 0 0").unwrap().record.state,
            JobState::Ended(137),
            "a signal or a status of its own: nobody can tell"
        );
        assert!(line("ended 137 1700000070 60 0 0").unwrap().timed_out());
        for (word, rebooted) in [("lost", false), ("rebooted", true)] {
            let lost = line(&format!("{word} - - 60 0 0")).unwrap();
            assert_eq!((lost.record.state, lost.rebooted), (JobState::Lost, rebooted));
        }
        assert!(line("ended 124 1700000060 60 0 0").unwrap().timed_out());
        assert!(
            !line("ended 124 1700000059 60 0 0").unwrap().timed_out(),
            "its own 124"
        );
        for broken in [
            "",
            "ended - 1 60 0 0",
            "gone - - 60 0 0",
            "running - - 60 5",
            "running - - 60 5 0 more",
        ] {
            assert_eq!(line(broken), None, "{broken}");
        }
    }
}
