//! A machine of the twin on which a fault strikes.

mod connection;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use nebplay_modules::host::{
    Clock, Command, Duplex, Exit, FileMeta, Host, HostError, Lines, Output, RunAs, Sink, Source, Stat,
};
use nebplay_modules::job::{JobEnd, JobRecord, JobSpec};
use nebplay_modules::module::Peers;
use nebplay_twin::Limit;
use nebplay_twin::federation::{At, Federation};
use nebplay_twin::twin::{Twin, TwinHost};

use super::fault::Kind;
use super::recorder::{Call, Recorder};
use crate::inventory::LOCALHOST;
use crate::run::Inventory;
use connection::{tells, without_answer};

/// How long a lost connection stays lost.
const OUTAGE: Duration = Duration::from_secs(30);

/// What a command that is made to fail says.
const WORDS: &str = "made to fail by the rehearsal";

/// The machines of a twin.
pub(super) struct Machines {
    pub(super) twin: Twin,
    pub(super) recorder: Recorder,
    pub(super) inventory: Arc<dyn Inventory>,
}

impl Machines {
    /// A front-end, or any other host of the inventory, or this machine's part: all of them in memory.
    fn machine(&self, name: &str) -> Option<TwinHost> {
        let is_known = || name == LOCALHOST || self.inventory.names().iter().any(|known| known == name);
        let front_end = self.twin.host(name);
        front_end.or_else(|| is_known().then(|| self.twin.other_host(name)))
    }
}

#[async_trait]
impl Peers for Machines {
    async fn peer(&self, name: &str) -> Result<Arc<dyn Host>, HostError> {
        let Some(host) = self.machine(name) else {
            return Err(HostError::Refused {
                host: name.to_owned(),
                what: "rehearsing".to_owned(),
                why: "the inventory does not have it".to_owned(),
            });
        };
        let host = Faulty {
            host,
            twin: self.twin.clone(),
            recorder: self.recorder.clone(),
        };
        if self.recorder.is_away(name) {
            host.clock().sleep(Duration::from_secs(10)).await;
            return Err(host.lost(false));
        }
        Ok(Arc::new(host))
    }
}

struct Faulty {
    host: TwinHost,
    twin: Twin,
    recorder: Recorder,
}

impl Faulty {
    fn lost(&self, sent: bool) -> HostError {
        HostError::Unreachable {
            host: self.name().to_owned(),
            why: "the connection was lost".to_owned(),
            sent,
        }
    }

    /// Nobody reaches it for a while.
    async fn outage(&self, sent: bool) -> HostError {
        self.clock().sleep(OUTAGE).await;
        self.lost(sent)
    }

    fn change(&self, by: impl FnOnce(&mut Federation, usize)) {
        self.twin.change(|federation| {
            if let Some(at) = federation.find(self.host.name()) {
                by(federation, at);
            }
        });
    }

    /// What is so from then on, until an operator mends it.
    fn spoil(&self, kind: Kind) {
        self.change(|federation, at| match kind {
            Kind::DiskFull => federation.machine_mut(at).files.full = true,
            Kind::ZonesApart => federation.zones_apart = true,
            _ => {}
        });
    }

    /// Goes down when the command is half done.
    fn reboot_in_the_middle(&self, command: &Command) {
        let took = self.host.takes(command);
        self.change(|federation, at| {
            federation.execute(at, command, Some(Limit::Killed(took / 2)));
            federation.reboot(at);
        });
    }

    /// The call never comes back to this process.
    async fn die<T>(&self) -> T {
        self.recorder.kill();
        std::future::pending().await
    }

    /// Runs a command, disturbed.
    async fn disturbed(
        &self,
        kind: Kind,
        command: &Command,
        lines: Option<&dyn Lines>,
    ) -> Result<Output, HostError> {
        let run = async || match lines {
            Some(lines) => self.host.stream(command, lines).await,
            None => self.host.run(command).await,
        };
        match kind {
            Kind::LostBefore => Err(self.outage(true).await),
            Kind::LostAfter => {
                run().await?;
                Err(self.outage(true).await)
            }
            Kind::KilledDuring => {
                run().await?;
                self.die().await
            }
            Kind::Fails => self.host.run(&failing(command)).await,
            Kind::FailsAfter => {
                let mut output = run().await?;
                output.exit = Exit::Code(1);
                output.stderr.extend_from_slice(WORDS.as_bytes());
                Ok(output)
            }
            Kind::Reboots => {
                self.reboot_in_the_middle(command);
                Err(self.lost(true))
            }
            Kind::OthersReboot => {
                let output = run().await;
                self.change(Federation::reboot_others);
                output
            }
            Kind::DiskFull | Kind::ZonesApart => {
                self.spoil(kind);
                run().await
            }
            Kind::Hangs => {
                self.clock().sleep(command.deadline).await;
                Err(HostError::TimedOut {
                    host: self.name().to_owned(),
                    what: command.argv.first().cloned().unwrap_or_default(),
                    limit: command.deadline,
                })
            }
            Kind::HangsMidway => {
                let half = self.host.takes(command) / 2;
                self.host.run_hanging(command, half).await
            }
            Kind::KilledBefore | Kind::KilledAfter | Kind::Away => run().await,
        }
    }

