//! What dpkg and apt say, read into values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::host::{Command, Output};
use crate::module::{Cx, Failure};

/// A package as dpkg knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) arch: String,
    /// dpkg's three letters: wanted, state, error; `ii ` when all is well, `iU ` unpacked and not configured.
    pub(super) status: String,
    pub(super) held: bool,
}

impl Package {
    /// Its files are there, in whatever state.
    pub(super) fn installed(&self) -> bool {
        !matches!(self.state(), 'n' | 'c')
    }

    /// Installed and configured.
    pub(super) fn complete(&self) -> bool {
        self.status.trim_end() == "ii" || self.status.trim_end() == "hi"
    }

    /// Cut off while it was unpacked. dpkg configures it no more and apt takes it for installed: it has to be unpacked once more
    /// (`--reinstall`), or to be removed by force.
    pub(super) fn torn(&self) -> bool {
        self.installed() && (self.state() == 'H' || self.status.chars().nth(2) == Some('R'))
    }

    /// What it is where it is not complete.
    pub(super) fn flaw(&self) -> String {
        let what = if self.torn() {
            "half-installed"
        } else {
            "half-configured"
        };
        format!("{} is {what} ({})", self.name, self.status.trim())
    }

    fn state(&self) -> char {
        self.status.chars().nth(1).unwrap_or('n')
    }
}

/// `$1` whether what is torn is listed whatever its name; patterns follow.
const QUERY: &str = r#"
torn=$1; shift
look() { dpkg-query -W -f '${Package}\t${Version}\t${Architecture}\t${db:Status-Abbrev}\n' "$@" 2>/dev/null; }
look -- "$@"
[ -z "$torn" ] || look | grep -E '	.(H|.R)[^	]*$'
echo '--- held'
apt-mark showhold 2>/dev/null
exit 0
"#;

/// The packages whose names match these patterns, by name; those merely known to dpkg are left out.
pub(super) async fn packages(cx: &Cx<'_>, patterns: &[String]) -> Result<BTreeMap<String, Package>, Failure> {
    look(cx, "", patterns).await
}

/// The same and, whatever their names, those that are [torn](Package::torn): apt does nothing about them.
pub(super) async fn packages_and_torn(
    cx: &Cx<'_>,
    patterns: &[String],
) -> Result<BTreeMap<String, Package>, Failure> {
    look(cx, "torn", patterns).await
}

async fn look(cx: &Cx<'_>, torn: &str, patterns: &[String]) -> Result<BTreeMap<String, Package>, Failure> {
    let words = std::iter::once(torn).chain(patterns.iter().map(String::as_str));
    let output = cx.host.run(&Command::script(QUERY, words).as_root()).await?;
    Ok(read_packages(&output.text()))
}

pub(super) fn read_packages(text: &str) -> BTreeMap<String, Package> {
    let (list, held) = text.split_once("--- held\n").unwrap_or((text, ""));
    let packages = list.lines().filter_map(|line| {
        let mut fields = line.split('\t').map(str::to_owned);
        let (name, version, arch, status) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let held = held.lines().any(|line| line.trim() == name);
        Some(Package {
            name,
            version,
            arch,
            status,
            held,
        })
    });
    packages
        .filter(Package::installed)
        .map(|package| (package.name.clone(), package))
        .collect()
}

/// One thing that apt would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Action {
    pub(super) name: String,
    /// What is installed now; `None`: nothing.
    pub(super) from: Option<String>,
    /// What would be; `None`: removed.
    pub(super) to: Option<String>,
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.from, &self.to) {
            (Some(from), Some(to)) if from == to => write!(f, "{} {to} (again)", self.name),
            (Some(from), Some(to)) => write!(f, "{} {from} → {to}", self.name),
            (None, Some(to)) => write!(f, "{} {to} (new)", self.name),
            (_, None) => write!(f, "{} removed", self.name),
        }
    }
}

