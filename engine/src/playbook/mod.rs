//! What authors write: syntax, loading, includes, and where every node stands in its file.
//!
//! Loading finds everything that can be found before the first connection opens, in all files, in one go: unknown keywords,
//! modules and arguments, types, templates that are none, handlers that nobody defines, parallelism a contract forbids.

mod arguments;
mod free_form;
mod handlers;
mod keys;
mod keywords;
mod load;
mod loops;
mod plays;
mod reader;
mod rehearsed;
mod roles;
mod section;
mod syntax;
mod task;
#[cfg(test)]
mod tests;
mod values;

pub use load::{load, load_role, load_tasks, load_vars};
pub use reader::{Disk, Reader};
pub use syntax::*;
