//! What `command` and `shell` have in common: the guards around the command, and Ansible's return values.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::durable;
use crate::contract::Recovery;
use crate::host::{Command, Output};
use crate::module::{Cx, Failure, Finding, Outcome};

/// How long a command may take when the task sets no `timeout`.
const DEFAULT_LIMIT: Duration = Duration::from_secs(3600);

/// What an operator may say around a command.
pub(super) struct Around<'a> {
    pub(super) chdir: Option<&'a str>,
    pub(super) creates: Option<&'a str>,
    pub(super) removes: Option<&'a str>,
    pub(super) stdin: Option<&'a str>,
    pub(super) stdin_add_newline: bool,
    pub(super) durable: bool,
}

impl Around<'_> {
    /// What settles the command if it is cut off.
    pub(super) fn recovery(&self) -> Recovery {
        if self.durable {
            Recovery::Job
        } else {
            Recovery::Ask
        }
    }

    /// Runs the command to its end, for the module of this name.
    pub(super) async fn run(&self, cx: &Cx<'_>, module: &str, command: Command) -> Result<Output, Failure> {
        let command = self.dress(cx, command);
        if self.durable {
            durable::run(cx, module, command).await
        } else {
            Ok(cx.host.stream(&command, cx.progress).await?)
        }
    }

    /// Puts directory, input and deadline on a command.
    fn dress(&self, cx: &Cx<'_>, mut command: Command) -> Command {
        let limit = if self.durable {
            durable::LIMIT
        } else {
            DEFAULT_LIMIT
        };
        command.chdir = self.chdir.map(str::to_owned);
        command.deadline = cx.timeout.unwrap_or(limit);
        if let Some(text) = self.stdin {
            let newline = if self.stdin_add_newline { "\n" } else { "" };
            command.stdin = Some(format!("{text}{newline}").into_bytes());
        }
        command
    }

    /// Whether `creates` or `removes` already tells that there is nothing to do.
    pub(super) async fn already_done(&self, cx: &Cx<'_>) -> Result<Option<Finding>, Failure> {
        if self.durable && self.stdin.is_some() {
            return Err(Failure::failed(
                "`stdin` cannot be given to a `durable` command: it reads nothing, since it must go on when nobody is there to feed it",
            )
            .hint("put the input into a file on the host (`copy`), and let a `shell` read it with `<`"));
        }
        // What it made before it was cut off must not be taken for its end: its job tells that.
        if self.durable && cx.in_doubt {
            return Ok(None);
        }
        if let Some(path) = self.creates
            && self.matches(cx, path).await?
        {
            return Ok(Some(not_run(&format!("since {path} exists"))));
        }
        if let Some(path) = self.removes
            && !self.matches(cx, path).await?
        {
            return Ok(Some(not_run(&format!("since {path} does not exist"))));
        }
        Ok(None)
    }

    /// Whether anything matches a path with shell wildcards, seen from the command's directory as Ansible does.
    async fn matches(&self, cx: &Cx<'_>, path: &str) -> Result<bool, Failure> {
        // IFS is emptied so that a name with blanks stays one pattern; the pattern itself is never parsed as code.
        let script = r#"IFS=; for found in $1; do if [ -e "$found" ] || [ -L "$found" ]; then exit 0; fi; done; exit 1"#;
        let mut look = cx.command(["sh", "-c", script, "sh", path]);
        look.chdir = self.chdir.map(str::to_owned);
        Ok(cx.host.run(&look).await?.exit.success())
    }
}

/// Ansible's return values of a command that was not needed: whoever registers it need not ask whether it ran.
fn not_run(why: &str) -> Finding {
    let said = format!("skipped, {why}");
    let outcome = Outcome::unchanged(format!("not run, {why}"))
        .with("rc", 0)
        .with("stdout_lines", [said.as_str()])
        .with("stdout", said)
        .with("stderr", "")
        .with("stderr_lines", Value::Array(Vec::new()));
    Finding::NoChange(outcome)
}

/// Ansible's return values of a command.
pub(super) fn result(command: &Value, output: &Output, strip: bool) -> Map<String, Value> {
    let trim = |text: String| {
        if strip {
            text.trim_end_matches(['\r', '\n']).to_owned()
        } else {
            text
        }
    };
    let (stdout, stderr) = (trim(output.text()), trim(output.err_text()));
    let lines = |text: &str| text.lines().map(Value::from).collect::<Vec<_>>();
    let fields = json!({
        "cmd": command,
        "rc": output.exit.rc(),
        "stdout_lines": lines(&stdout),
        "stderr_lines": lines(&stderr),
        "stdout": stdout,
        "stderr": stderr,
        "delta": output.elapsed.as_secs_f64(),
    });
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// Success or failure by the exit status, with all return values in either case.
pub(super) fn judge(command: &Value, output: &Output, strip: bool) -> Result<Outcome, Failure> {
    let result = result(command, output, strip);
    if output.exit.success() {
        return Ok(Outcome {
            changed: true,
            result,
            ..Outcome::default()
        });
    }
    let mut failure = Failure::failed(format!("the command ended with {}", output.exit));
    let words = output.err_text();
    let words = if words.trim().is_empty() {
        output.text()
    } else {
        words
    };
    if let Some(last) = words.lines().rev().find(|line| !line.trim().is_empty()) {
        failure.message = format!("{}: {}", failure.message, last.trim());
    }
    failure.result = result;
    // What it did before it failed is not known; whoever says that it did not fail says that it did something.
    failure.result.insert("changed".to_owned(), true.into());
    Err(failure)
}
