//! `find`: what lies below directories.

use std::borrow::Cow;
use std::marker::PhantomData;

use async_trait::async_trait;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Map, Value};

use super::stat::described;
use crate::contract::{Contract, Privilege};
use crate::host::{Exit, FileKind, Stat};
use crate::module::{Cx, Failure, Finding, Module, Outcome};

/// Finds files below directories, by name, kind, age and size; a directory that is not there is no failure.
///
/// Registers `files`, a list by path, each with `path` and what `stat` tells of one; `matched`, how many there are; and
/// `skipped_paths`, the directories that could not be looked at, with the reason. Links are not followed, apart from `paths` themselves.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Find {
    /// The directories.
    #[serde(alias = "path", alias = "name")]
    #[schemars(extend("x-aliases" = ["path", "name"]))]
    paths: Vec<String>,
    /// Names to find, with `*`, `?` and `[…]`; all of them unless said.
    #[serde(default, alias = "pattern")]
    #[schemars(extend("x-aliases" = ["pattern"]))]
    patterns: Vec<String>,
    /// Names to leave out.
    #[serde(default, alias = "exclude")]
    #[schemars(extend("x-aliases" = ["exclude"]))]
    excludes: Vec<String>,
    /// What to find.
    #[serde(default)]
    file_type: Kind,
    /// Look into the directories below, too.
    #[serde(default)]
    recurse: bool,
    /// Look that many directories deep at most; with `recurse`.
    depth: Option<u32>,
    /// Names that begin with a dot, too.
    #[serde(default)]
    hidden: bool,
    /// What was changed at least so long ago, or with a minus at most: seconds, or `2d`, `-1w` (s, m, h, d, w).
    age: Option<Limit<Seconds>>,
    /// What is at least so large, or with a minus at most: bytes, or `10m`, `-1g` (b, k, m, g, t). Of files.
    size: Option<Limit<Bytes>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// Regular files.
    #[default]
    File,
    /// Directories.
    Directory,
    /// Symbolic links.
    Link,
    /// Whatever there is.
    Any,
}

impl Kind {
    /// What `find -type` calls it.
    fn letter(self) -> Option<&'static str> {
        match self {
            Self::File => Some("f"),
            Self::Directory => Some("d"),
            Self::Link => Some("l"),
            Self::Any => None,
        }
    }
}

/// What a limit counts.
trait Unit {
    /// What it limits, as the schema and messages have it.
    const NAME: &'static str;
    const EXAMPLES: &'static str;
    /// How many one of each letter is.
    const LETTERS: [(char, i64); 5];
}

#[derive(Debug, PartialEq, Eq)]
struct Seconds;

#[derive(Debug, PartialEq, Eq)]
struct Bytes;

impl Unit for Seconds {
    const NAME: &'static str = "Age";
    const EXAMPLES: &'static str = "3600, 2d or -1w";
    const LETTERS: [(char, i64); 5] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400), ('w', 604_800)];
}

impl Unit for Bytes {
    const NAME: &'static str = "Size";
    const EXAMPLES: &'static str = "512, 10m or -1g";
    const LETTERS: [(char, i64); 5] = [
        ('b', 1),
        ('k', 1 << 10),
        ('m', 1 << 20),
        ('g', 1 << 30),
        ('t', 1 << 40),
    ];
}

/// At least so much, or at most where it is negative.
#[derive(Debug, PartialEq, Eq)]
struct Limit<U>(i64, PhantomData<U>);

impl<U: Unit> Limit<U> {
    /// A number, with a letter behind it or none.
    fn read(text: &str) -> Option<Self> {
        let letter = U::LETTERS.iter().find(|(letter, _)| text.ends_with(*letter));
        let (digits, factor) = match letter {
            Some((letter, factor)) => (text.strip_suffix(*letter)?, *factor),
            None => (text, 1),
        };
        let limit = digits.parse::<i64>().ok()?.checked_mul(factor)?;
        Some(Self(limit, PhantomData))
    }

    fn holds(&self, found: i64) -> bool {
        if self.0 < 0 {
            found <= -self.0
        } else {
            found >= self.0
        }
    }

    fn letters() -> String {
        U::LETTERS.map(|(letter, _)| letter).into_iter().collect()
    }
}

impl<'de, U: Unit> Deserialize<'de> for Limit<U> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::read(&text).ok_or_else(|| {
            let (name, examples) = (U::NAME.to_lowercase(), U::EXAMPLES);
            let letters = U::LETTERS.map(|(letter, _)| letter.to_string()).join(", ");
            de::Error::custom(format!("`{text}` is no {name}: write {examples} ({letters})"))
        })
    }
}

