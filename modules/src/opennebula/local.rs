//! The oned of a front-end, as asked from that front-end.

use crate::host::Host;
use crate::module::{Failure, Secrets};
use crate::opennebula::auth::{Auth, read_auth};
use crate::opennebula::conf::{OnedConf, read_conf_of};
use crate::opennebula::endpoint::Endpoint;
use crate::opennebula::xmlrpc::Client;

/// What it takes to ask the oned of a front-end.
#[derive(Debug, Clone)]
pub struct LocalOned {
    /// Its oned.conf.
    pub conf: OnedConf,
    /// oneadmin's session.
    pub auth: Auth,
}

impl LocalOned {
    /// Reads oned.conf and one_auth of that host, both at once: they are read as different users, whose shells do not wait for
    /// each other.
    pub async fn of(host: &dyn Host, secrets: &dyn Secrets) -> Result<Self, Failure> {
        let (conf, auth) = tokio::join!(read_conf_of(host, secrets), read_auth(host, secrets));
        Ok(Self {
            conf: conf?,
            auth: auth?,
        })
    }

    /// Asks it from `host`, which is the front-end it was read on.
    pub fn client<'a>(&'a self, host: &'a dyn Host) -> Client<'a> {
        Client::new(host, Endpoint::local(&self.conf), &self.auth)
    }
}
