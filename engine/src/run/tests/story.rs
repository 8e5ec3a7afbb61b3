//! A run as a story: a playbook, hosts, and what was told.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use nebplay_modules::federation_map::Federation;
use nebplay_modules::host::{Host, HostError};
use nebplay_modules::module::Peers;
use nebplay_modules::testing::{FakeHost, FakeWorld};
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::playbook::{playbook, tasks, vars};
use crate::diagnostics::{Finding, Findings, Source, Span};
use crate::events::journal::Journal;
use crate::events::{Event, Events, Secrets, StepEnd, StepRef, View, What};
use crate::plan::{self, Listing, Plan, Tags};
use crate::playbook::{Item, PartFiles, Role, Vars};
use crate::run::{IncludedRole, Inventory, Loader, Operator, Options, Replay, Stop, Summary, World, run};
use crate::template::{Binding, Layer, Templates};
use crate::yaml;

/// The playbook and everything around it.
pub(super) struct Story {
    playbook: String,
    hosts: Vec<FakeHost>,
    files: BTreeMap<String, String>,
    vars: BTreeMap<String, Value>,
    extra: Layer,
    pub(super) options: Options,
    pub(super) secrets: Arc<Secrets>,
    federation: Federation,
    stop_at: Option<(String, Stop)>,
    attended: bool,
    answers: Vec<&'static str>,
    replay: Option<Replay>,
    journal: Option<Journal>,
}

/// A host that does what it is asked.
pub(super) fn honest(name: &str) -> FakeHost {
    FakeHost::new(name)
}

/// The answers of an honest host; what is scripted before wins.
pub(super) fn rest_fine(host: FakeHost) -> FakeHost {
    host.on("^(do|check) ", 0, "").on("^look ", 0, "seen\n")
}

pub(super) fn unreachable(name: &str) -> HostError {
    HostError::Unreachable {
        host: name.to_owned(),
        why: "connection refused".to_owned(),
        sent: false,
    }
}

impl Story {
    pub(super) fn new(playbook: &str) -> Self {
        Self {
            playbook: playbook.to_owned(),
            hosts: ["m", "s1", "s2"].map(honest).to_vec(),
            files: BTreeMap::new(),
            vars: BTreeMap::new(),
            extra: Layer::new(),
            options: Options {
                check: false,
                diff: false,
                step: false,
                forks: 5,
                r#become: false,
                become_user: None,
                reconnect: Duration::from_secs(600),
                tags: Tags::default(),
                limit: None,
                verbosity: 0,
                halt: None,
            },
            secrets: Arc::default(),
            federation: FakeWorld::default().federation,
            stop_at: None,
            attended: false,
            answers: Vec::new(),
            replay: None,
            journal: None,
        }
    }

    /// The run goes on after these events.
    pub(super) fn after(mut self, events: &[Event]) -> Self {
        self.replay = Some(Replay::of(events));
        self
    }

    /// How the run that goes on is to be settled, or from where it is to go on.
    pub(super) fn replay(mut self, change: impl FnOnce(Replay) -> Replay) -> Self {
        self.replay = self.replay.map(change);
        self
    }

    /// Everything is written down.
    pub(super) fn journaled(mut self, journal: Journal) -> Self {
        self.journal = Some(journal);
        self
    }

