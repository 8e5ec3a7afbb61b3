//! `--step`: the operator says of every task whether it is run.

use std::sync::atomic::Ordering;

use super::runner::Runner;
use super::stop::{self, Stop};
use super::unit::Unit;
use crate::events::What;

impl Runner {
    /// Whether the operator wants this task to be run. What was said of it before the run was cut off holds.
    pub(super) async fn wants(&self, unit: &Unit, hosts: &[String]) -> bool {
        if let Some(run) = self.world.replay.chosen(&unit.id) {
            return run;
        }
        // What is done already needs no word.
        if !self.asks.load(Ordering::Relaxed) || self.world.replay.host_of(&unit.id, hosts).is_some() {
            return true;
        }
        let question = format!(
            "Run \"{}\" on {}? [yes, no: leave it out, continue: run it and ask no more, anything else: stop]",
            unit.name,
            hosts.join(", ")
        );
        let answer = tokio::select! {
            answer = self.world.operator.ask(&question, true) => answer.unwrap_or_default(),
            () = stop::wanted(&self.world.stop, Stop::Drain) => String::new(),
        };
        let run = match answer.trim().to_ascii_lowercase().as_str() {
            "yes" | "y" => true,
            "continue" | "c" => {
                self.asks.store(false, Ordering::Relaxed);
                true
            }
            "no" | "n" => false,
            _ => {
                self.stopped.store(true, Ordering::Relaxed);
                return false;
            }
        };
        self.world.events.emit(What::TaskChosen {
            task: unit.id.clone(),
            name: unit.name.clone(),
            run,
        });
        run
    }
}
