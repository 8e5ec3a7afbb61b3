//! `~/.ssh/config`, as far as nebplay follows it.
//!
//! As in OpenSSH the first value found for a keyword counts, except `IdentityFile`, which adds up.
//! `Match` blocks are passed over, except `Match all`: what they ask for depends on things nebplay does not know.

use std::path::{Path, PathBuf};

use super::pattern;
use super::target::HostKeyPolicy;

/// How deep includes may go, as in OpenSSH.
const DEEPEST_INCLUDE: usize = 16;

/// What the configuration says about one host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct HostConfig {
    pub(super) host_name: Option<String>,
    pub(super) user: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) identity_files: Vec<PathBuf>,
    pub(super) identities_only: bool,
    pub(super) proxy_jump: Option<String>,
    pub(super) proxy_command: Option<String>,
    pub(super) known_hosts: Option<Vec<PathBuf>>,
    pub(super) host_keys: Option<HostKeyPolicy>,
}

/// A configuration: its lines, in order, includes in place.
#[derive(Debug, Clone, Default)]
pub(super) struct SshConfig {
    lines: Vec<(Scope, String, Vec<String>)>,
    home: PathBuf,
}

/// Whom a line concerns: every one of these lists of patterns must match (an include may stand inside a `Host`).
type Scope = Vec<Option<Vec<String>>>;

impl SshConfig {
    /// Reads these files in order; those that do not exist are empty. An unreadable one or a broken line is an error with its place.
    pub(super) fn read(files: &[PathBuf], home: &Path) -> Result<Self, String> {
        let mut config = Self {
            lines: Vec::new(),
            home: home.to_owned(),
        };
        for file in files {
            config.include(file, &Vec::new(), 0)?;
        }
        Ok(config)
    }

    #[cfg(test)]
    pub(super) fn from_text(text: &str, home: &Path) -> Result<Self, String> {
        let mut config = Self {
            lines: Vec::new(),
            home: home.to_owned(),
        };
        config.parse(text, Path::new("config"), &Vec::new(), 0)?;
        Ok(config)
    }

    fn include(&mut self, file: &Path, scope: &Scope, depth: usize) -> Result<(), String> {
        match std::fs::read_to_string(file) {
            Ok(text) => self.parse(&text, file, scope, depth),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(format!("{}: {error}", file.display())),
        }
    }

    fn parse(&mut self, text: &str, file: &Path, outer: &Scope, depth: usize) -> Result<(), String> {
        let mut scope = outer.clone();
        for (index, line) in text.lines().enumerate() {
            let complain = |what: &str| format!("{}:{}: {what}: {}", file.display(), index + 1, line.trim());
            let Some((keyword, words)) = split_line(line).map_err(|what| complain(&what))? else {
                continue;
            };
            match keyword.as_str() {
                "host" => {
                    scope.clone_from(outer);
                    scope.push(Some(words));
                }
                "match" => {
                    scope.clone_from(outer);
                    scope.push(
                        words
                            .iter()
                            .all(|word| word == "all")
                            .then(|| vec!["*".to_owned()]),
                    );
                }
                "include" if depth >= DEEPEST_INCLUDE => return Err(complain("includes go too deep")),
                "include" => {
                    let paths: Vec<_> = words.iter().flat_map(|word| self.included(word, file)).collect();
                    for path in paths {
                        self.include(&path, &scope, depth + 1)?;
                    }
                }
                _ if words.is_empty() => return Err(complain("the keyword has no value")),
                "port" if words[0].parse::<u16>().is_err() => return Err(complain("not a port")),
                _ => self.lines.push((scope.clone(), keyword, words)),
            }
        }
        Ok(())
    }

    /// The files an include names; relative ones stand beside the user's configuration.
    fn included(&self, word: &str, from: &Path) -> Vec<PathBuf> {
        let mut path = self.expand_home(word);
        if path.is_relative() {
            path = from.parent().unwrap_or(Path::new(".")).join(path);
        }
        let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str()))
        else {
            return vec![path];
        };
        if !name.contains(['*', '?']) {
            return vec![path];
        }
        let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| {
                entry
                    .file_name()
                    .to_str()
                    .is_some_and(|entry| pattern::matches(name, entry))
            })
            .map(|entry| entry.path())
            .collect();
        found.sort();
        found
    }

    fn expand_home(&self, word: &str) -> PathBuf {
        match word.strip_prefix("~/").or_else(|| word.strip_prefix("%d/")) {
            Some(rest) => self.home.join(rest),
            None => PathBuf::from(word),
        }
    }

    /// What the configuration says about the host that the inventory calls `alias`.
    pub(super) fn of(&self, alias: &str) -> HostConfig {
        let mut found = HostConfig::default();
        let mut identities_only = None;
        let concerns = |scope: &Scope| {
            scope.iter().all(|patterns| {
                patterns
                    .as_ref()
                    .is_some_and(|list| pattern::list_matches(list.iter().map(String::as_str), alias))
            })
        };
        for (_, keyword, words) in self.lines.iter().filter(|(scope, ..)| concerns(scope)) {
            let word = &words[0];
            let first = |slot: &mut Option<String>, value: &str| {
                slot.get_or_insert_with(|| value.to_owned());
            };
            match keyword.as_str() {
                "hostname" => first(&mut found.host_name, &word.replace("%h", alias)),
                "user" => first(&mut found.user, word),
                "port" => found.port = found.port.or(word.parse().ok()),
                "proxyjump" => first(&mut found.proxy_jump, word),
                "proxycommand" => first(&mut found.proxy_command, &words.join(" ")),
                "identitiesonly" => {
                    identities_only.get_or_insert(word.eq_ignore_ascii_case("yes"));
                }
                "stricthostkeychecking" => {
                    found.host_keys = found.host_keys.or(policy(word));
                }
                "userknownhostsfile" => {
                    let files = words.iter().filter(|word| *word != "none");
                    found
                        .known_hosts
                        .get_or_insert_with(|| files.map(|word| self.expand_home(word)).collect());
                }
                "identityfile" if !word.eq_ignore_ascii_case("none") => {
                    let expanded = self.expand_home(&word.replace("%h", alias));
                    if !found.identity_files.contains(&expanded) {
                        found.identity_files.push(expanded);
                    }
                }
                _ => {}
            }
        }
        found.identities_only = identities_only.unwrap_or(false);
        found
    }
}

