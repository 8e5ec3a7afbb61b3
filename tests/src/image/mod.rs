//! What labs start from, cached: a minimal Debian, the packages in two versions, the zones made ready.

mod cache;
mod mirror;
mod packages;
mod repository;
mod root;
mod zones;

pub use cache::Cache;
pub use packages::{VERSIONS, repositories};
pub use repository::source_line;
pub use root::root;
pub use zones::{Start, zones};
