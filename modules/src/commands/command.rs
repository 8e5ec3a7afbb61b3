//! `command`: a program and its arguments, without a shell.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::report::{Around, judge};
use crate::contract::{Contract, Recovery};
use crate::module::{Change, Cx, Effect, Failure, Finding, Module, Outcome};

/// Runs a program without a shell.
///
/// No pipe, redirection, variable or wildcard has a meaning here: use `shell` for those. Whether the program changes anything
/// is not known, so the task reports a change (say `changed_when: false` otherwise) and check mode does not run it. One that prints
/// more than 64 MB on a stream is ended, and fails; of one that is `durable` the end of that is kept.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-free-form" = "cmd"))]
pub(super) struct RunCommand {
    /// The command as one line, split into words as a shell would, quotes included.
    cmd: Option<String>,
    /// The command as a list of words; nothing is split.
    argv: Option<Vec<String>>,
    /// Directory to change into first.
    chdir: Option<String>,
    /// Do not run if this path (wildcards allowed) exists.
    creates: Option<String>,
    /// Do not run unless this path (wildcards allowed) exists.
    removes: Option<String>,
    /// What the program reads on its standard input.
    stdin: Option<String>,
    /// Whether `stdin` gets a newline at its end.
    #[serde(default = "yes")]
    stdin_add_newline: bool,
    /// Run it as a job on the host, which goes on whatever becomes of the connection and of nebplay: a run that is resumed follows it to its
    /// end, and asks nothing. It reads nothing (`stdin` is refused), and may take 48 hours unless the task says `timeout`.
    #[serde(default)]
    durable: bool,
    /// Whether newlines at the end of the output are cut off.
    #[serde(default = "yes")]
    strip_empty_ends: bool,
}

fn yes() -> bool {
    true
}

impl RunCommand {
    fn words(&self) -> Result<Vec<String>, Failure> {
        let words = match (&self.cmd, &self.argv) {
            (Some(line), None) => shlex::split(line)
                .ok_or_else(|| Failure::failed(format!("a quote is not closed in `{line}`")))?,
            (None, Some(words)) => words.clone(),
            (Some(_), Some(_)) => return Err(Failure::failed("give either `cmd` or `argv`, not both")),
            (None, None) => return Err(Failure::failed("no command: give `cmd` or `argv`")),
        };
        if words.is_empty() {
            Err(Failure::failed("the command is empty"))
        } else {
            Ok(words)
        }
    }

    fn around(&self) -> Around<'_> {
        Around {
            chdir: self.chdir.as_deref(),
            creates: self.creates.as_deref(),
            removes: self.removes.as_deref(),
            stdin: self.stdin.as_deref(),
            stdin_add_newline: self.stdin_add_newline,
            durable: self.durable,
        }
    }
}

#[async_trait]
impl Module for RunCommand {
    const NAME: &'static str = "command";
    const CONTRACT: Contract = Contract::general(Recovery::Ask);
    const EXAMPLE: &'static str = "\
- name: what the kernel is
  command: uname -r
  register: kernel
  changed_when: false
";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        let words = self.words()?;
        if let Some(done) = self.around().already_done(cx).await? {
            return Ok(done);
        }
        Ok(Finding::CannotTell(Change::new(format!(
            "run {}",
            cx.command(words).display()
        ))))
    }

    fn recovery(&self) -> Recovery {
        self.around().recovery()
    }
}

#[async_trait]
impl Effect for RunCommand {
    async fn apply(&self, cx: &Cx<'_>, _: &Change) -> Result<Outcome, Failure> {
        let words = self.words()?;
        let command = cx.command(words.clone());
        let output = self.around().run(cx, Self::NAME, command).await?;
        judge(&Value::from(words), &output, self.strip_empty_ends)
    }

    /// What a command of the operator's does is the operator's to check.
    async fn verify(&self, _: &Cx<'_>, _: &Change, _: &mut Outcome) -> Result<(), Failure> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{FakeHost, FakeWorld};

    async fn run(args: Value, host: &FakeHost) -> Result<Outcome, Failure> {
        FakeWorld::default().run(host, "command", args).await
    }

    #[tokio::test]
    async fn words_are_split_as_a_shell_would_and_never_expanded() {
        let host = FakeHost::new("m").on("^echo", 0, "ok\n\n");
        let outcome = run(json!({"cmd": "echo 'a b' \"c\" $HOME ; rm"}), &host)
            .await
            .unwrap();
        assert_eq!(
            outcome.result["cmd"],
            json!(["echo", "a b", "c", "$HOME", ";", "rm"])
        );
        assert_eq!(outcome.result["stdout"], "ok");
        assert!(outcome.changed);
    }

    #[tokio::test]
    async fn a_failure_keeps_what_was_printed() {
        let host = FakeHost::new("m").on_full("^false", 3, "out\n", "first\nthe reason\n");
        let failure = run(json!({"argv": ["false"]}), &host).await.unwrap_err();
        assert_eq!(
            failure.message,
            "the command ended with exit status 3: the reason"
        );
        assert_eq!(failure.result["rc"], 3);
        assert_eq!(failure.result["stderr_lines"], json!(["first", "the reason"]));
    }

    #[tokio::test]
    async fn what_it_prints_is_shown_while_it_runs() {
        for (module, args) in [
            ("command", json!({"argv": ["make"]})),
            ("shell", json!({"cmd": "make"})),
        ] {
            let host = FakeHost::new("m").on("make", 0, "one\ntwo\n");
            let world = FakeWorld::default();
            let cx = world.cx(&host);
            let task = crate::registry::find(module).unwrap().task(args).unwrap();
            let change = Change::new("run it");
            task.apply(&[(&cx, &change)]).await.pop().unwrap().unwrap();
            let shown = world.lines.lock().unwrap().clone();
            assert_eq!(shown, ["one", "two"], "{module}");
        }
    }

    #[tokio::test]
    async fn creates_and_removes_decide_without_running_it() {
        for (args, exists, runs) in [
            (json!({"cmd": "make it", "creates": "/a b"}), 0, false),
            (json!({"cmd": "make it", "creates": "/a b"}), 1, true),
            (json!({"cmd": "make it", "removes": "/a*"}), 0, true),
            (json!({"cmd": "make it", "removes": "/a*"}), 1, false),
        ] {
            let host = FakeHost::new("m")
                .on("^sh -c IFS=", exists, "")
                .on("^make it", 0, "");
            let outcome = run(args.clone(), &host).await.unwrap();
            assert_eq!(host.asked().iter().any(|line| line == "make it"), runs, "{args}");
            // Either way there is something to register.
            assert_eq!(outcome.result["rc"], 0, "{args}");
            assert_eq!(
                outcome.result["stdout"].as_str().is_some_and(str::is_empty),
                runs,
                "{args}"
            );
        }
    }

    #[tokio::test]
    async fn an_open_quote_is_an_error_and_not_a_command() {
        let host = FakeHost::new("m");
        let failure = run(json!({"cmd": "echo 'a"}), &host).await.unwrap_err();
        assert!(failure.message.contains("not closed"));
        assert!(host.asked().is_empty());
    }
}
