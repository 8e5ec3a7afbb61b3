//! The hosts of a run: each connected when it is first used, and kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use nebplay_modules::host::{Host, HostError};
use nebplay_modules::module::Peers;

use super::hosts::Hosts;
use crate::events::Secrets;
use crate::template::Templates;
use crate::transport::{ConnectError, Connector, Target};

/// A place for one host; locked while it is being connected, so that it is connected once.
type Slot = Arc<tokio::sync::Mutex<Option<Arc<dyn Host>>>>;

/// See the module.
pub(super) struct Connections {
    pub(super) connector: Connector,
    pub(super) hosts: Arc<Hosts>,
    pub(super) templates: Templates,
    pub(super) secrets: Arc<Secrets>,
    /// Every host of the plan: if one key is unknown, those of all of them are listed.
    pub(super) planned: Vec<String>,
    slots: Mutex<HashMap<String, Slot>>,
}

impl Connections {
    /// Nothing is connected yet.
    pub(super) fn new(
        connector: Connector,
        hosts: Arc<Hosts>,
        templates: Templates,
        secrets: Arc<Secrets>,
        planned: Vec<String>,
    ) -> Self {
        Self {
            connector,
            hosts,
            templates,
            secrets,
            planned,
            slots: Mutex::default(),
        }
    }

    fn target(&self, name: &str) -> Result<Target, HostError> {
        let target = self
            .hosts
            .target(name, &self.templates)
            .map_err(|finding| HostError::Refused {
                host: name.to_owned(),
                what: "find out how to reach it".to_owned(),
                why: match (finding.labels.first(), &finding.help) {
                    (Some((span, _)), _) => format!("{} ({})", finding.message, span.place()),
                    (None, Some(help)) => format!("{} ({help})", finding.message),
                    (None, None) => finding.message,
                },
            })?;
        if let Some(password) = &target.privileges.password {
            self.secrets
                .learn(password, &format!("sudo's password of {name}"));
        }
        Ok(target)
    }

    /// The commands that add the unknown keys of all planned hosts, so that the operator meets them once.
    async fn all_unknown_keys(&self) -> String {
        let targets: Vec<Target> = self
            .planned
            .iter()
            .filter_map(|name| self.target(name).ok())
            .collect();
        let keys = self.connector.check_host_keys(&targets).await;
        if keys.len() < 2 {
            return String::new();
        }
        let mut text = format!(
            "\nall {} keys that are not known; compare before you add them:",
            keys.len()
        );
        for key in keys {
            text.push_str(&format!(
                "\n  {} {} {}\n    {}",
                key.host,
                key.key_type,
                key.fingerprint,
                key.add_command()
            ));
        }
        text
    }
}

#[async_trait]
impl Peers for Connections {
    async fn peer(&self, name: &str) -> Result<Arc<dyn Host>, HostError> {
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(slots.entry(name.to_owned()).or_default())
        };
        let mut slot = slot.lock().await;
        if let Some(host) = slot.as_ref() {
            return Ok(Arc::clone(host));
        }
        let target = self.target(name)?;
        match self.connector.connect(&target).await {
            Ok(host) => {
                *slot = Some(Arc::clone(&host));
                Ok(host)
            }
            Err(error) => {
                let more = match &error {
                    ConnectError::UnknownHostKey(_) => self.all_unknown_keys().await,
                    _ => String::new(),
                };
                let mut error = HostError::from(error);
                if let HostError::Unreachable { why, .. } | HostError::Refused { why, .. } = &mut error {
                    why.push_str(&more);
                }
                Err(error)
            }
        }
    }
}
