//! `cat`, `head`, `tail`, `wc`, `tee`.

use super::{Words, all_bytes, printed, unknown, with_complaints};
use crate::system::{Call, Ended, System};

pub(super) fn cat(call: &Call<'_>, system: &mut dyn System) -> Ended {
    let words = match Words::of(call, "u", "") {
        Ok(words) => words,
        Err(option) => return unknown(call, &option),
    };
    let (bytes, wrong) = all_bytes(call, system, &words.words);
    with_complaints(bytes, &wrong)
}

/// The place behind that many lines.
fn behind_lines(bytes: &[u8], count: usize) -> usize {
    let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    match count.checked_sub(1) {
        None => 0,
        Some(last) => ends.map(|(at, _)| at + 1).nth(last).unwrap_or(bytes.len()),
    }
}

fn line_ends(bytes: &[u8]) -> usize {
    bytes.split(|byte| *byte == b'\n').count() - 1
}

/// How many lines there are, one without an end included.
fn line_count(bytes: &[u8]) -> usize {
    let ended = line_ends(bytes);
    ended + usize::from(!bytes.ends_with(b"\n") && !bytes.is_empty())
}

/// The number of `-10`, whose digits are options each.
fn digits(words: &Words) -> String {
    let names = words.options.iter().map(|(name, _)| name.as_str());
    names
        .filter(|name| name.chars().all(|c| c.is_ascii_digit()))
        .collect()
}

pub(super) fn head(call: &Call<'_>, system: &mut dyn System) -> Ended {
    let words = match Words::of(call, "q0123456789", "nc") {
        Ok(words) => words,
        Err(option) => return unknown(call, &option),
    };
    let (bytes, wrong) = all_bytes(call, system, &words.words);
    let digits = digits(&words);
    let in_bytes = words.value("c");
    let asked = in_bytes
        .or_else(|| words.value("n"))
        .unwrap_or(match digits.as_str() {
            "" => "10",
            digits => digits,
        });
    // `-3`: all but the last three.
    let (from_the_end, count) = match asked.strip_prefix('-') {
        Some(count) => (true, count),
        None => (false, asked),
    };
    let Ok(count) = count.parse::<usize>() else {
        return unknown(call, asked);
    };
    let all = match in_bytes {
        Some(_) => bytes.len(),
        None => line_count(&bytes),
    };
    let kept = if from_the_end {
        all.saturating_sub(count)
    } else {
        count.min(all)
    };
    let end = match in_bytes {
        Some(_) => kept,
        None => behind_lines(&bytes, kept),
    };
    with_complaints(bytes[..end].to_vec(), &wrong)
}

pub(super) fn tail(call: &Call<'_>, system: &mut dyn System) -> Ended {
    let words = match Words::of(call, "qfF0123456789", "ncs") {
        Ok(words) => words,
        Err(option) => return unknown(call, &option),
    };
    let (bytes, wrong) = all_bytes(call, system, &words.words);
    let digits = digits(&words);
    let start = if let Some(count) = words.value("c") {
        match count.strip_prefix('+').map(str::parse::<usize>) {
            Some(from) => from.unwrap_or(1).saturating_sub(1).min(bytes.len()),
            None => bytes.len().saturating_sub(count.parse().unwrap_or(0)),
        }
    } else {
        let count = words.value("n").map_or(
            if digits.is_empty() {
                "10".to_owned()
            } else {
                digits
            },
            str::to_owned,
        );
        if let Some(from) = count.strip_prefix('+').map(str::parse::<usize>) {
            behind_lines(&bytes, from.unwrap_or(1).saturating_sub(1))
        } else {
            let from = line_count(&bytes).saturating_sub(count.parse().unwrap_or(0));
            behind_lines(&bytes, from)
        }
    };
    with_complaints(bytes[start..].to_vec(), &wrong)
}

pub(super) fn wc(call: &Call<'_>, system: &mut dyn System) -> Ended {
    let words = match Words::of(call, "lcwm", "") {
        Ok(words) => words,
        Err(option) => return unknown(call, &option),
    };
    let (bytes, wrong) = all_bytes(call, system, &words.words);
    let text = String::from_utf8_lossy(&bytes);
    let counts = [
        ("l", line_ends(&bytes)),
        ("w", text.split_whitespace().count()),
        ("c", bytes.len()),
    ];
    let all = words.options.is_empty();
    let mut shown: Vec<String> = counts
        .iter()
        .filter(|(option, _)| all || words.has(option))
        .map(|(_, count)| count.to_string())
        .collect();
    shown.extend(words.words.first().cloned());
    with_complaints(format!("{}\n", shown.join(" ")).into_bytes(), &wrong)
}

pub(super) fn tee(call: &Call<'_>, system: &mut dyn System) -> Ended {
    let words = match Words::of(call, "a", "") {
        Ok(words) => words,
        Err(option) => return unknown(call, &option),
    };
    let mut wrong = Vec::new();
    for file in &words.words {
        let path = super::path(call, file);
        let made = if words.has("a") {
            Ok(())
        } else {
            system.create(&path, false, call.umask)
        };
        let written = made.and_then(|()| system.append(&path, call.stdin, call.umask));
        wrong.extend(written.err().map(|why| format!("tee: {file}: {why}")));
    }
    if wrong.is_empty() {
        printed(call.stdin.clone())
    } else {
        with_complaints(call.stdin.clone(), &wrong)
    }
}
