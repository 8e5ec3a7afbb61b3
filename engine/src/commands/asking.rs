//! Hosts as a command asks them that runs no playbook: all at once.

use std::future::Future;
use std::sync::Arc;

use nebplay_modules::host::{Host, HostError};
use nebplay_modules::module::Peers;
use tokio::runtime::Runtime;

use super::connections::Connections;
use super::error::CommandError;
use super::hosts::Hosts;
use crate::events::Secrets;
use crate::template::Templates;

/// Connections, and what drives them.
pub(super) struct Asking {
    runtime: Runtime,
    pub(super) connections: Arc<Connections>,
    pub(super) secrets: Arc<Secrets>,
}

/// What drives connections: hosts are waited for, and little is computed.
pub(super) fn runtime() -> Result<Runtime, CommandError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| CommandError::Io {
            doing: "start".to_owned(),
            error,
        })
}

impl Asking {
    /// Connects to nothing yet. `names` are the hosts that will be asked.
    pub(super) fn of(hosts: Hosts, names: Vec<String>) -> Result<Self, CommandError> {
        let runtime = runtime()?;
        let secrets = Arc::new(Secrets::default());
        hosts.tell_passwords(&secrets);
        let connections = Connections::new(Arc::new(hosts), Templates::new(), Arc::clone(&secrets), names)?;
        connections.check()?;
        Ok(Self {
            runtime,
            connections: Arc::new(connections),
            secrets,
        })
    }

    /// Waits for an answer.
    pub(super) fn wait<T>(&self, answer: impl Future<Output = T>) -> T {
        self.runtime.block_on(answer)
    }

    /// Asks each of them, all at once; the answers in the same order.
    pub(super) fn each<W, T, E, F>(
        &self,
        whom: impl IntoIterator<Item = (String, W)>,
        ask: impl Fn(Arc<dyn Host>, W) -> F + Clone + Send + 'static,
    ) -> Vec<(String, Result<T, E>)>
    where
        W: Send + 'static,
        T: Send + 'static,
        E: From<HostError> + Send + 'static,
        F: Future<Output = Result<T, E>> + Send,
    {
        let one = |(name, what): (String, W)| {
            let (connections, ask, host) = (Arc::clone(&self.connections), ask.clone(), name.clone());
            let answer = self.runtime.spawn(async move {
                let host = connections.peer(&host).await?;
                ask(host, what).await
            });
            (name, answer)
        };
        let under_way: Vec<_> = whom.into_iter().map(one).collect();
        self.wait(async {
            let mut answers = Vec::with_capacity(under_way.len());
            for (name, answer) in under_way {
                let answer = answer.await.unwrap_or_else(|error| {
                    Err(E::from(HostError::Refused {
                        host: name.clone(),
                        what: "asking it".to_owned(),
                        why: error.to_string(),
                    }))
                });
                answers.push((name, answer));
            }
            answers
        })
    }

    /// A connection that hangs must not hold up the end.
    pub(super) fn end(self) {
        self.runtime.shutdown_background();
    }
}
