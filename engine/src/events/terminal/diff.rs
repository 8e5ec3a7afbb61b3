//! A unified diff of two texts.

/// Lines around a difference.
const CONTEXT: usize = 3;
/// Larger tables of comparison are not built; the texts then differ as a whole.
const LARGEST: usize = 4_000_000;

/// A line of a diff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// In both; also stands for the gap between two differences, as `…`.
    Same(&'a str),
    /// Only before.
    Gone(&'a str),
    /// Only after.
    New(&'a str),
}

/// What differs, with a few lines around it.
pub(super) fn diff<'a>(before: &'a str, after: &'a str) -> Vec<Line<'a>> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let same_start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - same_start;
    let same_end = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take(rest)
        .take_while(|(a, b)| a == b)
        .count();
    let middle = compare(
        &old[same_start..old.len() - same_end],
        &new[same_start..new.len() - same_end],
    );
    let start = old[..same_start].iter().map(|line| Line::Same(line));
    let end = old[old.len() - same_end..].iter().map(|line| Line::Same(line));
    fold(start.chain(middle).chain(end).collect())
}

/// The longest common subsequence, by the table of lengths.
fn compare<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let mut lines = Vec::with_capacity(old.len() + new.len());
    let (mut a, mut b) = (0, 0);
    let width = new.len() + 1;
    if (old.len() + 1).saturating_mul(width) <= LARGEST {
        let mut common = vec![0_u32; (old.len() + 1) * width];
        for i in (0..old.len()).rev() {
            for j in (0..new.len()).rev() {
                common[i * width + j] = if old[i] == new[j] {
                    common[(i + 1) * width + j + 1] + 1
                } else {
                    common[(i + 1) * width + j].max(common[i * width + j + 1])
                };
            }
        }
        while a < old.len() && b < new.len() {
            if old[a] == new[b] {
                lines.push(Line::Same(old[a]));
                a += 1;
                b += 1;
            } else if common[(a + 1) * width + b] >= common[a * width + b + 1] {
                lines.push(Line::Gone(old[a]));
                a += 1;
            } else {
                lines.push(Line::New(new[b]));
                b += 1;
            }
        }
    }
    lines.extend(old[a..].iter().map(|line| Line::Gone(line)));
    lines.extend(new[b..].iter().map(|line| Line::New(line)));
    lines
}

/// Leaves out what is far from any difference.
fn fold(lines: Vec<Line<'_>>) -> Vec<Line<'_>> {
    let near = |at: usize| {
        let around = &lines[at.saturating_sub(CONTEXT)..(at + CONTEXT + 1).min(lines.len())];
        around.iter().any(|line| !matches!(line, Line::Same(_)))
    };
    let mut folded: Vec<Line<'_>> = Vec::new();
    let mut gap = false;
    for (at, line) in lines.iter().enumerate() {
        if near(at) {
            if gap && !folded.is_empty() {
                folded.push(Line::Same("…"));
            }
            gap = false;
            folded.push(*line);
        } else {
            gap = true;
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_and_a_little_around_it() {
        let before = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n";
        let after = before
            .replace("2\n3", "2\nthree")
            .replace("11\n12\n", "11\n12\n13\n");
        let shown: Vec<String> = diff(before, &after)
            .into_iter()
            .map(|line| match line {
                Line::Same(text) => format!(" {text}"),
                Line::Gone(text) => format!("-{text}"),
                Line::New(text) => format!("+{text}"),
            })
            .collect();
        assert_eq!(
            shown,
            [
                " 1", " 2", "-3", "+three", " 4", " 5", " 6", " …", " 10", " 11", " 12", "+13"
            ]
        );
    }

    #[test]
    fn the_same_text_has_no_diff_and_an_empty_one_is_all_new() {
        assert!(diff("a\nb\n", "a\nb\n").is_empty());
        assert_eq!(diff("", "a\nb"), [Line::New("a"), Line::New("b")]);
    }
}
