//! A dump that onedb wrote: what it says of itself, and what is really in it.
//!
//! onedb writes cut dumps with exit status 0 (a full disk) and restores them with exit status 0. So a dump is looked at by its end
//! marks first, which is cheap and finds nearly everything, and then loaded into a scratch database, which finds the rest.

use serde::Serialize;

use super::fingerprint::{FEDERATED, Fingerprints, Which, run, sqlite};
use super::onedb::{Access, Kind};
use crate::host::Host;
use crate::module::Failure;
use crate::opennebula::command::USER;

/// What a look at a dump said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dump {
    /// Its path.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    /// Owner's name.
    pub owner: String,
    /// SHA-256 (hex) of the file.
    pub sha256: String,
    /// What wrote it, where that can be told.
    pub kind: Option<Kind>,
    /// The first line calls it federated (SQLite only).
    pub marked_federated: bool,
    /// Transactions begun (SQLite).
    pub begun: usize,
    /// Transactions ended (SQLite), or parts ended (MySQL).
    pub ended: usize,
    /// Whether the last line is the end mark.
    pub ends_whole: bool,
    /// Whether sqlite3 itself says that the dump is not whole.
    pub gave_up: bool,
    /// Tables it makes.
    pub tables: Vec<String>,
}

/// `$1` dump. Run as oneadmin: a dump that oneadmin cannot read is "restored" with exit status 0. openssl is four times as fast as
/// coreutils where the processor has instructions for it.
const LOOK: &str = r#"# nebplay: look at a dump
f=$1
if [ ! -e "$f" ]; then echo missing; exit 0; fi
if [ ! -f "$f" ]; then echo 'no file'; exit 0; fi
if [ ! -r "$f" ]; then echo unreadable; exit 0; fi
stat -c 'stat %s %a %U %G .' -- "$f" || exit
echo "sha256 $(if command -v openssl > /dev/null; then openssl dgst -sha256 -r < "$f"; else sha256sum < "$f"; fi)"
echo "first $(head -c 80 -- "$f" | head -n 1 | tr -cd ' -~')"
echo "last $(tail -c 200 -- "$f" | tail -n 1 | tr -cd ' -~')"
grep -a -E '^(PRAGMA foreign_keys=OFF;$|COMMIT;$|ROLLBACK; -- due to errors|-- Dump completed|-- .*(MySQL|MariaDB) dump |CREATE TABLE )' -- "$f" |
    cut -c1-120 | head -n 5000 | tr -cd '\n -~' | sed 's/^/line /'
echo end
"#;

/// Looks at a dump as oneadmin. `None`: there is none.
pub async fn look(host: &dyn Host, access: &Access, path: &str) -> Result<Option<Dump>, Failure> {
    let output = host.run(&access.script(LOOK, &[path])).await?;
    let text = output.text();
    let name = host.name();
    match text.trim() {
        "missing" => return Ok(None),
        "no file" => {
            return Err(Failure::unsafe_to_go_on(format!(
                "{name}: {path} is not a regular file"
            )));
        }
        "unreadable" => {
            return Err(Failure::unsafe_to_go_on(format!(
                "{name}: {USER} cannot read {path}; onedb would call it restored and write nothing"
            ))
            .hint(format!("chown {USER}: {path}; chmod 0600 {path}")));
        }
        _ => {}
    }
    if !output.exit.success() || !text.trim_end().ends_with("\nend") {
        return Err(Failure::failed(format!(
            "{name}: failed to read the dump {path}: {} ({})",
            output.exit,
            output.err_text().trim()
        )));
    }
    read_look(path, &text).map(Some).ok_or_else(|| {
        Failure::failed(format!(
            "{name}: the look at {path} returned something unexpected"
        ))
    })
}

