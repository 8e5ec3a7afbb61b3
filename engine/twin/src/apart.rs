//! Whether what comes next on one federation is what comes next on another: nothing tells them apart but times, numbers of processes,
//! and which clients wrote before.
//!
//! Who is told so leaves out the rest of one night and takes the other's. So this is stricter than [`crate::kin`], and what is not
//! known to make no difference does: that only costs time.

use std::collections::BTreeSet;

use nebplay_modules::host::Exit;

use crate::deeds::Act;
use crate::federation::{At, Federation};
use crate::files::{Content, Files, Node};
use crate::look::{self, ZoneNow};
use crate::machine::Machine;
use crate::opennebula::daemon::{self, apart as daemons};
use crate::programs::systemd::Unit;

/// Only people read what is in these.
const NOT_READ: [&str; 2] = ["/tmp/", "/var/log/"];

/// What tells these apart, the first thing that is found; `None`: nothing does. `is_over` says of a job, by its name, whether nobody
/// asks for it any more.
pub fn difference(one: &Federation, other: &Federation, is_over: &dyn Fn(&str) -> bool) -> Option<String> {
    if one.len() != other.len() {
        return Some("one has more machines".to_owned());
    }
    if one.zones_apart != other.zones_apart {
        return Some("the zones do not reach each other".to_owned());
    }
    if one.is_at_work() || other.is_at_work() {
        return Some("a job runs".to_owned());
    }
    let machine = |at| {
        let what = machine(one, other, at, is_over)?;
        Some(format!("{}: {what}", one.machine(at).name))
    };
    (0..one.len()).find_map(machine).or_else(|| zones(one, other))
}

fn machine(one: &Federation, other: &Federation, at: At, is_over: &dyn Fn(&str) -> bool) -> Option<String> {
    let (here, there) = (one.machine(at), other.machine(at));
    // Every field is named, for whoever adds one to say whether it makes a difference.
    let Machine {
        name,
        hostname,
        addresses,
        files,
        units: _,
        packages,
        jobs: _,
        filter,
        oned: _,
        boots,
        away_until,
        sizes,
        last_pid: _,
    } = here;
    if (name, hostname, addresses, sizes) != (&there.name, &there.hostname, &there.addresses, &there.sizes) {
        return Some("it is another one".to_owned());
    }
    // A playbook may have kept the boot id, to tell by it later.
    if *boots != there.boots {
        return Some("it was booted in between".to_owned());
    }
    if (*away_until > one.now()) != (there.away_until > other.now()) || files.full != there.files.full {
        return Some("it is away, or full".to_owned());
    }
    if let Some(what) = daemons::difference(one, other, at) {
        return Some(format!("oned: {what}"));
    }
    if std::ptr::eq(here, there) {
        return None;
    }
    if let Some(name) = units(here, there) {
        return Some(format!("the unit {name}"));
    }
    if (packages, filter) != (&there.packages, &there.filter) {
        return Some("packages or packet filter".to_owned());
    }
    if !jobs(here, is_over).eq(jobs(there, is_over)) {
        return Some("jobs".to_owned());
    }
    self::files(files, &there.files)
}

fn units<'m>(here: &'m Machine, there: &'m Machine) -> Option<&'m String> {
    let without_pid = |unit: &Unit| Unit {
        pid: unit.pid.map(|_| 0),
        ..unit.clone()
    };
    let differs = |name: &&String| match (here.units.get(*name), there.units.get(*name)) {
        (Some(one), Some(other)) => one != other && without_pid(one) != without_pid(other),
        _ => true,
    };
    here.units.keys().chain(there.units.keys()).find(differs)
}

/// Of a job its name and digest, whether it ended in time, and how.
type Ended<'m> = (&'m str, &'m str, bool, Option<(Option<Exit>, bool)>);

/// The jobs that somebody may ask for.
fn jobs<'m>(machine: &'m Machine, is_over: &'m dyn Fn(&str) -> bool) -> impl Iterator<Item = Ended<'m>> {
    let jobs = machine.jobs.iter().filter(|(name, _)| !is_over(name));
    jobs.map(|(name, job)| {
        let end = job.end.as_ref().map(|end| (end.exit, end.rebooted));
        (name.as_str(), job.digest.as_str(), job.in_time, end)
    })
}

