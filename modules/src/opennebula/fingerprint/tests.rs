use super::*;
use crate::opennebula::conf::Mode;
use crate::testing_local::LocalHost;

const DB: &str = "/var/lib/one/one.db";

fn access() -> Access {
    Access {
        db: Backend::Sqlite { path: DB.to_owned() },
        given: false,
        mode: Mode::Master,
        port: 2633,
        ha: false,
    }
}

const SMALL: &str =
    "create table user_pool (oid integer primary key, name varchar(128), body mediumtext, unique(name));
    insert into user_pool values (0, 'oneadmin', '<USER>it''s\nCOMMIT;\n</USER>'), (1, 'b', null);
    create table logdb (log_index integer primary key, sqlcmd mediumtext, fed_index bigint unsigned);
    insert into logdb values (1, 'x', 18446744073709551615), (2, 'y', -1), (3, 'z', 3);
    create index fed_index_idx on logdb (fed_index);
    create table db_versioning (oid integer primary key, version varchar(256));
    insert into db_versioning values (0, '7.0.0'), (1, '7.2.0');
    create table \"odd \"\" name\" (\"a b\" int);";

#[tokio::test]
async fn equal_content_is_equal_whatever_the_file_looks_like() {
    let host = LocalHost::new("m");
    host.sql(
        DB,
        &SMALL.replace("create table \"odd \"\" name\" (\"a b\" int);", ""),
    );
    let one = all_tables(&host, &access()).await.unwrap();
    assert_eq!(one.tables["logdb"].rows, 3);
    assert_eq!(
        one.tables[FEDERATED_LOG].rows, 1,
        "2^64-1 and -1 are not federated"
    );
    assert_eq!(one.shared_version.as_deref(), Some("7.2.0"));
    assert_eq!(one.indexes.iter().collect::<Vec<_>>(), ["fed_index_idx"]);

    // Dumped and loaded again, rows written in another order, and the log with the column types a federated restore gives it.
    let other = "/var/lib/one/other.db";
    host.sql(
        other,
        "create table user_pool (oid integer primary key, name varchar(128), body mediumtext, unique(name));
         insert into user_pool values (1, 'b', null);
         insert into user_pool values (0, 'oneadmin', '<USER>it''s\nCOMMIT;\n</USER>');
         create table logdb (log_index INT, sqlcmd TEXT, fed_index INT);
         insert into logdb values (3, 'z', 3), (1, 'x', 1.84467440737095516156e+19), (2, 'y', -1);
         create table db_versioning (oid integer primary key, version varchar(256));
         insert into db_versioning values (0, '7.0.0'), (1, '7.2.0');",
    );
    let two = of_sqlite_file(&host, &access(), other, Which::All).await.unwrap();
    assert_eq!(two.differences(&one), ["the index fed_index_idx is missing"]);
    assert_eq!(two.federated(), one.federated());
    assert_eq!(
        federated_tables(&host, &access()).await.unwrap(),
        one.federated(),
        "the federated look is the same part of the whole one"
    );
}