fn read_look(path: &str, text: &str) -> Option<Dump> {
    let mut dump = Dump {
        path: path.to_owned(),
        size: 0,
        mode: 0,
        owner: String::new(),
        sha256: String::new(),
        kind: None,
        marked_federated: false,
        begun: 0,
        ended: 0,
        ends_whole: false,
        gave_up: false,
        tables: Vec::new(),
    };
    for line in text.lines() {
        match line.split_once(' ') {
            Some(("stat", rest)) => {
                let mut words = rest.split(' ');
                dump.size = words.next()?.parse().ok()?;
                dump.mode = u32::from_str_radix(words.next()?, 8).ok()?;
                words.next()?.clone_into(&mut dump.owner);
            }
            Some(("sha256", rest)) => rest.split(' ').next()?.clone_into(&mut dump.sha256),
            Some(("first", rest)) => dump.marked_federated = rest.trim() == "-- FEDERATED",
            Some(("last", rest)) => {
                dump.ends_whole = rest.trim() == "COMMIT;" || rest.starts_with("-- Dump completed");
            }
            Some(("line", "PRAGMA foreign_keys=OFF;")) => {
                dump.kind = dump.kind.or(Some(Kind::Sqlite));
                dump.begun += 1;
            }
            Some(("line", "COMMIT;")) => dump.ended += 1,
            Some(("line", rest)) if rest.starts_with("-- Dump completed") => dump.ended += 1,
            Some(("line", rest)) if rest.starts_with("ROLLBACK; -- due to errors") => dump.gave_up = true,
            Some(("line", rest)) if rest.starts_with("CREATE TABLE ") => dump.tables.extend(table_of(rest)),
            Some(("line", _)) => dump.kind = dump.kind.or(Some(Kind::Mysql)),
            _ => {}
        }
    }
    (dump.sha256.len() == 64).then_some(dump)
}

/// The name in `CREATE TABLE name (…`, in any of the quotes the programs use.
fn table_of(line: &str) -> Option<String> {
    let rest = line.strip_prefix("CREATE TABLE ")?;
    let rest = rest.strip_prefix("IF NOT EXISTS ").unwrap_or(rest);
    let name: String = rest
        .trim_start_matches(['"', '`', '\'', '['])
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect();
    Some(name).filter(|name| !name.is_empty())
}

impl Dump {
    /// Why it is no whole dump of this kind and extent; empty: nothing speaks against it, which proves nothing yet.
    pub fn defects(&self, kind: Kind, federated: bool) -> Vec<String> {
        let mut defects = Vec::new();
        if self.size == 0 {
            return vec!["it is empty".to_owned()];
        }
        match self.kind {
            None => return vec!["it is no dump of a database".to_owned()],
            Some(found) if found != kind => {
                return vec![
                    format!("it is a dump of {found:?}, and the database is {kind:?}").to_lowercase(),
                ];
            }
            Some(_) => {}
        }
        if self.gave_up {
            defects.push("sqlite3 says at its end that it could not read the whole database".to_owned());
        }
        if !self.ends_whole {
            defects.push("its last line is not the end mark: it is cut off".to_owned());
        }
        let parts = match (kind, federated) {
            // One transaction a table.
            (Kind::Sqlite, true) => FEDERATED.len() + 1,
            // The tables, then the log, in two runs of the same program.
            (Kind::Mysql, true) => 2,
            (_, false) => 1,
        };
        if self.ended < parts {
            defects.push(format!("it has {} of {parts} end marks", self.ended));
        }
        if kind == Kind::Sqlite && self.ended < self.begun {
            defects.push(format!("{} of its {} transactions end", self.ended, self.begun));
        }
        if kind == Kind::Sqlite && self.marked_federated != federated {
            defects.push(if federated {
                "it is a full backup, not one of the federated tables".to_owned()
            } else {
                "it holds only the federated tables".to_owned()
            });
        }
        let needed = FEDERATED.iter().chain(&["logdb"]);
        let own: &[&str] = if federated { &[] } else { &["local_db_versioning"] };
        for table in needed.chain(own) {
            if !self.tables.iter().any(|name| name == table) {
                defects.push(format!("it does not make the table {table}"));
            }
        }
        defects
    }