/// The first path at which there is not the same, with what is not.
fn files(here: &Files, there: &Files) -> Option<String> {
    let (mut only_here, mut only_there) = (Vec::new(), Vec::new());
    for (path, one) in here.all() {
        match there.at(path) {
            Some(other) => {
                if let Some(what) = node(path, one, other) {
                    return Some(format!("{path}: {what}"));
                }
            }
            None => only_here.push((without_times(path), path, one)),
        }
    }
    for (path, other) in there.all().filter(|(path, _)| here.at(path).is_none()) {
        only_there.push((without_times(path), path, other));
    }
    // Names may be made of times.
    let by_name = |(name, path, _): &(String, &str, &Node)| (name.clone(), (*path).to_owned());
    only_here.sort_by_key(by_name);
    only_there.sort_by_key(by_name);
    for at in 0..only_here.len().max(only_there.len()) {
        match (only_here.get(at), only_there.get(at)) {
            (Some((name, path, one)), Some((its, _, other))) if name == its => {
                if let Some(what) = node(path, one, other) {
                    return Some(format!("{path}: {what}"));
                }
            }
            (Some((name, ..)), _) | (_, Some((name, ..))) => return Some(format!("whether there is {name}")),
            (None, None) => {}
        }
    }
    None
}

fn node(path: &str, one: &Node, other: &Node) -> Option<String> {
    let (of_one, of_other) = (one.meta(), other.meta());
    if (of_one.mode, &of_one.owner, &of_one.group) != (of_other.mode, &of_other.owner, &of_other.group) {
        return Some("its owner or mode".to_owned());
    }
    match (one, other) {
        (Node::Directory(_), Node::Directory(_)) => None,
        (Node::Link(_, one), Node::Link(_, other)) => {
            (without_times(one) != without_times(other)).then(|| "where it leads".to_owned())
        }
        (Node::File(_, Content::Database(one)), Node::File(_, Content::Database(other))) => {
            one.difference(other)
        }
        (Node::File(_, Content::Bytes(one)), Node::File(_, Content::Bytes(other))) => {
            let is_same = one == other
                || NOT_READ.iter().any(|above| path.starts_with(above))
                || bytes_without_times(one) == bytes_without_times(other);
            (!is_same).then(|| "what is in it".to_owned())
        }
        _ => Some("what it is".to_owned()),
    }
}

fn bytes_without_times(bytes: &[u8]) -> String {
    without_times(&String::from_utf8_lossy(bytes))
}

/// A text with a sign in place of each number of four digits and more: times, numbers of processes, sizes.
pub fn without_times(text: &str) -> String {
    const LONG: usize = 4;
    let mut plain = String::with_capacity(text.len());
    let mut digits = 0;
    for c in text.chars() {
        digits = if c.is_ascii_digit() { digits + 1 } else { 0 };
        if digits < LONG {
            plain.push(c);
        } else if digits == LONG {
            plain.truncate(plain.len() + 1 - LONG);
            plain.push('#');
        }
    }
    plain
}

/// Whether each zone has what clients were told is written, and how the zones stand to each other.
fn zones(one: &Federation, other: &Federation) -> Option<String> {
    let is_behind = |federation: &Federation| {
        let acknowledged = acknowledged(federation);
        (0..federation.len()).any(|at| {
            let has_zone = daemon::database(federation.machine(at)).is_some();
            has_zone && !acknowledged.is_subset(&look::users(federation, at))
        })
    };
    if is_behind(one) || is_behind(other) {
        return Some("a zone that lacks what was acknowledged".to_owned());
    }
    (against_the_first(one) != against_the_first(other)).then(|| "which zones are in sync".to_owned())
}

/// How a zone stands to the first one.
#[derive(PartialEq)]
struct Against {
    /// They have the same data.
    in_sync: bool,
    /// How far the first one's log is ahead, while oned runs on both.
    ahead: Option<u64>,
    /// How many more entries of the federated log the first one has in its database.
    more_entries: Option<usize>,
}

