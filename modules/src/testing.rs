//! A scripted host: it answers what a case says, remembers what it was asked, and lies when told to.
#![expect(
    clippy::expect_used,
    reason = "scaffolding of tests: a wrong script should stop the test"
)]

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::host::{
    Clock, Command, Duplex, Exit, FileKind, FileMeta, Host, HostError, Lines, Output, RunAs, Sink, Source,
    Stat,
};
use crate::job::{JobEnd, JobRecord, JobSpec, JobState};
use async_trait::async_trait;
use regex::Regex;

mod world;

pub use world::FakeWorld;

/// One answer: the first whose pattern matches the command line and that is not used up.
struct Answer {
    pattern: Regex,
    outputs: VecDeque<Result<Output, HostError>>,
}

/// A file of the scripted host.
#[derive(Debug, Clone)]
pub struct FakeFile {
    /// Its content.
    pub content: Vec<u8>,
    /// What `stat` says.
    pub stat: Stat,
}

/// Decides what a TCP connection to an address and port meets.
pub type Listener = Arc<dyn Fn(&str, u16) -> Result<tokio::io::DuplexStream, HostError> + Send + Sync>;

#[derive(Default)]
struct State {
    answers: Vec<Answer>,
    asked: Vec<String>,
    commands: Vec<Command>,
    files: BTreeMap<String, FakeFile>,
    jobs: BTreeMap<String, (JobRecord, JobEnd)>,
    streams: VecDeque<tokio::io::DuplexStream>,
    listener: Option<Listener>,
    slept: Duration,
}

/// The scripted host. Jobs answer from the same script as commands.
#[derive(Clone)]
pub struct FakeHost {
    name: String,
    state: Arc<Mutex<State>>,
}

impl FakeHost {
    /// A host that knows nothing yet.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            state: Arc::default(),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers a command whose line matches `pattern` with exit status and standard output. Several answers for one pattern
    /// are given in turn; the last one is repeated.
    pub fn on(self, pattern: &str, code: i32, stdout: &str) -> Self {
        self.on_full(pattern, code, stdout, "")
    }

    /// As [`Self::on`], with standard error.
    pub fn on_full(self, pattern: &str, code: i32, stdout: &str, stderr: &str) -> Self {
        let output = Output {
            exit: Exit::Code(code),
            stdout: stdout.into(),
            stderr: stderr.into(),
            elapsed: Duration::from_millis(1),
        };
        self.answer(pattern, Ok(output))
    }

    /// Answers with an error of the connection.
    pub fn on_error(self, pattern: &str, error: HostError) -> Self {
        self.answer(pattern, Err(error))
    }

    fn answer(self, pattern: &str, output: Result<Output, HostError>) -> Self {
        {
            let mut state = self.state();
            if let Some(answer) = state
                .answers
                .iter_mut()
                .find(|answer| answer.pattern.as_str() == pattern)
            {
                answer.outputs.push_back(output);
            } else {
                let pattern = Regex::new(pattern).expect("a pattern of a test is valid");
                state.answers.push(Answer {
                    pattern,
                    outputs: VecDeque::from([output]),
                });
            }
        }
        self
    }

    /// Puts a file there, owned by root, mode 0644.
    pub fn file(self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.file_as(path, content, 0o644, "root", "root")
    }

    /// Puts a file there.
    pub fn file_as(
        self,
        path: &str,
        content: impl Into<Vec<u8>>,
        mode: u32,
        owner: &str,
        group: &str,
    ) -> Self {
        let content = content.into();
        let stat = Stat {
            kind: FileKind::File,
            size: content.len() as u64,
            mode,
            owner: owner.to_owned(),
            group: group.to_owned(),
            uid: 0,
            gid: 0,
            mtime: 0,
            target: None,
        };
        self.state()
            .files
            .insert(path.to_owned(), FakeFile { content, stat });
        self
    }

    /// Puts a directory there.
    pub fn dir(self, path: &str) -> Self {
        let stat = Stat {
            kind: FileKind::Directory,
            size: 4096,
            mode: 0o755,
            owner: "root".to_owned(),
            group: "root".to_owned(),
            uid: 0,
            gid: 0,
            mtime: 0,
            target: None,
        };
        self.state().files.insert(
            path.to_owned(),
            FakeFile {
                content: Vec::new(),
                stat,
            },
        );
        self
    }

