//! `--from-live`: what a rehearsal begins with, read from the zones themselves. Nothing is changed on them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nebplay_model::version::Version;
use nebplay_modules::host::{Command, Host};
use nebplay_modules::module::{Failure, FailureKind, Secrets};
use nebplay_modules::opennebula::conf::Backend;
use nebplay_modules::opennebula::measure::{Measured, measure};
use nebplay_modules::opennebula::onedb::Access;
use nebplay_modules::opennebula::stand::{Stand, UnitBefore};
use nebplay_modules::opennebula::version::release_of_package;
use tokio::io::AsyncReadExt as _;

use crate::commands::asking::Asking;
use crate::commands::error::CommandError;
use crate::commands::hosts::Hosts;

/// A front-end as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Live {
    /// What the host's repositories offer.
    pub(super) offered: Vec<Version>,
    /// Where oned keeps its database.
    pub(super) backend: Option<Backend>,
    /// What is in it.
    pub(super) zone: Measured,
    /// Bytes of the packages that would replace those installed.
    pub(super) packages: Option<u64>,
    /// Bytes of the lists of its repositories.
    pub(super) lists: Option<u64>,
    /// How long a program takes that does nothing.
    pub(super) spawn: Option<Duration>,
    /// How long onedb takes that does nothing.
    pub(super) onedb: Option<Duration>,
    /// How long oned took to answer the last time it was started.
    pub(super) oned: Option<Duration>,
    /// How long its other units took to start, on average.
    pub(super) unit: Option<Duration>,
    /// How far it is in an upgrade.
    pub(super) stand: Stand,
    /// OpenNebula's units; where a night is under way, as they were before it.
    pub(super) units: BTreeMap<String, UnitBefore>,
    /// One call and back.
    pub(super) round_trip: Duration,
    /// Bytes a second from there to here.
    pub(super) link: Option<f64>,
}

/// What a link is measured with.
const SAMPLE: u64 = 4 << 20;

const LOOK: &str = r#"# nebplay: what a rehearsal begins with
apt-cache madison opennebula 2>/dev/null | awk -F'|' '{ gsub(/ /, "", $2); print "offered", $2 }'
names=$(dpkg-query -W -f '${Package}\n' 'opennebula*' 2>/dev/null)
[ -z "$names" ] || apt-cache show --no-all-versions $names 2>/dev/null | awk '$1 == "Size:" { sum += $2 } END { print "packages", sum + 0 }'
for unit in $(systemctl list-units --plain --no-legend 'opennebula*.service' | awk '{ print $1 }'); do
  echo started "$unit" $(systemctl show "$unit" -p InactiveExitTimestampMonotonic -p ActiveEnterTimestampMonotonic | sort)
done
du -sb /var/lib/apt/lists 2>/dev/null | awk '{ print "lists", $1 }'
began=$(date +%s%N)
for i in 1 2 3 4 5 6 7 8 9 10; do sed -n 1p /dev/null; done
echo spawn $((($(date +%s%N) - began) / 10))
began=$(date +%s%N)
onedb --version >/dev/null 2>&1 </dev/null
echo onedb $(($(date +%s%N) - began))
exit 0"#;

/// Asks all of these front-ends at once; the answers in their order.
pub(super) fn look(hosts: Hosts, names: Vec<String>) -> Result<Vec<Live>, CommandError> {
    let asking = Asking::of(hosts, names.clone())?;
    let secrets = Arc::clone(&asking.secrets);
    let answers = asking.each(names.into_iter().map(|name| (name, ())), move |host, ()| {
        let secrets = Arc::clone(&secrets);
        async move { one(&*host, &*secrets).await }
    });
    asking.end();
    let mut found = Vec::new();
    let (mut said, mut unreachable) = (Vec::new(), false);
    for (name, answer) in answers {
        match answer {
            Ok(live) => found.push(live),
            Err(failure) => {
                unreachable |= failure.kind == FailureKind::Unreachable;
                said.push(if failure.message.starts_with(&name) {
                    failure.message
                } else {
                    format!("{name}: {}", failure.message)
                });
            }
        }
    }
    if said.is_empty() {
        return Ok(found);
    }
    Err(CommandError::NotTold {
        said,
        unreachable,
        next: "without --from-live the zones are taken to be in order, and sizes are assumed".to_owned(),
    })
}

