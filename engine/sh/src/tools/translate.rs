//! `tr`.

use super::{Words, printed, unknown};
use crate::glob::named_class;
use crate::system::{Call, Ended, System};

pub(super) fn tr(call: &Call<'_>, _: &mut dyn System) -> Ended {
    let words = match Words::of(call, "cCds", "") {
        Ok(words) => words,
        Err(option) => return unknown(call, &option),
    };
    let set = |at: usize| words.words.get(at).map(|text| members(text)).unwrap_or_default();
    let (first, second) = (set(0), set(1));
    let complement = words.has("c") || words.has("C");
    // Where each byte stands in a set, so that none is looked for.
    let (in_first_at, in_second_at) = (places(&first), places(&second));
    let in_first = |byte: u8| in_first_at[usize::from(byte)].is_some() != complement;
    let mut out: Vec<u8> = Vec::with_capacity(call.stdin.len());
    for byte in call.stdin {
        if words.has("d") {
            if !in_first(*byte) {
                out.push(*byte);
            }
            continue;
        }
        let last = second.last().copied();
        let new = if !in_first(*byte) || second.is_empty() {
            *byte
        } else if complement {
            last.unwrap_or(*byte)
        } else {
            let at = in_first_at[usize::from(*byte)];
            at.and_then(|at| second.get(at).copied())
                .or(last)
                .unwrap_or(*byte)
        };
        let squeezed = if second.is_empty() {
            in_first(new)
        } else {
            in_second_at[usize::from(new)].is_some()
        };
        if words.has("s") && squeezed && out.last() == Some(&new) {
            continue;
        }
        out.push(new);
    }
    printed(out)
}

/// The first place of each byte in a set.
fn places(set: &[u8]) -> [Option<usize>; 256] {
    let mut places = [None; 256];
    for (at, byte) in set.iter().enumerate() {
        places[usize::from(*byte)].get_or_insert(at);
    }
    places
}

fn members(text: &str) -> Vec<u8> {
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some((name, after)) = rest.strip_prefix("[:").and_then(|rest| rest.split_once(":]")) {
            let holds = named_class(name).unwrap_or(|_| false);
            found.extend((0..=127u8).filter(|byte| holds(char::from(*byte))));
            rest = after;
            continue;
        }
        let (from, after) = member(rest);
        if let Some(after) = after.strip_prefix('-').filter(|after| !after.is_empty()) {
            let (to, after) = member(after);
            found.extend(from..=to);
            rest = after;
        } else {
            found.push(from);
            rest = after;
        }
    }
    found
}

/// The first character of a set, and what comes after it.
fn member(text: &str) -> (u8, &str) {
    let Some(escaped) = text.strip_prefix('\\') else {
        let length = text.chars().next().map_or(0, char::len_utf8);
        return (text.as_bytes().first().copied().unwrap_or(0), &text[length..]);
    };
    let digits = escaped
        .bytes()
        .take(3)
        .take_while(|byte| (b'0'..=b'7').contains(byte))
        .count();
    if digits > 0 {
        return (
            u8::from_str_radix(&escaped[..digits], 8).unwrap_or(0),
            &escaped[digits..],
        );
    }
    let byte = match escaped.bytes().next() {
        Some(b'n') => b'\n',
        Some(b't') => b'\t',
        Some(b'r') => b'\r',
        Some(other) => other,
        None => return (b'\\', ""),
    };
    (byte, &escaped[1..])
}
