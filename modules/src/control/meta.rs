//! `meta`: steers the run itself.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::contract::Contract;
use crate::module::{Cx, Directive, Failure, Finding, Module, Outcome};

/// Steers the run itself.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-free-form" = "action"))]
pub(super) struct Meta {
    /// What to do.
    action: Action,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Action {
    /// Run the notified handlers now.
    FlushHandlers,
    /// Nothing more of this play on this host.
    EndHost,
    /// Nothing more of this play on the hosts of this batch (`serial`); not a failure.
    EndBatch,
    /// Nothing more of this play on any host; not a failure.
    EndPlay,
    /// No further play; not a failure.
    EndRun,
    /// Hosts that failed or could not be reached take part in the next play again, and do not make the run one that failed.
    ClearHostErrors,
    /// Nothing.
    Noop,
}

#[async_trait]
impl Module for Meta {
    const NAME: &'static str = "meta";
    const CONTRACT: Contract = Contract::control(&[]);
    const EXAMPLE: &'static str = "\
- name: nothing to do, so end here
  meta: end_run
  when: already_current
";

    async fn inspect(&self, _: &Cx<'_>) -> Result<Finding, Failure> {
        let directive = match self.action {
            Action::FlushHandlers => Some(Directive::FlushHandlers),
            Action::EndHost => Some(Directive::EndHost),
            Action::EndBatch => Some(Directive::EndBatch),
            Action::EndPlay => Some(Directive::EndPlay),
            Action::EndRun => Some(Directive::EndRun),
            Action::ClearHostErrors => Some(Directive::ClearHostErrors),
            Action::Noop => None,
        };
        Ok(Finding::NoChange(Outcome {
            directive,
            ..Outcome::default()
        }))
    }
}