    /// Does something else than running a command, disturbed: `Some` is what becomes of it.
    async fn refused(&self, kind: Option<Kind>, what: &str) -> Option<HostError> {
        let refused = || HostError::Refused {
            host: self.name().to_owned(),
            what: what.to_owned(),
            why: WORDS.to_owned(),
        };
        Some(match kind? {
            Kind::LostBefore => self.outage(true).await,
            Kind::Fails => refused(),
            Kind::Reboots => {
                self.change(Federation::reboot);
                self.lost(true)
            }
            Kind::Hangs => {
                self.clock().sleep(nebplay_modules::host::DEFAULT_DEADLINE).await;
                HostError::TimedOut {
                    host: self.name().to_owned(),
                    what: what.to_owned(),
                    limit: nebplay_modules::host::DEFAULT_DEADLINE,
                }
            }
            Kind::OthersReboot => {
                self.change(Federation::reboot_others);
                return None;
            }
            kind => {
                self.spoil(kind);
                return None;
            }
        })
    }

    /// As [`Faulty::refused`], for what has been done: it fails all the same.
    async fn unanswered<T>(&self, kind: Option<Kind>, what: &str, done: T) -> Result<T, HostError> {
        match kind {
            Some(Kind::LostAfter) => Err(self.outage(true).await),
            Some(Kind::FailsAfter) => Err(HostError::Refused {
                host: self.name().to_owned(),
                what: what.to_owned(),
                why: WORDS.to_owned(),
            }),
            Some(Kind::KilledDuring) => self.die().await,
            _ => Ok(done),
        }
    }
}

/// A front-end goes down, or all others do.
fn go_down(kind: Kind, federation: &mut Federation, at: At) {
    match kind {
        Kind::OthersReboot => federation.reboot_others(at),
        _ => federation.reboot(at),
    }
}

/// What fails, in the place of a command.
fn failing(command: &Command) -> Command {
    let script = format!("echo '{WORDS}' >&2; exit 1");
    Command {
        argv: Command::script::<&str>(&script, []).argv,
        ..command.clone()
    }
}

/// A command that fails after it has done what it does.
fn failing_after(command: &Command) -> Command {
    let script = format!("\"$@\"; echo '{WORDS}' >&2; exit 1");
    Command {
        argv: Command::script(&script, command.argv.iter().cloned()).argv,
        ..command.clone()
    }
}

fn hanging(command: &Command) -> Command {
    Command {
        argv: ["sleep", "1000000000"].map(str::to_owned).to_vec(),
        ..command.clone()
    }
}

#[async_trait]
impl Host for Faulty {
    fn name(&self) -> &str {
        self.host.name()
    }

    fn clock(&self) -> &dyn Clock {
        self.host.clock()
    }

    async fn run(&self, command: &Command) -> Result<Output, HostError> {
        match self.recorder.calls(self.name(), Call::Run) {
            None => self.host.run(command).await,
            Some(kind) => self.disturbed(kind, command, None).await,
        }
    }

    async fn stream(&self, command: &Command, lines: &dyn Lines) -> Result<Output, HostError> {
        match self.recorder.calls(self.name(), Call::Run) {
            None => self.host.stream(command, lines).await,
            Some(kind) => self.disturbed(kind, command, Some(lines)).await,
        }
    }

    async fn source(&self, command: &Command) -> Result<Source, HostError> {
        let kind = self.recorder.calls(self.name(), Call::Stream);
        if let Some(error) = self.refused(kind, "reading a stream").await {
            return Err(error);
        }
        self.host.source(command).await
    }

    async fn sink(&self, command: &Command) -> Result<Sink, HostError> {
        let kind = self.recorder.calls(self.name(), Call::Stream);
        if let Some(error) = self.refused(kind, "writing a stream").await {
            return Err(error);
        }
        let sink = self.host.sink(command).await?;
        if kind == Some(Kind::KilledDuring) {
            return self.die().await;
        }
        let Some(kind @ (Kind::LostAfter | Kind::FailsAfter)) = kind else {
            return Ok(sink);
        };
        let (tell, end) = tokio::sync::oneshot::channel();
        let lost = self.lost(true);
        tokio::spawn(async move {
            let ended = sink.end.await;
            let told = match (kind, ended) {
                (Kind::LostAfter, _) => Err(lost),
                (_, Ok(Ok(output))) => Ok(Output {
                    exit: Exit::Code(1),
                    ..output
                }),
                (_, Ok(Err(error))) => Err(error),
                (_, Err(_)) => return,
            };
            drop(tell.send(told));
        });
        Ok(Sink {
            stdin: sink.stdin,
            end,
        })
    }

