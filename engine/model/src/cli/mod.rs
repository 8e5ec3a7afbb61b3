//! What the command line tools print of what oned answered.

pub mod columns;
pub mod hosts;
pub mod json;
pub mod options;
pub mod stop;
pub mod tools;
pub mod users;
pub mod vms;
pub mod zones;
