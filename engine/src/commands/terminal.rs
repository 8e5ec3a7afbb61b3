//! What the commands write to: standard output for what was asked for, standard error for what is wrong.

use std::io::{self, IsTerminal, Write};

use miette::{GraphicalReportHandler, GraphicalTheme};

use super::error::{CommandError, count};
use crate::diagnostics::Finding;
use crate::prose::fold;

/// Columns where nobody says how many there are.
const WIDTH: u16 = 100;
/// Columns behind which prose is hard to read.
const WIDEST: u16 = 120;

/// Standard output and standard error, and what each can show.
pub(super) struct Terminal {
    /// Whether standard output shows colours.
    pub(super) colour: bool,
    /// Whether standard error shows colours.
    pub(super) error_colour: bool,
    /// Whether standard error is looked at by a person.
    pub(super) error_is_seen: bool,
    /// Columns of text.
    pub(super) width: u16,
    /// Columns of standard output, where that is a terminal.
    pub(super) columns: Option<u16>,
}

impl Terminal {
    /// What a pipe is, for tests.
    #[cfg(test)]
    pub(super) fn plain() -> Self {
        Self {
            colour: false,
            error_colour: false,
            error_is_seen: false,
            width: 80,
            columns: None,
        }
    }

    /// What this process was started with. Colours yield to `NO_COLOR` and `TERM=dumb`.
    pub(super) fn of_process() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|value| value != "dumb");
        let columns = rustix::termios::tcgetwinsize(io::stdout())
            .ok()
            .map(|size| size.ws_col)
            .filter(|width| *width > 0);
        let width = columns.or_else(|| {
            let size = rustix::termios::tcgetwinsize(io::stderr()).ok()?;
            Some(size.ws_col).filter(|width| *width > 0)
        });
        Self {
            colour: wanted && io::stdout().is_terminal(),
            error_colour: wanted && io::stderr().is_terminal(),
            error_is_seen: io::stderr().is_terminal(),
            width: width.unwrap_or(WIDTH).min(WIDEST),
            columns,
        }
    }

    /// Columns that a table may have: what reads a pipe cuts lines itself.
    pub(super) fn table_width(&self) -> usize {
        self.columns.map_or(usize::MAX, usize::from)
    }

    /// Says why a command did not do what it was asked for.
    pub(super) fn complain(&self, error: &CommandError) {
        let text = match error {
            CommandError::Io { error, .. } if error.kind() == io::ErrorKind::BrokenPipe => return,
            CommandError::Files(findings) => self.findings(findings),
            CommandError::Usage { message, help } => {
                let help = help.iter().map(|help| format!("  help: {help}\n"));
                format!("error: {message}\n{}", help.collect::<String>())
            }
            CommandError::Locked { message, next } => format!("error: {message}\n  help: {next}\n"),
            CommandError::NotTold { next, .. } => format!("error: {error}\n  help: {next}\n"),
            CommandError::NotLocked(_) | CommandError::Io { .. } => format!("error: {error}\n"),
        };
        // Where even standard error is gone there is nobody left to tell.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Findings as they are shown to a person, with their number at the end.
    pub(super) fn findings(&self, findings: &[Finding]) -> String {
        self.shown(findings) + &count(findings.len()) + "; nothing was run\n"
    }

    /// Findings as they are shown to a person.
    pub(super) fn shown(&self, findings: &[Finding]) -> String {
        let theme = match (self.error_is_seen, self.error_colour) {
            (true, true) => GraphicalTheme::unicode(),
            (true, false) => GraphicalTheme::unicode_nocolor(),
            (false, _) => {
                let mut theme = GraphicalTheme::none();
                "error:".clone_into(&mut theme.characters.error);
                theme
            }
        };
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_width(self.width.into())
            .with_context_lines(1)
            .without_syntax_highlighting();
        let mut text = String::new();
        for finding in findings {
            // Writing to a string fails only if the renderer gives up on the source: then the bare words must do.
            if handler.render_report(&mut text, finding).is_err() {
                text.push_str(&finding.message);
            }
            text.push('\n');
        }
        text
    }

    /// Text as a heading.
    pub(super) fn heading(&self, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[1m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    /// Prose, folded to the width and indented.
    pub(super) fn prose(&self, text: &str, indent: usize) -> String {
        let width = usize::from(self.width).saturating_sub(indent).max(20);
        let margin = " ".repeat(indent);
        let mut out = String::new();
        for paragraph in text.split("\n\n") {
            if !out.is_empty() {
                out.push('\n');
            }
            for line in fold(paragraph, width) {
                out.extend([&margin, line.as_str(), "\n"]);
            }
        }
        out
    }
}

/// Says what the operator should know beside what was asked for.
pub(super) fn remark(remarks: &[String]) {
    let mut err = io::stderr().lock();
    for remark in remarks {
        // Where even standard error is gone there is nobody left to tell.
        let _ = writeln!(err, "note: {remark}");
    }
}

/// Writes what was asked for.
pub(super) fn print(text: &str) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Terminal;
    use crate::diagnostics::{Finding, Source};
    use crate::yaml;

    #[test]
    fn findings_without_a_terminal() {
        let source = Source::new("play.yml", "- hosts: all\n  tasks:\n  - debug: {{ x }}\n");
        let first = yaml::parse(&source).unwrap_err();
        let second = Finding::nowhere("cannot read prod.ini").help("did you mean `prod.yml`?");
        insta::assert_snapshot!(Terminal::plain().findings(&[first, second]), @r#"
          error: a template stands without quotes
           ,-[play.yml:3:12]
         2 |   tasks:
         3 |   - debug: {{ x }}
           :            ^^^|^^^
           :               `-- in quotes, please
           `----
          help: a value that begins with `{{` must be in quotes, or YAML takes it for
                a mapping: "{{ … }}"

          error: cannot read prod.ini
          help: did you mean `prod.yml`?

        2 errors; nothing was run
        "#);
    }

    #[test]
    fn places_in_two_files() {
        let one = yaml::parse(&Source::new("a.yml", "x: 1\ny:\n  é: [1,\n   2]\n"))
            .unwrap()
            .unwrap();
        let other = yaml::parse(&Source::new("b.yml", "\nx: 2\n")).unwrap().unwrap();
        let mut finding = Finding::at(
            &one.get("y").unwrap().get("é").unwrap().span,
            "these contradict each other",
            "this",
        );
        finding
            .labels
            .push((one.entry("x").unwrap().key.span.clone(), "and this".to_owned()));
        finding.labels.push((
            other.entry("x").unwrap().key.span.clone(),
            "and another".to_owned(),
        ));
        insta::assert_snapshot!(Terminal::plain().findings(&[finding.help("keep one")]), @r#"
          error: these contradict each other
           ,-[a.yml:3:7]
         1 | x: 1
           : |
           : `-- and this
         2 | y:
         3 |   é: [1,
           :      ^|^
           :       `-- this
         4 |    2]
           `----
          help: and another: b.yml:2
                keep one

        1 error; nothing was run
        "#);
    }

    #[test]
    fn prose_is_folded() {
        let terminal = Terminal {
            width: 30,
            ..Terminal::plain()
        };
        let folded = terminal.prose("one two three four five six\nseven\n\néé ".repeat(2).trim(), 4);
        insta::assert_snapshot!(folded, @r#"
        one two three four five
        six seven

        éé one two three four five
        six seven

        éé
        "#);
    }
}
