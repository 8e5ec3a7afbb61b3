//! Commands: the same cases over SSH and on this machine.

use std::sync::Arc;

use nebplay_modules::host::{Command, Exit, Host, HostError, RunAs};

use super::sshd::{Sshd, local};

/// Both kinds of host; the sshd lives as long as its host is used.
pub(super) async fn hosts() -> (Vec<Arc<dyn Host>>, Option<Sshd>) {
    let sshd = Sshd::start("");
    let mut hosts = vec![local().await];
    if let Some(sshd) = &sshd {
        hosts.push(sshd.connect().await);
    }
    (hosts, sshd)
}

pub(super) fn sh(script: &str) -> Command {
    Command::script(script, Vec::<String>::new())
}

#[tokio::test]
async fn words_arrive_as_they_are() {
    let words = [
        "plain",
        "",
        " ",
        "a b",
        "'",
        "\"",
        "$HOME",
        "`id`",
        "$(id)",
        "\\",
        "new\nline",
        "tab\t",
        "*",
        "~",
        "-n",
        "--",
        "a=b",
        "\u{e9}\u{1F600}",
        "!",
        "#",
        "';exit 7;'",
        "\r",
        "\u{7}",
        "%s",
    ];
    let (hosts, _sshd) = hosts().await;
    for host in &hosts {
        let argv = ["printf", r"%s\0"].into_iter().chain(words);
        let output = host.run(&Command::new(argv)).await.unwrap();
        let printed: Vec<&str> = std::str::from_utf8(&output.stdout)
            .unwrap()
            .split_terminator('\0')
            .collect();
        assert_eq!(printed, words, "{}", host.name());
        assert_eq!(output.exit, Exit::Code(0));
    }
}

#[tokio::test]
async fn every_byte_comes_back() {
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let (hosts, _sshd) = hosts().await;
    for host in &hosts {
        let output = host
            .run(&Command::new(["cat"]).stdin(bytes.clone()))
            .await
            .unwrap();
        assert!(
            output.stdout == bytes,
            "{}: {} bytes",
            host.name(),
            output.stdout.len()
        );
        let all = r#"for i in 0 1 2 3; do for j in 0 1 2 3 4 5 6 7; do for k in 0 1 2 3 4 5 6 7; do printf "\\$i$j$k"; done; done; done"#;
        let output = host.run(&sh(all)).await.unwrap();
        assert_eq!(output.stdout, (0..=255).collect::<Vec<u8>>(), "{}", host.name());
        let output = host
            .run(&sh("printf 'no newline'; printf err >&2; exit 3"))
            .await
            .unwrap();
        assert_eq!(
            (output.text(), output.err_text(), output.exit),
            ("no newline".into(), "err".into(), Exit::Code(3))
        );
    }
}

#[tokio::test]
async fn three_megabytes_on_stderr_do_not_block() {
    let (hosts, _sshd) = hosts().await;
    for host in &hosts {
        let output = host
            .run(&sh(
                "head -c 3000000 /dev/zero >&2; head -c 3000000 /dev/zero; echo end >&2",
            ))
            .await
            .unwrap();
        assert_eq!(
            (output.stdout.len(), output.stderr.len()),
            (3_000_000, 3_000_004),
            "{}",
            host.name()
        );
    }
}

#[tokio::test]
async fn ends_are_told_apart() {
    let (hosts, _sshd) = hosts().await;
    for host in &hosts {
        for (script, exit) in [
            ("true", Exit::Code(0)),
            ("exit 255", Exit::Code(255)),
            ("exit 130", Exit::Code(130)),
            ("kill -KILL $$", Exit::Signal(9)),
            ("kill -TERM $$", Exit::Signal(15)),
        ] {
            // What reads input has a channel of its own, whose end the SSH server tells; of a shell's command the shell does.
            let alone = sh(script).stdin(b"".to_vec());
            assert_eq!(
                host.run(&alone).await.unwrap().exit,
                exit,
                "{script} on {}",
                host.name()
            );
            let shared = host.run(&sh(script)).await.unwrap().exit;
            let told = matches!(exit, Exit::Signal(signal) if shared.shell_signal() == Some(signal));
            assert!(shared == exit || told, "{script} on {}: {shared}", host.name());
        }
        let absent = host.run(&Command::new(["/no/such/program"])).await.unwrap();
        assert_eq!(absent.exit, Exit::Code(127), "{}", host.name());
    }
}

#[tokio::test]
async fn environment_and_directory() {
    let (hosts, _sshd) = hosts().await;
    for host in &hosts {
        let command = Command::new(["sh", "-c", "echo \"$A|$PWD\""])
            .env("A", "it's\n$HOME")
            .chdir("/usr/bin");
        assert_eq!(
            host.run(&command).await.unwrap().text(),
            "it's\n$HOME|/usr/bin\n",
            "{}",
            host.name()
        );
        let bare = Command::new(["env"]).env("SECRET", "s").clear_env();
        let text = host.run(&bare).await.unwrap().text();
        let names: Vec<&str> = text.lines().filter_map(|line| line.split('=').next()).collect();
        assert!(names.contains(&"SECRET") && names.contains(&"PATH"), "{text}");
        assert!(
            !names.contains(&"HOME") && !names.contains(&"SSH_CONNECTION"),
            "{text}"
        );
        let nowhere = host
            .run(&Command::new(["true"]).chdir("/no/such"))
            .await
            .unwrap_err();
        assert!(matches!(nowhere, HostError::Refused { .. }), "{nowhere}");
        for broken in [
            Command::new(["true"]).env("A B", ""),
            Command::new(["true", "a\0b"]),
            Command::new(Vec::<String>::new()),
            Command::new(["true"]).run_as(RunAs::User("-x".into())),
        ] {
            assert!(
                matches!(host.run(&broken).await, Err(HostError::Refused { .. })),
                "{broken:?}"
            );
        }
    }
}

#[tokio::test]
async fn secrets_are_in_nobodys_arguments() {
    let look =
        r#"for p in /proc/[0-9]*; do tr '\0' ' ' <"$p/cmdline" 2>/dev/null; echo; done; echo "$S" | wc -c"#;
    let (hosts, _sshd) = hosts().await;
    for host in &hosts {
        for command in [sh(look), sh(look).clear_env(), sh(look).as_root()] {
            let output = host.run(&command.env("S", "geheim-4711")).await.unwrap();
            assert!(output.text().ends_with("12\n"), "{}", output.err_text());
            assert!(!output.text().contains("geheim-4711"), "{}", host.name());
        }
    }
}

#[tokio::test]
async fn another_user_from_root() {
    let (hosts, sshd) = hosts().await;
    if sshd.is_none() {
        return;
    }
    for host in &hosts {
        let command = sh("id -un; echo \"$HOME $USER\"; cat")
            .run_as(RunAs::User("nobody".into()))
            .stdin("in");
        let text = host.run(&command).await.unwrap().text();
        assert!(
            text.starts_with("nobody\n") && text.ends_with("nobody\nin"),
            "{text}"
        );
        let who = host.run(&Command::new(["id", "-un"]).as_root()).await.unwrap();
        assert_eq!(who.text(), "root\n");
        let unknown = host
            .run(&Command::new(["true"]).run_as(RunAs::User("no-such-user".into())))
            .await;
        let error = unknown.unwrap_err().to_string();
        assert!(error.contains("becoming no-such-user"), "{error}");
    }
}
