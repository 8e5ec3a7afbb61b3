//! Connects to hosts: by the inventory, `~/.ssh/config`, known hosts, keys and the agent.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use nebplay_modules::host::{Clock, Host};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::clock::SystemClock;
use super::error::{ConnectError, UnknownKey};
use super::keyring::Keyring;
use super::known_hosts::KnownHosts;
use super::launch::Account;
use super::local::LocalLink;
use super::machine::Machine;
use super::pipe::PIPE_SIZE;
use super::route::{self, Hop};
use super::settings::Settings;
use super::ssh::{self, Dialled, Fault, Handle, Request, SshLink, Tunnel};
use super::ssh_config::SshConfig;
use super::target::{Kind, Target};

/// Connects to hosts. Clones share passphrases and settings.
#[derive(Clone)]
pub struct Connector(Arc<Shared>);

struct Shared {
    settings: Settings,
    config: SshConfig,
    keyring: Arc<Keyring>,
    clock: Arc<dyn Clock>,
}

impl Connector {
    /// A connector with these settings. The error names a line of `~/.ssh/config` that makes no sense.
    pub fn new(settings: Settings) -> Result<Self, String> {
        Self::with_clock(settings, Arc::new(SystemClock::default()))
    }

    /// The same with another clock.
    pub fn with_clock(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, String> {
        let config = SshConfig::read(&settings.config_files, &settings.home)?;
        let keyring = Arc::new(Keyring::new(settings.ask_passphrase.clone()));
        Ok(Self(Arc::new(Shared {
            settings,
            config,
            keyring,
            clock,
        })))
    }

    /// Connects to a host and logs in.
    pub async fn connect(&self, target: &Target) -> Result<Arc<dyn Host>, ConnectError> {
        let clock = Arc::clone(&self.0.clock);
        match target.kind {
            Kind::Local => {
                let account = Self::account(target, &self.0.settings.user);
                let link = LocalLink::new(account.clone());
                Ok(Arc::new(Machine { account, link, clock }))
            }
            Kind::Ssh => {
                let (account, session) = self.open(target).await?;
                let link = SshLink::new(self.clone(), target.clone(), account.clone(), session);
                Ok(Arc::new(Machine { account, link, clock }))
            }
        }
    }

    /// Which of these hosts show a key that nobody knows: all of them at once, so that the operator adds them in one go.
    ///
    /// Hosts that cannot be reached, and those with other troubles, are left out: connecting to them will say why.
    /// Behind a bastion whose key is not known, only the bastion's is found.
    pub async fn check_host_keys(&self, targets: &[Target]) -> Vec<UnknownKey> {
        let mut looks = tokio::task::JoinSet::new();
        for (index, target) in targets.iter().enumerate() {
            let (connector, target) = (self.clone(), target.clone());
            looks.spawn(async move { (index, connector.look_at_key(&target).await) });
        }
        let mut found = BTreeMap::new();
        while let Some(look) = looks.join_next().await {
            if let Ok((index, Err(ConnectError::UnknownHostKey(key)))) = look {
                found.insert(index, key);
            }
        }
        let mut keys: Vec<UnknownKey> = Vec::new();
        for key in found.into_values() {
            if !keys
                .iter()
                .any(|known| known.line == key.line && known.file == key.file)
            {
                keys.push(key);
            }
        }
        keys
    }

    async fn look_at_key(&self, target: &Target) -> Result<(), ConnectError> {
        if target.kind == Kind::Local {
            return Ok(());
        }
        let mut hops = route::hops(target, &self.0.settings, &self.0.config)?;
        let Some(last) = hops.pop() else { return Ok(()) };
        let dialled = self.dial(&hops, &last, target).await?;
        let known = Self::known(&last)?;
        ssh::look_at_key(dialled, last, known).await
    }

    /// Opens a session with a host, through its bastion if it has one.
    pub(super) async fn open(&self, target: &Target) -> Result<(Account, Handle), ConnectError> {
        let mut hops = route::hops(target, &self.0.settings, &self.0.config)?;
        let last = hops.pop().ok_or_else(|| ConnectError::Unsupported {
            host: target.name.clone(),
            why: "there is no way to it".to_owned(),
        })?;
        let dialled = self.dial(&hops, &last, target).await?;
        let account = Self::account(target, &last.user);
        let handle = self.log_in(dialled, last, account.clone()).await?;
        Ok((account, handle))
    }

    fn account(target: &Target, login: &str) -> Account {
        Account {
            host: target.name.clone(),
            login: login.to_owned(),
            password: target.privileges.password.clone(),
        }
    }

    async fn log_in(&self, dialled: Dialled, hop: Hop, account: Account) -> Result<Handle, ConnectError> {
        let known = Self::known(&hop)?;
        let Settings { agent, keepalive, .. } = &self.0.settings;
        ssh::open(
            dialled,
            hop,
            account,
            known,
            agent.clone(),
            Arc::clone(&self.0.keyring),
            *keepalive,
        )
        .await
    }

    /// Read anew for every connection: a key may have been added since, by us or by the operator.
    fn known(hop: &Hop) -> Result<Arc<KnownHosts>, ConnectError> {
        KnownHosts::read(hop.known_hosts.iter().map(PathBuf::as_path))
            .map(Arc::new)
            .map_err(|error| ConnectError::Unsupported {
                host: hop.name.clone(),
                why: error.to_string(),
            })
    }

    /// A connection to a hop, through those before it.
    async fn dial(&self, before: &[Hop], hop: &Hop, target: &Target) -> Result<Dialled, ConnectError> {
        let Some((bastion, before)) = before.split_last() else {
            return dial_tcp(hop).await.map(Dialled::Tcp);
        };
        let dialled = Box::pin(self.dial(before, bastion, target)).await?;
        let account = Self::account(target, &bastion.user);
        let session = self.log_in(dialled, bastion.clone(), account).await?;
        tunnel(session, hop).await.map(Dialled::Pair)
    }
}

/// Resolves the name and tries its addresses in order, within the hop's time.
async fn dial_tcp(hop: &Hop) -> Result<std::net::TcpStream, ConnectError> {
    let place = format!("{}:{}", hop.address, hop.port);
    let unreachable = |why: String| ConnectError::Unreachable {
        host: hop.name.clone(),
        why,
    };
    let connect = async {
        let found = tokio::net::lookup_host((hop.address.as_str(), hop.port)).await;
        let addresses: Vec<SocketAddr> = found
            .map_err(|error| unreachable(format!("{} does not resolve: {error}", hop.address)))?
            .collect();
        let mut failures = Vec::new();
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failures.push(format!("{address}: {error}")),
            }
        }
        Err(unreachable(if failures.is_empty() {
            format!("{} has no address", hop.address)
        } else {
            failures.join("; ")
        }))
    };
    let stream = tokio::time::timeout(hop.timeout, connect)
        .await
        .map_err(|_| ConnectError::TimedOut {
            host: hop.name.clone(),
            doing: format!("connecting to {place}"),
            limit: hop.timeout,
        })??;
    let prepare = || {
        stream.set_nodelay(true)?;
        let stream = stream.into_std()?;
        stream.set_nonblocking(false)?;
        Ok(stream)
    };
    prepare().map_err(|error: std::io::Error| unreachable(format!("{place}: {error}")))
}

