//! A step that a lost connection cut off while it acted: settled by its module's contract, never silently repeated.

use std::borrow::Cow;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nebplay_modules::contract::Recovery;
use nebplay_modules::host::Command;
use nebplay_modules::module::{Change, Failure, FailureKind, Finding, Outcome};

use super::step::Ready;

/// A step is not looked at or begun again for ever on a connection that breaks whenever it does something.
pub(super) const MOST: usize = 3;

/// A host that was rebooted answers before its services do, a database among them: it is waited for, but not for ever.
const BOOT: Duration = Duration::from_secs(90);

/// What became of a step that was cut off.
enum Found {
    /// It took effect.
    Done(Outcome),
    /// This is to be done now.
    ToDo(Change),
    /// Nobody can tell, or it went wrong.
    Unsettled(Failure),
}

impl Ready {
    /// What the step's act came to, where `cut_off` says that connections broke during it: it waits for the host to be back, looks,
    /// and acts on what it finds. The change is the one that was acted on last.
    pub(super) async fn settled<'c>(
        &self,
        change: &'c Change,
        mut applied: Result<Outcome, Failure>,
        mut cut_off: bool,
    ) -> (Cow<'c, Change>, Result<Outcome, Failure>) {
        let mut change = Cow::Borrowed(change);
        for _ in 0..MOST {
            let failure = match applied {
                Err(failure) if may_be_done(&failure) && (cut_off || self.peers.broke().await) => failure,
                other => return (change, other),
            };
            self.in_doubt.store(true, Ordering::Relaxed);
            match self.look_again(failure).await {
                Found::Done(outcome) => return (change, Ok(outcome)),
                Found::Unsettled(failure) => return (change, Err(failure)),
                Found::ToDo(found) => {
                    if let Err(unwritten) = Self::write_down(&[(self, &found)]).await {
                        return (Cow::Owned(found), Err(unwritten));
                    }
                    applied = self.act_alone(&self.cx(), &found).await;
                    cut_off = self.peers.was_cut_off();
                    change = Cow::Owned(found);
                }
            }
        }
        (change, applied)
    }

    async fn look_again(&self, failure: Failure) -> Found {
        // Whatever comes of it: a host that was not rebooted, or has no systemd, answers at once, and the look tells the rest.
        let booted = Command::new(["systemctl", "is-system-running", "--wait"]).deadline(BOOT);
        let _ = self.host.run(&booted).await;
        if self.recovery == Recovery::Ask {
            return Found::Unsettled(
                failure.hint("look at the host whether it took effect, before it is run again"),
            );
        }
        match self.inspect().await {
            Ok(Finding::NoChange(outcome)) => {
                Found::Done(done_unseen(outcome, "found done after the connection was back"))
            }
            Ok(Finding::Change(change) | Finding::CannotTell(change)) => Found::ToDo(change),
            Err(again) if again.kind == FailureKind::Unreachable => Found::Unsettled(Failure {
                message: again.message,
                ..failure
            }),
            Err(again) => Found::Unsettled(match again.state {
                Some(_) => again,
                None => again.state("a lost connection cut it off while it acted; this is what a look at the host said afterwards"),
            }),
        }
    }
}

/// Whether the failure may be the connection's and not the step's. A module that saw danger is believed.
fn may_be_done(failure: &Failure) -> bool {
    use FailureKind::{Failed, TimedOut, Unreachable};
    matches!(failure.kind, Unreachable | Failed | TimedOut)
}

/// Nothing is left to be done, so it was done by us; `found` says since when that is known.
pub(super) fn done_unseen(outcome: Outcome, found: &str) -> Outcome {
    let message = outcome
        .message
        .map_or_else(|| found.to_owned(), |message| format!("{found}: {message}"));
    Outcome {
        changed: true,
        message: Some(message),
        ..outcome
    }
}