    /// The next TCP connection through this host gets this stream.
    pub fn stream_of(self, stream: tokio::io::DuplexStream) -> Self {
        self.state().streams.push_back(stream);
        self
    }

    /// Every TCP connection through this host that [`Self::stream_of`] did not provide for meets this.
    pub fn listener(self, listener: Listener) -> Self {
        self.state().listener = Some(listener);
        self
    }

    /// A job that an earlier run left running; followed, it prints this and ends well.
    pub fn running_job(self, name: &str, stdout: &str) -> Self {
        let spec = JobSpec {
            name: name.to_owned(),
            command: Command::new(["work"]),
        };
        self.running_job_of(&spec, stdout, Some(0))
    }

    /// As [`Self::running_job`], with a command and another end; `None`: the host is rebooted.
    pub fn running_job_of(self, spec: &JobSpec, stdout: &str, code: Option<i32>) -> Self {
        let record = JobRecord {
            name: spec.name.clone(),
            digest: spec.digest(),
            state: JobState::Running,
            started: 0,
            fresh: false,
        };
        let end = JobEnd {
            exit: code.map(Exit::Code),
            rebooted: code.is_none(),
            stdout: stdout.as_bytes().to_vec(),
            stderr: Vec::new(),
            elapsed: Duration::ZERO,
        };
        self.state().jobs.insert(spec.name.clone(), (record, end));
        self
    }

    /// The command lines it was asked, in order; jobs as `job NAME: LINE`.
    pub fn asked(&self) -> Vec<String> {
        self.state().asked.clone()
    }

    /// The commands it was asked, in full.
    pub fn commands(&self) -> Vec<Command> {
        self.state().commands.clone()
    }

    /// A file as it is now.
    pub fn content(&self, path: &str) -> Option<Vec<u8>> {
        self.state().files.get(path).map(|file| file.content.clone())
    }

    /// A file's stat as it is now.
    pub fn stat_of(&self, path: &str) -> Option<Stat> {
        self.state().files.get(path).map(|file| file.stat.clone())
    }

    /// How long modules have slept on it.
    pub fn slept(&self) -> Duration {
        self.state().slept
    }

    fn reply(&self, command: &Command, line: String) -> Result<Output, HostError> {
        let mut state = self.state();
        state.asked.push(line);
        state.commands.push(command.clone());
        let text = command.argv.join(" ");
        let Some(answer) = state
            .answers
            .iter_mut()
            .find(|answer| answer.pattern.is_match(&text))
        else {
            return Err(HostError::Refused {
                host: self.name.clone(),
                what: command.display(),
                why: "the scripted host has no answer for this command".to_owned(),
            });
        };
        if answer.outputs.len() > 1 {
            answer.outputs.pop_front()
        } else {
            answer.outputs.front().cloned()
        }
        .expect("every pattern has an answer")
    }
}

#[async_trait]
impl Clock for FakeHost {
    fn monotonic(&self) -> Duration {
        self.state().slept
    }
    fn now(&self) -> i64 {
        1_795_000_000 + i64::try_from(self.state().slept.as_secs()).unwrap_or(0)
    }
    async fn sleep(&self, how_long: Duration) {
        self.state().slept += how_long;
        // Others get a turn, as they would in that time.
        tokio::task::yield_now().await;
    }
}

fn feed(output: &Output, lines: &dyn Lines) {
    output.text().lines().for_each(|line| lines.line(line, false));
    output.err_text().lines().for_each(|line| lines.line(line, true));
}

#[async_trait]
impl Host for FakeHost {
    fn name(&self) -> &str {
        &self.name
    }

    fn clock(&self) -> &dyn Clock {
        self
    }

    async fn run(&self, command: &Command) -> Result<Output, HostError> {
        self.reply(command, command.display())
    }

    async fn stream(&self, command: &Command, lines: &dyn Lines) -> Result<Output, HostError> {
        let output = self.run(command).await?;
        feed(&output, lines);
        Ok(output)
    }

    async fn source(&self, command: &Command) -> Result<Source, HostError> {
        let output = self.run(command).await?;
        let stdout = std::io::Cursor::new(output.stdout.clone());
        let (tell, end) = tokio::sync::oneshot::channel();
        let _ = tell.send(Ok(output));
        Ok(Source {
            stdout: Box::new(stdout),
            end,
        })
    }

