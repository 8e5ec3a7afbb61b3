//! The copy of the journal on the master's front-end, so that another controller can go on when this one is lost.
//!
//! The file is sent as it grows, from where the host's copy ends: a call that is repeated adds nothing twice. It holds what the
//! journal holds, which is no secret, and is root's alone. When the run has come to its end it is removed.
//!
//! Beside the copy of a run that stopped, a later run that acted says so: what that journal holds may not be so any more. Who would
//! resume an upgrade that was taken back meanwhile would go on with half of it.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::sync::Arc;
use std::time::Duration;

use nebplay_modules::federation_map::Federation;
use nebplay_modules::host::{Command, HostError, RunAs};
use nebplay_modules::module::Peers;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::asking::Asking;
use super::connections::Connections;
use super::error::CommandError;
use super::locks::Holder;
use super::options;
use super::state::{KeptRun, State};
use super::vault::VaultArgs;
use crate::diagnostics::Finding;
use crate::events::RunResult;
use crate::events::journal::{self, Journal};
use crate::plan::Plan;

/// Where copies are kept on the host.
const PLACE: &str = "/var/lib/nebplay/runs";
/// The longest journal that is fetched.
const LONGEST: u64 = 1 << 30;
/// Bytes of one call.
const PIECE: u64 = 1 << 20;
/// How long the end of a run waits for the copy to be whole.
const PATIENCE: Duration = Duration::from_secs(10);
/// The same for an operator who left.
const IMPATIENCE: Duration = Duration::from_millis(500);
/// The wait after a call that failed.
const PAUSE: Duration = Duration::from_secs(2);

/// Adds its input to the copy, if that ends where the input begins; says where it ends now. `$1` the run, `$2` the offset.
const APPEND: &str = r#"
umask 077; d=/var/lib/nebplay/runs f=/var/lib/nebplay/runs/$1.jsonl
mkdir -p -- "$d" && chmod 0700 /var/lib/nebplay "$d" || exit 1
size=$(stat -c %s -- "$f" 2>/dev/null || echo 0)
if [ "$size" -gt "$2" ]; then truncate -s "$2" -- "$f" && size=$2 || exit 1; fi
if [ "$size" -lt "$2" ]; then cat >/dev/null; else cat >>"$f" || exit 1; fi
sync -- "$f"; stat -c %s -- "$f"
"#;

/// What is done with copies when a run is over. `$1` the run; `$2` what is said of it to older ones that it has acted since, nothing where
/// it has not; `$3` its playbooks as the first line of a copy has them, nothing where it did not come to its end: otherwise its copy is
/// removed, and older ones of the same playbooks, because what those left undone is done now.
const CLOSE: &str = r#"
cd /var/lib/nebplay/runs 2>/dev/null || exit 0
umask 077
older() { expr "x$1" '<' "x$2.jsonl" >/dev/null; }
for f in *.jsonl; do
  [ -f "$f" ] || continue
  if [ -n "$2" ] && older "$f" "$1"; then printf '%s\n' "$2" >"${f%.jsonl}.since" || exit 1; fi
  [ -n "$3" ] || continue
  if [ "$f" = "$1.jsonl" ] || { older "$f" "$1" && head -n 1 -- "$f" | grep -qF -- "$3"; }; then rm -f -- "$f" "${f%.jsonl}.since"; fi
done
cd / && rmdir -- /var/lib/nebplay/runs 2>/dev/null; :
"#;

/// Says what has acted since a run: `$1`.
const SINCE: &str = r#"
cd /var/lib/nebplay/runs 2>/dev/null || exit 0
[ ! -f "$1.since" ] || cat -- "$1.since"
for f in *.jsonl; do
  if expr "x$f" '>' "x$1.jsonl" >/dev/null; then printf '%s, which has not come to its end\n' "${f%.jsonl}"; fi
done
"#;

/// The names of all copies, the latest last.
const LIST: &str = r"cd /var/lib/nebplay/runs 2>/dev/null && ls -1; :";

/// What is to become of the copy.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    /// It grows with the journal.
    Follow,
    /// The run is over: bring it up to date, and end.
    Finish,
    /// The run came to its end: nobody will go on with it.
    Remove,
}

