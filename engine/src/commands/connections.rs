//! The hosts of a run: connected when they are first used, once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use nebplay_modules::host::{Host, HostError};
use nebplay_modules::module::Peers;
use tokio::sync::OnceCell;

use super::error::CommandError;
use super::hosts::Hosts;
use super::locks::Locks;
use crate::events::Secrets;
use crate::inventory::Overrides;
use crate::template::Templates;
use crate::transport::{ConnectError, Connector, Settings, Target, UnknownKey};

type Slot = Arc<OnceCell<Arc<dyn Host>>>;

/// Connections by inventory name.
pub(super) struct Connections {
    hosts: Arc<Hosts>,
    templates: Templates,
    secrets: Arc<Secrets>,
    connector: Connector,
    /// The hosts that the run is about, for saying at once which of their keys are unknown.
    names: Vec<String>,
    /// What there is to say about unknown keys; worked out when the first turns up.
    unknown: OnceCell<String>,
    open: Mutex<HashMap<String, Slot>>,
    /// The locks of the run, once it has them.
    locks: OnceLock<Arc<Locks>>,
}

impl Connections {
    /// Connects to nothing yet. `names` are the hosts the run is about.
    pub(super) fn new(
        hosts: Arc<Hosts>,
        templates: Templates,
        secrets: Arc<Secrets>,
        names: Vec<String>,
    ) -> Result<Self, CommandError> {
        let connector = Connector::new(settings(&hosts.overrides)?).map_err(CommandError::usage)?;
        Ok(Self {
            hosts,
            templates,
            secrets,
            connector,
            names,
            unknown: OnceCell::new(),
            open: Mutex::default(),
            locks: OnceLock::new(),
        })
    }

    /// Checks that the connection variables of all hosts make sense, before the first of them is connected to.
    pub(super) fn check(&self) -> Result<(), CommandError> {
        let targets = self
            .names
            .iter()
            .map(|name| self.hosts.target(name, &self.templates));
        let wrong: Vec<_> = targets.filter_map(Result::err).collect();
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(wrong.into())
        }
    }

    /// From now on, nobody gets a host that the run has to lock and has not locked.
    pub(super) fn lock_with(&self, locks: Arc<Locks>) {
        // There is one run, and it does so once.
        let _ = self.locks.set(locks);
    }

    fn target(&self, name: &str) -> Result<Target, HostError> {
        let target = self
            .hosts
            .target(name, &self.templates)
            .map_err(|finding| HostError::Refused {
                host: name.to_owned(),
                what: "working out how to connect".to_owned(),
                why: finding.message,
            })?;
        if let Some(password) = &target.privileges.password {
            self.secrets
                .learn(password, &format!("the password of sudo on {name}"));
        }
        Ok(target)
    }

    /// Whatever the reason, a host that cannot be connected to was not reached: that is what decides the exit code.
    async fn connect(&self, name: &str) -> Result<Arc<dyn Host>, HostError> {
        let why = match self.connector.connect(&self.target(name)?).await {
            Ok(host) => return Ok(host),
            Err(ConnectError::UnknownHostKey(key)) => {
                self.unknown.get_or_init(|| self.unknown_keys(key)).await.clone()
            }
            Err(ConnectError::Unreachable { why, .. }) => why,
            // What becomes of it names the host and says that it is unreachable.
            Err(ConnectError::TimedOut { doing, limit, .. }) => {
                format!("{doing} did not finish within {limit:?}")
            }
            Err(error) => error.to_string(),
        };
        let host = name.to_owned();
        Err(HostError::Unreachable {
            host,
            why,
            sent: false,
        })
    }

    /// All host keys of the run that nobody knows: an operator compares and adds them in one go.
    async fn unknown_keys(&self, first: UnknownKey) -> String {
        let targets = self.names.iter().filter_map(|name| self.target(name).ok());
        let mut keys = self.connector.check_host_keys(&targets.collect::<Vec<_>>()).await;
        if !keys.iter().any(|key| key.line == first.line) {
            keys.insert(0, first);
        }
        let shown = keys.iter().map(|key| {
            format!(
                "  {} ({}): {} {}",
                key.host, key.filed_as, key.key_type, key.fingerprint
            )
        });
        let commands = keys.iter().map(|key| format!("  {}", key.add_command()));
        let lines: Vec<String> = [
            "these host keys are not known; compare each with what the host's console shows".to_owned(),
        ]
        .into_iter()
        .chain(shown)
        .chain([
            "(ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub), then add them, or give --host-keys accept-new:"
                .to_owned(),
        ])
        .chain(commands)
        .collect();
        lines.join("\n")
    }
}

#[async_trait]
impl Peers for Connections {
    async fn peer(&self, name: &str) -> Result<Arc<dyn Host>, HostError> {
        let slot = {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(open.entry(name.to_owned()).or_default())
        };
        // Whoever comes second waits for the first; a failure is not kept, the next one tries again.
        let host = slot
            .get_or_try_init(|| self.connect(name))
            .await
            .map(Arc::clone)?;
        if let Some(locks) = self.locks.get() {
            locks.admit(&host).await?;
        }
        Ok(host)
    }
}

/// What of this process's environment and options decides how hosts are reached.
fn settings(options: &Overrides) -> Result<Settings, CommandError> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let home = variable("HOME")
        .ok_or_else(|| CommandError::usage("HOME is not set: where are ~/.ssh/config and the keys?"))?;
    let user = variable("USER").or_else(|| variable("LOGNAME"));
    let user = user.map_or_else(|| "root".to_owned(), |user| user.to_string_lossy().into_owned());
    let mut settings = Settings::new(PathBuf::from(home), user);
    settings.agent = variable("SSH_AUTH_SOCK").map(PathBuf::from);
    settings.ask_passphrase = Some(Arc::new(ask_passphrase));
    settings.keepalive = options.keepalive.unwrap_or(settings.keepalive);
    Ok(settings)
}

fn ask_passphrase(key: &Path) -> Option<String> {
    rpassword::prompt_password(format!("Passphrase of {}: ", key.display())).ok()
}
