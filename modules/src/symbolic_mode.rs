//! Permissions by words, `u=rwX,go-w`: what chmod(1) and Ansible make of them.
//!
//! A clause without a `u`, `g`, `o` or `a` is for all of them, within a umask of 022. On a directory `=` leaves set-user-ID and set-group-ID as
//! they are, unless it names them, as GNU's chmod does.

use std::str::FromStr;

/// The umask that holds where nobody is named: what hosts have, unless somebody changed it.
const UMASK: u32 = 0o022;
const EXECUTE: u32 = 0o111;

/// A mode by words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SymbolicMode {
    text: String,
    changes: Vec<Change>,
}

/// What is done for one class of users.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Change {
    class: Class,
    is_within_umask: bool,
    operator: Operator,
    permissions: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Add,
    Take,
    Set,
}

/// Owner, group or others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    User,
    Group,
    Other,
}

impl Class {
    const ALL: [Self; 3] = [Self::User, Self::Group, Self::Other];

    fn of(letter: char) -> Option<Self> {
        match letter {
            'u' => Some(Self::User),
            'g' => Some(Self::Group),
            'o' => Some(Self::Other),
            _ => None,
        }
    }

    /// How far its three bits are from those of others.
    fn shift(self) -> u32 {
        match self {
            Self::User => 6,
            Self::Group => 3,
            Self::Other => 0,
        }
    }

    /// Its three bits, and what `s` or `t` is for it.
    fn bits(self) -> (u32, u32) {
        let special = match self {
            Self::User => 0o4000,
            Self::Group => 0o2000,
            Self::Other => 0o1000,
        };
        (7 << self.shift(), special)
    }
}

impl Change {
    /// The bits that its permissions stand for, of what has these.
    fn named(&self, bits: u32, is_directory: bool) -> u32 {
        let shift = self.class.shift();
        let (_, special) = self.class.bits();
        self.permissions.chars().fold(0, |named, letter| {
            let plain = match letter {
                'r' => 4,
                'w' => 2,
                'x' => 1,
                'X' if is_directory || bits & EXECUTE != 0 => 1,
                _ => 0,
            };
            let masked = if self.is_within_umask { UMASK } else { 0 };
            let copied = Class::of(letter).map_or(0, |other| bits >> other.shift() & 7);
            let special = match (letter, self.class) {
                ('s', Class::User | Class::Group) | ('t', Class::Other) => special,
                _ => 0,
            };
            named | (plain << shift & !masked) | copied << shift | special
        })
    }

    fn apply(&self, bits: u32, is_directory: bool) -> u32 {
        let named = self.named(bits, is_directory);
        match self.operator {
            Operator::Add => bits | named,
            Operator::Take => bits & !named,
            Operator::Set => {
                let (plain, special) = self.class.bits();
                let keeps = is_directory && self.class != Class::Other;
                bits & !(plain | if keeps { 0 } else { special }) | named
            }
        }
    }
}

impl SymbolicMode {
    /// As it was written, and as chmod takes it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The permission bits of what has these now.
    pub fn apply(&self, bits: u32, is_directory: bool) -> u32 {
        let changes = self.changes.iter();
        changes.fold(bits, |bits, change| change.apply(bits, is_directory))
    }

    /// Whether it comes to the same when it is applied again. Of any other nobody could tell whether it was applied.
    pub fn is_steady(&self) -> bool {
        let stays = |bits: u32, is_directory: bool| {
            let once = self.apply(bits, is_directory);
            self.apply(once, is_directory) == once
        };
        (0..=0o7777).all(|bits| stays(bits, false) && stays(bits, true))
    }
}

/// It is no mode by words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no mode by words, as `u=rw,g=r,o=` is")]
pub struct NotSymbolic;

impl FromStr for SymbolicMode {
    type Err = NotSymbolic;

    fn from_str(text: &str) -> Result<Self, NotSymbolic> {
        let mut changes = Vec::new();
        for clause in text.split(',') {
            add(clause, &mut changes).ok_or(NotSymbolic)?;
        }
        Ok(Self {
            text: text.to_owned(),
            changes,
        })
    }
}

