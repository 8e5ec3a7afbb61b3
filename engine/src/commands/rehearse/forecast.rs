//! The forecast on the terminal: when each zone's API is away, what the time goes into, and what would shorten it.

use std::fmt::Write as _;
use std::time::Duration;

use super::paint::Paint;
use crate::plan::Plan;
use crate::rehearsal::invariants::ZoneOf;
use crate::rehearsal::window::{Away, Window};

/// Columns of the timeline.
const COLUMNS: usize = 48;

/// Tasks of the critical path that are worth a line.
const SHOWN: usize = 6;

/// A time as people say it.
pub(super) fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A moment since the beginning.
fn clock(at: Duration) -> String {
    let seconds = at.as_secs();
    format!(
        "{}:{:02}:{:02}",
        seconds / 3600,
        seconds % 3600 / 60,
        seconds % 60
    )
}

/// What something else would make of it: a sentence, and the window then.
pub(in crate::commands) struct Alternative {
    pub(super) what: &'static str,
    pub(super) window: Window,
}

/// The forecast as text.
pub(super) fn text(
    zones: &[ZoneOf],
    plan: &Plan,
    window: &Window,
    alternatives: &[Alternative],
    assumptions: &[String],
    paint: Paint,
) -> String {
    let mut out = String::new();
    let Some(away) = window.federation else {
        let _ = writeln!(
            out,
            "  the run takes {}; the API of no zone is ever away",
            time(window.run)
        );
        return out;
    };
    let lasts = away.lasts().map_or_else(|| "for good".to_owned(), time);
    let _ = writeln!(
        out,
        "  the run takes {}; the API of the federation is away for {}",
        time(window.run),
        paint.bold(&lasts)
    );
    out.push('\n');
    let name_room = zones
        .iter()
        .map(|zone| zone.host.len())
        .max()
        .unwrap_or(0)
        .max(10);
    for zone in zones {
        let Some(away) = window.zones.get(&zone.host) else {
            continue;
        };
        let line = bar(*away, window.run);
        let said = match away {
            None => "always open".to_owned(),
            Some(away) => match away.to {
                Some(to) => format!(
                    "{} to {}, {}",
                    clock(away.from),
                    clock(to),
                    away.lasts().map(time).unwrap_or_default()
                ),
                None => format!("from {} on, and not back", clock(away.from)),
            },
        };
        let _ = writeln!(out, "  {:name_room$} {line}  {said}", zone.host);
    }
    let _ = writeln!(
        out,
        "  {:name_room$} {}\n",
        "",
        paint.dim(&format!(
            "0:00:00{:>width$}",
            clock(window.run),
            width = COLUMNS - 7
        ))
    );
    let mut path = window.path.clone();
    path.sort_by_key(|share| std::cmp::Reverse(share.takes));
    let whole = away.lasts().unwrap_or(window.run).as_secs_f64().max(1.0);
    let _ = writeln!(out, "  what the run waits for meanwhile (the critical path):");
    for share in path.iter().take(SHOWN) {
        let name = plan
            .task(&share.task)
            .map_or(share.task.as_str(), |task| task.task.name.value.as_str());
        let part = share.takes.as_secs_f64() / whole * 100.0;
        let hosts = if share.hosts > 1 {
            format!(", {} hosts one after the other", share.hosts)
        } else {
            String::new()
        };
        let _ = writeln!(out, "    {:>14}  {part:>3.0}%  {name}{hosts}", time(share.takes));
    }
    let rest: Duration = path.iter().skip(SHOWN).map(|share| share.takes).sum();
    if !rest.is_zero() {
        let _ = writeln!(
            out,
            "    {:>14}  {:>3.0}%  {} other tasks",
            time(rest),
            rest.as_secs_f64() / whole * 100.0,
            path.len() - SHOWN
        );
    }
    out.push('\n');
    for alternative in alternatives {
        let Some(then) = alternative.window.federation.and_then(|away| away.lasts()) else {
            continue;
        };
        let now = away.lasts().unwrap_or_default();
        let line = if then + Duration::from_secs(1) < now {
            format!("{} shorter ({})", time(now.saturating_sub(then)), time(then))
        } else if then > now + Duration::from_secs(1) {
            format!("{} longer ({})", time(then.saturating_sub(now)), time(then))
        } else {
            "no difference".to_owned()
        };
        let _ = writeln!(out, "  {:52} {line}", alternative.what);
    }
    out.push('\n');
    for assumption in assumptions {
        let _ = writeln!(out, "  {}", paint.dim(assumption));
    }
    out
}

/// A zone's time: open, away, open.
fn bar(away: Option<Away>, run: Duration) -> String {
    let whole = run.as_secs_f64().max(1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a column of the terminal"
    )]
    let column = |at: Duration| (at.as_secs_f64() / whole * COLUMNS as f64).round() as usize;
    let (from, to) = match away {
        None => (COLUMNS, COLUMNS),
        Some(away) => (
            column(away.from).min(COLUMNS),
            away.to.map_or(COLUMNS, column).min(COLUMNS),
        ),
    };
    let cell = |at: usize| {
        if (from..to.max(from + 1).min(COLUMNS)).contains(&at) && from < COLUMNS {
            '█'
        } else {
            '─'
        }
    };
    (0..COLUMNS).map(cell).collect()
}
