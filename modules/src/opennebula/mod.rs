//! How OpenNebula is read: XML-RPC, zones, versions, oned.conf, dumps, fingerprints.
//!
//! Written apart from any model of OpenNebula: what real programs printed decides.

pub mod auth;
pub mod command;
pub mod conf;
pub mod dump;
pub mod endpoint;
#[cfg(any(test, feature = "testing"))]
pub mod fake;
pub mod fingerprint;
pub mod local;
pub mod machines;
pub mod measure;
pub mod onedb;
mod query;
pub mod stand;
pub mod status;
pub mod survey;
pub mod version;
pub mod xml;
pub mod xmlrpc;
pub mod zone;
pub mod zone_table;
