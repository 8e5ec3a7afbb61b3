//! Whether two federations are alike: the same but for times, numbers of processes and what clients made meanwhile. What can go wrong
//! from one of them goes wrong from the other.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher as _};

use nebplay_modules::host::Exit;

use crate::federation::{At, Federation};
use crate::files::{Content, Node};
use crate::look;
use crate::opennebula::database::Database;
use crate::programs::systemd::Unit;

/// Where what is in a file is of no account.
const WORDS_ALONE: [&str; 3] = ["/run/", "/tmp/", "/var/log/"];

/// The same number for federations that are alike.
pub fn digest(federation: &Federation) -> u64 {
    let mut hasher = DefaultHasher::new();
    (federation.zones_apart, federation.is_at_work()).hash(&mut hasher);
    for at in 0..federation.len() {
        machine(federation, at, &mut hasher);
    }
    hasher.finish()
}

fn machine(federation: &Federation, at: At, hasher: &mut DefaultHasher) {
    let machine = federation.machine(at);
    let zone = look::zone(federation, at);
    (zone.runs, zone.enabled, zone.filtered, machine.files.full).hash(hasher);
    (machine.away_until > federation.now()).hash(hasher);
    for (name, unit) in &machine.units {
        let Unit {
            active,
            enabled,
            masked,
            own,
            ..
        } = unit;
        (name, *active as u8, enabled, masked, own).hash(hasher);
    }
    for (name, package) in &machine.packages.installed {
        (name, &package.version, package.state, package.held).hash(hasher);
    }
    for (name, job) in &machine.jobs {
        let end = job.end.as_ref().map(|end| end.exit.map(Exit::rc));
        (without_digits(name), end).hash(hasher);
    }
    // Names are made of times, and so come in another order: a set.
    let files: BTreeSet<u64> = machine.files.all().map(|(path, node)| file(path, node)).collect();
    files.hash(hasher);
}

fn file(path: &str, node: &Node) -> u64 {
    let mut hasher = DefaultHasher::new();
    let meta = node.meta();
    (without_digits(path), meta.mode, &meta.owner, &meta.group).hash(&mut hasher);
    match node {
        Node::Directory(_) => {}
        Node::Link(_, target) => without_digits(target).hash(&mut hasher),
        Node::File(_, Content::Database(database)) => self::database(database, &mut hasher),
        Node::File(_, Content::Bytes(_)) if WORDS_ALONE.iter().any(|above| path.starts_with(above)) => {}
        Node::File(_, Content::Bytes(bytes)) => {
            let text = String::from_utf8_lossy(bytes);
            if text.contains("INSERT INTO") {
                // A dump: whether it is whole, and of which version.
                text.ends_with("COMMIT;\n").hash(&mut hasher);
                text.starts_with("-- FEDERATED").hash(&mut hasher);
                for line in text.lines().filter(|line| line.contains("db_versioning VALUES")) {
                    line.split('\'').nth(1).hash(&mut hasher);
                }
            } else {
                without_digits(&text).hash(&mut hasher);
            }
        }
    }
    hasher.finish()
}

fn database(database: &Database, hasher: &mut DefaultHasher) {
    database.order.hash(hasher);
    for index in database.index_names() {
        index.hash(hasher);
    }
    let versions = database.both_versions();
    versions
        .map(|(shared, local)| (shared.to_string(), local.to_string()))
        .hash(hasher);
}

fn without_digits(text: &str) -> String {
    text.replace(|c: char| c.is_ascii_digit(), "")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::image::{self, Description};

    #[test]
    fn time_makes_no_difference_and_a_mask_does() {
        let before = image::federation(&Description::guide(3));
        let mut later = before.clone();
        later.advance(before.now() + Duration::from_secs(600));
        assert_eq!(digest(&before), digest(&later));
        if let Some(unit) = later.machine_mut(1).units.get_mut("opennebula.service") {
            unit.masked = true;
        }
        assert_ne!(digest(&before), digest(&later));
    }
}