/// Actions in a few words: `9 packages 7.0.0-1 → 7.2.0-1`, `new: opennebula-form 7.2.0-1`.
pub(super) fn in_short(actions: &[Action]) -> Vec<String> {
    let mut upgrades: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    let (mut new, mut gone) = (Vec::new(), Vec::new());
    for action in actions {
        match (&action.from, &action.to) {
            // Unpacked once more; that it is healed is said elsewhere.
            (Some(from), Some(to)) if from == to => {}
            (Some(from), Some(to)) => upgrades.entry((from, to)).or_default().push(&action.name),
            (None, Some(to)) => new.push(format!("{} {to}", action.name)),
            (_, None) => gone.push(action.name.as_str()),
        }
    }
    let mut words: Vec<String> = upgrades
        .iter()
        .map(|((from, to), names)| match names[..] {
            [only] => format!("{only} {from} → {to}"),
            _ => format!("{} packages {from} → {to}", names.len()),
        })
        .collect();
    if !new.is_empty() {
        words.push(format!("new: {}", new.join(", ")));
    }
    if !gone.is_empty() {
        words.push(format!("removed: {}", gone.join(", ")));
    }
    words
}

/// Reads `apt-get -s`: lines `Inst NAME [OLD] (NEW REPO [ARCH])` and `Remv NAME [OLD]`.
pub(super) fn read_simulation(text: &str) -> Vec<Action> {
    let action = |line: &str| {
        let (verb, rest) = line.split_once(' ')?;
        let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let from = rest
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
            .map(|(old, _)| old.to_owned());
        let name = name.to_owned();
        match verb {
            "Inst" => {
                let to = rest.split_once('(')?.1.split(' ').next()?.to_owned();
                Some(Action {
                    name,
                    from,
                    to: Some(to),
                })
            }
            "Remv" => Some(Action { name, from, to: None }),
            _ => None,
        }
    };
    text.lines().filter_map(action).collect()
}

/// What apt lacks to bring packages together again that were left unpacked beside older ones, as it takes it: `name=version`.
pub(super) fn read_lacking(text: &str) -> Vec<String> {
    if !text.contains("apt --fix-broken install") {
        return Vec::new();
    }
    let lacking = |line: &str| {
        let (_, wanted) = line.split_once("Depends: ")?;
        let wanted = wanted.strip_suffix(" but it is not going to be installed")?;
        let exactly = wanted
            .split_once(" (= ")
            .and_then(|(name, version)| Some(format!("{name}={}", version.strip_suffix(')')?)));
        Some(exactly.unwrap_or_else(|| wanted.split(' ').next().unwrap_or(wanted).to_owned()))
    };
    text.lines().filter_map(lacking).collect()
}

/// What each package could be installed as, newest first as apt lists them: lines `NAME | VERSION | WHERE`.
pub(super) fn read_madison(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut offered: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in text.lines() {
        let mut fields = line.split('|').map(str::trim);
        if let (Some(name), Some(version), Some(place)) = (fields.next(), fields.next(), fields.next())
            && !place.ends_with("Sources")
        {
            let versions = offered.entry(name.to_owned()).or_default();
            if !versions.iter().any(|known| known == version) {
                versions.push(version.to_owned());
            }
        }
    }
    offered
}

/// The version that a Debian version packs: `7.2.0` of `7.2.0-1`.
pub(super) fn upstream(debian: &str) -> &str {
    let upstream = debian.split_once(':').map_or(debian, |(_, rest)| rest);
    upstream
        .rsplit_once('-')
        .map_or(upstream, |(upstream, _)| upstream)
}

/// Whether a Debian version is of this OpenNebula version: `7.2.0-1` is of `7.2` and of `7.2.0`, not of `7.20`.
pub(super) fn is_of(debian: &str, wanted: &str) -> bool {
    let rest = upstream(debian).strip_prefix(wanted);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || rest.starts_with('~'))
}

/// The environment and options that keep apt and dpkg from ever asking, and an edited configuration file as it is.
/// The documented line stops at the prompt of the edited oned.conf and leaves the package unpacked.
pub(super) const QUIET: &str = r#"
export DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none NEEDRESTART_MODE=l LC_ALL=C
apt_quiet() {
  apt-get -y -q -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}
"#;

