//! One connection for each host and run, made when the host is first used.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use nebplay_modules::host::{Host, HostError};
use nebplay_modules::module::Peers;
use tokio::sync::OnceCell;

use super::error::CommandError;
use super::hosts::Hosts;
use crate::diagnostics::Findings;
use crate::template::Templates;
use crate::transport::{ConnectError, Connector, Settings, Target, UnknownKey};

type Cell = Arc<OnceCell<Arc<dyn Host>>>;

/// The connections of a run.
pub(super) struct Connections {
    connector: Connector,
    targets: HashMap<String, Target>,
    made: Mutex<HashMap<String, Cell>>,
    /// Host keys that nobody knows, once one was met: of all hosts of the run, so that they are added in one go.
    unknown: OnceCell<Vec<UnknownKey>>,
}

impl Connections {
    /// Works out how each of these hosts is reached; connects to none of them yet.
    pub(super) fn of(hosts: &Hosts, names: &[String], templates: &Templates) -> Result<Self, CommandError> {
        let mut targets = HashMap::new();
        let mut findings = Findings::new();
        for name in names {
            match hosts.target(name, templates) {
                Ok(target) => drop(targets.insert(name.clone(), target)),
                Err(finding) => findings.push(finding),
            }
        }
        if !findings.is_empty() {
            return Err(findings.into());
        }
        let connector = Connector::new(settings()?).map_err(CommandError::usage)?;
        Ok(Self { connector, targets, made: Mutex::default(), unknown: OnceCell::new() })
    }

    /// The host keys nobody knows, if the run met one.
    pub(super) fn unknown_keys(&self) -> &[UnknownKey] {
        self.unknown.get().map(Vec::as_slice).unwrap_or_default()
    }

    /// The passwords of sudo that the inventory or the operator gave.
    pub(super) fn passwords(&self) -> impl Iterator<Item = (&str, &str)> {
        self.targets.iter().filter_map(|(name, target)| Some((name.as_str(), target.privileges.password.as_deref()?)))
    }

    fn cell(&self, name: &str) -> Cell {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(made.entry(name.to_owned()).or_default())
    }

    async fn connect(&self, name: &str) -> Result<Arc<dyn Host>, HostError> {
        let unreachable = |why: String| HostError::Unreachable { host: name.to_owned(), why, sent: false };
        let target = self.targets.get(name).ok_or_else(|| unreachable("it is not in the inventory".to_owned()))?;
        match self.connector.connect(target).await {
            Ok(host) => Ok(host),
            Err(error) => {
                if matches!(error, ConnectError::UnknownHostKey(_)) {
                    let all: Vec<Target> = self.targets.values().cloned().collect();
                    self.unknown.get_or_init(|| self.connector.check_host_keys(&all)).await;
                }
                // Whatever the reason, the host was not reached: that is what decides the exit code.
                Err(unreachable(match error {
                    ConnectError::Unreachable { why, .. } => why,
                    other => other.to_string(),
                }))
            }
        }
    }
}

#[async_trait]
impl Peers for Connections {
    async fn peer(&self, name: &str) -> Result<Arc<dyn Host>, HostError> {
        let cell = self.cell(name);
        cell.get_or_try_init(|| self.connect(name)).await.cloned()
    }
}

/// How this process connects: the operator's home, login and agent.
fn settings() -> Result<Settings, CommandError> {
    let home = std::env::var_os("HOME")
        .map(PathBuf::from)
        .ok_or_else(|| CommandError::usage("HOME is not set: where are your keys and known hosts?"))?;
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "root".to_owned());
    Ok(Settings {
        agent: std::env::var_os("SSH_AUTH_SOCK").map(PathBuf::from),
        ask_passphrase: Some(Arc::new(|key| {
            rpassword::prompt_password(format!("Passphrase of {}: ", key.display())).ok()
        })),
        ..Settings::new(home, user)
    })
}
