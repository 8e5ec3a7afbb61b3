//! What the lab's hosts run instead of OpenNebula: one binary that is `oned`, `onezone`, `onedb` and the
//! others by the name it is called with, or by its first argument.
//!
//! What it says and decides comes from the model (`nebplay-model`); what it does to files, databases and
//! the network is real. It lies wherever the real one lies. See README.md beside this file for the hooks
//! that tests use.

mod codec;
mod daemon;
mod database;
mod faults;
mod host;
mod http;
mod onedb;
mod output;
mod seed;
mod tools;

use std::process::ExitCode;

use host::Host;

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args_os()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    if arguments.is_empty() {
        return ExitCode::from(2);
    }
    let called = arguments.remove(0);
    let name = called.rsplit('/').next().unwrap_or_default().to_owned();
    let applet = if name == "opennebula-standin" && !arguments.is_empty() {
        arguments.remove(0)
    } else {
        name
    };
    let host = Host::from_environment();
    let exit = match applet.as_str() {
        "oned" => daemon::main(&host, &arguments),
        "onedb" => onedb::main(&host, &arguments),
        "standin-seed" => seed::main(&host, &arguments),
        other => tools::main(&host, other, &arguments).unwrap_or_else(|| {
            output::error(&format!(
                "`{other}` is no applet: expected oned, onedb, onezone, onehost, onevm, oneuser or standin-seed"
            ));
            2
        }),
    };
    ExitCode::from(exit)
}
