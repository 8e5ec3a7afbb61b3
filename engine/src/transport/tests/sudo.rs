//! sudo, played by a script that behaves like it: a real one would need an account on this machine.

use std::sync::Arc;

use nebplay_modules::host::{Command, Host, HostError};

use super::sshd::Sshd;
use crate::transport::connector::Connector;
use crate::transport::machine::Machine;
use crate::transport::ssh::SshLink;
use crate::transport::{Privileges, SystemClock, Target};

/// Asks up to three times, as sudo does, and notes every attempt; with an empty password in `free` it does not ask.
const SUDO: &str = r#"#!/bin/sh
here=${0%/*} ask=yes
while [ "$1" != -- ]; do
  case $1 in -n) ask=no;; -p) prompt=$2; shift;; -u) user=$2; shift;; esac; shift
done; shift
[ -e "$here/free" ] && exec "$@"
[ $ask = yes ] || { echo "sudo: a password is required" >&2; exit 1; }
echo "We trust you have received the usual lecture." >&2
for try in 1 2 3; do
  printf '%s' "$prompt" >&2
  read -r given || { echo "sudo: no password was provided" >&2; exit 1; }
  echo "$given" >>"$here/attempts"
  [ "$given" = sesame ] && exec "$@"
  echo "Sorry, try again." >&2
done
exit 1
"#;

/// A host that we log in to as somebody who is not root, as far as the transport knows.
async fn host(sshd: &Sshd, password: Option<&str>) -> Arc<dyn Host> {
    let privileges = Privileges {
        password: password.map(str::to_owned),
    };
    let target = Target {
        privileges,
        ..sshd.target()
    };
    let connector = Connector::new(sshd.settings()).unwrap();
    let (mut account, session) = connector.open(&target).await.unwrap();
    account.login = "operator".to_owned();
    let link = SshLink::new(connector, target, account.clone(), session);
    let clock = Arc::new(SystemClock::default());
    Arc::new(Machine { account, link, clock })
}

fn start() -> Option<Sshd> {
    let bin = tempfile::tempdir().unwrap().keep();
    let sudo = bin.join("sudo");
    std::fs::write(&sudo, SUDO).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&sudo, mode).unwrap();
    let sshd = Sshd::start(&format!("SetEnv PATH={}:/usr/bin:/bin", bin.display()))?;
    std::fs::write(sshd.dir.path().join("bin"), bin.display().to_string()).unwrap();
    Some(sshd)
}

fn bin(sshd: &Sshd) -> std::path::PathBuf {
    std::fs::read_to_string(sshd.dir.path().join("bin"))
        .unwrap()
        .into()
}

fn attempts(sshd: &Sshd) -> String {
    std::fs::read_to_string(bin(sshd).join("attempts")).unwrap_or_default()
}

async fn run(host: &dyn Host, command: Command) -> Result<String, HostError> {
    host.run(&command.as_root())
        .await
        .map(|output| output.text() + &output.err_text())
}

#[tokio::test]
async fn the_right_password() {
    let Some(sshd) = start() else { return };
    let host = host(&sshd, Some("sesame")).await;
    let said = Command::script("echo out; echo err >&2", [""; 0]);
    assert_eq!(run(&*host, said.clone()).await.unwrap(), "out\nerr\n");
    assert_eq!(run(&*host, said).await.unwrap(), "out\nerr\n");
    assert_eq!(attempts(&sshd), "sesame\n", "asked once for the shell that stays");
    // What takes input has a channel, and a sudo, of its own; its input is not sudo's.
    assert_eq!(
        run(&*host, Command::new(["cat"]).stdin("input\n")).await.unwrap(),
        "input\n"
    );
    assert_eq!(attempts(&sshd), "sesame\nsesame\n");
}

#[tokio::test]
async fn a_wrong_password_is_tried_once() {
    let Some(sshd) = start() else { return };
    let host = host(&sshd, Some("wrong")).await;
    let commands = [
        Command::new(["true"]),
        Command::new(["cat"]).stdin("x"),
        Command::new(["id"]),
    ];
    let tries = commands.map(|command| {
        let host = Arc::clone(&host);
        tokio::spawn(async move { run(&*host, command).await })
    });
    for tried in tries {
        let error = tried.await.unwrap().unwrap_err();
        assert!(matches!(error, HostError::Refused { .. }), "{error}");
        assert!(error.to_string().contains("password"), "{error}");
        assert!(!error.to_string().contains("wrong\n"), "{error}");
    }
    assert!(run(&*host, Command::new(["true"])).await.is_err());
    assert_eq!(attempts(&sshd), "wrong\n");
    // Who needs no sudo is not held up.
    assert_eq!(
        host.run(&Command::new(["echo", "login"])).await.unwrap().text(),
        "login\n"
    );
}

#[tokio::test]
async fn a_password_that_is_not_asked_for_is_not_given() {
    let Some(sshd) = start() else { return };
    std::fs::write(bin(&sshd).join("free"), "").unwrap();
    for password in [Some("sesame"), None] {
        let host = host(&sshd, password).await;
        assert_eq!(
            run(&*host, Command::new(["cat"]).stdin("input")).await.unwrap(),
            "input"
        );
        assert_eq!(
            run(&*host, Command::new(["echo", "shell"])).await.unwrap(),
            "shell\n"
        );
    }
    assert_eq!(attempts(&sshd), "");
}

#[tokio::test]
async fn without_a_password_sudo_must_not_ask() {
    let Some(sshd) = start() else { return };
    let host = host(&sshd, None).await;
    for command in [Command::new(["true"]), Command::new(["cat"]).stdin("x")] {
        let error = run(&*host, command).await.unwrap_err().to_string();
        assert!(
            error.contains("becoming root by sudo")
                && error.contains("a password is required; give it with -K"),
            "{error}"
        );
    }
}
