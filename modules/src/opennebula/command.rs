//! How OpenNebula's own commands are run.

use crate::host::{Command, RunAs};

/// The user everything of OpenNebula belongs to.
pub const USER: &str = "oneadmin";

/// That user's home.
pub const HOME: &str = "/var/lib/one";

/// The file with that user's name and password.
pub const AUTH_FILE: &str = "/var/lib/one/.one/one_auth";

/// One of OpenNebula's commands: as oneadmin, with nothing of the caller's environment, and talking to the oned of its own machine.
///
/// A stray ONE_XMLRPC would send it to another zone, and a stray HOME (under sudo) to another account. `port` is oned.conf's PORT.
pub fn opennebula<S: Into<String>>(port: u16, argv: impl IntoIterator<Item = S>) -> Command {
    Command::new(argv)
        .run_as(RunAs::User(USER.to_owned()))
        .clear_env()
        .env(
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        )
        .env("HOME", HOME)
        .env("LANG", "C.UTF-8")
        .env("ONE_AUTH", AUTH_FILE)
        .env("ONE_XMLRPC", format!("http://localhost:{port}/RPC2"))
        .chdir("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_caller_reaches_it() {
        let command = opennebula(2643, ["onezone", "list", "--csv"]);
        assert!(command.clear_env);
        assert_eq!(command.run_as, RunAs::User("oneadmin".into()));
        assert_eq!(command.env["ONE_XMLRPC"], "http://localhost:2643/RPC2");
        assert_eq!(command.env["HOME"], "/var/lib/one");
    }
}