fn policy(word: &str) -> Option<HostKeyPolicy> {
    match word.to_ascii_lowercase().as_str() {
        // "ask" cannot ask in the middle of a run.
        "yes" | "ask" => Some(HostKeyPolicy::Strict),
        "accept-new" => Some(HostKeyPolicy::AcceptNew),
        "no" | "off" => Some(HostKeyPolicy::Off),
        _ => None,
    }
}

/// Keyword (lower case) and values of a line; `None`: empty or a comment. Values may be quoted, and `=` may stand after the keyword.
fn split_line(line: &str) -> Result<Option<(String, Vec<String>)>, String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let end = line
        .find(|c: char| c.is_whitespace() || c == '=')
        .unwrap_or(line.len());
    let (keyword, rest) = line.split_at(end);
    let rest = rest.trim_start();
    let mut rest = rest.strip_prefix('=').unwrap_or(rest).trim();
    let mut words = Vec::new();
    while !rest.is_empty() && !rest.starts_with('#') {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or("a quote is not closed")?,
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    Ok(Some((keyword.to_ascii_lowercase(), words)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, alias: &str) -> HostConfig {
        SshConfig::from_text(text, Path::new("/home/op"))
            .unwrap()
            .of(alias)
    }

    #[test]
    fn the_first_value_counts_and_identities_add_up() {
        let text = "
            # the cloud
            Host fe* !fe9
                HostName %h.example.org
                User = root
                IdentityFile ~/.ssh/cloud
                UserKnownHostsFile \"~/known hosts\" /etc/more
            Host fe1
                User nobody
                Port 2222
                ProxyJump op@gate:2200
                StrictHostKeyChecking accept-new
            Host *
                IdentityFile /keys/%h
                IdentitiesOnly yes
        ";
        let fe1 = of(text, "fe1");
        assert_eq!(fe1.host_name.as_deref(), Some("fe1.example.org"));
        assert_eq!(fe1.user.as_deref(), Some("root"));
        assert_eq!(fe1.port, Some(2222));
        assert_eq!(fe1.proxy_jump.as_deref(), Some("op@gate:2200"));
        assert_eq!(fe1.host_keys, Some(HostKeyPolicy::AcceptNew));
        assert_eq!(
            fe1.identity_files,
            [Path::new("/home/op/.ssh/cloud"), Path::new("/keys/fe1")]
        );
        assert_eq!(
            fe1.known_hosts.unwrap(),
            [PathBuf::from("/home/op/known hosts"), PathBuf::from("/etc/more")]
        );
        let fe9 = of(text, "fe9");
        assert_eq!((fe9.host_name, fe9.user), (None, None));
        assert!(fe9.identities_only);
    }

    #[test]
    fn match_is_passed_over_until_the_next_host() {
        let text = "Match exec true\nUser a\nHost fe1\nPort 1\nMatch all\nUser b\n";
        assert_eq!(of(text, "fe1").user.as_deref(), Some("b"));
        assert_eq!(of(text, "fe1").port, Some(1));
    }

    #[test]
    fn includes_stand_where_they_are_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("config.d")).unwrap();
        std::fs::write(
            dir.path().join("config.d/10-a.conf"),
            "User inner\nHost other\nPort 7\n",
        )
        .unwrap();
        std::fs::write(
            dir.path().join("config"),
            "Host fe1\nInclude config.d/*.conf\nUser outer\nHost fe2\nPort 9\n",
        )
        .unwrap();
        let config = SshConfig::read(&[dir.path().join("config")], dir.path()).unwrap();
        assert_eq!(config.of("fe1").user.as_deref(), Some("inner"));
        assert_eq!(
            config.of("other").port,
            None,
            "the include stands inside Host fe1"
        );
        assert_eq!(config.of("fe2").user, None);
        std::fs::write(dir.path().join("loop"), "Include loop\n").unwrap();
        let error = SshConfig::read(&[dir.path().join("loop")], dir.path()).unwrap_err();
        assert!(error.contains("too deep"), "{error}");
    }

    #[test]
    fn broken_lines_are_named() {
        for (text, expected) in [
            ("Host a\nPort ssh\n", "config:2: not a port: Port ssh"),
            ("User\n", "config:1: the keyword has no value: User"),
            (
                "IdentityFile \"x\n",
                "config:1: a quote is not closed: IdentityFile \"x",
            ),
        ] {
            assert_eq!(SshConfig::from_text(text, Path::new("/")).unwrap_err(), expected);
        }
    }
}
