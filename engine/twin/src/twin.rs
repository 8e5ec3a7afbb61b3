//! The federation as the engine sees it: hosts, and a clock. Time is tokio's, which a rehearsal pauses, so that waiting costs nothing.

mod stream;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use nebplay_modules::host::{
    Clock, Command, Duplex, FileKind, FileMeta, Host, HostError, Lines, Output, RunAs, Sink, Source, Stat,
};
use nebplay_modules::job::{JobEnd, JobRecord, JobSpec, JobState};
use tokio::time::Instant;

use crate::federation::{At, Federation};
use crate::files::{Content, Files, IS_DIRECTORY, Node};
use crate::image;
use crate::machine::{Job, Machine};
use crate::opennebula::daemon;
use crate::process::Limit;
use crate::programs::access;
use crate::session::Came;
pub use stream::Then;

/// How long a connection to a machine that is away is tried.
const CONNECT: Duration = Duration::from_secs(10);

/// A federation that can be worked on. Clones are the same federation; [`Twin::now_as_it_is`] gives another one.
#[derive(Clone)]
pub struct Twin {
    federation: Arc<Mutex<Federation>>,
    clock: TwinClock,
    calls: Arc<AtomicU64>,
}

/// The federation's time.
#[derive(Debug, Clone, Copy)]
pub struct TwinClock {
    began: Duration,
    origin: Instant,
}

#[async_trait]
impl Clock for TwinClock {
    fn monotonic(&self) -> Duration {
        self.began + self.origin.elapsed()
    }

    fn now(&self) -> i64 {
        i64::try_from(self.monotonic().as_secs()).unwrap_or(i64::MAX)
    }

    async fn sleep(&self, how_long: Duration) {
        tokio::time::sleep(how_long).await;
    }
}

impl Twin {
    /// Works on a federation from the moment it is at. To be called in a runtime whose time is paused.
    pub fn new(federation: Federation) -> Self {
        let clock = TwinClock {
            began: federation.now(),
            origin: Instant::now(),
        };
        Self {
            federation: Arc::new(Mutex::new(federation)),
            clock,
            calls: Arc::default(),
        }
    }

    /// The clock of everybody in it.
    pub fn clock(&self) -> TwinClock {
        self.clock
    }

    /// How many times its machines were called so far.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// A machine by its inventory name.
    pub fn host(&self, name: &str) -> Option<TwinHost> {
        let at = self.lock().find(name)?;
        Some(self.machine_at(name, at))
    }

    /// As [`Twin::host`]; a machine that is not there is from now on, with nothing of OpenNebula on it.
    pub fn other_host(&self, name: &str) -> TwinHost {
        let at = self.change(|federation| {
            let found = federation.find(name);
            found.unwrap_or_else(|| federation.add(image::other(name, federation.now())))
        });
        self.machine_at(name, at)
    }

    fn machine_at(&self, name: &str, at: At) -> TwinHost {
        TwinHost {
            name: name.into(),
            at,
            twin: self.clone(),
        }
    }

    /// The federation at this moment, to be kept or to be forked from.
    pub fn now_as_it_is(&self) -> Federation {
        self.at_now().clone()
    }

    /// Changes the federation by another hand than a run's: a fault, an operator.
    pub fn change<T>(&self, by: impl FnOnce(&mut Federation) -> T) -> T {
        by(&mut self.at_now())
    }

    fn lock(&self) -> MutexGuard<'_, Federation> {
        self.federation.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The federation, brought to the present.
    fn at_now(&self) -> MutexGuard<'_, Federation> {
        let mut federation = self.lock();
        federation.advance(self.clock.monotonic());
        federation
    }
}

/// One machine of the federation.
pub struct TwinHost {
    name: Arc<str>,
    at: At,
    twin: Twin,
}

impl TwinHost {
    fn machine<T>(&self, look: impl FnOnce(&Machine) -> T) -> T {
        look(self.twin.at_now().machine(self.at))
    }

    /// Waits for the round trip; fails if the machine is away.
    async fn reach(&self) -> Result<(), HostError> {
        self.twin.calls.fetch_add(1, Ordering::Relaxed);
        let (away, round_trip) = {
            let federation = self.twin.at_now();
            let away = federation.machine(self.at).away_until > federation.now();
            (away, federation.paced(self.at, federation.rates.round_trip))
        };
        self.twin
            .clock
            .sleep(if away { CONNECT } else { round_trip })
            .await;
        if away {
            return Err(HostError::Unreachable {
                host: self.name.to_string(),
                why: "no route to host".to_owned(),
                sent: false,
            });
        }
        Ok(())
    }

    fn refused(&self, what: String, why: &str) -> HostError {
        HostError::Refused {
            host: self.name.to_string(),
            what,
            why: why.to_owned(),
        }
    }

