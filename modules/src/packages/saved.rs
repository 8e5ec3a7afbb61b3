//! The packages that are kept for the way back: where they are, which they are, and which of them are tonight's.

use serde::{Deserialize, Serialize};

use super::apt::Package;
use crate::host::{Command, Host};
use crate::memory;
use crate::module::{Cx, Failure};

/// Where they are: a directory for each version of `opennebula`.
pub(super) const ROOT: &str = "/var/lib/nebplay/packages";

/// The note of what was installed before the upgrade that is under way.
pub(crate) const NOTE: &str = "packages-before";

/// Answers `NAME VERSION ARCH FILE`, with tabs, for each file that is readable to its last byte, and `damaged FILE` for each other.
const SAVED: &str = r#"# nebplay: packages that are kept
cd "$1" 2>/dev/null || exit 0
for file in *.deb; do
  [ -f "$file" ] || continue
  if dpkg-deb --fsys-tarfile "$file" >/dev/null 2>&1; then
    dpkg-deb --show --showformat='${Package}\t${Version}\t${Architecture}\t' "$file" && printf '%s\n' "$file"
  else
    printf 'damaged\t%s\n' "$file"
  fi
done
"#;

/// A package that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Saved {
    pub(super) name: String,
    pub(super) version: String,
    arch: String,
    /// Its file, in the directory.
    pub(super) file: String,
}

impl Saved {
    /// Whether it is this package, at this version.
    pub(super) fn is(&self, package: &Package) -> bool {
        (&self.name, &self.version, &self.arch) == (&package.name, &package.version, &package.arch)
    }
}

/// What a directory holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) packages: Vec<Saved>,
    /// Files that cannot be read to their end.
    pub(super) damaged: Vec<String>,
}

/// The directory of the packages of a version of `opennebula`, as Debian has it.
pub(super) fn directory(version: &str) -> String {
    format!("{ROOT}/{version}")
}

/// What a directory holds; of one that does not exist, nothing.
pub(super) async fn kept(cx: &Cx<'_>, directory: &str) -> Result<Kept, Failure> {
    let command = Command::script(SAVED, [directory]).as_root();
    Ok(read(&cx.host.run(&command).await?.text()))
}

fn read(text: &str) -> Kept {
    let mut kept = Kept::default();
    for line in text.lines() {
        match line.splitn(4, '\t').collect::<Vec<_>>()[..] {
            ["damaged", file] => kept.damaged.push(file.to_owned()),
            [name, version, arch, file] => kept.packages.push(Saved {
                name: name.to_owned(),
                version: version.to_owned(),
                arch: arch.to_owned(),
                file: file.to_owned(),
            }),
            _ => {}
        }
    }
    kept
}

/// What was installed before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Before {
    /// The version of `opennebula`.
    version: String,
}

/// The version that was installed before the upgrade that is under way; `None`: none is, or it has not come that far.
pub(crate) async fn before(host: &dyn Host) -> Result<Option<String>, Failure> {
    let before: Option<Before> = memory::recall(host, NOTE).await?;
    Ok(before.map(|before| before.version))
}

/// Remembers what is installed before an upgrade begins.
pub(super) async fn note(host: &dyn Host, version: &str) -> Result<(), Failure> {
    let version = version.to_owned();
    memory::overwrite(host, NOTE, &Before { version })
        .await
        .map(|_| ())
}

/// The upgrade has come to its end: what is saved stays, and is nobody's way back any more unless it is named.
pub(crate) async fn forget(host: &dyn Host) -> Result<(), Failure> {
    memory::forget(host, NOTE).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_and_damaged_files_are_told_apart() {
        let kept = read("opennebula\t7.0.0-1\tamd64\topennebula_7.0.0-1_amd64.deb\ndamaged\ta b.deb\nodd\n");
        assert_eq!(kept.packages.len(), 1);
        assert_eq!(kept.packages[0].file, "opennebula_7.0.0-1_amd64.deb");
        assert_eq!(kept.damaged, ["a b.deb"]);
    }
}
