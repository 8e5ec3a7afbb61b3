//! The view for people.

mod closing;
mod diff;
mod live;
mod paint;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write;
use std::time::Duration;

use nebplay_modules::module::Diff;
use serde_json::Value;

use self::closing::{Closing, indented};
use self::diff::Line;
use self::live::Live;
use self::paint::{BOLD, CYAN, DIM, GREEN, MAGENTA, Paint, RED, YELLOW, clean, of_status, time};
use super::bus::View;
use super::event::{Event, What};
use super::parts::{Running, Status, StepEnd, StepRef};
use crate::prose::fold;

/// A step that took longer shows its time without being asked.
const SLOW_MS: u64 = 1_000;
/// That many lines of what a failed command printed are shown.
const LONGEST_OUTPUT: usize = 20;

/// That many steps are named at the end as the slowest.
const SLOWEST: usize = 3;

/// How to look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Look {
    /// With colours (`NO_COLOR` and the like are the caller's business).
    pub colour: bool,
    /// With a live line per running step on standard error; only for a terminal.
    pub live: bool,
    /// `-v`: results, and every step's time; `-vv`: what steps are about to do, and what hosts print.
    pub verbosity: u8,
    /// Columns to fold long lines to; `None`: they are not folded.
    pub width: Option<u16>,
}

/// See the module.
pub struct Terminal<W> {
    out: W,
    look: Look,
    paint: Paint,
    live: Option<Live>,
    /// Names of tasks by identity.
    names: HashMap<String, String>,
    /// Hosts that skipped the present task, not told yet: they share a line.
    skipped: Vec<String>,
    /// The steps that took longest: milliseconds, task and host.
    slowest: Vec<(u64, String, String)>,
}

impl<W: Write> Terminal<W> {
    /// Writes there.
    pub fn new(out: W, look: Look) -> Self {
        Self {
            out,
            look,
            paint: Paint { on: look.colour },
            live: look.live.then(Live::new),
            names: HashMap::new(),
            skipped: Vec::new(),
            slowest: Vec::new(),
        }
    }

    /// A terminal that went away does not end the run.
    fn print(&mut self, text: &str) {
        let out = &mut self.out;
        let mut print = || out.write_all(text.as_bytes()).and_then(|()| out.flush());
        let _ = match &self.live {
            Some(live) => live.above(print),
            None => print(),
        };
    }

    fn warning(&self, text: &str) -> String {
        format!("{} {}\n", self.paint.text(MAGENTA, "warning:"), indented(text))
    }

    /// How a step ended: one line, and below it what does not fit there.
    fn step(&self, step: &StepRef, end: &StepEnd) -> String {
        let (word, colour) = of_status(end.status, end.ignored);
        let mut out = String::new();
        let host = match &step.delegate {
            Some(other) => format!("[{} -> {other}]", step.host),
            None => format!("[{}]", step.host),
        };
        let _ = write!(out, "{}", self.paint.text(colour, &format!("{word}: {host}")));
        if let Some(item) = &step.item {
            let _ = write!(out, " (item={})", clean(item));
        }
        let message = match &end.failure {
            Some(failure) => Some(failure.message.as_str()),
            None => end.message.as_deref().filter(|message| !message.is_empty()),
        };
        let took = if end.took_ms >= SLOW_MS || self.look.verbosity > 0 {
            format!(" ({})", time(end.took_ms))
        } else {
            String::new()
        };
        let item = step.item.as_ref().map_or(0, |item| item.chars().count() + 8);
        let used = word.len() + 2 + host.chars().count() + item + took.len();
        let took = self.paint.text(DIM, &took);
        match message.map(clean) {
            Some(message) if message.trim_end().contains('\n') => {
                let _ = writeln!(out, "{took}");
                for line in message.trim_end().lines() {
                    let _ = writeln!(out, "  {line}");
                }
            }
            Some(message) => {
                let message = message.trim_end();
                let width = self.look.width.map_or(usize::MAX, usize::from);
                if used + 1 + message.chars().count() <= width {
                    let _ = writeln!(out, " {message}{took}");
                } else {
                    let _ = writeln!(out, "{took}");
                    for line in fold(message, width.saturating_sub(4)) {
                        let _ = writeln!(out, "    {line}");
                    }
                }
            }
            None => {
                let _ = writeln!(out, "{took}");
            }
        }
        if let Some(failure) = &end.failure {
            self.printed(&mut out, &end.result, &failure.message);
            if let Some(state) = &failure.state {
                let _ = writeln!(out, "  {} {}", self.paint.text(YELLOW, "now:"), indented(state));
            }
            for next in &failure.next {
                let _ = writeln!(out, "  {} {}", self.paint.text(CYAN, "next:"), indented(next));
            }
        }
        if let Some(diff) = &end.diff {
            self.diff(&mut out, diff);
        }
        for warning in &end.warnings {
            out.push_str(&self.warning(&format!("{host} {warning}")));
        }
        if self.look.verbosity > 0 && end.result.as_object().is_some_and(|result| !result.is_empty()) {
            let _ = writeln!(out, "  {}", self.paint.text(DIM, &clean(&end.result.to_string())));
        }
        out
    }

