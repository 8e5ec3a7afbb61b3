//! What of a text is shown around a place: whole lines, unless they are longer than anybody could read.
//!
//! Files that programs write are often a single line (`-e @variables.json`). The renderer would draw all of it, and panics where an
//! underline begins at column 65,536.

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use super::Source;

/// A line longer than this, in bytes, is shown in part; nothing longer is underlined.
pub(super) const WIDEST: usize = 400;

/// How much of such a line is shown before the place.
const BEFORE: usize = 80;

impl SourceCode for Source {
    /// An error where the renderer wants all that is between two places, and they are too far apart: it shows them one by one then.
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let whole = self.text.read_span(span, lines_before, lines_after)?;
        let lines = whole.span().offset()..whole.span().offset() + whole.span().len();
        let text = self.text.get(lines.clone()).ok_or(MietteError::OutOfBounds)?;
        if text.lines().all(|line| line.len() <= WIDEST) {
            let (line, column) = (whole.line(), whole.column());
            return Ok(Box::new(self.contents(lines, line, column, whole.line_count())));
        }
        let (start, end) = (span.offset(), span.offset() + span.len());
        let place = self.text.get(start..end).ok_or(MietteError::OutOfBounds)?;
        if place.len() > WIDEST || place.contains('\n') {
            return Err(MietteError::OutOfBounds);
        }
        let line_start = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = self.text[end..].find('\n').map_or(self.text.len(), |at| end + at);
        let from = self.boundary(line_start.max(start.saturating_sub(BEFORE)));
        let to = self.boundary(line_end.min(end + (WIDEST - BEFORE)));
        let before = self.text.get(lines.start..line_start).unwrap_or_default();
        let line = whole.line() + before.matches('\n').count();
        Ok(Box::new(self.contents(from..to, line, from - line_start, 1)))
    }
}

impl Source {
    fn contents(
        &self,
        shown: std::ops::Range<usize>,
        line: usize,
        column: usize,
        line_count: usize,
    ) -> MietteSpanContents<'_> {
        MietteSpanContents::new_named(
            self.name.clone(),
            &self.text.as_bytes()[shown.clone()],
            (shown.start, shown.len()).into(),
            line,
            column,
            line_count,
        )
    }

    /// The last place not after this one at which no character is cut.
    pub(super) fn boundary(&self, at: usize) -> usize {
        (0..=at)
            .rev()
            .find(|&at| self.text.is_char_boundary(at))
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use miette::{GraphicalReportHandler, GraphicalTheme};

    use crate::diagnostics::{Finding, Source, Span};

    fn shown(text: &str, places: &[(usize, usize)]) -> String {
        let source = Source::new("vars.json", text);
        let labels = places.iter().map(|&(start, length)| {
            let span = Span {
                source: source.clone(),
                start,
                end: start + length,
            };
            (span, "here".to_owned())
        });
        let finding = Finding {
            message: "wrong".to_owned(),
            labels: labels.collect(),
            help: None,
        };
        let mut text = String::new();
        GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
            .render_report(&mut text, &finding)
            .unwrap();
        text
    }

    #[test]
    fn of_a_line_without_end_what_is_around_the_place_is_shown() {
        let long = format!("first\n{}wrong{}\nlast", "é".repeat(100_000), "ö".repeat(100_000));
        let said = shown(&long, &[(6 + 200_000, 5)]);
        assert!(said.contains("[vars.json:2:200001]"), "{said}");
        assert!(said.contains("ééwrongöö"), "{said}");
        assert!(said.lines().all(|line| line.chars().count() < 500), "{said}");
    }

    #[test]
    fn places_far_apart_in_one_line_are_shown_one_by_one() {
        let long = "a".repeat(300_000);
        let said = shown(&long, &[(150_000, 3), (100, 3), (290_000, 200_000)]);
        assert_eq!(said.matches("here").count(), 3, "{said}");
        assert!(said.lines().all(|line| line.len() < 2_000), "{said}");
    }

    #[test]
    fn a_long_neighbour_is_left_out() {
        let text = format!("{}\nwrong: 1\n{}", "a".repeat(5_000), "b".repeat(5_000));
        let said = shown(&text, &[(5_001, 5)]);
        assert!(said.contains("2 │ wrong: 1"), "{said}");
        assert!(!said.contains("aaa") && !said.contains("bbb"), "{said}");
    }
}