    /// Who else than its owner may read it, or who owns it instead of oneadmin; `None`: it is as it should be.
    pub fn exposed(&self) -> Option<String> {
        if self.owner != USER {
            return Some(format!("it belongs to {}, not to {USER}", self.owner));
        }
        (self.mode & 0o077 != 0).then(|| {
            format!(
                "its mode is {:04o}: others can read password hashes in it",
                self.mode
            )
        })
    }
}

/// `$1` dump, `$2` directory for the scratch database, `$3` generator of the fingerprint.
const LOAD: &str = r#"
umask 077
f=$1 room=$2
need=$(($(stat -c %s -- "$f") * 2 / 1024 + 1024)) || exit
free=$(df -Pk -- "$room" | awk 'NR == 2 { print $4 }')
if [ "${free:-0}" -lt "$need" ]; then echo "No space left in $room: $need KiB needed, $free KiB free" >&2; exit 67; fi
# A power cut leaves the scratch database behind. Its name says who works in it, and since which boot.
boot=$(cut -c 1-8 /proc/sys/kernel/random/boot_id)
for old in "$room"/.nebplay-scratch.*; do
    mark=${old##*/.nebplay-scratch.} && pid=${mark#*.} && pid=${pid%%.*}
    case $mark in "$boot".*) kill -0 "$pid" 2>/dev/null && continue ;; esac
    [ ! -d "$old" ] || rm -rf -- "$old"
done
dir=$(mktemp -d "$room/.nebplay-scratch.$boot.$$.XXXXXX") || exit
trap 'rm -rf "$dir"' EXIT
trap 'exit 143' TERM
trap 'exit 129' HUP INT
sqlite3 -batch -init /dev/null -bail -cmd 'pragma journal_mode = memory' -cmd 'pragma synchronous = off' "$dir/scratch.db" \
    < "$f" > "$dir/said" 2> "$dir/error" || { status=$?; cut -c1-200 "$dir/error" | head -n 1 >&2; exit $status; }
fingerprint "$dir/scratch.db" "$3"
"#;

/// What is in a dump, by loading it into a scratch database in a private directory beside the real one.
///
/// Fails where the dump cannot be loaded to its end; a dump that ends early between two statements loads and lacks tables.
pub async fn contents(
    host: &dyn Host,
    access: &Access,
    path: &str,
    federated: bool,
) -> Result<Fingerprints, Failure> {
    let which = if federated { Which::Federated } else { Which::All };
    let prints = match access.kind() {
        Kind::Sqlite => {
            let script = format!(
                "# nebplay: load a dump into a scratch database\n{}{LOAD}",
                sqlite::FUNCTION
            );
            let command = access.script(&script, &[path, access.room(), &sqlite::generator(which)]);
            which.of(&run(host, &command, path).await?)
        }
        Kind::Mysql => super::fingerprint::mysql::of_dump(host, access, path, which).await?,
    };
    let missing = prints.missing_federated();
    if missing.is_empty() {
        Ok(prints)
    } else {
        Err(Failure::unsafe_to_go_on(format!(
            "{}: {path} is not whole: loaded, it has no {}",
            host.name(),
            missing.join(", ")
        )))
    }
}

/// A dump believed: looked at, without defects, and loaded.
pub async fn proven(
    host: &dyn Host,
    access: &Access,
    path: &str,
    federated: bool,
) -> Result<Option<(Dump, Fingerprints)>, Failure> {
    let Some(dump) = look(host, access, path).await? else {
        return Ok(None);
    };
    let defects = dump.defects(access.kind(), federated);
    if !defects.is_empty() {
        return Err(Failure::unsafe_to_go_on(format!(
            "{}: {path} is no whole {} dump: {}",
            host.name(),
            if federated { "federated" } else { "full" },
            defects.join("; ")
        ))
        .hint("make it again; the database it came from is not harmed"));
    }
    let prints = contents(host, access, path, federated).await?;
    Ok(Some((dump, prints)))
}

#[cfg(test)]
mod tests;
