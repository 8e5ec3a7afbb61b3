//! A broken rule as a story: what led to it, the line that did it, the rule and where it is written.

use std::fmt::Write as _;

use super::forecast::time;
use super::paint::Paint;
use crate::commands::terminal::Terminal;
use crate::diagnostics::Finding;
use crate::rehearsal::outcome::Outcome;
use crate::rehearsal::story::Story;

/// The story as text. `because`: what went wrong before.
pub(super) fn text(story: &Story, because: &str, paint: Paint, terminal: &Terminal) -> String {
    let rule = story.breach.rule;
    let mut out = String::new();
    let _ = writeln!(
        out,
        "  {} {}",
        paint.outcome(Outcome::Violation, "VIOLATION"),
        paint.bold(rule.name)
    );
    let _ = writeln!(out, "  {because}");
    for (at, host, what, task) in &story.deeds {
        let task = task
            .as_ref()
            .map(|task| paint.dim(&format!("  \"{task}\"")))
            .unwrap_or_default();
        let _ = writeln!(out, "    {:>14}  {host}: {what}{task}", time(*at));
    }
    let finding = match &story.task {
        Some(span) => {
            let label = match story.breach.deed {
                Some(_) => "this did it",
                None => "after this nothing was done about it",
            };
            Finding::at(span, story.breach.what.clone(), label)
        }
        None => Finding::nowhere(story.breach.what.clone()),
    };
    let finding = finding.help(format!("the rule: {}; {}", rule.sentence, rule.source));
    let shown = terminal.shown(&[finding]);
    for line in shown.lines() {
        let _ = writeln!(out, "  {line}");
    }
    out.push('\n');
    out
}
