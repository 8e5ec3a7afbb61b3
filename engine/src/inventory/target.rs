//! From a host's connection variables to where it is and how to get in.

use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;
use serde_json::Value;

use super::{Inventory, LOCALHOST};
use crate::diagnostics::{Finding, Span, suggest};
use crate::playbook::Vars;
use crate::transport::{HostKeyPolicy, Kind, Privileges, Target};
use crate::yaml::Node;

/// Seconds to connect, unless something else is said.
const CONNECT_TIMEOUT: u64 = 10;

/// What the command line says about connections. As in Ansible, a variable of the inventory wins over an option, and an
/// extra variable (`-e ansible_user=…`) over both.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `-c`.
    pub kind: Option<Kind>,
    /// `-u`.
    pub user: Option<String>,
    /// `--private-key`.
    pub private_key: Option<PathBuf>,
    /// What `-K` asked for.
    pub become_password: Option<String>,
    /// `--host-key-checking`.
    pub host_keys: Option<HostKeyPolicy>,
    /// `--timeout`.
    pub connect_timeout: Option<Duration>,
    /// `--keepalive`.
    pub keepalive: Option<Duration>,
    /// `-e`.
    pub extra: Vars,
}

/// Renders a value that is a template.
pub type Render<'a> = &'a dyn Fn(&Node) -> Result<Value, Finding>;

/// The connection variables of one host.
struct Variables<'a> {
    extra: &'a Vars,
    host: &'a Vars,
    render: Render<'a>,
}

impl Variables<'_> {
    /// The first of these variables that is there and not empty, as text.
    fn text(&self, names: &[&str]) -> Result<Option<(String, Span)>, Finding> {
        let layers = [self.extra, self.host];
        let found = layers
            .iter()
            .find_map(|vars| names.iter().find_map(|name| vars.get(*name)));
        let Some(node) = found else { return Ok(None) };
        let rendered = match node.as_str() {
            Some(text) if node.tag.is_none() && !text.contains("{{") && !text.contains("{%") => {
                (!node.is_null()).then(|| text.to_owned())
            }
            _ => match (self.render)(node)? {
                Value::Null => None,
                Value::String(text) => Some(text),
                value @ (Value::Bool(_) | Value::Number(_)) => Some(value.to_string()),
                Value::Array(_) | Value::Object(_) => {
                    return Err(Finding::at(
                        &node.span,
                        format!("`{}` is text", names[0]),
                        format!("this is {}", node.kind()),
                    ));
                }
            },
        };
        Ok(rendered
            .filter(|text| !text.is_empty())
            .map(|text| (text, node.span.clone())))
    }
}

impl Inventory {
    /// Where a host is and how to get in, from its connection variables. `render` is asked for those that are templates.
    pub fn target(&self, name: &str, overrides: &Overrides, render: Render<'_>) -> Result<Target, Finding> {
        let nothing = IndexMap::new();
        let variables = Variables {
            extra: &overrides.extra,
            host: self.host_vars(name).unwrap_or(&nothing),
            render,
        };
        let text = |names: &[&str]| Ok::<_, Finding>(variables.text(names)?.map(|(text, _)| text));
        refuse_unsupported(&variables)?;
        let arguments = ssh_arguments(&variables)?;
        let address = text(&["ansible_host", "ansible_ssh_host"])?;
        // Whoever means another machine by that name says where it is; a play on it may say `connection: local`.
        let is_here = name == LOCALHOST && address.is_none();
        let usual = if is_here { Kind::Local } else { Kind::Ssh };
        Ok(Target {
            name: name.to_owned(),
            kind: kind(&variables)?.or(overrides.kind).unwrap_or(usual),
            address: address.unwrap_or_else(|| name.to_owned()),
            port: number(
                &variables,
                &["ansible_port", "ansible_ssh_port"],
                "is a port: 1 to 65535",
            )?,
            user: text(&["ansible_user", "ansible_ssh_user"])?.or_else(|| overrides.user.clone()),
            private_key: text(&["ansible_ssh_private_key_file", "ansible_private_key_file"])?
                .map(PathBuf::from)
                .or_else(|| overrides.private_key.clone()),
            privileges: Privileges {
                password: text(&[
                    "ansible_become_password",
                    "ansible_become_pass",
                    "ansible_sudo_pass",
                ])?
                .or_else(|| overrides.become_password.clone()),
            },
            host_keys: host_keys(&variables)?
                .or(arguments.host_keys)
                .or(overrides.host_keys),
            proxy_jump: arguments.proxy_jump,
            connect_timeout: number(
                &variables,
                &["ansible_ssh_timeout", "ansible_timeout"],
                "is a number of seconds",
            )?
            .map(|seconds: u16| Duration::from_secs(seconds.into()))
            .or(overrides.connect_timeout)
            .unwrap_or(Duration::from_secs(CONNECT_TIMEOUT)),
        })
    }
}

