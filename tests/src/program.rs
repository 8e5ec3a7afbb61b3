//! Running the programs that make up a lab: `ip`, `mount`, `systemd-nspawn`, `dpkg-deb`, …

use crate::LabError;
use std::ffi::OsStr;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// How a program ended and what it printed; text that is not UTF-8 is shown with replacement characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Exit status; 128 and the signal's number where a signal ended it, as a shell has it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// A program about to be run, with an empty standard input unless [`Program::input`] gives one.
#[derive(Debug)]
pub struct Program {
    command: Command,
    input: Vec<u8>,
}

impl Program {
    /// A program looked up in `PATH`.
    pub fn new(name: impl AsRef<OsStr>) -> Self {
        Self {
            command: Command::new(name),
            input: Vec::new(),
        }
    }

    /// One more argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// More arguments.
    pub fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, arguments: I) -> Self {
        self.command.args(arguments);
        self
    }

    /// An environment variable on top of this process's own.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// What it reads on standard input.
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self
    }

    /// Runs it to its end, whatever that is.
    pub fn output(mut self) -> Result<Output, LabError> {
        let shown = self.to_string();
        let failed = |error: std::io::Error| LabError::Program {
            command: shown.clone(),
            outcome: error.to_string(),
            stderr: String::new(),
        };
        let mut child = self
            .command
            .stdin(if self.input.is_empty() {
                Stdio::null()
            } else {
                Stdio::piped()
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        // A thread of its own: a program that prints before it has read everything would otherwise block both.
        let feeder = child.stdin.take().map(|mut pipe| {
            let input = std::mem::take(&mut self.input);
            std::thread::spawn(move || pipe.write_all(&input))
        });
        let output = child.wait_with_output().map_err(failed)?;
        if let Some(feeder) = feeder {
            // A program that stops reading says so by its exit status.
            drop(feeder.join());
        }
        Ok(Output {
            code: exit_code(output.status),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Runs it and returns its standard output; any exit status but 0 is an error that shows what it printed.
    pub fn run(self) -> Result<String, LabError> {
        let command = self.to_string();
        let output = self.output()?;
        if output.code == 0 {
            return Ok(output.stdout);
        }
        Err(LabError::Program {
            command,
            outcome: format!("exit status {}", output.code),
            stderr: format!("{}{}", tail(&output.stdout), tail(&output.stderr)),
        })
    }
}

impl std::fmt::Display for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.command.get_program().to_string_lossy())?;
        for argument in self.command.get_args() {
            let argument = argument.to_string_lossy();
            match argument.trim_start().split_once('\n') {
                // A script: its first line, which says what it is for, is enough to find it.
                Some((line, _)) => write!(f, " '{line}…'")?,
                None => write!(f, " {argument}")?,
            }
        }
        Ok(())
    }
}

/// The exit status as a shell has it.
pub fn exit_code(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(255)
}

/// The end of a long text, cut at a line.
pub fn tail(text: &str) -> String {
    const LINES: usize = 40;
    let lines: Vec<&str> = text.lines().collect();
    let mut end = lines[lines.len().saturating_sub(LINES)..].join("\n");
    end.push('\n');
    end
}

/// A program of this workspace, as built beside the one that runs now.
pub fn built(name: &str) -> Result<PathBuf, LabError> {
    let here = std::env::current_exe().map_err(LabError::file("find", "the running program"))?;
    // Test programs are built one directory below the others.
    here.ancestors()
        .skip(1)
        .take(2)
        .map(|directory| directory.join(name))
        .find(|path| path.is_file())
        .ok_or_else(|| LabError::Usage(format!("find `{name}` beside {}: build it first", here.display())))
}
