//! The report on the terminal.

use std::fmt::Write as _;
use std::time::Duration;

use nebplay_twin::deeds::Act;

use super::paint::Paint;
use super::{Report, ended_well, forecast, matrix, story};
use crate::commands::terminal::Terminal;
use crate::events::RunResult;
use crate::rehearsal::fault::{Fault, Kind};
use crate::rehearsal::outcome::{Outcome, Rehearsed, RunEnd, RunOf};
use crate::rehearsal::stage::Stage;
use crate::rehearsal::story::tell;

impl Report {
    pub(super) fn text(
        &self,
        stage: &Stage,
        assumptions: &[String],
        paint: Paint,
        terminal: &Terminal,
    ) -> String {
        let mut out = String::new();
        let night = &self.undisturbed.night;
        out.push_str(&format!("{}\n", paint.bold("Undisturbed")));
        if let Some(begins) = &self.begins {
            out.push_str(&format!("  it begins {begins}\n"));
        }
        if let Some(summary) = night
            .summary
            .as_ref()
            .filter(|summary| summary.result != RunResult::Ok)
        {
            out.push_str("  it does not come to its end:\n");
            for failed in &summary.failures {
                out.push_str(&format!(
                    "  \"{}\" on {}: {}\n",
                    failed.task, failed.host, failed.failure.message
                ));
            }
        } else {
            let steps = match self.undisturbed.steps.len() {
                1 => "1 step".to_owned(),
                many => format!("{many} steps"),
            };
            out.push_str(&format!("  {steps}, and it comes to its end\n"));
        }
        let others = night.federation.machines().map(|machine| &*machine.name);
        let others: Vec<&str> = others
            .filter(|name| self.zones.iter().all(|zone| zone.host != *name))
            .collect();
        if !others.is_empty() {
            out.push_str(&format!(
                "  {}: no front-end of a zone, so taken to be a machine with nothing of OpenNebula on it\n",
                others.join(", ")
            ));
        }
        let deeds: Vec<_> = night.federation.deeds.in_order().into_iter().cloned().collect();
        let mut unknown: Vec<&str> = deeds
            .iter()
            .filter_map(|deed| match &deed.act {
                Act::NotModelled(command) => Some(command.as_str()),
                _ => None,
            })
            .collect();
        unknown.sort_unstable();
        unknown.dedup();
        for command in unknown {
            out.push_str(&format!(
                "  the twin knows nothing of `{command}`: it was taken to succeed and to say nothing\n"
            ));
        }
        let mut told: Vec<&str> = Vec::new();
        for breach in &self.undisturbed.breaches {
            // The same rule, broken again and again, is told once.
            if told.contains(&breach.rule.name) {
                continue;
            }
            told.push(breach.rule.name);
            let story = tell(stage, breach, &deeds, &night.work);
            out.push_str(&story::text(
                &story,
                "although nothing went wrong",
                paint,
                terminal,
            ));
        }
        if self.window.run > Duration::ZERO && ended_well(&self.undisturbed) {
            out.push_str(&format!("\n{}\n", paint.bold("Forecast")));
            out.push_str(&forecast::text(
                &self.zones,
                &stage.plan,
                &self.window,
                &self.alternatives,
                assumptions,
                paint,
            ));
        }
        if !self.rehearsed.is_empty() {
            out.push_str(&self.faults(stage, paint, terminal));
        }
        out
    }

