//! The lock of a run on a host: one file that says whose it is, `/var/lib/nebplay/lock`, root's alone. It survives a reboot.
//!
//! Taking it, replacing it and removing it are one round trip each, and no two of them happen at once on a host. Whether a lock
//! that is there still means anything is not decided here: whoever replaces or removes one names exactly the one that was seen.

use serde::{Deserialize, Serialize};

use crate::digest::sha256;
use crate::host::{Command, Host, HostError, Output, RunAs};

/// Where everything of nebplay's is on a host.
const DIRECTORY: &str = "/var/lib/nebplay";
const FILE: &str = "/var/lib/nebplay/lock";

/// The format that this version writes, and the newest that it reads.
const FORMAT: u32 = 1;

/// A lock is some hundred bytes.
const LIMIT: u64 = 1 << 20;

/// Whose a lock is, and how to find out whether that run is still under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// The version of this format.
    format: u32,
    /// The run's id.
    pub run: String,
    /// Who runs it, and where: `ops@controller`.
    pub owner: String,
    /// The controller's machine id, hashed; `None`: it has none.
    pub machine: Option<String>,
    /// The controller's boot id: another one says that it was restarted.
    pub boot: String,
    /// The namespace that `pid` counts in: a container's processes are numbered apart.
    pub pid_namespace: String,
    /// The controller's process.
    pub pid: i32,
    /// When that process began, in ticks since boot: together with its number it names a process for good.
    pub pid_started: u64,
    /// What it runs.
    pub playbooks: Vec<String>,
    /// When it was taken, seconds since the epoch by the controller's clock.
    pub taken_at: i64,
}

/// The process that holds a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Controller {
    /// See [`Lock::owner`].
    pub owner: String,
    /// See [`Lock::machine`].
    pub machine: Option<String>,
    /// See [`Lock::boot`].
    pub boot: String,
    /// See [`Lock::pid_namespace`].
    pub pid_namespace: String,
    /// See [`Lock::pid`].
    pub pid: i32,
    /// See [`Lock::pid_started`].
    pub pid_started: u64,
}

impl Lock {
    /// The lock of a run of that controller.
    pub fn new(controller: Controller, run: String, playbooks: Vec<String>, taken_at: i64) -> Self {
        Self {
            format: FORMAT,
            run,
            owner: controller.owner,
            machine: controller.machine,
            boot: controller.boot,
            pid_namespace: controller.pid_namespace,
            pid: controller.pid,
            pid_started: controller.pid_started,
            playbooks,
            taken_at,
        }
    }

    /// What stands in the file, without the line's end.
    fn text(&self) -> String {
        // Strings and numbers alone: there is nothing that JSON could not hold.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// See [`Seen::digest`].
    pub fn digest(&self) -> String {
        sha256(format!("{}\n", self.text()))
    }
}

/// A lock as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// SHA-256 (hex) of the file: which one is meant when it is replaced or removed.
    pub digest: String,
    /// What it says; or why nobody can tell.
    pub lock: Result<Lock, String>,
}

impl Seen {
    fn of(bytes: &[u8]) -> Self {
        let lock: Result<Lock, String> = serde_json::from_slice(bytes).map_err(|error| error.to_string());
        let lock = lock.and_then(|lock| match lock.format {
            ..=FORMAT => Ok(lock),
            newer => Err(format!(
                "its format is {newer}, and this nebplay knows {FORMAT}: a newer one wrote it"
            )),
        });
        Self {
            digest: sha256(bytes),
            lock,
        }
    }
}

/// What became of taking a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It is ours.
    Ours,
    /// Another one is there.
    Held(Seen),
}

/// What became of removing a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It is removed.
    Removed,
    /// There was none any more.
    Gone,
    /// There is another one, which stays.
    Other,
}

/// Why nothing is known of a lock.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LockError {
    /// The host could not be asked, or does not let us become root.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The host was asked and could not do it.
    #[error("{host}: failed to {doing} {FILE}: {why}")]
    Failed {
        /// Inventory name.
        host: String,
        /// A verb.
        doing: &'static str,
        /// The host's own words.
        why: String,
    },
}

/// Enters the directory alone: whoever comes second waits. The directory may be removed (see `LEAVE`) while one waits for it.
const ENTER: &str = r#"
export LC_ALL=C; umask 077
dir=$1 lock=$1/lock
enter() {
  for again in 1 2 3 4 5 6 7 8 9 10; do
    # Whoever leaves last takes the directory away, perhaps between two of these.
    why=$(mkdir -p -- "$dir" 2>&1 && chmod 0700 -- "$dir" 2>&1) && command exec 9<"$dir" || continue
    flock -w 20 9 || return 1
    [ "$dir" -ef /proc/self/fd/9 ] && return
  done
  echo "${why:-it comes and goes}" >&2
  return 1
}
leave() { rmdir -- "$dir" 2>/dev/null || sync -- "$dir"; }
digest() { sha256sum <"$lock" | cut -d ' ' -f 1; }
enter || exit 1
"#;