/// A copy that is being kept.
pub(super) struct Copy {
    wish: watch::Sender<Wish>,
    keeping: tokio::task::JoinHandle<()>,
}

/// The master's front-end, if the run has to do with it.
fn place(federation: &Federation, plan: &Plan) -> Option<String> {
    let master = federation.master()?;
    let hosts = plan.hosts();
    master
        .hosts
        .iter()
        .find(|host| hosts.contains(&host.as_str()))
        .cloned()
}

impl Copy {
    /// Begins to keep a copy; none where the run does not touch the master.
    pub(super) fn begin(
        runtime: &Runtime,
        journal: &Arc<Journal>,
        holder: &Holder,
        federation: &Federation,
        plan: &Plan,
        connections: &Arc<Connections>,
    ) -> Option<Self> {
        let keeper = Keeper {
            run: holder.run.clone(),
            playbooks: holder.playbooks.clone(),
            place: place(federation, plan)?,
            journal: Arc::clone(journal),
            connections: Arc::clone(connections),
            there: 0,
        };
        let (wish, wished) = watch::channel(Wish::Follow);
        let keeping = runtime.spawn(keeper.keep(journal.grown(), wished));
        Some(Self { wish, keeping })
    }

    /// The run is over; `now` where the operator does not want to wait for anything.
    pub(super) async fn end(self, result: RunResult, now: bool) {
        let wish = if result == RunResult::Ok {
            Wish::Remove
        } else {
            Wish::Finish
        };
        self.wish.send_replace(wish);
        // A master that cannot be reached must not hold up the end; its copy ends where it was reached last.
        let patience = if now { IMPATIENCE } else { PATIENCE };
        let _ = tokio::time::timeout(patience, self.keeping).await;
    }
}

struct Keeper {
    run: String,
    playbooks: Vec<String>,
    place: String,
    journal: Arc<Journal>,
    connections: Arc<Connections>,
    /// Bytes of the copy.
    there: u64,
}

