//! Where templates begin and end in a text.

use std::ops::Range;

/// Whether a text has anything to render.
pub(super) fn has_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

/// The expression of a text that is one `{{ expression }}` and nothing else: its value keeps its type.
pub(super) fn lone_expression(text: &str) -> Option<Range<usize>> {
    let start = text.len() - text.trim_start().len();
    let end = text.trim_end().len();
    let inside = text.get(start..end)?;
    inside.strip_prefix("{{")?.strip_suffix("}}")?;
    let (mut from, mut to) = (start + 2, end - 2);
    if text[from..to].starts_with(['-', '+']) {
        from += 1;
    }
    if to > from && text[from..to].ends_with(['-', '+']) {
        to -= 1;
    }
    is_one_expression(&text[from..to]).then_some(from..to)
}

/// Whether no `}}` outside of quotes and brackets ends the expression early.
fn is_one_expression(expression: &str) -> bool {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut chars = expression.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(_), '\\') => {
                chars.next();
            }
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '{' | '[' | '(') => depth += 1,
            (None, '}') if depth == 0 => return false,
            (None, '}' | ']' | ')') => depth = depth.saturating_sub(1),
            (None, _) => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::lone_expression;

    #[test]
    fn a_lone_expression_is_told_from_a_text() {
        for (text, expression) in [
            ("{{ a }}", Some(" a ")),
            ("  {{- a -}}\n", Some(" a ")),
            ("{{ {'a': {'b': 1}} }}", Some(" {'a': {'b': 1}} ")),
            ("{{ '}}' }}", Some(" '}}' ")),
            ("{{ a }}{{ b }}", None),
            ("x {{ a }}", None),
            ("{{ a", None),
            ("{{}}", Some("")),
            ("{{", None),
            ("", None),
        ] {
            assert_eq!(
                lone_expression(text).map(|range| &text[range]),
                expression,
                "{text}"
            );
        }
    }
}
