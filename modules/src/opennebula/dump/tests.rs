use super::*;
use crate::module::FailureKind;
use crate::opennebula::conf::{Backend, Mode};
use crate::opennebula::fingerprint::all_tables;
use crate::opennebula::onedb::fake::{self, DB};
use crate::testing_local::LocalHost;

const DUMP: &str = "/var/lib/one/dump.bck";

fn access() -> Access {
    Access {
        db: Backend::Sqlite { path: DB.to_owned() },
        given: false,
        mode: Mode::Master,
        port: 2633,
        ha: false,
    }
}

async fn host_with_dump(federated: bool) -> (LocalHost, Vec<u8>) {
    let host = fake::front_end("m", "MASTER");
    let words: &[&str] = if federated {
        &["backup", "--federated"]
    } else {
        &["backup"]
    };
    let output = host.run(&access().onedb(words, Some(DUMP))).await.unwrap();
    assert!(output.exit.success(), "{output:?}");
    let bytes = host.read(DUMP).unwrap();
    (host, bytes)
}

#[tokio::test]
async fn a_whole_dump_has_what_the_database_has() {
    for federated in [true, false] {
        let (host, _) = host_with_dump(federated).await;
        // A power cut of another day left one behind.
        host.write(
            "/var/lib/one/.nebplay-scratch.00000000.1.abcdef/scratch.db",
            "torn",
        );
        let (dump, prints) = proven(&host, &access(), DUMP, federated).await.unwrap().unwrap();
        let database = all_tables(&host, &access()).await.unwrap();
        if federated {
            assert_eq!(prints, database.federated());
            assert_eq!(dump.ended, 9);
            // Tables of one extent are no dump of the other.
            assert!(proven(&host, &access(), DUMP, false).await.is_err());
        } else {
            assert_eq!(prints.differences(&database), Vec::<String>::new());
            assert!(proven(&host, &access(), DUMP, true).await.is_err());
        }
        assert_eq!(
            dump.exposed().as_deref().map(|why| why.contains("mode")),
            Some(true)
        );
        let left = std::fs::read_dir(host.mapped("/var/lib/one")).unwrap();
        let scratch = left.filter(|entry| {
            entry
                .as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .contains("scratch")
        });
        assert_eq!(scratch.count(), 0, "the scratch database is gone");
    }
}

#[tokio::test]
async fn every_dump_that_onedb_calls_restored_is_refused() {
    let (host, whole) = host_with_dump(true).await;
    let text = String::from_utf8(whole.clone()).unwrap();
    let after = |mark: &str| text.find(mark).unwrap() + mark.len();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        (
            "garbage",
            (0..20_000_u32)
                .map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[1])
                .collect(),
        ),
        (
            "cut inside a statement of user_pool",
            whole[..after("INSERT INTO user_pool VALUES(1,") + 3].to_vec(),
        ),
        (
            "cut inside a statement of logdb",
            whole[..=after("INSERT INTO logdb VALUES(2,")].to_vec(),
        ),
        (
            "cut between two rows of logdb",
            whole[..text.rfind("INSERT INTO logdb").unwrap()].to_vec(),
        ),
        (
            "cut before logdb is made",
            whole[..text.find("CREATE TABLE logdb").unwrap()].to_vec(),
        ),
        (
            "cut, with an end mark put behind it",
            [&whole[..text.find("CREATE TABLE logdb").unwrap()], b"COMMIT;\n"].concat(),
        ),
        (
            "a broken statement in the middle",
            text.replacen("INSERT INTO acl", "INSXXX INTO acl", 1)
                .into_bytes(),
        ),
        (
            "sqlite3 gave up",
            text.replace("COMMIT;\nPRAGMA", "ROLLBACK; -- due to errors\nPRAGMA")
                .into_bytes(),
        ),
        (
            "a dump of MySQL",
            b"-- MariaDB dump 10.19  Distrib\nCREATE TABLE `acl` (\n-- Dump completed on 2026\n".to_vec(),
        ),
    ];
    for (what, bytes) in cases {
        host.write(DUMP, &bytes);
        let answer = proven(&host, &access(), DUMP, true).await;
        assert!(answer.is_err(), "{what} was taken for a whole dump");
    }
    host.write(DUMP, &whole);
    assert!(proven(&host, &access(), DUMP, true).await.unwrap().is_some());
    assert!(
        proven(&host, &access(), "/var/lib/one/none", true)
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn end_marks_alone_prove_nothing() {
    // The marks are whole and a row in the middle is missing: only loading it and comparing tells.
    let (host, whole) = host_with_dump(true).await;
    let (_, before) = proven(&host, &access(), DUMP, true).await.unwrap().unwrap();
    let text = String::from_utf8(whole).unwrap();
    let start = text.find("INSERT INTO user_pool VALUES(1,").unwrap();
    let end = start + text[start..].find('\n').unwrap() + 1;
    host.write(DUMP, format!("{}{}", &text[..start], &text[end..]));
    let (dump, prints) = proven(&host, &access(), DUMP, true).await.unwrap().unwrap();
    assert_eq!(dump.defects(Kind::Sqlite, true), Vec::<String>::new());
    assert_eq!(prints.differences(&before), ["user_pool has 3 rows, not 4"]);
}

#[tokio::test]
async fn a_dump_that_oneadmin_cannot_read_is_unsafe_and_not_missing() {
    let host = crate::testing::FakeHost::new("s1").on("look at a dump", 0, "unreadable\n");
    let failure = look(&host, &access(), DUMP).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unsafe);
    assert!(failure.next[0].contains("chown oneadmin"), "{:?}", failure.next);
}

#[test]
fn the_first_half_of_a_mysql_dump_ends_like_a_whole_one() {
    let sha = "0".repeat(64);
    let made = FEDERATED.map(|name| format!("line CREATE TABLE `{name}` (\n"));
    let tables = made.concat();
    let half = format!(
        "stat 100 600 oneadmin oneadmin .\nsha256 {sha}  -\nfirst /*M!999999\\- enable the sandbox mode */\n\
         last -- Dump completed on 2026-11-23  1:45:14\nline -- MariaDB dump 10.19  Distrib 10.11.18-MariaDB\n{tables}\
         line -- Dump completed on 2026-11-23  1:45:14\n"
    );
    let dump = read_look("d", &half).unwrap();
    assert_eq!(
        dump.defects(Kind::Mysql, true),
        ["it has 1 of 2 end marks", "it does not make the table logdb"]
    );
    let whole = format!("{half}line CREATE TABLE `logdb` (\nline -- Dump completed on 2026-11-23  1:45:14\n");
    let whole = read_look("d", &whole).unwrap();
    assert_eq!(whole.defects(Kind::Mysql, true), Vec::<String>::new());
    assert_eq!(whole.exposed(), None);
}
