//! Recognizes a command that waits for an answer: nobody is there to give it.

/// What questions end with, in lower case: behind it only blanks and the likes of `:` may stand.
const ENDS: [&str; 16] = [
    "[y/n]",
    "(y/n)",
    "[y/n/q]",
    "[yes/no]",
    "(yes/no)",
    "(y or n)",
    "(yes or no)",
    "yes/no",
    "y/n",
    "(yes/no/[fingerprint])",
    "press enter",
    "hit enter",
    "press return",
    "press any key",
    "press enter to continue",
    "press any key to continue",
];

/// What stands before the colon of a line that asks for something to be typed.
const ASKS_FOR: [&str; 8] = [
    "password",
    "passphrase",
    "passcode",
    "username",
    "login",
    "your choice",
    "selection",
    "answer",
];

/// Whether an unfinished line looks like a question.
pub(super) fn is_question(line: &str) -> bool {
    let line = line.trim_end().to_lowercase();
    let bare = line.trim_end_matches([':', '?', '>', '.', '…', ' ']);
    // `Continue? [y/N] (default: n)` and `Continue? [Y]`.
    let defaulted = line.ends_with([']', ')'])
        && line
            .rfind(['[', '('])
            .is_some_and(|at| is_question(&line[..at]) || line[..at].trim_end().ends_with('?'));
    line.ends_with('?')
        || ENDS.iter().any(|end| bare.ends_with(end))
        || defaulted
        || (line.ends_with(':') && asks_for_something(bare))
}

/// `Password:`, `[sudo] password for ops:`, `Enter passphrase for key 'x':`.
fn asks_for_something(line: &str) -> bool {
    ASKS_FOR.iter().any(|what| {
        line.ends_with(what)
            || line.contains(&format!("{what} for "))
            || line.contains(&format!("{what} of "))
    }) || line.trim_start().starts_with("enter ")
        || line.trim_start().starts_with("please enter ")
}

/// A line without what only a terminal would understand.
pub(super) fn plain(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            out.extend((!c.is_control() || c == '\t').then_some(c));
            continue;
        }
        // ESC [ … letter; anything else is two characters long.
        if chars.next() == Some('[') {
            let _ = chars.by_ref().find(|c| ('@'..='~').contains(c));
        }
    }
    out.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_told_from_lines_that_are_not_finished_yet() {
        for (line, asks) in [
            ("Do you want to proceed? [y/N]", true),
            ("Do you want to proceed? [y/N]: ", true),
            ("Proceed (yes/no)? ", true),
            (
                "Are you sure you want to continue connecting (yes/no/[fingerprint])? ",
                true,
            ),
            ("Overwrite /etc/one/oned.conf?", true),
            ("Continue? [Y]", true),
            ("Continue [y/n] (default: n) ", true),
            ("MySQL Password: ", true),
            ("[sudo] password for ops: ", true),
            ("Enter passphrase for key '/home/ops/.ssh/id': ", true),
            ("Press ENTER to continue...", true),
            ("Press any key", true),
            ("*** oned.conf (Y/I/N/O/D/Z) [default=N] ? ", true),
            ("", false),
            ("Migrating table vm_pool: ", false),
            ("  > Running migrators for shared tables", false),
            ("copying 10 of 20 [50%]", false),
            ("Loading (this takes a while)", false),
            ("password changed", false),
            ("done.", false),
            ("progress [=====>   ]", false),
        ] {
            assert_eq!(is_question(line), asks, "{line:?}");
        }
    }

    #[test]
    fn colours_are_no_part_of_a_question() {
        assert_eq!(plain("\u{1b}[1;33mGo on? [y/N]\u{1b}[0m "), "Go on? [y/N]");
        assert_eq!(plain("a\u{7}\u{1b}cb"), "ab");
    }
}