fn against_the_first(federation: &Federation) -> Vec<Against> {
    let zones: Vec<(ZoneNow, Option<usize>)> = (0..federation.len())
        .map(|at| {
            let database = daemon::database(federation.machine(at));
            let entries = database.map(|database| database.federated_entries());
            (look::zone(federation, at), entries)
        })
        .collect();
    let Some((first, first_entries)) = zones.first() else {
        return Vec::new();
    };
    let stand = |(zone, entries): &(ZoneNow, Option<usize>)| Against {
        in_sync: zone.shared_data == first.shared_data,
        ahead: first
            .index
            .zip(zone.index)
            .map(|(first, its)| first.wrapping_sub(its)),
        more_entries: first_entries
            .zip(*entries)
            .map(|(first, its)| first.wrapping_sub(its)),
    };
    zones.iter().map(stand).collect()
}

fn acknowledged(federation: &Federation) -> BTreeSet<String> {
    let users = federation.deeds.in_order().into_iter();
    let users = users.filter_map(|deed| match &deed.act {
        Act::Acknowledged { user } => Some(user.clone()),
        _ => None,
    });
    users.collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nebplay_modules::host::Command;

    use super::*;
    use crate::image::{self, Description};

    const LATER: Duration = Duration::from_mins(10);

    fn federation() -> Federation {
        image::federation(&Description::guide(3))
    }

    /// As it is, and as it is later, when that was done meanwhile.
    fn apart(then: impl FnOnce(&mut Federation)) -> Option<String> {
        let before = federation();
        let mut later = before.clone();
        later.advance(before.now() + LATER);
        then(&mut later);
        difference(&before, &later, &|job| job == "over-1")
    }

    fn run(federation: &mut Federation, script: &str) {
        let command = Command::script::<&str>(script, []).as_root();
        let came = federation.execute(1, &command, None);
        assert!(came.output.exit.success(), "{script}: {came:?}");
    }

    #[test]
    fn neither_time_nor_clients_writes_make_a_difference() {
        let mut wrote = 0;
        let found = apart(|later| wrote = later.made_by_clients);
        assert_eq!(found, None);
        assert!(wrote > 0);
    }

    #[test]
    fn what_somebody_goes_by_later_does() {
        for (script, what) in [
            ("systemctl mask opennebula.service", "opennebula.service"),
            (
                "systemctl stop opennebula-flow.service",
                "opennebula-flow.service",
            ),
            ("echo x > /etc/one/oned.conf", "/etc/one/oned.conf: what is in it"),
            (
                "chmod 0600 /etc/one/oned.conf",
                "/etc/one/oned.conf: its owner or mode",
            ),
            ("touch /var/lib/one/x", "whether there is /var/lib/one/x"),
        ] {
            let found = apart(|later| run(later, script)).unwrap_or_default();
            assert!(found.contains(what), "{script}: {found}");
        }
    }

    #[test]
    fn a_file_named_by_its_time_is_the_same_at_another() {
        let at = |time: &str| {
            let mut federation = federation();
            run(&mut federation, &format!("echo {time} > /var/lib/one/x-{time}"));
            federation
        };
        let (one, other) = (at("1800000000"), at("1800000600"));
        assert_eq!(difference(&one, &other, &|_| false), None);
    }

    #[test]
    fn a_zone_that_lags_is_none_in_sync() {
        let found = apart(|later| {
            let then = later.now() + LATER;
            later.machine_mut(2).away_until = then + LATER;
            later.advance(then);
            later.machine_mut(2).away_until = then;
        });
        assert_eq!(
            found.as_deref(),
            Some("fe-eu-fr: oned: what it believes of its slaves")
        );
    }

    #[test]
    fn a_row_lost_is_a_difference() {
        let found = apart(|later| {
            run(
                later,
                "systemctl stop opennebula.service; sqlite3 /var/lib/one/one.db 'DELETE FROM host_pool'; \
                 systemctl start opennebula.service",
            );
            let now = later.now();
            later.advance(now + LATER);
        });
        assert!(found.is_some());
    }
}
