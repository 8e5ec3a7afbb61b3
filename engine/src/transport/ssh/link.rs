//! The link of a host over SSH: its session, had again when it was lost while idle.

use std::sync::Arc;

use async_trait::async_trait;
use nebplay_modules::host::{Command, Duplex};
use tokio::sync::{Mutex, oneshot};

use super::request::{Fault, Handle, Request, Run, Tunnel};
use crate::transport::connector::Connector;
use crate::transport::error::ConnectError;
use crate::transport::frame;
use crate::transport::launch::{self, Account};
use crate::transport::machine::{Link, Pending};
use crate::transport::pipe::{Drain, Feed, PIPE_SIZE};
use crate::transport::{TUNNEL_TIMEOUT, Target};

/// How a host is reached over SSH.
pub(in crate::transport) struct SshLink {
    connector: Connector,
    target: Target,
    account: Account,
    session: Mutex<Option<Arc<Handle>>>,
}

impl SshLink {
    pub(in crate::transport) fn new(
        connector: Connector,
        target: Target,
        account: Account,
        session: Handle,
    ) -> Self {
        Self {
            connector,
            target,
            account,
            session: Mutex::new(Some(Arc::new(session))),
        }
    }

    /// The session, connecting if there is none. Callers that come meanwhile wait for the same one.
    async fn session(&self) -> Result<Arc<Handle>, Fault> {
        let mut session = self.session.lock().await;
        if let Some(session) = &*session
            && session.alive()
        {
            return Ok(Arc::clone(session));
        }
        let (_, opened) = self.connector.open(&self.target).await.map_err(unreached)?;
        Ok(Arc::clone(session.insert(Arc::new(opened))))
    }
}

fn unreached(error: ConnectError) -> Fault {
    let why = match &error {
        ConnectError::Unreachable { why, .. } => why.clone(),
        other => other.to_string(),
    };
    Fault::Gone { why, sent: false }
}

#[async_trait]
impl Link for SshLink {
    async fn start(&self, command: &Command, feed: Feed, drain: Drain) -> Result<Pending, Fault> {
        let session = self.session().await?;
        let launch =
            launch::command(&self.account, command).map_err(|error| Fault::Refused(error.to_string()))?;
        let (answer, answered) = oneshot::channel();
        let way = self.account.way(&command.run_as);
        // A pipe may be slow, and a shell must not wait for one.
        let body = match drain {
            Drain::Answer | Drain::Watched(_) | Drain::Shown(_) => frame::body(command),
            Drain::Pipe(_) => None,
        };
        let run = Run {
            launch,
            body,
            way,
            feed,
            drain,
            deadline: command.deadline,
            answer,
        };
        // A session that ended this very moment drops the request, which reads as "gone, not sent".
        session.submit(Request::Run(run));
        Ok(Pending {
            answer: answered,
            guard: Some(Box::new(session.ring_on_drop())),
        })
    }

    async fn connect(&self, address: &str, port: u16) -> Result<Box<dyn Duplex>, Fault> {
        let session = self.session().await?;
        let (ours, theirs) = tokio::io::duplex(PIPE_SIZE);
        let (reader, writer) = tokio::io::split(theirs);
        let (answer, answered) = oneshot::channel();
        session.submit(Request::Tunnel(Tunnel {
            address: address.to_owned(),
            port,
            reader: Box::new(reader),
            writer: Box::new(writer),
            deadline: TUNNEL_TIMEOUT,
            answer,
        }));
        let _guard = session.ring_on_drop();
        let lost = Fault::Gone {
            why: "its session ended".to_owned(),
            sent: false,
        };
        answered.await.unwrap_or(Err(lost))?;
        Ok(Box::new(ours))
    }
}
