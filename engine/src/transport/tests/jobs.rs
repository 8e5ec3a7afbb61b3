//! Jobs: on this machine's own /var/lib/nebplay, under names of their own, forgotten at the end.

use std::sync::Mutex;
use std::time::Duration;

use nebplay_modules::host::{Clock, Command, Exit, Host, HostError, Lines, RunAs};
use nebplay_modules::job::{JobSpec, JobState};

use super::sshd::{Sshd, local};
use crate::transport::launch::Account;
use crate::transport::local::LocalLink;
use crate::transport::machine::Machine;

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Lines for Heard {
    fn line(&self, line: &str, _stderr: bool) {
        self.0.lock().unwrap().push(line.to_owned());
    }
    fn question(&self, question: &str) {
        self.0.lock().unwrap().push(format!("? {question}"));
    }
}

fn spec(what: &str, command: Command) -> JobSpec {
    JobSpec {
        name: format!("test-{what}-{}", std::process::id()),
        command,
    }
}

fn sh(script: &str) -> Command {
    Command::script(script, [""; 0])
}

async fn forget(host: &dyn Host, spec: &JobSpec) {
    host.forget_job(&spec.name).await.unwrap();
    assert_eq!(host.find_job(&spec.name).await.unwrap(), None);
}

#[tokio::test]
async fn started_once_and_followed_to_the_end() {
    let Some(sshd) = Sshd::start("") else { return };
    for host in [local().await, sshd.connect().await] {
        let script = "echo out; echo err >&2; echo \"$S\" | wc -c; id -un; sleep 0.5; printf last; exit 3";
        let command = sh(script)
            .env("S", "geheim")
            .run_as(RunAs::User("nobody".to_owned()));
        let spec = spec(&format!("once-{}", host.name()), command);
        let first = host.start_job(&spec).await.unwrap();
        assert!(first.fresh);
        assert_eq!(
            (first.state, first.digest.clone()),
            (JobState::Running, spec.digest())
        );
        let again = host.start_job(&spec).await.unwrap();
        assert!(!again.fresh);
        assert_eq!(again.started, first.started);
        let other = JobSpec {
            command: sh("echo another"),
            ..spec.clone()
        };
        let error = host.start_job(&other).await.unwrap_err();
        assert!(error.to_string().contains("another command"), "{error}");
        let heard = Heard::default();
        let end = host.follow_job(&spec.name, &heard).await.unwrap();
        assert_eq!(end.exit, Some(Exit::Code(3)));
        assert_eq!(String::from_utf8(end.stdout).unwrap(), "out\n7\nnobody\nlast");
        assert_eq!(end.stderr, b"err\n");
        let mut lines = heard.0.into_inner().unwrap();
        lines.sort();
        assert_eq!(lines, ["7", "err", "last", "nobody", "out"]);
        // Followed again, it tells the same.
        let end = host.follow_job(&spec.name, &Heard::default()).await.unwrap();
        assert_eq!((end.exit, end.stdout.len()), (Some(Exit::Code(3)), 17));
        let listed = host.list_jobs().await.unwrap();
        assert!(
            listed
                .iter()
                .any(|job| job.name == spec.name && job.state == JobState::Ended(3))
        );
        forget(&*host, &spec).await;
    }
}

#[tokio::test]
async fn a_job_outlives_the_connection() {
    let Some(mut sshd) = Sshd::start("") else { return };
    let host = sshd.connect().await;
    let spec = spec(
        "outlives",
        sh("for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.25; done"),
    );
    host.start_job(&spec).await.unwrap();
    let cut_off = Heard::default();
    let (end, ()) = tokio::join!(host.follow_job(&spec.name, &cut_off), async {
        tokio::time::sleep(Duration::from_millis(600)).await;
        sshd.cut();
    });
    let error = end.unwrap_err();
    assert!(matches!(error, HostError::Unreachable { .. }), "{error}");
    sshd.restart();
    let heard = Heard::default();
    let end = host.follow_job(&spec.name, &heard).await.unwrap();
    assert_eq!(
        (end.exit, end.text().as_str()),
        (Some(Exit::Code(0)), "1\n2\n3\n4\n5\n6\n7\n8\n")
    );
    assert_eq!(
        heard.0.into_inner().unwrap(),
        ["1", "2", "3", "4", "5", "6", "7", "8"]
    );
    // Another controller finds it as well.
    let other = sshd.connect().await;
    assert_eq!(
        other.find_job(&spec.name).await.unwrap().unwrap().state,
        JobState::Ended(0)
    );
    forget(&*other, &spec).await;
}

