//! Ends the process in the middle of a step, as a power cut does: for the tests that show that nothing is lost then.

use std::str::FromStr;
use std::time::Duration;

use nebplay_modules::registry::{Acts, Entry};
use rustix::process::{Signal, getpid, kill_process};

/// How far into what a step does "in the middle" is.
const MIDDLE: Duration = Duration::from_millis(150);

/// Where a run ends: at the first step of a module that acts, or, where the module only reads, that looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Halt {
    moment: Moment,
    module: String,
}

/// See [`Halt`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// The journal says that the step acts, and it does not yet.
    Before,
    /// It acts.
    During,
    /// It has acted, and the journal does not know.
    After,
}

impl FromStr for Halt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (moment, module) = text.split_once('@').unwrap_or((text, ""));
        let moment = match moment {
            "before" => Moment::Before,
            "during" => Moment::During,
            "after" => Moment::After,
            _ => return Err("before@MODULE, during@MODULE or after@MODULE".to_owned()),
        };
        Ok(Self {
            moment,
            module: module.to_owned(),
        })
    }
}

impl Halt {
    /// When to end while a module looks.
    pub(super) fn at_look(halt: Option<&Self>, module: &Entry) -> Option<Moment> {
        Self::of(halt, module).filter(|_| module.acts == Acts::Never)
    }

    /// When to end while a module acts.
    pub(super) fn at_act(halt: Option<&Self>, module: &Entry) -> Option<Moment> {
        Self::of(halt, module).filter(|_| module.acts != Acts::Never)
    }

    fn of(halt: Option<&Self>, module: &Entry) -> Option<Moment> {
        halt.filter(|halt| halt.module == module.name)
            .map(|halt| halt.moment)
    }
}

impl Moment {
    /// What a step does, ended at this moment if there is one.
    pub(super) async fn within<T>(moment: Option<Self>, doing: impl Future<Output = T>) -> T {
        match moment {
            None => doing.await,
            Some(Self::Before) => die(),
            Some(Self::During) => {
                // What takes less time is over then; that is the moment after.
                let _ = tokio::time::timeout(MIDDLE, doing).await;
                die()
            }
            Some(Self::After) => {
                doing.await;
                die()
            }
        }
    }
}

/// Nothing is flushed, closed or said.
fn die() -> ! {
    let _ = kill_process(getpid(), Signal::KILL);
    std::process::abort()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nebplay_modules::registry::find;

    #[test]
    fn what_reads_is_ended_while_it_looks_and_what_acts_while_it_acts() {
        let halt: Halt = "during@service_stop".parse().unwrap();
        let (stop, ping) = (find("service_stop").unwrap(), find("ping").unwrap());
        assert_eq!(Halt::at_act(Some(&halt), stop), Some(Moment::During));
        assert_eq!(Halt::at_look(Some(&halt), stop), None);
        assert_eq!(Halt::at_look(Some(&halt), ping), None);
        let halt: Halt = "after@ping".parse().unwrap();
        assert_eq!(Halt::at_look(Some(&halt), ping), Some(Moment::After));
        assert!("sometime@ping".parse::<Halt>().is_err());
    }
}
