//! dpkg and apt: what is installed, what is offered, what has been fetched.

mod apt;
mod deb;
mod dpkg;
mod install;

use std::collections::BTreeMap;

use nebplay_model::version::Version;

use crate::machine::Machine;
use crate::process::Program;

/// What dpkg and apt know on a machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packages {
    /// What is installed, by name.
    pub installed: BTreeMap<String, Package>,
    /// The versions of OpenNebula that the repositories offer.
    pub offered: Vec<Version>,
}

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its version, `7.0.0-1`.
    pub version: String,
    /// `amd64` or `all`.
    pub arch: &'static str,
    /// How far it is installed.
    pub state: State,
    /// Whether it is held back.
    pub held: bool,
}

/// How far a package is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// All of it.
    Installed,
    /// It was unpacked and not configured: `dpkg --configure -a` does that.
    HalfConfigured,
    /// It was cut off while it was unpacked: apt takes it for installed, and only `--reinstall` or another version mends it.
    HalfInstalled,
}

impl State {
    /// dpkg's letters for it: state and error.
    fn letters(self) -> &'static str {
        match self {
            Self::Installed => "i ",
            Self::HalfConfigured => "F ",
            Self::HalfInstalled => "HR",
        }
    }

    /// dpkg's words for it: error and state.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Installed => ("ok", "installed"),
            Self::HalfConfigured => ("ok", "half-configured"),
            Self::HalfInstalled => ("reinstreq", "half-installed"),
        }
    }
}

/// The packages OpenNebula is released as, with what else their upgrade brings: a name, whether it is of every architecture, and
/// from which version on it exists.
const RELEASE: [(&str, bool, Version); 10] = [
    ("opennebula", false, Version::V7_0_0),
    ("opennebula-common", false, Version::V7_0_0),
    ("opennebula-fireedge", false, Version::V7_0_0),
    ("opennebula-flow", false, Version::V7_0_0),
    ("opennebula-gate", false, Version::V7_0_0),
    ("opennebula-guacd", false, Version::V7_0_0),
    ("opennebula-tools", false, Version::V7_0_0),
    ("python3-pyone", true, Version::V7_0_0),
    ("opennebula-form", false, Version::V7_2_0),
    ("opennebula-migration", true, Version::V7_2_0),
];

/// The packages of a release. Those before 7.2 have neither the form server nor, on a front-end that was never upgraded, migrators.
pub(super) fn release(version: Version) -> impl Iterator<Item = (&'static str, &'static str)> {
    RELEASE
        .into_iter()
        .filter(move |(.., since)| version >= *since || *since == Version::V7_0_0)
        .map(|(name, all, _)| (name, if all { "all" } else { "amd64" }))
}

/// The version of a package as Debian has it.
pub(super) fn debian(version: Version) -> String {
    format!("{version}-1")
}

/// OpenNebula's version of a Debian version.
pub(super) fn upstream(debian: &str) -> Option<Version> {
    debian.split('-').next()?.parse().ok()
}

/// The version of an installed package.
pub(crate) fn version_of(machine: &Machine, name: &str) -> Option<String> {
    machine
        .packages
        .installed
        .get(name)
        .map(|package| package.version.clone())
}

/// Installs a release from nothing, at once.
pub(crate) fn put(machine: &mut Machine, version: Version, offered: &[Version]) {
    machine.packages.offered = offered.to_vec();
    for (name, arch) in release(version) {
        let package = Package {
            version: debian(version),
            arch,
            state: State::Installed,
            held: false,
        };
        machine.packages.installed.insert(name.to_owned(), package);
    }
    install::unpack_files(machine, version);
    dpkg::write_status(machine);
}

/// The programs of this family.
pub(crate) fn find(name: &str) -> Option<Program> {
    Some(match name {
        "dpkg" => dpkg::dpkg,
        "dpkg-query" => dpkg::query,
        "dpkg-deb" => deb::dpkg_deb,
        "apt-get" | "apt" => apt::apt_get,
        "apt-cache" => apt::apt_cache,
        "apt-mark" => apt::apt_mark,
        "apt-config" => |_| 0,
        _ => return None,
    })
}
