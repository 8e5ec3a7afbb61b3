//! Sets up a session: connects, starts its thread, logs in there, and hands out the handle.

use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokio::sync::oneshot;

use super::actor::Actor;
use super::login::{self, Means};
use super::request::Handle;
use super::wire::{Bell, Socket, Wire};
use crate::transport::error::ConnectError;
use crate::transport::keyring::Keyring;
use crate::transport::known_hosts::KnownHosts;
use crate::transport::launch::Account;
use crate::transport::route::Hop;

/// A connection to an SSH server that nothing was said on yet.
pub(in crate::transport) enum Dialled {
    Tcp(TcpStream),
    /// Through a bastion.
    Pair(UnixStream),
}

impl From<Dialled> for Socket {
    fn from(dialled: Dialled) -> Self {
        match dialled {
            Dialled::Tcp(stream) => Self::Tcp(stream),
            Dialled::Pair(stream) => Self::Pair(stream),
        }
    }
}

/// Logs in over this connection; the session lives on a thread of its own until the last handle is dropped.
pub(in crate::transport) async fn open(
    dialled: Dialled,
    hop: Hop,
    account: Account,
    known: Arc<KnownHosts>,
    agent: Option<PathBuf>,
    keyring: Arc<Keyring>,
    keepalive: Duration,
) -> Result<Handle, ConnectError> {
    let (ready, opened) = oneshot::channel();
    let name = hop.name.clone();
    let serve = move || {
        let means = Means {
            known: &known,
            agent: agent.as_deref(),
            keyring: &keyring,
        };
        match start(dialled.into(), &hop, account, &means, keepalive) {
            Ok((handle, actor)) => {
                // Whoever asked may have gone; then the handle is dropped with the message, and the actor ends at once.
                drop(ready.send(Ok(handle)));
                actor.serve();
            }
            Err(error) => drop(ready.send(Err(error))),
        }
    };
    let thread = std::thread::Builder::new()
        .name(format!("ssh {name}"))
        .spawn(serve);
    let lost = |why: String| ConnectError::Unreachable {
        host: name.clone(),
        why,
    };
    thread.map_err(|error| lost(format!("no thread for its session: {error}")))?;
    opened
        .await
        .map_err(|_| lost("its session's thread ended early".to_owned()))?
}

fn start(
    socket: Socket,
    hop: &Hop,
    account: Account,
    means: &Means<'_>,
    keepalive: Duration,
) -> Result<(Handle, Actor), ConnectError> {
    let local = |error: std::io::Error| ConnectError::Unreachable {
        host: hop.name.clone(),
        why: format!("setting up on this side failed: {error}"),
    };
    let watched = socket.try_clone().map_err(local)?;
    let session = login::log_in(socket, hop, means)?;
    let (bell, ear) = Bell::new().map_err(local)?;
    let (requests, inbox) = mpsc::channel();
    let waker = bell.waker();
    let wire = Wire::new(session, watched, ear, keepalive);
    let alive = Arc::new(AtomicBool::new(true));
    let actor = Actor::new(wire, waker, account, inbox, Arc::clone(&alive));
    Ok((Handle::new(requests, bell, alive), actor))
}

/// Looks only at the host's key, and judges it.
pub(in crate::transport) async fn look_at_key(
    dialled: Dialled,
    hop: Hop,
    known: Arc<KnownHosts>,
) -> Result<(), ConnectError> {
    let name = hop.name.clone();
    let look = move || login::handshake(dialled.into(), &hop, &known).map(drop);
    tokio::task::spawn_blocking(look).await.unwrap_or_else(|error| {
        Err(ConnectError::Unreachable {
            host: name,
            why: format!("looking at its key failed: {error}"),
        })
    })
}
