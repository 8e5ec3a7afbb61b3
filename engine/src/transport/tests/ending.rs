//! Commands that end before they are done: late, unwanted, or too many at once.

use std::sync::Arc;
use std::time::Duration;

use nebplay_modules::host::{Command, Host, HostError};

use super::running::{hosts, sh};
use super::sshd::Sshd;

/// Whether a process with this word among its arguments lives; zombies have none.
async fn lives(host: &dyn Host, word: &str) -> bool {
    let script = r#"for p in /proc/[0-9]*; do grep -aq -- "$1" "$p/cmdline" 2>/dev/null && [ "${p#/proc/}" != $$ ] && exit 0; done; exit 1"#;
    // The word is cut in two, so that the search does not find itself.
    let (head, tail) = word.split_at(3);
    let command = Command::script(&script.replace("$1", "$1$2"), [head, tail]);
    host.run(&command).await.unwrap().exit.success()
}

async fn dies(host: &dyn Host, word: &str) -> bool {
    for _ in 0..100 {
        if !lives(host, word).await {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

/// A command that ignores TERM, with a child and a grandchild in the same group.
fn stubborn(seconds: &str) -> Command {
    sh(&format!(
        "trap '' TERM; sleep {seconds} & (sleep {seconds}; true) & sleep {seconds}; true"
    ))
}

#[tokio::test]
async fn a_deadline_kills_the_whole_group() {
    let (hosts, _sshd) = hosts().await;
    for (index, host) in hosts.iter().enumerate() {
        let seconds = format!("98765{index}1");
        let command = stubborn(&seconds).deadline(Duration::from_millis(700));
        let error = host.run(&command).await.unwrap_err();
        assert!(matches!(error, HostError::TimedOut { .. }), "{error}");
        assert!(dies(&**host, &seconds).await, "{}", host.name());
        assert_eq!(
            host.run(&sh("echo still here")).await.unwrap().text(),
            "still here\n"
        );
    }
}

#[tokio::test]
async fn a_command_that_prints_without_end_is_ended() {
    // A host that has something to say all the time is still judged, and others are heard.
    let (hosts, _sshd) = hosts().await;
    for (index, host) in hosts.iter().enumerate() {
        let words = [format!("98763{index}1"), format!("98763{index}2")];
        // In the shell that stays, and on a channel of its own.
        let commands = [
            sh(&format!("yes {}", words[0])),
            sh(&format!("yes {} >&2", words[1])).stdin(Vec::new()),
        ];
        for (command, word) in commands.iter().zip(&words) {
            let error = host.run(command).await.unwrap_err().to_string();
            assert!(error.contains("printed more than 64 MB"), "{error}");
            assert!(dies(&**host, word).await, "{}", host.name());
        }
        // It ended by itself, and before anybody could end it.
        let error = host.run(&sh("head -c 5000000 /dev/zero")).await.unwrap_err();
        assert!(error.to_string().contains("printed more than 64 MB"), "{error}");
        assert_eq!(
            host.run(&sh("echo still here")).await.unwrap().text(),
            "still here\n"
        );
    }
}

#[tokio::test]
async fn a_dropped_request_is_killed() {
    let (hosts, _sshd) = hosts().await;
    for (index, host) in hosts.iter().enumerate() {
        let seconds = format!("98764{index}2");
        let command = stubborn(&seconds);
        let cancelled = tokio::time::timeout(Duration::from_millis(700), host.run(&command)).await;
        assert!(cancelled.is_err());
        assert!(dies(&**host, &seconds).await, "{}", host.name());
        assert_eq!(
            host.run(&sh("echo still here")).await.unwrap().text(),
            "still here\n"
        );
    }
}

/// Every other one takes input, and so a channel of its own.
fn numbered(number: usize) -> Command {
    let command = sh(&format!("sleep 0.05; cat; echo {number}"));
    if number.is_multiple_of(2) {
        command
    } else {
        command.stdin("")
    }
}

#[tokio::test]
async fn more_at_once_than_the_host_allows() {
    for sessions in [10, 3, 1] {
        let Some(sshd) = Sshd::start(&format!("MaxSessions {sessions}")) else {
            return;
        };
        let host = sshd.connect().await;
        let mut running = tokio::task::JoinSet::new();
        for number in 0..25 {
            let host = Arc::clone(&host);
            running.spawn(async move { host.run(&numbered(number)).await.unwrap().text() });
        }
        let mut texts: Vec<usize> = running
            .join_all()
            .await
            .iter()
            .map(|text| text.trim().parse().unwrap())
            .collect();
        texts.sort_unstable();
        assert_eq!(texts, (0..25).collect::<Vec<_>>());
    }
}
