//! Backslashes in the texts of a template: `regex_replace('(\w+)', '<\1>')`.
//!
//! The template engine reads texts as Python does, where `\1` and `\b` are control characters. Who writes them in a playbook means
//! a group and a word's boundary, and gets them from Ansible, which takes every backslash there as it stands. Here all do but those
//! of `\n`, `\t`, `\r`, `\\`, `\'` and `\"`, of which nobody means the backslash.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::braces::{QUOTED, rewrite_code};

/// An expression, or a text with code in it, that keeps the backslashes of its texts when the template engine has read them.
pub(super) fn keep_backslashes(source: &str, is_expression: bool) -> Cow<'_, str> {
    if source.contains('\\') {
        rewrite_code(source, is_expression, in_literals)
    } else {
        source.into()
    }
}

/// What was written, of a part of what [`keep_backslashes`] came to.
pub(super) fn as_written(source: &str) -> String {
    source.replace(r"\\", r"\")
}

fn in_literals(code: &str) -> Cow<'_, str> {
    static LITERAL: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(&format!("(?s){QUOTED}")).ok());
    static ESCAPE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?s)\\(.)").ok());
    let (Some(literal), Some(escape)) = (&*LITERAL, &*ESCAPE) else {
        return code.into();
    };
    literal.replace_all(code, |text: &Captures<'_>| {
        let kept = escape.replace_all(&text[0], |escape: &Captures<'_>| {
            if matches!(&escape[1], "n" | "t" | "r" | "\\" | "'" | "\"") {
                escape[0].to_owned()
            } else {
                format!(r"\{}", &escape[0])
            }
        });
        kept.into_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::keep_backslashes;

    #[test]
    fn backslashes_are_kept_but_of_the_escapes_that_everybody_means() {
        for (text, kept) in [
            (r"'\1' ~ '\\1' ~ '\d\b'", r"'\\1' ~ '\\1' ~ '\\d\\b'"),
            (
                r#""a\nb" ~ 'it\'s' ~ "\"" ~ '\t\r'"#,
                r#""a\nb" ~ 'it\'s' ~ "\"" ~ '\t\r'"#,
            ),
            (r"a \ b", r"a \ b"),
        ] {
            assert_eq!(keep_backslashes(text, true), kept);
        }
        let text = r"\1 {{ '\1' }} {# '\1' #}{% if '\1' %}";
        assert_eq!(
            keep_backslashes(text, false),
            r"\1 {{ '\\1' }} {# '\1' #}{% if '\\1' %}"
        );
    }
}
