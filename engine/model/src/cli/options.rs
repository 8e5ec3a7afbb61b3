//! Options of the tools: `-f`, `--name value`, `--name=value`, and what is left.

use std::collections::BTreeMap;

/// An option a tool knows.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// `f`, or nothing.
    pub short: Option<char>,
    /// `force`.
    pub long: &'static str,
    /// Whether a value follows.
    pub valued: bool,
}

/// An option without a value.
pub const fn flag(short: Option<char>, long: &'static str) -> Known {
    Known {
        short,
        long,
        valued: false,
    }
}

/// An option with a value.
pub const fn valued(short: Option<char>, long: &'static str) -> Known {
    Known {
        short,
        long,
        valued: true,
    }
}

/// What was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    values: BTreeMap<&'static str, String>,
    /// What is no option, in order.
    pub words: Vec<String>,
}

impl Options {
    /// Sorts the arguments; the error is a line for stderr.
    pub fn parse(arguments: &[String], known: &[Known]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let (name, glued) = match argument.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
                _ => (argument.as_str(), None),
            };
            let found = if let Some(long) = name.strip_prefix("--") {
                known.iter().find(|option| option.long == long)
            } else if let Some(short) = name.strip_prefix('-').filter(|short| !short.is_empty()) {
                known
                    .iter()
                    .find(|option| option.short.is_some_and(|letter| short == letter.to_string()))
            } else {
                options.words.push(argument.clone());
                continue;
            };
            let option = found.ok_or_else(|| format!("invalid option: {argument}"))?;
            let value = match (option.valued, glued) {
                (false, _) => String::new(),
                (true, Some(value)) => value,
                (true, None) => rest
                    .next()
                    .cloned()
                    .ok_or_else(|| format!("missing argument: {argument}"))?,
            };
            options.values.insert(option.long, value);
        }
        Ok(options)
    }

    /// Whether the option was given.
    pub fn has(&self, long: &str) -> bool {
        self.values.contains_key(long)
    }

    /// The option's value.
    pub fn get(&self, long: &str) -> Option<&str> {
        self.values.get(long).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_and_words() {
        let known = [flag(Some('f'), "force"), valued(Some('l'), "list")];
        let parse =
            |line: &str| Options::parse(&line.split(' ').map(str::to_owned).collect::<Vec<_>>(), &known);
        let options = parse("disable -l ID,NAME 100 --force").unwrap();
        assert_eq!(
            (options.get("list"), options.has("force")),
            (Some("ID,NAME"), true)
        );
        assert_eq!(options.words, ["disable", "100"]);
        assert_eq!(parse("--list=A").unwrap().get("list"), Some("A"));
        assert!(parse("--nope").is_err() && parse("-l").is_err());
    }
}
