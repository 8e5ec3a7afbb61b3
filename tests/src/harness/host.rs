//! What a test does to a host behind nebplay's back, and what it asks it.

use crate::LabError;
use crate::lab::{Container, Network};
use crate::program::Output;

/// The stand-in's hooks: its README.md lists them.
const STANDIN: &str = "/var/lib/one/.standin";

/// A host of a running lab.
#[derive(Debug, Clone)]
pub struct Host<'lab> {
    container: &'lab Container,
    network: Network,
}

impl<'lab> Host<'lab> {
    pub(super) fn new(container: &'lab Container, network: Network) -> Self {
        Self { container, network }
    }

    /// Its inventory name.
    pub fn name(&self) -> &str {
        &self.container.name
    }

    /// Its address.
    pub fn address(&self) -> &str {
        &self.container.address
    }

    /// Runs a shell script as root, not by SSH: works without a network and without sshd.
    pub fn sh(&self, script: &str) -> Output {
        done(self.container.sh(script, &[]))
    }

    /// As [`Host::sh`]; a script that fails is a panic. Returns what it printed, without the blanks around it.
    pub fn must(&self, script: &str) -> String {
        done(self.container.must(script, &[])).trim().to_owned()
    }

    /// Runs a command line as oneadmin, in a login's environment.
    pub fn oneadmin(&self, line: &str) -> Output {
        done(self.container.exec(&[
            "runuser",
            "-u",
            "oneadmin",
            "--",
            "env",
            "HOME=/var/lib/one",
            "sh",
            "-c",
            line,
        ]))
    }

    /// A file's text, or `None` where there is none.
    pub fn read(&self, path: &str) -> Option<String> {
        let output = done(self.container.exec(&["cat", "--", path]));
        (output.code == 0).then_some(output.stdout)
    }

    /// Writes a file, owned by root, readable by all.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        done(self.container.put(path, content.as_ref()));
    }

    /// Pulls the plug.
    pub fn power_off(&self) {
        done(self.container.power_off());
    }

    /// Switches it on and waits until it has booted.
    pub fn power_on(&self) {
        self.boot();
        self.wait_until_up();
    }

    /// Switches it on.
    pub fn boot(&self) {
        done(self.container.boot());
    }

    /// Whether it has power.
    pub fn is_on(&self) -> bool {
        self.container.inside_argv().is_ok()
    }

    /// Waits until it has booted.
    pub fn wait_until_up(&self) {
        done(self.container.wait_until_up());
    }

    /// Pulls the network cable: nothing is answered, nothing refused.
    pub fn cut_link(&self) {
        done(self.network.cut(&self.container.address));
    }

    /// Keeps it from reaching the other hosts, or no more; the controller reaches it all the same.
    pub(super) fn part(&self, apart: bool) {
        done(self.network.isolate(&self.container.address, apart));
    }

    /// Plugs it in again.
    pub fn restore_link(&self) {
        done(self.network.restore(&self.container.address));
    }

    /// What an SQL query on oned's database answers, a line a row, whichever backend holds it.
    pub fn sql(&self, query: &str) -> String {
        let script = "if grep -q '^DB = .*mysql' /etc/one/oned.conf; then mariadb -N opennebula -e \"$1\"
            else runuser -u oneadmin -- sqlite3 -readonly /var/lib/one/one.db \"$1\"; fi";
        done(self.container.must(script, &[query])).trim_end().to_owned()
    }

    /// Names of the users it knows, sorted.
    pub fn users(&self) -> Vec<String> {
        self.sql("SELECT name FROM user_pool ORDER BY name")
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Gives a directory a file system of its own with what is in it and only so much room beside: the way to a full disk
    /// that fills nobody else's. OpenNebula is stopped and started around it if it runs.
    pub fn small_disk(&self, path: &str, free_kilobytes: u32) {
        let script = r#"
            set -eu
            running=$(systemctl is-active opennebula || true)
            [ "$running" != active ] || systemctl stop opennebula
            size=$(( $(du -sk "$1" | cut -f1) + $2 ))
            mkdir -p /run/small-disk
            mount -t tmpfs -o "size=${size}k,mode=0755" small-disk /run/small-disk
            cp -a "$1/." /run/small-disk/
            chown --reference="$1" /run/small-disk
            chmod --reference="$1" /run/small-disk
            mount --move /run/small-disk "$1" 2>/dev/null || { mount --bind /run/small-disk "$1"; umount /run/small-disk; }
            [ "$running" != active ] || systemctl start opennebula"#;
        done(self.container.must(script, &[path, &free_kilobytes.to_string()]));
    }

    /// Leaves an installed package as a power cut in the middle of its unpacking does.
    pub fn tear(&self, package: &str) {
        self.must(&format!(
            "sed -i '/^Package: {package}$/,/^$/s/^Status: .*/Status: install reinstreq half-installed/' /var/lib/dpkg/status"
        ));
        let status = self.must(&format!("dpkg-query -W -f '${{db:Status-Abbrev}}' {package}"));
        assert_eq!(status, "iHR", "{package} on {}", self.name());
    }

    /// Makes the stand-in stop at a point (`upgrade`, `restore`, …) until [`Host::release`].
    pub fn hang(&self, point: &str) {
        self.write(&format!("{STANDIN}/hang-{point}"), "");
    }

    /// Lets it go on.
    pub fn release(&self, point: &str) {
        self.must(&format!("rm -f {STANDIN}/hang-{point}"));
    }

    /// Makes it take its time there.
    pub fn slow(&self, point: &str, seconds: f64) {
        self.write(&format!("{STANDIN}/slow-{point}"), seconds.to_string());
    }

    /// What the stand-in did, one line each, oldest first.
    pub fn standin_log(&self) -> Vec<String> {
        self.read(&format!("{STANDIN}/log"))
            .unwrap_or_default()
            .lines()
            .filter_map(|line| line.splitn(3, ' ').nth(2).map(str::to_owned))
            .collect()
    }

    /// How many lines of that begin so: `count("onedb upgrade")`.
    pub fn count(&self, what: &str) -> usize {
        self.standin_log()
            .iter()
            .filter(|line| line.starts_with(what))
            .count()
    }

    /// Waits until the stand-in has written a line that begins so; four minutes at most.
    pub fn wait_for(&self, what: &str) {
        super::run::patiently(
            &format!("`{what}` in the stand-in's log of {}", self.name()),
            || (self.count(what) > 0).then_some(()),
        );
    }

    /// Waits until this is so of the host; four minutes at most.
    pub fn patiently(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        super::run::patiently(&format!("{what} on {}", self.name()), || {
            is_so(self).then_some(())
        });
    }
}

fn done<T>(result: Result<T, LabError>) -> T {
    result.unwrap_or_else(|error| panic!("failed to {error}"))
}