/// Reads `ug+rw-x`; `None`: it is none.
fn add(clause: &str, to: &mut Vec<Change>) -> Option<()> {
    let is_operator = |c: char| matches!(c, '+' | '-' | '=');
    let (who, mut rest) = clause.split_at(clause.find(is_operator)?);
    let classes: Vec<Class> = match who {
        "" | "a" => Class::ALL.to_vec(),
        who => who.chars().map(Class::of).collect::<Option<_>>()?,
    };
    while let Some(operator) = rest.chars().next() {
        let operator = match operator {
            '+' => Operator::Add,
            '-' => Operator::Take,
            _ => Operator::Set,
        };
        let end = rest[1..].find(is_operator).map_or(rest.len(), |at| at + 1);
        let permissions = &rest[1..end];
        permissions
            .chars()
            .all(|c| "rwxXstugo".contains(c))
            .then_some(())?;
        to.extend(classes.iter().map(|class| Change {
            class: *class,
            is_within_umask: who.is_empty(),
            operator,
            permissions: permissions.to_owned(),
        }));
        rest = &rest[end..];
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_come_to_what_chmod_makes_of_them() {
        let (file, directory) = (false, true);
        let cases = [
            ("u+x", 0o644, file, 0o744),
            ("a+x", 0o640, file, 0o751),
            ("+w", 0o444, file, 0o644),
            ("=rwx", 0o000, file, 0o755),
            ("u=rw,g=r,o=", 0o777, file, 0o640),
            ("u=rwX,g=rX,o=", 0o600, file, 0o640),
            ("u=rwX,g=rX,o=", 0o600, directory, 0o750),
            ("a+X", 0o644, file, 0o644),
            ("a+X", 0o744, file, 0o755),
            ("go-rwx", 0o755, file, 0o700),
            ("g=u,o=g", 0o640, file, 0o666),
            ("ug+s,o+t", 0o755, directory, 0o7755),
            ("u=rwx,g=rx", 0o2770, directory, 0o2750),
            ("g=rx", 0o2770, file, 0o750),
            ("g=rxs", 0o770, directory, 0o2750),
            ("u=", 0o755, file, 0o055),
            ("u+r-w", 0o200, file, 0o400),
        ];
        for (text, before, is_directory, after) in cases {
            let mode: SymbolicMode = text.parse().unwrap();
            assert_eq!(
                format!("{:o}", mode.apply(before, is_directory)),
                format!("{after:o}"),
                "{text}"
            );
        }
    }

    #[test]
    fn the_machines_chmod_agrees() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::TempDir::new().unwrap();
        let file = directory.path().join("file");
        std::fs::write(&file, "").unwrap();
        let below = directory.path().join("directory");
        std::fs::create_dir(&below).unwrap();
        for text in [
            "u=rwX,g=rX,o=",
            "a+x",
            "g=u",
            "go-rwx,u+s",
            "ug=rx,o=t",
            "a=rX",
            "o=u,g-w",
            "u=rwxs,g=s",
        ] {
            let mode: SymbolicMode = text.parse().unwrap();
            for (path, is_directory) in [(&file, false), (&below, true)] {
                for before in [0o600, 0o755, 0o2770, 0o4711, 0o1777, 0o440] {
                    std::fs::set_permissions(path, std::fs::Permissions::from_mode(before)).unwrap();
                    let status = std::process::Command::new("chmod")
                        .arg(text)
                        .arg(path)
                        .status()
                        .unwrap();
                    assert!(status.success());
                    let after = std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
                    let ours = mode.apply(before, is_directory);
                    assert_eq!(
                        format!("{ours:o}"),
                        format!("{after:o}"),
                        "{text} of {before:o}, {is_directory}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_none_is_refused_and_what_is_another_each_time_is_told() {
        for text in ["", "x", "0640", "u", "z+x", "u+q", "u+x,", "u+x,g", "rw-r--r--"] {
            assert_eq!(text.parse::<SymbolicMode>(), Err(NotSymbolic), "{text}");
        }
        for (text, steady) in [
            ("a=u,u-x", false),
            ("g=o,o=u", false),
            ("a-x,a+X", true),
            ("u=rwX,go=u", true),
        ] {
            assert_eq!(
                text.parse::<SymbolicMode>().unwrap().is_steady(),
                steady,
                "{text}"
            );
        }
    }
}