impl<U: Unit> JsonSchema for Limit<U> {
    fn schema_name() -> Cow<'static, str> {
        U::NAME.into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let pattern = format!("^-?[0-9]+[{}]?$", Self::letters());
        json_schema!({"type": "string", "pattern": pattern})
    }
}

/// `$1` directory, then conditions. The host's time on a line, then what was found. Status 9: there is no such directory.
const FIND: &str = r#"# nebplay: find
date +%s || exit
[ -d "$1" ] || exit 9
exec find -H "$@" -printf '%y\0%m\0%u\0%g\0%U\0%G\0%s\0%T@\0%l\0%p\0'
"#;

const NO_DIRECTORY: i32 = 9;

impl Find {
    /// The conditions of `find` for what is wanted, as far as it has one.
    fn conditions(&self) -> Vec<String> {
        let mut words: Vec<String> = vec!["-mindepth".to_owned(), "1".to_owned()];
        let deepest = if self.recurse { self.depth } else { Some(1) };
        words.extend(
            deepest
                .into_iter()
                .flat_map(|depth| ["-maxdepth".to_owned(), depth.to_string()]),
        );
        let kind = self.file_type.letter().into_iter();
        words.extend(kind.flat_map(|letter| ["-type", letter].map(str::to_owned)));
        let hidden = (!self.hidden).then_some(".*");
        for excluded in self.excludes.iter().map(String::as_str).chain(hidden) {
            words.extend(["!", "-name", excluded].map(str::to_owned));
        }
        let names = self.patterns.iter();
        let either: Vec<_> = names.map(|name| vec!["-name".to_owned(), name.clone()]).collect();
        if !either.is_empty() {
            words.push("(".to_owned());
            words.extend(either.join(&"-o".to_owned()));
            words.push(")".to_owned());
        }
        words
    }

    fn is_wanted(&self, stat: &Stat, now: i64) -> bool {
        let size = i64::try_from(stat.size).unwrap_or(i64::MAX);
        let is_old_enough = |limit: &Limit<Seconds>| limit.holds(now - stat.mtime);
        let is_large_enough = |limit: &Limit<Bytes>| stat.kind != FileKind::File || limit.holds(size);
        self.age.as_ref().is_none_or(is_old_enough) && self.size.as_ref().is_none_or(is_large_enough)
    }
}

/// How many fields [`FIND`] prints of each path.
const FIELDS: usize = 10;

/// A path and what is there.
fn entry(fields: &[&str]) -> Option<(String, Stat)> {
    let [kind, mode, owner, group, uid, gid, size, mtime, target, path] = fields else {
        return None;
    };
    let kind = match *kind {
        "f" => FileKind::File,
        "d" => FileKind::Directory,
        "l" => FileKind::Link,
        _ => FileKind::Other,
    };
    let stat = Stat {
        kind,
        size: size.parse().ok()?,
        mode: u32::from_str_radix(mode, 8).ok()?,
        owner: (*owner).to_owned(),
        group: (*group).to_owned(),
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
        mtime: mtime.split('.').next()?.parse().ok()?,
        target: (kind == FileKind::Link).then(|| (*target).to_owned()),
    };
    Some(((*path).to_owned(), stat))
}

/// The host's time, and all that was found.
fn read(text: &str) -> Option<(i64, Vec<(String, Stat)>)> {
    let (now, found) = text.split_once('\n')?;
    let fields: Vec<&str> = found.split_terminator('\0').collect();
    let entries = fields.chunks(FIELDS).map(entry).collect::<Option<_>>()?;
    Some((now.trim().parse().ok()?, entries))
}

