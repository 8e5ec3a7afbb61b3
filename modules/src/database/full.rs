//! A full restore that leaves nothing of the database that was there: used to go back, and to begin a migration anew.

use super::guard::room;
use super::record;
use super::task;
use crate::module::{Cx, Failure, FailureKind};
use crate::opennebula::conf::Backend;
use crate::opennebula::dump;
use crate::opennebula::fingerprint::{FEDERATED_LOG, Fingerprints, all_tables, mysql};
use crate::opennebula::onedb::Access;

/// `$1` dump, `$2` SQLite file, `$3` where it is moved; onedb's options follow.
///
/// A restore pipes into the file that is there, and tables that a migration made would survive it; so that file is moved aside first,
/// with its journal: SQLite would apply a journal left behind to the new file. Repeated after an interruption, the file that is
/// moved is still the first one.
const SQLITE: &str = r#"# nebplay: full restore
dump=$1 db=$2 aside=$3
shift 3
if [ -e "$aside" ]; then
    rm -f -- "$db" "$db-journal" "$db-wal" "$db-shm" || exit
elif [ -e "$db" ]; then
    for kind in -journal -wal -shm; do
        if [ -e "$db$kind" ]; then mv -- "$db$kind" "$aside$kind" || exit; fi
    done
    mv -- "$db" "$aside" || exit
fi
onedb restore -v "$@" "$dump" || exit
if [ -e "$aside" ]; then chmod --reference="$aside" -- "$db" || exit; fi
sync -- "$db"
"#;

/// A full backup that is fit to be restored: whole, and what it was when it was made, if nebplay made it. `None`: there is none.
pub(super) async fn trusted(
    cx: &Cx<'_>,
    access: &Access,
    src: &str,
    expect: Option<&Fingerprints>,
) -> Result<Option<(u64, Fingerprints)>, Failure> {
    let host = cx.host.name();
    let Some((dump, prints)) = dump::proven(cx.host, access, src, false).await? else {
        return Ok(None);
    };
    let record = record::recall(cx.host, src)
        .await?
        .and_then(|record| record.proven);
    if let Some(proof) = &record
        && proof.sha256 != dump.sha256
    {
        return Err(Failure::unsafe_to_go_on(format!(
            "{host}: {src} is not any more what nebplay wrote and proved (sha256 {}, was {})",
            dump.sha256, proof.sha256
        ))
        .hint("use another backup, or find out what changed this one"));
    }
    let Some(expected) = expect.or(record.as_ref().map(|proof| &proof.fingerprints)) else {
        if prints.only_counted() {
            return Err(Failure::unsafe_to_go_on(format!(
                "{host}: the rows of {src} can only be counted here, which does not prove a restore"
            ))
            .hint("give `expect`, or the right to make a scratch database to the database's user"));
        }
        return Ok(Some((dump.size, prints)));
    };
    let differences = prints.differences(expected);
    if differences.is_empty() {
        return Ok(Some((dump.size, expected.clone())));
    }
    Err(Failure::unsafe_to_go_on(format!(
        "{host}: {src} does not hold what was recorded when it was made: {}",
        differences.join("; ")
    )))
}

/// How the database differs from what a backup holds. A database that cannot be read differs.
pub(super) async fn differences(
    cx: &Cx<'_>,
    access: &Access,
    wanted: &Fingerprints,
) -> Result<Vec<String>, Failure> {
    match all_tables(cx.host, access).await {
        Ok(now) => Ok(now.differences(wanted)),
        Err(failure) if failure.kind == FailureKind::Failed => Ok(vec![failure.message]),
        Err(failure) => Err(failure),
    }
}

/// Where the present SQLite file is moved; `None` on MySQL, where tables that are not in the backup are dropped after the restore.
pub(super) fn aside(cx: &Cx<'_>, access: &Access) -> Option<String> {
    match &access.db {
        Backend::Sqlite { path } => Some(format!("{path}.aside-{}", cx.host.clock().now())),
        Backend::Mysql { .. } => None,
    }
}

/// Fails unless there is room for the restored database beside the present one.
pub(super) async fn enough_room(cx: &Cx<'_>, access: &Access, dump_size: u64) -> Result<(), Failure> {
    room(cx, &[(access.room(), dump_size * 3)]).await
}

/// Restores, as a job, and says what onedb said. Proves nothing.
pub(super) async fn restore(
    cx: &Cx<'_>,
    access: &Access,
    src: &str,
    wanted: &Fingerprints,
    aside: Option<&str>,
) -> Result<(), Failure> {
    let command = match (&access.db, aside) {
        (Backend::Sqlite { path }, Some(aside)) => access.script_with_options(SQLITE, &[src, path, aside]),
        _ => access.onedb(&["restore", "-v", "-f"], Some(src)),
    };
    let end = task::run(cx, access, "onedb-restore-full", command).await?;
    task::succeeded(cx, access, "the full restore", &end).map_err(|failure| failure.state(state(aside)))?;
    if aside.is_some() {
        return Ok(());
    }
    let now = all_tables(cx.host, access).await?;
    let names = now.tables.keys().map(String::as_str);
    let extra: Vec<&str> = names
        .filter(|name| *name != FEDERATED_LOG && !wanted.tables.contains_key(*name))
        .collect();
    if extra.is_empty() {
        return Ok(());
    }
    mysql::drop_tables(cx.host, access, &extra).await
}

/// Proves a full restore: tables, indexes and rows are those of the backup.
pub(super) async fn prove(
    cx: &Cx<'_>,
    access: &Access,
    src: &str,
    wanted: &Fingerprints,
    aside: Option<&str>,
) -> Result<(), Failure> {
    let differences = differences(cx, access, wanted).await?;
    if differences.is_empty() {
        return Ok(());
    }
    Err(Failure::not_verified(format!(
        "{}: onedb says that {src} is restored, and it is not: {}",
        cx.host.name(),
        differences.join("; ")
    ))
    .state(state(aside))
    .hint("look at the room and the rights of the database's directory, then run again: the backup is restored whole"))
}

fn state(aside: Option<&str>) -> String {
    let before = match aside {
        Some(aside) => format!("; the database as it was before is {aside}"),
        None => String::new(),
    };
    format!("the zone's database is not whole{before}. Never start oned on it")
}