impl Keeper {
    async fn keep(mut self, mut grown: watch::Receiver<u64>, mut wished: watch::Receiver<Wish>) {
        loop {
            let here = *grown.borrow_and_update();
            let wish = *wished.borrow_and_update();
            let done = match wish {
                Wish::Remove => self.close(true).await,
                Wish::Follow | Wish::Finish if self.there < here => self.send(here).await,
                Wish::Follow | Wish::Finish => Ok(()),
            };
            self.journal.copied(done.is_ok().then_some(self.there));
            match done {
                Ok(()) if wish == Wish::Remove => return,
                Ok(()) if self.there < here => {}
                Ok(()) if wish == Wish::Finish => {
                    // Where that fails, this copy stays all the same, and a later one says as much.
                    let _ = self.close(false).await;
                    return;
                }
                Ok(()) => {
                    let changed = tokio::select! {
                        changed = grown.changed() => changed,
                        changed = wished.changed() => changed,
                    };
                    // Nobody is left who could wish for anything.
                    if changed.is_err() {
                        return;
                    }
                }
                // Nobody would ever remove it but this run: a master that just boots is tried again.
                Err(_) if wish == Wish::Finish => return,
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    /// Sends a piece of what the copy has not.
    async fn send(&mut self, here: u64) -> Result<(), HostError> {
        let length = (here - self.there).min(PIECE);
        let piece = self
            .piece(length)
            .map_err(|error| self.trouble("reading the journal", &error.to_string()))?;
        let command = Command::script(APPEND, [self.run.clone(), self.there.to_string()])
            .stdin(piece)
            .as_root();
        let said = self.ask(&command).await?;
        self.there = said
            .trim()
            .parse()
            .map_err(|_| self.trouble("adding to the copy of the journal", &said))?;
        Ok(())
    }

    fn piece(&self, length: u64) -> std::io::Result<Vec<u8>> {
        let mut file = std::fs::File::open(self.journal.path())?;
        file.seek(SeekFrom::Start(self.there))?;
        let mut piece = Vec::new();
        file.take(length).read_to_end(&mut piece)?;
        Ok(piece)
    }

    /// The run is over; `done`: it came to its end.
    async fn close(&self, done: bool) -> Result<(), HostError> {
        let said = if self.journal.has_acted() {
            format!("{} ({})", self.run, self.playbooks.join(", "))
        } else {
            String::new()
        };
        let playbooks = if done {
            format!("\"playbooks\":{}", serde_json::json!(self.playbooks))
        } else {
            String::new()
        };
        let command = Command::script(CLOSE, [self.run.clone(), said, playbooks]).as_root();
        self.ask(&command).await.map(drop)
    }

    async fn ask(&self, command: &Command) -> Result<String, HostError> {
        let output = self.connections.peer(&self.place).await?.run(command).await?;
        if output.exit.success() {
            Ok(output.text())
        } else {
            Err(self.trouble("keeping a copy of the journal", &output.err_text()))
        }
    }

    fn trouble(&self, what: &str, why: &str) -> HostError {
        HostError::Refused {
            host: self.place.clone(),
            what: what.to_owned(),
            why: why.to_owned(),
        }
    }
}

/// The runs that have acted on the master since this one stopped, in words. A master that cannot be asked will stop the run itself.
pub(super) async fn since(
    connections: &Connections,
    federation: &Federation,
    plan: &Plan,
    run: &str,
) -> Vec<String> {
    let Some(place) = place(federation, plan) else {
        return Vec::new();
    };
    let Ok(host) = connections.peer(&place).await else {
        return Vec::new();
    };
    let command = Command::script(SINCE, [run]).as_root();
    let said = host.run(&command).await.map(|output| output.text());
    let plain = |line: &str| line.chars().filter(|c| !c.is_control()).collect();
    said.unwrap_or_default().lines().map(plain).collect()
}

/// Brings a copy here: the named one, or the latest.
pub(super) fn fetch(
    state: &State,
    inventory: &[String],
    vault: &VaultArgs,
    run: Option<&str>,
) -> Result<KeptRun, CommandError> {
    let hosts = options::hosts_of(inventory, vault)?;
    let federation = hosts.zoned.federation.clone();
    let master = federation
        .master()
        .and_then(|zone| zone.hosts.first())
        .cloned()
        .ok_or_else(|| CommandError::usage("the inventory has no master zone"))?;
    let asking = Asking::of(hosts, vec![master.clone()])?;
    let fetched = asking.wait(fetch_from(&asking.connections, &master, run));
    asking.end();
    let (id, content) = fetched
        .map_err(|why| Finding::nowhere(why).help("`nebplay status` shows whether it can be reached"))?;
    let path = state
        .path_for(&id)
        .map_err(|error| super::execute::no_journal(state, error))?;
    let kept = KeptRun { id, path };
    let history = journal::read_bytes(&content, &format!("{master}:{PLACE}/{}.jsonl", kept.id))
        .map_err(|damage| Finding::nowhere(damage.to_string()))?;
    // What this controller has itself may be further than the copy, never behind it.
    if kept.read().is_ok_and(|own| own.length >= history.length) {
        return Ok(kept);
    }
    write_alone(&kept.path, &content).map_err(|error| super::execute::no_journal(state, error))?;
    Ok(kept)
}

async fn fetch_from(
    connections: &Connections,
    master: &str,
    run: Option<&str>,
) -> Result<(String, Vec<u8>), String> {
    let host = connections
        .peer(master)
        .await
        .map_err(|error| error.to_string())?;
    let listed = host
        .run(&Command::script::<String>(LIST, []).as_root())
        .await
        .map_err(|error| error.to_string())?
        .text();
    let mut ids: Vec<&str> = listed
        .lines()
        .filter_map(|name| name.strip_suffix(".jsonl"))
        .collect();
    ids.retain(|id| run.is_none_or(|run| id.starts_with(run)));
    ids.sort_unstable();
    let id = (*ids
        .last()
        .ok_or_else(|| format!("{master} has no copy of a journal in {PLACE}"))?)
    .to_owned();
    // It becomes the name of a file here.
    if !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(format!("{master}: `{id}` is no name of a run"));
    }
    let content = host
        .read_file(&format!("{PLACE}/{id}.jsonl"), &RunAs::root(), LONGEST)
        .await
        .map_err(|error| error.to_string())?;
    let content = content.ok_or_else(|| format!("{master} has no copy of {id} any more"))?;
    Ok((id, content))
}

fn write_alone(path: &std::path::Path, content: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(content)?;
    file.sync_all()
}
