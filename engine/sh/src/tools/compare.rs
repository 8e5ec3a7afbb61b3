//! `diff` and `cmp`: whether files differ, and in which lines.

use super::{bytes_of, failed, lines_of, printed};
use crate::system::{Call, Ended, System};

pub(super) fn diff(call: &Call<'_>, system: &mut dyn System) -> Ended {
    let mut labels = Vec::new();
    let mut files = Vec::new();
    let mut brief = call.argv[0].ends_with("cmp");
    let mut words = call.argv[1..].iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--label" => labels.extend(words.next().cloned()),
            "-q" | "-s" => brief = true,
            word if word.len() > 1 && word.starts_with('-') => {}
            _ => files.push(word.clone()),
        }
    }
    let [old, new] = files.as_slice() else {
        return failed(2, "diff: not modelled");
    };
    let (old_bytes, new_bytes) = match (bytes_of(call, system, old), bytes_of(call, system, new)) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(why), _) | (_, Err(why)) => return failed(2, &why),
    };
    if old_bytes == new_bytes {
        return Ended::default();
    }
    let mut ended = if brief {
        printed(format!("Files {old} and {new} differ\n"))
    } else {
        let label = |at: usize, file: &String| labels.get(at).unwrap_or(file).clone();
        printed(unified(&old_bytes, &new_bytes, &label(0, old), &label(1, new)))
    };
    ended.status = 1;
    ended
}

/// One hunk from the first line that differs to the last.
fn unified(old: &[u8], new: &[u8], old_name: &str, new_name: &str) -> String {
    let (old, new) = (lines_of(old, b'\n'), lines_of(new, b'\n'));
    let same_front = old
        .iter()
        .zip(&new)
        .take_while(|(one, other)| one == other)
        .count();
    let most = old.len().min(new.len()) - same_front;
    let same_back = (1..=most)
        .take_while(|back| old[old.len() - back] == new[new.len() - back])
        .count();
    let (before, after) = (same_front.saturating_sub(3), same_back.saturating_sub(3));
    let (old_end, new_end) = (old.len() - same_back, new.len() - same_back);
    let mut out = format!("--- {old_name}\n+++ {new_name}\n");
    out.push_str(&format!(
        "@@ -{},{} +{},{} @@\n",
        before + 1,
        old.len() - after - before,
        before + 1,
        new.len() - after - before
    ));
    let mut show = |sign: char, lines: &[&[u8]]| {
        for line in lines {
            out.push_str(&format!("{sign}{}\n", String::from_utf8_lossy(line)));
        }
    };
    show(' ', &old[before..same_front]);
    show('-', &old[same_front..old_end]);
    show('+', &new[same_front..new_end]);
    show(' ', &old[old_end..old.len() - after]);
    out
}
