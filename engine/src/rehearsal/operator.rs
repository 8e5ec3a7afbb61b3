//! What an operator does after a run that stopped.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use nebplay_twin::federation::Federation;

use super::alike::LeftOut;
use super::joined::Reference;
use super::night::{self, Beginning, Night};
use super::outcome::RunOf;
use super::stage::{Afterwards, Stage};
use crate::events::Event;

/// How long an operator takes to look and to mend something.
const MENDING: Duration = Duration::from_mins(10);

/// What is run after a run that stopped.
pub(super) struct Next {
    /// The playbook that leads back, where it refused.
    pub(super) refused: Option<Night>,
    /// What came to an end, or stopped too.
    pub(super) night: Night,
    /// Which run that is.
    pub(super) run: RunOf,
}

/// Runs it, after what an operator mends.
pub(super) fn next(
    stage: &Stage,
    journals: &[&[Event]],
    federation: &Federation,
    forks: Option<&Arc<LeftOut>>,
    joins: Option<&Arc<Reference>>,
) -> io::Result<Next> {
    let mut refused = None;
    let mut beginning = Beginning {
        forks: forks.cloned(),
        ..Beginning::default()
    };
    let run = match &stage.afterwards {
        Afterwards::Anew => RunOf::Anew,
        Afterwards::Resume => RunOf::Resume,
        Afterwards::GoBack(way_back) => {
            let night = night::run(way_back, mended(federation), beginning.clone())?;
            if night.is_done() {
                return Ok(Next {
                    refused,
                    night,
                    run: RunOf::WayBack,
                });
            }
            refused = Some(night);
            RunOf::Resume
        }
    };
    beginning.joins = joins.cloned();
    if run == RunOf::Resume {
        beginning.journal = journals;
        beginning.settle.retry_failed = true;
    }
    let federation = refused.as_ref().map_or(federation, |night| &night.federation);
    Ok(Next {
        night: night::run(stage, mended(federation), beginning)?,
        refused,
        run,
    })
}

/// What an operator does before going on: what is spoiled is put in order, and some time passes.
pub(super) fn mended(federation: &Federation) -> Federation {
    let mut federation = in_order(federation);
    let then = federation.now() + MENDING;
    federation.advance(then);
    federation
}

/// No disk is full any more, and the zones reach each other.
pub(super) fn in_order(federation: &Federation) -> Federation {
    let mut federation = federation.clone();
    federation.zones_apart = false;
    for at in 0..federation.len() {
        if federation.machine(at).files.full {
            federation.machine_mut(at).files.full = false;
        }
    }
    federation
}
