//! From an inventory host to the hops that lead to it: inventory first, then `~/.ssh/config`, then OpenSSH's defaults.

use std::path::PathBuf;
use std::time::Duration;

use super::error::ConnectError;
use super::settings::Settings;
use super::ssh_config::SshConfig;
use super::target::{HostKeyPolicy, Target};

/// One SSH server to log in to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hop {
    /// Inventory name of the host at the end of the route, for messages; a bastion names itself too.
    pub(super) name: String,
    pub(super) address: String,
    pub(super) port: u16,
    pub(super) user: String,
    /// Key files to offer, in order.
    pub(super) keys: Vec<PathBuf>,
    /// The agent may offer only these keys.
    pub(super) only_keys: bool,
    /// Files to read known keys from; new ones are added to the first.
    pub(super) known_hosts: Vec<PathBuf>,
    pub(super) policy: HostKeyPolicy,
    pub(super) timeout: Duration,
}

/// The hops to a host: bastions first, the host itself last.
pub(super) fn hops(
    target: &Target,
    settings: &Settings,
    config: &SshConfig,
) -> Result<Vec<Hop>, ConnectError> {
    let unsupported = |why: String| ConnectError::Unsupported {
        host: target.name.clone(),
        why,
    };
    let host = config.of(&target.address);
    let jump = target.proxy_jump.clone().or_else(|| host.proxy_jump.clone());
    if jump.is_none()
        && let Some(command) = host.proxy_command.as_deref().filter(|command| *command != "none")
    {
        return Err(unsupported(format!(
            "ProxyCommand {command} of ~/.ssh/config is not supported: use ProxyJump"
        )));
    }
    let mut hops = Vec::new();
    match jump.as_deref() {
        None | Some("none" | "") => {}
        Some(list) if list.contains(',') => {
            return Err(unsupported(format!(
                "ProxyJump {list} names several hosts: only one is supported"
            )));
        }
        Some(jump) => {
            let (user, address, port) = split_jump(jump)
                .ok_or_else(|| unsupported(format!("ProxyJump {jump} is no [user@]host[:port]")))?;
            let bastion = Target {
                name: format!("{} (through {address})", target.name),
                address: address.to_owned(),
                port,
                user: user.map(str::to_owned),
                proxy_jump: None,
                ..target.clone()
            };
            // The bastion's own ProxyJump would be a second one.
            hops.push(hop(&bastion, settings, config));
        }
    }
    hops.push(hop(target, settings, config));
    Ok(hops)
}

fn hop(target: &Target, settings: &Settings, config: &SshConfig) -> Hop {
    let host = config.of(&target.address);
    let mut keys: Vec<PathBuf> = target
        .private_key
        .iter()
        .cloned()
        .chain(host.identity_files)
        .collect();
    if keys.is_empty() {
        let folder = settings.home.join(".ssh");
        keys = ["id_ed25519", "id_ecdsa", "id_rsa"]
            .map(|name| folder.join(name))
            .to_vec();
    }
    let mut known_hosts = host.known_hosts.unwrap_or_else(|| {
        let folder = settings.home.join(".ssh");
        vec![folder.join("known_hosts"), folder.join("known_hosts2")]
    });
    known_hosts.extend(settings.extra_known_hosts.iter().cloned());
    known_hosts.push(PathBuf::from("/etc/ssh/ssh_known_hosts"));
    Hop {
        name: target.name.clone(),
        address: host.host_name.unwrap_or_else(|| target.address.clone()),
        port: target.port.or(host.port).unwrap_or(22),
        user: target
            .user
            .clone()
            .or(host.user)
            .unwrap_or_else(|| settings.user.clone()),
        keys,
        only_keys: host.identities_only,
        known_hosts,
        policy: target.host_keys.or(host.host_keys).unwrap_or(settings.host_keys),
        timeout: target.connect_timeout,
    }
}

