use std::process::{Child, Command as Process, Stdio};

use super::*;
use crate::opennebula::conf::Mode;
use crate::opennebula::fingerprint::FEDERATED_LOG;
use crate::opennebula::measure::measure;
use crate::testing_local::LocalHost;

/// A MariaDB server of the test's own.
struct Server {
    child: Child,
    port: u16,
    _directory: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).display().to_string();
        let user = String::from_utf8(Process::new("id").arg("-un").output().unwrap().stdout).unwrap();
        let user = format!("--user={}", user.trim());
        let data = format!("--datadir={}", path("data"));
        let made = Process::new("mariadb-install-db")
            .args([
                "--no-defaults",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                &data,
                &user,
            ])
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let child = Process::new("mariadbd")
            .args([
                "--no-defaults",
                &data,
                &user,
                &format!("--port={port}"),
                "--bind-address=127.0.0.1",
            ])
            .arg(format!("--socket={}", path("socket")))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self {
            child,
            port,
            _directory: directory,
        };
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        server
    }

    fn sql(&self, statements: &str) -> String {
        let port = format!("--port={}", self.port);
        let output = Process::new("mysql")
            .args([
                "--no-defaults",
                "-N",
                "-B",
                "-uroot",
                "--host=127.0.0.1",
                &port,
                "-e",
                statements,
            ])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn access(&self, user: &str) -> Access {
        Access {
            db: Backend::Mysql {
                server: "127.0.0.1".to_owned(),
                port: self.port,
                user: user.to_owned(),
                password: "on3'pw \\".to_owned(),
                db_name: "opennebula".to_owned(),
            },
            given: false,
            mode: Mode::Master,
            port: 2633,
            ha: false,
        }
    }

    /// What onedb does for a federated backup: the tables, then the log.
    fn federated_dump(&self) -> Vec<u8> {
        let port = format!("--port={}", self.port);
        let mut dump = Vec::new();
        let log = ["logdb", "--where=fed_index!=-1"];
        for tables in [FEDERATED.as_slice(), &log] {
            let output = Process::new("mysqldump")
                .args([
                    "--no-defaults",
                    "-uroot",
                    "--host=127.0.0.1",
                    &port,
                    "--add-drop-table",
                    "opennebula",
                ])
                .args(tables)
                .output()
                .unwrap();
            assert!(output.status.success(), "{output:?}");
            dump.extend(output.stdout);
        }
        dump
    }
}

const TABLES: &str = r#"
create database opennebula character set utf8mb4; use opennebula;
create table user_pool (oid int primary key, name varchar(128), body mediumtext);
insert into user_pool values (0, 'oneadmin', '<A>it''s (a), \\ "trap"; \n -- Dump completed</A>'), (1, 'é', null), (2, 'INSERT INTO `acl` VALUES (1);', '');
create table group_pool (oid int primary key, body mediumtext); insert into group_pool values (0, 'x');
create table acl (oid int primary key, resource bigint); insert into acl values (0, 9223372036854775807);
create table zone_pool (oid int primary key, body mediumtext); create table vdc_pool (oid int primary key);
create table marketplace_pool (oid int primary key); create table marketplaceapp_pool (oid int primary key);
create table db_versioning (oid int primary key, version varchar(256)); insert into db_versioning values (0, '7.0.0'), (1, '7.2.0');
create table local_db_versioning (oid int primary key, version varchar(256)); insert into local_db_versioning values (0, '7.0.0');
create table logdb (log_index bigint unsigned primary key, term int, sqlcmd mediumtext, timestamp int, fed_index bigint unsigned, applied boolean, key fed_index_idx (fed_index));
insert into logdb values (0, 0, '', 0, 18446744073709551615, 1), (1, 0, 'a,3,1)', 1, 1, 1), (3, 0, 'c', 3, 3, null);
create user 'oneadmin'@'%' identified by 'on3''pw \\'; grant all on opennebula.* to 'oneadmin'@'%';
create user 'maker'@'%' identified by 'on3''pw \\'; grant all on *.* to 'maker'@'%';
create user 'prover'@'%' identified by 'on3''pw \\'; grant all on `nebplay\_scratch\_%`.* to 'prover'@'%'; grant all on opennebula.* to 'prover'@'%';
"#;

#[tokio::test]
#[ignore = "starts a MariaDB server"]
async fn a_dump_is_what_the_database_is_by_content_or_by_number() {
    let server = Server::start();
    server.sql(TABLES);
    let host = LocalHost::new("m");
    let oneadmin = server.access("oneadmin");
    let all = of_schema(&host, &oneadmin, Which::All).await.unwrap();
    assert_eq!(all.tables["logdb"].rows, 3);
    assert_eq!(all.tables[FEDERATED_LOG].rows, 2);
    assert_eq!(
        (all.shared_version.as_deref(), all.local_version.as_deref()),
        (Some("7.2.0"), Some("7.0.0"))
    );
    assert_eq!(all.indexes.iter().collect::<Vec<_>>(), ["logdb.fed_index_idx"]);
    let federated = of_schema(&host, &oneadmin, Which::Federated).await.unwrap();
    assert_eq!(federated, all.federated());
    assert!(size(&host, &oneadmin).await.unwrap() > 1000);

    let dump = "/var/lib/one/fed.sql";
    let bytes = server.federated_dump();
    host.write(dump, &bytes);
    let counted = of_dump(&host, &oneadmin, dump, Which::Federated).await.unwrap();
    assert!(counted.only_counted());
    assert_eq!(counted.differences(&federated), Vec::<String>::new());
    let loaded = of_dump(&host, &server.access("maker"), dump, Which::Federated)
        .await
        .unwrap();
    assert_eq!(loaded, federated);
    assert_eq!(
        server.sql("show databases like 'nebplay%'"),
        "",
        "the scratch schema is gone"
    );

    for (user, makes_schemas) in [("oneadmin", false), ("maker", true), ("prover", true)] {
        let measured = measure(&host, &server.access(user)).await.unwrap();
        assert_eq!(measured.makes_schemas, makes_schemas, "{user}");
        let proven = of_dump(&host, &server.access(user), dump, Which::Federated)
            .await
            .unwrap();
        assert_eq!(proven.only_counted(), !makes_schemas, "{user}");
    }

    assert_eq!(
        of_dump(&host, &oneadmin, dump, Which::All).await.unwrap().indexes,
        all.indexes
    );

    // Cut at every place where onedb would restore it in silence, and inside a statement.
    let text = String::from_utf8_lossy(&bytes).into_owned();
    for end in [
        text.find("INSERT INTO `logdb`").unwrap(),
        text.find("'c',").unwrap(),
    ] {
        host.write(dump, &bytes[..end]);
        for user in ["oneadmin", "maker"] {
            let cut = of_dump(&host, &server.access(user), dump, Which::Federated).await;
            assert!(
                cut.is_err() || !cut.unwrap().differences(&federated).is_empty(),
                "{user}, cut at {end}"
            );
        }
    }
    server.sql("update opennebula.user_pool set body = 'y' where oid = 1");
    let changed = of_schema(&host, &oneadmin, Which::All).await.unwrap();
    assert_eq!(
        changed.differences(&all),
        ["user_pool has the expected 3 rows, with another content"]
    );
    let nobody = of_schema(&host, &server.access("nobody"), Which::All)
        .await
        .unwrap_err();
    assert!(nobody.next[0].contains("refused user or password"), "{nobody:?}");
    let seen = host.asked().join("\n");
    assert!(!seen.contains("on3"), "the password is in no argument");
}