#[tokio::test]
async fn a_deadline_ends_a_job() {
    let Some(sshd) = Sshd::start("") else { return };
    let host = sshd.connect().await;
    let slow = spec("slow", sh("sleep 9876543").deadline(Duration::from_secs(1)));
    host.start_job(&slow).await.unwrap();
    assert!(
        host.forget_job(&slow.name)
            .await
            .unwrap_err()
            .to_string()
            .contains("still runs")
    );
    let error = host.follow_job(&slow.name, &Heard::default()).await.unwrap_err();
    assert!(matches!(error, HostError::TimedOut { .. }), "{error}");
    forget(&*host, &slow).await;
}

/// What it started and what does not listen to TERM is gone when it counts as ended.
async fn ends_with_all_that_it_started(name: &str, script: &str) {
    let Some(sshd) = Sshd::start("") else { return };
    let host = sshd.connect().await;
    let deaf = spec(name, sh(script).deadline(Duration::from_secs(1)));
    host.start_job(&deaf).await.unwrap();
    let heard = Heard::default();
    let error = host.follow_job(&deaf.name, &heard).await.unwrap_err();
    assert!(matches!(error, HostError::TimedOut { .. }), "{error}");
    let pids = heard.0.into_inner().unwrap();
    assert!(!pids.is_empty());
    for pid in pids {
        let look = host.run(&sh(&format!("kill -s 0 {pid}"))).await.unwrap();
        assert!(!look.exit.success(), "{pid} is there still");
    }
    forget(&*host, &deaf).await;
}

#[tokio::test]
async fn a_deadline_ends_what_is_deaf() {
    let script = "trap '' TERM; echo $$; while :; do sleep 0.1; done";
    ends_with_all_that_it_started("deaf", script).await;
}

#[tokio::test]
async fn a_deadline_ends_what_a_job_left_in_the_background() {
    let script = "(trap '' TERM; echo $$; sh -c 'echo $PPID; while :; do sleep 0.1; done') & wait";
    ends_with_all_that_it_started("deaf-child", script).await;
}

#[tokio::test]
async fn signals_and_losses() {
    let Some(sshd) = Sshd::start("") else { return };
    let host = sshd.connect().await;
    // A shell stands between, so the two read the same, and none is made up.
    for script in ["kill -TERM $$", "exit 143"] {
        let signalled = spec("signalled", sh(script));
        host.start_job(&signalled).await.unwrap();
        let end = host.follow_job(&signalled.name, &Heard::default()).await.unwrap();
        assert_eq!(end.exit, Some(Exit::Code(143)), "{script}");
        forget(&*host, &signalled).await;
    }

    // Its processes are gone without a status.
    let killed = spec("killed", sh("echo begun; sleep 9876544"));
    host.start_job(&killed).await.unwrap();
    let script = r#"read -r p s <"/var/lib/nebplay/jobs/$1/pid"; c=$(cat /proc/$p/task/$p/children); kill -s KILL $p; kill -s KILL -- -$c"#;
    host.run(&Command::script(script, [killed.name.clone()]))
        .await
        .unwrap();
    let end = host.follow_job(&killed.name, &Heard::default()).await.unwrap();
    assert_eq!(
        (end.exit, end.rebooted, end.text().as_str()),
        (None, false, "begun\n")
    );
    assert_eq!(
        host.find_job(&killed.name).await.unwrap().unwrap().state,
        JobState::Lost
    );
    forget(&*host, &killed).await;

    // The host was rebooted.
    let rebooted = spec("rebooted", sh("sleep 2"));
    host.start_job(&rebooted).await.unwrap();
    let script = r#"echo another-boot >"/var/lib/nebplay/jobs/$1/boot""#;
    host.run(&Command::script(script, [rebooted.name.clone()]))
        .await
        .unwrap();
    assert_eq!(
        host.find_job(&rebooted.name).await.unwrap().unwrap().state,
        JobState::Lost
    );
    let end = host.follow_job(&rebooted.name, &Heard::default()).await.unwrap();
    assert_eq!(
        end.exit,
        Some(Exit::Code(0)),
        "it had not been: its status counts"
    );
    let script = r#"rm -- "/var/lib/nebplay/jobs/$1/status""#;
    host.run(&Command::script(script, [rebooted.name.clone()]))
        .await
        .unwrap();
    let end = host.follow_job(&rebooted.name, &Heard::default()).await.unwrap();
    assert_eq!((end.exit, end.rebooted), (None, true));
    forget(&*host, &rebooted).await;
}

