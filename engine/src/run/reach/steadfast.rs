//! A host that is had again when it is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use nebplay_modules::host::{
    Clock, Command, Duplex, FileMeta, Host, HostError, Lines, Output, RunAs, Sink, Source, Stat,
};
use nebplay_modules::job::{JobEnd, JobRecord, JobSpec};
use tokio::sync::oneshot;

use super::line::Line;
use super::peers::Mood;

/// The waits between attempts begin with this, and double up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// What may be asked again after it was lost on its way or on the way back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    /// Whatever it is: it only reads, or doing it twice is doing it once.
    Always,
    /// While the step looks, as it then only reads; while it acts, only what was never sent.
    ByMood,
}

/// See the module.
pub(super) struct Steadfast {
    inner: Arc<dyn Host>,
    line: Arc<Line>,
    mood: Arc<Mood>,
}

impl Steadfast {
    pub(super) fn new(inner: Arc<dyn Host>, line: Arc<Line>, mood: Arc<Mood>) -> Self {
        Self { inner, line, mood }
    }

    /// Asks until there is an answer, or no hope of one.
    async fn ask<T, F>(&self, again: Again, mut call: impl FnMut() -> F + Send) -> Result<T, HostError>
    where
        F: Future<Output = Result<T, HostError>> + Send,
    {
        let clock = self.inner.clock();
        let mut wait = FIRST_WAIT;
        loop {
            let began = clock.monotonic();
            let (host, why, sent) = match call().await {
                Err(HostError::Unreachable { host, why, sent }) => (host, why, sent),
                // No answer came, which tells nothing of the connection.
                Err(error @ HostError::TimedOut { .. }) => return Err(error),
                answer => {
                    self.line.answers(clock.monotonic());
                    return answer;
                }
            };
            self.mood.lose();
            let left = self.line.lost(began, clock.monotonic(), &why);
            if sent && again == Again::ByMood && self.mood.acting() {
                self.mood.cut_off();
                return Err(HostError::Unreachable { host, why, sent });
            }
            let Some(left) = left else {
                let why = self.given_up(why);
                return Err(HostError::Unreachable { host, why, sent });
            };
            clock.sleep(wait.min(left)).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    fn given_up(&self, why: String) -> String {
        match self.line.window {
            Duration::ZERO => why,
            window => format!("{why} (it was lost, and tried again for {window:?})"),
        }
    }

    /// Hands on how a stream ended, and takes note if the connection ended it.
    fn watched(
        &self,
        end: oneshot::Receiver<Result<Output, HostError>>,
    ) -> oneshot::Receiver<Result<Output, HostError>> {
        let (tell, told) = oneshot::channel();
        let mood = Arc::clone(&self.mood);
        tokio::spawn(async move {
            let Ok(end) = end.await else { return };
            if matches!(end, Err(HostError::Unreachable { .. })) && mood.acting() {
                mood.cut_off();
            }
            drop(tell.send(end));
        });
        told
    }
}

/// Lines that are told again from the first, of which those that were shown already are left out.
struct Unseen<'a> {
    lines: &'a dyn Lines,
    /// How many of standard output and standard error were shown.
    shown: &'a [AtomicUsize; 2],
    told: [AtomicUsize; 2],
}

impl Lines for Unseen<'_> {
    fn line(&self, line: &str, stderr: bool) {
        let stream = usize::from(stderr);
        let number = self.told[stream].fetch_add(1, Ordering::Relaxed) + 1;
        if self.shown[stream].fetch_max(number, Ordering::Relaxed) < number {
            self.lines.line(line, stderr);
        }
    }

    fn question(&self, question: &str) {
        self.lines.question(question);
    }
}

#[async_trait]
impl Host for Steadfast {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn clock(&self) -> &dyn Clock {
        self.inner.clock()
    }

    async fn run(&self, command: &Command) -> Result<Output, HostError> {
        self.ask(Again::ByMood, || self.inner.run(command)).await
    }

    async fn stream(&self, command: &Command, lines: &dyn Lines) -> Result<Output, HostError> {
        self.ask(Again::ByMood, || self.inner.stream(command, lines))
            .await
    }

    async fn source(&self, command: &Command) -> Result<Source, HostError> {
        let source = self.ask(Again::ByMood, || self.inner.source(command)).await?;
        Ok(Source {
            end: self.watched(source.end),
            ..source
        })
    }

    async fn sink(&self, command: &Command) -> Result<Sink, HostError> {
        let sink = self.ask(Again::ByMood, || self.inner.sink(command)).await?;
        Ok(Sink {
            end: self.watched(sink.end),
            ..sink
        })
    }

