//! Whose ground a path is on: who could put something else in its place while we look away.
//!
//! Root must not write where somebody else can make a link: what it writes would land where that link leads, with the rights it
//! gives it. So root acts only where nobody but root can change any part of the way; everywhere else the user does whose file it is,
//! and gains nothing by a link.

use crate::host::{Command, Host, RunAs};
use crate::module::Failure;

/// `$1` path. A line for every part of it, and of where its links lead, as far as they are there.
///
/// The names are looked at before they are resolved, so that a link is seen as whose it is. A directory that others can write to
/// counts as anybody's unless it is sticky: what is in that one only its owner can replace, and whose it is comes next.
const LOOK: &str = r#"# nebplay: whose ground a path is on
export LC_ALL=C
parts() {
    part= rest=${1#/}/
    shift
    while [ -n "$rest" ]; do
        part=$part/${rest%%/*} rest=${rest#*/}
        [ -e "$part" ] || [ -L "$part" ] || break
        set -- "$@" "$part"
    done
    [ $# = 0 ] || stat -c '. %U %G %a %F' -- "$@"
}
parts "$1" && real=$(realpath -m -- "$1" && echo .) || exit
real=${real%??}
[ "$real" = "$1" ] || parts "$real" || exit
echo end
"#;

/// Who could change a path, root aside.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Ground {
    /// Nobody.
    Root,
    /// This user alone.
    Of(String),
    /// More than one user; why.
    Shared(String),
}

impl Ground {
    /// What others than root could do there, in words.
    fn others(&self) -> Option<String> {
        match self {
            Self::Root => None,
            Self::Of(user) => Some(format!("{user} could put a link there")),
            Self::Shared(why) => Some(why.clone()),
        }
    }
}

/// Whose ground a path is on, which may not be there yet.
async fn of(host: &dyn Host, path: &str) -> Result<Ground, Failure> {
    let output = host.run(&Command::script(LOOK, [path]).as_root()).await?;
    let text = output.text();
    let read = text.strip_suffix("end\n").and_then(read);
    read.filter(|_| output.exit.success()).ok_or_else(|| {
        Failure::failed(format!(
            "{}: failed to see whose {path} is: {} ({})",
            host.name(),
            output.exit,
            output.err_text().trim()
        ))
    })
}

fn read(text: &str) -> Option<Ground> {
    let mut user: Option<&str> = None;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let mut words = line.splitn(5, ' ').skip(1);
        let (owner, group, mode, kind) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let mode = u32::from_str_radix(mode, 8).ok()?;
        // A group of the owner's own name has nobody else in it.
        let others = mode & 0o002 != 0 || (mode & 0o020 != 0 && group != owner && group != "root");
        // In a sticky directory nobody replaces what is another's, but anybody makes what is not there yet.
        let protected = mode & 0o1000 != 0 && lines.peek().is_some();
        if kind == "directory" && others && !protected {
            return Some(Ground::Shared(format!(
                "a directory on the way has mode {mode:04o} and group {group}"
            )));
        }
        match user {
            _ if owner == "root" => {}
            None => user = Some(owner),
            Some(first) if first == owner => {}
            Some(first) => {
                return Some(Ground::Shared(format!(
                    "both {first} and {owner} can change the way to it"
                )));
            }
        }
    }
    Some(user.map_or(Ground::Root, |user| Ground::Of(user.to_owned())))
}

fn refused(host: &dyn Host, path: &str, why: &str) -> Failure {
    Failure::unsafe_to_go_on(format!(
        "{}: {path} is no place for what is root's: {why}",
        host.name()
    ))
    .hint("choose a path below directories that are root's alone, as /var/lib/nebplay")
}

/// Fails unless nobody but root can change what is at a path, and the way there.
pub(crate) async fn only_root(host: &dyn Host, path: &str) -> Result<(), Failure> {
    match of(host, path).await?.others() {
        None => Ok(()),
        Some(why) => Err(refused(host, path, &why)),
    }
}