    /// The end of what a failed command printed, unless the failure quotes it already.
    fn printed(&self, out: &mut String, result: &Value, message: &str) {
        for stream in ["stdout", "stderr"] {
            let text = result.get(stream).and_then(Value::as_str).unwrap_or_default();
            let text = clean(text.trim_end());
            if text.is_empty() || message.contains(text.trim()) {
                continue;
            }
            let lines: Vec<&str> = text.lines().collect();
            let left_out = lines.len().saturating_sub(LONGEST_OUTPUT);
            if left_out > 0 {
                let note = format!("  {stream}: … {left_out} lines before these (-v shows all)");
                let _ = writeln!(out, "{}", self.paint.text(DIM, &note));
            }
            for line in &lines[left_out..] {
                let _ = writeln!(out, "  {} {line}", self.paint.text(DIM, &format!("{stream}:")));
            }
        }
    }

    fn diff(&self, out: &mut String, diff: &Diff) {
        let _ = writeln!(
            out,
            "{}",
            self.paint.text(BOLD, &format!("  {}", clean(&diff.title)))
        );
        let (before, after) = (clean(&diff.before), clean(&diff.after));
        for line in diff::diff(&before, &after) {
            let line = match line {
                Line::Same(text) => format!("    {text}"),
                Line::Gone(text) => self.paint.text(RED, &format!("  - {text}")),
                Line::New(text) => self.paint.text(GREEN, &format!("  + {text}")),
            };
            let _ = writeln!(out, "{line}");
        }
    }

    /// A skip that has nothing to tell waits for the others of its task.
    fn waits(&mut self, what: &What) -> bool {
        let What::StepEnded { step, end } = what else {
            return false;
        };
        let quiet = end.status == Status::Skipped
            && self.look.verbosity == 0
            && end.warnings.is_empty()
            && end.message.as_ref().is_none_or(String::is_empty);
        if quiet && !self.skipped.contains(&step.host) {
            self.skipped.push(step.host.clone());
        }
        quiet
    }

    /// The line for those that waited.
    fn skips(&mut self) -> Option<String> {
        let hosts = std::mem::take(&mut self.skipped);
        let line = format!("skipped: [{}]", hosts.join(", "));
        (!hosts.is_empty()).then(|| format!("{}\n", self.paint.text(DIM, &line)))
    }

    fn remember(&mut self, step: &StepRef, end: &StepEnd) {
        let task = self.names.get(&step.task).cloned().unwrap_or_default();
        self.slowest.push((end.took_ms, task, step.host.clone()));
        self.slowest.sort_by_key(|(took, ..)| std::cmp::Reverse(*took));
        self.slowest.truncate(SLOWEST);
    }

    fn resumed(&self, run: &str, done: usize, in_doubt: &[StepRef], assumed: &[String]) -> String {
        let steps = if done == 1 { "step is" } else { "steps are" };
        let mut out = format!(
            "{}\n",
            self.paint.text(
                CYAN,
                &format!("resuming {run}: {done} {steps} done and not run again")
            )
        );
        for step in in_doubt {
            let task = step.task.rsplit('/').next().unwrap_or(&step.task);
            let _ = writeln!(
                out,
                "  in doubt: [{}] {}, cut off while it acted",
                step.host,
                clean(task)
            );
        }
        for assumption in assumed {
            let _ = writeln!(out, "  {}", clean(assumption));
        }
        out
    }

    fn interrupted(&self, now: bool, running: &[Running]) -> String {
        let mut out = String::new();
        let head = if now {
            "leaving now"
        } else {
            "interrupted: no new step begins, those under way are followed to their end (once more to leave now)"
        };
        let _ = writeln!(out, "\n{}", self.paint.text(YELLOW, head));
        for running in running {
            let task = self
                .names
                .get(&running.step.task)
                .map_or(running.step.task.as_str(), String::as_str);
            let how = match (now, running.job, running.acting) {
                (false, ..) => "is under way",
                (true, true, _) => "goes on as a job on the host",
                (true, false, true) => "was cut off while it acted",
                (true, false, false) => "was cut off while it looked; nothing was changed",
            };
            let _ = writeln!(out, "  [{}] {} {how}", running.step.host, clean(task));
        }
        out
    }

