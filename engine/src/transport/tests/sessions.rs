//! What a login brings along, and a session that is lost.

use std::time::Duration;

use nebplay_modules::host::HostError;

use super::running::sh;
use super::sshd::Sshd;

#[tokio::test]
async fn a_noisy_login_is_tolerated() {
    let Some(sshd) = Sshd::start("SetEnv PATH=/usr/bin:/bin") else {
        return;
    };
    let noisy = sshd.dir.path().join("noisy");
    std::fs::write(
        &noisy,
        "#!/bin/sh\necho Welcome; echo Mind the gap >&2\neval \"$SSH_ORIGINAL_COMMAND\"\n",
    )
    .unwrap();
    let config = sshd.dir.path().join("sshd_config");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("ForceCommand sh {}\n{text}", noisy.display())).unwrap();
    let mut sshd = sshd;
    sshd.cut();
    sshd.restart();
    let host = sshd.connect().await;
    let output = host.run(&sh("echo out; echo err >&2")).await.unwrap();
    assert_eq!(
        (output.text(), output.err_text()),
        ("out\n".to_owned(), "err\n".to_owned())
    );
}

#[tokio::test]
async fn a_lost_connection_is_had_again_while_idle() {
    let Some(mut sshd) = Sshd::start("") else { return };
    let host = sshd.connect().await;
    assert_eq!(host.run(&sh("echo 1")).await.unwrap().text(), "1\n");
    sshd.cut_connections();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(host.run(&sh("echo 2")).await.unwrap().text(), "2\n");
    // In the middle of a request it is told, and not done twice.
    let running = sh("sleep 5; echo 3");
    let (cut, ()) = tokio::join!(host.run(&running), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        sshd.cut();
    });
    let error = cut.unwrap_err();
    assert!(
        matches!(error, HostError::Unreachable { sent: true, .. }),
        "{error}"
    );
    let error = host.run(&sh("echo 4")).await.unwrap_err();
    assert!(
        matches!(error, HostError::Unreachable { sent: false, .. }),
        "{error}"
    );
    sshd.restart();
    assert_eq!(host.run(&sh("echo 5")).await.unwrap().text(), "5\n");
}
