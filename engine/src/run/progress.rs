//! What a step shows while it runs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nebplay_modules::host::{Clock, Lines};
use nebplay_modules::module::{Failure, Progress};

use crate::events::{Events, StepRef, Stream, What};

/// A transfer is shown at most this often.
const BETWEEN: Duration = Duration::from_millis(200);

/// The progress of one step.
pub(super) struct StepProgress {
    events: Arc<Events>,
    clock: Arc<dyn Clock>,
    step: StepRef,
    hidden: bool,
    /// Standard output and standard error, each with what may be the beginning of a secret.
    streams: Mutex<[Stream; 2]>,
    shown: Mutex<Option<Duration>>,
    /// What the command asks, and whether the operator was told.
    asked: Mutex<Asked>,
}

/// A question that nobody answers.
#[derive(Default)]
struct Asked {
    told: bool,
    /// Nothing was printed after it.
    open: Option<String>,
}

impl StepProgress {
    pub(super) fn new(events: &Arc<Events>, clock: &Arc<dyn Clock>, step: &StepRef, hidden: bool) -> Self {
        Self {
            events: Arc::clone(events),
            clock: Arc::clone(clock),
            step: step.clone(),
            hidden,
            streams: Mutex::default(),
            shown: Mutex::default(),
            asked: Mutex::default(),
        }
    }

    /// Whether `no_log` withholds what the step does.
    pub(super) fn hidden(&self) -> bool {
        self.hidden
    }

    fn show(&self, text: &str, stderr: bool) {
        for line in text.lines() {
            self.events.emit(What::StepLine {
                step: self.step.clone(),
                line: line.to_owned(),
                stderr,
            });
        }
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The failure of a command that was waiting for an answer says so.
    pub(super) fn explain(&self, mut failure: Failure) -> Failure {
        if let Some(question) = &self.asked().open {
            failure.message = format!(
                "{}; it was waiting for an answer that nobody gives: {question:?}",
                failure.message
            );
            failure
                .next
                .push("let it ask nothing (most programs have an option for that), or give a `command` the answer as its `stdin`".to_owned());
        }
        failure
    }

    /// Shows what was held back.
    pub(super) fn finish(&self) {
        let secrets = self.events.secrets();
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = [streams[0].finish(secrets), streams[1].finish(secrets)];
        drop(streams);
        self.show(&rest[0], false);
        self.show(&rest[1], true);
    }
}

impl Lines for StepProgress {
    fn line(&self, line: &str, stderr: bool) {
        {
            // The question itself is a line, too, when the command ends.
            let mut asked = self.asked();
            asked.open = asked
                .open
                .take()
                .filter(|question| line.contains(question.as_str()));
        }
        if self.hidden {
            return;
        }
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let text = streams[usize::from(stderr)].push(self.events.secrets(), &format!("{line}\n"));
        drop(streams);
        self.show(&text, stderr);
    }

    fn question(&self, question: &str) {
        let told = {
            let mut asked = self.asked();
            asked.open = Some(question.to_owned());
            std::mem::replace(&mut asked.told, true)
        };
        if told {
            return;
        }
        let host = self.step.delegate.as_ref().unwrap_or(&self.step.host);
        let text = if self.hidden {
            format!("{host}: a command waits for an answer that nobody gives; no_log withholds what it asks")
        } else {
            // Its end may be the beginning of a secret.
            let shown = Stream::default().push(self.events.secrets(), question);
            format!("{host}: a command waits for an answer that nobody gives: {shown:?}")
        };
        self.events.emit(What::Warning { text });
    }
}

impl Progress for StepProgress {
    fn bytes(&self, done: u64, total: u64) {
        let now = self.clock.monotonic();
        {
            let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
            let recently = shown.is_some_and(|last| now.saturating_sub(last) < BETWEEN);
            if recently && done != total {
                return;
            }
            *shown = Some(now);
        }
        self.events.emit(What::StepBytes {
            step: self.step.clone(),
            done,
            total,
        });
    }
}

#[cfg(test)]
mod tests {
    use nebplay_modules::testing::FakeHost;

    use super::*;
    use crate::events::{Event, View};

    struct Warnings(Arc<Mutex<Vec<String>>>);

    impl View for Warnings {
        fn event(&mut self, event: &Event) {
            if let What::Warning { text } = &event.what {
                self.0.lock().unwrap().push(text.clone());
            }
        }
    }

    fn progress(hidden: bool) -> (StepProgress, Arc<Mutex<Vec<String>>>) {
        let (clock, warnings) = (Arc::new(FakeHost::new("m")), Arc::default());
        let view = Box::new(Warnings(Arc::clone(&warnings)));
        let events = Arc::new(Events::new(clock.clone(), Arc::default(), vec![view]));
        events.secrets().learn("hunter22", "test");
        let step = StepRef {
            id: "p/t@m".to_owned(),
            task: "p/t".to_owned(),
            host: "m".to_owned(),
            delegate: None,
            item: None,
            attempt: 1,
        };
        let clock: Arc<dyn Clock> = clock;
        (StepProgress::new(&events, &clock, &step, hidden), warnings)
    }

    #[test]
    fn a_question_is_told_once_and_its_failure_names_it() {
        for (hidden, quoted) in [(false, "Drop Redacted(test)? [y/N]"), (true, "no_log")] {
            let (progress, warnings) = progress(hidden);
            let question = "Drop hunter22? [y/N]";
            progress.line("begun", false);
            progress.question(question);
            progress.question(question);
            let told = warnings.lock().unwrap().clone();
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(
                told[0].contains(quoted) && !told[0].contains("hunter22"),
                "{told:?}"
            );
            // When it ends, its last line is complete.
            progress.line(question, false);
            let failure = progress.explain(Failure::failed("exit status 1"));
            assert!(
                failure
                    .message
                    .ends_with(r#"that nobody gives: "Drop hunter22? [y/N]""#)
            );
            // It went on by itself, and failed for something else.
            progress.line("no answer: not dropped", false);
            let failure = progress.explain(Failure::failed("exit status 1"));
            assert_eq!(failure.message, "exit status 1");
        }
    }
}
