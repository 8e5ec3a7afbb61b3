//! Three zones of stand-ins on loopback addresses, each below a root directory of its own.

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nebplay_tests::story::{Said, Stage};

const BINARY: &str = env!("CARGO_BIN_EXE_opennebula-standin");
const APPLETS: [&str; 7] = [
    "oned",
    "onedb",
    "onezone",
    "onehost",
    "onevm",
    "oneuser",
    "standin-seed",
];
const ZONES: [i64; 3] = [0, 100, 101];

/// The zones, and which of them run.
pub(crate) struct Federation {
    directory: tempfile::TempDir,
    /// `127.X.0.` and a port: as long as the addresses in the recordings.
    network: String,
    port: u16,
    running: BTreeMap<i64, Child>,
    mysql: Option<Mysql>,
}

/// A database server of this federation's own.
struct Mysql {
    server: Child,
    port: u16,
    socket: String,
}

impl Federation {
    /// On SQLite, or on a MariaDB server that lives as long as this.
    pub(crate) fn new(with_mysql: bool) -> Self {
        let (network, port) = free_network();
        let mut federation = Self {
            directory: tempfile::tempdir().unwrap(),
            network,
            port,
            running: BTreeMap::new(),
            mysql: None,
        };
        let bin = federation.directory.path().join("bin");
        std::fs::create_dir_all(&bin).unwrap();
        for applet in APPLETS {
            symlink(BINARY, bin.join(applet)).unwrap();
        }
        if with_mysql {
            federation.mysql = Some(Mysql::start(federation.directory.path(), port));
        }
        for zone in ZONES {
            federation.make_host(zone);
        }
        federation
    }

    fn make_host(&self, zone: i64) {
        let root = self.root(zone);
        for directory in [
            "var/lib/one/.one",
            "var/lib/one/.standin",
            "var/lock/one",
            "var/log/one",
            "etc/one",
            "tmp",
        ] {
            std::fs::create_dir_all(root.join(directory)).unwrap();
        }
        for part in ["shared", "local"] {
            std::fs::create_dir_all(root.join("usr/lib/one/ruby/onedb").join(part)).unwrap();
        }
        let mode = if zone == 0 { "MASTER" } else { "SLAVE" };
        let backend = self
            .mysql
            .as_ref()
            .map_or("BACKEND = \"sqlite\"".to_owned(), |mysql| {
                format!(
                    "BACKEND = \"mysql\", SERVER = \"127.0.0.1\", PORT = {}, USER = \"oneadmin\",\n  \
                 PASSWD = \"on3pw\", DB_NAME = \"opennebula{zone}\"",
                    mysql.port
                )
            });
        let conf = format!(
            "PORT = {}\nLISTEN_ADDRESS = \"{}\"\nDB = [ {backend} ]\n\
             FEDERATION = [ MODE = \"{mode}\", ZONE_ID = {zone}, SERVER_ID = -1,\n  MASTER_ONED = \"{}\" ]\n",
            self.port,
            self.address(zone),
            self.endpoint(0)
        );
        std::fs::write(root.join("etc/one/oned.conf"), conf).unwrap();
        self.put_version(zone, "7.0.0");
    }

    fn root(&self, zone: i64) -> PathBuf {
        self.directory.path().join(zone.to_string())
    }

    fn address(&self, zone: i64) -> String {
        let last = if zone == 0 { 1 } else { zone - 98 };
        format!("{}{last}", self.network)
    }

    fn endpoint(&self, zone: i64) -> String {
        format!("http://{}:{}/RPC2", self.address(zone), self.port)
    }

    fn put_version(&self, zone: i64, version: &str) {
        let directory = self.root(zone).join("usr/share/one");
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("opennebula.version"), version).unwrap();
        std::fs::write(directory.join("opennebula-tools.version"), version).unwrap();
    }

    fn command(&self, zone: i64, program: &str) -> Command {
        let mut command = Command::new(program);
        let path = format!("{}:{}", self.directory.path().join("bin").display(), env!("PATH"));
        command
            .current_dir(self.root(zone).join("var/lib/one"))
            .env_clear()
            .env("PATH", path)
            .env("LC_ALL", "C.UTF-8")
            .env("STANDIN_ROOT", self.root(zone))
            .env("ROOT", self.root(zone))
            .env("DB", format!("opennebula{zone}"))
            .env(
                "DB_PORT",
                self.mysql.as_ref().map_or(0, |mysql| mysql.port).to_string(),
            )
            .env("ONE_XMLRPC", self.endpoint(zone));
        command
    }
}

impl Stage for Federation {
    fn install(&mut self, zone: i64, version: &str) {
        self.put_version(zone, version);
    }

    fn install_migrators(&mut self, zone: i64) {
        for part in ["shared", "local"] {
            let directory = self.root(zone).join("usr/lib/one/ruby/onedb").join(part);
            std::fs::write(directory.join("7.0.0_to_7.2.0.rb"), "").unwrap();
        }
    }

    fn seed(&mut self, options: &str) {
        let endpoints: Vec<String> = ZONES
            .iter()
            .map(|zone| format!("{zone}={}", self.endpoint(*zone)))
            .collect();
        for zone in ZONES {
            let socket = self
                .mysql
                .as_ref()
                .map(|mysql| format!("--mysql-socket {}", mysql.socket));
            let (endpoints, socket) = (endpoints.join(","), socket.unwrap_or_default());
            let said = self.shell(
                zone,
                &format!("standin-seed --endpoints {endpoints} {socket} {options}"),
            );
            assert_eq!(said.exit, 0, "{said:?}");
        }
    }

