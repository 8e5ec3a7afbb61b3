//! The table, what is not known, and the verdict, for people.

use std::fmt::Write as _;

use nebplay_modules::federation_map::Role;
use nebplay_modules::opennebula::zone::FedIndex;

use super::row::{ALL, Row};
use super::verdict::Verdict;
use crate::commands::terminal::Terminal;

/// A column: its heading, whether it stands to the right, and its cells.
struct Column {
    heading: &'static str,
    right: bool,
    cells: Vec<String>,
}

impl Column {
    fn width(&self) -> usize {
        let cells = self.cells.iter().map(|cell| cell.chars().count());
        cells.max().unwrap_or(0).max(self.heading.len())
    }

    fn cell(&self, row: Option<usize>) -> String {
        let (text, width) = (
            row.map_or(self.heading, |row| self.cells[row].as_str()),
            self.width(),
        );
        if self.right {
            format!("{text:>width$}")
        } else {
            format!("{text:<width$}")
        }
    }
}

/// All of it.
pub(super) fn text(rows: &[Row], verdict: &Verdict, terminal: &Terminal) -> String {
    let mut out = table(rows, terminal);
    out.push_str(&reasons(rows, terminal));
    out.push('\n');
    out.push_str(&terminal.prose(&verdict.summary, 0));
    for odd in &verdict.odd {
        let folded = terminal.prose(odd, 2);
        let _ = write!(out, "-{}", folded.strip_prefix(' ').unwrap_or(&folded));
    }
    out
}

/// Why there is a `-`.
fn reasons(rows: &[Row], terminal: &Terminal) -> String {
    let mut out = String::new();
    let stopped = rows
        .iter()
        .filter(|row| row.unknown.iter().any(|unknown| unknown.expected));
    let stopped: Vec<&str> = stopped.map(|row| row.name.as_str()).collect();
    if !stopped.is_empty() {
        let text = format!(
            "oned is stopped in {}: it tells no FED_INDEX and no running version.",
            stopped.join(", ")
        );
        out.push_str(&terminal.prose(&text, 0));
    }
    for row in rows {
        for unknown in row.unknown.iter().filter(|unknown| !unknown.expected) {
            let what = match unknown.what {
                ALL => "cannot be asked".to_owned(),
                what => format!("{what} not known"),
            };
            let _ = writeln!(out, "{} ({}): {what}", row.name, row.host);
            // What is laid out in lines (commands to copy) stays as it is.
            if unknown.why.trim_end().contains('\n') {
                for line in unknown.why.trim_end().lines() {
                    let _ = writeln!(out, "    {line}");
                }
            } else {
                out.push_str(&terminal.prose(&unknown.why, 4));
            }
        }
    }
    if !out.is_empty() {
        out.insert(0, '\n');
    }
    out
}

fn table(rows: &[Row], terminal: &Terminal) -> String {
    let who = [
        column("ID", true, rows, |row| Some(row.id.to_string())),
        column("NAME", false, rows, |row| Some(row.name.clone())),
    ];
    let how = [
        column("ROLE", false, rows, |row| {
            Some(
                if row.role == Role::Master {
                    "master"
                } else {
                    "slave"
                }
                .to_owned(),
            )
        }),
        column("ENDPOINT", false, rows, |row| row.endpoint.clone()),
        column("FED_INDEX", true, rows, |row| {
            row.fed_index.map(|index| match index {
                FedIndex::At(index) => index.to_string(),
                FedIndex::NoLog => "no log".to_owned(),
                FedIndex::Standalone => "none".to_owned(),
            })
        }),
        column("API", false, rows, |row| row.api.map(str::to_owned)),
    ];
    let what = [
        column("RUNNING", false, rows, |row| row.running.clone()),
        column("INSTALLED", false, rows, |row| row.installed.clone()),
        column("SHARED DB", false, rows, |row| row.shared_db.clone()),
        column("LOCAL DB", false, rows, |row| row.local_db.clone()),
        column("SERVICES", false, rows, Row::services),
    ];
    let several = rows.windows(2).any(|pair| pair[0].id == pair[1].id);
    let host = several.then(|| column("FRONT-END", false, rows, |row| Some(row.host.clone())));
    let columns = || who.iter().chain(&host);
    let one: Vec<&Column> = columns().chain(&how).chain(&what).collect();
    let width: usize = one.iter().map(|column| column.width() + 2).sum();
    if width - 2 <= terminal.table_width() {
        return lines(&one, rows.len(), terminal);
    }
    let first: Vec<&Column> = columns().chain(&how).collect();
    let second: Vec<&Column> = columns().chain(&what).collect();
    format!(
        "{}\n{}",
        lines(&first, rows.len(), terminal),
        lines(&second, rows.len(), terminal)
    )
}

fn column(heading: &'static str, right: bool, rows: &[Row], cell: impl Fn(&Row) -> Option<String>) -> Column {
    let cells = rows.iter().map(|row| cell(row).unwrap_or_else(|| "-".to_owned()));
    Column {
        heading,
        right,
        cells: cells.collect(),
    }
}

fn lines(columns: &[&Column], rows: usize, terminal: &Terminal) -> String {
    let mut out = String::new();
    for row in std::iter::once(None).chain((0..rows).map(Some)) {
        let cells: Vec<String> = columns.iter().map(|column| column.cell(row)).collect();
        let line = cells.join("  ");
        let line = line.trim_end();
        let line = if row.is_none() {
            terminal.heading(line)
        } else {
            line.to_owned()
        };
        let _ = writeln!(out, "{line}");
    }
    out
}
