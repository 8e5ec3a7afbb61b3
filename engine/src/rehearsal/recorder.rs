//! What a rehearsal knows of its run while it goes on: the events, which step is at work on a host, and what that step calls.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nebplay_modules::host::Clock as _;
use nebplay_twin::Ended;
use nebplay_twin::federation::Federation;
use nebplay_twin::twin::Twin;
use tokio::sync::Notify;

use super::alike::LeftOut;
use super::fault::{Fault, Kind};
use super::joined::Joining;
use super::stage::Script;
use crate::events::{Event, StepRef, View, What};

/// A call of a step to a host, as far as faults are about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// A command, buffered or streamed.
    Run,
    /// A stream out of it, or into it.
    Stream,
    /// A job is started.
    StartJob,
    /// A job is waited for.
    FollowJob,
    /// A file is written.
    Write,
    /// What listens there is asked something.
    Ask,
    /// What listens there is told to change something.
    Tell,
    /// It only reads.
    Read,
}

impl Call {
    /// Whether something may be changed by it.
    fn acts(self) -> bool {
        !matches!(self, Self::Read | Self::FollowJob | Self::Ask)
    }
}

/// A step at work on a host.
#[derive(Debug, Clone)]
struct AtWork {
    step: String,
    doing: Doing,
    calls: usize,
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Looks,
    Acts,
    /// It looks at what came of its act: nothing more is its doing.
    Proves,
}

/// What one step called in its last phase.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Calls {
    /// Whether it acted; otherwise it only looked.
    pub(super) acted: bool,
    /// What it called, in order.
    pub(super) calls: Vec<Call>,
}

impl Calls {
    /// The number of the call that is the step's doing: the job's start; else the last one that may change something, or that asks.
    pub(super) fn effect(&self) -> Option<usize> {
        let job = self.calls.iter().position(|call| *call == Call::StartJob);
        let last = |is: fn(&Call) -> bool| self.calls.iter().rposition(is);
        job.or_else(|| last(|call| call.acts()))
            .or_else(|| last(|call| *call == Call::Ask))
    }

    /// The number of the call in which a host goes down: the job's start; else what oned is told, because what that wrote a moment ago no
    /// other zone knows; else as any other fault.
    fn going_down(&self) -> Option<usize> {
        let job = self.calls.contains(&Call::StartJob);
        let told = self.calls.iter().rposition(|call| *call == Call::Tell);
        told.filter(|_| !job).or_else(|| self.effect())
    }

    /// Whether the step's doing is a program that works for a while.
    pub(super) fn works(&self) -> bool {
        let effect = self.effect().and_then(|number| self.calls.get(number));
        matches!(effect, Some(Call::Run | Call::StartJob))
    }

    /// The number of the call after whose answer the step's doing is over.
    fn last(&self) -> Option<usize> {
        let followed = self.calls.iter().position(|call| *call == Call::FollowJob);
        followed.or_else(|| self.effect())
    }
}

/// Where a fault strikes: at which call of its step.
#[derive(Debug, Clone)]
pub(super) struct Strike {
    pub(super) fault: Fault,
    /// Whether the step acts at all; otherwise it strikes while the step looks.
    pub(super) acts: bool,
    pub(super) call: usize,
}

impl Strike {
    /// The fault at a step that calls these.
    pub(super) fn of(fault: Fault, calls: &Calls) -> Self {
        let call = match fault.kind {
            Kind::LostAfter => calls.last(),
            Kind::Reboots | Kind::OthersReboot => calls.going_down(),
            _ => calls.effect(),
        };
        Self {
            acts: calls.acted,
            call: call.unwrap_or(0),
            fault,
        }
    }
}

/// A step at work: where, and from when to when in the federation's time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// Which.
    pub step: StepRef,
    /// Where it worked.
    pub place: String,
    /// From when.
    pub from: Duration,
    /// To when; `None`: it never ended.
    pub to: Option<Duration>,
    /// It belongs to the playbook that leads back, not to the one that is rehearsed.
    pub of_way_back: bool,
}

/// A moment at which no step was under way.
#[derive(Debug, Clone)]
pub(super) struct Fork {
    /// How many events had happened.
    pub(super) events: usize,
    /// The federation then.
    pub(super) federation: Federation,
}

#[derive(Default)]
struct State {
    events: Vec<Event>,
    at_work: BTreeMap<String, AtWork>,
    calls: BTreeMap<String, Calls>,
    forks: Vec<Fork>,
    work: Vec<Work>,
    /// What the tasks of included files say that programs answer, by the task's identity.
    included: BTreeMap<String, Ended>,
    killed: bool,
    struck: bool,
    joined: Option<usize>,
}

