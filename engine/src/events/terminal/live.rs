//! A line for each running step, below everything else: how long it has been running, and what it says; and one for each host
//! that is out of reach.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::paint::{bytes, clean, time};
use crate::events::StepRef;

/// A step that is done sooner never gets a line.
const PATIENCE: Duration = Duration::from_millis(300);
/// How often the lines are drawn.
const TICK: Duration = Duration::from_millis(150);

struct Shown {
    label: String,
    started: Instant,
    said: String,
    /// When the transfer began.
    transfer: Option<Instant>,
    /// Until when a host that is out of reach is tried again.
    until: Option<Instant>,
    bar: Option<ProgressBar>,
}

#[derive(Default)]
struct Steps(Mutex<IndexMap<String, Shown>>);

impl Steps {
    fn lock(&self) -> MutexGuard<'_, IndexMap<String, Shown>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See the module.
pub(super) struct Live {
    multi: MultiProgress,
    steps: Arc<Steps>,
    done: Arc<AtomicBool>,
    ticker: Option<JoinHandle<()>>,
}

impl Live {
    /// Draws on standard error.
    pub(super) fn new() -> Self {
        let multi = MultiProgress::new();
        let steps = Arc::new(Steps::default());
        let done = Arc::new(AtomicBool::new(false));
        let ticker = {
            let (multi, steps, done) = (multi.clone(), Arc::clone(&steps), Arc::clone(&done));
            std::thread::spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    draw(&multi, &steps);
                    std::thread::sleep(TICK);
                }
            })
        };
        Self {
            multi,
            steps,
            done,
            ticker: Some(ticker),
        }
    }

    /// Prints above the lines.
    pub(super) fn above<T>(&self, print: impl FnOnce() -> T) -> T {
        self.multi.suspend(print)
    }

    pub(super) fn started(&self, step: &StepRef) {
        let item = step
            .item
            .as_ref()
            .map_or_else(String::new, |item| format!(" ({})", clean(item)));
        self.show(&step.id, format!("{}{item}", step.host), None);
    }

    /// A host is out of reach, and tried again for that long.
    pub(super) fn lost(&self, host: &str, tried: Duration) {
        let until = Instant::now().checked_add(tried);
        self.show(&of_host(host), host.to_owned(), until);
    }

    /// It answers again.
    pub(super) fn back(&self, host: &str) {
        self.hide(&of_host(host));
    }

    fn show(&self, id: &str, label: String, until: Option<Instant>) {
        let shown = Shown {
            label,
            started: Instant::now(),
            said: String::new(),
            transfer: None,
            until,
            bar: None,
        };
        self.steps.lock().insert(id.to_owned(), shown);
    }

    pub(super) fn says(&self, step: &StepRef, line: &str) {
        if let Some(shown) = self.steps.lock().get_mut(&step.id) {
            // Programs redraw their own progress after a carriage return.
            let last = line
                .rsplit('\r')
                .find(|part| !part.trim().is_empty())
                .unwrap_or_default();
            shown.said = clean(last);
        }
    }

    pub(super) fn transfers(&self, step: &StepRef, done: u64, total: u64) {
        if let Some(shown) = self.steps.lock().get_mut(&step.id) {
            let since = shown
                .transfer
                .get_or_insert_with(Instant::now)
                .elapsed()
                .as_millis();
            let rate = u128::from(done) * 1000 / since.max(1);
            let rate = bytes(u64::try_from(rate).unwrap_or(u64::MAX));
            shown.said = match total {
                0 => format!("{}, {rate}/s", bytes(done)),
                total => format!("{} of {}, {rate}/s", bytes(done), bytes(total)),
            };
        }
    }

    pub(super) fn ended(&self, step: &StepRef) {
        self.hide(&step.id);
    }

    fn hide(&self, id: &str) {
        let shown = self.steps.lock().shift_remove(id);
        if let Some(bar) = shown.and_then(|shown| shown.bar) {
            bar.finish_and_clear();
            self.multi.remove(&bar);
        }
    }
}

fn draw(multi: &MultiProgress, steps: &Steps) {
    let style = ProgressStyle::with_template("{spinner} {prefix} {elapsed:>5}  {wide_msg}");
    for shown in steps.lock().values_mut() {
        if shown.bar.is_none() && shown.started.elapsed() > PATIENCE {
            let bar = ProgressBar::new_spinner().with_elapsed(shown.started.elapsed());
            let bar = multi.add(bar.with_prefix(shown.label.clone()));
            if let Ok(style) = &style {
                bar.set_style(style.clone());
            }
            shown.bar = Some(bar);
        }
        if let Some(bar) = &shown.bar {
            bar.set_message(shown.until.map_or_else(|| shown.said.clone(), trying));
            bar.tick();
        }
    }
}

/// What the line of a host is found under; no step has such an id.
fn of_host(host: &str) -> String {
    format!("connection of {host}")
}

fn trying(until: Instant) -> String {
    match until.checked_duration_since(Instant::now()) {
        None => "the connection is lost, and the host is given up".to_owned(),
        Some(left) => {
            let left = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
            format!("the connection is lost; tried again for {} more", time(left))
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        if let Some(ticker) = self.ticker.take() {
            let _ = ticker.join();
        }
        let _ = self.multi.clear();
    }
}