/// A connection to `hop` as seen from the bastion. Its bytes go through a pair of sockets, because libssh2 wants a descriptor;
/// the bastion's session lives as long as they flow.
async fn tunnel(bastion: Handle, hop: &Hop) -> Result<UnixStream, ConnectError> {
    let unreachable = |why: String| ConnectError::Unreachable {
        host: hop.name.clone(),
        why,
    };
    let (near, far) = tokio::io::duplex(PIPE_SIZE);
    let (reader, writer) = tokio::io::split(far);
    let (answer, answered) = oneshot::channel();
    let deadline = hop.timeout.max(Duration::from_secs(1));
    bastion.submit(Request::Tunnel(Tunnel {
        address: hop.address.clone(),
        port: hop.port,
        reader: Box::new(reader),
        writer: Box::new(writer),
        deadline,
        answer,
    }));
    match answered.await {
        Ok(Ok(())) => {}
        Ok(Err(Fault::TimedOut)) => {
            return Err(ConnectError::TimedOut {
                host: hop.name.clone(),
                doing: format!("connecting to {}:{} from the bastion", hop.address, hop.port),
                limit: deadline,
            });
        }
        Ok(Err(Fault::Gone { why, .. })) => return Err(unreachable(format!("the bastion is gone: {why}"))),
        Ok(Err(Fault::Refused(why))) => {
            return Err(unreachable(format!(
                "from the bastion to {}:{}: {why}",
                hop.address, hop.port
            )));
        }
        // A tunnel prints nothing, so that this is only said of commands.
        Ok(Err(Fault::TooMuch)) | Err(_) => {
            return Err(unreachable("the bastion's session ended".to_owned()));
        }
    }
    let pair = || {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        Ok((tokio::net::UnixStream::from_std(ours)?, theirs))
    };
    let (mut ours, theirs) = pair().map_err(|error: std::io::Error| unreachable(error.to_string()))?;
    let mut near = near;
    tokio::spawn(async move {
        // Either end's failure ends the other's stream, which is all there is to say about it.
        let _ = tokio::io::copy_bidirectional(&mut near, &mut ours).await;
        drop(bastion);
    });
    Ok(theirs)
}
