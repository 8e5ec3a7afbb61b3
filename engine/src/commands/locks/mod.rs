//! One run at a time: a lock on every front-end that a run acts on. What it is on a host is in [`nebplay_modules::lock`].
//!
//! Locks are taken one after the other in a fixed order, and nobody waits for one: whoever meets a lock that means something
//! gives back what it has and does not run. Of any number of runs that start at once, exactly one gets the first lock that they
//! all want, so there is neither a deadlock nor a run that everybody gave way to.
//!
//! A run removes its locks at its end, however it ended. One that is killed, or left in a hurry (a second Ctrl-C), cannot or does
//! not: what it started may still go on. The next run from the same machine sees by facts that its process is gone, and takes over.

mod here;
mod standing;
mod wanted;
mod words;

#[cfg(test)]
mod tests;

pub(super) use standing::Standing;
pub(super) use wanted::{Wanted, in_order};
pub(super) use words::whose;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indexmap::IndexMap;
use nebplay_modules::host::{Host, HostError};
use nebplay_modules::lock::{self, Controller, Lock, LockError, Removal, Seen, Taken};
use nebplay_modules::module::Peers;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::connections::Connections;
use super::error::CommandError;
use crate::run::Stop;

/// How long the end of a run waits for a host that is to remove its lock.
const PATIENCE: Duration = Duration::from_secs(20);
/// The wait before it is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// How often a lock that changes under our eyes is looked at again.
const LOOKS: usize = 3;

/// The run that takes locks.
#[derive(Debug, Clone)]
pub(super) struct Holder {
    /// Its id: a run that is resumed keeps it.
    pub(super) run: String,
    /// What it runs.
    pub(super) playbooks: Vec<String>,
    /// The operator said that this run is over on the other machine where it was started, and goes on from here.
    pub(super) from_elsewhere: bool,
}

/// The locks of this run.
pub(super) struct Locks {
    mine: Lock,
    here: Controller,
    from_elsewhere: bool,
    stop: watch::Receiver<Stop>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: IndexMap<String, Arc<dyn Host>>,
    /// To be locked when they are first connected.
    later: HashSet<String>,
    /// What the operator should know, and was not told yet.
    remarks: Vec<String>,
}

/// Why a host is not locked.
enum Refusal {
    /// Somebody has it.
    Held {
        host: String,
        /// Goes on after the host's name.
        what: &'static str,
        /// Lines that say who.
        whose: String,
        /// What to do.
        next: String,
    },
    /// It could not be done.
    Failed(LockError),
}

impl From<LockError> for Refusal {
    fn from(error: LockError) -> Self {
        Self::Failed(error)
    }
}

impl Locks {
    /// Connects to the wanted hosts, all at once, and locks them, one after the other. A host that cannot be reached is left to
    /// the run to report, and locked when it is reached after all.
    pub(super) async fn take(
        connections: &Arc<Connections>,
        wanted: Wanted,
        holder: Holder,
        stop: &watch::Receiver<Stop>,
    ) -> Result<Arc<Self>, CommandError> {
        let here = here::controller()?;
        let locks = Arc::new(Self::new(here, holder, stop.clone()));
        let connected = connect(connections, &wanted.first, stop.clone()).await;
        let locked = locks.lock_all(wanted, connected).await;
        locks.tell();
        match locked {
            Ok(()) => {
                connections.lock_with(Arc::clone(&locks));
                Ok(locks)
            }
            Err(refusal) => {
                locks.release().await;
                Err(refusal.into())
            }
        }
    }

