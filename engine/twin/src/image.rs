//! A federation as the guide has it, made from a description: what a rehearsal begins with.

use std::collections::BTreeMap;
use std::time::Duration;

use nebplay_model::config::Backend;
use nebplay_model::version::Version;

use crate::deeds::Deeds;
use crate::federation::Federation;
use crate::files::{Content, Files, Node};
use crate::machine::Machine;
use crate::opennebula;
use crate::programs::packages::{self, Packages};
use crate::programs::systemd;
use crate::rates::{Rates, Sizes};

/// What a federation is made from.
#[derive(Debug, Clone)]
pub struct Description {
    /// The zones, the master first.
    pub zones: Vec<Zone>,
    /// The version of OpenNebula that runs.
    pub version: Version,
    /// The versions that the hosts' repositories offer, with the one that runs.
    pub offered: Vec<Version>,
    /// How many users the zones share.
    pub users: u32,
    /// Whether clients write on the master while its API is open.
    pub clients: bool,
    /// The moment it is at.
    pub now: Duration,
    /// How long things take.
    pub rates: Rates,
    /// What oneadmin logs in with.
    pub password: String,
}

/// A zone of it: one front-end.
#[derive(Debug, Clone)]
pub struct Zone {
    /// OpenNebula's number of it.
    pub id: i64,
    /// OpenNebula's name of it.
    pub name: String,
    /// Whether it is the master.
    pub master: bool,
    /// The front-end's name in the inventory.
    pub machine: String,
    /// The address under which the others reach it.
    pub address: String,
    /// Where its database is.
    pub backend: Backend,
    /// In MySQL: its account may make schemas beside its own one, which the documentation does not grant it.
    pub makes_schemas: bool,
    /// States of its hypervisor hosts, by OpenNebula's numbers.
    pub hosts: Vec<i64>,
    /// How large things are there.
    pub sizes: Sizes,
}

impl Description {
    /// The federation of the upgrade guide with that many zones: 7.0.0 runs, 7.2.0 is offered, and nothing is large.
    pub fn guide(zones: usize) -> Self {
        let name = |number: usize| match number {
            0 => ("fe-eu-fr".to_owned(), "M-EU-FR".to_owned(), 0),
            1 => ("fe-eu-ge".to_owned(), "S-EU-GE".to_owned(), 100),
            2 => ("fe-us-ca".to_owned(), "S-US-CA".to_owned(), 101),
            other => (format!("fe-{other}"), format!("S-{other}"), 99 + other),
        };
        let zone = |number| {
            let (machine, zone_name, id) = name(number);
            Zone {
                id: i64::try_from(id).unwrap_or(i64::MAX),
                name: zone_name,
                master: number == 0,
                machine,
                address: address(number),
                backend: Backend::Sqlite,
                makes_schemas: false,
                hosts: vec![2, 2],
                sizes: Sizes::default(),
            }
        };
        Self {
            zones: (0..zones).map(zone).collect(),
            version: Version::V7_0_0,
            offered: vec![Version::V7_0_0, Version::V7_2_0],
            users: 10,
            clients: true,
            password: "opennebula".to_owned(),
            now: Duration::from_secs(1_800_000_000),
            rates: Rates::default(),
        }
    }
}

/// An address for a machine of which none is known.
pub fn address(number: usize) -> String {
    format!("192.168.{}.{}", 150 + number / 250, number % 250 + 1)
}

/// Makes it: every zone runs, open and in sync, and nothing of that is a deed.
pub fn federation(description: &Description) -> Federation {
    let mut machines: Vec<Machine> = description
        .zones
        .iter()
        .map(|zone| machine(description, zone))
        .collect();
    opennebula::share_tables(&mut machines);
    let mut federation = Federation::new(machines, description.now, description.rates);
    if !description.clients {
        federation.set_next_client(Duration::MAX);
    }
    for at in 0..federation.len() {
        systemd::boot(&mut federation, at);
    }
    // Started some time ago.
    federation.advance(description.now + federation.rates.oned + Duration::from_secs(60));
    federation.deeds = Deeds::default();
    federation
}

