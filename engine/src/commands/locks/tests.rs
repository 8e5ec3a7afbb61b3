//! Locks over scripted hosts: what is taken, given back, taken over and refused.

use nebplay_modules::testing::FakeHost;

use super::*;

const TAKE: &str = "echo taken";
const REMOVE: &str = "echo removed";

fn free(name: &str) -> FakeHost {
    FakeHost::new(name)
        .on(TAKE, 0, "taken\n")
        .on(REMOVE, 0, "removed\n")
}

/// What a host says that this lock is on.
fn held(lock: &Lock) -> String {
    format!("held\n{}\n", serde_json::to_string(lock).unwrap())
}

fn here() -> Controller {
    here::controller().unwrap()
}

/// A lock of a process of this machine that ended.
fn stale() -> Lock {
    let mut ended = here();
    ended.pid_started += 1;
    Lock::new(ended, "yesterday".to_owned(), vec!["up.yml".to_owned()], now())
}

/// A lock of another machine.
fn elsewhere() -> Lock {
    let mut other = here();
    other.boot = "another".to_owned();
    other.owner = "eve@other".to_owned();
    Lock::new(other, "theirs".to_owned(), vec!["up.yml".to_owned()], now() - 61)
}

struct Story {
    locks: Locks,
    stop: watch::Sender<Stop>,
}

impl Story {
    fn new(run: &str, from_elsewhere: bool) -> Self {
        let (stop, stopped) = watch::channel(Stop::Run);
        let holder = Holder {
            run: run.to_owned(),
            playbooks: vec!["up.yml".to_owned()],
            from_elsewhere,
        };
        Self {
            locks: Locks::new(here(), holder, stopped),
            stop,
        }
    }

    /// Locks these hosts, in this order; those that are `None` could not be reached.
    async fn lock(&self, hosts: &[(&str, Option<&FakeHost>)]) -> Result<(), CommandError> {
        let wanted = Wanted {
            first: hosts.iter().map(|(name, _)| (*name).to_owned()).collect(),
            perhaps: HashSet::from(["perhaps".to_owned()]),
        };
        let reached = hosts.iter().filter_map(|(name, host)| {
            Some(((*name).to_owned(), Arc::new((*host)?.clone()) as Arc<dyn Host>))
        });
        let reached = reached.collect();
        Ok(self.locks.lock_all(wanted, reached).await?)
    }

    fn remarks(&self) -> String {
        self.locks.state().remarks.join("\n")
    }
}

/// How often it was asked to take and to remove.
fn asked(host: &FakeHost) -> (usize, usize) {
    let count = |what: &str| host.asked().iter().filter(|line| line.contains(what)).count();
    (count(TAKE), count(REMOVE))
}

#[tokio::test]
async fn all_are_taken_and_given_back() {
    let story = Story::new("mine", false);
    let (m, s) = (free("m"), free("s"));
    story.lock(&[("m", Some(&m)), ("s", Some(&s))]).await.unwrap();
    story.locks.release().await;
    assert_eq!((asked(&m), asked(&s)), ((1, 1), (1, 1)));
}

#[tokio::test]
async fn who_meets_another_run_gives_back_what_it_has_and_says_whose_it_is() {
    let story = Story::new("mine", false);
    let (m, late) = (free("m"), free("late"));
    let taken = FakeHost::new("s").on(TAKE, 0, &held(&elsewhere()));
    let hosts = [("m", Some(&m)), ("s", Some(&taken)), ("late", Some(&late))];
    let error = story.lock(&hosts).await.unwrap_err();
    story.locks.release().await;
    assert_eq!((asked(&m), asked(&taken), asked(&late)), ((1, 1), (1, 0), (0, 0)));
    assert_eq!(error.exit_code(), 5);
    let CommandError::Locked { message, next } = error else {
        panic!("{error}")
    };
    for said in [
        "s is locked by another run; nothing was run",
        "eve@other, process",
        "theirs of up.yml",
        "1 minute ago",
    ] {
        assert!(message.contains(said), "`{said}` is not in {message}");
    }
    assert!(next.contains("nebplay unlock -i"), "{next}");
}

#[tokio::test]
async fn a_lock_whose_run_is_over_is_taken_over_and_said() {
    let story = Story::new("mine", false);
    let left = stale();
    let m = FakeHost::new("m")
        .on(TAKE, 0, &held(&left))
        .on(TAKE, 0, "taken\n")
        .on(REMOVE, 0, "removed\n");
    story.lock(&[("m", Some(&m))]).await.unwrap();
    let last = m.commands().pop().unwrap();
    assert_eq!(last.argv.last(), Some(&left.digest()), "exactly the one it saw");
    assert!(
        story
            .remarks()
            .starts_with("m: took over the lock of run yesterday of up.yml, by "),
        "{}",
        story.remarks()
    );
}

