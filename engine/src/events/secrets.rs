//! Secrets by value: every form in which one may turn up is replaced by where it came from.

use std::fmt::Write as _;
use std::sync::{PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use indexmap::IndexMap;
use nebplay_modules::digest::sha256;
use nebplay_modules::host::quote;
use nebplay_modules::module;
use regex::{Regex, RegexBuilder};
use serde_json::Value;

/// A shorter secret is only replaced where it stands alone: else `on` as a password would eat half of every text.
const STANDS_ALONE_BELOW: usize = 4;
/// What stands in a secret's place begins like this.
pub(super) const MARK: &str = "Redacted(";
/// Lines of a secret of several lines are secrets themselves from this length on.
const SHORTEST_FRAGMENT: usize = 6;

/// The secrets of a run.
#[derive(Default)]
pub struct Secrets(RwLock<Known>);

#[derive(Default)]
struct Known {
    /// Form -> where the secret came from.
    forms: IndexMap<String, String>,
    /// Finds all forms, the longest first.
    pattern: Option<Regex>,
}

impl Known {
    fn build(&mut self) {
        let mut forms: Vec<&String> = self.forms.keys().collect();
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        let pattern = forms.iter().map(|form| alone(form)).collect::<Vec<_>>().join("|");
        // Literals always compile; only their total size could be refused, and then nothing at all is shown.
        let compiled = RegexBuilder::new(&pattern).size_limit(1 << 30).build();
        self.pattern = compiled.or_else(|_| Regex::new("(?s).+")).ok();
    }
}

/// The pattern of a form.
fn alone(form: &str) -> String {
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let edge = |c| {
        if form.len() < STANDS_ALONE_BELOW && is_word(c) {
            r"\b"
        } else {
            ""
        }
    };
    let (first, last) = (edge(form.chars().next()), edge(form.chars().next_back()));
    format!("{first}{}{last}", regex::escape(form))
}

/// Every form of a secret: as it is, quoted for a shell, for JSON and for a URL, in base64 at each alignment, and line by line; and the
/// checksum of a file that has nothing else.
fn forms(secret: &str) -> Vec<String> {
    let mut all = vec![secret.to_owned()];
    let pieces = secret
        .lines()
        .filter(|line| line.trim().len() >= SHORTEST_FRAGMENT);
    all.extend(pieces.map(|line| line.trim().to_owned()));
    if secret.len() < STANDS_ALONE_BELOW {
        return all;
    }
    let json = Value::from(secret).to_string();
    all.push(json.trim_matches('"').to_owned());
    all.push(quote(secret).trim_matches('\'').to_owned());
    for (upper, plus) in [(true, false), (false, false), (true, true), (false, true)] {
        all.push(percent(secret, upper, plus));
    }
    all.extend([sha256(secret), sha256(format!("{secret}\n"))]);
    for offset in 0..3_usize {
        let mut bytes = vec![0; offset];
        bytes.extend_from_slice(secret.as_bytes());
        // Only the characters that depend on nothing but the secret.
        let inside = (offset * 8).div_ceil(6)..bytes.len() * 8 / 6;
        let encoded = [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)];
        let long_enough = encoded.iter().filter_map(|text| text.get(inside.clone()));
        all.extend(
            long_enough
                .filter(|form| form.len() >= SHORTEST_FRAGMENT)
                .map(str::to_owned),
        );
    }
    all
}

/// Quoted for a URL.
fn percent(text: &str, upper: bool, plus: bool) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' if plus => out.push('+'),
            _ if upper => {
                let _ = write!(out, "%{byte:02X}");
            }
            _ => {
                let _ = write!(out, "%{byte:02x}");
            }
        }
        out
    })
}

impl Secrets {
    fn known(&self) -> std::sync::RwLockReadGuard<'_, Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on this value is replaced wherever it turns up. `origin` says where it came from, and is shown.
    pub fn learn(&self, value: &str, origin: &str) {
        if value.trim().is_empty() {
            return;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.forms.contains_key(value) {
            return;
        }
        for form in forms(value) {
            known.forms.entry(form).or_insert_with(|| origin.to_owned());
        }
        known.build();
    }

    /// The text without secrets.
    pub fn scrub(&self, text: &str) -> String {
        let known = self.known();
        let Some(pattern) = &known.pattern else {
            return text.to_owned();
        };
        let replaced = pattern.replace_all(text, |found: &regex::Captures<'_>| {
            let origin = found.get(0).and_then(|form| known.forms.get(form.as_str()));
            format!("{MARK}{})", origin.map_or("secret", String::as_str))
        });
        replaced.into_owned()
    }