/// `$2`: the lock; `$3`: the digest of the one that it may replace. Written beside, synced, then linked or renamed into place:
/// nobody ever reads half of it, whatever happens. One that is ours already is an answer that was lost on its way.
const TAKE: &str = r#"
rm -f -- "$dir"/.lock.*
if [ -e "$lock" ]; then
  [ "$(cat -- "$lock")" = "$2" ] && echo taken && exit
  [ "$(digest)" = "$3" ] || { echo held; cat -- "$lock"; exit; }
fi
new=$(mktemp -- "$dir/.lock.XXXXXXXXXX") || exit 1
trap 'rm -f -- "$new"' EXIT
printf '%s\n' "$2" >"$new" && sync -- "$new" || exit 1
if [ -e "$lock" ]; then mv -f -T -- "$new" "$lock"; else ln -T -- "$new" "$lock"; fi || exit 1
sync -- "$dir" "${dir%/*}" && echo taken
"#;

/// `$2`: the digest of the lock that is meant. An empty directory goes with it.
const REMOVE: &str = r#"
[ -e "$lock" ] || { leave; echo gone; exit; }
[ "$(digest)" = "$2" ] || { echo other; exit; }
rm -f -- "$lock" && leave && echo removed
"#;

/// Takes the lock of a host, or says who has it. `instead_of`: the one that may be replaced, because it means nothing any more.
pub async fn take(host: &dyn Host, lock: &Lock, instead_of: Option<&Seen>) -> Result<Taken, LockError> {
    let stale = instead_of.map(|seen| seen.digest.clone());
    let output = ask(host, "take", TAKE, [lock.text(), stale.unwrap_or_default()]).await?;
    match output.stdout.strip_prefix(b"held\n") {
        Some(other) => Ok(Taken::Held(Seen::of(other))),
        None if output.stdout == b"taken\n" => Ok(Taken::Ours),
        None => Err(riddle(host, "take", &output)),
    }
}

/// The lock that is on a host. `None`: there is none.
pub async fn read(host: &dyn Host) -> Result<Option<Seen>, LockError> {
    let bytes = host.read_file(FILE, &RunAs::root(), LIMIT).await?;
    Ok(bytes.map(|bytes| Seen::of(&bytes)))
}

/// Removes the lock of that digest, and no other.
pub async fn remove(host: &dyn Host, digest: &str) -> Result<Removal, LockError> {
    let output = ask(host, "remove", REMOVE, [digest.to_owned()]).await?;
    match output.text().trim() {
        "removed" => Ok(Removal::Removed),
        "gone" => Ok(Removal::Gone),
        "other" => Ok(Removal::Other),
        _ => Err(riddle(host, "remove", &output)),
    }
}

async fn ask(
    host: &dyn Host,
    doing: &'static str,
    script: &str,
    args: impl IntoIterator<Item = String>,
) -> Result<Output, LockError> {
    let args = std::iter::once(DIRECTORY.to_owned()).chain(args);
    let command = Command::script(&format!("{ENTER}{script}"), args).as_root();
    let output = host.run(&command).await?;
    if output.exit.success() {
        return Ok(output);
    }
    let words = output.err_text();
    Err(LockError::Failed {
        host: host.name().to_owned(),
        doing,
        why: match words.trim() {
            "" => output.exit.to_string(),
            words => words.to_owned(),
        },
    })
}

