//! A host for tests that really runs commands, on this machine, below a directory of its own.
//!
//! What a module would do to `/etc/one`, `/var/lib/one`, `/var/lib/nebplay` and `/var/lock/one` happens below that directory, and
//! programs in its `bin` are found before those of the machine: a test puts its `onedb` there.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::AsyncReadExt;

use crate::host::{
    Clock, Command, Duplex, Exit, FileKind, FileMeta, Host, HostError, Lines, Output, RunAs, Sink, Source,
    Stat,
};
use crate::job::{JobEnd, JobRecord, JobSpec, JobState};

const MAPPED: [&str; 4] = ["/etc/one", "/var/lib/one", "/var/lib/nebplay", "/var/lock/one"];

/// Programs that ask for users this machine does not have, or would see what other tests run.
const STUBS: [(&str, &str); 4] = [
    ("ps", "exit 0"),
    ("chown", "exit 0"),
    (
        "install",
        "for last; do :; done; case \" $* \" in *\" -d \"*) exec mkdir -p -- \"$last\" ;; esac; exec /usr/bin/install \"$@\"",
    ),
    (
        "stat",
        "for last; do :; done; who=root; case $last in \"$ROOT\"/var/lib/one*|\"$ROOT\"/var/lock/one*) who=oneadmin ;; esac; \
         /usr/bin/stat \"$@\" | sed \"s/ $(id -un) $(id -gn) / $who $who /\"",
    ),
];

/// See the module's documentation.
pub(crate) struct LocalHost {
    name: String,
    root: tempfile::TempDir,
    jobs: Mutex<BTreeMap<String, (JobRecord, JobEnd)>>,
    asked: Mutex<Vec<String>>,
    variables: Mutex<BTreeMap<String, String>>,
    now: Mutex<i64>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LocalHost {
    pub(crate) fn new(name: &str) -> Self {
        let host = Self {
            name: name.to_owned(),
            root: tempfile::tempdir().expect("a temporary directory can be made"),
            jobs: Mutex::default(),
            asked: Mutex::default(),
            variables: Mutex::default(),
            now: Mutex::new(1_795_000_000),
        };
        for directory in MAPPED {
            std::fs::create_dir_all(host.mapped(directory)).expect("a directory can be made");
        }
        for (name, script) in STUBS {
            host.program(name, script);
        }
        host
    }

    /// Where a path of the host is on this machine.
    pub(crate) fn mapped(&self, path: &str) -> PathBuf {
        let inside = |prefix: &&str| {
            path.strip_prefix(*prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '-']))
        };
        if MAPPED.iter().any(inside) {
            self.root.path().join(&path[1..])
        } else {
            PathBuf::from(path)
        }
    }

    /// Puts a program there, a POSIX shell script.
    pub(crate) fn program(&self, name: &str, script: &str) {
        let bin = self.root.path().join("bin");
        std::fs::create_dir_all(&bin).expect("a directory can be made");
        let path = bin.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a program can be written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a mode can be set");
    }

    /// Puts a file there.
    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.mapped(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).expect("a directory can be made");
        }
        std::fs::write(path, content).expect("a file can be written");
    }

    pub(crate) fn read(&self, path: &str) -> Option<Vec<u8>> {
        std::fs::read(self.mapped(path)).ok()
    }

    /// A variable that every program finds.
    pub(crate) fn variable(&self, name: &str, value: &str) {
        locked(&self.variables).insert(name.to_owned(), value.to_owned());
    }

    /// Runs SQL on a database file below the root, and returns what sqlite3 printed.
    pub(crate) fn sql(&self, path: &str, statements: &str) -> String {
        let output = std::process::Command::new("sqlite3")
            .args(["-batch", "-bail"])
            .arg(self.mapped(path))
            .arg(statements)
            .output()
            .expect("sqlite3 is installed");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// The command lines it was asked, the first words of each; jobs begin with `job`.
    pub(crate) fn asked(&self) -> Vec<String> {
        locked(&self.asked).clone()
    }

    fn prepared(&self, command: &Command) -> std::process::Command {
        let mapped = |word: &String| self.mapped(word).to_string_lossy().into_owned();
        let mut process = std::process::Command::new(&command.argv[0]);
        process.args(command.argv.iter().skip(1).map(mapped));
        if command.clear_env {
            process.env_clear();
        }
        let path = std::env::var("PATH").unwrap_or_default();
        process
            .envs(&command.env)
            .envs(locked(&self.variables).iter())
            .env("PATH", format!("{}/bin:{path}", self.root.path().display()))
            .env("ROOT", self.root.path());
        process
    }

    fn refused(&self, what: &str, why: impl std::fmt::Display) -> HostError {
        HostError::Refused {
            host: self.name.clone(),
            what: what.to_owned(),
            why: why.to_string(),
        }
    }

    fn note(&self, kind: &str, command: &Command) {
        locked(&self.asked).push(format!("{kind}{}", command.display()));
    }
}

fn exit_of(status: std::process::ExitStatus) -> Exit {
    use std::os::unix::process::ExitStatusExt;
    status
        .code()
        .map_or_else(|| Exit::Signal(status.signal().unwrap_or(0)), Exit::Code)
}

#[async_trait]
impl Clock for LocalHost {
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    fn now(&self) -> i64 {
        let mut now = locked(&self.now);
        *now += 1;
        *now
    }
    /// A twentieth of it: long enough for what really happens meanwhile.
    async fn sleep(&self, how_long: Duration) {
        tokio::time::sleep(how_long / 20).await;
    }
}

#[async_trait]
impl Host for LocalHost {
    fn name(&self) -> &str {
        &self.name
    }

    fn clock(&self) -> &dyn Clock {
        self
    }

