//! The floor: ssh2 alone, a thread for each host, one `sh` that stays open, one round trip for each command.
//! It does nothing else: no inventory, no playbook, no checks, no output. Task by task, no host begins a command before all hosts
//! have ended the one before, as Ansible's strategy `linear` has it; otherwise each goes on for itself. In groups, the shell is bash and
//! each command a process group of its own, as nebplay needs them to end a command with all that it started: what that costs is the hosts'
//! work and not the controller's. At once, it acknowledges what the host says before its first command, which spares a wait of 40 ms (see
//! `transport/ssh/wire.rs`) and which ssh2 does not do by itself.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::linux::net::TcpStreamExt as _;
use std::path::PathBuf;
use std::sync::Barrier;

use ssh2::{MethodType, Session};

use crate::measure::Fallible;

/// See the module.
pub(crate) const TASK_BY_TASK: &str = "task-by-task";

/// See the module.
pub(crate) const IN_GROUPS: &str = "in-groups";

/// See the module.
pub(crate) const AT_ONCE: &str = "at-once";

/// `floor ORDER KEY COUNT COMMAND PORT…`; the order is [`TASK_BY_TASK`], [`IN_GROUPS`], [`AT_ONCE`], or any other word.
pub(crate) fn main(words: &[String]) -> Fallible<()> {
    let [order, key, count, command, ports @ ..] = words else {
        return Err("floor ORDER KEY COUNT COMMAND PORT…".into());
    };
    let ports = ports
        .iter()
        .map(|port| port.parse())
        .collect::<Result<Vec<u16>, _>>()?;
    let (program, command) = if order == IN_GROUPS {
        ("bash", format!("set -m; {command} </dev/null & wait $!"))
    } else {
        ("sh", format!("{command} </dev/null"))
    };
    let floor = &Floor {
        key: key.into(),
        count: count.parse()?,
        program,
        command,
        at_once: order == AT_ONCE,
        together: Barrier::new(if order == TASK_BY_TASK { ports.len() } else { 1 }),
    };
    std::thread::scope(|scope| {
        for port in ports {
            scope.spawn(move || {
                if let Err(error) = floor.host(port) {
                    eprintln!("floor: port {port}: {error}");
                    // The others may be waiting for it.
                    std::process::exit(1);
                }
            });
        }
    });
    Ok(())
}

struct Floor {
    key: PathBuf,
    count: usize,
    program: &'static str,
    command: String,
    at_once: bool,
    together: Barrier,
}

impl Floor {
    fn host(&self, port: u16) -> Fallible<()> {
        let mut session = Session::new()?;
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        session.set_tcp_stream(stream.try_clone()?);
        for method in [MethodType::CryptCs, MethodType::CryptSc] {
            session.method_pref(method, "aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes128-ctr")?;
        }
        session.handshake()?;
        session.userauth_pubkey_file("root", None, &self.key, None)?;
        if self.at_once {
            stream.set_quickack(true)?;
        }
        let mut shell = session.channel_session()?;
        shell.exec(self.program)?;
        let mut reply = vec![0; 4096];
        for number in 0..self.count {
            // Both streams are closed by a marker, as they must be for the end of a command to be known.
            let marker = format!("<{number}>");
            shell.write_all(
                format!("{}; echo '{marker}' $?; echo '{marker}' >&2\n", self.command).as_bytes(),
            )?;
            let mut said = Vec::new();
            while !said.ends_with(b"\n") || !String::from_utf8_lossy(&said).contains(&marker) {
                let length = shell.read(&mut reply)?;
                if length == 0 {
                    return Err("the shell ended".into());
                }
                said.extend_from_slice(&reply[..length]);
            }
            let length = shell.stderr().read(&mut reply)?;
            if length == 0 {
                return Err("the shell ended".into());
            }
            self.together.wait();
        }
        shell.send_eof()?;
        Ok(())
    }
}