/// The directories of a front-end: whose they are, and their modes.
const DIRECTORIES: [(&str, &str, u32); 34] = [
    ("/", "root", 0o755),
    ("/root", "root", 0o700),
    ("/tmp", "root", 0o1777),
    ("/run", "root", 0o755),
    ("/run/systemd", "root", 0o755),
    ("/run/systemd/system", "root", 0o755),
    ("/etc", "root", 0o755),
    ("/etc/one", "root", 0o750),
    ("/etc/apt", "root", 0o755),
    ("/etc/apt/sources.list.d", "root", 0o755),
    ("/etc/default", "root", 0o755),
    ("/etc/sudoers.d", "root", 0o755),
    ("/etc/logrotate.d", "root", 0o755),
    ("/etc/systemd", "root", 0o755),
    ("/etc/systemd/system", "root", 0o755),
    ("/home", "root", 0o755),
    ("/usr", "root", 0o755),
    ("/usr/sbin", "root", 0o755),
    ("/usr/share", "root", 0o755),
    ("/usr/share/one", "root", 0o755),
    ("/usr/lib", "root", 0o755),
    ("/var", "root", 0o755),
    ("/var/cache", "root", 0o755),
    ("/var/cache/apt", "root", 0o755),
    ("/var/cache/apt/archives", "root", 0o755),
    ("/var/lib", "root", 0o755),
    ("/var/lib/dpkg", "root", 0o755),
    ("/var/lib/one", "oneadmin", 0o750),
    ("/var/lib/one/.one", "oneadmin", 0o700),
    ("/var/lib/one/remotes", "oneadmin", 0o750),
    ("/var/log", "root", 0o755),
    ("/var/log/one", "oneadmin", 0o750),
    ("/var/lock", "root", 0o1777),
    ("/var/lock/one", "oneadmin", 0o755),
];

/// The files of a front-end that are none of OpenNebula's packages.
const FILES: [(&str, &str); 7] = [
    (
        "/etc/os-release",
        "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n",
    ),
    (
        "/etc/passwd",
        "root:x:0:0:root:/root:/bin/bash\noneadmin:x:9869:9869::/var/lib/one:/bin/bash\n",
    ),
    ("/etc/group", "root:x:0:\noneadmin:x:9869:\n"),
    ("/etc/hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost\n"),
    ("/etc/one/monitord.conf", "# Configuration of the monitor\n"),
    (
        "/etc/apt/sources.list.d/opennebula.list",
        "deb https://downloads.example.org/repo stable opennebula\n",
    ),
    ("/var/log/one/oned.log", ""),
];

/// A machine that is no front-end: there is nothing of OpenNebula on it.
pub fn other(name: &str, now: Duration) -> Machine {
    let mut machine = empty(name, Sizes::default());
    let is_opennebulas = |path: &str| path.contains("/one");
    for (path, owner, mode) in DIRECTORIES.iter().filter(|(path, ..)| !is_opennebulas(path)) {
        let meta = machine.meta(owner, *mode, now);
        let _ = machine.files.put(path, Node::Directory(meta));
    }
    let files = [
        ("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n"),
        ("/etc/group", "root:x:0:\n"),
        FILES[0],
    ];
    for (path, text) in files {
        let meta = machine.meta("root", 0o644, now);
        let _ = machine.files.put(path, Node::File(meta, Content::text(text)));
    }
    machine
}

/// A machine with nothing on it.
fn empty(name: &str, sizes: Sizes) -> Machine {
    Machine {
        name: name.into(),
        hostname: name.to_owned(),
        addresses: Vec::new(),
        files: Files::default(),
        units: BTreeMap::new(),
        packages: Packages::default(),
        jobs: BTreeMap::new(),
        filter: None,
        oned: None,
        boots: 1,
        away_until: Duration::ZERO,
        sizes,
        last_pid: 1000,
    }
}

fn machine(description: &Description, zone: &Zone) -> Machine {
    let mut machine = empty(&zone.machine, zone.sizes);
    machine.addresses = vec![zone.address.clone()];
    // On an empty disk all of it finds its place.
    for (path, owner, mode) in DIRECTORIES {
        let meta = machine.meta(owner, mode, description.now);
        let _ = machine.files.put(path, Node::Directory(meta));
    }
    for (path, text) in FILES {
        let meta = machine.meta("root", 0o644, description.now);
        let _ = machine.files.put(path, Node::File(meta, Content::text(text)));
    }
    packages::put(&mut machine, description.version, &description.offered);
    opennebula::install(&mut machine, zone, description);
    machine
}
