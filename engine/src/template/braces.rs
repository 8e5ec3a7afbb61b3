//! Where templates begin and end in a text.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// A text in code, quotes included, as a regular expression (with `(?s)`).
pub(super) const QUOTED: &str = r#"'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*""#;

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
    end_of_code(&text[from..to], '}').is_none().then_some(from..to)
}

/// A text with all of its code rewritten; an expression is code as a whole.
pub(super) fn rewrite_code(
    source: &str,
    is_expression: bool,
    rewrite: impl Fn(&str) -> Cow<'_, str>,
) -> Cow<'_, str> {
    if is_expression {
        return rewrite(source);
    }
    let mut out = String::new();
    let mut done = 0;
    for code in code_in(source) {
        out.push_str(&source[done..code.start]);
        done = code.end;
        out.push_str(&rewrite(&source[code]));
    }
    out.push_str(&source[done..]);
    out.into()
}

/// The code of a text: what stands in `{{ }}` and in `{% %}`, without comments and what is `raw`.
pub(super) fn code_in(source: &str) -> Vec<Range<usize>> {
    static END_OF_RAW: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\{%[-+]?\s*endraw\b").ok());
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = source.as_bytes()[at..]
        .windows(2)
        .position(|pair| matches!(pair, [b'{', b'{' | b'%' | b'#']))
    {
        let start = at + open + 2;
        let inside = &source[start..];
        let (end, is_code) = match source.as_bytes()[start - 1] {
            b'#' => (inside.find("#}"), false),
            b'{' => (end_of_code(inside, '}'), true),
            _ if is_raw(inside) => {
                let end = END_OF_RAW.as_ref().and_then(|end| end.find(inside));
                (end.map(|end| end.start()), false)
            }
            _ => (end_of_code(inside, '%'), true),
        };
        at = start + end.unwrap_or(inside.len());
        if is_code {
            found.push(start..at);
        }
    }
    found
}

fn is_raw(tag: &str) -> bool {
    let tag = tag.trim_start_matches(['-', '+']).trim_start();
    tag.strip_prefix("raw")
        .is_some_and(|rest| rest.trim_start_matches(['-', '+', ' ']).starts_with("%}"))
}

/// Where the brace or the sign stands that ends code, outside of quotes and brackets.
fn end_of_code(code: &str, sign: char) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut chars = code.char_indices();
    while let Some((at, c)) = chars.next() {
        match (quote, c) {
            (Some(_), '\\') => {
                chars.next();
            }
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '{' | '[' | '(') => depth += 1,
            (None, '}') if depth == 0 && sign == '}' => return Some(at),
            (None, '%') if sign == '%' && code[at..].starts_with("%}") => return Some(at),
            (None, '}' | ']' | ')') => depth = depth.saturating_sub(1),
            (None, _) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{lone_expression, rewrite_code};

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

    #[test]
    fn code_is_told_from_what_stands_around_it() {
        for (text, rewritten) in [
            ("a {{ b }} c", "a {{< b >}} c"),
            (
                "{{ {'a': {'b': '}}'}} }}{{ c }}",
                "{{< {'a': {'b': '}}'}} >}}{{< c >}}",
            ),
            ("{% if a == '%}' %}{{ b", "{%< if a == '%}' >%}{{< b>"),
            ("{# {{ a }} #}{{ b }}", "{# {{ a }} #}{{< b >}}"),
            (
                "{% raw %}{{ a }}{% endraw %}{{ b }}",
                "{% raw %}{{ a }}{%< endraw >%}{{< b >}}",
            ),
            ("no { code }", "no { code }"),
        ] {
            let marked = rewrite_code(text, false, |code| format!("<{code}>").into());
            assert_eq!(marked, rewritten, "{text}");
        }
        assert_eq!(rewrite_code("a", true, |code| format!("<{code}>").into()), "<a>");
    }
}