    fn start(&mut self, zone: i64) {
        let mut child = self
            .command(zone, &self.directory.path().join("bin/oned").to_string_lossy())
            .arg("-f")
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.shell(zone, "onezone show 0").exit != 0 {
            assert!(Instant::now() < deadline, "oned of zone {zone} does not answer");
            assert!(child.try_wait().unwrap().is_none(), "oned of zone {zone} ended");
            std::thread::sleep(Duration::from_millis(20));
        }
        self.running.insert(zone, child);
    }

    fn stop(&mut self, zone: i64) {
        if let Some(mut child) = self.running.remove(&zone) {
            let killed = Command::new("kill").arg(child.id().to_string()).status();
            assert!(killed.is_ok_and(|status| status.success()));
            assert!(child.wait().unwrap().success());
        }
    }

    fn settle(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let said = self.shell(0, "onezone list --csv --no-header -l ID,FED_INDEX");
            let list = String::from_utf8_lossy(&said.stdout).into_owned();
            let indexes: Vec<&str> = list
                .lines()
                .filter_map(|line| line.split_once(','))
                .filter(|(zone, _)| self.running.keys().any(|running| running.to_string() == *zone))
                .map(|(_, index)| index)
                .collect();
            if indexes.windows(2).all(|pair| pair[0] == pair[1]) {
                return;
            }
            assert!(Instant::now() < deadline, "the zones do not settle:\n{list}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn shell(&mut self, zone: i64, line: &str) -> Said {
        // Real or not, two of these within a second choose the same name for their backup, and the second gives up.
        if ["onedb upgrade", "onedb fsck"]
            .iter()
            .any(|words| line.contains(words))
        {
            std::thread::sleep(Duration::from_millis(1100));
        }
        // Nothing of a story lasts a minute.
        let output = self
            .command(zone, "timeout")
            .args(["60", "bash", "-c", line])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Said {
            exit: output.status.code().unwrap_or(-1),
            stdout: output.stdout,
            stderr: output.stderr,
        }
    }

    fn interrupted(&mut self, zone: i64, signal: &str, line: &str) -> Said {
        let script = format!(
            "rm -f .standin/log; touch .standin/hang-before-local-migrator; {line} & p=$!; \
             until grep -qs hangs .standin/log; do sleep .02; done; kill -{signal} $p; wait $p 2>/dev/null; rc=$?; \
             rm .standin/hang-before-local-migrator; exit $rc"
        );
        self.shell(zone, &script)
    }

    fn pause(&mut self, milliseconds: u64) {
        std::thread::sleep(Duration::from_millis(milliseconds));
    }

    fn as_recorded(&self, zone: i64, text: &str) -> String {
        let text = text.replace(&self.root(zone).to_string_lossy().into_owned(), "");
        let text = text.replace(&format!(":{}", self.port), ":2633");
        let text = text.replace(&format!("port {}", self.port), "port 2633");
        let text = text.replace(&self.network, "10.99.0.");
        let Some(mysql) = &self.mysql else { return text };
        text.replace(&format!("-h 127.0.0.1 -P {}", mysql.port), "-h localhost -P 0")
            .replace("at 127.0.0.1", "at localhost")
            .replace("mysql_127.0.0.1_", "mysql_localhost_")
            .replace(&format!("opennebula{zone}"), "opennebula")
    }
}

impl Mysql {
    fn start(directory: &Path, near: u16) -> Self {
        let (data, socket) = (
            directory.join("mysql"),
            directory.join("mysql.sock").to_string_lossy().into_owned(),
        );
        let data = format!("--datadir={}", data.display());
        let made = Command::new("mariadb-install-db")
            .args(["--no-defaults", "--auth-root-authentication-method=normal", &data])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(
            made.is_ok_and(|status| status.success()),
            "mariadb-install-db failed"
        );
        let port = near + 10_000;
        let mut command = Command::new("mariadbd");
        command
            .args([
                "--no-defaults",
                &data,
                &format!("--socket={socket}"),
                &format!("--port={port}"),
            ])
            .args(["--bind-address=127.0.0.1", "--user=root"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let server = command.spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "mariadbd does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { server, port, socket }
    }
}

impl Drop for Federation {
    fn drop(&mut self) {
        if let Some(mysql) = &mut self.mysql {
            let _ = mysql.server.kill();
            let _ = mysql.server.wait();
        }
        for child in self.running.values_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A network and a port that no other test uses at this moment.
fn free_network() -> (String, u16) {
    // Tests of one process run at once: each counts on from where the last one was.
    static TRIED: AtomicU32 = AtomicU32::new(0);
    for _ in 0..2000 {
        let number = std::process::id().wrapping_mul(131) + TRIED.fetch_add(1, Ordering::Relaxed) * 37;
        let network = format!("127.{}.0.", number % 9 + 1);
        let port = u16::try_from(2000 + number / 9 % 8000).unwrap();
        if (1..=3).all(|last| TcpListener::bind((format!("{network}{last}"), port)).is_ok()) {
            return (network, port);
        }
    }
    panic!("no free port");
}
