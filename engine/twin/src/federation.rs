//! All machines, and the time. A clone shares every machine until one of the two changes it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use foldhash::HashMap;
use nebplay_modules::host::{Command, Exit};
use nebplay_modules::job::JobEnd;
use nebplay_sh::Ended;

use crate::deeds::{Act, Deed, Deeds};
use crate::machine::{Job, Machine};
use crate::opennebula::daemon;
use crate::process::Limit;
use crate::programs::{network, systemd};
use crate::rates::Rates;
use crate::session::{self, Came};

/// A federation at a moment.
#[derive(Debug, Clone)]
pub struct Federation {
    machines: Vec<Arc<Machine>>,
    /// By each name and address; none of them ever changes.
    known_as: Arc<HashMap<String, At>>,
    /// Time since the epoch. It goes on by [`Federation::advance`] alone.
    now: Duration,
    /// How long things take.
    pub rates: Rates,
    /// What was done.
    pub deeds: Deeds,
    /// No front-end reaches another; whoever is elsewhere reaches them all.
    pub zones_apart: bool,
    /// How many users the clients of the API have made so far.
    pub made_by_clients: u64,
    /// The jobs that run.
    pending: Vec<Arc<Pending>>,
    /// The machines that were told to reboot, and when they will.
    going_down: BTreeMap<At, Duration>,
    /// When the next client comes.
    next_client: Duration,
    /// What is answered on a machine by programs that the twin knows nothing of; nothing said: nothing, and status 0.
    pub answers: BTreeMap<At, Ended>,
    /// For each machine, until when its oned does nothing by itself if the machine does not change: time passes at every call, and there
    /// are as many calls as there are machines.
    quiet_until: Vec<Duration>,
    /// Until when all of them are quiet but those that are stirred.
    all_quiet_until: Duration,
    /// The machines that changed since they were looked at.
    stirred: BTreeSet<At>,
    /// How many times as long as by the rates everything takes on a machine, where that is known better.
    pub pace: BTreeMap<At, f64>,
}

/// A job that runs, and what it comes to if nothing else happens on its machine meanwhile.
#[derive(Debug)]
struct Pending {
    at: At,
    name: String,
    ends: Duration,
    /// The machine when it was started.
    base: Arc<Machine>,
    /// The machine when it has ended; `None`: it changes others too.
    then: Option<Arc<Machine>>,
    deeds: Vec<Deed>,
    came: Came,
}

/// A machine's number in its federation.
pub type At = usize;

impl Federation {
    /// These machines at this moment.
    pub fn new(machines: Vec<Machine>, now: Duration, rates: Rates) -> Self {
        let mut federation = Self {
            machines: Vec::new(),
            known_as: Arc::default(),
            quiet_until: Vec::new(),
            all_quiet_until: Duration::ZERO,
            stirred: BTreeSet::new(),
            now,
            rates,
            deeds: Deeds::default(),
            zones_apart: false,
            pending: Vec::new(),
            going_down: BTreeMap::new(),
            made_by_clients: 0,
            next_client: now,
            answers: BTreeMap::new(),
            pace: BTreeMap::new(),
        };
        for machine in machines {
            federation.add(machine);
        }
        federation
    }

    /// The time since the epoch.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// The time since the epoch as oned writes it, in seconds.
    pub(crate) fn seconds(&self) -> i64 {
        i64::try_from(self.now.as_secs()).unwrap_or(i64::MAX)
    }

    /// When the next client comes.
    pub fn next_client(&self) -> Duration {
        self.next_client
    }

    /// Lets the next client come then.
    pub fn set_next_client(&mut self, then: Duration) {
        self.next_client = then;
        self.quiet_until.fill(Duration::ZERO);
        self.all_quiet_until = Duration::ZERO;
    }

    /// All machines.
    pub fn machines(&self) -> impl Iterator<Item = &Machine> {
        self.machines.iter().map(Arc::as_ref)
    }

    /// How many machines there are.
    pub fn len(&self) -> usize {
        self.machines.len()
    }

    /// Whether there is no machine.
    pub fn is_empty(&self) -> bool {
        self.machines.is_empty()
    }

    /// Whether a job runs on any machine, or one is about to go down.
    pub fn is_at_work(&self) -> bool {
        !self.pending.is_empty() || !self.going_down.is_empty()
    }

    /// The machine of an inventory name.
    pub fn find(&self, name: &str) -> Option<At> {
        self.known_as(name)
            .filter(|at| &*self.machines[*at].name == name)
            .or_else(|| self.machines.iter().position(|machine| &*machine.name == name))
    }

    /// The first machine of that name or address.
    pub(crate) fn known_as(&self, name: &str) -> Option<At> {
        self.known_as.get(name).copied()
    }