async fn one(host: &dyn Host, secrets: &dyn Secrets) -> Result<Live, Failure> {
    let access = Access::of_host(host, secrets, None).await?;
    let output = host.run(&access.script(LOOK, &[])).await?;
    let mut live = read(&output.text());
    live.zone = measure(host, &access).await?;
    live.stand = Stand::of(host, &access).await?;
    live.units = live.stand.units_before(host).await?;
    live.backend = Some(access.db);
    // The connection is open now: a call is a round trip.
    let began = Instant::now();
    host.run(&Command::new(["true"])).await?;
    live.round_trip = began.elapsed();
    live.link = link(host).await;
    Ok(live)
}

/// How fast bytes come from there that cannot be compressed.
async fn link(host: &dyn Host) -> Option<f64> {
    let command = Command::new(["head", "-c", &SAMPLE.to_string(), "/dev/urandom"]);
    let began = Instant::now();
    let mut source = host.source(&command).await.ok()?;
    let mut bytes = Vec::new();
    source.stdout.read_to_end(&mut bytes).await.ok()?;
    #[expect(clippy::cast_precision_loss, reason = "a few MiB")]
    let rate = bytes.len() as f64 / began.elapsed().as_secs_f64().max(1e-6);
    (bytes.len() as u64 == SAMPLE).then_some(rate)
}

/// The release of a package.
fn version(package: &str) -> Option<Version> {
    release_of_package(package)?.parse().ok()
}

/// `UNIT ActiveEnterTimestampMonotonic=µs InactiveExitTimestampMonotonic=µs`: how long the unit took to start.
fn started(text: &str) -> Option<(&str, Duration)> {
    let mut words = text.split_whitespace();
    let unit = words.next()?;
    let mut moment =
        |name: &str| -> Option<u64> { words.next()?.strip_prefix(name)?.strip_prefix('=')?.parse().ok() };
    let ready = moment("ActiveEnterTimestampMonotonic")?;
    let began = moment("InactiveExitTimestampMonotonic").filter(|began| *began > 0)?;
    Some((unit, Duration::from_micros(ready.checked_sub(began)?)))
}

/// Reads what the script printed. What it could not find out is not there.
fn read(text: &str) -> Live {
    let mut live = Live::default();
    let mut units = Vec::new();
    for line in text.lines() {
        let Some((what, value)) = line.trim().split_once(' ') else {
            continue;
        };
        match what {
            "offered" => live.offered.extend(version(value)),
            "packages" => live.packages = value.parse().ok().filter(|size| *size > 0),
            "lists" => live.lists = value.parse().ok(),
            "onedb" => live.onedb = value.parse().ok().map(Duration::from_nanos),
            "spawn" => live.spawn = value.parse().ok().map(Duration::from_nanos),
            "started" => match started(value) {
                Some(("opennebula.service", took)) => live.oned = Some(took),
                Some((_, took)) => units.push(took),
                None => {}
            },
            _ => {}
        }
    }
    let count = u32::try_from(units.len()).unwrap_or(u32::MAX);
    live.unit = (count > 0).then(|| units.iter().sum::<Duration>() / count.max(1));
    live
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_front_end_says_is_read() {
        let live = read(
            "offered 7.2.0-1\noffered 7.0.0-1\npackages 125829120\n\
             started opennebula.service ActiveEnterTimestampMonotonic=3500000 InactiveExitTimestampMonotonic=1000000\n\
             started opennebula-gate.service ActiveEnterTimestampMonotonic=50 InactiveExitTimestampMonotonic=10\n\
             lists 100\nonedb 2000\n",
        );
        assert_eq!(live.offered, [Version::V7_2_0, Version::V7_0_0]);
        assert_eq!(live.packages, Some(120 << 20));
        assert_eq!(live.oned, Some(Duration::from_millis(2500)));
        assert_eq!(
            (live.lists, live.onedb),
            (Some(100), Some(Duration::from_micros(2)))
        );
        assert_eq!(live.unit, Some(Duration::from_micros(40)));
    }

    #[test]
    fn what_it_does_not_say_is_not_made_up() {
        for text in [
            "",
            "offered\n",
            "packages lots\noffered ?\n",
            "InactiveExitTimestampMonotonic 5\n",
        ] {
            assert_eq!(read(text), Live::default(), "{text:?}");
        }
    }

    #[test]
    fn versions_of_packages_are_read_without_their_revisions() {
        assert_eq!(version("1:7.2.0.1-1+deb12"), Some(Version::V7_2_0));
        assert_eq!(version("seven"), None);
    }
}