    fn text(&mut self, event: &Event) -> Option<String> {
        Some(match &event.what {
            What::RunStarted { check: true, .. } => {
                format!("{}\n", self.paint.text(CYAN, "check mode: nothing is changed"))
            }
            What::RunResumed {
                run,
                done,
                in_doubt,
                assumed,
            } => self.resumed(run, *done, in_doubt, assumed),
            What::StepSettled { step, done } => {
                let how = if *done {
                    "is taken for done: so says the operator"
                } else {
                    "is run again: so says the operator"
                };
                let task = self.names.get(&step.task).unwrap_or(&step.task);
                format!(
                    "{} {how}\n",
                    self.paint
                        .text(CYAN, &format!("settled: [{}] {}", step.host, clean(task)))
                )
            }
            What::PlayStarted { name, hosts, .. } => {
                let head = self.paint.text(BOLD, &format!("PLAY [{}]", clean(name)));
                match hosts.len() {
                    0 => format!("\n{head} no hosts\n"),
                    1..=8 => format!("\n{head} {}\n", hosts.join(", ")),
                    many => format!("\n{head} {many} hosts\n"),
                }
            }
            What::BatchStarted {
                number, of, hosts, ..
            } => {
                format!(
                    "\n{} {}\n",
                    self.paint.text(BOLD, &format!("batch {number} of {of}:")),
                    hosts.join(", ")
                )
            }
            What::TaskStarted {
                task,
                name,
                module,
                pace,
                handler,
                ..
            } => {
                self.names.insert(task.clone(), name.clone());
                let kind = if *handler { "HANDLER" } else { "TASK" };
                let head = self.paint.text(BOLD, &format!("{kind} [{}]", clean(name)));
                let how = if self.look.verbosity > 0 {
                    format!("{module}, {pace}")
                } else {
                    module.clone()
                };
                format!("\n{head} {}\n", self.paint.text(DIM, &how))
            }
            What::TaskChosen { name, run: false, .. } => {
                format!(
                    "{}\n",
                    self.paint.text(DIM, &format!("left out: [{}]", clean(name)))
                )
            }
            What::StepInspected { step, to_do, .. } if self.look.verbosity > 1 && !to_do.is_empty() => {
                let to_do = clean(&to_do.join("; "));
                format!(
                    "{}\n",
                    self.paint.text(DIM, &format!("[{}] to do: {to_do}", step.host))
                )
            }
            What::StepLine { step, line, .. } if self.look.verbosity > 1 => {
                format!(
                    "{}\n",
                    self.paint.text(DIM, &format!("[{}] {}", step.host, clean(line)))
                )
            }
            What::StepRetried { step, of, delay, why } if self.live.is_none() || self.look.verbosity > 0 => {
                let tries = format!("try {} of {of}, the next in {delay}s", step.attempt);
                let why = clean(why.lines().next().unwrap_or_default());
                format!(
                    "{} {tries}: {why}\n",
                    self.paint.text(CYAN, &format!("again: [{}]", step.host))
                )
            }
            What::StepEnded { step, end } => {
                self.remember(step, end);
                self.step(step, end)
            }
            What::Included { file, hosts, .. } => {
                format!(
                    "{}\n",
                    self.paint.text(
                        CYAN,
                        &format!("included: {} for {}", clean(file), hosts.join(", "))
                    )
                )
            }
            What::Rescuing { host, failed, .. } => {
                let text = format!("rescuing: [{host}] after \"{}\" failed", clean(failed));
                format!("{}\n", self.paint.text(YELLOW, &text))
            }
            What::Left { hosts, why, .. } => {
                format!(
                    "{}\n",
                    self.paint.text(
                        CYAN,
                        &format!("done early: {} ({})", hosts.join(", "), clean(why))
                    )
                )
            }
            What::ConnectionLost { host, why, tried_ms } => {
                let line = format!(
                    "lost: [{host}] {}; it is tried again for {}",
                    clean(why.lines().next().unwrap_or_default()),
                    time(*tried_ms)
                );
                format!("{}\n", self.paint.text(YELLOW, &line))
            }
            What::ConnectionRestored { host, after_ms } => {
                let line = format!("back: [{host}] after {}", time(*after_ms));
                format!("{}\n", self.paint.text(YELLOW, &line))
            }
            What::Warning { text } => self.warning(text),
            What::Interrupted { now, running } => self.interrupted(*now, running),
            What::RunEnded {
                result,
                hosts,
                zones,
                failures,
            } => Closing {
                paint: self.paint,
                result: *result,
                hosts,
                zones,
                failures,
                slowest: &self.slowest,
                elapsed_ms: event.elapsed_ms,
            }
            .text(),
            _ => return None,
        })
    }
}

impl<W: Write + Send> View for Terminal<W> {
    fn event(&mut self, event: &Event) {
        if let Some(live) = &self.live {
            match &event.what {
                What::StepStarted { step } => live.started(step),
                What::StepLine { step, line, .. } => live.says(step, line),
                What::StepBytes { step, done, total } => live.transfers(step, *done, *total),
                What::ConnectionLost { host, tried_ms, .. } => {
                    live.lost(host, Duration::from_millis(*tried_ms));
                }
                What::ConnectionRestored { host, .. } => live.back(host),
                What::StepRetried { step, .. } | What::Asking { step } | What::StepEnded { step, .. } => {
                    live.ended(step);
                }
                _ => {}
            }
        }
        if self.waits(&event.what) {
            return;
        }
        if let Some(text) = self.text(event) {
            let skips = self.skips().unwrap_or_default();
            self.print(&(skips + &text));
        }
        if matches!(event.what, What::RunEnded { .. }) {
            self.live = None;
        }
    }
}
