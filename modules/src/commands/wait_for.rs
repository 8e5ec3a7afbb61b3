//! `wait_for`: wait until a port or a path is there, or gone.

use std::time::Duration;

use async_trait::async_trait;
use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::io::AsyncReadExt as _;

use crate::contract::{Contract, Privilege};
use crate::host::{FileKind, HostError, Stat};
use crate::module::{Cx, Failure, FailureKind, Finding, Module, Outcome};
use crate::patterns::compile;

/// How much of a file, and of what answers at a port, is looked at.
const MOST_READ: u64 = 64 << 20;
const MOST_SAID: usize = 64 << 10;

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
    /// With `started` and `present`: what the file must hold, or what answers at the port must say. A regular expression, `^` and `$` are
    /// those of lines; its groups come back as `match_groups` and `match_groupdict`. The whole file is read at each look.
    search_regex: Option<String>,
    /// Seconds that a look at a port may take.
    #[serde(default = "five")]
    connect_timeout: u64,
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

fn five() -> u64 {
    5
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
    /// Whether it is to be there.
    fn wanted(&self) -> bool {
        matches!(self.state, State::Started | State::Present)
    }

    /// What is looked for in what is to be there.
    fn wanted_text(&self) -> Option<&str> {
        self.search_regex.as_deref().filter(|_| self.wanted())
    }

    async fn look(&self, cx: &Cx<'_>, pattern: Option<&Regex>) -> Result<Seen, Failure> {
        match (&self.path, self.port, pattern) {
            (Some(path), _, None) => {
                let stat = cx.host.stat(path, &cx.run_as).await?;
                let kind = |stat: Stat| match stat.kind {
                    FileKind::Directory => "directory",
                    FileKind::Link => "link",
                    FileKind::File | FileKind::Other => "file",
                };
                Ok(stat.map(|stat| Map::from_iter([("state".to_owned(), kind(stat).into())])))
            }
            (Some(path), _, Some(pattern)) => {
                let content = cx.host.read_file(path, &cx.run_as, MOST_READ).await?;
                Ok(content.and_then(|content| groups(pattern, &content)))
            }
            (None, Some(port), pattern) => {
                let limit = Duration::from_secs(self.connect_timeout);
                tokio::time::timeout(limit, self.answer(cx, port, pattern))
                    .await
                    .unwrap_or(Ok(None))
            }
            (None, None, _) => Ok(Some(Map::new())),
        }
    }

    async fn answer(&self, cx: &Cx<'_>, port: u16, pattern: Option<&Regex>) -> Result<Seen, Failure> {
        let mut stream = match cx.host.connect(&self.host, port).await {
            Ok(stream) => stream,
            Err(HostError::Refused { .. } | HostError::TimedOut { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let Some(pattern) = pattern else {
            return Ok(Some(Map::new()));
        };
        let (mut said, mut part) = (Vec::new(), [0; 4096]);
        while said.len() < MOST_SAID {
            match stream.read(&mut part).await {
                Ok(0) | Err(_) => break,
                Ok(length) => said.extend_from_slice(&part[..length]),
            }
            let found = groups(pattern, &said);
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn what(&self) -> String {
        let place = match (&self.path, self.port) {
            (Some(path), _) => path.clone(),
            (None, Some(port)) => format!("{}:{port}", self.host),
            (None, None) => "nothing".to_owned(),
        };
        match self.wanted_text() {
            Some(pattern) => format!("`{pattern}` in {place}"),
            None => place,
        }
    }
}

/// What a look saw: nothing, or what was waited for, with the groups of the pattern.
type Seen = Option<Map<String, Value>>;

fn groups(pattern: &Regex, text: &[u8]) -> Seen {
    let text = String::from_utf8_lossy(text);
    let found = pattern.captures(&text)?;
    let text_of = |group: Option<regex::Match<'_>>| group.map(|group| group.as_str().to_owned());
    let all: Vec<_> = found.iter().skip(1).map(text_of).collect();
    let named = pattern.capture_names().flatten();
    let named: Map<String, Value> = named
        .map(|name| (name.to_owned(), json!(text_of(found.name(name)))))
        .collect();
    Some(Map::from_iter([
        ("match_groups".to_owned(), json!(all)),
        ("match_groupdict".to_owned(), named.into()),
    ]))
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
        let wanted = self.wanted();
        let pattern = self.wanted_text().map(|pattern| compile(pattern, false, true));
        let pattern = pattern.transpose().map_err(Failure::failed)?;
        let elapsed = || clock.monotonic().saturating_sub(begin).as_secs();
        if self.port.is_none() && self.path.is_none() {
            clock.sleep(Duration::from_secs(self.timeout)).await;
            let outcome = Outcome::unchanged(format!("waited {} s", elapsed()));
            return Ok(Finding::NoChange(outcome.with("elapsed", elapsed())));
        }
        loop {
            let seen = self.look(cx, pattern.as_ref()).await?;
            if seen.is_some() == wanted {
                let mut outcome = Outcome::unchanged(format!("{} after {} s", self.what(), elapsed()))
                    .with("elapsed", elapsed())
                    .with("path", self.path.clone())
                    .with("port", self.port)
                    .with("state", json!(self.state));
                outcome.result.extend(seen.into_iter().flatten());
                return Ok(Finding::NoChange(outcome));
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
        let log = FakeHost::new("m").file("/var/log/one/oned.log", "Starting\nListening on port 2633\n");
        let cx = world.cx(&log);
        let args =
            json!({"path": "/var/log/one/oned.log", "search_regex": "^Listening on (\\w+) (?P<at>\\d+)$"});
        let Ok(Finding::NoChange(found)) = task(args).inspect(&cx).await else {
            panic!("it is there");
        };
        assert_eq!(found.result["match_groups"], json!(["port", "2633"]));
        assert_eq!(found.result["match_groupdict"], json!({"at": "2633"}));
        let args = json!({"path": "/var/log/one/oned.log", "search_regex": "^Stopped", "timeout": 3});
        let failure = task(args).inspect(&cx).await.unwrap_err();
        assert_eq!(
            failure.message,
            "m: `^Stopped` in /var/log/one/oned.log is not there after 3 s"
        );
        let cx = world.cx(&host);
        let waited = task(json!({"delay": 1, "timeout": 4}))
            .inspect(&cx)
            .await
            .unwrap();
        assert!(matches!(waited, Finding::NoChange(outcome) if outcome.result["elapsed"] == 5));
        assert_eq!(host.slept(), Duration::from_secs(12));
    }
}