    /// The job's name makes starting it twice starting it once.
    async fn start_job(&self, spec: &JobSpec) -> Result<JobRecord, HostError> {
        self.ask(Again::Always, || self.inner.start_job(spec)).await
    }

    async fn find_job(&self, name: &str) -> Result<Option<JobRecord>, HostError> {
        self.ask(Again::Always, || self.inner.find_job(name)).await
    }

    /// A job that went down with its host is a step that was cut off.
    async fn follow_job(&self, name: &str, lines: &dyn Lines) -> Result<JobEnd, HostError> {
        let shown = [AtomicUsize::new(0), AtomicUsize::new(0)];
        let follow = || {
            let unseen = Unseen {
                lines,
                shown: &shown,
                told: Default::default(),
            };
            async move { self.inner.follow_job(name, &unseen).await }
        };
        let end = self.ask(Again::Always, follow).await?;
        if end.exit.is_none() && self.mood.lost() && self.mood.acting() {
            self.mood.cut_off();
        }
        Ok(end)
    }

    async fn forget_job(&self, name: &str) -> Result<(), HostError> {
        self.ask(Again::Always, || self.inner.forget_job(name)).await
    }

    async fn list_jobs(&self) -> Result<Vec<JobRecord>, HostError> {
        self.ask(Again::Always, || self.inner.list_jobs()).await
    }

    async fn read_file(&self, path: &str, run_as: &RunAs, limit: u64) -> Result<Option<Vec<u8>>, HostError> {
        self.ask(Again::Always, || self.inner.read_file(path, run_as, limit))
            .await
    }

    async fn write_file(
        &self,
        path: &str,
        content: &[u8],
        meta: &FileMeta,
        run_as: &RunAs,
    ) -> Result<(), HostError> {
        let write = || self.inner.write_file(path, content, meta, run_as);
        self.ask(Again::ByMood, write).await
    }

    async fn stat(&self, path: &str, run_as: &RunAs) -> Result<Option<Stat>, HostError> {
        self.ask(Again::Always, || self.inner.stat(path, run_as)).await
    }

    async fn connect(&self, address: &str, port: u16) -> Result<Box<dyn Duplex>, HostError> {
        self.mood.tunnel(&self.inner, &self.line);
        self.ask(Again::ByMood, || self.inner.connect(address, port))
            .await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use nebplay_modules::testing::FakeHost;

    use super::*;
    use crate::events::Events;
    use crate::run::reach::Lines as Connections;

    #[derive(Default)]
    struct Heard(Mutex<Vec<String>>);

    impl Lines for Heard {
        fn line(&self, line: &str, _: bool) {
            self.0.lock().unwrap().push(line.to_owned());
        }
    }

    fn steadfast(host: &FakeHost) -> (Steadfast, Arc<Mood>) {
        let events = Events::new(Arc::new(host.clone()), Arc::default(), Vec::new());
        let connections = Connections::new(&Arc::new(events), Duration::from_mins(1));
        let mood: Arc<Mood> = Arc::default();
        let host = Steadfast::new(Arc::new(host.clone()), connections.of("m"), Arc::clone(&mood));
        (host, mood)
    }

    #[tokio::test]
    async fn a_job_whose_start_was_not_answered_is_started_by_its_name_again() {
        let lost = HostError::Unreachable {
            host: "m".to_owned(),
            why: "connection reset".to_owned(),
            sent: true,
        };
        let scripted = FakeHost::new("m")
            .on_error("^work", lost)
            .on("^work", 0, "done\n");
        let (host, mood) = steadfast(&scripted);
        mood.act();
        let spec = JobSpec {
            name: "work-1".to_owned(),
            command: Command::new(["work"]),
        };
        assert!(host.start_job(&spec).await.unwrap().fresh);
        let end = host.follow_job("work-1", &Heard::default()).await.unwrap();
        assert_eq!(end.text(), "done\n");
        assert!(!mood.was_cut_off());
    }

    #[test]
    fn lines_that_were_shown_are_not_shown_again() {
        let (heard, shown) = (Heard::default(), Default::default());
        for told in [["a", "b"].as_slice(), &["a", "b", "c"], &["a", "b", "c", "d"]] {
            let unseen = Unseen {
                lines: &heard,
                shown: &shown,
                told: Default::default(),
            };
            for line in told {
                unseen.line(line, false);
            }
            unseen.line("wrong", true);
        }
        assert_eq!(heard.0.into_inner().unwrap(), ["a", "b", "wrong", "c", "d"]);
    }
}
