//! Where things are on the host, and what is installed there.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use nebplay_model::config::OnedConf;
use nebplay_model::version::Version;

/// The host the stand-in runs on. Every path is below its root, which is `/` but in tests.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    root: PathBuf,
}

impl Host {
    /// The root is `STANDIN_ROOT`, or `/`.
    pub(crate) fn from_environment() -> Self {
        Self {
            root: std::env::var_os("STANDIN_ROOT").map_or_else(|| PathBuf::from("/"), PathBuf::from),
        }
    }

    /// An absolute path of the host.
    pub(crate) fn path(&self, absolute: &str) -> PathBuf {
        self.root.join(absolute.trim_start_matches('/'))
    }

    /// The version of the installed oned.
    pub(crate) fn oned_version(&self) -> Version {
        self.version("/usr/share/one/opennebula.version")
    }

    /// The version of all other commands.
    pub(crate) fn tools_version(&self) -> Version {
        self.version("/usr/share/one/opennebula-tools.version")
    }

    fn version(&self, file: &str) -> Version {
        let text = std::fs::read_to_string(self.path(file)).unwrap_or_default();
        text.parse().unwrap_or(Version::V7_0_0)
    }

    /// oned.conf; its defaults if it cannot be read.
    pub(crate) fn conf(&self) -> OnedConf {
        OnedConf::parse(&std::fs::read_to_string(self.path("/etc/one/oned.conf")).unwrap_or_default())
    }

    /// oned's database when it is SQLite.
    pub(crate) fn sqlite_file(&self) -> PathBuf {
        self.path("/var/lib/one/one.db")
    }

    /// There while oned runs, and after it was killed.
    pub(crate) fn lock_file(&self) -> PathBuf {
        self.path("/var/lock/one/one")
    }

    /// The directory of migrators of a part.
    pub(crate) fn migrators(&self, part: &str) -> PathBuf {
        self.path(&format!("/usr/lib/one/ruby/onedb/{part}"))
    }

    /// `user:password` of the caller: the file `ONE_AUTH` names, or the one in the home of oneadmin.
    pub(crate) fn session(&self) -> String {
        let file = std::env::var_os("ONE_AUTH")
            .map_or_else(|| self.path("/var/lib/one/.one/one_auth"), PathBuf::from);
        std::fs::read_to_string(file)
            .unwrap_or_default()
            .trim()
            .to_owned()
    }

    /// Where the tools look for oned when no option says otherwise.
    pub(crate) fn endpoint() -> String {
        std::env::var("ONE_XMLRPC").unwrap_or_else(|_| "http://localhost:2633/RPC2".to_owned())
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or_default()
}
