//! What comes from outside of a scope: facts, other hosts, lookups, what is not known before a run.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::{node, plain, scope};
use crate::template::*;

#[test]
fn unknown_makes_the_whole_unknown_unless_it_does_not_matter() {
    let Json::Object(known) = json!({"skipped": false}) else {
        unreachable!()
    };
    let why = "the command runs only in a real run".to_owned();
    let scope = scope().with("ran", Binding::Unknown(why.clone())).with(
        "partly",
        Binding::Partial {
            known,
            why: why.clone(),
        },
    );
    let templates = Templates::new();
    for text in [
        "{{ ran }}",
        "rc {{ ran.rc }}",
        "{{ ran.rc == 0 }}",
        "{{ ran.rc | default(1) }}",
        "{{ partly is changed }}",
    ] {
        let error = templates.render_node(&plain(text), &scope).unwrap_err();
        assert_eq!(
            error.kind,
            TemplateErrorKind::Unknown { why: why.clone() },
            "{text}"
        );
    }
    for (text, value) in [
        ("{{ false and ran.rc == 0 }}", json!(false)),
        ("{{ partly is skipped }}", json!(false)),
    ] {
        assert_eq!(
            templates.render_node(&plain(text), &scope).unwrap(),
            value,
            "{text}"
        );
    }
}

#[test]
fn facts_are_asked_for_when_they_are_needed() {
    let templates = Templates::new();
    let host = |gathered, values: Json| {
        let Json::Object(values) = values else {
            unreachable!()
        };
        let values = Arc::new(values);
        scope().with_facts(Facts {
            host: "fe1".to_owned(),
            gathered,
            values,
        })
    };
    let before = host(false, json!({"packages": {"opennebula": "6.10"}}));
    for text in [
        "{{ ansible_facts.hostname }}",
        "{{ ansible_facts['hostname'] }}",
        "{{ ansible_distribution | default('x') }}",
        "{{ ansible_hostname is defined }}",
    ] {
        let error = templates.render_node(&plain(text), &before).unwrap_err();
        assert_eq!(
            error.kind,
            TemplateErrorKind::NeedFacts {
                host: "fe1".to_owned()
            },
            "{text}"
        );
    }
    for text in [
        "{{ ansible_facts.packages.opennebula }}",
        "{{ ansible_port | default('6.10') }}",
    ] {
        assert_eq!(
            templates.render_node(&plain(text), &before).unwrap(),
            json!("6.10"),
            "{text}"
        );
    }
    let after = host(true, json!({"hostname": "fe1"}));
    for (text, value) in [
        ("{{ ansible_hostname }}", json!("fe1")),
        ("{{ ansible_facts.hostname }}", json!("fe1")),
        ("{{ ansible_distribution is defined }}", json!(false)),
    ] {
        assert_eq!(
            templates.render_node(&plain(text), &after).unwrap(),
            value,
            "{text}"
        );
    }
}

/// Hosts that refer to each other.
struct Federation;

impl Hosts for Federation {
    fn names(&self) -> Vec<String> {
        (0..500).map(|host| format!("fe{host}")).collect()
    }
    fn scope(&self, host: &str) -> Option<Scope> {
        let id: u32 = host.strip_prefix("fe")?.parse().ok()?;
        (id < 500).then(|| {
            Scope::new()
                .with_value("zone_id", id)
                .with("label", node("zone {{ zone_id }}"))
                .with("round", node("{{ hostvars.fe0.round }}"))
                .with_hosts(Arc::new(Federation))
        })
    }
}

#[test]
fn hostvars_reach_every_host() {
    let scope = scope().with_hosts(Arc::new(Federation));
    let templates = Templates::new();
    for (text, value) in [
        ("{{ hostvars['fe7'].label }}", json!("zone 7")),
        ("{{ hostvars.fe7['zone_id'] }}", json!(7)),
        ("{{ hostvars.keys() | list | length }}", json!(500)),
        (
            "{% set ns = namespace(sum=0) %}{% for h in hostvars %}{% set ns.sum = ns.sum + hostvars[h].zone_id %}{% endfor %}{{ ns.sum }}",
            json!("124750"),
        ),
        ("{{ 'fe500' in hostvars }}", json!(false)),
        ("{{ hostvars['fe500'].zone_id | default(-1) }}", json!(-1)),
    ] {
        let rendered = templates.render_node(&plain(text), &scope);
        assert_eq!(rendered.map_err(|error| error.message), Ok(value), "{text}");
    }
    let error = templates
        .render_node(&plain("{{ hostvars.fe7.zone }}"), &scope)
        .unwrap_err();
    assert_eq!(error.message, "`hostvars.fe7.zone` is undefined");
    let error = templates
        .render_node(&plain("{{ hostvars.fe1.round }}"), &scope)
        .unwrap_err();
    assert!(error.message.contains("refers to itself"), "{error}");
}

