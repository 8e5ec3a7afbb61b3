//! Who the host is, and who we are: host keys, user keys, the agent, bastions.

use std::process::Command as Process;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nebplay_modules::host::Command;

use super::sshd::{Sshd, keygen};
use crate::transport::{ConnectError, Connector, HostKeyPolicy, Settings, Target};

async fn whoami(settings: Settings, target: &Target) -> Result<String, ConnectError> {
    let host = Connector::new(settings).unwrap().connect(target).await?;
    Ok(host
        .run(&Command::new(["id", "-un"]))
        .await
        .unwrap()
        .text()
        .trim()
        .to_owned())
}

#[tokio::test]
async fn host_keys() {
    let Some(sshd) = Sshd::start("") else { return };
    let target = sshd.target();
    let known = sshd.known_hosts();
    assert_eq!(whoami(sshd.settings(), &target).await.unwrap(), "root");
    // Known by the other key only: that one is asked for.
    sshd.trust("host_ecdsa");
    assert_eq!(whoami(sshd.settings(), &target).await.unwrap(), "root");
    // Hashed by OpenSSH itself.
    let hashed = Process::new("ssh-keygen")
        .args(["-q", "-H", "-f"])
        .arg(&known)
        .output()
        .unwrap();
    assert!(hashed.status.success());
    assert!(std::fs::read_to_string(&known).unwrap().starts_with("|1|"));
    assert_eq!(whoami(sshd.settings(), &target).await.unwrap(), "root");
    // Unknown: nothing is sent, and the command that adds it does.
    std::fs::write(&known, "").unwrap();
    let Err(ConnectError::UnknownHostKey(key)) = whoami(sshd.settings(), &target).await else {
        panic!()
    };
    let shown = Process::new("ssh-keygen")
        .arg("-lf")
        .arg(sshd.dir.path().join("host_ed25519.pub"))
        .output()
        .unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains(&key.fingerprint), "{shown} {}", key.fingerprint);
    let added = Process::new("sh")
        .args(["-c", &key.add_command()])
        .status()
        .unwrap();
    assert!(added.success());
    assert_eq!(whoami(sshd.settings(), &target).await.unwrap(), "root");
    // Changed, whatever the policy short of not looking.
    keygen(&sshd.dir.path().join("other"), "ed25519", "");
    sshd.trust("other");
    for policy in [HostKeyPolicy::Strict, HostKeyPolicy::AcceptNew] {
        let target = Target {
            host_keys: Some(policy),
            ..target.clone()
        };
        let error = whoami(sshd.settings(), &target).await.unwrap_err();
        assert!(matches!(error, ConnectError::ChangedHostKey { .. }), "{error}");
    }
    // Accepted once, known from then on.
    std::fs::remove_file(&known).unwrap();
    let accepting = Target {
        host_keys: Some(HostKeyPolicy::AcceptNew),
        ..target.clone()
    };
    assert_eq!(whoami(sshd.settings(), &accepting).await.unwrap(), "root");
    assert_eq!(whoami(sshd.settings(), &target).await.unwrap(), "root");
    // Revoked.
    let lines = std::fs::read_to_string(&known).unwrap();
    std::fs::write(&known, format!("{lines}@revoked {lines}")).unwrap();
    let error = whoami(sshd.settings(), &target).await.unwrap_err();
    assert!(matches!(error, ConnectError::RevokedHostKey { .. }), "{error}");
}

#[tokio::test]
async fn all_unknown_keys_at_once() {
    let (Some(one), Some(two)) = (Sshd::start(""), Sshd::start("")) else {
        return;
    };
    std::fs::write(one.known_hosts(), "").unwrap();
    let connector = Connector::new(one.settings()).unwrap();
    let second = Target {
        name: "fe2".to_owned(),
        ..two.target()
    };
    let found = connector
        .check_host_keys(&[one.target(), second, one.target()])
        .await;
    let names: Vec<&str> = found.iter().map(|key| key.host.as_str()).collect();
    assert_eq!(names, ["fe1", "fe2"]);
}

