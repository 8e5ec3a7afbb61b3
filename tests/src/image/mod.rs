//! What labs start from, cached: a minimal Debian, the packages in two versions, the zones made ready.

mod cache;
mod mirror;
mod root;

pub use cache::Cache;
pub use root::root;
