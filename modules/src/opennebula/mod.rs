//! How OpenNebula is read: XML-RPC, zones, versions, oned.conf, dumps, fingerprints.
//!
//! Written apart from any model of OpenNebula: what real programs printed decides.

pub mod auth;
pub mod command;
pub mod conf;
pub mod dump;
pub mod fingerprint;
pub mod onedb;
pub mod version;
