//! `pause`: wait, or ask the operator.

use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::contract::Contract;
use crate::module::{Cx, Directive, Failure, Finding, Module, Outcome};

/// Waits for a time, or for the operator.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Pause {
    /// Seconds to wait.
    seconds: Option<u64>,
    /// Minutes to wait.
    minutes: Option<u64>,
    /// What to ask; without a time, the run waits for the answer.
    prompt: Option<String>,
    /// Whether the answer is shown while it is typed.
    #[serde(default = "yes")]
    echo: bool,
}

fn yes() -> bool {
    true
}

#[async_trait]
impl Module for Pause {
    const NAME: &'static str = "pause";
    const CONTRACT: Contract = Contract::control(&[]);
    const EXAMPLE: &'static str = "\
- name: the window opens
  pause:
    prompt: press Enter to begin, Ctrl-C to stop here
  run_once: true
";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        let seconds = self
            .seconds
            .unwrap_or(0)
            .saturating_add(self.minutes.unwrap_or(0).saturating_mul(60));
        if seconds > 0 {
            cx.host.clock().sleep(Duration::from_secs(seconds)).await;
            return Ok(Finding::no_change(format!("waited {seconds} s")));
        }
        let text = self
            .prompt
            .clone()
            .unwrap_or_else(|| "press Enter to go on, Ctrl-C to stop here".to_owned());
        let directive = Some(Directive::Prompt {
            text,
            echo: self.echo,
        });
        Ok(Finding::NoChange(Outcome {
            directive,
            ..Outcome::default()
        }))
    }
}