    fn record(name: &str, job: &Job, fresh: bool) -> JobRecord {
        let state = match &job.end {
            None => JobState::Running,
            Some(JobEnd { exit: Some(exit), .. }) => JobState::Ended(exit.rc()),
            Some(_) => JobState::Lost,
        };
        JobRecord {
            name: name.to_owned(),
            digest: job.digest.clone(),
            state,
            started: i64::try_from(job.started.as_secs()).unwrap_or(i64::MAX),
            fresh,
        }
    }

    /// Starts a job that does no more after so much of its work, if it is to hang.
    pub async fn start_job_hanging(
        &self,
        spec: &JobSpec,
        hangs: Option<Duration>,
    ) -> Result<JobRecord, HostError> {
        self.reach().await?;
        let mut federation = self.twin.at_now();
        let fresh = !federation.machine(self.at).jobs.contains_key(&spec.name);
        if fresh {
            federation.start_job(self.at, &spec.name, spec.digest(), &spec.command, hangs);
        }
        let job = &federation.machine(self.at).jobs[&spec.name];
        Ok(Self::record(&spec.name, job, fresh))
    }

    /// Connects to what listens there. When a request has had its effect, something happens before its answer is here.
    pub async fn connect_and_then(
        &self,
        address: &str,
        port: u16,
        then: Then,
    ) -> Result<Box<dyn Duplex>, HostError> {
        self.open(address, port, Some(then)).await
    }

    async fn open(&self, address: &str, port: u16, then: Option<Then>) -> Result<Box<dyn Duplex>, HostError> {
        self.reach().await?;
        let open = daemon::listens(&self.twin.at_now(), self.at, address, port);
        match open {
            Ok(()) => Ok(stream::connection(
                self.twin.clone(),
                self.at,
                address,
                port,
                then,
            )),
            Err(why) => Err(self.refused(format!("connecting to {address}:{port}"), &why)),
        }
    }

    /// How long a command would take from now on.
    pub fn takes(&self, command: &Command) -> Duration {
        let mut federation = self.twin.at_now().clone();
        let limit = Limit::Deadline(command.deadline);
        federation.execute(self.at, command, Some(limit)).took
    }

    /// Runs a command that does no more after so much of its work, until its deadline.
    pub async fn run_hanging(&self, command: &Command, from: Duration) -> Result<Output, HostError> {
        let deadline = command.deadline;
        self.execute_within(command, Limit::Hangs { from, deadline })
            .await
    }

    /// Runs a command and waits as long as it takes.
    async fn execute(&self, command: &Command) -> Result<Output, HostError> {
        self.execute_within(command, Limit::Deadline(command.deadline))
            .await
    }

    async fn execute_within(&self, command: &Command, limit: Limit) -> Result<Output, HostError> {
        self.reach().await?;
        let Came { output, took, whole } = {
            let mut federation = self.twin.at_now();
            let mut came = federation.execute(self.at, command, Some(limit));
            came.took = federation.paced(self.at, came.took);
            came
        };
        self.twin.clock.sleep(took).await;
        if whole {
            return Ok(output);
        }
        Err(HostError::TimedOut {
            host: self.name.to_string(),
            what: command.argv.first().cloned().unwrap_or_default(),
            limit: command.deadline,
        })
    }
}

#[async_trait]
impl Host for TwinHost {
    fn name(&self) -> &str {
        &self.name
    }

    fn clock(&self) -> &dyn Clock {
        &self.twin.clock
    }

    async fn run(&self, command: &Command) -> Result<Output, HostError> {
        self.execute(command).await
    }

    async fn stream(&self, command: &Command, lines: &dyn Lines) -> Result<Output, HostError> {
        let output = self.execute(command).await?;
        hand_on(&output.stdout, &output.stderr, lines);
        Ok(output)
    }

    async fn source(&self, command: &Command) -> Result<Source, HostError> {
        self.reach().await?;
        Ok(stream::source(self.twin.clone(), self.at, command))
    }

    async fn sink(&self, command: &Command) -> Result<Sink, HostError> {
        self.reach().await?;
        Ok(stream::sink(self.twin.clone(), self.at, command))
    }

    async fn start_job(&self, spec: &JobSpec) -> Result<JobRecord, HostError> {
        self.start_job_hanging(spec, None).await
    }

    async fn find_job(&self, name: &str) -> Result<Option<JobRecord>, HostError> {
        self.reach().await?;
        Ok(self.machine(|machine| machine.jobs.get(name).map(|job| Self::record(name, job, false))))
    }

    async fn follow_job(&self, name: &str, lines: &dyn Lines) -> Result<JobEnd, HostError> {
        loop {
            self.reach().await?;
            let looked = {
                let federation = self.twin.at_now();
                let job = federation.machine(self.at).jobs.get(name).cloned();
                let ends = federation.job_ends(self.at, name);
                let wait = ends
                    .map(|ends| ends.saturating_sub(federation.now()))
                    .unwrap_or_default();
                job.map(|job| (wait, job))
            };
            let Some((wait, job)) = looked else {
                return Err(self.refused(format!("job {name}"), "there is no such job"));
            };
            if let Some(end) = job.end {
                hand_on(&end.stdout, &end.stderr, lines);
                if job.in_time {
                    return Ok(end);
                }
                return Err(HostError::TimedOut {
                    host: self.name.to_string(),
                    what: format!("job {name}"),
                    limit: job.command.deadline,
                });
            }
            // A machine that goes down in the meantime is noticed a minute later at most.
            self.twin
                .clock
                .sleep(wait.clamp(Duration::from_millis(1), Duration::from_secs(60)))
                .await;
        }
    }

