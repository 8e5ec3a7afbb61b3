//! Where a night stops in the middle of a step, by whatever goes wrong there: what the zones then look like.

use std::io;

use nebplay_twin::federation::Federation;
use rayon::prelude::*;

use super::fault::Fault;
use super::operator::{in_order, mended};
use super::stage::Stage;
use super::undisturbed::{Step, Undisturbed};

/// A run that was stopped by a fault.
pub struct Stop {
    /// What struck it.
    pub fault: Fault,
    /// The federation at that moment; a disk that was full has room again.
    pub then: Federation,
    /// When some time has passed: a job that was left at work has ended, a machine is up again.
    pub later: Federation,
}

impl Undisturbed {
    /// Every stop at these steps, in their order; forks were kept there (see [`Undisturbed::keep_forks`]).
    pub fn stops(&self, stage: &Stage, steps: &[&Step]) -> io::Result<Vec<Stop>> {
        let faults: Vec<Fault> = steps.iter().flat_map(|step| step.faults()).collect();
        let stops: Vec<Option<Stop>> = faults
            .into_par_iter()
            .map(|fault| {
                let (_, night) = self.struck(stage, &fault, None, self.joins())?;
                Ok((!night.is_done()).then(|| Stop {
                    fault,
                    then: in_order(&night.federation),
                    later: mended(&night.federation),
                }))
            })
            .collect::<io::Result<_>>()?;
        Ok(stops.into_iter().flatten().collect())
    }
}