    fn faults(&self, stage: &Stage, paint: Paint, terminal: &Terminal) -> String {
        let heading = match (
            self.explored,
            self.rehearsed.iter().any(|one| one.after.is_some()),
        ) {
            (false, _) => "The faults that were asked for",
            (true, false) => "Every fault at every step",
            (true, true) => "Every fault at every step, and after it a second one",
        };
        let mut out = format!("\n{}\n", paint.bold(heading));
        let struck = self.rehearsed.iter().filter(|one| one.struck).count();
        out.push_str(&matrix::text(
            &self.undisturbed.steps,
            &self.rehearsed,
            paint,
            terminal.width.into(),
        ));
        for one in self.rehearsed.iter().filter(|one| one.fault.kind == Kind::Away) {
            out.push_str(&format!(
                "  {} away from the beginning: {}\n",
                one.fault.host,
                paint.outcome(one.outcome, matrix::words(one.outcome))
            ));
        }
        if !self.explored {
            for one in self
                .rehearsed
                .iter()
                .filter(|one| one.struck && one.after.is_none())
            {
                out.push_str(&self.course(one));
            }
        }
        out.push('\n');
        let mut told: Vec<&str> = Vec::new();
        for one in self
            .rehearsed
            .iter()
            .filter(|one| one.outcome == Outcome::Violation)
        {
            for breach in &one.breaches {
                if told.contains(&breach.rule.name) {
                    continue;
                }
                told.push(breach.rule.name);
                // Of all that broke this rule, the one with the shortest way to it.
                let shortest = self
                    .rehearsed
                    .iter()
                    .flat_map(|other| other.breaches.iter().map(move |breach| (other, breach)))
                    .filter(|(_, other)| other.rule == breach.rule)
                    .min_by_key(|(other, breach)| breach.deed.unwrap_or(other.deeds.len()));
                let Some((shortest, breach)) = shortest else {
                    continue;
                };
                let because = self.what_went_wrong(shortest);
                let story = tell(stage, breach, &shortest.deeds, &shortest.work);
                out.push_str(&story::text(&story, &because, paint, terminal));
            }
        }
        let count = |outcome: Outcome| {
            self.rehearsed
                .iter()
                .filter(|one| one.struck && one.outcome == outcome)
                .count()
        };
        for outcome in matrix::OUTCOMES {
            if count(outcome) > 0 {
                out.push_str(&format!(
                    "  {:>5}  {}\n",
                    count(outcome),
                    paint.outcome(outcome, matrix::words(outcome))
                ));
            }
        }
        let missed = self.rehearsed.len() - struck;
        if missed > 0 {
            out.push_str(&format!(
                "  {missed:>5}  did not come to pass: the step was over before they could strike\n"
            ));
        }
        if self.pruned > 0 {
            out.push_str(&format!(
                "  {:>5}  pairs were left out: their second fault strikes where a step like it was struck before\n",
                self.pruned
            ));
        }
        if !self.left_out.is_empty() {
            let like: std::collections::BTreeSet<&String> = self.left_out.values().collect();
            let like: Vec<&str> = like.into_iter().map(String::as_str).collect();
            out.push_str(&format!(
                "  {:>5}  slaves do what {} does, step by step: faults struck at the first and the last of them (--every-host)\n",
                self.left_out.len(),
                like.join(", ")
            ));
        }
        #[expect(clippy::cast_precision_loss, reason = "fewer rehearsals than that")]
        let rate = self.rehearsed.len() as f64 / self.took.as_secs_f64().max(0.001);
        out.push_str(&format!(
            "  {} rehearsals in {:.1} s, {rate:.0} a second\n",
            self.rehearsed.len(),
            self.took.as_secs_f64()
        ));
        let joined = self.joined();
        if joined > 0 {
            let _ = writeln!(
                out,
                "  {joined} of them were over where nothing told them from the undisturbed run any more (--to-the-end)"
            );
        }
        out
    }

    /// How many were ended where they went on as the undisturbed run.
    pub(super) fn joined(&self) -> usize {
        self.rehearsed.iter().filter(|one| one.joined).count()
    }

    /// What went wrong, and what each run came to, one after the other.
    fn course(&self, one: &Rehearsed) -> String {
        let mut text = format!("\n  {}\n", self.what_went_wrong(one));
        for (run, end) in &one.runs {
            let run = match run {
                RunOf::Struck => "the run",
                RunOf::Resume => "resume",
                RunOf::Anew => "run anew",
                RunOf::WayBack => "way back",
            };
            let end = match end {
                RunEnd::Done => "comes to its end".to_owned(),
                RunEnd::Killed => "is killed".to_owned(),
                RunEnd::Stopped(why) => {
                    format!("stops at {}", why.trim_end().replace('\n', "\n             "))
                }
            };
            let _ = writeln!(text, "    {run:<8} {end}");
        }
        text
    }

    /// A rehearsal's faults, in words.
    fn what_went_wrong(&self, one: &Rehearsed) -> String {
        let said = |fault: &Fault| {
            let step = self
                .undisturbed
                .steps
                .iter()
                .find(|step| step.step.id == fault.step);
            let task = step.map_or(fault.step.as_str(), |step| step.task.as_str());
            format!("\"{task}\" on {}: {}", fault.host, fault.kind.sentence())
        };
        let mut text = String::new();
        if let Some(first) = &one.after {
            let _ = write!(text, "{}; then ", said(first));
        }
        text + &said(&one.fault)
    }
}
