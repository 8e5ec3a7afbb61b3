//! What a template may ask for. It is compiled by recursion and evaluated in memory, and both have an end at which nothing could be
//! said any more.

use std::sync::LazyLock;

use minijinja::{Error, ErrorKind};
use regex::Regex;

use super::braces::QUOTED;

/// What one evaluation may cost: each of its steps is one, and each 64 bytes that it makes. That is a few seconds, and 256 MB.
pub(super) const FUEL: u64 = 4 << 20;

/// So many operators in one expression fit on the stack of a thread several times over.
const OPERATORS: usize = 300;

/// So many `elif` in one template, too.
const BRANCHES: usize = 200;

/// Refuses what would be compiled too deeply. Parentheses, and blocks in each other, are counted by the template engine itself.
pub(super) fn check(source: &str, is_expression: bool) -> Result<(), Error> {
    static TOKENS: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(&format!(r"(?s){QUOTED}|\w+|[^\s\w]")).ok());
    // An operator has a byte at least.
    let Some(tokens) = TOKENS.as_ref().filter(|_| source.len() > OPERATORS) else {
        return Ok(());
    };
    let mut branches = 0;
    let mut code = if is_expression {
        Some(source)
    } else {
        next_code(source)
    };
    while let Some(from_here) = code {
        let (mut operators, mut depth, mut rest) = (0, 0_usize, "");
        for token in tokens.find_iter(from_here) {
            match token.as_str() {
                "}" if depth == 0 => {
                    rest = &from_here[token.end()..];
                    break;
                }
                "}" | "]" | ")" => depth -= depth.min(1),
                "{" => depth += 1,
                "[" | "(" => {
                    depth += 1;
                    operators += 1;
                }
                "elif" => branches += 1,
                "and" | "or" | "not" | "if" | "in" | "is" => operators += 1,
                token if token.len() == 1 && "+-*/%~|.<>=!".contains(token) => operators += 1,
                _ => {}
            }
        }
        if operators > OPERATORS {
            let what = "operators in one expression; give parts of it names in `vars`";
            return Err(too_long(OPERATORS, what));
        }
        code = next_code(rest);
    }
    if branches > BRANCHES {
        return Err(too_long(
            BRANCHES,
            "`elif`; look the value up in a mapping instead",
        ));
    }
    Ok(())
}

/// What follows the next opening braces.
fn next_code(mut text: &str) -> Option<&str> {
    loop {
        let at = text.find('{')?;
        let inside = &text[at + 1..];
        match inside.bytes().next() {
            Some(b'{' | b'%') => return Some(&inside[1..]),
            Some(b'#') => text = &inside[inside.find("#}")?..],
            _ => text = inside,
        }
    }
}

fn too_long(limit: usize, of_what: &str) -> Error {
    Error::new(ErrorKind::SyntaxError, format!("more than {limit} {of_what}"))
}
