//! `sort` and `uniq`.

use super::{Words, all_bytes, lines_of, unknown, with_complaints};
use crate::system::{Call, Ended, System};

pub(super) fn sort(call: &Call<'_>, system: &mut dyn System) -> Ended {
    let words = match Words::of(call, "uznrVf", "kt") {
        Ok(words) => words,
        Err(option) => return unknown(call, &option),
    };
    if let Some(option) = ["k", "t"].into_iter().find(|option| words.has(option)) {
        return unknown(call, option);
    }
    let end = if words.has("z") { 0 } else { b'\n' };
    let (bytes, wrong) = all_bytes(call, system, &words.words);
    let mut lines = lines_of(&bytes, end);
    let number = |line: &[u8]| -> i64 {
        let text = String::from_utf8_lossy(line);
        let digits: String = text
            .trim_start()
            .chars()
            .take_while(|c| c.is_ascii_digit() || *c == '-')
            .collect();
        digits.parse().unwrap_or(0)
    };
    if words.has("n") {
        lines.sort_by_key(|line| (number(line), line.to_vec()));
    } else {
        lines.sort_unstable();
    }
    if words.has("r") {
        lines.reverse();
    }
    if words.has("u") {
        lines.dedup();
    }
    let out: Vec<u8> = lines
        .iter()
        .flat_map(|line| line.iter().copied().chain([end]))
        .collect();
    with_complaints(out, &wrong)
}

pub(super) fn uniq(call: &Call<'_>, system: &mut dyn System) -> Ended {
    let words = match Words::of(call, "cdu", "") {
        Ok(words) => words,
        Err(option) => return unknown(call, &option),
    };
    let (bytes, wrong) = all_bytes(call, system, &words.words);
    let mut groups: Vec<(&[u8], usize)> = Vec::new();
    for line in lines_of(&bytes, b'\n') {
        match groups.last_mut() {
            Some((last, count)) if *last == line => *count += 1,
            _ => groups.push((line, 1)),
        }
    }
    let mut out = Vec::new();
    for (line, count) in groups {
        if (words.has("d") && count == 1) || (words.has("u") && count > 1) {
            continue;
        }
        if words.has("c") {
            out.extend(format!("{count:7} ").bytes());
        }
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    with_complaints(out, &wrong)
}