fn riddle(host: &dyn Host, doing: &'static str, output: &Output) -> LockError {
    LockError::Failed {
        host: host.name().to_owned(),
        doing,
        why: format!("its answer makes no sense: {:?}", output.text()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Arc;

    use super::*;
    use crate::testing_local::LocalHost;

    fn lock(run: &str) -> Lock {
        let controller = Controller {
            owner: "o'ps $HOME@\"ctl\"".to_owned(),
            machine: Some("abc".to_owned()),
            boot: "b".to_owned(),
            pid_namespace: "pid:[1]".to_owned(),
            pid: 7,
            pid_started: 9,
        };
        Lock::new(
            controller,
            run.to_owned(),
            vec!["a b.yml".to_owned()],
            1_795_000_000,
        )
    }

    fn held(taken: Taken) -> Seen {
        match taken {
            Taken::Held(seen) => seen,
            Taken::Ours => panic!("it was free"),
        }
    }

    #[tokio::test]
    async fn one_has_it_and_the_other_reads_whose_it_is() {
        let host = LocalHost::new("m");
        let (first, second) = (lock("one"), lock("two"));
        assert_eq!(read(&host).await.unwrap(), None);
        assert_eq!(take(&host, &first, None).await.unwrap(), Taken::Ours);
        let seen = held(take(&host, &second, None).await.unwrap());
        assert_eq!(seen.lock, Ok(first.clone()));
        assert_eq!(seen.digest, first.digest());
        assert_eq!(read(&host).await.unwrap(), Some(seen));
        // An answer that was lost: asked again, it is still ours.
        assert_eq!(take(&host, &first, None).await.unwrap(), Taken::Ours);
        let mode = |path: &str| std::fs::metadata(host.mapped(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(FILE), mode(DIRECTORY)), (0o600, 0o700));
    }

    #[tokio::test]
    async fn exactly_the_one_that_was_seen_is_replaced_and_removed() {
        let host = LocalHost::new("m");
        let (old, new, newest) = (lock("old"), lock("new"), lock("newest"));
        take(&host, &old, None).await.unwrap();
        let seen = read(&host).await.unwrap().unwrap();
        assert_eq!(take(&host, &new, Some(&seen)).await.unwrap(), Taken::Ours);
        // Whoever saw the old one comes too late.
        let now = held(take(&host, &newest, Some(&seen)).await.unwrap());
        assert_eq!(now.lock, Ok(new.clone()));
        assert_eq!(remove(&host, &seen.digest).await.unwrap(), Removal::Other);
        assert_eq!(read(&host).await.unwrap(), Some(now));
        assert_eq!(remove(&host, &new.digest()).await.unwrap(), Removal::Removed);
        assert_eq!(remove(&host, &new.digest()).await.unwrap(), Removal::Gone);
    }

    #[tokio::test]
    async fn nothing_is_left_of_it_but_what_others_keep_there() {
        let host = LocalHost::new("m");
        let one = lock("one");
        // What a host that lost its power in the middle of taking one has left.
        host.write("/var/lib/nebplay/.lock.abc", "half");
        take(&host, &one, None).await.unwrap();
        assert_eq!(remove(&host, &one.digest()).await.unwrap(), Removal::Removed);
        assert!(!host.mapped(DIRECTORY).exists());

        host.write("/var/lib/nebplay/memory/zones.json", "[1]");
        take(&host, &one, None).await.unwrap();
        assert_eq!(remove(&host, &one.digest()).await.unwrap(), Removal::Removed);
        assert_eq!(host.read("/var/lib/nebplay/memory/zones.json").unwrap(), b"[1]");
        assert_eq!(std::fs::read_dir(host.mapped(DIRECTORY)).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_held_by_somebody_and_can_be_removed() {
        let newer = lock("one").text().replace("\"format\":1", "\"format\":2");
        for (content, why) in [("", "EOF"), ("a\n\nb\0", "expected"), (&newer, "a newer one")] {
            let host = LocalHost::new("m");
            host.write(FILE, content);
            let seen = held(take(&host, &lock("one"), None).await.unwrap());
            let said = seen.lock.clone().unwrap_err();
            assert!(said.contains(why), "{content:?}: {said}");
            assert_eq!(
                remove(&host, &seen.digest).await.unwrap(),
                Removal::Removed,
                "{content:?}"
            );
        }
    }

    /// Half of them hold it for a moment and remove it, directory and all, while the others come.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn of_many_at_once_one_has_it() {
        let host = Arc::new(LocalHost::new("m"));
        let mut all = tokio::task::JoinSet::new();
        for number in 0..12 {
            let host = Arc::clone(&host);
            all.spawn(async move {
                let mine = lock(&number.to_string());
                if take(&*host, &mine, None).await.unwrap() != Taken::Ours {
                    return;
                }
                let now = read(&*host).await.unwrap().unwrap();
                assert_eq!(now.lock, Ok(mine.clone()));
                assert_eq!(remove(&*host, &mine.digest()).await.unwrap(), Removal::Removed);
            });
        }
        while let Some(one) = all.join_next().await {
            one.unwrap();
        }
        assert_eq!(read(&*host).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_host_that_cannot_keep_it_says_why() {
        let host = LocalHost::new("m");
        host.program("mktemp", "echo 'No space left on device' >&2; exit 1");
        let error = take(&host, &lock("one"), None).await.unwrap_err().to_string();
        assert_eq!(
            error,
            "m: failed to take /var/lib/nebplay/lock: No space left on device"
        );
    }
}