#[tokio::test]
async fn one_changed_cell_and_one_lost_row_are_told_apart() {
    let host = LocalHost::new("m");
    host.sql(DB, SMALL);
    // A table's name that no line of an answer could carry is refused, not skipped.
    let failure = all_tables(&host, &access()).await.unwrap_err();
    assert!(failure.message.contains("unexpected line"), "{}", failure.message);
    host.sql(DB, "drop table \"odd \"\" name\"");
    let before = all_tables(&host, &access()).await.unwrap();
    host.sql(
        DB,
        "update user_pool set body = '' where oid = 1; delete from logdb where log_index = 3",
    );
    let after = all_tables(&host, &access()).await.unwrap();
    assert_eq!(
        after.differences(&before),
        [
            "logdb has 2 rows, not 3",
            "logdb, federated part has 0 rows, not 1",
            "user_pool has the expected 2 rows, with another content",
        ]
    );
    assert_eq!(
        after.lost_rows(&before, &["logdb".to_owned()]),
        ["logdb, federated part has 0 of 1 row"]
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_never_an_empty_database() {
    let host = LocalHost::new("m");
    let missing = all_tables(&host, &access()).await.unwrap_err();
    assert!(missing.message.contains("no such file"), "{}", missing.message);
    host.write(DB, [7_u8; 4096]);
    let garbage = all_tables(&host, &access()).await.unwrap_err();
    assert!(garbage.message.contains("not a database"), "{}", garbage.message);
    assert_eq!(garbage.next, ["restore the last full backup"]);
    // An empty file is an empty database to SQLite.
    host.write(DB, "");
    let empty = all_tables(&host, &access()).await.unwrap();
    assert_eq!(empty.missing_federated().len(), 9);
}

#[test]
fn an_answer_that_is_cut_off_or_does_not_add_up_is_refused() {
    let sha = "0".repeat(64);
    let whole = format!("table 1 acl 2\nsha 1 {sha}  -\nversion db 7.0.0\nindex i\nend\n");
    assert!(parse(&whole).is_ok());
    for broken in [
        String::new(),
        whole.replace("end\n", ""),
        whole.replace(&format!("sha 1 {sha}  -\n"), ""),
        whole.replace("table 1 acl 2\n", ""),
        whole.replace("acl 2", "acl two"),
        whole.replace("index i", "Error: database disk image is malformed"),
    ] {
        assert!(parse(&broken).is_err(), "{broken}");
    }
}

fn prints(tables: &[(&str, u64, &str)], version: &str) -> Fingerprints {
    let table = |(name, rows, sha256): &(&str, u64, &str)| {
        let print = TablePrint {
            rows: *rows,
            sha256: (*sha256).to_owned(),
        };
        ((*name).to_owned(), print)
    };
    Fingerprints {
        tables: tables.iter().map(table).collect(),
        shared_version: Some(version.to_owned()),
        ..Fingerprints::default()
    }
}

#[test]
fn running_zones_are_compared_by_their_pools_and_newest_version() {
    let master = prints(
        &[
            ("acl", 10, "a"),
            ("db_versioning", 2, "v1"),
            ("logdb, federated part", 9, "x"),
        ],
        "7.2.0",
    );
    let slave = prints(
        &[
            ("acl", 10, "a"),
            ("db_versioning", 2, "v2"),
            ("logdb, federated part", 7, "y"),
        ],
        "7.2.0",
    );
    assert_eq!(slave.differences_between_zones(&master), Vec::<String>::new());
    let behind = prints(&[("acl", 9, "b")], "7.0.0");
    assert_eq!(
        behind.differences_between_zones(&master),
        ["acl has 9 rows, not 10", "db_versioning says 7.0.0, not 7.2.0"]
    );
}

#[test]
fn leftovers_of_a_migrator_are_recognized() {
    let half = prints(
        &[
            ("user_quotas", 0, "a"),
            ("old_user_quotas", 31014, "b"),
            ("old_town", 1, "c"),
        ],
        "7.2.0",
    );
    assert_eq!(half.leftovers(), ["old_user_quotas"]);
}

#[tokio::test]
async fn a_transaction_that_something_killed_is_explained() {
    let host = LocalHost::new("m");
    host.sql(DB, SMALL);
    host.sql(DB, "drop table \"odd \"\" name\"");
    // Killed after pages were written to the file, with the way back in the journal.
    let killed = "sqlite3 -batch \"$1\" <<'SQL'
pragma cache_size = 1;
begin;
insert into user_pool with recursive n(x) as (select 10 union all select x + 1 from n where x < 2000) select x, 'u' || x, hex(zeroblob(900)) from n;
.shell kill -9 $PPID
SQL";
    let kill = crate::host::Command::script(killed, [DB]);
    host.run(&kill).await.unwrap();
    assert!(host.read(&format!("{DB}-journal")).is_some());
    let failure = all_tables(&host, &access()).await.unwrap_err();
    assert!(failure.state.unwrap().contains("half-done transaction"));
    // Whoever may write undoes it by opening the file.
    assert_eq!(host.sql(DB, "select count(*) from user_pool"), "2");
    assert!(all_tables(&host, &access()).await.is_ok());
}