    async fn sink(&self, command: &Command) -> Result<Sink, HostError> {
        let output = self.run(command).await?;
        let (tell, end) = tokio::sync::oneshot::channel();
        let _ = tell.send(Ok(output));
        Ok(Sink {
            stdin: Box::new(tokio::io::sink()),
            end,
        })
    }

    async fn start_job(&self, spec: &JobSpec) -> Result<JobRecord, HostError> {
        if let Some((record, _)) = self.state().jobs.get(&spec.name) {
            return Ok(JobRecord {
                fresh: false,
                ..record.clone()
            });
        }
        let output = self.reply(
            &spec.command,
            format!("job {}: {}", spec.name, spec.command.display()),
        )?;
        let record = JobRecord {
            name: spec.name.clone(),
            digest: spec.digest(),
            state: JobState::Ended(output.exit.rc()),
            started: self.now(),
            fresh: true,
        };
        let end = JobEnd {
            exit: Some(output.exit),
            rebooted: false,
            stdout: output.stdout,
            stderr: output.stderr,
            elapsed: output.elapsed,
        };
        self.state().jobs.insert(spec.name.clone(), (record.clone(), end));
        Ok(record)
    }

    async fn find_job(&self, name: &str) -> Result<Option<JobRecord>, HostError> {
        Ok(self.state().jobs.get(name).map(|(record, _)| JobRecord {
            fresh: false,
            ..record.clone()
        }))
    }

    async fn follow_job(&self, name: &str, lines: &dyn Lines) -> Result<JobEnd, HostError> {
        let end = self.state().jobs.get(name).map(|(_, end)| end.clone());
        let end = end.ok_or_else(|| HostError::Refused {
            host: self.name.clone(),
            what: format!("follow job {name}"),
            why: "no such job".to_owned(),
        })?;
        end.text().lines().for_each(|line| lines.line(line, false));
        Ok(end)
    }

    async fn forget_job(&self, name: &str) -> Result<(), HostError> {
        self.state().jobs.remove(name);
        Ok(())
    }

    async fn list_jobs(&self) -> Result<Vec<JobRecord>, HostError> {
        Ok(self
            .state()
            .jobs
            .values()
            .map(|(record, _)| record.clone())
            .collect())
    }

    async fn read_file(&self, path: &str, _: &RunAs, limit: u64) -> Result<Option<Vec<u8>>, HostError> {
        match self.content(path) {
            Some(content) if content.len() as u64 > limit => Err(HostError::Refused {
                host: self.name.clone(),
                what: format!("read {path}"),
                why: format!("it is larger than {limit} bytes"),
            }),
            content => Ok(content),
        }
    }

    async fn write_file(
        &self,
        path: &str,
        content: &[u8],
        meta: &FileMeta,
        _: &RunAs,
    ) -> Result<(), HostError> {
        let before = self.stat_of(path);
        let mode = meta
            .mode
            .or(before.as_ref().map(|stat| stat.mode))
            .unwrap_or(0o644);
        let name =
            |new: &Option<String>, old: Option<String>| new.clone().or(old).unwrap_or("root".to_owned());
        let owner = name(&meta.owner, before.as_ref().map(|stat| stat.owner.clone()));
        let group = name(&meta.group, before.map(|stat| stat.group));
        self.clone().file_as(path, content, mode, &owner, &group);
        Ok(())
    }

    async fn stat(&self, path: &str, _: &RunAs) -> Result<Option<Stat>, HostError> {
        Ok(self.stat_of(path))
    }

    async fn connect(&self, address: &str, port: u16) -> Result<Box<dyn Duplex>, HostError> {
        self.state().asked.push(format!("connect {address}:{port}"));
        let (stream, listener) = {
            let mut state = self.state();
            (state.streams.pop_front(), state.listener.clone())
        };
        match (stream, listener) {
            (Some(stream), _) => Ok(Box::new(stream)),
            (None, Some(listener)) => Ok(Box::new(listener(address, port)?)),
            (None, None) => Err(HostError::Refused {
                host: self.name.clone(),
                what: format!("connect to {address}:{port}"),
                why: "Connection refused".to_owned(),
            }),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
