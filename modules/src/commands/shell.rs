//! `shell`: a line for a shell.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::report::{Around, judge};
use crate::contract::{Contract, Recovery};
use crate::module::{Change, Cx, Effect, Failure, Finding, Module, Outcome};

/// Runs a line in a shell, with pipes, redirections and variables.
///
/// Quote whatever comes from a variable with the `quote` filter. As with `command`, check mode does not run it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-free-form" = "cmd"))]
pub(super) struct Shell {
    /// The line, or a whole script.
    cmd: String,
    /// The shell that reads it; `/bin/sh` unless said.
    executable: Option<String>,
    /// Directory to change into first.
    chdir: Option<String>,
    /// Do not run if this path (wildcards allowed) exists.
    creates: Option<String>,
    /// Do not run unless this path (wildcards allowed) exists.
    removes: Option<String>,
    /// What the shell's commands read on standard input.
    stdin: Option<String>,
    /// Whether `stdin` gets a newline at its end.
    #[serde(default = "yes")]
    stdin_add_newline: bool,
    /// Run it as a job on the host, which goes on whatever becomes of the connection and of nebplay: a run that is resumed follows it to its
    /// end, and asks nothing. It reads nothing (`stdin` is refused), and may take 48 hours unless the task says `timeout`.
    #[serde(default)]
    durable: bool,
}

fn yes() -> bool {
    true
}

impl Shell {
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
impl Module for Shell {
    const NAME: &'static str = "shell";
    const CONTRACT: Contract = Contract::general(Recovery::Ask);
    const EXAMPLE: &'static str = "\
- name: how many units are left
  shell: systemctl list-units | grep -c opennebula
  register: left
  changed_when: false
  failed_when: left.rc > 1
";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        if let Some(done) = self.around().already_done(cx).await? {
            return Ok(done);
        }
        Ok(Finding::CannotTell(Change::new(format!("run {}", self.cmd))))
    }

    fn recovery(&self) -> Recovery {
        self.around().recovery()
    }
}

#[async_trait]
impl Effect for Shell {
    async fn apply(&self, cx: &Cx<'_>, _: &Change) -> Result<Outcome, Failure> {
        let shell = self.executable.as_deref().unwrap_or("/bin/sh");
        let command = cx.command([shell, "-c", &self.cmd]);
        let output = self.around().run(cx, Self::NAME, command).await?;
        judge(&Value::from(self.cmd.as_str()), &output, true)
    }

    /// What a command of the operator's does is the operator's to check.
    async fn verify(&self, _: &Cx<'_>, _: &Change, _: &mut Outcome) -> Result<(), Failure> {
        Ok(())
    }
}
