//! How a lab is reached: keys of hosts and users, known_hosts, a home for the SSH client, an inventory.

use super::container::Container;
use crate::LabError;
use crate::federation::SITES;
use crate::program::Program;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// Users that can log in by the lab's key, beside root: one whose sudo asks nothing, one whose sudo asks for a password.
pub const USERS: [&str; 3] = ["root", "ops", "opspw"];

/// The password sudo asks `opspw` for.
pub const SUDO_PASSWORD: &str = "lab-sudo";

/// The files a client needs, in the lab's directory.
#[derive(Debug, Clone)]
pub struct Access {
    directory: PathBuf,
}

impl Access {
    /// Of the lab whose files are in `directory`.
    pub fn of(directory: &Path) -> Self {
        Self {
            directory: directory.to_path_buf(),
        }
    }

    /// The private key all users accept.
    pub fn key(&self) -> PathBuf {
        self.directory.join("id_ed25519")
    }

    /// The hosts' keys, by address and by name.
    pub fn known_hosts(&self) -> PathBuf {
        self.directory.join("known_hosts")
    }

    /// A home directory whose `.ssh` knows hosts and key: `HOME` for a client that shall need no options.
    pub fn home(&self) -> PathBuf {
        self.directory.join("home")
    }

    /// The three zones, logging in as root with the lab's key; paths are absolute.
    pub fn inventory(&self) -> PathBuf {
        self.directory.join("inventory.ini")
    }

    /// Makes all of it, and gives every mounted host its keys.
    pub(super) fn create(&self, hosts: &[Container]) -> Result<(), LabError> {
        let key = self.key();
        generate(&key, "ed25519", "lab")?;
        let public = key.with_extension("pub");
        let public = fs::read(&public).map_err(LabError::file("read", &public))?;
        let mut known_hosts = String::new();
        for host in hosts {
            for user in USERS {
                let home = if user == "root" {
                    "/root".to_owned()
                } else {
                    format!("/home/{user}")
                };
                // Owner root, readable by all: sshd accepts that for every user.
                host.write(&format!("{home}/.ssh/authorized_keys"), &public, 0o644)?;
            }
            for kind in ["ed25519", "ecdsa"] {
                let path = host.root().join(format!("etc/ssh/ssh_host_{kind}_key"));
                generate(&path, kind, &host.name)?;
                let public = path.with_extension("pub");
                let line = fs::read_to_string(&public).map_err(LabError::file("read", &public))?;
                let key: Vec<&str> = line.split_whitespace().take(2).collect();
                writeln!(known_hosts, "{},{} {}", host.address, host.name, key.join(" ")).ok();
            }
            host.write("/etc/hosts", hosts_file(hosts), 0o644)?;
            host.write("/etc/hostname", format!("{}\n", host.name), 0o644)?;
        }
        self.write("known_hosts", &known_hosts)?;
        self.write("home/.ssh/known_hosts", &known_hosts)?;
        self.write(
            "home/.ssh/config",
            &format!(
                "Host *\n  IdentityFile {}\n  UserKnownHostsFile {}\n",
                self.key().display(),
                self.known_hosts().display()
            ),
        )?;
        self.write("inventory.ini", &self.inventory_text())
    }

    fn inventory_text(&self) -> String {
        let mut text = String::new();
        for (group, sites) in [("master", &SITES[..1]), ("slaves", &SITES[1..])] {
            writeln!(text, "[{group}]").ok();
            for site in sites {
                writeln!(
                    text,
                    "{} ansible_host={} zone_id={} zone_name={}",
                    site.host, site.address, site.zone_id, site.zone_name
                )
                .ok();
            }
            text.push('\n');
        }
        let key = self.key();
        write!(
            text,
            "[frontends:children]\nmaster\nslaves\n\n[frontends:vars]\nansible_user=root\nansible_ssh_private_key_file={}\n\
             target_version=7.2\nrepository={}",
            key.display(),
            crate::image::source_line(crate::image::VERSIONS[1])
        )
        .ok();
        text
    }

    fn write(&self, name: &str, text: &str) -> Result<(), LabError> {
        let path = self.directory.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(LabError::file("create", parent))?;
        }
        fs::write(&path, text).map_err(LabError::file("write", &path))
    }
}

fn hosts_file(hosts: &[Container]) -> String {
    let mut text = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n".to_owned();
    for host in hosts {
        writeln!(text, "{} {}", host.address, host.name).ok();
    }
    text
}

fn generate(path: &Path, kind: &str, comment: &str) -> Result<(), LabError> {
    // A host that was checkpointed brings the keys of the lab it came from.
    drop(fs::remove_file(path));
    Program::new("ssh-keygen")
        .args(["-q", "-t", kind, "-N", "", "-C", comment, "-f"])
        .arg(path)
        .run()
        .map(drop)
}