#[tokio::test]
async fn a_lock_of_another_machine_yields_to_the_same_run_with_consent_alone() {
    let cases = [
        ("theirs", true, true),
        ("theirs", false, false),
        ("mine", true, false),
    ];
    for (run, consent, taken_over) in cases {
        let story = Story::new(run, consent);
        let m = FakeHost::new("m")
            .on(TAKE, 0, &held(&elsewhere()))
            .on(TAKE, 0, "taken\n");
        let locked = story.lock(&[("m", Some(&m))]).await;
        assert_eq!(locked.is_ok(), taken_over, "{run} {consent}");
    }
    // Not even then while it is alive.
    let story = Story::new("mine", true);
    let alive = Lock::new(here(), "mine".to_owned(), Vec::new(), 0);
    let m = FakeHost::new("m").on(TAKE, 0, &held(&alive));
    assert_eq!(story.lock(&[("m", Some(&m))]).await.unwrap_err().exit_code(), 5);
}

#[tokio::test]
async fn a_lock_that_others_always_are_faster_to_take_over_is_given_up() {
    let story = Story::new("mine", false);
    let m = FakeHost::new("m").on(TAKE, 0, &held(&stale()));
    assert_eq!(story.lock(&[("m", Some(&m))]).await.unwrap_err().exit_code(), 5);
    assert_eq!(asked(&m).0, LOOKS);
}

#[tokio::test]
async fn a_host_that_comes_later_is_locked_before_anybody_gets_it() {
    let story = Story::new("mine", false);
    let m = free("m");
    story
        .lock(&[("m", Some(&m)), ("s", None), ("t", None)])
        .await
        .unwrap();
    let admit = async |host: &FakeHost| {
        let host: Arc<dyn Host> = Arc::new(host.clone());
        story.locks.admit(&host).await
    };
    let (s, perhaps, stranger) = (free("s"), free("perhaps"), FakeHost::new("stranger"));
    for host in [&m, &s, &s, &perhaps, &stranger] {
        admit(host).await.unwrap();
    }
    let taken = FakeHost::new("t").on(TAKE, 0, &held(&elsewhere()));
    let error = admit(&taken).await.unwrap_err().to_string();
    assert!(
        error.starts_with("t: taking its lock for this run: it is locked by another run\n  who:   eve@other"),
        "{error}"
    );
    story.locks.release().await;
    // After its end, what only reads gets it.
    admit(&taken).await.unwrap();
    let all = [&m, &s, &perhaps, &stranger, &taken].map(asked);
    assert_eq!(all, [(1, 1), (1, 1), (1, 1), (0, 0), (1, 0)]);
}

#[tokio::test]
async fn what_cannot_be_locked() {
    let lost = HostError::Unreachable {
        host: "m".to_owned(),
        why: "gone".to_owned(),
        sent: true,
    };
    let no_root = HostError::Refused {
        host: "m".to_owned(),
        what: "becoming root".to_owned(),
        why: "sudo: a password is required".to_owned(),
    };
    let story = Story::new("mine", false);
    let m = FakeHost::new("m").on_error(TAKE, lost);
    story.lock(&[("m", Some(&m))]).await.unwrap();
    assert!(story.locks.state().later.contains("m"), "the run will tell");

    let m = FakeHost::new("m").on_error(TAKE, no_root);
    story.lock(&[("m", Some(&m))]).await.unwrap();
    assert_eq!(story.remarks(), "m is not locked: sudo: a password is required");

    let m = FakeHost::new("m").on_full(TAKE, 1, "", "No space left on device");
    let error = story.lock(&[("m", Some(&m))]).await.unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("No space left"), "{error}");
}

#[tokio::test]
async fn who_leaves_at_once_leaves_the_locks() {
    let story = Story::new("mine", false);
    let m = free("m");
    story.lock(&[("m", Some(&m))]).await.unwrap();
    story.stop.send_replace(Stop::Leave);
    story.locks.release().await;
    assert_eq!(asked(&m), (1, 0));

    let story = Story::new("mine", false);
    story.lock(&[("m", Some(&m))]).await.unwrap();
    story.stop.send_replace(Stop::Drain);
    story.locks.release().await;
    assert_eq!(asked(&m), (2, 1));
}

#[tokio::test]
async fn what_became_of_a_lock_meanwhile_is_said() {
    for (answer, said) in [
        (
            "gone\n",
            "m: the lock of this run was removed while it was under way",
        ),
        ("other\n", "another run has one now"),
        ("", "m: the lock of this run stays"),
    ] {
        let story = Story::new("mine", false);
        let m = FakeHost::new("m").on(TAKE, 0, "taken\n").on(REMOVE, 0, answer);
        story.lock(&[("m", Some(&m))]).await.unwrap();
        let held = std::mem::take(&mut story.locks.state().held);
        story.locks.remove(held).await;
        assert!(story.remarks().contains(said), "{}", story.remarks());
    }
}

#[tokio::test]
async fn a_host_that_boots_at_the_end_of_the_run_is_tried_again() {
    let story = Story::new("mine", false);
    let boots = HostError::Unreachable {
        host: "m".to_owned(),
        why: "connection refused".to_owned(),
        sent: false,
    };
    let m = FakeHost::new("m")
        .on(TAKE, 0, "taken\n")
        .on_error(REMOVE, boots)
        .on(REMOVE, 0, "removed\n");
    story.lock(&[("m", Some(&m))]).await.unwrap();
    story.locks.release().await;
    assert_eq!(asked(&m), (1, 2));
    assert_eq!(story.remarks(), "");
}