    /// Adds a machine.
    pub fn add(&mut self, machine: Machine) -> At {
        let at = self.machines.len();
        let known_as = Arc::make_mut(&mut self.known_as);
        let names = [machine.name.to_string(), machine.hostname.clone()];
        for name in names.into_iter().chain(machine.addresses.iter().cloned()) {
            known_as.entry(name).or_insert(at);
        }
        self.machines.push(Arc::new(machine));
        self.quiet_until.push(Duration::ZERO);
        self.stirred.insert(at);
        at
    }

    /// A machine.
    pub fn machine(&self, at: At) -> &Machine {
        &self.machines[at]
    }

    /// A machine, to be changed.
    pub fn machine_mut(&mut self, at: At) -> &mut Machine {
        self.stir(at);
        Arc::make_mut(&mut self.machines[at])
    }

    fn stir(&mut self, at: At) {
        if self.quiet_until[at] > Duration::ZERO {
            self.quiet_until[at] = Duration::ZERO;
            self.stirred.insert(at);
        }
    }

    /// A process id that nothing else has on a machine.
    pub(crate) fn new_pid(&mut self, at: At) -> u32 {
        Arc::make_mut(&mut self.machines[at]).new_pid()
    }

    fn set_machine(&mut self, at: At, machine: &Arc<Machine>) {
        self.stir(at);
        self.machines[at] = Arc::clone(machine);
    }

    /// Takes a machine as it is in another federation. The jobs that ran here on it are gone, and those that run there are not brought
    /// along.
    pub fn take_machine(&mut self, at: At, other: &Self) {
        self.pending.retain(|pending| pending.at != at);
        self.going_down.remove(&at);
        self.set_machine(at, &other.machines[at]);
    }

    /// Writes down what was done just now.
    pub fn did(&mut self, at: At, act: Act) {
        let deed = Deed {
            at: self.now,
            on: Arc::clone(&self.machines[at].name),
            act,
        };
        self.deeds.add(deed);
    }

    /// Lets time pass: jobs end and machines go down when they are due, in order, and OpenNebula does what it does by itself.
    pub fn advance(&mut self, to: Duration) {
        loop {
            let down = self.next_down(to);
            let end = self.next_end(down.map_or(to, |(_, when)| when));
            if let Some(pending) = end {
                self.now = self.now.max(pending.ends);
                self.end_job(&pending);
            } else if let Some((at, when)) = down {
                self.now = self.now.max(when);
                systemd::shut_down(self, at);
                self.reboot(at);
            } else {
                break;
            }
        }
        self.now = self.now.max(to);
        if self.all_quiet_until <= self.now {
            self.all_quiet_until = Duration::MAX;
            for (at, quiet_until) in self.quiet_until.iter().enumerate() {
                if *quiet_until <= self.now {
                    self.stirred.insert(at);
                } else {
                    self.all_quiet_until = self.all_quiet_until.min(*quiet_until);
                }
            }
        }
        // What one of them does may stir others.
        let mut next = 0;
        while let Some(&at) = self.stirred.range(next..).next() {
            daemon::tick(self, at);
            self.quiet_until[at] = daemon::next_tick(self, at);
            if self.quiet_until[at] > self.now {
                self.stirred.remove(&at);
                self.all_quiet_until = self.all_quiet_until.min(self.quiet_until[at]);
            }
            next = at + 1;
        }
    }

    /// Reboots a machine at that moment.
    pub(crate) fn goes_down(&mut self, at: At, when: Duration) {
        self.going_down.insert(at, when);
    }

    fn next_down(&self, until: Duration) -> Option<(At, Duration)> {
        let due = self.going_down.iter().filter(|(_, when)| **when <= until);
        due.min_by_key(|(_, when)| **when).map(|(at, when)| (*at, *when))
    }

    fn next_end(&self, until: Duration) -> Option<Arc<Pending>> {
        let due = self.pending.iter().filter(|pending| pending.ends <= until);
        due.min_by_key(|pending| (pending.ends, pending.at)).cloned()
    }

    /// How long what takes `time` by the rates takes on a machine.
    pub fn paced(&self, at: At, time: Duration) -> Duration {
        self.pace.get(&at).map_or(time, |pace| time.mul_f64(*pace))
    }

    /// When a job ends; `None`: it does not run.
    pub fn job_ends(&self, at: At, name: &str) -> Option<Duration> {
        let pending = self
            .pending
            .iter()
            .find(|pending| pending.at == at && pending.name == name);
        pending.map(|pending| pending.ends)
    }

