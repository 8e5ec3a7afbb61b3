//! Rehearsals: a playbook, run by the real engine and the real modules on a twin of the federation, undisturbed and disturbed.
//!
//! * [`stage`]: what is rehearsed.
//! * [`night`]: one run on a federation, perhaps gone on with after another one.
//! * [`fault`]: what can go wrong, and [`faulty`] hosts, on which it does.
//! * [`undisturbed`]: the run without any fault, from which all others fork.
//! * [`explore`]: every fault at every step, each followed by what an [`operator`] does next; [`outcome`]: what came of it.
//! * [`joined`]: a night that goes on as the undisturbed one did from somewhere on.
//! * [`alike`]: slaves of which a few stand for the others.
//! * [`pairs`]: two faults on one night.
//! * [`invariants`]: what must hold on every night, and where it is written; [`story`]: how one came to be broken.
//! * [`stops`]: where a night stops in the middle of a step.
//! * [`measured`]: how long steps took in an earlier run.
//! * [`window`]: how long the API is away, and why so long.
//!
//! A fault is a fork: the run up to it is the fold of the undisturbed run's events, and the twin is cloned as it was there.

pub mod alike;
pub mod explore;
pub mod fault;
mod faulty;
pub mod invariants;
mod joined;
pub mod measured;
pub mod night;
mod operator;
pub mod outcome;
pub mod pairs;
mod recorder;
pub mod stage;
pub mod stops;
pub mod story;
pub mod undisturbed;
pub mod window;
