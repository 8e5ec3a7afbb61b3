//! What check mode leaves undone, and what a later look is then worth.

use nebplay_modules::contract::{Concurrency, Contract, Privilege};
use nebplay_modules::module::{Failure, FailureKind, Finding};

use super::outcome::StepResult;

/// What check mode has left undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Undone {
    /// Nothing: every host is as it would be.
    #[default]
    Nothing,
    /// Something on a host: a look that fails may fail for that.
    Something,
    /// Something of the cloud's state, on which every later step at that state builds.
    OfTheCloud,
}

impl Undone {
    /// What a module of this contract leaves undone.
    pub(super) fn by(contract: &Contract) -> Self {
        match contract.concurrency {
            Concurrency::Serial => Self::OfTheCloud,
            Concurrency::Parallel { .. } | Concurrency::OnRequest => Self::Something,
        }
    }

    /// What a look is worth: `None`, as much as ever. A look that failed tells nothing, one at the cloud's state tells only how
    /// things are now. A host that cannot be reached, and a module that looks at no host, are what they are.
    pub(super) fn doubt(self, contract: &Contract, found: &Result<Finding, Failure>) -> Option<StepResult> {
        let said = match found {
            Err(failure) if failure.kind == FailureKind::Unreachable => return None,
            Err(_) if contract.privilege == Privilege::None => return None,
            Err(failure) if self > Self::Nothing => failure.message.as_str(),
            Ok(Finding::NoChange(outcome)) if self == Self::OfTheCloud && Self::by(contract) == self => {
                outcome.message.as_deref().unwrap_or("nothing to do")
            }
            _ => return None,
        };
        let why = format!("not known before the steps before it are done; as things are: {said}");
        Some(StepResult::unknown(why))
    }
}

#[cfg(test)]
mod tests {
    use nebplay_modules::contract::{Order, Recovery};

    use super::*;

    #[test]
    fn what_was_left_undone_casts_doubt_on_what_builds_on_it() {
        let serial = Contract::serial(Order::Inventory, Recovery::Inspect, Privilege::Root);
        let (general, control) = (Contract::general(Recovery::Inspect), Contract::control(&[]));
        let failed = || Err(Failure::failed("no such version"));
        let same = || Ok(Finding::no_change("all of it runs"));
        let gone = || Err(Failure::new(FailureKind::Unreachable, "no route"));
        for (undone, contract, found, doubted) in [
            (Undone::Nothing, serial, failed(), false),
            (Undone::Something, general, failed(), true),
            (Undone::Something, serial, same(), false),
            (Undone::OfTheCloud, serial, same(), true),
            (Undone::OfTheCloud, general, same(), false),
            (Undone::OfTheCloud, control, failed(), false),
            (Undone::OfTheCloud, serial, gone(), false),
            (Undone::OfTheCloud, serial, Ok(Finding::change("stop it")), false),
        ] {
            assert_eq!(
                undone.doubt(&contract, &found).is_some(),
                doubted,
                "{undone:?} {found:?}"
            );
        }
    }
}
