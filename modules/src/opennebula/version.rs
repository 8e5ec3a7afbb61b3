//! Versions of OpenNebula, and of the packages that bring it.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::host::Host;
use crate::module::Failure;
use crate::opennebula::command::opennebula;

/// An OpenNebula version: numbers, so that 6.10 is newer than 6.9.
#[derive(Debug, Clone)]
pub struct Version {
    parts: Vec<u64>,
    text: String,
}

impl Version {
    /// The first two numbers, between which migrators exist: 7.2 of 7.2.0.1.
    pub fn series(&self) -> (u64, u64) {
        (self.part(0), self.part(1))
    }

    fn part(&self, index: usize) -> u64 {
        self.parts.get(index).copied().unwrap_or(0)
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    /// Numbers left out are 0: 7.2 is 7.2.0.
    fn cmp(&self, other: &Self) -> Ordering {
        let longest = self.parts.len().max(other.parts.len());
        (0..longest)
            .map(|index| self.part(index).cmp(&other.part(index)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// A text that is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no version: expected numbers with dots between them, as 7.2.0")]
pub struct NoVersion(String);

impl FromStr for Version {
    type Err = NoVersion;

    fn from_str(text: &str) -> Result<Self, NoVersion> {
        let text = text.trim();
        let parts: Result<Vec<u64>, _> = text
            .split('.')
            .map(|part| {
                let digits = part.bytes().all(|byte| byte.is_ascii_digit());
                part.parse().ok().filter(|_| digits).ok_or(())
            })
            .collect();
        match parts {
            Ok(parts) if parts.len() >= 2 => Ok(Self {
                parts,
                text: text.to_owned(),
            }),
            _ => Err(NoVersion(text.chars().take(80).collect())),
        }
    }
}

/// The OpenNebula version in a Debian package version: `7.2.0` of `1:7.2.0-1`.
pub fn of_package(package: &str) -> Result<Version, NoVersion> {
    let upstream = parts_of_package(package).1;
    // Debian's own additions (`+dfsg`, `~rc1`) are none of OpenNebula's numbers.
    let end = upstream.find(['+', '~']).unwrap_or(upstream.len());
    upstream[..end].parse()
}

/// The release in a Debian package version, by which databases and migrators go: the first three numbers, `7.2.0` of `1:7.2.0.1-1`.
pub fn release_of_package(package: &str) -> Option<String> {
    let version = of_package(package).ok()?.to_string();
    Some(version.split('.').take(3).collect::<Vec<_>>().join("."))
}

/// The epoch without its leading zeros, the upstream version, and the Debian revision.
fn parts_of_package(version: &str) -> (&str, &str, &str) {
    let version = version.trim();
    let (epoch, rest) = version.split_once(':').unwrap_or(("", version));
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    (epoch.trim_start_matches('0'), upstream, revision)
}

/// Compares two Debian package versions as dpkg does.
pub fn compare_packages(a: &str, b: &str) -> Ordering {
    let (a, b) = (parts_of_package(a), parts_of_package(b));
    fragments(a.0, b.0)
        .then_with(|| fragments(a.1, b.1))
        .then_with(|| fragments(a.2, b.2))
}

/// Debian policy 5.6.12: runs of other characters and runs of digits in turn; `~` is before the end, letters before the rest.
fn fragments(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while !a.is_empty() || !b.is_empty() {
        let (words, rest_a, rest_b) = words(a, b);
        if words.is_ne() {
            return words;
        }
        let (digits_a, tail_a) = digits(rest_a);
        let (digits_b, tail_b) = digits(rest_b);
        // Without leading zeros, the longer number is the larger one, however long.
        let numbers = digits_a
            .len()
            .cmp(&digits_b.len())
            .then_with(|| digits_a.cmp(digits_b));
        if numbers.is_ne() {
            return numbers;
        }
        (a, b) = (tail_a, tail_b);
    }
    Ordering::Equal
}

fn words<'a, 'b>(a: &'a [u8], b: &'b [u8]) -> (Ordering, &'a [u8], &'b [u8]) {
    let weight = |byte: Option<&u8>| match byte {
        None => 0,
        Some(byte) if byte.is_ascii_digit() => 0,
        Some(b'~') => -1,
        Some(byte) if byte.is_ascii_alphabetic() => i32::from(*byte),
        Some(byte) => i32::from(*byte) + 256,
    };
    let word = |text: &[u8]| text.iter().take_while(|byte| !byte.is_ascii_digit()).count();
    let (length_a, length_b) = (word(a), word(b));
    let order = (0..length_a.max(length_b))
        .map(|index| weight(a.get(index)).cmp(&weight(b.get(index))))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal);
    (order, &a[length_a..], &b[length_b..])
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = text.split_at(length);
    let zeros = number.iter().take_while(|&&byte| byte == b'0').count();
    (&number[zeros..], rest)
}

/// The version of the installed oned, which needs no database for this.
pub async fn of_oned(host: &dyn Host) -> Result<Version, Failure> {
    // The port does not matter: nothing is asked over it.
    let command = opennebula(super::conf::DEFAULT_PORT, ["oned", "--version"]);
    let output = host.run(&command).await?;
    let text = output.text();
    let first = text.lines().next().unwrap_or_default();
    let version = first
        .strip_prefix("OpenNebula ")
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|version| version.parse().ok());
    match version {
        Some(version) if output.exit.success() => Ok(version),
        _ => Err(Failure::failed(format!(
            "{}: oned --version did not tell a version ({}): {}",
            host.name(),
            output.exit,
            format!("{first} {}", output.err_text()).trim()
        ))
        .hint("check that the package opennebula is installed and configured: dpkg -l 'opennebula*'")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::FakeHost;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn versions_are_numbers() {
        let ascending = ["5.12.0", "6.2", "6.9.1", "6.10.0", "6.10.0.1", "7.0.0", "7.2"];
        for pair in ascending.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{pair:?}");
        }
        assert_eq!(version("7.2"), version("7.2.0"));
        assert_eq!(version("6.10.4").series(), (6, 10));
        for bad in [
            "",
            "7",
            "7.",
            ".7",
            "7.x",
            "7.2 ()",
            "-7.2",
            "7.+2",
            "99999999999999999999.1",
        ] {
            assert!(bad.parse::<Version>().is_err(), "{bad}");
        }
    }

    #[test]
    fn packages_compare_as_dpkg_does() {
        let cases = [
            ("7.0.0-1", "7.2.0-1", Ordering::Less),
            ("6.10.0-1", "6.9.0-1", Ordering::Greater),
            ("7.2.0-1", "7.2.0-2", Ordering::Less),
            ("7.2.0-9", "7.2.0-10", Ordering::Less),
            ("7.2.0~rc1-1", "7.2.0-1", Ordering::Less),
            ("7.2.0-1~bpo12", "7.2.0-1", Ordering::Less),
            ("1:6.0-1", "7.0-1", Ordering::Greater),
            ("0:7.0-1", "7.0-1", Ordering::Equal),
            ("7.02-1", "7.2-1", Ordering::Equal),
            ("7.2.0", "7.2.0-1", Ordering::Less),
            ("7.2.0a", "7.2.0+b", Ordering::Less),
            ("1.0-x-2", "1.0-x-3", Ordering::Less),
        ];
        for (a, b, order) in cases {
            assert_eq!(compare_packages(a, b), order, "{a} {b}");
            assert_eq!(compare_packages(b, a), order.reverse(), "{b} {a}");
        }
    }

    #[test]
    fn a_package_carries_opennebulas_version() {
        for (package, expected) in [
            ("7.2.0-1", "7.2.0"),
            ("1:7.2.0.1-1~x", "7.2.0.1"),
            ("6.10+dfsg-3", "6.10"),
        ] {
            assert_eq!(of_package(package).unwrap().to_string(), expected);
        }
        assert!(of_package("git20260101-1").is_err());
    }

    #[tokio::test]
    async fn oned_tells_its_version_in_its_first_line() {
        let host = FakeHost::new("m").on("oned --version", 0, "OpenNebula 7.2.0 ()\nCopyright\n");
        assert_eq!(of_oned(&host).await.unwrap(), version("7.2"));
        for (code, stdout) in [(0, ""), (127, ""), (0, "usage: oned"), (1, "OpenNebula 7.2.0 ()")] {
            let host = FakeHost::new("m").on("oned --version", code, stdout);
            assert!(of_oned(&host).await.is_err(), "{stdout}");
        }
    }
}
