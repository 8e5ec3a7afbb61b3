//! `basename`, `dirname`, `seq`, and `test` as a program.

use super::{Words, failed, printed, unknown};
use crate::system::{Call, Ended, System};
use crate::test_command;

pub(super) fn basename(call: &Call<'_>, _: &mut dyn System) -> Ended {
    let words = match Words::of(call, "a", "s") {
        Ok(words) => words,
        Err(option) => return unknown(call, &option),
    };
    let path = words.words.first().map_or("", String::as_str);
    let trimmed = path.trim_end_matches('/');
    let name = if trimmed.is_empty() {
        path
    } else {
        trimmed.rsplit('/').next().unwrap_or_default()
    };
    let suffix = words
        .words
        .get(1)
        .map(String::as_str)
        .or(words.value("s"))
        .unwrap_or_default();
    let name = name
        .strip_suffix(suffix)
        .filter(|rest| !rest.is_empty())
        .unwrap_or(name);
    printed(format!("{name}\n"))
}

pub(super) fn dirname(call: &Call<'_>, _: &mut dyn System) -> Ended {
    let words = match Words::of(call, "", "") {
        Ok(words) => words,
        Err(option) => return unknown(call, &option),
    };
    let lines = words.words.iter().map(|path| format!("{}\n", directory_of(path)));
    printed(lines.collect::<String>())
}

fn directory_of(path: &str) -> &str {
    match path.trim_end_matches('/').rsplit_once('/') {
        Some((above, _)) if above.trim_end_matches('/').is_empty() => "/",
        Some((above, _)) => above.trim_end_matches('/'),
        None if path.starts_with('/') => "/",
        None => ".",
    }
}

pub(super) fn seq(call: &Call<'_>, system: &mut dyn System) -> Ended {
    let numbers: Vec<i64> = call.argv[1..]
        .iter()
        .filter_map(|word| word.parse().ok())
        .collect();
    let (from, step, to) = match numbers.as_slice() {
        [to] => (1, 1, *to),
        [from, to] => (*from, 1, *to),
        [from, step, to] if *step > 0 => (*from, *step, *to),
        _ => return failed(1, "seq: not modelled"),
    };
    let count = (i128::from(to) - i128::from(from)) / i128::from(step) + 1;
    system.works(usize::try_from(count.max(0)).unwrap_or(usize::MAX));
    if system.stopped() {
        return Ended::default();
    }
    let numbers = std::iter::successors(Some(from), |number| number.checked_add(step));
    let lines = numbers
        .take_while(|number| *number <= to)
        .map(|number| format!("{number}\n"));
    printed(lines.collect::<String>())
}

pub(super) fn test(call: &Call<'_>, system: &mut dyn System) -> Ended {
    let mut words = &call.argv[1..];
    if call.argv[0].ends_with('[') {
        words = words.strip_suffix(&["]".to_owned()]).unwrap_or(words);
    }
    match test_command::evaluate(words, call.cwd, system) {
        Ok(holds) => failed(i32::from(!holds), ""),
        Err(why) => failed(2, &format!("test: {why}")),
    }
}