/// See the module. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Recorder {
    state: Arc<Mutex<State>>,
    kill: Arc<Notify>,
    strike: Option<Arc<Strike>>,
    twin: Option<Twin>,
    /// The federation is kept at every step, to be forked there, but for the steps of these hosts.
    forks: Option<Arc<LeftOut>>,
    /// The undisturbed run may be joined.
    joins: Option<Arc<Joining>>,
    /// What is known of steps beforehand.
    script: Arc<Script>,
}

impl Recorder {
    /// With a fault, or without.
    pub(super) fn new(
        strike: Option<Strike>,
        twin: Twin,
        forks: Option<Arc<LeftOut>>,
        joins: Option<Joining>,
        script: Arc<Script>,
    ) -> Self {
        Self {
            strike: strike.map(Arc::new),
            twin: Some(twin),
            forks,
            joins: joins.map(Arc::new),
            script,
            ..Self::default()
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The events so far, taken out.
    pub(super) fn take_events(&self) -> Vec<Event> {
        std::mem::take(&mut self.state().events)
    }

    /// What each step called, by identity, taken out.
    pub(super) fn take_calls(&self) -> BTreeMap<String, Calls> {
        std::mem::take(&mut self.state().calls)
    }

    /// What was at work when, taken out.
    pub(super) fn take_work(&self) -> Vec<Work> {
        std::mem::take(&mut self.state().work)
    }

    /// What a machine does as the step at work there has it: what programs answer that the twin does not know, and how long things take.
    fn set_up(&self, machine: &str, step: Option<&StepRef>) {
        let answer = step.and_then(|step| self.answer(&step.task));
        let nothing = self.script.is_empty() && self.state().included.is_empty();
        let Some(twin) = self.twin.as_ref().filter(|_| !nothing) else {
            return;
        };
        twin.change(|federation| {
            let Some(at) = federation.find(machine) else {
                return;
            };
            federation.answers.remove(&at);
            federation.pace.remove(&at);
            if let Some(answer) = answer {
                federation.answers.insert(at, answer);
            }
            let Some(step) = step else { return };
            if let Some(pace) = self.script.paces.get(&step.id) {
                federation.pace.insert(at, *pace);
            }
        });
    }

    /// What a task says that programs answer, be it of an included file.
    fn answer(&self, task: &str) -> Option<Ended> {
        let written = self.script.answers.get(task).cloned();
        written.or_else(|| self.state().included.get(task).cloned())
    }

    /// Learns what the tasks of an included file say.
    pub(super) fn learn(&self, answers: BTreeMap<String, Ended>) {
        self.state().included.extend(answers);
    }

    fn now(&self) -> Duration {
        self.twin
            .as_ref()
            .map(|twin| twin.clock().monotonic())
            .unwrap_or_default()
    }

    /// Where it can be forked, taken out.
    pub(super) fn take_forks(&self) -> Vec<Fork> {
        std::mem::take(&mut self.state().forks)
    }

    /// Whether the fault came to pass.
    pub(super) fn has_struck(&self) -> bool {
        self.state().struck
    }

    /// The fork of the undisturbed run that it has come to.
    pub(super) fn has_joined(&self) -> Option<usize> {
        self.state().joined
    }

    /// Ends the run if it has come to where the undisturbed one was.
    fn joins(&self, step: &str) -> bool {
        let (Some(twin), Some(joins)) = (&self.twin, &self.joins) else {
            return false;
        };
        // A fault that is to come, or that lasts as long as the run, tells it from the other.
        let is_over = |strike: &Arc<Strike>| strike.fault.kind != Kind::Away && self.has_struck();
        if !self.strike.as_ref().is_none_or(is_over) || !self.state().at_work.is_empty() {
            return false;
        }
        let joined = joins.joined(step, &twin.now_as_it_is());
        let mut state = self.state();
        state.joined = joined;
        state.killed = joined.is_some();
        if state.killed {
            self.kill.notify_one();
        }
        state.killed
    }

    /// A host is away for the whole run.
    pub(super) fn is_away(&self, host: &str) -> bool {
        let away = |strike: &Arc<Strike>| strike.fault.kind == Kind::Away && strike.fault.host == host;
        let away = self.strike.as_ref().is_some_and(away);
        if away {
            self.state().struck = true;
        }
        away
    }

    /// A host is called. Gives the fault that strikes at this call.
    pub(super) fn calls(&self, host: &str, call: Call) -> Option<Kind> {
        let mut state = self.state();
        let at_work = state.at_work.get_mut(host)?;
        let number = at_work.calls;
        at_work.calls += 1;
        let (step, acting) = match at_work.doing {
            Doing::Proves => return None,
            doing => (at_work.step.clone(), doing == Doing::Acts),
        };
        let strikes = self.strike.as_ref().filter(|strike| {
            strike.fault.step == step && strike.acts == acting && strike.call == number && !state.struck
        });
        let kind = strikes.map(|strike| strike.fault.kind);
        if matches!(kind, Some(kind) if !matches!(kind, Kind::KilledBefore | Kind::KilledAfter | Kind::Away))
        {
            state.struck = true;
        }
        let calls = state.calls.entry(step).or_default();
        if acting && !calls.acted {
            *calls = Calls {
                acted: true,
                calls: Vec::new(),
            };
        }
        if calls.acted == acting {
            calls.calls.push(call);
        }
        kind
    }

    /// What a host's step asked last was no question: it was told to change something.
    pub(super) fn told(&self, host: &str) {
        let mut state = self.state();
        let step = state.at_work.get(host).map(|at_work| at_work.step.clone());
        let calls = step.and_then(|step| state.calls.get_mut(&step));
        let asked = calls.and_then(|calls| calls.calls.iter_mut().rfind(|call| **call == Call::Ask));
        if let Some(call) = asked {
            *call = Call::Tell;
        }
    }

    /// The controller is gone, this moment.
    pub(super) fn kill(&self) {
        let mut state = self.state();
        state.killed = true;
        state.struck = true;
        self.kill.notify_one();
    }

    /// Returns when the controller is killed.
    pub(super) async fn killed(&self) {
        self.kill.notified().await;
    }

    fn strikes_at(&self, step: &str, kind: Kind) -> Option<&Strike> {
        let strike = self.strike.as_deref()?;
        (strike.fault.step == step && strike.fault.kind == kind).then_some(strike)
    }
}

/// The host that a step works on.
fn place(step: &StepRef) -> &str {
    step.delegate.as_ref().unwrap_or(&step.host)
}

impl View for Recorder {
    fn event(&mut self, event: &Event) {
        if self.state().killed {
            return;
        }
        if let What::StepProving { step } = &event.what
            && let Some(at_work) = self.state().at_work.get_mut(place(step))
        {
            at_work.doing = Doing::Proves;
        }
        if event.what.is_transient() {
            return;
        }
        if let What::StepStarted { step } = &event.what
            && self.joins(&step.id)
        {
            return;
        }
        if let Some(joins) = &self.joins {
            joins.learn(event);
        }
        if let What::StepStarted { step } = &event.what
            && let (Some(twin), Some(left_out)) = (&self.twin, &self.forks)
            && !left_out.contains_key(&step.host)
        {
            let mut state = self.state();
            if state.at_work.is_empty() {
                let events = state.events.len();
                state.forks.push(Fork {
                    events,
                    federation: twin.now_as_it_is(),
                });
            }
        }
        let mut kill = false;
        match &event.what {
            What::StepStarted { step } | What::StepApplying { step, .. } => {
                let acting = matches!(event.what, What::StepApplying { .. });
                let at_work = AtWork {
                    step: step.id.clone(),
                    doing: if acting { Doing::Acts } else { Doing::Looks },
                    calls: 0,
                };
                if !acting {
                    let work = Work {
                        step: step.clone(),
                        place: place(step).to_owned(),
                        from: self.now(),
                        to: None,
                        of_way_back: false,
                    };
                    self.state().work.push(work);
                    self.set_up(place(step), Some(step));
                }
                self.state().at_work.insert(place(step).to_owned(), at_work);
                kill = self
                    .strikes_at(&step.id, Kind::KilledBefore)
                    .is_some_and(|strike| strike.acts == acting);
            }
            What::StepEnded { step, .. } => {
                self.set_up(place(step), None);
                let now = self.now();
                let mut state = self.state();
                state.at_work.remove(place(step));
                if let Some(work) = state.work.iter_mut().rfind(|work| work.step.id == step.id) {
                    work.to = Some(now);
                }
                drop(state);
                if self.strikes_at(&step.id, Kind::KilledAfter).is_some() {
                    self.kill();
                    return;
                }
            }
            _ => {}
        }
        self.state().events.push(event.clone());
        if kill {
            self.kill();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last call that may change something is what a fault strikes at; that of the proof would come too late for any fault.
    #[test]
    fn what_a_step_calls_to_prove_its_act_is_not_its_doing() {
        let step = StepRef {
            id: "s".to_owned(),
            task: "t".to_owned(),
            host: "fe1".to_owned(),
            delegate: None,
            item: None,
            attempt: 1,
        };
        let mut recorder = Recorder::default();
        let mut does = |what: What, calls: &[Call]| {
            recorder.event(&Event {
                seq: 0,
                time: 0,
                elapsed_ms: 0,
                what,
            });
            for call in calls {
                recorder.calls("fe1", *call);
            }
        };
        does(What::StepStarted { step: step.clone() }, &[Call::Read]);
        let to_do = Vec::new();
        does(
            What::StepApplying {
                step: step.clone(),
                to_do,
            },
            &[Call::Read, Call::Ask],
        );
        does(What::StepProving { step }, &[Call::Run, Call::Ask]);
        let calls = &recorder.take_calls()["s"];
        assert_eq!(calls.calls, [Call::Read, Call::Ask]);
        assert_eq!(calls.effect(), Some(1));
    }
}