#[tokio::test]
async fn user_keys() {
    let Some(sshd) = Sshd::start("") else { return };
    let authorize = |name: &str| {
        let public = sshd.dir.path().join(name).with_extension("pub");
        std::fs::copy(public, sshd.dir.path().join("authorized_keys")).unwrap();
    };
    let with_key = |name: &str| Target {
        private_key: Some(sshd.dir.path().join(name)),
        ..sshd.target()
    };
    for (name, key_type, passphrase) in [
        ("e", "ed25519", ""),
        ("c", "ecdsa", ""),
        ("r", "rsa", ""),
        ("locked", "ed25519", "open sesame"),
    ] {
        keygen(&sshd.dir.path().join(name), key_type, passphrase);
        authorize(name);
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let mut settings = sshd.settings();
        settings.ask_passphrase = Some(Arc::new(move |_| {
            counter.fetch_add(1, Ordering::SeqCst);
            Some("open sesame".to_owned())
        }));
        let connector = Connector::new(settings).unwrap();
        for _ in 0..2 {
            let host = connector.connect(&with_key(name)).await.unwrap();
            assert_eq!(
                host.run(&Command::new(["id", "-un"])).await.unwrap().text(),
                "root\n",
                "{key_type}"
            );
        }
        assert_eq!(
            asked.load(Ordering::SeqCst),
            usize::from(!passphrase.is_empty()),
            "asked once for all hosts"
        );
    }
    // No or a wrong passphrase.
    let error = whoami(sshd.settings(), &with_key("locked")).await.unwrap_err();
    assert!(matches!(error, ConnectError::Passphrase { .. }), "{error}");
    let mut settings = sshd.settings();
    settings.ask_passphrase = Some(Arc::new(|_| Some("wrong".to_owned())));
    let error = whoami(settings, &with_key("locked"))
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("does not open it"), "{error}");
    // Not authorized.
    let error = whoami(sshd.settings(), &with_key("e")).await.unwrap_err();
    let ConnectError::AuthenticationRefused { tried, accepts, .. } = &error else {
        panic!("{error}")
    };
    assert!(tried[0].ends_with("/e (refused)"), "{tried:?}");
    assert_eq!(accepts, "publickey");
}

#[tokio::test]
async fn the_agent() {
    let Some(sshd) = Sshd::start("") else { return };
    let socket = sshd.dir.path().join("agent");
    let mut agent = Process::new("ssh-agent")
        .arg("-D")
        .arg("-a")
        .arg(&socket)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while !socket.exists() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let add = |key: &std::path::Path| {
        assert!(
            Process::new("ssh-add")
                .arg("-q")
                .arg(key)
                .env("SSH_AUTH_SOCK", &socket)
                .status()
                .unwrap()
                .success()
        );
    };
    keygen(&sshd.dir.path().join("stranger"), "ed25519", "");
    keygen(&sshd.dir.path().join("stranger2"), "rsa", "");
    let mine = sshd.home().join(".ssh/id_ed25519");
    add(&sshd.dir.path().join("stranger"));
    add(&mine);
    // One more after the right one: it must not be offered once we are in.
    add(&sshd.dir.path().join("stranger2"));
    std::fs::remove_file(&mine).unwrap();
    let settings = Settings {
        agent: Some(socket.clone()),
        ..sshd.settings()
    };
    assert_eq!(whoami(settings, &sshd.target()).await.unwrap(), "root");
    agent.kill().unwrap();
    agent.wait().unwrap();
    let gone = Settings {
        agent: Some(socket),
        ..sshd.settings()
    };
    let error = whoami(gone, &sshd.target()).await.unwrap_err();
    assert!(error.to_string().contains("agent ("), "{error}");
}

#[tokio::test]
async fn through_a_bastion() {
    let (Some(gate), Some(inner)) = (Sshd::start(""), Sshd::start("")) else {
        return;
    };
    // The operator's home is the gate's; the inner host is known there, and takes the same key.
    let both = [gate.known_hosts(), inner.known_hosts()]
        .map(|file| std::fs::read_to_string(file).unwrap())
        .concat();
    std::fs::write(gate.known_hosts(), both).unwrap();
    std::fs::copy(
        gate.dir.path().join("authorized_keys"),
        inner.dir.path().join("authorized_keys"),
    )
    .unwrap();
    let target = Target {
        proxy_jump: Some(format!("root@127.0.0.1:{}", gate.port)),
        ..inner.target()
    };
    let host = Connector::new(gate.settings())
        .unwrap()
        .connect(&target)
        .await
        .unwrap();
    let port = host
        .run(&Command::script("echo ${SSH_CONNECTION##* }", [""; 0]))
        .await
        .unwrap()
        .text();
    assert_eq!(port.trim(), inner.port.to_string());
    let bytes = vec![5_u8; 4_000_000];
    let output = host
        .run(&Command::new(["cat"]).stdin(bytes.clone()))
        .await
        .unwrap();
    assert!(output.stdout == bytes);
    // The bastion's key counts, too.
    inner.trust("host_ed25519");
    let connector = Connector::new(inner.settings()).unwrap();
    let unknown = connector.check_host_keys(std::slice::from_ref(&target)).await;
    assert_eq!(unknown.len(), 1);
    assert_eq!(unknown[0].filed_as, format!("[127.0.0.1]:{}", gate.port));
}

#[tokio::test]
async fn unreachable_and_timed_out_are_told_apart() {
    let Some(sshd) = Sshd::start("") else { return };
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let error = whoami(
        sshd.settings(),
        &Target {
            port: Some(closed),
            ..sshd.target()
        },
    )
    .await
    .unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
    // It listens and says nothing.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = mute.local_addr().unwrap().port();
    let target = Target {
        port: Some(port),
        connect_timeout: Duration::from_millis(300),
        ..sshd.target()
    };
    let error = whoami(sshd.settings(), &target).await.unwrap_err();
    assert!(matches!(error, ConnectError::TimedOut { .. }), "{error}");
    let nameless = Target {
        address: "no-such-host.invalid".to_owned(),
        ..sshd.target()
    };
    let error = whoami(sshd.settings(), &nameless).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
}
