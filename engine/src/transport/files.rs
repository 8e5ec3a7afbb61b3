//! Files of a host, by small scripts: one round trip each, names and values only ever as arguments.

use nebplay_modules::host::{Command, Exit, FileKind, FileMeta, Host, HostError, Output, RunAs, Stat};

/// Exit status of the scripts for "there is no such file", which is no error.
const ABSENT: i32 = 44;

/// Tells absence from every other reason. Only the end of the message counts: a name may hold anything.
const LOOK: &str = r#"
export LC_ALL=C
look() { found=$("$@" 2>&1) && return; case $found in *": No such file or directory"|*": Not a directory") exit 44;; esac
printf '%s\n' "$found" >&2; exit 1; }
"#;

/// What is a file needs no program to tell that it is.
const READ: &str = r#"
if [ ! -f "$1" ]; then
look stat -L -c %F -- "$1"
case $found in directory) echo "is a directory" >&2; exit 1;; esac
fi
exec head -c "$2" -- "$1"
"#;

/// Why it fails is asked only where it does.
const STAT: &str = r#"
stat --printf '%f\0%s\0%U\0%u\0%G\0%g\0%Y\0' -- "$1" 2>/dev/null ||
{ look stat -c %F -- "$1"; echo "it came while it was looked at" >&2; exit 1; }
if [ -L "$1" ]; then exec readlink -n -- "$1"; fi
"#;

