//! Commands: the same cases over SSH and on this machine.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use nebplay_modules::host::{Command, Exit, FileKind, FileMeta, Host, HostError, Lines, RunAs};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::sshd::{Sshd, local};

/// Both kinds of host; the sshd lives as long as its host is used.
async fn hosts() -> (Vec<Arc<dyn Host>>, Option<Sshd>) {
    let sshd = Sshd::start("");
    let mut hosts = vec![local().await];
    if let Some(sshd) = &sshd {
        hosts.push(sshd.connect().await);
    }
    (hosts, sshd)
}

fn sh(script: &str) -> Command {
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

#[derive(Default)]
struct Heard(Mutex<Vec<(String, bool)>>);

impl Lines for Heard {
    fn line(&self, line: &str, stderr: bool) {
        self.0.lock().unwrap().push((line.to_owned(), stderr));
    }
}

#[tokio::test]
async fn lines_come_while_it_runs() {
    let (hosts, _sshd) = hosts().await;
    for host in &hosts {
        let heard = Heard::default();
        let output = host
            .stream(&sh("echo one; echo two >&2; printf three; exit 4"), &heard)
            .await
            .unwrap();
        assert_eq!(
            (output.exit, output.text()),
            (Exit::Code(4), "one\nthree".to_owned())
        );
        let mut heard = heard.0.into_inner().unwrap();
        heard.sort();
        let expected =
            [("one", false), ("three", false), ("two", true)].map(|(line, err)| (line.to_owned(), err));
        assert_eq!(heard, expected);
    }
}

#[tokio::test]
async fn bytes_stream_out_and_in() {
    let (hosts, _sshd) = hosts().await;
    for host in &hosts {
        let mut source = host
            .source(&sh("head -c 5000000 /dev/zero; echo said >&2; exit 2"))
            .await
            .unwrap();
        let mut bytes = Vec::new();
        source.stdout.read_to_end(&mut bytes).await.unwrap();
        let end = source.end.await.unwrap().unwrap();
        assert_eq!(
            (bytes.len(), end.exit, end.err_text()),
            (5_000_000, Exit::Code(2), "said\n".to_owned())
        );

        let mut sink = host.sink(&Command::new(["wc", "-c"])).await.unwrap();
        sink.stdin.write_all(&vec![7; 3_000_000]).await.unwrap();
        sink.stdin.shutdown().await.unwrap();
        assert_eq!(sink.end.await.unwrap().unwrap().text().trim(), "3000000");
    }
}

#[tokio::test]
async fn a_sink_that_vanishes_is_no_end_of_file() {
    let (hosts, _sshd) = hosts().await;
    for host in &hosts {
        let dir = tempfile::tempdir().unwrap();
        let done = dir.path().join("done").display().to_string();
        let mut sink = host
            .sink(&Command::script("cat >/dev/null; touch \"$1\"", [done]))
            .await
            .unwrap();
        sink.stdin.write_all(b"half of").await.unwrap();
        drop(sink.stdin);
        assert!(sink.end.await.unwrap().is_err(), "{}", host.name());
        assert!(
            !dir.path().join("done").exists(),
            "{} took a part for the whole",
            host.name()
        );
    }
}

#[tokio::test]
async fn files() {
    let (hosts, sshd) = hosts().await;
    if sshd.is_none() {
        return;
    }
    let login = RunAs::Login;
    for host in &hosts {
        let dir = tempfile::tempdir().unwrap();
        let path = dir
            .path()
            .join("it's a\nfile: No such file or directory")
            .display()
            .to_string();
        assert_eq!(host.read_file(&path, &login, 10).await.unwrap(), None);
        assert_eq!(host.stat(&path, &login).await.unwrap(), None);
        let content: Vec<u8> = (0..=255).cycle().take(70_000).collect();
        let private = FileMeta {
            mode: Some(0o600),
            owner: Some("nobody".into()),
            group: None,
        };
        host.write_file(&path, &content, &private, &login).await.unwrap();
        assert!(host.read_file(&path, &login, 70_000).await.unwrap().unwrap() == content);
        assert!(
            host.read_file(&path, &login, 69_999)
                .await
                .unwrap_err()
                .to_string()
                .contains("larger")
        );
        // What is there already is kept.
        host.write_file(&path, b"new", &FileMeta::default(), &login)
            .await
            .unwrap();
        let stat = host.stat(&path, &login).await.unwrap().unwrap();
        assert_eq!(
            (stat.kind, stat.size, stat.mode, stat.owner.as_str()),
            (FileKind::File, 3, 0o600, "nobody")
        );
        // A link stays one.
        let link = dir.path().join("link").display().to_string();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        host.write_file(&link, b"through the link", &FileMeta::default(), &login)
            .await
            .unwrap();
        let stat = host.stat(&link, &login).await.unwrap().unwrap();
        assert_eq!(
            (stat.kind, stat.target.as_deref()),
            (FileKind::Link, Some(path.as_str()))
        );
        assert_eq!(
            host.read_file(&path, &login, 99).await.unwrap().unwrap(),
            b"through the link"
        );
        // Refusals leave nothing behind.
        let folder = dir.path().display().to_string();
        for (bad, meta) in [
            (folder.clone(), FileMeta::default()),
            (format!("{folder}/none/file"), FileMeta::default()),
            (
                format!("{folder}/x"),
                FileMeta {
                    owner: Some("no-such-user".into()),
                    ..FileMeta::default()
                },
            ),
        ] {
            let error = host.write_file(&bad, b"x", &meta, &login).await.unwrap_err();
            assert!(matches!(error, HostError::Refused { .. }), "{error}");
        }
        assert!(host.read_file(&folder, &login, 10).await.is_err());
        let mut names: Vec<_> = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names.len(), 2, "{names:?}");
        // Somebody who may not look is told so, not that there is nothing.
        let nobody = RunAs::User("nobody".into());
        assert!(matches!(
            host.read_file(&path, &nobody, 10).await,
            Err(HostError::Refused { .. })
        ));
        assert!(host.stat("/proc/self", &login).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn connections_from_the_host() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = String::new();
            stream.read_to_string(&mut asked).await.unwrap();
            stream
                .write_all(format!("heard {}", asked.len()).as_bytes())
                .await
                .unwrap();
        }
    });
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let (hosts, _sshd) = hosts().await;
    for host in &hosts {
        for _ in 0..3 {
            let mut stream = host.connect("127.0.0.1", port).await.unwrap();
            stream.write_all(&vec![b'x'; 600_000]).await.unwrap();
            stream.shutdown().await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert_eq!(answer, "heard 600000", "{}", host.name());
        }
        let refused = host.connect("127.0.0.1", closed).await.err().unwrap().to_string();
        assert!(refused.to_lowercase().contains("connection refused"), "{refused}");
    }
    let Some(sshd) = Sshd::start("AllowTcpForwarding no") else {
        return;
    };
    let off = sshd
        .connect()
        .await
        .connect("127.0.0.1", port)
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(off.contains("AllowTcpForwarding"), "{off}");
}

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
