//! Ends the process in the middle of a step, as a power cut does: for the tests that show that nothing is lost then.

use std::str::FromStr;
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};

/// How far into what a step does "in the middle" is.
const MIDDLE: Duration = Duration::from_millis(150);

/// Where a run ends: at the first step of a module that acts, or that looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Halt {
    moment: Moment,
    at_look: bool,
    module: String,
}

/// See [`Halt`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// The journal says that the step acts (or has begun), and it does not yet.
    Before,
    /// In the middle of it.
    During,
    /// It is over, and the journal does not know.
    After,
}

impl FromStr for Halt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (moment, module) = text.split_once('@').unwrap_or((text, ""));
        let (moment, at_look) = moment
            .strip_suffix("-look")
            .map_or((moment, false), |moment| (moment, true));
        let moment = match moment {
            "before" => Moment::Before,
            "during" => Moment::During,
            "after" => Moment::After,
            _ => {
                return Err("before@MODULE, during@MODULE or after@MODULE; before-look@MODULE, …".to_owned());
            }
        };
        Ok(Self {
            moment,
            at_look,
            module: module.to_owned(),
        })
    }
}

impl Halt {
    /// When to end while a module looks.
    pub(super) fn at_look(halt: Option<&Self>, module: &str) -> Option<Moment> {
        let halt = halt.filter(|halt| halt.module == module && halt.at_look)?;
        Some(halt.moment)
    }

    /// When to end while a module acts.
    pub(super) fn at_act(halt: Option<&Self>, module: &str) -> Option<Moment> {
        let halt = halt.filter(|halt| halt.module == module && !halt.at_look)?;
        Some(halt.moment)
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

    #[test]
    fn a_run_ends_where_it_is_told_to() {
        let act: Halt = "during@service_stop".parse().unwrap();
        assert_eq!(Halt::at_act(Some(&act), "service_stop"), Some(Moment::During));
        assert_eq!(Halt::at_look(Some(&act), "service_stop"), None);
        assert_eq!(Halt::at_act(Some(&act), "ping"), None);
        let look: Halt = "after-look@ping".parse().unwrap();
        assert_eq!(Halt::at_look(Some(&look), "ping"), Some(Moment::After));
        assert_eq!(Halt::at_act(Some(&look), "ping"), None);
        assert!("sometime@ping".parse::<Halt>().is_err());
    }
}