    /// Starts a job. What it comes to is found out on a copy of everything, and is so when its time has passed. `hangs`: after so much
    /// of its work it does no more.
    pub fn start_job(
        &mut self,
        at: At,
        name: &str,
        digest: String,
        command: &Command,
        hangs: Option<Duration>,
    ) {
        let job = Job {
            digest,
            command: command.clone(),
            started: self.now,
            end: None,
            in_time: true,
            hangs,
        };
        let limit = job.limit();
        self.machine_mut(at).jobs.insert(name.to_owned(), job);
        let base = Arc::clone(&self.machines[at]);
        let mut copy = self.clone();
        copy.deeds = Deeds::default();
        let came = session::execute(&mut copy, at, command, Some(limit));
        let others = self.machines.iter().zip(&copy.machines).enumerate();
        let alone = others
            .filter(|(number, _)| *number != at)
            .all(|(_, (before, after))| Arc::ptr_eq(before, after))
            && copy.going_down == self.going_down;
        self.pending.push(Arc::new(Pending {
            at,
            name: name.to_owned(),
            ends: self.now + self.paced(at, came.took),
            base,
            then: alone.then(|| Arc::clone(&copy.machines[at])),
            deeds: copy.deeds.in_order().into_iter().cloned().collect(),
            came,
        }));
    }

    fn end_job(&mut self, pending: &Arc<Pending>) {
        self.pending.retain(|other| !Arc::ptr_eq(other, pending));
        let (at, name) = (pending.at, &pending.name);
        let Some(job) = self.machine(at).jobs.get(name) else {
            return;
        };
        let (command, limit) = (job.command.clone(), job.limit());
        let elapsed = pending.ends.saturating_sub(job.started);
        let Came { output, whole, .. } = match &pending.then {
            Some(then) if Arc::ptr_eq(&self.machines[at], &pending.base) => {
                self.set_machine(at, then);
                for deed in &pending.deeds {
                    self.deeds.add(Deed {
                        at: self.now,
                        ..deed.clone()
                    });
                }
                pending.came.clone()
            }
            _ => session::execute(self, at, &command, Some(limit)),
        };
        // What timeout(1) says of one that ran out of time.
        let exit = if whole { output.exit } else { Exit::Code(124) };
        let end = JobEnd {
            exit: Some(exit),
            rebooted: false,
            stdout: output.stdout,
            stderr: output.stderr,
            elapsed,
        };
        if let Some(job) = self.machine_mut(at).jobs.get_mut(name) {
            job.end = Some(end);
            job.in_time = whole;
        }
    }

    /// The machine goes down this moment and comes up again. What its jobs were in the middle of stays as far as it came.
    pub fn reboot(&mut self, at: At) {
        let running: Vec<(String, Command, Duration)> = self
            .machine(at)
            .jobs
            .iter()
            .filter(|(_, job)| job.end.is_none())
            .map(|(name, job)| {
                let ran = self.now.saturating_sub(job.started);
                let worked = job.hangs.map_or(ran, |hangs| ran.min(hangs));
                (name.clone(), job.command.clone(), worked)
            })
            .collect();
        self.pending.retain(|pending| pending.at != at);
        self.going_down.remove(&at);
        for (name, command, ran) in running {
            let Came { output, .. } = session::execute(self, at, &command, Some(Limit::Killed(ran)));
            let end = JobEnd {
                exit: None,
                rebooted: true,
                stdout: output.stdout,
                stderr: output.stderr,
                elapsed: ran,
            };
            if let Some(job) = self.machine_mut(at).jobs.get_mut(&name) {
                job.end = Some(end);
            }
        }
        let until = self.now + self.rates.boot;
        let kept_out = self.machine(at).filter.is_some();
        systemd::power_cut(self, at);
        let machine = self.machine_mut(at);
        machine.boots += 1;
        machine.away_until = until;
        let volatile: Vec<String> = ["/run", "/tmp", "/var/lock/one"]
            .iter()
            .flat_map(|directory| {
                let names = machine.files.names(directory);
                names.into_iter().map(move |name| format!("{directory}/{name}"))
            })
            .filter(|path| path != "/run/systemd")
            .collect();
        for path in volatile {
            machine.files.remove(&path);
        }
        self.did(at, Act::Rebooted);
        systemd::boot(self, at);
        network::up_again(self, at, kept_out);
    }

    /// All front-ends but the one of this machine go down this moment and come up again.
    pub fn reboot_others(&mut self, at: At) {
        let others: Vec<At> = (0..self.len())
            .filter(|other| *other != at && self.machine(*other).is_front_end())
            .collect();
        for other in others {
            self.reboot(other);
        }
    }

    /// Runs a command on a machine, now. `limit`: what ends it from outside, with everything it started.
    pub fn execute(&mut self, at: At, command: &Command, limit: Option<Limit>) -> Came {
        session::execute(self, at, command, limit)
    }
}
