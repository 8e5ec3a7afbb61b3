//! Running nebplay: to its end, or while the test does something to the hosts.

use crate::lab::Access;
use crate::program::{built, exit_code};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// A run that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(300);

/// A run about to be started.
#[derive(Debug)]
pub struct Invocation {
    words: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    inventory: Option<PathBuf>,
    output: PathBuf,
}

impl Invocation {
    pub(super) fn nebplay(controller: &[String], access: &Access, output: PathBuf) -> Self {
        let mut words: Vec<OsString> = controller.iter().map(OsString::from).collect();
        words.push(nebplay_binary().into());
        let state = output.with_extension("state");
        Self {
            words,
            environment: vec![
                // Its .ssh knows the hosts; journals and caches stay within the lab.
                ("HOME".into(), access.home().into()),
                ("XDG_STATE_HOME".into(), state.into()),
                ("NO_COLOR".into(), "1".into()),
            ],
            inventory: Some(access.inventory()),
            output,
        }
    }

    /// More arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.words
            .extend(arguments.into_iter().map(|word| word.as_ref().to_owned()));
        self
    }

    /// An environment variable; one set twice has the later value.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Another inventory than the lab's.
    pub fn inventory(mut self, path: impl Into<PathBuf>) -> Self {
        self.inventory = Some(path.into());
        self
    }

    /// No `-i` at all.
    pub fn without_inventory(mut self) -> Self {
        self.inventory = None;
        self
    }

    /// Keeps journals and other state where a later run of the same test finds them (for `resume`).
    pub fn state(self, directory: &Path) -> Self {
        self.env("XDG_STATE_HOME", directory)
    }

    /// Runs it to its end.
    pub fn run(self) -> Run {
        self.start().wait()
    }

    /// Starts it and returns while it runs.
    pub fn start(self) -> Running {
        let (stdout, stderr) = (
            self.output.with_extension("stdout"),
            self.output.with_extension("stderr"),
        );
        let create = |path: &Path| {
            File::create(path).unwrap_or_else(|error| panic!("failed to create {}: {error}", path.display()))
        };
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut command = Command::new(&self.words[0]);
        command
            .args(&self.words[1..])
            .envs(self.environment.iter().cloned())
            .current_dir(workspace)
            .stdin(Stdio::null())
            .stdout(create(&stdout))
            .stderr(create(&stderr));
        if let Some(inventory) = self.inventory {
            command.arg("-i").arg(inventory);
        }
        let state = self
            .environment
            .iter()
            .rev()
            .find(|(name, _)| name == "XDG_STATE_HOME");
        let state = state.map(|(_, path)| PathBuf::from(path)).unwrap_or_default();
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("failed to start nebplay: {error}"));
        Running {
            child,
            stdout,
            stderr,
            state,
            heard: 0,
        }
    }
}

/// A run under way; killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
    state: PathBuf,
    /// How many bytes of its standard output the test has read.
    heard: usize,
}

impl Running {
    /// Waits until its output holds a text; a run that ends without it is a panic that shows what it printed.
    pub fn wait_for(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.printed().contains(text) {
            let ended = self.child.try_wait().ok().flatten();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "nebplay did not print `{text}`, but:\n{}",
                self.printed()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends the controller at once, as a power cut does.
    pub fn kill(mut self) -> Run {
        self.signal(Signal::KILL);
        self.collect()
    }

    /// Ctrl-C.
    pub fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().ok().flatten().is_some()
    }

    /// Its process: the one nebplay runs in, since what enters the network before it replaces itself.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its terminal goes away.
    pub fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Run {
        self.collect()
    }

    /// The lines that it printed since this was asked last.
    pub fn news(&mut self) -> Vec<String> {
        let printed = fs::read(&self.stdout).unwrap_or_default();
        let new = printed.get(self.heard..).unwrap_or_default();
        let whole = new.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        self.heard += whole;
        String::from_utf8_lossy(&new[..whole])
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// How it ended; waits for that.
    pub fn outcome(&mut self) -> Run {
        self.collect()
    }

    fn collect(&mut self) -> Run {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => {
                    let (stdout, stderr) = (text(&self.stdout), text(&self.stderr));
                    super::secrets::assert_kept(&stdout, &stderr, &self.state);
                    return Run {
                        code: exit_code(status),
                        stdout,
                        stderr,
                    };
                }
                Ok(None) => assert!(
                    Instant::now() < deadline,
                    "nebplay still runs after {} s:\n{}",
                    PATIENCE.as_secs(),
                    self.printed()
                ),
                Err(error) => panic!("failed to wait for nebplay: {error}"),
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn printed(&self) -> String {
        text(&self.stdout) + &text(&self.stderr)
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            kill_process(pid, signal).ok();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct Run {
    /// Exit status; 128 and the signal's number where a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Run {
    /// Panics with all it printed unless it ended with this status.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// Panics with all it printed unless the text is in it.
    #[track_caller]
    pub fn expect_shown(self, needle: &str) -> Self {
        assert!(
            self.stdout.contains(needle) || self.stderr.contains(needle),
            "`{needle}` is not in\nstdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// The values of a `--json` run's standard output: one document, or one a line.
    pub fn json(&self) -> Vec<serde_json::Value> {
        serde_json::Deserializer::from_str(&self.stdout)
            .into_iter()
            .collect::<Result<_, _>>()
            .unwrap_or_else(|error| panic!("failed to read JSON: {error}\n{}", self.stdout))
    }
}

/// Asks until there is an answer; four minutes at most.
pub(super) fn patiently<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(240);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "failed to see {what} in four minutes");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn text(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

/// `$NEBPLAY_BIN`, or the workspace's own, built now: cargo builds only what belongs to the package of the tests.
fn nebplay_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(path) = std::env::var_os("NEBPLAY_BIN") {
            return path.into();
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        // With the whole workspace chosen, dependencies have the features they were already built with.
        build.args(["build", "--quiet", "--workspace", "--bin", "nebplay"]);
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        let status = build
            .status()
            .unwrap_or_else(|error| panic!("failed to start cargo: {error}"));
        assert!(status.success(), "failed to build nebplay");
        built("nebplay").unwrap_or_else(|error| panic!("failed to {error}"))
    })
}