struct Controller(BTreeMap<String, String>);

impl Lookups for Controller {
    fn env(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }
    fn file(&self, path: &str) -> Result<String, String> {
        self.0
            .get(path)
            .cloned()
            .ok_or_else(|| format!("{path}: no such file"))
    }
    fn now(&self) -> jiff::Zoned {
        let at_two = jiff::Timestamp::from_second(1_700_013_600).unwrap();
        at_two.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(1)))
    }
}

#[test]
fn lookups_ask_the_caller() {
    let known = [("HOME", "/root"), ("key.pub", "ssh-ed25519 x\n")];
    let known = known
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let templates = Templates::with_lookups(Arc::new(Controller(known)));
    let render = |text: &str| {
        templates
            .render_node(&plain(text), &scope())
            .map_err(|error| error.message)
    };
    assert_eq!(render("{{ lookup('env', 'HOME') }}"), Ok(json!("/root")));
    assert_eq!(render("{{ lookup('env', 'NONE', default='x') }}"), Ok(json!("x")));
    assert_eq!(
        render("{{ lookup('file', 'key.pub') }}"),
        Ok(json!("ssh-ed25519 x"))
    );
    assert_eq!(
        render("{{ lookup('file', 'none') }}"),
        Err("none: no such file".to_owned())
    );
    assert_eq!(render("{{ now() }}"), Ok(json!("2023-11-15 03:00:00.000000")));
    assert_eq!(render("{{ now(utc=true, fmt='%H') }}"), Ok(json!("02")));
    assert_eq!(render("{{ '%Y-%m-%d' | strftime }}"), Ok(json!("2023-11-15")));
    assert_eq!(render("{{ '%s %z' | strftime(60) }}"), Ok(json!("60 +0100")));
    assert!(
        render("{{ '%' | strftime }}")
            .unwrap_err()
            .contains("`%` is no format of a time")
    );
    assert!(
        render("{{ lookup('pipe', 'rm') }}")
            .unwrap_err()
            .contains("there is no lookup `pipe`")
    );
}

#[test]
fn omitted_arguments_are_left_out() {
    let args = indexmap::IndexMap::from([
        ("mode".to_owned(), plain("{{ mode | default(omit) }}")),
        ("path".to_owned(), plain("/tmp")),
    ]);
    let rendered = Templates::new().render_args(&args, &scope()).unwrap();
    assert_eq!(Json::Object(rendered), json!({"path": "/tmp"}));
}

#[test]
fn templates_are_checked_before_anything_runs() {
    let templates = Templates::new();
    for (text, messages) in [
        ("{{ a | to_jsn }}", vec!["there is no filter `to_jsn`"]),
        ("{{ a is chnged }}", vec!["there is no test `chnged`"]),
        ("{{ 'a | b' | upper }}", vec![]),
        ("{{ a | default(omit) }} {{ b is not version('1', '<') }}", vec![]),
        ("no template | nothing", vec![]),
    ] {
        let found = templates.check(&plain(text));
        let found: Vec<_> = found.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(found, messages, "{text}");
    }
    assert_eq!(templates.check(&plain("{{ a + }}")).len(), 1);
    assert_eq!(templates.check_condition(&plain("a ==")).len(), 1);
    assert_eq!(templates.check_condition(&plain("a == {{ b }}")).len(), 1);
    assert!(
        templates
            .check_condition(&plain("a == 'b' and c is defined"))
            .is_empty()
    );
}

#[test]
fn long_chains_of_variables_fit_the_stack_of_a_thread() {
    let chain = |length: usize| {
        let link = |n: usize| {
            (
                format!("v{n}"),
                node(&format!("{{{{ [v{} | default('x')] | first }}}}", n + 1)),
            )
        };
        let layer: Layer = (0..length).map(link).collect();
        let scope = Scope::new().layer(layer).with_value(&format!("v{length}"), "end");
        Templates::new().render_node(&plain("{{ v0 }}"), &scope)
    };
    // As little as a thread of the run has.
    let small = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
    let thread = small.spawn(move || (chain(40), chain(500))).unwrap();
    let (short, endless) = thread.join().unwrap();
    assert_eq!(short.unwrap(), json!("end"));
    assert!(
        endless
            .unwrap_err()
            .message
            .contains("a chain of more than 48 variables")
    );
}
