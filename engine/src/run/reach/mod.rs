//! Hosts whose connection may break: one that was had and is lost is waited for, one that never was is not.

mod line;
mod peers;
mod steadfast;

pub(super) use line::Lines;
pub(super) use peers::SteadyPeers;