    async fn start_job(&self, spec: &JobSpec) -> Result<JobRecord, HostError> {
        let kind = self.recorder.calls(self.name(), Call::StartJob);
        let instead = |command: Command| JobSpec {
            name: spec.name.clone(),
            command,
        };
        match kind {
            Some(Kind::LostBefore) => Err(self.outage(true).await),
            Some(Kind::Fails) => self.host.start_job(&instead(failing(&spec.command))).await,
            Some(Kind::FailsAfter) => self.host.start_job(&instead(failing_after(&spec.command))).await,
            Some(Kind::Hangs) => self.host.start_job(&instead(hanging(&spec.command))).await,
            Some(Kind::HangsMidway) => {
                let half = self.host.takes(&spec.command) / 2;
                self.host.start_job_hanging(spec, Some(half)).await
            }
            Some(Kind::KilledDuring) => {
                self.host.start_job(spec).await?;
                self.die().await
            }
            Some(kind @ (Kind::Reboots | Kind::OthersReboot)) => {
                let record = self.host.start_job(spec).await?;
                let half = self.twin.change(|federation| {
                    let at = federation.find(self.host.name())?;
                    let ends = federation.job_ends(at, &spec.name)?;
                    Some(ends.saturating_sub(federation.now()) / 2)
                });
                let twin = self.twin.clone();
                let name = self.name().to_owned();
                tokio::spawn(async move {
                    tokio::time::sleep(half.unwrap_or_default()).await;
                    twin.change(|federation| {
                        if let Some(at) = federation.find(&name) {
                            go_down(kind, federation, at);
                        }
                    });
                });
                Ok(record)
            }
            kind => {
                if let Some(kind) = kind {
                    self.spoil(kind);
                }
                let record = self.host.start_job(spec).await?;
                self.unanswered(kind, "starting a job", record).await
            }
        }
    }

    async fn find_job(&self, name: &str) -> Result<Option<JobRecord>, HostError> {
        self.recorder.calls(self.name(), Call::Read);
        self.host.find_job(name).await
    }

    async fn follow_job(&self, name: &str, lines: &dyn Lines) -> Result<JobEnd, HostError> {
        let kind = self.recorder.calls(self.name(), Call::FollowJob);
        let end = self.host.follow_job(name, lines).await?;
        match kind {
            Some(Kind::LostAfter) => Err(self.outage(true).await),
            _ => Ok(end),
        }
    }

    async fn forget_job(&self, name: &str) -> Result<(), HostError> {
        self.recorder.calls(self.name(), Call::Read);
        self.host.forget_job(name).await
    }

    async fn list_jobs(&self) -> Result<Vec<JobRecord>, HostError> {
        self.recorder.calls(self.name(), Call::Read);
        self.host.list_jobs().await
    }

    async fn read_file(&self, path: &str, run_as: &RunAs, limit: u64) -> Result<Option<Vec<u8>>, HostError> {
        let kind = self.recorder.calls(self.name(), Call::Read);
        if let Some(error) = self.refused(kind, "reading a file").await {
            return Err(error);
        }
        self.host.read_file(path, run_as, limit).await
    }

    async fn write_file(
        &self,
        path: &str,
        content: &[u8],
        meta: &FileMeta,
        run_as: &RunAs,
    ) -> Result<(), HostError> {
        let kind = self.recorder.calls(self.name(), Call::Write);
        if let Some(error) = self.refused(kind, "writing a file").await {
            return Err(error);
        }
        self.host.write_file(path, content, meta, run_as).await?;
        self.unanswered(kind, "writing a file", ()).await
    }

    async fn stat(&self, path: &str, run_as: &RunAs) -> Result<Option<Stat>, HostError> {
        let kind = self.recorder.calls(self.name(), Call::Read);
        if let Some(error) = self.refused(kind, "looking at a file").await {
            return Err(error);
        }
        self.host.stat(path, run_as).await
    }

    async fn connect(&self, address: &str, port: u16) -> Result<Box<dyn Duplex>, HostError> {
        let kind = self.recorder.calls(self.name(), Call::Ask);
        if let Some(kind @ (Kind::Reboots | Kind::OthersReboot)) = kind {
            // What oned has written is in its database, and no other zone has heard of it.
            let then =
                Box::new(move |federation: &mut Federation, at, _: &[u8]| go_down(kind, federation, at));
            return self.host.connect_and_then(address, port, then).await;
        }
        if let Some(error) = self.refused(kind, "connecting").await {
            return Err(error);
        }
        let (recorder, name) = (self.recorder.clone(), self.name().to_owned());
        let learn = move |_: &mut Federation, _, request: &[u8]| {
            if tells(request) {
                recorder.told(&name);
            }
        };
        let inner = self.host.connect_and_then(address, port, Box::new(learn)).await?;
        match kind {
            Some(Kind::LostAfter | Kind::FailsAfter | Kind::KilledDuring) => {
                let dies = (kind == Some(Kind::KilledDuring)).then(|| self.recorder.clone());
                Ok(without_answer(inner, dies))
            }
            _ => Ok(inner),
        }
    }
}