    async fn run(&self, command: &Command) -> Result<Output, HostError> {
        use std::io::Write;
        self.note("", command);
        let mut child = self
            .prepared(command)
            .stdin(if command.stdin.is_some() {
                Stdio::piped()
            } else {
                Stdio::null()
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| self.refused(&command.display(), error))?;
        if let (Some(mut stdin), Some(bytes)) = (child.stdin.take(), &command.stdin) {
            stdin.write_all(bytes).expect("a small input can be written");
        }
        let output = child.wait_with_output().expect("a child can be waited for");
        Ok(Output {
            exit: exit_of(output.status),
            stdout: output.stdout,
            stderr: output.stderr,
            elapsed: Duration::ZERO,
        })
    }

    async fn stream(&self, command: &Command, lines: &dyn Lines) -> Result<Output, HostError> {
        let output = self.run(command).await?;
        output.text().lines().for_each(|line| lines.line(line, false));
        Ok(output)
    }

    async fn source(&self, command: &Command) -> Result<Source, HostError> {
        self.note("", command);
        let mut child = tokio::process::Command::from(self.prepared(command))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| self.refused(&command.display(), error))?;
        let stdout = child.stdout.take().expect("standard output is piped");
        let (tell, end) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            let output = child.wait_with_output().await.expect("a child can be waited for");
            let _ = tell.send(Ok(Output {
                exit: exit_of(output.status),
                stdout: Vec::new(),
                stderr: output.stderr,
                elapsed: Duration::ZERO,
            }));
        });
        Ok(Source {
            stdout: Box::new(stdout),
            end,
        })
    }

    async fn sink(&self, command: &Command) -> Result<Sink, HostError> {
        self.note("", command);
        let mut child = tokio::process::Command::from(self.prepared(command))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| self.refused(&command.display(), error))?;
        let stdin = child.stdin.take().expect("standard input is piped");
        let (tell, end) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            let mut stdout = Vec::new();
            if let Some(mut pipe) = child.stdout.take() {
                let _ = pipe.read_to_end(&mut stdout).await;
            }
            let output = child.wait_with_output().await.expect("a child can be waited for");
            let _ = tell.send(Ok(Output {
                exit: exit_of(output.status),
                stdout,
                stderr: output.stderr,
                elapsed: Duration::ZERO,
            }));
        });
        Ok(Sink {
            stdin: Box::new(stdin),
            end,
        })
    }

    async fn start_job(&self, spec: &JobSpec) -> Result<JobRecord, HostError> {
        if let Some((record, _)) = locked(&self.jobs).get(&spec.name) {
            return Ok(JobRecord {
                fresh: false,
                ..record.clone()
            });
        }
        locked(&self.asked).push(format!("job {}", spec.name));
        let output = self.run(&spec.command).await?;
        let record = JobRecord {
            name: spec.name.clone(),
            digest: String::new(),
            state: JobState::Ended(output.exit.rc()),
            started: self.now(),
            fresh: true,
        };
        let end = JobEnd {
            exit: Some(output.exit),
            rebooted: false,
            stdout: output.stdout,
            stderr: output.stderr,
            elapsed: Duration::ZERO,
        };
        locked(&self.jobs).insert(spec.name.clone(), (record.clone(), end));
        Ok(record)
    }

    async fn find_job(&self, name: &str) -> Result<Option<JobRecord>, HostError> {
        Ok(locked(&self.jobs).get(name).map(|(record, _)| record.clone()))
    }

    async fn follow_job(&self, name: &str, _: &dyn Lines) -> Result<JobEnd, HostError> {
        let end = locked(&self.jobs).get(name).map(|(_, end)| end.clone());
        end.ok_or_else(|| self.refused(name, "no such job"))
    }

    async fn forget_job(&self, name: &str) -> Result<(), HostError> {
        locked(&self.jobs).remove(name);
        Ok(())
    }

    async fn list_jobs(&self) -> Result<Vec<JobRecord>, HostError> {
        Ok(locked(&self.jobs)
            .values()
            .map(|(record, _)| record.clone())
            .collect())
    }

    async fn read_file(&self, path: &str, _: &RunAs, limit: u64) -> Result<Option<Vec<u8>>, HostError> {
        match self.read(path) {
            Some(content) if content.len() as u64 > limit => Err(self.refused(path, "too large")),
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
        self.write(path, content);
        if let Some(mode) = meta.mode {
            std::fs::set_permissions(self.mapped(path), std::fs::Permissions::from_mode(mode))
                .map_err(|error| self.refused(path, error))?;
        }
        Ok(())
    }

    async fn stat(&self, path: &str, _: &RunAs) -> Result<Option<Stat>, HostError> {
        Ok(stat_of(&self.mapped(path)))
    }

    async fn connect(&self, address: &str, port: u16) -> Result<Box<dyn Duplex>, HostError> {
        Err(self.refused(&format!("connect to {address}:{port}"), "Connection refused"))
    }
}

fn stat_of(path: &Path) -> Option<Stat> {
    let meta = std::fs::symlink_metadata(path).ok()?;
    let kind = if meta.is_file() {
        FileKind::File
    } else if meta.is_dir() {
        FileKind::Directory
    } else if meta.is_symlink() {
        FileKind::Link
    } else {
        FileKind::Other
    };
    Some(Stat {
        kind,
        size: meta.len(),
        mode: meta.mode() & 0o7777,
        owner: "oneadmin".to_owned(),
        group: "oneadmin".to_owned(),
        uid: 9869,
        gid: 9869,
        mtime: meta.mtime(),
        target: std::fs::read_link(path)
            .ok()
            .map(|target| target.to_string_lossy().into_owned()),
    })
}
