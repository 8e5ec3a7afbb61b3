//! `wait_for`: wait until a port or a path is there, or gone.

use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::{Contract, Privilege};
use crate::host::HostError;
use crate::module::{Cx, Failure, FailureKind, Finding, Module, Outcome};

/// Waits until a port answers or a path exists, as seen from the host, or until it no longer does; with neither, for `timeout` seconds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitFor {
    /// The address whose port to try, as seen from the host.
    #[serde(default = "localhost")]
    host: String,
    /// The TCP port.
    port: Option<u16>,
    /// The path.
    path: Option<String>,
    /// What to wait for.
    #[serde(default)]
    state: State,
    /// Seconds to wait before the first look.
    #[serde(default)]
    delay: u64,
    /// Seconds between looks.
    #[serde(default = "one")]
    sleep: u64,
    /// Seconds to wait in all.
    #[serde(default = "five_minutes")]
    timeout: u64,
    /// What to say when it did not come.
    msg: Option<String>,
}

fn localhost() -> String {
    "127.0.0.1".to_owned()
}

fn one() -> u64 {
    1
}

fn five_minutes() -> u64 {
    300
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum State {
    /// The port answers.
    #[default]
    Started,
    /// The path exists, or the port answers.
    Present,
    /// The port no longer answers.
    Stopped,
    /// The path no longer exists, or the port no longer answers.
    Absent,
}

impl WaitFor {
    async fn is_there(&self, cx: &Cx<'_>) -> Result<bool, Failure> {
        if let Some(path) = &self.path {
            return Ok(cx.host.stat(path, &cx.run_as).await?.is_some());
        }
        let Some(port) = self.port else { return Ok(true) };
        match cx.host.connect(&self.host, port).await {
            Ok(_) => Ok(true),
            Err(HostError::Refused { .. } | HostError::TimedOut { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn what(&self) -> String {
        match (&self.path, self.port) {
            (Some(path), _) => path.clone(),
            (None, Some(port)) => format!("{}:{port}", self.host),
            (None, None) => "nothing".to_owned(),
        }
    }
}

#[async_trait]
impl Module for WaitFor {
    const NAME: &'static str = "wait_for";
    const CONTRACT: Contract = Contract::reads(Privilege::AsTask);
    const EXAMPLE: &'static str = "\
- name: FireEdge answers
  wait_for:
    port: 2616
    timeout: 60
";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        if self.port.is_some() && self.path.is_some() {
            return Err(Failure::failed("give either `port` or `path`"));
        }
        let clock = cx.host.clock();
        let begin = clock.monotonic();
        clock.sleep(Duration::from_secs(self.delay)).await;
        let wanted = matches!(self.state, State::Started | State::Present);
        let elapsed = || clock.monotonic().saturating_sub(begin).as_secs();
        let over = |said: String| {
            let outcome = Outcome::unchanged(said).with("elapsed", elapsed());
            Ok(Finding::NoChange(outcome))
        };
        if self.port.is_none() && self.path.is_none() {
            clock.sleep(Duration::from_secs(self.timeout)).await;
            return over(format!("waited {} s", elapsed()));
        }
        loop {
            if self.is_there(cx).await? == wanted {
                return over(format!("{} after {} s", self.what(), elapsed()));
            }
            if clock.monotonic().saturating_sub(begin) >= Duration::from_secs(self.timeout) {
                let still = if wanted { "is not there" } else { "is still there" };
                let said = format!(
                    "{}: {} {still} after {} s",
                    cx.host.name(),
                    self.what(),
                    self.timeout
                );
                let said = self.msg.clone().unwrap_or(said);
                return Err(Failure::new(FailureKind::TimedOut, said).with("elapsed", elapsed()));
            }
            clock.sleep(Duration::from_secs(self.sleep.max(1))).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{FakeHost, FakeWorld};

    #[tokio::test]
    async fn it_waits_on_the_host_s_clock_and_says_what_did_not_come() {
        let host = FakeHost::new("m").file("/run/there", "");
        let world = FakeWorld::default();
        let cx = world.cx(&host);
        let task = |args: Value| crate::registry::find("wait_for").unwrap().task(args).unwrap();
        assert!(task(json!({"path": "/run/there"})).inspect(&cx).await.is_ok());
        assert!(
            task(json!({"path": "/run/gone", "state": "absent"}))
                .inspect(&cx)
                .await
                .is_ok()
        );
        let failure = task(json!({"port": 2633, "timeout": 7}))
            .inspect(&cx)
            .await
            .unwrap_err();
        assert_eq!(failure.kind, FailureKind::TimedOut);
        assert_eq!(failure.message, "m: 127.0.0.1:2633 is not there after 7 s");
        assert_eq!(failure.result["elapsed"], 7);
        assert_eq!(host.slept(), Duration::from_secs(7));
        let waited = task(json!({"delay": 1, "timeout": 4}))
            .inspect(&cx)
            .await
            .unwrap();
        assert!(matches!(waited, Finding::NoChange(outcome) if outcome.result["elapsed"] == 5));
        assert_eq!(host.slept(), Duration::from_secs(12));
    }
}
