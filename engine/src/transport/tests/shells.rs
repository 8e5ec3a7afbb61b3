//! The shells that stay: one round trip for a command, and nothing of one command in another's answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use nebplay_modules::host::{Command, Exit, Host, Lines, RunAs};

use super::sshd::Sshd;

fn sh(script: &str) -> Command {
    Command::script(script, [""; 0])
}

/// The shell that a command runs in.
async fn shell_of(host: &dyn Host, who: RunAs) -> String {
    host.run(&sh("echo $PPID").run_as(who)).await.unwrap().text()
}

#[tokio::test]
async fn one_shell_for_each_user() {
    let Some(sshd) = Sshd::start("") else { return };
    let host = sshd.connect().await;
    let nobody = RunAs::User("nobody".to_owned());
    let (root, other) = (
        shell_of(&*host, RunAs::Login).await,
        shell_of(&*host, nobody.clone()).await,
    );
    assert_ne!(root, other);
    assert_eq!(shell_of(&*host, RunAs::root()).await, root);
    assert_eq!(shell_of(&*host, nobody).await, other);
    // Its state is nobody's: neither variables nor directories go from one command to the next.
    host.run(&sh("cd /usr").env("LEAK", "1")).await.unwrap();
    assert_eq!(
        host.run(&sh("echo \"$PWD${LEAK-}\"")).await.unwrap().text(),
        "/root\n"
    );
}

/// The last line heard.
#[derive(Default)]
struct Last(Mutex<String>);

impl Lines for Last {
    fn line(&self, line: &str, _stderr: bool) {
        line.clone_into(&mut self.0.lock().unwrap());
    }
}

#[tokio::test]
async fn what_is_watched_needs_no_channel_of_its_own() {
    let Some(sshd) = Sshd::start("") else { return };
    let host = sshd.connect().await;
    let shell = shell_of(&*host, RunAs::Login).await;
    let heard = Last::default();
    let output = host.stream(&sh("echo one; echo $PPID"), &heard).await.unwrap();
    assert_eq!(output.text(), format!("one\n{shell}"));
    assert_eq!(*heard.0.lock().unwrap(), shell.trim_end());
    assert_eq!(shell_of(&*host, RunAs::Login).await, shell);
}

#[tokio::test]
async fn what_a_command_leaves_behind_is_not_the_next_ones() {
    let Some(sshd) = Sshd::start("") else { return };
    let host = sshd.connect().await;
    let before = shell_of(&*host, RunAs::Login).await;
    let leaves = sh("(for i in 1 2 3 4 5 6 7 8 9; do sleep 0.1; echo late; echo late >&2; done) & echo done");
    assert_eq!(host.run(&leaves).await.unwrap().text(), "done\n");
    for _ in 0..5 {
        let output = host
            .run(&sh("sleep 0.1; echo mine; echo mine >&2"))
            .await
            .unwrap();
        assert_eq!(
            (output.text(), output.err_text()),
            ("mine\n".to_owned(), "mine\n".to_owned())
        );
    }
    assert_ne!(
        shell_of(&*host, RunAs::Login).await,
        before,
        "that shell is not used again"
    );
}

#[tokio::test]
async fn a_command_that_ends_its_group_leaves_the_shell() {
    let Some(sshd) = Sshd::start("") else { return };
    let host = sshd.connect().await;
    let before = shell_of(&*host, RunAs::Login).await;
    assert_eq!(
        host.run(&sh("echo x; kill -9 0")).await.unwrap().exit,
        Exit::Code(137)
    );
    assert_eq!(shell_of(&*host, RunAs::Login).await, before);
}

#[tokio::test]
async fn a_shell_that_is_killed_is_replaced() {
    let Some(sshd) = Sshd::start("") else { return };
    let host = sshd.connect().await;
    let before = shell_of(&*host, RunAs::Login).await;
    let killed = host.run(&sh("kill -9 $PPID; sleep 0.2")).await;
    assert!(killed.is_err(), "its end cannot be known");
    assert_ne!(shell_of(&*host, RunAs::Login).await, before);
}

#[tokio::test]
async fn a_busy_shell_holds_nobody_up() {
    let Some(sshd) = Sshd::start("") else { return };
    let host = sshd.connect().await;
    let slow = {
        let host = Arc::clone(&host);
        tokio::spawn(async move { host.run(&sh("sleep 2; echo slow")).await.unwrap().text() })
    };
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(host.run(&sh("echo quick")).await.unwrap().text(), "quick\n");
    assert!(!slow.is_finished());
    assert_eq!(slow.await.unwrap(), "slow\n");
}

#[tokio::test]
async fn what_a_command_is_told_arrives_whatever_the_shell_reads_at_once() {
    let place = tempfile::tempdir().unwrap();
    for program in ["sh", "setsid", "cat", "head", "sleep"] {
        let found = ["/usr/bin", "/bin"].map(|directory| std::path::Path::new(directory).join(program));
        let found = found.iter().find(|path| path.exists()).unwrap();
        std::os::unix::fs::symlink(found, place.path().join(program)).unwrap();
    }
    let without_bash = format!("SetEnv PATH={}", place.path().display());
    for (extra, shell) in [("", "bash"), (without_bash.as_str(), "sh")] {
        let Some(sshd) = Sshd::start(extra) else { return };
        let host = sshd.connect().await;
        let name = host.run(&sh("read -r name </proc/$PPID/comm; echo $name")).await;
        assert_eq!(name.unwrap().text().trim_end(), shell);
        for word in [
            "short",
            "nebplay_take 9\nä € '\"'\n}\n",
            &"a\n".repeat(50_000),
            &"ä\n".repeat(30_000),
        ] {
            let command = Command::script("printf %s \"$1\"", [word]).env("WORD", word.replace('\n', ""));
            let output = host.run(&command).await.unwrap();
            assert!(output.text() == word, "{shell}: {} bytes", output.stdout.len());
        }
    }
}