    /// The operator's answers.
    pub(super) fn answers(mut self, answers: &[&'static str]) -> Self {
        self.answers = answers.iter().rev().copied().collect();
        self
    }

    /// Replaces one of the hosts.
    pub(super) fn host(mut self, host: FakeHost) -> Self {
        self.hosts.retain(|other| other.name() != host.name());
        self.hosts.push(host);
        self.hosts.sort_by_key(|host| host.name().to_owned());
        self
    }

    pub(super) fn file(mut self, name: &str, text: &str) -> Self {
        self.files.insert(name.to_owned(), text.to_owned());
        self
    }

    pub(super) fn var(mut self, name: &str, value: Value) -> Self {
        self.vars.insert(name.to_owned(), value);
        self
    }

    pub(super) fn extra(mut self, name: &str, value: &str) -> Self {
        self.extra.insert(name.to_owned(), Binding::Source(value.into()));
        self
    }

    pub(super) fn check(mut self) -> Self {
        self.options.check = true;
        self
    }

    /// A host that is lost is given up at once.
    pub(super) fn impatient(mut self) -> Self {
        self.options.reconnect = Duration::ZERO;
        self
    }

    pub(super) fn forks(mut self, forks: usize) -> Self {
        self.options.forks = forks;
        self
    }

    /// No zones at all, and these hosts.
    pub(super) fn plain_hosts(mut self, count: usize) -> Self {
        self.hosts = (0..count).map(|n| honest(&format!("h{n:02}"))).collect();
        self.federation = Federation::default();
        self
    }

    /// The operator wants that as soon as this step begins; or, for `lost HOST`, as soon as that host is lost.
    pub(super) fn stop_at(mut self, step: &str, stop: Stop) -> Self {
        self.stop_at = Some((step.to_owned(), stop));
        self
    }

    /// Somebody is there to answer.
    pub(super) fn attended(mut self) -> Self {
        self.attended = true;
        self
    }

    /// Its plan, to look at.
    pub(super) fn listing(&self) -> Listing {
        let names: Vec<String> = self.hosts.iter().map(|host| host.name().to_owned()).collect();
        let plan = plan_of(&self.playbook, &self.options.tags, &names);
        Listing::of(&plan, &self.federation, self.options.forks)
    }

    /// Runs it.
    pub(super) async fn told(self) -> Told {
        let hosts: BTreeMap<String, FakeHost> = self
            .hosts
            .into_iter()
            .map(|host| (host.name().to_owned(), rest_fine(host)))
            .collect();
        let names: Vec<String> = hosts.keys().cloned().collect();
        let plan = plan_of(&self.playbook, &self.options.tags, &names);
        let events: Arc<Mutex<Vec<Event>>> = Arc::default();
        let (want, stop) = watch::channel(Stop::Run);
        let recorder = Recorder {
            events: Arc::clone(&events),
            stop_at: self.stop_at,
            want,
        };
        let clock = Arc::new(FakeHost::new("controller"));
        let bus = Events::new(clock.clone(), self.secrets, vec![Box::new(recorder)]);
        let inventory = Fixed {
            names,
            vars: self.vars,
            federation: self.federation,
        };
        let world = World {
            run: "test".to_owned(),
            options: self.options,
            inventory: Arc::new(inventory),
            extra_vars: self.extra,
            hosts: Arc::new(Machines(hosts.clone())),
            loader: Arc::new(Files(self.files)),
            operator: match (self.attended, self.answers.is_empty()) {
                (true, _) => Arc::new(Patient::default()),
                (false, false) => Arc::new(Answering(Mutex::new(self.answers))),
                (false, true) => Arc::new(Nobody),
            },
            templates: Templates::new(),
            events: Arc::new(match self.journal {
                Some(journal) => bus.journaled(Arc::new(journal)),
                None => bus,
            }),
            clock,
            directory: ".".into(),
            stop,
            resumed: self.replay.is_some().then(Vec::new),
            replay: self.replay.unwrap_or_default(),
        };
        let summary = run(plan, world).await;
        let events = events.lock().expect("no view panicked").clone();
        Told {
            events,
            summary,
            hosts,
        }
    }
}

fn plan_of(text: &str, tags: &Tags, names: &[String]) -> Plan {
    let options = plan::Options { tags: tags.clone() };
    let select = |pattern: &yaml::Node| {
        let pattern = pattern.as_str().unwrap_or_default();
        let wanted = |name: &&String| {
            let named = pattern.split(',').any(|part| part == *name);
            pattern == "all" || named || (pattern == "slaves" && name.starts_with('s'))
        };
        Ok(names.iter().filter(wanted).cloned().collect())
    };
    plan::plan(&[playbook(text)], &options, select).expect("a plan")
}

/// What came of it.
pub(super) struct Told {
    pub(super) events: Vec<Event>,
    pub(super) summary: Summary,
    pub(super) hosts: BTreeMap<String, FakeHost>,
}

impl Told {
    pub(super) fn ends(&self) -> impl Iterator<Item = (&StepRef, &StepEnd)> {
        self.events.iter().filter_map(|event| match &event.what {
            What::StepEnded { step, end } => Some((step, end.as_ref())),
            _ => None,
        })
    }

    /// `task@host status` of every step, in order; tasks by the last part of their identity.
    pub(super) fn steps(&self) -> Vec<String> {
        let line = |(step, end): (&StepRef, &StepEnd)| {
            let task = step.task.rsplit('/').next().unwrap_or_default();
            let item = step
                .item
                .as_ref()
                .map_or_else(String::new, |item| format!("[{item}]"));
            let status = json!(end.status);
            let status = status.as_str().unwrap_or_default();
            let ignored = if end.ignored { ", ignored" } else { "" };
            format!("{task}{item}@{} {status}{ignored}", step.host)
        };
        self.ends().map(line).collect()
    }

    /// The end of the only step of that task on that host.
    pub(super) fn end(&self, task: &str, host: &str) -> &StepEnd {
        let mut of = self
            .ends()
            .filter(|(step, _)| step.host == host && step.task.ends_with(&format!("/{task}")));
        of.next()
            .unwrap_or_else(|| panic!("{task}@{host} did not end: {:?}", self.steps()))
            .1
    }

