//! The last screen: counts by host, and after a failure where every zone stands and what can be done.

use std::fmt::Write as _;

use indexmap::IndexMap;
use nebplay_modules::federation_map::Role;

use super::paint::{BOLD, CYAN, Colour, DIM, GREEN, MAGENTA, Paint, RED, YELLOW, clean, of_status, time};
use crate::events::{Counts, FailedStep, RunResult, ZoneEnd};

/// What the last event says.
pub(super) struct Closing<'a> {
    pub(super) paint: Paint,
    pub(super) result: RunResult,
    pub(super) hosts: &'a IndexMap<String, Counts>,
    pub(super) zones: &'a [ZoneEnd],
    pub(super) failures: &'a [FailedStep],
    /// The steps that took longest: milliseconds, task and host.
    pub(super) slowest: &'a [(u64, String, String)],
    pub(super) elapsed_ms: u64,
}

/// A run that took less names no slowest steps.
const LONG_MS: u64 = 20_000;

impl Closing<'_> {
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        self.recap(&mut out);
        self.slow(&mut out);
        if self.result != RunResult::Ok {
            self.zone_ends(&mut out);
            self.what_failed(&mut out);
        }
        let (word, colour) = match self.result {
            RunResult::Ok => ("done", GREEN),
            RunResult::Failed => ("failed", RED),
            RunResult::Unreachable => ("failed, with hosts that cannot be reached", RED),
            RunResult::Interrupted => ("interrupted", YELLOW),
        };
        let _ = writeln!(
            out,
            "\n{} after {}",
            self.paint.text(colour, word),
            time(self.elapsed_ms)
        );
        out
    }

    fn recap(&self, out: &mut String) {
        let _ = writeln!(out, "\n{}", self.paint.text(BOLD, "RECAP"));
        let width = self
            .hosts
            .keys()
            .map(|host| host.chars().count())
            .max()
            .unwrap_or(0);
        for (host, counts) in self.hosts {
            let good = counts.failed == 0 && counts.unreachable == 0;
            let host_colour = match (good, counts.changed + counts.would_change) {
                (false, _) => RED,
                (true, 0) => GREEN,
                (true, _) => YELLOW,
            };
            let padded = format!("{host:<width$}");
            let _ = write!(out, "{} :", self.paint.text(host_colour, &padded));
            // As in Ansible; what only check mode can have is shown where there is some.
            let columns: [(&str, u32, Colour, bool); 9] = [
                ("ok", counts.ok, GREEN, true),
                ("changed", counts.changed, YELLOW, true),
                ("would_change", counts.would_change, YELLOW, false),
                ("unknown", counts.unknown, MAGENTA, false),
                ("unreachable", counts.unreachable, RED, true),
                ("failed", counts.failed, RED, true),
                ("skipped", counts.skipped, CYAN, true),
                ("rescued", counts.rescued, YELLOW, true),
                ("ignored", counts.ignored, CYAN, true),
            ];
            for (name, count, colour, always) in columns {
                if count > 0 {
                    let _ = write!(out, " {}", self.paint.text(colour, &format!("{name}={count:<3}")));
                } else if always {
                    let _ = write!(out, " {}", self.paint.text(DIM, &format!("{name}=0  ")));
                }
            }
            out.truncate(out.trim_end().len());
            out.push('\n');
        }
    }

    /// Where the time went: what an operator plans the next window with.
    fn slow(&self, out: &mut String) {
        if self.elapsed_ms < LONG_MS || self.slowest.is_empty() {
            return;
        }
        let _ = writeln!(out, "\n{}", self.paint.text(BOLD, "SLOWEST STEPS"));
        for (took, task, host) in self.slowest {
            let _ = writeln!(out, "  {:>7} {} on {host}", time(*took), clean(task));
        }
    }

    fn zone_ends(&self, out: &mut String) {
        if self.zones.is_empty() {
            return;
        }
        let _ = writeln!(out, "\n{}", self.paint.text(BOLD, "LAST STEP IN EACH ZONE"));
        let name_width = self
            .zones
            .iter()
            .map(|zone| zone.name.chars().count())
            .max()
            .unwrap_or(0);
        for zone in self.zones {
            let role = match zone.role {
                Role::Master => "master",
                Role::Slave => "slave",
            };
            let _ = write!(out, "  {:>4} {:<name_width$} {role:<6} ", zone.id, zone.name);
            match &zone.last {
                None => out.push_str("not touched in this run\n"),
                Some(last) => {
                    let cut_off = ("cut off in", YELLOW);
                    let (word, colour) = last.status.map_or(cut_off, |status| of_status(status, false));
                    let _ = writeln!(
                        out,
                        "{} \"{}\" on {}, in \"{}\"",
                        self.paint.text(colour, word),
                        clean(&last.task),
                        last.host,
                        clean(&last.play)
                    );
                }
            }
        }
    }

    fn what_failed(&self, out: &mut String) {
        for failed in self.failures {
            let through = failed
                .delegate
                .as_ref()
                .map_or_else(String::new, |other| format!(", acting on {other}"));
            let _ = writeln!(
                out,
                "\n{} {} on {}{through}   ({})",
                self.paint.text(RED, "FAILED"),
                clean(&failed.task),
                self.paint.text(BOLD, &failed.host),
                failed.place
            );
            for line in clean(&failed.failure.message).lines() {
                let _ = writeln!(out, "  {line}");
            }
            if let Some(state) = &failed.failure.state {
                let _ = writeln!(out, "  {} {}", self.paint.text(YELLOW, "now:"), indented(state));
            }
            for next in &failed.failure.next {
                let _ = writeln!(out, "  {} {}", self.paint.text(CYAN, "next:"), indented(next));
            }
        }
    }
}

/// Further lines of a text below its first.
pub(super) fn indented(text: &str) -> String {
    clean(text).trim_end().replace('\n', "\n      ")
}
