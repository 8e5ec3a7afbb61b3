//! Everything that reads what others wrote.

use std::path::Path;
use std::time::Duration;

use miette::{GraphicalReportHandler, GraphicalTheme};
use nebplay::diagnostics::{Finding, Findings, Source};
use nebplay::inventory::{Inventory, Zoned};
use nebplay::playbook::{self, Reader};
use nebplay::template::{Scope, Templates};
use nebplay::vault::Vault;
use nebplay::yaml;
use nebplay_modules::host::{Command, Exit, RunAs};
use nebplay_modules::opennebula::{auth, conf, endpoint, machines, onedb, version, xml, zone};
use nebplay_twin::Limit;
use nebplay_twin::image::{self, Description};
use serde_json::json;

use crate::{corpus, fuzz};

/// Tells what is wrong, as an operator would see it.
fn tell(findings: &[Finding]) {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor());
    for finding in findings {
        let mut text = String::new();
        handler.render_report(&mut text, finding).unwrap();
    }
}

fn tell_of<T>(result: Result<T, Findings>) -> Option<T> {
    result.map_err(|findings| tell(&findings)).ok()
}

/// A playbook in memory, which imports what is there on the disk.
struct InMemory<'a>(&'a str);

impl Reader for InMemory<'_> {
    fn read(&self, path: &Path) -> Result<String, String> {
        if path == Path::new("mutated.yml") {
            return Ok(self.0.to_owned());
        }
        std::fs::read_to_string(path).map_err(|error| error.to_string())
    }
}

#[test]
fn playbooks() {
    fuzz("playbooks", &corpus::yaml(), |text| {
        tell_of(playbook::load(Path::new("mutated.yml"), &InMemory(text)));
    });
}

fn inventories(name: &str, ending: &str, texts: &[String]) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(format!("hosts.{ending}"));
    fuzz(name, texts, |text| {
        std::fs::write(&file, text).unwrap();
        let Some(inventory) = tell_of(Inventory::load(
            &[file.display().to_string()],
            &[],
            &Vault::closed(),
        )) else {
            return;
        };
        for host in inventory.hosts() {
            inventory.host_vars(&host.name);
        }
        for pattern in [
            "all:!slaves",
            "~fe.*",
            "fe*[0:2]",
            text.lines().next().unwrap_or_default(),
        ] {
            // Whether there is such a host does not matter.
            let _ = inventory.select(pattern);
        }
        tell_of(inventory.federation());
        tell_of(Zoned::new(inventory));
    });
}

#[test]
fn inventories_in_ini() {
    inventories("inventories_in_ini", "ini", &corpus::ini());
}

#[test]
fn inventories_in_yaml() {
    inventories("inventories_in_yaml", "yml", &corpus::yaml());
}

#[test]
fn templates() {
    let templates = Templates::new();
    let scope = Scope::new()
        .with_value("a", "6.10.0")
        .with_value("b", json!({"c": [1, "two", {"d": null}]}))
        .with_value("item", 5)
        .with_value("groups", json!({"master": ["m"], "slaves": ["s1", "s2"]}));
    fuzz("templates", &corpus::templates(), |text| {
        let told = templates.render_text(text, &scope);
        tell(&told.err().map(Finding::from).into_iter().collect::<Vec<_>>());
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        let source = Source::new("mutated.yml", format!("plain: {text}\nquoted: \"{quoted}\"\n"));
        let Ok(Some(node)) = yaml::parse(&source).map_err(|finding| tell(&[finding])) else {
            return;
        };
        tell(&templates.check(&node));
        for error in [
            templates.render_node(&node, &scope).err(),
            templates.condition(&node, &scope).err(),
        ] {
            tell(&error.map(Finding::from).into_iter().collect::<Vec<_>>());
        }
    });
}

#[test]
fn scripts_on_the_twin() {
    let federation = image::federation(&Description::guide(3));
    fuzz("scripts_on_the_twin", &corpus::scripts(), |text| {
        let words = text.split_whitespace().take(3).map(str::to_owned);
        for (at, user) in ["root", "oneadmin"].into_iter().enumerate() {
            let mut federation = federation.clone();
            let command = Command::script(text, words.clone())
                .run_as(RunAs::User(user.to_owned()))
                .stdin(text.as_bytes().to_vec());
            let came = federation.execute(at, &command, Some(Limit::Deadline(Duration::from_mins(1))));
            federation.advance(federation.now() + came.took);
        }
    });
}

#[test]
fn answers_of_hosts() {
    // Each reader is asked whatever it was: which one gets it is up to the host.
    fuzz("answers_of_hosts", &corpus::answers(), |text| {
        let _ = (xml::parse(text), zone::parse_pool(text), zone::parse_zone(text));
        let _ = (zone::parse_raft_status(text), zone::parse_csv(text));
        let _ = (machines::parse_vms(text), machines::parse_hypervisors(text));
        let _ = (
            conf::parse(text),
            endpoint::Endpoint::parse(text),
            auth::Auth::of(text),
        );
        let _ = (text.parse::<version::Version>(), version::of_package(text));
        let _ = version::compare_packages(text, "1:7.0.0-1");
        let _ = (onedb::output::upgrade(text), onedb::output::fsck(text));
        let _ = onedb::version::interpret(Exit::Code(2), text, text);
        let _ = onedb::scrub(text, Some("secret"));
    });
}
