//! Names of filters and tests with their collection in front: `x | ansible.builtin.b64encode`.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::braces::{QUOTED, rewrite_code};

const COLLECTION: &str = "ansible.builtin.";

/// An expression, or a text with code in it, with blanks in the place of the collection: whatever stands behind it keeps its place.
pub(super) fn without_collections(source: &str, is_expression: bool) -> Cow<'_, str> {
    if source.contains(COLLECTION) {
        rewrite_code(source, is_expression, in_code)
    } else {
        source.into()
    }
}

fn in_code(code: &str) -> Cow<'_, str> {
    static NAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(&format!(
            r"(?s){QUOTED}|(\||\bis(?:\s+not)?\s)\s*ansible\.builtin\."
        ))
        .ok()
    });
    let Some(name) = &*NAME else {
        return code.into();
    };
    name.replace_all(code, |found: &Captures<'_>| {
        let whole = &found[0];
        match found.get(1) {
            Some(_) => whole.replace(COLLECTION, &" ".repeat(COLLECTION.len())),
            None => whole.to_owned(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::without_collections;

    #[test]
    fn only_names_of_filters_and_tests_lose_it() {
        let blanks = " ".repeat(16);
        for (text, expected) in [
            ("a |ansible.builtin.b64encode", format!("a |{blanks}b64encode")),
            (
                "a is not ansible.builtin.match('x')",
                format!("a is not {blanks}match('x')"),
            ),
            ("'a | ansible.builtin.x'", "'a | ansible.builtin.x'".to_owned()),
            ("this ansible.builtin.x", "this ansible.builtin.x".to_owned()),
        ] {
            assert_eq!(without_collections(text, true), expected);
        }
        let text = "a | ansible.builtin.x {{ a | ansible.builtin.x }}";
        let expected = format!("a | ansible.builtin.x {{{{ a | {blanks}x }}}}");
        assert_eq!(without_collections(text, false), expected);
    }
}
