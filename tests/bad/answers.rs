//! Broken answers of hosts: what a module says when a program, a file or an API answers nonsense.
//!
//! Every case of `answers.yml` is a module with its arguments, and a host: its files, what its commands print, and what its XML-RPC
//! API sends back. What the operator is told is held to `answers/NAME.snap`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use nebplay_modules::module::{Failure, Finding};
use nebplay_modules::opennebula::fake::{Reply, oned};
use nebplay_modules::registry;
use nebplay_modules::testing::{FakeHost, FakeWorld};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    module: String,
    #[serde(default)]
    args: Value,
    /// Beside a sound oned.conf and one_auth, which a case may replace.
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    commands: Vec<Printed>,
    /// What the API sends back to every call, head included; without it nothing listens.
    api: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Printed {
    on: String,
    #[serde(default)]
    exit: i32,
    #[serde(default)]
    stdout: String,
    #[serde(default)]
    stderr: String,
}

const CONF: &str =
    "DB = [ BACKEND = \"sqlite\" ]\nFEDERATION = [ MODE = \"MASTER\", ZONE_ID = 0, SERVER_ID = -1 ]\n";

fn host(case: &Case) -> FakeHost {
    let mut host = FakeHost::new("m")
        .file("/etc/one/oned.conf", CONF)
        .file("/var/lib/one/.one/one_auth", "oneadmin:one-password\n");
    for (path, content) in &case.files {
        host = host.file(path, content.as_str());
    }
    for printed in &case.commands {
        host = host.on_full(&printed.on, printed.exit, &printed.stdout, &printed.stderr);
    }
    let api = case.api.clone().map(String::into_bytes);
    host.listener(oned(move |_| api.clone().map_or(Reply::NoConnection, Reply::Raw)))
}

/// Looks, and acts if that is asked for, as the engine would.
async fn run(case: &Case) -> Result<(), Failure> {
    let arguments = if case.args.is_null() {
        Value::Object(serde_json::Map::new())
    } else {
        case.args.clone()
    };
    let task = registry::find(&case.module).unwrap().task(arguments).unwrap();
    let (host, world) = (host(case), FakeWorld::default());
    let cx = world.cx(&host);
    if let Finding::Change(change) = task.inspect(&cx).await? {
        let mut outcome = task.apply(&[(&cx, &change)]).await.pop().unwrap()?;
        task.verify(&cx, &change, &mut outcome).await?;
    }
    Ok(())
}

fn shown(failure: &Failure) -> String {
    let mut text = format!("{:?}: {}\n", failure.kind, failure.message);
    if let Some(state) = &failure.state {
        let _ = writeln!(text, "state: {state}");
    }
    for next in &failure.next {
        let _ = writeln!(text, "next: {next}");
    }
    text
}

#[tokio::test(start_paused = true)]
async fn every_broken_answer_is_told() {
    let cases: Vec<Case> = serde_yaml::from_str(&fs::read_to_string("bad/answers.yml").unwrap()).unwrap();
    assert!(cases.len() >= 10, "only {} cases", cases.len());
    for case in cases {
        let failure = run(&case).await.err();
        let failure = failure.unwrap_or_else(|| unreachable!("{}: the answer was believed", case.name));
        let text = shown(&failure);
        assert!(
            !text.contains("one-password"),
            "{}: a password is shown: {text}",
            case.name
        );
        let mut settings = insta::Settings::new();
        settings.set_snapshot_path("../bad/answers");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(case.name.as_str(), text));
    }
}
