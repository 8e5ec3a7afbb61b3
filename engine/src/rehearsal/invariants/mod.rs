//! What must hold on every night, with the sentence of the documentation or the observation behind it.
//!
//! The rules are about what was done to the federation as the twin saw it (its deeds), never about what the run says of itself; one of
//! them compares the two.

mod ending;
mod on_the_way;
mod tracked;

use nebplay_model::version::Version;
use nebplay_twin::deeds::Deed;
use nebplay_twin::federation::Federation;

pub use tracked::{Tracked, ZoneAt};

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// Its name, for the matrix, JSON and tests.
    pub name: &'static str,
    /// What must hold.
    pub sentence: &'static str,
    /// Where that is written, or what was observed.
    pub source: &'static str,
}

/// A rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// Which.
    pub rule: Rule,
    /// What broke it.
    pub what: String,
    /// The number of the deed that did, in the order of deeds; `None`: how everything ended.
    pub deed: Option<usize>,
}

/// A zone of the federation, for the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneOf {
    /// OpenNebula's number of it.
    pub id: i64,
    /// Its front-end.
    pub host: String,
    /// Whether it is the master.
    pub master: bool,
}

/// How the last run of a rehearsal ended, as it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It says that all is done.
    Done,
    /// It says that everything is as it was before.
    WentBack,
    /// It stopped, and says so.
    Stopped,
}

/// Everything the rules look at.
pub struct Evidence<'a> {
    /// The zones.
    pub zones: &'a [ZoneOf],
    /// The federation before the first run.
    pub before: &'a Federation,
    /// What was done since, in order.
    pub deeds: &'a [&'a Deed],
    /// The federation after the last run.
    pub after: &'a Federation,
    /// How that ended.
    pub ended: Ended,
}

impl Evidence<'_> {
    /// The version the federation is upgraded to: the newest that is installed or was.
    fn target(&self) -> Option<Version> {
        self.deeds
            .iter()
            .filter_map(|deed| tracked::installed(deed))
            .max()
    }
}

/// Everything that broke a rule.
pub fn check(evidence: &Evidence<'_>) -> Vec<Breach> {
    let mut tracked = Tracked::of(evidence);
    let mut breaches = Vec::new();
    for (number, deed) in evidence.deeds.iter().enumerate() {
        for (rule, look) in on_the_way::RULES {
            breaches.extend(look(&tracked, deed).map(|what| Breach {
                rule: *rule,
                what,
                deed: Some(number),
            }));
        }
        tracked.take(deed);
    }
    for (rule, look) in ending::RULES {
        breaches.extend(look(&tracked, evidence).into_iter().map(|what| Breach {
            rule: *rule,
            what,
            deed: None,
        }));
    }
    breaches
}

/// Everything that broke a rule in a night that left this.
pub(super) fn judge(zones: &[ZoneOf], before: &Federation, after: &Federation, ended: Ended) -> Vec<Breach> {
    check(&Evidence {
        zones,
        before,
        deeds: &after.deeds.in_order(),
        after,
        ended,
    })
}

/// All rules.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    let on_the_way = on_the_way::RULES.iter().map(|(rule, _)| rule);
    on_the_way.chain(ending::RULES.iter().map(|(rule, _)| rule))
}