    fn new(here: Controller, holder: Holder, stop: watch::Receiver<Stop>) -> Self {
        Self {
            mine: Lock::new(here.clone(), holder.run, holder.playbooks, now()),
            here,
            from_elsewhere: holder.from_elsewhere,
            stop,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn lock_all(
        &self,
        wanted: Wanted,
        mut connected: IndexMap<String, Arc<dyn Host>>,
    ) -> Result<(), Refusal> {
        self.state().later = wanted.perhaps;
        for name in wanted.first {
            match connected.swap_remove(&name) {
                Some(host) => self.lock(&host).await?,
                None => {
                    self.state().later.insert(name);
                }
            }
        }
        Ok(())
    }

    /// A host that the run is about to use: locked now if it is to be and is not yet.
    pub(super) async fn admit(&self, host: &Arc<dyn Host>) -> Result<(), HostError> {
        let name = host.name();
        if !self.state().later.contains(name) {
            return Ok(());
        }
        let refused = |why: String| HostError::Refused {
            host: name.to_owned(),
            what: "taking its lock for this run".to_owned(),
            why,
        };
        match self.lock(host).await {
            Ok(()) => {
                self.state().later.remove(name);
                Ok(())
            }
            Err(Refusal::Held {
                what, whose, next, ..
            }) => Err(refused(format!("it {what}\n{whose}{next}"))),
            Err(Refusal::Failed(LockError::Host(error))) => Err(error),
            Err(Refusal::Failed(error)) => Err(refused(error.to_string())),
        }
    }

    /// Locks one host.
    async fn lock(&self, host: &Arc<dyn Host>) -> Result<(), Refusal> {
        let mut instead_of: Option<(Seen, String)> = None;
        for _ in 0..LOOKS {
            let seen = instead_of.as_ref().map(|(seen, _)| seen);
            match lock::take(&**host, &self.mine, seen).await {
                Ok(Taken::Ours) => {
                    let mut state = self.state();
                    state.held.insert(host.name().to_owned(), Arc::clone(host));
                    state.remarks.extend(instead_of.map(|(_, remark)| remark));
                    return Ok(());
                }
                Ok(Taken::Held(seen)) => {
                    let remark = self.may_replace(host.name(), &seen)?;
                    instead_of = Some((seen, remark));
                }
                // Gone again: the run will find out, and lock it when it comes back.
                Err(LockError::Host(HostError::Unreachable { .. })) if self.is_first_look(host) => {
                    self.state().later.insert(host.name().to_owned());
                    return Ok(());
                }
                // Nobody who cannot become root there changes what a lock protects; the task that needs root says why.
                Err(LockError::Host(HostError::Refused { why, .. })) => {
                    self.state()
                        .remarks
                        .push(format!("{} is not locked: {}", host.name(), why.trim()));
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Refusal::Held {
            host: host.name().to_owned(),
            what: "is locked: others take and remove locks there at this moment",
            whose: String::new(),
            next: "try again; `nebplay unlock -i …` shows every lock of the federation".to_owned(),
        })
    }

    /// Whether the run has not begun yet: then it is the run that reports a host which cannot be reached.
    fn is_first_look(&self, host: &Arc<dyn Host>) -> bool {
        !self.state().later.contains(host.name())
    }

    /// Whether another lock means nothing any more: a sentence that says so.
    fn may_replace(&self, host: &str, seen: &Seen) -> Result<String, Refusal> {
        let other = match &seen.lock {
            Ok(other) => other,
            Err(why) => {
                return Err(Refusal::Held {
                    host: host.to_owned(),
                    what: "is locked, and its lock cannot be read",
                    whose: format!("  {why}\n"),
                    next: "see who else uses nebplay on this federation; if nobody does, `nebplay unlock -i …` removes the lock".to_owned(),
                });
            }
        };
        let standing = Standing::of(other, &self.here, here::process);
        let in_short = words::whose_in_short(other, now());
        match &standing {
            Standing::Stale(fact) => Ok(format!("{host}: took over the lock of {in_short}: {fact}")),
            Standing::Unknown(fact) if self.from_elsewhere && other.run == self.mine.run => Ok(format!(
                "{host}: took over the lock of {in_short}, as you said; {fact}"
            )),
            Standing::Alive(_) | Standing::Unknown(_) => Err(Refusal::Held {
                host: host.to_owned(),
                what: "is locked by another run",
                whose: words::whose(other, &standing, now()),
                next: words::next(other, &standing),
            }),
        }
    }

    /// Removes the locks, at the end of the run. After a second Ctrl-C they stay: what was started may still go on.
    pub(super) async fn release(&self) {
        let held = {
            let mut state = self.state();
            // What comes after the run only reads.
            state.later.clear();
            std::mem::take(&mut state.held)
        };
        if *self.stop.borrow() == Stop::Leave && !held.is_empty() {
            let names: Vec<&str> = held.keys().map(String::as_str).collect();
            self.state().remarks.push(format!(
                "left at once, so the locks stay ({}): what was started may still go on there; the next run from this machine takes them over, others need `nebplay unlock -i …`",
                names.join(", ")
            ));
        } else {
            self.remove(held).await;
        }
        self.tell();
    }

    async fn remove(&self, held: IndexMap<String, Arc<dyn Host>>) {
        let digest = self.mine.digest();
        let mut all = JoinSet::new();
        for (name, host) in held {
            let digest = digest.clone();
            all.spawn(async move {
                match removal(&*host, &digest).await {
                    Ok(Removal::Removed) => None,
                    Ok(Removal::Gone) => {
                        Some(format!("{name}: the lock of this run was removed while it was under way"))
                    }
                    Ok(Removal::Other) => Some(format!(
                        "{name}: the lock of this run was removed while it was under way, and another run has one now"
                    )),
                    Err(why) => Some(stays(&name, &why)),
                }
            });
        }
        let remarks: Vec<String> = all.join_all().await.into_iter().flatten().collect();
        self.state().remarks.extend(remarks);
    }

    /// Says what the operator should know. Never into standard output, which may be for a program.
    fn tell(&self) {
        let remarks = std::mem::take(&mut self.state().remarks);
        super::terminal::remark(&remarks);
    }
}

/// Removes a lock; a host that cannot be reached is tried again for a while, because it may just boot.
async fn removal(host: &dyn Host, digest: &str) -> Result<Removal, String> {
    let mut last = format!("no answer within {PATIENCE:?}");
    let removing = async {
        loop {
            match lock::remove(host, digest).await {
                Err(LockError::Host(error @ HostError::Unreachable { .. })) => last = error.to_string(),
                other => return other.map_err(|error| error.to_string()),
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::time::timeout(PATIENCE, removing)
        .await
        .unwrap_or(Err(last))
}

fn stays(name: &str, why: &str) -> String {
    format!(
        "{name}: the lock of this run stays ({why}): the next run from this machine takes it over, others need `nebplay unlock -i …`"
    )
}

impl From<Refusal> for CommandError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Held {
                host,
                what,
                whose,
                next,
            } => Self::Locked {
                message: format!("{host} {what}; nothing was run\n{whose}")
                    .trim_end()
                    .to_owned(),
                next,
            },
            Refusal::Failed(error) => Self::NotLocked(error),
        }
    }
}

/// Connects to all of them at once; those that were reached. Whoever interrupts does not wait for the others.
async fn connect(
    connections: &Arc<Connections>,
    names: &[String],
    mut stop: watch::Receiver<Stop>,
) -> IndexMap<String, Arc<dyn Host>> {
    let mut all = JoinSet::new();
    for name in names {
        let (connections, name) = (Arc::clone(connections), name.clone());
        all.spawn(async move {
            let host = connections.peer(&name).await;
            (name, host)
        });
    }
    let mut reached = IndexMap::new();
    loop {
        tokio::select! {
            next = all.join_next() => match next {
                None => return reached,
                Some(Ok((name, Ok(host)))) => {
                    reached.insert(name, host);
                }
                Some(_) => {}
            },
            Ok(_) = stop.wait_for(|now| *now != Stop::Run) => return IndexMap::new(),
        }
    }
}

pub(super) fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// What a lock that was read means, seen from this machine.
pub(super) fn standing(lock: &Lock) -> Result<Standing, CommandError> {
    Ok(Standing::of(lock, &here::controller()?, here::process))
}