/// `[user@]host[:port]`, the host in brackets if it is an IPv6 address; or `ssh://…`.
fn split_jump(jump: &str) -> Option<(Option<&str>, &str, Option<u16>)> {
    let jump = jump.strip_prefix("ssh://").unwrap_or(jump);
    let (user, place) = match jump.rsplit_once('@') {
        Some((user, place)) => (Some(user), place),
        None => (None, jump),
    };
    let (address, port) = match place.strip_prefix('[') {
        Some(bracketed) => {
            let (address, after) = bracketed.split_once(']')?;
            (address, after.strip_prefix(':'))
        }
        None => match place.split_once(':') {
            Some((address, port)) => (address, Some(port)),
            None => (place, None),
        },
    };
    if address.is_empty() || user.is_some_and(str::is_empty) {
        return None;
    }
    let port = match port {
        Some(port) => Some(port.parse().ok()?),
        None => None,
    };
    Some((user, address, port))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::transport::target::{Kind, Privileges};

    fn target() -> Target {
        Target {
            name: "master".to_owned(),
            kind: Kind::Ssh,
            address: "fe1".to_owned(),
            port: None,
            user: None,
            private_key: None,
            privileges: Privileges::default(),
            host_keys: None,
            proxy_jump: None,
            connect_timeout: Duration::from_secs(10),
        }
    }

    fn route(target: &Target, config: &str) -> Result<Vec<Hop>, ConnectError> {
        let config = SshConfig::from_text(config, Path::new("/home/op")).unwrap();
        hops(target, &Settings::new("/home/op", "op"), &config)
    }

    #[test]
    fn inventory_then_config_then_defaults() {
        let plain = route(&target(), "").unwrap().remove(0);
        assert_eq!(
            (plain.address.as_str(), plain.port, plain.user.as_str()),
            ("fe1", 22, "op")
        );
        assert_eq!(plain.keys[0], Path::new("/home/op/.ssh/id_ed25519"));
        assert_eq!(plain.policy, HostKeyPolicy::Strict);

        let config = "Host fe1\nHostName 10.0.0.1\nPort 2222\nUser root\nStrictHostKeyChecking accept-new\nIdentityFile /k\n";
        let hop = route(&target(), config).unwrap().remove(0);
        assert_eq!(
            (hop.address.as_str(), hop.port, hop.user.as_str()),
            ("10.0.0.1", 2222, "root")
        );
        assert_eq!(
            (hop.policy, hop.keys.as_slice()),
            (HostKeyPolicy::AcceptNew, [PathBuf::from("/k")].as_slice())
        );

        let explicit = Target {
            port: Some(23),
            user: Some("admin".to_owned()),
            host_keys: Some(HostKeyPolicy::Strict),
            private_key: Some(PathBuf::from("/mine")),
            ..target()
        };
        let hop = route(&explicit, config).unwrap().remove(0);
        assert_eq!(
            (hop.port, hop.user.as_str(), hop.policy),
            (23, "admin", HostKeyPolicy::Strict)
        );
        assert_eq!(hop.keys, [Path::new("/mine"), Path::new("/k")]);
    }

    #[test]
    fn one_bastion() {
        let through = |jump: &str| {
            route(
                &Target {
                    proxy_jump: Some(jump.to_owned()),
                    ..target()
                },
                "Host gate\nPort 2200\n",
            )
        };
        let hops = through("op2@gate").unwrap();
        assert_eq!(
            (hops[0].address.as_str(), hops[0].port, hops[0].user.as_str()),
            ("gate", 2200, "op2")
        );
        assert_eq!(hops[1].address, "fe1");
        assert_eq!(through("[fd00::1]:22").unwrap()[0].address, "fd00::1");
        assert_eq!(through("none").unwrap().len(), 1);
        assert!(through("a,b").unwrap_err().to_string().contains("several"));
        assert!(through("gate:ssh").is_err());
        assert!(
            route(&target(), "Host *\nProxyCommand nc %h %p\n")
                .unwrap_err()
                .to_string()
                .contains("ProxyCommand")
        );
        assert_eq!(route(&target(), "Host *\nProxyJump gate\n").unwrap().len(), 2);
    }
}