#[tokio::test]
async fn what_lost_its_power_half_made_or_half_gone_is_removed() {
    let host = local().await;
    let spec = spec("halves", sh("exit 0"));
    host.start_job(&spec).await.unwrap();
    // Under the lock: other tests look for jobs as well, and remove what is half made.
    let make = format!(
        "cd /var/lib/nebplay/jobs && exec 9>.lock && flock 9 && mkdir .new.{0} .gone.{0} && touch .new.{0}/digest .gone.{0}/stdout",
        spec.name
    );
    let made = host.run(&sh(&make).as_root()).await.unwrap();
    assert!(made.exit.success(), "{}", made.err_text());
    host.list_jobs().await.unwrap();
    let look = format!("find /var/lib/nebplay/jobs -name '.*.{}'", spec.name);
    let left = host.run(&sh(&look).as_root()).await.unwrap();
    assert_eq!(left.text(), "");
    host.follow_job(&spec.name, &Heard::default()).await.unwrap();
    forget(&*host, &spec).await;
}

#[tokio::test]
async fn secrets_are_gone_before_the_job_runs() {
    let Some(sshd) = Sshd::start("") else { return };
    let host = sshd.connect().await;
    // What is left in a file is counted by grep, which reads the secret from its input; arguments are looked at by the shell.
    let look = r#"printf '%s\n' "$S" | grep -raslFf - /run/nebplay /var/lib/nebplay/jobs; ls /run/nebplay
        for p in /proc/[0-9]*; do c=$(tr '\0' ' ' <$p/cmdline 2>/dev/null); case $c in *"$S"*) echo "found: $c";; esac; done"#;
    let secret = spec("secret", sh(look).env("S", "geheim-0815"));
    host.start_job(&secret).await.unwrap();
    let end = host.follow_job(&secret.name, &Heard::default()).await.unwrap();
    assert_eq!(end.exit, Some(Exit::Code(0)));
    assert!(
        !end.text().contains("found") && !end.text().contains(&secret.name),
        "{}",
        end.text()
    );
    forget(&*host, &secret).await;
}

#[tokio::test]
async fn names_and_input_are_checked() {
    let host = local().await;
    for name in ["", "../x", "A", "a b", "stop-opennebula", "-x"] {
        let spec = JobSpec {
            name: name.to_owned(),
            command: sh("true"),
        };
        assert!(
            matches!(host.start_job(&spec).await, Err(HostError::Refused { .. })),
            "{name}"
        );
        assert!(host.find_job(name).await.is_err(), "{name}");
    }
    let reads = spec("reads", sh("cat").stdin("x"));
    assert!(
        host.start_job(&reads)
            .await
            .unwrap_err()
            .to_string()
            .contains("reads nothing")
    );
}

/// A second takes a hundredth of one.
struct Hurried(std::time::Instant);

#[async_trait::async_trait]
impl Clock for Hurried {
    fn monotonic(&self) -> Duration {
        self.0.elapsed() * 100
    }
    fn now(&self) -> i64 {
        0
    }
    async fn sleep(&self, how_long: Duration) {
        tokio::time::sleep(how_long / 100).await;
    }
}

#[tokio::test]
async fn a_question_that_nobody_answers_is_noticed() {
    let account = Account {
        host: "here".to_owned(),
        login: "root".to_owned(),
        password: None,
    };
    let host = Machine {
        link: LocalLink::new(account.clone()),
        account,
        clock: std::sync::Arc::new(Hurried(std::time::Instant::now())),
    };
    let asks =
        "echo begun; printf 'still at it: '; sleep 0.5; echo; printf 'Go on? [y/N] ' >&2; sleep 1; echo no";
    let told = ["begun", "still at it: ", "? Go on? [y/N]", "no", "Go on? [y/N] "];
    let heard = Heard::default();
    host.stream(&sh(asks), &heard).await.unwrap();
    assert_eq!(heard.0.into_inner().unwrap(), told);

    let job = spec("asks", sh(asks));
    host.start_job(&job).await.unwrap();
    let heard = Heard::default();
    host.follow_job(&job.name, &heard).await.unwrap();
    assert_eq!(heard.0.into_inner().unwrap(), told);
    forget(&host, &job).await;
}