    /// Where the end of a text may be the beginning of a secret.
    fn safe_until(&self, text: &str) -> usize {
        let known = self.known();
        let Some(pattern) = &known.pattern else {
            return text.len();
        };
        let starts = known.forms.keys().filter_map(|form| {
            let ends = form.char_indices().skip(1).map(|(at, _)| at);
            let longest = ends
                .filter(|&end| form.get(..end).is_some_and(|part| text.ends_with(part)))
                .max()?;
            Some(text.len() - longest)
        });
        let cut = starts.min().unwrap_or(text.len());
        // A secret that is complete is never cut in two.
        pattern
            .find_iter(text)
            .find(|found| found.start() < cut && cut < found.end())
            .map_or(cut, |found| found.end())
    }
}

impl Secrets {
    /// Whether a text is a secret, and nothing else.
    pub(super) fn is_one(&self, text: &str) -> bool {
        self.known().forms.contains_key(text)
    }
}

impl module::Secrets for Secrets {
    fn learn(&self, value: &str, origin: &str) {
        Self::learn(self, value, origin);
    }

    fn withhold(&self, digest: &str, of: &[u8]) {
        let has_secret = |pattern: &Regex| pattern.is_match(&String::from_utf8_lossy(of));
        if self.known().pattern.as_ref().is_some_and(has_secret) {
            self.learn(digest, "a checksum");
        }
    }
}

/// Scrubs a text that comes in pieces: what may be the beginning of a secret is held back until more is known.
#[derive(Default)]
pub struct Stream {
    held: String,
}

impl Stream {
    /// Takes a piece, and returns what can be shown by now.
    pub fn push(&mut self, secrets: &Secrets, piece: &str) -> String {
        self.held.push_str(piece);
        let rest = self.held.split_off(secrets.safe_until(&self.held));
        secrets.scrub(&std::mem::replace(&mut self.held, rest))
    }

    /// No more pieces: returns what was held back.
    pub fn finish(&mut self, secrets: &Secrets) -> String {
        secrets.scrub(&std::mem::take(&mut self.held))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_replaced() {
        let secrets = Secrets::default();
        let secret = "p'w \"x\"/ü";
        secrets.learn(secret, "one_auth");
        let base64 = base64::engine::general_purpose::STANDARD;
        let cases = [
            secret.to_owned(),
            quote(secret),
            Value::from(secret).to_string(),
            percent(secret, true, false),
            percent(secret, false, true),
            base64.encode(secret),
            base64.encode(format!("a{secret}b")),
            base64.encode(format!("user:{secret}\n")),
            sha256(secret),
            URL_SAFE_NO_PAD.encode(format!("oneadmin:{secret}")),
        ];
        for case in cases {
            let scrubbed = secrets.scrub(&format!("before {case} after"));
            assert!(scrubbed.contains("Redacted(one_auth)"), "{case} -> {scrubbed}");
            assert!(
                scrubbed.starts_with("before ") && scrubbed.ends_with(" after"),
                "{scrubbed}"
            );
        }
    }

    #[test]
    fn a_short_secret_is_replaced_where_it_stands_alone() {
        let secrets = Secrets::default();
        secrets.learn("on", "a prompt");
        assert_eq!(
            secrets.scrub("on, one, -pon 'on'"),
            "Redacted(a prompt), one, -pon 'Redacted(a prompt)'"
        );
        secrets.learn("  ", "nothing");
        assert_eq!(secrets.scrub("a  b"), "a  b");
    }

    #[test]
    fn the_longer_of_two_secrets_wins() {
        let secrets = Secrets::default();
        secrets.learn("secret", "short");
        secrets.learn("secret-and-more", "long");
        assert_eq!(
            secrets.scrub("secret-and-more secret"),
            "Redacted(long) Redacted(short)"
        );
    }

    /// However a text is cut into pieces, the same comes out, and no piece shows a secret.
    #[test]
    fn pieces_of_a_stream_never_show_a_secret() {
        let secrets = Secrets::default();
        secrets.learn("hunter22", "a");
        secrets.learn("22cd-ef", "b");
        secrets.learn("line one\nline two", "key");
        let text = "x hunter22cd-ef hunter hunter22 line one\nline two\nhunt";
        let whole = secrets.scrub(text);
        for size in 1..text.len() {
            let mut stream = Stream::default();
            let mut out = String::new();
            let bytes: Vec<char> = text.chars().collect();
            for piece in bytes.chunks(size) {
                out.push_str(&stream.push(&secrets, &piece.iter().collect::<String>()));
            }
            out.push_str(&stream.finish(&secrets));
            assert_eq!(out, whole, "in pieces of {size}");
        }
        assert!(!whole.contains("hunter22") && !whole.contains("line two"));
    }
}
