//! The command line tools: the model's, asking the machines of the federation.

use std::cell::RefCell;
use std::time::Duration;

use nebplay_model::cli::tools::{self, Surroundings};
use nebplay_model::rpc::{Answer, Call};
use nebplay_model::version::Version;

use super::{daemon, onedb};
use crate::process::Process;
use crate::programs::access;

struct Here<'a, 'b>(RefCell<&'a mut Process<'b>>);

impl Surroundings for Here<'_, '_> {
    fn call(&self, endpoint: &str, call: &Call, _: Duration) -> Result<Answer, String> {
        let mut process = self.0.borrow_mut();
        let at = process.at;
        daemon::call(process.federation, at, endpoint, call).map_err(|why| why.to_string())
    }

    fn read(&self, file: &str) -> Option<String> {
        let process = self.0.borrow();
        let path = process.path(file);
        access::may_read(process.machine(), process.user, &path).ok()?;
        let bytes = process.machine().files.read(&path).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn now(&self) -> i64 {
        self.0.borrow().seconds()
    }

    fn session(&self) -> String {
        let process = self.0.borrow();
        match process.env.get("ONE_AUTH") {
            Some(file) => self.read(file).unwrap_or_default().trim().to_owned(),
            None => daemon::session(process.machine()),
        }
    }

    fn endpoint(&self) -> String {
        onedb::endpoint(&self.0.borrow())
    }

    fn version(&self) -> Version {
        onedb::tools_version(&self.0.borrow())
    }
}

/// Runs one of them.
pub(super) fn run(process: &mut Process<'_>, name: &str) -> i32 {
    let arguments = process.args.to_vec();
    let said = tools::run(name, &arguments, &Here(RefCell::new(process))).unwrap_or_default();
    process.say(&said.stdout);
    if !said.stderr.is_empty() {
        process.complain(format!("{}\n", said.stderr));
    }
    i32::from(said.exit)
}