/// Written beside the file, synced, renamed over it, and the folder synced. A link stays, and what it points at is replaced.
/// The length is compared first: a connection that breaks looks like the end of the content.
/// What is not renamed yet has the number of its writer in its name: where that one is gone, so was the power, and it is removed.
const WRITE: &str = r#"
export LC_ALL=C
fail() { echo "$1" >&2; exit 1; }
path=$1 mode=$2 owner=$3 group=$4 size=$5
if [ -L "$path" ]; then path=$(readlink -f -- "$path"; echo .) && path=${path%??} || fail "the link $1 leads nowhere"; fi
[ ! -d "$path" ] || fail "is a directory"
[ ! -e "$path" ] || [ -f "$path" ] || fail "is not a regular file"
case $path in */*) folder=${path%/*} ;; *) folder=. ;; esac
[ -d "${folder:-/}" ] || fail "the directory $folder does not exist"
name=${path##*/}
[ ${#name} -le 200 ] || name=$(printf %.200s "$name")
half=${folder:-/}/.nebplay.$name
for old in "$half".*; do
  of=${old#"$half".}
  case $of in *.*.* | *[!0-9]*.*) continue ;; esac
  [ ! -f "$old" ] || [ -d "/proc/${of%.*}" ] || rm -f -- "$old"
done
new=$(mktemp -- "$half.$$.XXXXXXXXXX") || exit 1
trap 'rm -f -- "$new"' EXIT
trap 'exit 1' HUP INT TERM
cat >"$new" || exit 1
[ "$(stat -c %s -- "$new")" = "$size" ] || fail "the content did not arrive whole"
if [ -e "$path" ]; then
  chown --reference="$path" -- "$new" || exit 1
  old=$(stat -c %a -- "$path") || exit 1
  chcon --reference="$path" -- "$new" 2>/dev/null
else
  old=$(printf %o $((0666 & ~$(umask))))
fi
[ -z "$owner" ] || chown -- "$owner" "$new" || exit 1
[ -z "$group" ] || chgrp -- "$group" "$new" || exit 1
chmod -- "${mode:-$old}" "$new" || exit 1
sync -- "$new" || exit 1
mv -fT -- "$new" "$path" || exit 1
sync -- "${folder:-/}"
"#;

/// A path that no program takes for an option or for its standard input.
fn plain(path: &str) -> String {
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("./{path}")
    }
}

fn refused(host: &dyn Host, what: String, output: &Output) -> HostError {
    let words = output.err_text().trim().to_owned();
    let why = if words.is_empty() {
        output.exit.to_string()
    } else {
        words
    };
    HostError::Refused {
        host: host.name().to_owned(),
        what,
        why,
    }
}

/// See [`Host::read_file`].
pub(super) async fn read(
    host: &dyn Host,
    path: &str,
    run_as: &RunAs,
    limit: u64,
) -> Result<Option<Vec<u8>>, HostError> {
    let one_more = limit.saturating_add(1).to_string();
    let command = Command::script(&format!("{LOOK}{READ}"), [plain(path), one_more]).run_as(run_as.clone());
    let output = host.run(&command).await?;
    match output.exit {
        Exit::Code(0) if output.stdout.len() as u64 > limit => Err(HostError::Refused {
            host: host.name().to_owned(),
            what: format!("reading {path}"),
            why: format!("it is larger than {limit} bytes"),
        }),
        Exit::Code(0) => Ok(Some(output.stdout)),
        Exit::Code(ABSENT) => Ok(None),
        _ => Err(refused(host, format!("reading {path}"), &output)),
    }
}

/// See [`Host::write_file`].
pub(super) async fn write(
    host: &dyn Host,
    path: &str,
    content: &[u8],
    meta: &FileMeta,
    run_as: &RunAs,
) -> Result<(), HostError> {
    let args = [
        plain(path),
        meta.mode.map(|mode| format!("{mode:04o}")).unwrap_or_default(),
        meta.owner.clone().unwrap_or_default(),
        meta.group.clone().unwrap_or_default(),
        content.len().to_string(),
    ];
    let output = host
        .run(&Command::script(WRITE, args).run_as(run_as.clone()).stdin(content))
        .await?;
    if output.exit.success() {
        Ok(())
    } else {
        Err(refused(host, format!("writing {path}"), &output))
    }
}

/// See [`Host::stat`].
pub(super) async fn stat(host: &dyn Host, path: &str, run_as: &RunAs) -> Result<Option<Stat>, HostError> {
    let command = Command::script(&format!("{LOOK}{STAT}"), [plain(path)]).run_as(run_as.clone());
    let output = host.run(&command).await?;
    match output.exit {
        Exit::Code(0) => parse_stat(&output.text())
            .map(Some)
            .ok_or_else(|| refused(host, format!("looking at {path}"), &output)),
        Exit::Code(ABSENT) => Ok(None),
        _ => Err(refused(host, format!("looking at {path}"), &output)),
    }
}

/// What `stat --printf '%f\0%s\0%U\0%u\0%G\0%g\0%Y\0'` printed, followed by where a link points.
fn parse_stat(text: &str) -> Option<Stat> {
    let mut fields = text.splitn(8, '\0');
    let mut next = || fields.next();
    let raw_mode = u32::from_str_radix(next()?, 16).ok()?;
    let size = next()?.parse().ok()?;
    let mut named = || {
        let (name, number) = (next()?, next()?);
        let known = if name == "UNKNOWN" { number } else { name };
        Some((known.to_owned(), number.parse().ok()?))
    };
    let ((owner, uid), (group, gid)) = (named()?, named()?);
    let mtime = next()?.parse().ok()?;
    let target = next().filter(|target| !target.is_empty()).map(str::to_owned);
    let kind = match raw_mode & 0o170_000 {
        0o100_000 => FileKind::File,
        0o040_000 => FileKind::Directory,
        0o120_000 => FileKind::Link,
        _ => FileKind::Other,
    };
    Some(Stat {
        kind,
        size,
        mode: raw_mode & 0o7777,
        owner,
        group,
        uid,
        gid,
        mtime,
        target,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stat_prints() {
        let file = parse_stat("81a4\u{0}12\0root\u{0}0\0domain users\u{0}100\u{0}1700000000\0").unwrap();
        assert_eq!(
            (file.kind, file.size, file.mode, file.mtime),
            (FileKind::File, 12, 0o644, 1_700_000_000)
        );
        assert_eq!(
            (file.owner.as_str(), file.group.as_str()),
            ("root", "domain users")
        );
        let link = parse_stat("a1ff\u{0}3\0UNKNOWN\u{0}4711\0root\u{0}0\u{0}1\0../a b\n").unwrap();
        assert_eq!((link.kind, link.owner.as_str()), (FileKind::Link, "4711"));
        assert_eq!(link.target.as_deref(), Some("../a b\n"));
        for broken in [
            "",
            "zz",
            "81a4\u{0}x\0root\u{0}0\0root\u{0}0\u{0}1\0",
            "81a4\u{0}1\0root",
        ] {
            assert_eq!(parse_stat(broken), None, "{broken:?}");
        }
    }
}
