//! An sshd of our own: random port, own host keys, own configuration, nothing outside its temporary directory.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use nebplay_modules::host::Host;
use tempfile::TempDir;

use crate::transport::{Connector, HostKeyPolicy, Kind, Privileges, Settings, Target};

const SSHD: &str = "/usr/sbin/sshd";

/// A running sshd; killed when dropped.
pub(super) struct Sshd {
    pub(super) dir: TempDir,
    pub(super) port: u16,
    child: Child,
}

/// Why there can be no sshd here; with CI=true that is a failure.
fn missing() -> Option<&'static str> {
    if !Path::new(SSHD).exists() {
        Some("there is no sshd: apt-get install --no-install-recommends openssh-server")
    } else if !rustix::process::geteuid().is_root() {
        Some("it is not run as root")
    } else {
        None
    }
}

impl Sshd {
    /// An sshd with these further lines of configuration; `None` (said on standard error): there is none on this machine.
    pub(super) fn start(extra: &str) -> Option<Self> {
        if let Some(why) = missing() {
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "skipped in CI: {why}"
            );
            eprintln!("skipped: {why}");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        // Privilege separation needs it, and only init's scripts make it.
        std::fs::create_dir_all("/run/sshd").unwrap();
        let home = dir.path().join("home");
        std::fs::create_dir_all(home.join(".ssh")).unwrap();
        keygen(&dir.path().join("host_ed25519"), "ed25519", "");
        keygen(&dir.path().join("host_ecdsa"), "ecdsa", "");
        keygen(&home.join(".ssh/id_ed25519"), "ed25519", "");
        std::fs::copy(
            home.join(".ssh/id_ed25519.pub"),
            dir.path().join("authorized_keys"),
        )
        .unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let path = dir.path().display();
        // The login shell of whoever runs the tests may read much at its start; sshd heeds the first SetEnv only.
        let extra = match extra.strip_prefix("SetEnv ") {
            Some(set) => format!("SetEnv HOME={path}/home {set}"),
            None => format!("SetEnv HOME={path}/home\n{extra}"),
        };
        let config = format!(
            "{extra}\nPort {port}\nListenAddress 127.0.0.1\nHostKey {path}/host_ed25519\nHostKey {path}/host_ecdsa\n\
             AuthorizedKeysFile {path}/authorized_keys\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nPidFile none\nPermitRootLogin prohibit-password\nMaxStartups 100\n"
        );
        std::fs::write(dir.path().join("sshd_config"), config).unwrap();
        let mut sshd = Self {
            child: Self::spawn(dir.path()),
            dir,
            port,
        };
        sshd.wait();
        sshd.trust("host_ed25519");
        Some(sshd)
    }

    fn spawn(dir: &Path) -> Child {
        let log = std::fs::File::create(dir.join("log")).unwrap();
        Command::new(SSHD)
            .args(["-D", "-e", "-f"])
            .arg(dir.join("sshd_config"))
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    fn wait(&mut self) {
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!(
            "sshd did not start: {}",
            std::fs::read_to_string(self.dir.path().join("log")).unwrap()
        );
    }

    /// Kills the listening sshd and every connection, as a reboot of the network would.
    pub(super) fn cut(&mut self) {
        let sessions = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.child.id()));
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        for pid in sessions.unwrap_or_default().split_whitespace() {
            Command::new("kill").args(["-KILL", pid]).status().unwrap();
        }
    }

    /// Kills the connections only.
    pub(super) fn cut_connections(&self) {
        let sessions =
            std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.child.id())).unwrap();
        for pid in sessions.split_whitespace() {
            Command::new("kill").args(["-KILL", pid]).status().unwrap();
        }
    }

    pub(super) fn restart(&mut self) {
        self.child = Self::spawn(self.dir.path());
        self.wait();
    }

    pub(super) fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    pub(super) fn known_hosts(&self) -> PathBuf {
        self.home().join(".ssh/known_hosts")
    }

    /// Makes one of the host's keys the only one known.
    pub(super) fn trust(&self, key: &str) {
        let public = std::fs::read_to_string(self.dir.path().join(key).with_extension("pub")).unwrap();
        std::fs::write(self.known_hosts(), format!("[127.0.0.1]:{} {public}", self.port)).unwrap();
    }

    pub(super) fn target(&self) -> Target {
        Target {
            name: "fe1".to_owned(),
            kind: Kind::Ssh,
            address: "127.0.0.1".to_owned(),
            port: Some(self.port),
            user: Some("root".to_owned()),
            private_key: None,
            privileges: Privileges::default(),
            host_keys: Some(HostKeyPolicy::Strict),
            proxy_jump: None,
            connect_timeout: Duration::from_secs(20),
        }
    }

    pub(super) fn settings(&self) -> Settings {
        Settings {
            config_files: vec![self.home().join(".ssh/config")],
            ..Settings::new(self.home(), "root")
        }
    }

    pub(super) async fn connect(&self) -> Arc<dyn Host> {
        Connector::new(self.settings())
            .unwrap()
            .connect(&self.target())
            .await
            .unwrap()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A key pair at `path` and `path.pub`.
pub(super) fn keygen(path: &Path, key_type: &str, passphrase: &str) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", key_type, "-N", passphrase, "-C", "test", "-f"])
        .arg(path)
        .status()
        .unwrap();
    assert!(made.success());
}

/// This machine as a host.
pub(super) async fn local() -> Arc<dyn Host> {
    let settings = Settings::new("/root", whoami());
    let target = Target {
        name: "here".to_owned(),
        kind: Kind::Local,
        address: "localhost".to_owned(),
        port: None,
        user: None,
        private_key: None,
        privileges: Privileges::default(),
        host_keys: None,
        proxy_jump: None,
        connect_timeout: Duration::from_secs(10),
    };
    Connector::new(settings).unwrap().connect(&target).await.unwrap()
}

fn whoami() -> String {
    let output = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
