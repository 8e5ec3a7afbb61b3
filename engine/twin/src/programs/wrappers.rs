//! Programs that run another one, with something changed: `sudo`, `timeout`, `nice` and their like.

use std::time::Duration;

/// What a wrapper makes of its command line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrapper<'a> {
    /// The other program.
    pub(crate) argv: &'a [String],
    /// As whom.
    pub(crate) user: Option<String>,
    /// How long at most.
    pub(crate) limit: Option<Duration>,
}

/// What a command line runs, if it begins with a wrapper.
pub(crate) fn wrapper(argv: &[String]) -> Option<Wrapper<'_>> {
    let name = argv.first()?.rsplit('/').next()?;
    // Options whose value is a word of its own.
    let valued: &[&str] = match name {
        "timeout" => &["-k", "-s"],
        "nice" => &["-n"],
        "ionice" => &["-c", "-n"],
        "sudo" => &["-u", "-g", "-p"],
        "runuser" => &["-u", "-g"],
        "setpriv" | "nohup" => &[],
        _ => return None,
    };
    let mut rest = &argv[1..];
    let mut user = None;
    while let Some(word) = rest.first().filter(|word| word.starts_with('-')) {
        let takes_value = valued.contains(&word.as_str());
        let value = if takes_value { rest.get(1) } else { None };
        user = match (word.strip_prefix("--reuid="), word.as_str()) {
            (Some(glued), _) => Some(glued.to_owned()),
            (None, "-u") => value.cloned(),
            _ => user,
        };
        rest = rest.get(1 + usize::from(takes_value)..)?;
        if word == "--" {
            break;
        }
    }
    let limit = if name == "timeout" {
        let (limit, command) = rest.split_first()?;
        rest = command;
        // No limit is what timeout takes 0 for.
        duration(limit).filter(|limit| !limit.is_zero())
    } else {
        None
    };
    Some(Wrapper {
        argv: rest,
        user,
        limit,
    })
}

/// What `sleep` and `timeout` call a time: a number, of seconds unless a letter says otherwise.
pub(crate) fn duration(word: &str) -> Option<Duration> {
    /// Thirty years, and more than anybody waits for.
    const LONGEST: f64 = 1e9;
    let number = word.trim_end_matches(['s', 'm', 'h', 'd']);
    let factor = match &word[number.len()..] {
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    let seconds = number.parse::<f64>().ok()? * factor;
    // Less than nothing is none, and neither is what is no number.
    (seconds >= 0.0).then(|| Duration::from_secs_f64(seconds.min(LONGEST)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_that_is_meant_is_found_behind_its_wrapper() {
        let second = Duration::from_secs(1);
        for (line, command, user, limit) in [
            ("timeout 5 true x", "true x", None, Some(5 * second)),
            (
                "timeout -k 10 --signal=INT 2m true",
                "true",
                None,
                Some(120 * second),
            ),
            ("timeout 0 true", "true", None, None),
            ("/usr/bin/nice -n 19 true -n", "true -n", None, None),
            ("ionice -c 3 true", "true", None, None),
            ("sudo -n -H -u one -- true", "true", Some("one"), None),
            (
                "setpriv --reuid=one --init-groups true",
                "true",
                Some("one"),
                None,
            ),
            ("nohup true", "true", None, None),
            ("sudo", "", None, None),
        ] {
            let argv: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let found = wrapper(&argv).unwrap();
            assert_eq!(found.argv.join(" "), command, "{line}");
            assert_eq!((found.user.as_deref(), found.limit), (user, limit), "{line}");
        }
        for line in ["true", "timeout", "timeout -k", "sudo -u"] {
            let argv: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(wrapper(&argv), None, "{line}");
        }
    }

    #[test]
    fn times_are_read_as_sleep_reads_them() {
        for (word, seconds) in [
            ("1", 1.0),
            ("0.5s", 0.5),
            ("2m", 120.0),
            ("1d", 86_400.0),
            ("inf", 1e9),
            ("1e400", 1e9),
        ] {
            assert_eq!(duration(word), Some(Duration::from_secs_f64(seconds)), "{word}");
        }
        for word in ["", "s", "-1", "nan", "1ms", "a"] {
            assert_eq!(duration(word), None, "{word}");
        }
    }
}
