//! `a['b']` read as `a.b`.
//!
//! Both mean the same to whoever writes them, but only an attribute that is missing can be told from `'b' in a` by an object of
//! the template engine, and so only it can be followed by `.c | default(x)`. The rewritten text is as long as the original, so
//! that places in it stay right.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::braces::{QUOTED, rewrite_code};

/// An expression, or the code of a text, with its subscripts by name as attributes.
pub(super) fn as_attributes(source: &str, is_expression: bool) -> Cow<'_, str> {
    if source.contains('[') {
        rewrite_code(source, is_expression, rewrite)
    } else {
        source.into()
    }
}

fn rewrite(code: &str) -> Cow<'_, str> {
    // Texts are matched first, so that nothing inside of them is taken for a subscript.
    static TOKENS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let subscript =
            r#"(?P<before>[A-Za-z_]\w*|[\])])\[(?:'(?P<one>[A-Za-z_]\w*)'|"(?P<two>[A-Za-z_]\w*)")\]"#;
        let further = r#"\[(?:'(?P<three>[A-Za-z_]\w*)'|"(?P<four>[A-Za-z_]\w*)")\]"#;
        Regex::new(&format!("(?s){QUOTED}|{subscript}|{further}")).ok()
    });
    let Some(tokens) = &*TOKENS else {
        return code.into();
    };
    let mut end_of_last = None;
    tokens.replace_all(code, |token: &Captures<'_>| {
        let whole = token.get(0).map_or(0..0, |whole| whole.range());
        let attribute = |name: &str| format!(".{name:<width$}", width = name.len() + 3);
        let name = |keys: [&str; 2]| {
            keys.iter()
                .find_map(|key| token.name(key))
                .map(|name| name.as_str())
        };
        let rewritten = if let (Some(before), Some(name)) = (token.name("before"), name(["one", "two"])) {
            let keyword = matches!(
                before.as_str(),
                "in" | "not" | "and" | "or" | "if" | "else" | "is"
            );
            (!keyword).then(|| format!("{}{}", before.as_str(), attribute(name)))
        } else if let Some(name) = name(["three", "four"]) {
            // A list after anything but a subscript that was just rewritten is a list.
            (end_of_last == Some(whole.start)).then(|| attribute(name))
        } else {
            None
        };
        if rewritten.is_some() {
            end_of_last = Some(whole.end);
        }
        rewritten.unwrap_or_else(|| token[0].to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::as_attributes;

    #[test]
    fn subscripts_by_name_become_attributes_of_the_same_length() {
        for (text, rewritten) in [
            ("a['b']['c'].d", "a.b   .c   .d"),
            (r#"f(x)["b"] | d(1)"#, "f(x).b    | d(1)"),
            ("a[0]['b']", "a[0].b   "),
            ("x in ['a']", "x in ['a']"),
            ("x in['a']", "x in['a']"),
            ("['a']", "['a']"),
            ("a['not a name'][b]", "a['not a name'][b]"),
            ("'x[\"a\"]' ~ y", "'x[\"a\"]' ~ y"),
        ] {
            assert_eq!(as_attributes(text, true), rewritten, "{text}");
            assert_eq!(text.len(), rewritten.len(), "{text}");
        }
        assert_eq!(as_attributes("a['b'] {{ a['b'] }}", false), "a['b'] {{ a.b    }}");
    }
}