fn kind(variables: &Variables<'_>) -> Result<Option<Kind>, Finding> {
    let Some((kind, span)) = variables.text(&["ansible_connection"])? else {
        return Ok(None);
    };
    match kind.as_str() {
        "ssh" | "smart" | "paramiko" | "paramiko_ssh" | "libssh" | "ansible.netcommon.libssh" => {
            Ok(Some(Kind::Ssh))
        }
        "local" => Ok(Some(Kind::Local)),
        other => {
            let help = suggest(other, ["ssh", "local"])
                .unwrap_or_else(|| "nebplay knows `ssh` and `local`".to_owned());
            Err(Finding::at(&span, format!("there is no connection `{other}`"), "unknown").help(help))
        }
    }
}

fn number<T: TryFrom<u64> + Default + PartialEq>(
    variables: &Variables<'_>,
    names: &[&str],
    expected: &str,
) -> Result<Option<T>, Finding> {
    let Some((text, span)) = variables.text(names)? else {
        return Ok(None);
    };
    let number = text
        .parse::<u64>()
        .ok()
        .and_then(|number| T::try_from(number).ok());
    match number.filter(|number| *number != T::default()) {
        Some(number) => Ok(Some(number)),
        None => Err(Finding::at(&span, format!("`{}` {expected}", names[0]), "")),
    }
}

/// Says no to what Ansible can and nebplay cannot, instead of connecting in another way than was asked for.
fn refuse_unsupported(variables: &Variables<'_>) -> Result<(), Finding> {
    if let Some((_, span)) =
        variables.text(&["ansible_password", "ansible_ssh_pass", "ansible_ssh_password"])?
    {
        return Err(Finding::at(
            &span,
            "nebplay logs in with keys and agents, not with passwords",
            "",
        )
        .help("ssh-copy-id USER@HOST installs your key; the password of sudo is ansible_become_password"));
    }
    if let Some((method, span)) = variables.text(&["ansible_become_method"])?
        && method != "sudo"
    {
        return Err(Finding::at(
            &span,
            format!("nebplay becomes another user by sudo, not by {method}"),
            "",
        ));
    }
    Ok(())
}

fn host_keys(variables: &Variables<'_>) -> Result<Option<HostKeyPolicy>, Finding> {
    let named = variables.text(&["ansible_host_key_checking", "ansible_ssh_host_key_checking"])?;
    named.map(|(text, span)| policy(&text, &span)).transpose()
}

fn policy(text: &str, span: &Span) -> Result<HostKeyPolicy, Finding> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" | "ask" | "1" => Ok(HostKeyPolicy::Strict),
        "accept-new" => Ok(HostKeyPolicy::AcceptNew),
        "no" | "false" | "off" | "0" => Ok(HostKeyPolicy::Off),
        _ => Err(Finding::at(
            span,
            "host keys are checked `yes`, `accept-new` or `no`",
            "",
        )),
    }
}

/// What is understood of OpenSSH's options.
#[derive(Default)]
struct SshArguments {
    proxy_jump: Option<String>,
    host_keys: Option<HostKeyPolicy>,
}

/// `-J JUMP`, `-o ProxyJump=JUMP` and `-o StrictHostKeyChecking=…`: what else is in there belongs to `~/.ssh/config`.
fn ssh_arguments(variables: &Variables<'_>) -> Result<SshArguments, Finding> {
    let mut understood = SshArguments::default();
    for name in [
        "ansible_ssh_common_args",
        "ansible_ssh_extra_args",
        "ansible_ssh_args",
    ] {
        let Some((text, span)) = variables.text(&[name])? else {
            continue;
        };
        let text = text.replace(['"', '\''], "");
        let mut words = text.split_whitespace();
        while let Some(word) = words.next() {
            let (option, value) = match word {
                "-J" | "-o" => (&word[..2], words.next()),
                _ if word.starts_with("-J") || word.starts_with("-o") => (&word[..2], Some(&word[2..])),
                // How OpenSSH shares and keeps connections is no matter for who doesn't use it.
                "-C" | "-q" => continue,
                other => return Err(not_understood(name, other, &span)),
            };
            let value = value.unwrap_or_default();
            let (key, value) = match option {
                "-J" => ("proxyjump".to_owned(), value),
                _ => value
                    .split_once('=')
                    .map_or((value.to_ascii_lowercase(), ""), |(key, value)| {
                        (key.to_ascii_lowercase(), value)
                    }),
            };
            match key.as_str() {
                "proxyjump" => understood.proxy_jump = Some(value.to_owned()),
                "stricthostkeychecking" => understood.host_keys = Some(policy(value, &span)?),
                "controlmaster"
                | "controlpersist"
                | "controlpath"
                | "serveraliveinterval"
                | "serveralivecountmax"
                | "preferredauthentications"
                | "batchmode"
                | "loglevel" => {}
                other => return Err(not_understood(name, other, &span)),
            }
        }
    }
    Ok(understood)
}

fn not_understood(variable: &str, option: &str, span: &Span) -> Finding {
    Finding::at(span, format!("`{option}` in `{variable}` is not understood"), "")
        .help("-J and -o ProxyJump=, StrictHostKeyChecking= are; put the rest into ~/.ssh/config, which nebplay reads")
}
