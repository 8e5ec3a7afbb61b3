//! Handshake and authentication, on the thread that will own the session. Blocking, with a deadline on every wait.

use std::cell::Cell;
use std::path::Path;
use std::time::Instant;

use ssh2::{ErrorCode, Session};

use super::wire::Socket;
use super::{host_key, keys};
use crate::transport::error::ConnectError;
use crate::transport::keyring::Keyring;
use crate::transport::known_hosts::{self, KnownHosts};
use crate::transport::route::Hop;

/// LIBSSH2_ERROR_TIMEOUT and LIBSSH2_ERROR_SOCKET_TIMEOUT.
const TIMEOUTS: [i32; 2] = [-9, -30];
/// LIBSSH2_ERROR_AUTHENTICATION_FAILED and LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED: the host said no.
const REFUSALS: [i32; 2] = [-18, -19];

/// What logging in takes, beside the hop.
pub(in crate::transport) struct Means<'a> {
    pub(in crate::transport) known: &'a KnownHosts,
    pub(in crate::transport) agent: Option<&'a Path>,
    pub(in crate::transport) keyring: &'a Keyring,
}

/// A login under way.
struct Login<'a> {
    session: Session,
    hop: &'a Hop,
    /// When it has to be done; the time that an operator takes to type a passphrase does not count.
    deadline: Cell<Instant>,
    tried: Vec<String>,
}

/// Agrees on keys with the host and checks who it is.
pub(super) fn handshake(socket: Socket, hop: &Hop, known: &KnownHosts) -> Result<Session, ConnectError> {
    let deadline = Instant::now() + hop.timeout;
    Login::handshake(socket, hop, known, deadline).map(|login| login.session)
}

/// Logs in.
pub(super) fn log_in(socket: Socket, hop: &Hop, means: &Means<'_>) -> Result<Session, ConnectError> {
    let deadline = Instant::now() + hop.timeout;
    let mut login = Login::handshake(socket, hop, means.known, deadline)?;
    login.authenticate(means)?;
    Ok(login.session)
}

impl<'a> Login<'a> {
    fn handshake(
        socket: Socket,
        hop: &'a Hop,
        known: &KnownHosts,
        deadline: Instant,
    ) -> Result<Self, ConnectError> {
        let unreachable = |error: ssh2::Error| ConnectError::Unreachable {
            host: hop.name.clone(),
            why: format!("no SSH session could be set up: {}", error.message()),
        };
        let session = Session::new().map_err(unreachable)?;
        let mut login = Self {
            session,
            hop,
            deadline: Cell::new(deadline),
            tried: Vec::new(),
        };
        let name = known_hosts::filed_as(&hop.address, hop.port);
        host_key::prefer(&login.session, known, &name).map_err(unreachable)?;
        match socket {
            Socket::Tcp(socket) => login.session.set_tcp_stream(socket),
            Socket::Pair(socket) => login.session.set_tcp_stream(socket),
        }
        login.arm();
        login
            .session
            .handshake()
            .map_err(|error| login.broken("the SSH handshake", &error))?;
        host_key::check(&login.session, known, hop)?;
        Ok(login)
    }

    /// Gives the next wait the time that is left.
    fn arm(&self) {
        let left = self.deadline.get().saturating_duration_since(Instant::now());
        let millis = u32::try_from(left.as_millis()).unwrap_or(u32::MAX);
        // Zero would mean: wait for ever.
        self.session.set_timeout(millis.max(1));
    }

    fn broken(&self, doing: &str, error: &ssh2::Error) -> ConnectError {
        let host = self.hop.name.clone();
        match error.code() {
            ErrorCode::Session(code) if TIMEOUTS.contains(&code) => ConnectError::TimedOut {
                host,
                doing: doing.to_owned(),
                limit: self.hop.timeout,
            },
            _ => ConnectError::Unreachable {
                host,
                why: format!("{doing} failed: {}", error.message()),
            },
        }
    }