    async fn forget_job(&self, name: &str) -> Result<(), HostError> {
        self.reach().await?;
        let mut federation = self.twin.at_now();
        match federation.machine(self.at).jobs.get(name) {
            None => Ok(()),
            Some(Job { end: None, .. }) => Err(self.refused(format!("job {name}"), "it still runs")),
            Some(_) => {
                federation.machine_mut(self.at).jobs.remove(name);
                Ok(())
            }
        }
    }

    async fn list_jobs(&self) -> Result<Vec<JobRecord>, HostError> {
        self.reach().await?;
        Ok(self.machine(|machine| {
            let jobs = machine.jobs.iter();
            jobs.map(|(name, job)| Self::record(name, job, false)).collect()
        }))
    }

    async fn read_file(&self, path: &str, run_as: &RunAs, limit: u64) -> Result<Option<Vec<u8>>, HostError> {
        self.reach().await?;
        let read = self.machine(|machine| {
            if machine.files.followed(path).is_none() {
                return Ok(None);
            }
            access::may_read(machine, user_of(run_as), path)?;
            machine.files.read(path).map(Some).map_err(str::to_owned)
        });
        let what = || format!("reading {path}");
        match read {
            Ok(Some(bytes)) if bytes.len() as u64 > limit => {
                Err(self.refused(what(), &format!("it is larger than {limit} bytes")))
            }
            Ok(bytes) => Ok(bytes.map(|bytes| bytes.to_vec())),
            Err(why) if why == IS_DIRECTORY => Err(self.refused(what(), "is a directory")),
            Err(why) => Err(self.refused(what(), &why)),
        }
    }

    async fn write_file(
        &self,
        path: &str,
        content: &[u8],
        meta: &FileMeta,
        run_as: &RunAs,
    ) -> Result<(), HostError> {
        self.reach().await?;
        let mut federation = self.twin.at_now();
        let now = federation.now();
        let machine = federation.machine_mut(self.at);
        let user = user_of(run_as);
        let written = access::may_write(machine, user, path).and_then(|()| {
            let new = machine.meta(user, 0o644, now);
            machine.files.write(path, Content::Bytes(content.into()), &new)?;
            set(&mut machine.files, path, meta);
            Ok(())
        });
        written.map_err(|why| self.refused(format!("writing {path}"), &why))
    }

    async fn stat(&self, path: &str, run_as: &RunAs) -> Result<Option<Stat>, HostError> {
        let _ = run_as;
        self.reach().await?;
        Ok(self.machine(|machine| machine.files.at(path).map(stat_of)))
    }

    async fn connect(&self, address: &str, port: u16) -> Result<Box<dyn Duplex>, HostError> {
        self.open(address, port, None).await
    }
}

fn user_of(run_as: &RunAs) -> &str {
    match run_as {
        RunAs::Login => "root",
        RunAs::User(user) => user,
    }
}

fn set(files: &mut Files, path: &str, meta: &FileMeta) {
    let Some(path) = files.resolved(path) else { return };
    let Some(node) = files.at_mut(&path) else { return };
    let found = node.meta_mut();
    if let Some(mode) = meta.mode {
        found.mode = mode;
    }
    if let Some(owner) = &meta.owner {
        found.owner = owner.as_str().into();
    }
    if let Some(group) = &meta.group {
        found.group = group.as_str().into();
    }
}

fn stat_of(node: &Node) -> Stat {
    let (kind, size, target) = match node {
        Node::Directory(_) => (FileKind::Directory, 4096, None),
        Node::File(_, content) => (FileKind::File, content.bytes().len() as u64, None),
        Node::Link(_, target) => (FileKind::Link, target.len() as u64, Some(target.clone())),
    };
    let meta = node.meta();
    Stat {
        kind,
        size,
        mode: meta.mode,
        owner: meta.owner.to_string(),
        group: meta.group.to_string(),
        uid: number_of(&meta.owner),
        gid: number_of(&meta.group),
        mtime: meta.mtime,
        target,
    }
}

/// The number of a user or group: those of `/etc/passwd` on these machines, or a number that has no name.
fn number_of(name: &str) -> u32 {
    match name {
        "root" => 0,
        "oneadmin" => 9869,
        other => other.parse().unwrap_or(65534),
    }
}

fn hand_on(stdout: &[u8], stderr: &[u8], lines: &dyn Lines) {
    for (bytes, is_error) in [(stdout, false), (stderr, true)] {
        for line in String::from_utf8_lossy(bytes).lines() {
            lines.line(line, is_error);
        }
    }
}
