//! OpenSSH's patterns: `*`, `?`, and `!` in lists (PATTERNS in ssh_config(5)).

/// Whether one pattern matches the whole text.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    // Where to go on after the last star, should what follows it not match where it was tried.
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut retry) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((after_star, tried)) => {
                    p = after_star;
                    t = tried + 1;
                    retry = Some((after_star, t));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

/// Whether a list of patterns matches: one does, and no negated one does.
pub(super) fn list_matches<'a>(patterns: impl IntoIterator<Item = &'a str>, text: &str) -> bool {
    let mut matched = false;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(negated) if matches(negated, text) => return false,
            Some(_) => {}
            None => matched |= matches(pattern, text),
        }
    }
    matched
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("fe1", "fe1", true),
            ("fe1", "fe11", false),
            ("*", "", true),
            ("fe*1", "fe-a-1-1", true),
            ("fe*1", "fe-a-1-2", false),
            ("?", "", false),
            ("192.168.150.?", "192.168.150.3", true),
            ("*.b*c", "a.bbc.bc", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
        }
        assert!(!list_matches(["!fe2"], "fe1"));
        assert!(list_matches(["*", "!fe2"], "fe1"));
        assert!(!list_matches(["*", "!fe2"], "fe2"));
    }
}