    /// Offers what there is: keys that need no passphrase, the agent's, then keys that need one.
    ///
    /// The host is asked how one may log in only when these were not enough: mostly that saves a round trip.
    fn authenticate(&mut self, means: &Means<'_>) -> Result<(), ConnectError> {
        let keys: Vec<keys::KeyFile> = self
            .hop
            .keys
            .iter()
            .filter_map(|path| keys::KeyFile::look(path))
            .collect();
        let agent = means
            .agent
            .and_then(|socket| match keys::Agent::open(&self.session, socket) {
                Ok(agent) => Some(agent),
                Err(why) => {
                    self.tried.push(format!("agent ({why})"));
                    None
                }
            });
        for key in keys.iter().filter(|key| !key.encrypted) {
            if self.offer_file(key, None)? {
                return Ok(());
            }
        }
        if let Some(agent) = &agent
            && self.offer_agent(agent, &keys)?
        {
            return Ok(());
        }
        self.arm();
        let accepts = match self.session.auth_methods(&self.hop.user) {
            Ok(methods) => methods.to_owned(),
            // "none" was accepted.
            Err(_) if self.session.authenticated() => return Ok(()),
            // After as many tries as it allows, a host may hang up at this question, too.
            Err(_) if !self.tried.is_empty() => "it did not say".to_owned(),
            Err(error) => return Err(self.broken("asking how to log in", &error)),
        };
        for key in keys.iter().filter(|key| key.encrypted) {
            if self.offer_locked(key, means.keyring)? {
                return Ok(());
            }
        }
        Err(ConnectError::AuthenticationRefused {
            host: self.hop.name.clone(),
            user: self.hop.user.clone(),
            tried: std::mem::take(&mut self.tried),
            accepts,
        })
    }

    fn offer_file(&mut self, key: &keys::KeyFile, passphrase: Option<&str>) -> Result<bool, ConnectError> {
        self.arm();
        let offered = self
            .session
            .userauth_pubkey_file(&self.hop.user, None, &key.path, passphrase);
        self.outcome(offered, &key.path.display().to_string())
    }

    fn offer_agent(&mut self, agent: &keys::Agent, files: &[keys::KeyFile]) -> Result<bool, ConnectError> {
        let only_keys = self.hop.only_keys;
        let wanted =
            |blob: &[u8]| !only_keys || files.iter().any(|file| file.public.as_deref() == Some(blob));
        for identity in agent.identities.iter().filter(|identity| wanted(identity.blob())) {
            self.arm();
            let outcome = agent.agent.userauth(&self.hop.user, identity);
            if self.outcome(outcome, &format!("agent key {}", identity.comment()))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Offers a key that needs a passphrase, which is asked for once for all hosts.
    fn offer_locked(&mut self, key: &keys::KeyFile, keyring: &Keyring) -> Result<bool, ConnectError> {
        let refuse = |why: &str| ConnectError::Passphrase {
            host: self.hop.name.clone(),
            key: key.path.clone(),
            why: why.to_owned(),
        };
        let asked = Instant::now();
        let passphrase = keyring.passphrase(&key.path);
        self.deadline.set(self.deadline.get() + asked.elapsed());
        let Some(passphrase) = passphrase else {
            return Err(refuse("none was given"));
        };
        self.arm();
        let offered = self
            .session
            .userauth_pubkey_file(&self.hop.user, None, &key.path, Some(&passphrase));
        if let Err(error) = &offered
            && matches!(error.code(), ErrorCode::Session(-16 | -48))
        {
            keyring.forget(&key.path);
            return Err(refuse("the passphrase given does not open it"));
        }
        self.outcome(offered, &key.path.display().to_string())
    }

    /// Notes what came of one offer; only a broken connection is an error.
    fn outcome(&mut self, result: Result<(), ssh2::Error>, what: &str) -> Result<bool, ConnectError> {
        match result {
            Ok(()) => Ok(true),
            Err(error) => {
                match error.code() {
                    ErrorCode::Session(code) if REFUSALS.contains(&code) => {
                        self.tried.push(format!("{what} (refused)"));
                    }
                    ErrorCode::Session(code) if TIMEOUTS.contains(&code) => {
                        return Err(self.broken("logging in", &error));
                    }
                    // LIBSSH2_ERROR_SOCKET_SEND, _SOCKET_DISCONNECT, _SOCKET_RECV: too many tries end so.
                    ErrorCode::Session(-7 | -13 | -43) => {
                        let tried = if self.tried.is_empty() {
                            String::new()
                        } else {
                            format!(" after {}", self.tried.join(", "))
                        };
                        return Err(ConnectError::Unreachable {
                            host: self.hop.name.clone(),
                            why: format!("it hung up while {what} was offered{tried}"),
                        });
                    }
                    _ => self.tried.push(format!("{what} ({})", error.message())),
                }
                Ok(false)
            }
        }
    }
}
