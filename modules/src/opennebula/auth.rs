//! oneadmin's name and password, for XML-RPC.

use std::fmt;

use crate::host::{Host, RunAs};
use crate::module::{Failure, Secrets};
use crate::opennebula::command::{AUTH_FILE, USER};

/// A session as XML-RPC wants it: `user:password`. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Auth(String);

impl Auth {
    /// The session string, for the first parameter of a call and nothing else.
    pub fn session(&self) -> &str {
        &self.0
    }

    /// A session of a test.
    #[cfg(any(test, feature = "testing"))]
    pub fn of(session: &str) -> Self {
        Self(session.to_owned())
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Auth(…)")
    }
}

/// Reads the one_auth of oneadmin on that host, as oneadmin, and reports its password as a secret.
pub async fn read_auth(host: &dyn Host, secrets: &dyn Secrets) -> Result<Auth, Failure> {
    let who = RunAs::User(USER.to_owned());
    let Some(bytes) = host.read_file(AUTH_FILE, &who, 4096).await? else {
        return Err(Failure::failed(format!("{}: there is no {AUTH_FILE}", host.name()))
            .hint("oneadmin's credentials are needed to ask oned anything: put user:password there, owner oneadmin, mode 0600"));
    };
    let text = String::from_utf8_lossy(&bytes);
    let session = text.lines().next().unwrap_or_default().trim();
    match session.split_once(':') {
        Some((user, password)) if !user.is_empty() && !password.is_empty() => {
            let origin = format!("one_auth of {}", host.name());
            secrets.learn(password, &origin);
            secrets.learn(session, &origin);
            Ok(Auth(session.to_owned()))
        }
        _ => Err(Failure::failed(format!(
            "{}: the first line of {AUTH_FILE} is not user:password",
            host.name()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeHost, FakeWorld};

    #[tokio::test]
    async fn it_is_read_and_reported_and_never_shown() {
        let world = FakeWorld::default();
        let host = FakeHost::new("m").file(AUTH_FILE, "oneadmin:p:w\n");
        let auth = read_auth(&host, &world).await.unwrap();
        assert_eq!(auth.session(), "oneadmin:p:w");
        assert_eq!(*world.secrets.lock().unwrap(), ["p:w", "oneadmin:p:w"]);
        assert!(!format!("{auth:?}").contains("p:w"));
    }

    #[tokio::test]
    async fn a_file_that_is_none_is_a_failure() {
        let world = FakeWorld::default();
        for content in ["", "oneadmin", ":x", "oneadmin:\n"] {
            let host = FakeHost::new("m").file(AUTH_FILE, content);
            assert!(read_auth(&host, &world).await.is_err(), "{content:?}");
        }
        assert!(read_auth(&FakeHost::new("m"), &world).await.is_err());
    }
}
