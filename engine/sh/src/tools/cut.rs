//! `cut`.

use super::{Words, all_bytes, lines_of, unknown, with_complaints};
use crate::system::{Call, Ended, System};

pub(super) fn cut(call: &Call<'_>, system: &mut dyn System) -> Ended {
    let words = match Words::of(call, "s", "dfcb") {
        Ok(words) => words,
        Err(option) => return unknown(call, &option),
    };
    let (bytes, wrong) = all_bytes(call, system, &words.words);
    let mut cut = Vec::new();
    for line in lines_of(&bytes, b'\n') {
        if let Some(list) = words.value("c").or_else(|| words.value("b")) {
            let wanted = ranges(list);
            let chosen = line.iter().enumerate().filter(|(at, _)| within(&wanted, at + 1));
            cut.extend(chosen.map(|(_, byte)| *byte));
        } else {
            let between = words
                .value("d")
                .and_then(|text| text.bytes().next())
                .unwrap_or(b'\t');
            if line.contains(&between) {
                let wanted = ranges(words.value("f").unwrap_or("1"));
                let fields = line.split(|byte| *byte == between).enumerate();
                let chosen: Vec<&[u8]> = fields
                    .filter(|(at, _)| within(&wanted, at + 1))
                    .map(|(_, field)| field)
                    .collect();
                cut.extend(chosen.join(&between));
            } else if words.has("s") {
                continue;
            } else {
                cut.extend_from_slice(line);
            }
        }
        cut.push(b'\n');
    }
    with_complaints(cut, &wrong)
}

fn ranges(list: &str) -> Vec<(usize, usize)> {
    let range = |part: &str| {
        if let Some((from, to)) = part.split_once('-') {
            (from.parse().unwrap_or(1), to.parse().unwrap_or(usize::MAX))
        } else {
            let only = part.parse().unwrap_or(0);
            (only, only)
        }
    };
    list.split(',').map(range).collect()
}

fn within(ranges: &[(usize, usize)], number: usize) -> bool {
    ranges.iter().any(|(from, to)| (*from..=*to).contains(&number))
}