    /// What a host was asked to do, without looks and checks.
    pub(super) fn did(&self, host: &str) -> Vec<String> {
        let commands = self.hosts[host].commands().into_iter();
        let done = commands.filter(|command| command.argv[0] == "do");
        done.map(|command| command.argv[1].clone()).collect()
    }

    /// Failures by host, first lines.
    pub(super) fn failures(&self) -> Vec<String> {
        let line = |failed: &crate::events::FailedStep| {
            let first = failed.failure.message.lines().next().unwrap_or_default();
            format!("{}@{}: {first}", failed.task, failed.host)
        };
        self.summary.failures.iter().map(line).collect()
    }

    pub(super) fn warnings(&self) -> Vec<&str> {
        let warnings = self.events.iter().filter_map(|event| match &event.what {
            What::Warning { text } => Some(text.as_str()),
            _ => None,
        });
        warnings.collect()
    }
}

struct Recorder {
    events: Arc<Mutex<Vec<Event>>>,
    stop_at: Option<(String, Stop)>,
    want: watch::Sender<Stop>,
}

impl View for Recorder {
    fn event(&mut self, event: &Event) {
        let begins = match &event.what {
            What::StepStarted { step } => step.id.clone(),
            What::ConnectionLost { host, .. } => format!("lost {host}"),
            _ => String::new(),
        };
        if let Some((at, stop)) = &self.stop_at
            && begins.ends_with(at.as_str())
        {
            self.want.send_replace(*stop);
        }
        self.events.lock().expect("no view panicked").push(event.clone());
    }
}

struct Machines(BTreeMap<String, FakeHost>);

#[async_trait]
impl Peers for Machines {
    async fn peer(&self, name: &str) -> Result<Arc<dyn Host>, HostError> {
        let host = self.0.get(name).ok_or_else(|| unreachable(name))?;
        // A host can be scripted to be gone.
        host.run(&nebplay_modules::host::Command::new(["look", "connect"]))
            .await?;
        Ok(Arc::new(host.clone()))
    }
}

struct Fixed {
    names: Vec<String>,
    vars: BTreeMap<String, Value>,
    federation: Federation,
}

impl Inventory for Fixed {
    fn names(&self) -> Vec<String> {
        self.names.clone()
    }
    fn vars(&self, _: &str) -> Layer {
        self.vars
            .iter()
            .map(|(name, value)| (name.clone(), Binding::Value(value.clone())))
            .collect()
    }
    fn groups(&self) -> Map<String, Value> {
        Map::from_iter([("all".to_owned(), Value::from(self.names.clone()))])
    }
    fn groups_of(&self, _: &str) -> Vec<String> {
        vec!["all".to_owned()]
    }
    fn federation(&self) -> Federation {
        self.federation.clone()
    }
}

struct Files(BTreeMap<String, String>);

impl Files {
    fn text(&self, file: &str, from: &Span) -> Result<&String, Findings> {
        self.0
            .get(file)
            .ok_or_else(|| vec![Finding::at(from, format!("there is no file {file}"), "here")])
    }
}

impl Loader for Files {
    fn tasks(&self, file: &str, from: &Span) -> Result<(Vec<Item>, String), Findings> {
        let text = self.text(file, from)?;
        Ok((tasks(file, text), format!("{} bytes", text.len())))
    }
    fn role(&self, name: &str, _: &PartFiles, _: Option<&Role>, _: &Span) -> Result<IncludedRole, Findings> {
        Err(vec![Finding::nowhere(format!("stories have no role `{name}`"))])
    }
    fn vars(&self, file: &str, from: &Span) -> Result<Vars, Findings> {
        let document =
            yaml::parse(&Source::new(file, self.text(file, from)?)).map_err(|wrong| vec![wrong])?;
        Ok(vars(document.as_ref()))
    }
}

/// Answers with the number of the question.
#[derive(Default)]
struct Patient(AtomicUsize);

#[async_trait]
impl Operator for Patient {
    async fn ask(&self, _: &str, _: bool) -> Option<String> {
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        Some(format!("answer {}", before + 1))
    }
}

struct Answering(Mutex<Vec<&'static str>>);

#[async_trait]
impl Operator for Answering {
    async fn ask(&self, _: &str, _: bool) -> Option<String> {
        self.0.lock().expect("nobody panicked").pop().map(str::to_owned)
    }
}

struct Nobody;

#[async_trait]
impl Operator for Nobody {
    async fn ask(&self, _: &str, _: bool) -> Option<String> {
        None
    }
}
