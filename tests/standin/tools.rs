//! The command line tools: the model's, asking over HTTP.

use std::time::Duration;

use nebplay_model::cli::tools::{self, Surroundings};
use nebplay_model::rpc::{Answer, Call};
use nebplay_model::version::Version;

use crate::host::{Host, now};
use crate::{http, output};

struct Here<'a>(&'a Host);

impl Surroundings for Here<'_> {
    fn call(&self, endpoint: &str, call: &Call, patience: Duration) -> Result<Answer, String> {
        http::call(endpoint, call, patience).map_err(|error| error.to_string())
    }

    fn read(&self, file: &str) -> Option<String> {
        std::fs::read_to_string(file).ok()
    }

    fn now(&self) -> i64 {
        now()
    }

    fn session(&self) -> String {
        self.0.session()
    }

    fn endpoint(&self) -> String {
        Host::endpoint()
    }

    fn version(&self) -> Version {
        self.0.tools_version()
    }
}

/// Runs a tool of this name, if it is one.
pub(crate) fn main(host: &Host, name: &str, arguments: &[String]) -> Option<u8> {
    let said = tools::run(name, arguments, &Here(host))?;
    output::say(&said.stdout);
    if !said.stderr.is_empty() {
        output::error(&said.stderr);
    }
    Some(said.exit)
}
