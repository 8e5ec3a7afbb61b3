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
            json!(124_750),
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
    fn file(&self, _: &[String], _: &str, path: &str) -> Result<String, String> {
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
    assert_eq!(render("{{ lookup('vars', 'num' ~ 'ber') }}"), Ok(json!(5)));
    assert_eq!(render("{{ lookup('vars', 'none', default=1) }}"), Ok(json!(1)));
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

/// What docs/playbook-language.md promises is there.
#[test]
fn the_documented_filters_and_tests_exist() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/playbook-language.md");
    let page = std::fs::read_to_string(file).unwrap();
    let templates = Templates::new();
    for (heading, before) in [("## Filters\n", "a | "), ("## Tests\n", "a is ")] {
        let (_, section) = page.split_once(heading).unwrap();
        let (section, _) = section.split_once("\n## ").unwrap();
        let names = section.split('`').skip(1).step_by(2);
        let names: Vec<_> = names.filter(|name| !name.contains(' ')).collect();
        assert!(names.len() > 30, "{heading}");
        for name in names {
            let found = templates.check(&plain(&format!("{{{{ {before}{name} }}}}")));
            assert!(found.is_empty(), "{heading}{name}: {found:?}");
        }
    }
}

/// Each of these once ended the process: by its stack, or by all the memory there is.
#[test]
fn templates_that_would_take_a_thread_along_are_refused() {
    let cases = [
        ("not", format!("{{{{ {}true }}}}", "not ".repeat(100_000))),
        ("minus", format!("{{{{ {}1 }}}}", "-".repeat(100_000))),
        ("filters", format!("{{{{ 1{} }}}}", " | string".repeat(100_000))),
        ("attributes", format!("x{{{{ a{} }}}}", ".b".repeat(100_000))),
        ("calls", format!("{{# }} #}}{{{{ a{} }}}}", "()".repeat(100_000))),
        ("text with braces", format!("{{{{ '}}}}' ~ a{} }}}}!", " ~ '}}'".repeat(100_000))),
        ("tests", format!("{{% if a{} %}}{{% endif %}}", " is defined".repeat(100_000))),
        ("branches", format!("{{% if a %}}{}{{% endif %}}", "{% elif a %}".repeat(100_000))),
        ("parentheses", format!("{{{{ {}1{} }}}}", "(".repeat(100_000), ")".repeat(100_000))),
        ("blocks", format!("x{}", "{% if a %}".repeat(100_000))),
        ("as long as it may be", format!("x{{{{ 1{} }}}}", " + 1".repeat(300))),
        ("as many as there may be", format!("{{% if a %}}{}{{% endif %}}", "{% elif a %}".repeat(200))),
        ("loops in loops", "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}".to_owned()),
        ("doubled", "x{% set ns = namespace(x='x') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}".to_owned()),
    ];
    let small = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
    let thread = small.spawn(move || {
        let templates = Templates::new();
        let scope = Scope::new().with_value("a", true);
        let tried = cases.map(|(name, text)| (name, templates.render_text(&text, &scope)));
        tried.map(|(name, result)| (name, result.map_err(|error| error.message)))
    });
    for (name, result) in thread.unwrap().join().unwrap() {
        let expected = match name {
            "branches" => "not a valid template: more than 200 `elif`",
            "blocks" => "not a valid template: template exceeds maximum recursion limits",
            "loops in loops" | "doubled" => "the template makes more than fits in memory, or has no end",
            "as long as it may be" => "x301",
            "as many as there may be" => "",
            _ => "not a valid template: more than 300 operators in one expression",
        };
        let said = result.unwrap_or_else(|message| message);
        assert!(said.starts_with(expected), "{name}: {said}");
    }
}