#[async_trait]
impl Module for Find {
    const NAME: &'static str = "find";
    const CONTRACT: Contract = Contract::reads(Privilege::AsTask);
    const EXAMPLE: &'static str = "\
- name: dumps older than four weeks
  find:
    paths: /var/lib/one
    patterns: ['*.sql', '*.sql.gz']
    age: 4w
  register: old
- name: are no longer needed
  file:
    path: \"{{ item.path }}\"
    state: absent
  loop: \"{{ old.files }}\"
";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        let mut files = Vec::new();
        let mut skipped = Map::new();
        for path in &self.paths {
            if !path.starts_with('/') {
                return Err(Failure::failed(format!(
                    "`{path}` is not a whole path: it begins with no `/`"
                )));
            }
            let words = std::iter::once(path.clone()).chain(self.conditions());
            let command = cx.script(FIND, words);
            let output = cx.host.run(&command).await?;
            let why = output.err_text().trim().to_owned();
            if output.exit == Exit::Code(NO_DIRECTORY) {
                skipped.insert(path.clone(), "it is not a directory".into());
                continue;
            }
            let Some((now, found)) = read(&output.text()) else {
                return Err(Failure::failed(format!(
                    "{}: failed to look for files below {path}: {why}",
                    cx.host.name()
                )));
            };
            if !output.exit.success() {
                skipped.insert(path.clone(), why.into());
            }
            files.extend(found.into_iter().filter(|(_, stat)| self.is_wanted(stat, now)));
        }
        files.sort_by(|(one, _), (other, _)| one.cmp(other));
        let message = format!("{} found", files.len());
        let warnings: Vec<String> = skipped
            .iter()
            .map(|(path, why)| {
                format!(
                    "not all below {path} was looked at: {}",
                    why.as_str().unwrap_or_default()
                )
            })
            .collect();
        let files: Vec<Value> = files.iter().map(|(path, stat)| described(path, stat)).collect();
        let outcome = Outcome::unchanged(message)
            .with("matched", files.len())
            .with("files", files)
            .with("skipped_paths", Value::Object(skipped));
        Ok(Finding::NoChange(Outcome { warnings, ..outcome }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{FakeHost, FakeWorld};

    #[test]
    fn amounts_have_units_and_a_sign() {
        for (text, expected) in [
            ("90", Some(90)),
            ("2d", Some(172_800)),
            ("-1w", Some(-604_800)),
            ("1y", None),
            ("d", None),
            ("", None),
            ("9223372036854775807w", None),
        ] {
            let limit = Limit::<Seconds>::read(text);
            assert_eq!(limit.map(|limit| limit.0), expected, "{text}");
        }
        let holds = |limit, found| Limit::<Bytes>(limit, PhantomData).holds(found);
        assert!(holds(10, 10) && holds(-10, 10) && holds(10, 11) && !holds(-10, 11));
    }

    const FOUND: &str = "1000\nf\x00640\0oneadmin\0oneadmin\x009869\x009869\x007\x00900.5\0\0/srv/b\0\
                         f\x00644\0root\0root\x000\x000\x0012\x00100.0\0\0/srv/a\nb\0";

    async fn found(args: Value, exit: i32, said: &str) -> Result<Outcome, Failure> {
        let host = FakeHost::new("m").on("find", exit, said);
        FakeWorld::default().run(&host, "find", args).await
    }

    #[tokio::test]
    async fn what_was_found_is_told_by_path() {
        let outcome = found(json!({"paths": ["/srv"]}), 0, FOUND).await.unwrap();
        let files = outcome.result["files"].as_array().unwrap();
        let paths: Vec<_> = files.iter().map(|file| &file["path"]).collect();
        assert_eq!(paths, ["/srv/a\nb", "/srv/b"]);
        assert_eq!(
            (&files[1]["mode"], &files[1]["uid"]),
            (&json!("0640"), &json!(9869))
        );
        for (args, expected) in [
            (json!({"paths": ["/srv"], "age": "500"}), "/srv/a\nb"),
            (json!({"paths": ["/srv"], "age": "-100"}), "/srv/b"),
            (json!({"paths": ["/srv"], "size": "-7b"}), "/srv/b"),
        ] {
            let outcome = found(args.clone(), 0, FOUND).await.unwrap();
            assert_eq!(outcome.result["matched"], 1, "{args}");
            assert_eq!(outcome.result["files"][0]["path"], expected, "{args}");
        }
    }

    #[tokio::test]
    async fn what_could_not_be_looked_at_is_told() {
        let outcome = found(json!({"paths": ["/none"]}), NO_DIRECTORY, "1000\n")
            .await
            .unwrap();
        assert_eq!(outcome.result["matched"], 0);
        assert_eq!(outcome.result["skipped_paths"]["/none"], "it is not a directory");
        assert_eq!(outcome.warnings.len(), 1);
        for said in ["", "now\n", "1000\nf\x00640\0"] {
            assert!(
                found(json!({"paths": ["/srv"]}), 1, said).await.is_err(),
                "{said}"
            );
        }
        assert!(found(json!({"paths": ["srv"]}), 0, FOUND).await.is_err());
    }
}
