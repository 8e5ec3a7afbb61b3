//! Several real sshd on loopback, with keys and a known_hosts of their own.

use std::fmt::Write as _;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::measure::Fallible;

/// The servers; stopped when dropped.
pub(crate) struct Servers {
    dir: tempfile::TempDir,
    pub(crate) ports: Vec<u16>,
    children: Vec<Child>,
}

fn keygen(path: &Path) -> Fallible<()> {
    let status = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(path)
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err("ssh-keygen failed".into())
    }
}

impl Servers {
    /// Starts `count` servers. Whoever logs in finds an empty home: what the shell of this machine's root reads at its start
    /// would be charged to whoever starts the most shells.
    pub(crate) fn start(count: usize) -> Fallible<Self> {
        let dir = tempfile::Builder::new()
            .prefix("nebplay-bench")
            .tempdir_in(fast_place())?;
        fs::create_dir(dir.path().join("remote"))?;
        fs::create_dir(dir.path().join("data"))?;
        let ssh = dir.path().join(".ssh");
        fs::create_dir(&ssh)?;
        fs::set_permissions(&ssh, fs::Permissions::from_mode(0o700))?;
        keygen(&dir.path().join("host_key"))?;
        keygen(&ssh.join("id_ed25519"))?;
        fs::copy(ssh.join("id_ed25519.pub"), dir.path().join("authorized_keys"))?;
        let host_key = fs::read_to_string(dir.path().join("host_key.pub"))?;
        let mut servers = Self {
            dir,
            ports: Vec::new(),
            children: Vec::new(),
        };
        let mut known = String::new();
        for _ in 0..count {
            let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
            servers.children.push(servers.spawn(port)?);
            servers.ports.push(port);
            let _ = write!(known, "[127.0.0.1]:{port} {host_key}");
        }
        fs::write(ssh.join("known_hosts"), known)?;
        fs::write(ssh.join("config"), servers.client_config())?;
        servers.ports.iter().try_for_each(|&port| wait(port))?;
        Ok(servers)
    }

    fn spawn(&self, port: u16) -> Fallible<Child> {
        let dir = self.dir.path();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {0}/host_key\nAuthorizedKeysFile {0}/authorized_keys\nPidFile none\n\
             StrictModes no\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\nMaxStartups 200\nMaxSessions 10\n\
             Subsystem sftp internal-sftp\nPrintMotd no\nLogLevel ERROR\nSetEnv HOME={0}/remote\n",
            dir.display()
        );
        let path = dir.join(format!("sshd_{port}"));
        fs::write(&path, config)?;
        fs::create_dir_all("/run/sshd")?;
        let log = fs::File::create(dir.join("sshd.log"))?;
        // The hosts are one machine, but each has a directory `data` of its own.
        let own = dir.join(format!("data_{port}"));
        fs::create_dir(&own)?;
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-euc"])
            .arg("mount --bind \"$1\" \"$2\"; exec /usr/sbin/sshd -D -e -f \"$3\"")
            .arg("sh")
            .args([&own, &dir.join("data"), &path])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        command
            .spawn()
            .map_err(|error| format!("unshare: {error}").into())
    }

    fn client_config(&self) -> String {
        let ssh = self.dir.path().join(".ssh");
        let mut config = String::new();
        for (index, port) in self.ports.iter().enumerate() {
            let _ = write!(
                config,
                "Host b{:02}\n  HostName 127.0.0.1\n  Port {port}\n",
                index + 1
            );
        }
        let _ = write!(
            config,
            "Host *\n  User root\n  IdentityFile {0}/id_ed25519\n  IdentitiesOnly yes\n  UserKnownHostsFile {0}/known_hosts\n  \
             StrictHostKeyChecking yes\n  Ciphers aes128-gcm@openssh.com\n  LogLevel ERROR\n",
            ssh.display()
        );
        config
    }

    /// A home directory whose `.ssh` knows the servers.
    pub(crate) fn home(&self) -> &Path {
        self.dir.path()
    }

    /// A directory that every host has for itself.
    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The same directory of one host (the first is 1), as this machine sees it.
    pub(crate) fn data_of(&self, host: usize) -> PathBuf {
        self.dir.path().join(format!("data_{}", self.ports[host - 1]))
    }

    /// The private key.
    pub(crate) fn key(&self) -> PathBuf {
        self.dir.path().join(".ssh/id_ed25519")
    }

    /// An OpenSSH client configuration for `ssh -F`.
    pub(crate) fn config(&self) -> PathBuf {
        self.dir.path().join(".ssh/config")
    }

    /// Hosts `b01`, `b02`, … as an inventory.
    pub(crate) fn inventory(&self) -> Fallible<PathBuf> {
        let mut text = "[hosts]\n".to_owned();
        for (index, port) in self.ports.iter().enumerate() {
            let _ = writeln!(
                text,
                "b{:02} ansible_host=127.0.0.1 ansible_port={port}",
                index + 1
            );
        }
        let _ = write!(
            text,
            "[hosts:vars]\nansible_user=root\nansible_ssh_private_key_file={}\nansible_python_interpreter=/usr/bin/python3\n",
            self.key().display()
        );
        let path = self.dir.path().join("hosts.ini");
        fs::write(&path, text)?;
        Ok(path)
    }
}

/// Memory where there is enough of it: the speed of this machine's disk is not what is measured.
fn fast_place() -> PathBuf {
    let memory = Path::new("/dev/shm");
    let free = Command::new("df")
        .args(["--output=avail", "-k"])
        .arg(memory)
        .output();
    let free = free.ok().and_then(|said| {
        let text = String::from_utf8(said.stdout).ok()?;
        text.split_whitespace().last()?.parse::<u64>().ok()
    });
    if free.is_some_and(|kib| kib > 4 << 20) {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    }
}

fn wait(port: u16) -> Fallible<()> {
    for _ in 0..200 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(format!("sshd on port {port} did not start").into())
}

impl Drop for Servers {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
