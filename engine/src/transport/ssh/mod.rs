//! Hosts over SSH: one thread owns a session and all its channels.

mod actor;
mod ends;
mod flow;
mod host_key;
mod keys;
mod link;
mod login;
mod request;
mod session;
mod shell;
mod task;
mod wire;

pub(in crate::transport) use link::SshLink;
pub(in crate::transport) use request::{Fault, Handle, Request, Tunnel};
pub(in crate::transport) use session::{Dialled, look_at_key, open};