/// Who writes a file that shall belong to `owner`: root on root's ground, and everywhere else that owner.
pub(crate) async fn writer(host: &dyn Host, path: &str, owner: &str) -> Result<RunAs, Failure> {
    match of(host, path).await?.others() {
        None => Ok(RunAs::root()),
        Some(why) if owner == "root" => Err(refused(host, path, &why)),
        Some(_) => Ok(RunAs::User(owner.to_owned())),
    }
}

/// Who reads a file for somebody else: root on root's ground, otherwise the user whose ground it is. Root would follow a link of
/// theirs to what they may not read themselves.
pub(crate) async fn reader(host: &dyn Host, path: &str) -> Result<RunAs, Failure> {
    match of(host, path).await? {
        Ground::Root => Ok(RunAs::root()),
        Ground::Of(user) => Ok(RunAs::User(user)),
        Ground::Shared(why) => Err(Failure::unsafe_to_go_on(format!(
            "{}: {path} may be a link of anybody's to what only root may read: {why}",
            host.name()
        ))
        .hint("move it to a directory of its owner's alone")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::FailureKind;
    use crate::testing::FakeHost;
    use crate::testing_local::LocalHost;

    #[test]
    fn whoever_can_change_the_way_is_found() {
        let root = ". root root 755 directory\n";
        let one = ". oneadmin oneadmin 750 directory\n";
        let link = ". oneadmin oneadmin 777 symbolic link\n";
        for (parts, ground) in [
            (root.repeat(3), "Root"),
            (format!("{root}. root root 1777 directory\n{root}"), "Root"),
            (
                format!("{root}{one}. root root 600 regular file\n"),
                "Of(\"oneadmin\")",
            ),
            // What their link leads to may be root's; they decide where it leads.
            (format!("{root}{link}{root}{root}"), "Of(\"oneadmin\")"),
            (
                format!("{root}. oneadmin oneadmin 775 directory\n"),
                "Of(\"oneadmin\")",
            ),
            (
                format!("{root}{one}. ops ops 755 directory\n"),
                "Shared(\"both oneadmin and ops",
            ),
            (
                format!("{root}. root root 1777 directory\n"),
                "Shared(\"a directory",
            ),
            (
                format!("{root}. root root 777 directory\n"),
                "Shared(\"a directory",
            ),
            (
                format!("{root}. root staff 2775 directory\n"),
                "Shared(\"a directory",
            ),
        ] {
            let found = format!("{:?}", read(&parts).unwrap());
            assert!(found.starts_with(ground), "{found} for {parts}");
        }
        assert_eq!(read("nonsense\n"), None);
    }

    #[tokio::test]
    async fn an_answer_that_broke_off_is_none() {
        let host = FakeHost::new("m").on("whose ground", 0, ". root root 755 directory\n");
        assert!(only_root(&host, "/a/path").await.is_err());
    }

    #[tokio::test]
    async fn a_link_is_seen_as_whose_it_is_and_where_it_leads() {
        use std::os::unix::fs::symlink;
        let host = LocalHost::new("m");
        let oneadmin = RunAs::User("oneadmin".to_owned());
        // Planted in oneadmin's directory, it leads to root's; and root's own leads into oneadmin's.
        symlink(
            host.mapped("/var/lib/nebplay"),
            host.mapped("/var/lib/one/planted"),
        )
        .unwrap();
        symlink(host.mapped("/var/lib/one"), host.mapped("/var/lib/nebplay/led")).unwrap();
        for (path, roots) in [
            ("/var/lib/nebplay/backups/not yet/x.tar", true),
            ("/var/lib/one/new/x.bck", false),
            ("/var/lib/one/planted/x", false),
            ("/var/lib/nebplay/led/x", false),
        ] {
            let wanted = if roots { RunAs::root() } else { oneadmin.clone() };
            assert_eq!(writer(&host, path, "oneadmin").await.unwrap(), wanted, "{path}");
            assert_eq!(reader(&host, path).await.unwrap(), wanted, "{path}");
            let alone = only_root(&host, path).await;
            assert_eq!(
                alone.as_ref().map_err(|failure| failure.kind).err(),
                (!roots).then_some(FailureKind::Unsafe)
            );
            assert_eq!(writer(&host, path, "root").await.is_ok(), roots, "{path}");
        }
    }
}