/// What went wrong, of what apt printed: its errors, or all of it.
pub(super) fn last_words(text: &str) -> String {
    let errors = text
        .lines()
        .filter(|line| line.starts_with("E: ") || line.contains("error"));
    let errors: Vec<&str> = errors.collect();
    if errors.is_empty() {
        text.trim().to_owned()
    } else {
        errors.join("; ")
    }
}

/// A failure that carries apt's last words.
pub(super) fn apt_failed(what: &str, output: &Output) -> Failure {
    let errors: Vec<String> = output
        .err_text()
        .lines()
        .filter(|line| line.starts_with("E: ") || line.starts_with("dpkg: error"))
        .map(str::to_owned)
        .collect();
    let words = if errors.is_empty() {
        output.err_text()
    } else {
        errors.join("; ")
    };
    Failure::failed(format!("{what}: {}, {}", output.exit, words.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_in_few_words() {
        let action = |name: &str, from: Option<&str>, to: Option<&str>| Action {
            name: name.to_owned(),
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
        };
        let actions = [
            action("opennebula", Some("7.0.0-1"), Some("7.2.0-1")),
            action("opennebula-flow", Some("7.0.0-1"), Some("7.2.0-1")),
            action("python3-pyone", Some("6.8"), Some("7.2")),
            action("opennebula-form", None, Some("7.2.0-1")),
            action("opennebula-old", Some("7.0.0-1"), None),
        ];
        assert_eq!(
            in_short(&actions),
            [
                "python3-pyone 6.8 → 7.2",
                "2 packages 7.0.0-1 → 7.2.0-1",
                "new: opennebula-form 7.2.0-1",
                "removed: opennebula-old"
            ]
        );
        assert!(in_short(&[]).is_empty());
    }

    #[test]
    fn a_version_is_of_a_release_by_whole_numbers() {
        for (debian, wanted, expected) in [
            ("7.2.0-1", "7.2", true),
            ("7.2.0-1", "7.2.0", true),
            ("7.20.0-1", "7.2", false),
            ("6.10.0-1", "6.1", false),
            ("7.0.0-1", "7.2", false),
            ("1:7.2.0-1", "7.2", true),
        ] {
            assert_eq!(is_of(debian, wanted), expected, "{debian} of {wanted}");
        }
    }

    #[test]
    fn a_simulation_is_read_line_by_line() {
        let text = "NOTE: This is only a simulation!\n\
            Remv opennebula-migration-community [7.0.0-1]\n\
            Inst opennebula [7.0.0-1] (7.2.0-1 localhost [amd64]) []\n\
            Inst opennebula-form (7.2.0-1 localhost [amd64])\n\
            Conf opennebula (7.2.0-1 localhost [amd64])\n";
        let said: Vec<String> = read_simulation(text).iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "opennebula-migration-community removed",
                "opennebula 7.0.0-1 → 7.2.0-1",
                "opennebula-form 7.2.0-1 (new)"
            ]
        );
    }

    #[test]
    fn what_apt_lacks_is_read_only_where_packages_are_torn_apart() {
        let text = "You might want to run 'apt --fix-broken install' to correct these.\n\
            The following packages have unmet dependencies:\n \
            fireedge : Depends: form (= 7.2.0-1) but it is not going to be installed\n \
            flow : PreDepends: ruby (>= 2) but it is not going to be installed\n \
            gate : Depends: tools (= 7.2.0-1) but 7.0.0-1 is to be installed\n";
        assert_eq!(read_lacking(text), ["form=7.2.0-1", "ruby"]);
        assert!(read_lacking(text.split_once('\n').unwrap().1).is_empty());
    }

    #[test]
    fn a_half_configured_package_is_installed_but_not_complete() {
        let packages = read_packages(
            "opennebula\t7.2.0-1\tamd64\tiU \nopennebula-flow\t7.2.0-1\tamd64\tii \nopennebula-x\t\t\tun \n\
             opennebula-old\t6.0\tall\trc \n--- held\nopennebula-flow\n",
        );
        assert_eq!(
            packages.keys().collect::<Vec<_>>(),
            ["opennebula", "opennebula-flow"]
        );
        assert!(!packages["opennebula"].complete());
        assert!(packages["opennebula-flow"].complete() && packages["opennebula-flow"].held);
    }
}
