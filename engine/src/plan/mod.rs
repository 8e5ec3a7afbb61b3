//! Order and parallelism, decided before anything runs; printable.

mod identity;
mod inherit;
mod listing;
mod pace;
mod resolve;
mod start;
mod tags;
mod touched;

pub use identity::{item_hash, step_id};
pub use inherit::Inherited;
pub use listing::{ListedPlay, ListedTask, Listing};
pub use pace::{Pace, pace};
pub use resolve::{
    BlockNode, IncludeNode, Node, Options, Plan, PlayPlan, Section, TaskNode, plan, resolve_items,
};
pub use start::NoSuchTask;
pub use tags::Tags;
pub use touched::Touched;
