//! Ranges in host names: `fe[01:03]`, `db-[a:c]`, `n[0:8:2]`.

/// More hosts than this in one line is a slip of the finger.
const MOST: usize = 100_000;

/// All names a name with ranges stands for. The error is a sentence.
pub(super) fn expand(pattern: &str) -> Result<Vec<String>, String> {
    let mut names = vec![String::new()];
    let mut rest = pattern;
    while let Some(open) = rest.find('[') {
        let close = rest[open..]
            .find(']')
            .map(|length| open + length)
            .ok_or_else(|| format!("the `[` in `{pattern}` is never closed"))?;
        let values = range(&rest[open + 1..close])?;
        if names.len().saturating_mul(values.len()) > MOST {
            return Err(format!("`{pattern}` stands for more than {MOST} hosts"));
        }
        let before = &rest[..open];
        names = names
            .iter()
            .flat_map(|name| values.iter().map(move |value| format!("{name}{before}{value}")))
            .collect();
        rest = &rest[close + 1..];
    }
    for name in &mut names {
        name.push_str(rest);
    }
    Ok(names)
}

/// The values of what stands between the brackets.
fn range(text: &str) -> Result<Vec<String>, String> {
    let wrong = |why: &str| format!("the range `[{text}]` {why}");
    let parts: Vec<&str> = text.split(':').collect();
    let (first, last, step) = match parts[..] {
        [first, last] => (first, last, "1"),
        [first, last, step] => (first, last, step),
        _ => return Err(wrong("is not of the form `[first:last]` or `[first:last:step]`")),
    };
    let step: usize = match step.parse() {
        Ok(step) if step > 0 => step,
        _ => return Err(wrong("has a step that is no number above 0")),
    };
    if let (Some(from), Some(to)) = (letter(first), letter(last)) {
        if from.is_ascii_lowercase() != to.is_ascii_lowercase() {
            return Err(wrong("goes from small to capital letters"));
        }
        if from > to {
            return Err(wrong("ends before it begins"));
        }
        return Ok((from..=to)
            .step_by(step)
            .map(|byte| char::from(byte).to_string())
            .collect());
    }
    let first = if first.is_empty() { "0" } else { first };
    let (Some(from), Some(to)) = (number(first), number(last)) else {
        return Err(wrong("is neither one of numbers nor one of single letters"));
    };
    if from > to {
        return Err(wrong("ends before it begins"));
    }
    if (to - from) / step >= MOST {
        return Err(wrong(&format!("stands for more than {MOST} hosts")));
    }
    // `01` asks for two digits everywhere.
    let width = if first.starts_with('0') { first.len() } else { 0 };
    Ok((from..=to)
        .step_by(step)
        .map(|number| format!("{number:0width$}"))
        .collect())
}

fn letter(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [byte] if byte.is_ascii_alphabetic() => Some(*byte),
        _ => None,
    }
}

fn number(text: &str) -> Option<usize> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::expand;

    #[test]
    fn names_that_ranges_stand_for() {
        let cases = [
            ("fe1", "fe1"),
            ("fe[01:03]", "fe01 fe02 fe03"),
            ("fe[8:11]", "fe8 fe9 fe10 fe11"),
            ("fe[08:10].lab", "fe08.lab fe09.lab fe10.lab"),
            ("n[0:6:3]", "n0 n3 n6"),
            ("n[:2]", "n0 n1 n2"),
            ("[a:c]", "a b c"),
            ("r[A:B]-[1:2]", "rA-1 rA-2 rB-1 rB-2"),
        ];
        for (pattern, names) in cases {
            assert_eq!(expand(pattern).unwrap().join(" "), names);
        }
    }

    #[test]
    fn ranges_that_are_wrong() {
        let cases = [
            ("a[1:2", "the `[` in `a[1:2` is never closed"),
            (
                "a[1]",
                "the range `[1]` is not of the form `[first:last]` or `[first:last:step]`",
            ),
            ("a[3:1]", "the range `[3:1]` ends before it begins"),
            ("a[c:a]", "the range `[c:a]` ends before it begins"),
            ("a[a:C]", "the range `[a:C]` goes from small to capital letters"),
            (
                "a[1:x]",
                "the range `[1:x]` is neither one of numbers nor one of single letters",
            ),
            (
                "a[1:]",
                "the range `[1:]` is neither one of numbers nor one of single letters",
            ),
            (
                "a[-1:2]",
                "the range `[-1:2]` is neither one of numbers nor one of single letters",
            ),
            (
                "a[1:5:0]",
                "the range `[1:5:0]` has a step that is no number above 0",
            ),
            (
                "a[0:100000]",
                "the range `[0:100000]` stands for more than 100000 hosts",
            ),
            (
                "a[1:999][1:999]",
                "`a[1:999][1:999]` stands for more than 100000 hosts",
            ),
            (
                "a[1:99999999999999999999]",
                "the range `[1:99999999999999999999]` is neither one of numbers nor one of single letters",
            ),
        ];
        for (pattern, message) in cases {
            assert_eq!(expand(pattern).unwrap_err(), message);
        }
    }
}
