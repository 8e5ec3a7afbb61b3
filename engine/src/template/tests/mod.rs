//! Cases as data: variables, a template, and what it is.

mod ansible;
mod surroundings;

use serde_json::{Value as Json, json};

use super::*;
use crate::diagnostics::{Source, Span};
use crate::yaml::{Node, Style, Value as Yaml};

fn scalar(text: &str, style: Style) -> Node {
    let source = Source::new("play.yml", text);
    Node {
        span: Span {
            source,
            start: 0,
            end: text.len(),
        },
        tag: None,
        value: Yaml::Scalar {
            text: text.to_owned(),
            style,
        },
    }
}

fn plain(text: &str) -> Node {
    scalar(text, Style::Plain)
}

fn node(text: &str) -> Binding {
    Binding::Node(plain(text))
}

fn scope() -> Scope {
    let vars = json!({
        "zone": {"id": 100, "name": "S-EU-GE"},
        "zones": [{"id": 0, "up": true}, {"id": 100, "up": false}, {"id": 101}],
        "flag": true, "word": "yes", "number": 5, "nothing": null, "empty": [],
        "version": "6.10", "password": "hunter2",
        "result": {"changed": true, "failed": false, "stdout": "a b", "rc": 0},
        "loop_result": {"results": [{"failed": false}, {"failed": true}]},
    });
    let Json::Object(vars) = vars else { unreachable!() };
    let layer: Layer = vars
        .into_iter()
        .map(|(name, value)| (name, Binding::Value(value)))
        .collect();
    let named = Layer::from([
        ("greeting".to_owned(), node("hello {{ zone.name }}")),
        ("chain".to_owned(), node("{{ greeting | upper }}")),
        ("ids".to_owned(), node("{{ zones | map(attribute='id') | list }}")),
        ("broken".to_owned(), node("{{ nowhere }}")),
        ("left".to_owned(), node("{{ right }}")),
        ("right".to_owned(), node("{{ left }}")),
        ("ini".to_owned(), Binding::Source(json!(["{{ zone.id }}", "x"]))),
    ]);
    Scope::new().layer(layer).layer(named)
}

fn render(text: &str) -> Result<Json, TemplateError> {
    Templates::new().render_node(&plain(text), &scope())
}

#[test]
fn values_are_rendered_with_their_types() {
    for (text, value) in [
        // A lone expression keeps its type, a mix is text, plain scalars mean what they look like.
        ("{{ zone.id }}", json!(100)),
        ("{{ zone }}", json!({"id": 100, "name": "S-EU-GE"})),
        ("id {{ zone.id }}", json!("id 100")),
        ("{{ zone.id }}{{ zone.id }}", json!("100100")),
        ("{{ flag }} {{ nothing }}.", json!("True .")),
        ("yes", json!(true)),
        ("6.10", json!("6.10")),
        ("{% for z in zones %}{{ z.id }} {% endfor %}", json!("0 100 101 ")),
        // Variables that are templates.
        ("{{ chain }}", json!("HELLO S-EU-GE")),
        ("{{ ids }}", json!([0, 100, 101])),
        ("{{ ini[0] + 1 }}", json!(101)),
        // What is undefined may be asked about.
        ("{{ a.b.c | default('x') }}", json!("x")),
        ("{{ zone.nmae.x | d(7) }}", json!(7)),
        ("{{ a.b is defined }}", json!(false)),
        ("{{ zone['x'] is not defined }}", json!(true)),
        ("{{ a is defined and a.b == 1 }}", json!(false)),
        ("{{ broken | default('fallback') }}", json!("fallback")),
        ("{{ zone.id | default(nowhere) }}", json!(100)),
        ("{{ nowhere | default(elsewhere) | default(1) }}", json!(1)),
        ("{{ flag | ternary('a', nowhere) }}", json!("a")),
        (
            "{{ nothing | ternary(true_val='a', false_val='b', none_val='c') }}",
            json!("c"),
        ),
        ("{{ ('{}' | from_json).a.b | default('x') }}", json!("x")),
        ("{{ ({} | combine({'a': {}})).a.b.c is defined }}", json!(false)),
        ("{{ '' | default('x', true) }}", json!("x")),
        ("{{ 'x' in zone }}", json!(false)),
        ("{{ 'id' in zone }}", json!(true)),
        ("{{ zone.get('x', 3) }}", json!(3)),
        (
            "{{ zones | map(attribute='up', default=false) | list }}",
            json!([true, false, false]),
        ),
        ("{{ vars['number'] }}", json!(5)),
        // Methods of Python's.
        ("{{ result.stdout.split() }}", json!(["a", "b"])),
        ("{{ zone.items() | list | length }}", json!(2)),
        ("{{ 'a.b.c'.rsplit('.', 1) }}", json!(["a.b", "c"])),
        ("{{ ' a b  c '.rsplit(none, 1) }}", json!([" a b", "c"])),
        ("{{ 'a.b.c'.partition('.') }}", json!(["a", ".", "b.c"])),
        ("{{ 'abc'.rpartition('.') }}", json!(["", "", "abc"])),
        (
            "{{ '-7'.zfill(4) ~ 'x'.ljust(3, '.') ~ 'y'.rjust(2) }}",
            json!("-007x.. y"),
        ),
        ("{{ 'abc'.index('c') + [5, 6].index(6) }}", json!(3)),
        // Filters.
        (
            "{{ 'abcdefghijkl mno pqr' | truncate(12) }}",
            json!("abcdefghi..."),
        ),
        (
            "{{ 'ab cd efgh ijklmnop' | truncate(9, leeway=0) }}",
            json!("ab cd..."),
        ),
        (
            "{{ 'ab cdef' | truncate(5, true, '', 0) ~ 'x' | center(3) }}",
            json!("ab cd x "),
        ),
        ("{{ zone | type_debug }}", json!("dict")),
        (
            "{{ 'no' is truthy and 'no' is falsy(convert_bool=true) }}",
            json!(true),
        ),
        (
            "{{ 1500000 | human_readable(isbits=true, unit='K') }}",
            json!("1464.84 Kb"),
        ),
        ("{{ word | bool }}", json!(true)),
        (
            "{{ zones | selectattr('up', 'defined') | selectattr('up') | map(attribute='id') | first }}",
            json!(0),
        ),
        (
            "{{ zones | rejectattr('id', 'eq', 0) | list | length }}",
            json!(2),
        ),
        (
            "{{ zone | dict2items | map(attribute='key') | join(',') }}",
            json!("id,name"),
        ),
        ("{{ [{'key': 'a', 'value': 1}] | items2dict }}", json!({"a": 1})),
        (
            "{{ {'a': {'b': 1}} | combine({'a': {'c': 2}}, recursive=true) }}",
            json!({"a": {"b": 1, "c": 2}}),
        ),
        (
            "{{ {'a': [1]} | combine({'a': [2]}, list_merge='append') }}",
            json!({"a": [1, 2]}),
        ),
        ("{{ [1, 2] | union([2, 3]) }}", json!([1, 2, 3])),
        ("{{ [1, 2] | intersect([2, 3]) }}", json!([2])),
        ("{{ [1, 2] | difference([2, 3]) }}", json!([1])),
        ("{{ [1, [2, [3]]] | flatten }}", json!([1, 2, 3])),
        ("{{ [1, [2, [3]]] | flatten(1) }}", json!([1, 2, [3]])),
        (
            "{{ [1, [none]] | flatten(levels=1, skip_nulls=false) }}",
            json!([1, null]),
        ),
        ("{{ [1, 2] | product(['a']) }}", json!([[1, "a"], [2, "a"]])),
        (
            "{{ [1, 2] | zip(['a', 'b']) | list }}",
            json!([[1, "a"], [2, "b"]]),
        ),
        ("{{ 'id' | extract(zone) }}", json!(100)),
        ("{{ 1 | extract(zones, 'id') }}", json!(100)),
        (
            "{{ [0, 1] | map('extract', zones, ['id']) | list }}",
            json!([0, 100]),
        ),
        ("{{ 'x' | extract(zone) | default('none') }}", json!("none")),
        ("{{ [3, 1, 3] | unique | list }}", json!([3, 1])),
        ("{{ zone | to_json }}", json!(r#"{"id": 100, "name": "S-EU-GE"}"#)),
        (
            "{{ {'b': [1, {}], 'a': []} | to_nice_json(indent=1) }}",
            json!("{\n \"a\": [],\n \"b\": [\n  1,\n  {}\n ]\n}"),
        ),
        ("{{ {'b': 1, 'a': 2} | to_json }}", json!(r#"{"b": 1, "a": 2}"#)),
        (
            "{{ {'b': 1, 'a': 2} | to_yaml(sort_keys=false) }}",
            json!("b: 1\na: 2\n"),
        ),
        (r#"{{ '{"a": [1]}' | from_json }}"#, json!({"a": [1]})),
        ("{{ 'a: [1, x]' | from_yaml }}", json!({"a": [1, "x"]})),
        (
            "{{ ['no', '1_000', '1:30', '2024-01-02', '6.10', '7.0.1', 'a b', 7] | to_yaml }}",
            json!("- \"no\"\n- \"1_000\"\n- \"1:30\"\n- \"2024-01-02\"\n- \"6.10\"\n- 7.0.1\n- a b\n- 7\n"),
        ),
        ("{{ {'on': 'x\ny'} | to_yaml }}", json!("\"on\": |-\n  x\n  y\n")),
        ("{{ zone | to_nice_yaml }}", json!("id: 100\nname: S-EU-GE\n")),
        (
            r"{{ 'zone-100' | regex_replace('^(\w+)-(\d+)$', '\\2 \\1') }}",
            json!("100 zone"),
        ),
        // As everybody writes it, in quotes of YAML or without them.
        (r"{{ 'ab' | regex_replace('(a)(b)', '\2\1') }}", json!("ba")),
        (
            r"a {{ 'a bc' | regex_replace('\bb', '<\g<0>>') }}",
            json!("a a <b>c"),
        ),
        (
            "{{ 'aB' | regex_replace(pattern='b', replacement='x', ignorecase=true) }}",
            json!("ax"),
        ),
        ("{{ 'aB' is search('b', ignorecase=true) }}", json!(true)),
        (r"{{ 'a1b22' | regex_findall('\d+') }}", json!(["1", "22"])),
        (
            r"{{ 'v6.10' | regex_search('(\d+)\.(\d+)', '\\2') }}",
            json!(["10"]),
        ),
        ("{{ 'x' | regex_search('y') }}", json!(null)),
        ("{{ '/var/lib/one/one.db' | basename }}", json!("one.db")),
        ("{{ '/var/lib/one/one.db' | dirname }}", json!("/var/lib/one")),
        ("{{ 'one.tar.gz' | splitext }}", json!(["one.tar", ".gz"])),
        (
            "{{ ['/var', 'lib/', '', 'one'] | path_join }}",
            json!("/var/lib/one"),
        ),
        ("{{ ['a', '/b'] | path_join }}", json!("/b")),
        ("{{ 'a b' | quote }}", json!("'a b'")),
        ("{{ 'hi' | b64encode | b64decode }}", json!("hi")),
        (
            "{{ '' | hash('sha256') }}",
            json!("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ),
        ("{{ 1536 | human_readable }}", json!("1.50 KB")),
        ("{{ '2G' | human_to_bytes }}", json!(2_147_483_648_u64)),
        // Tests.
        ("{{ version is version('6.9', '>') }}", json!(true)),
        ("{{ result is changed and result is succeeded }}", json!(true)),
        ("{{ loop_result is failed }}", json!(true)),
        ("{{ 'abc' is match('b') }}", json!(false)),
        ("{{ 'abc' is search('b') }}", json!(true)),
        ("{{ [1] is subset([1, 2]) }}", json!(true)),
        ("{{ 1 in [1, 2] }}", json!(true)),
    ] {
        assert_eq!(render(text).map_err(|error| error.message), Ok(value), "{text}");
    }
}

#[test]
fn what_is_undefined_fails_when_it_is_used() {
    for (text, name, place) in [
        ("{{ nowhere }}", "nowhere", "nowhere"),
        ("a {{ nowhere }} b", "nowhere", "nowhere"),
        ("{{ zone.nmae }}", "zone.nmae", "zone.nmae"),
        ("{{ nowhere == 'x' }}", "nowhere", "nowhere"),
        ("{{ not nowhere }}", "nowhere", "nowhere"),
        ("{{ 1 if nowhere else 2 }}", "nowhere", "nowhere"),
        ("{{ nowhere | length }}", "nowhere", "nowhere"),
        ("{{ nowhere.a.split('x') }}", "nowhere.a.split", "nowhere.a.split"),
        ("{{ [1, nowhere] }}", "nowhere", "nowhere"),
        ("{{ zones | map(attribute='up') | list }}", "zones[2].up", "up"),
        ("{{ zone['nmae'] }}", "zone.nmae", "nmae"),
        ("{{ 'nmae' | extract(zone) }}", "zone.nmae", "nmae"),
        ("{{ ('{}' | from_json).nmae }}", "(… | from_json).nmae", "nmae"),
        ("{{ zone['n-e'] }}", "zone['n-e']", "zone['n-e']"),
        ("{% for x in nowhere %}{% endfor %}", "nowhere", "nowhere"),
        ("{{ zonename ~ number }}", "zonename", "zonename"),
    ] {
        let error = render(text).unwrap_err();
        let undefined = TemplateErrorKind::Undefined {
            name: name.to_owned(),
        };
        assert_eq!(error.kind, undefined, "{text}: {error}");
        let (span, _) = error.place.unwrap();
        assert_eq!(span.text(), place, "{text}");
    }
    // A name that the value has not: which one, nobody says.
    let error = render("{{ word.length == 3 }}").unwrap_err();
    assert_eq!(error.message, "something in `word.length == 3` is undefined");
}

#[test]
fn errors_say_what_to_do_and_where_it_came_from() {
    let suggestion = |text: &str| render(text).unwrap_err().help.unwrap_or_default();
    assert_eq!(suggestion("{{ zone.nmae }}"), "did you mean `name`?");
    assert_eq!(suggestion("{{ zoone }}"), "did you mean `zone`?");
    assert_eq!(suggestion("{{ zone "), "`{{` must be closed by `}}`");

    let error = render("{{ broken }}").unwrap_err();
    assert_eq!(error.place.unwrap().0.text(), "nowhere");
    assert_eq!(error.via[0].0.text(), "{{ broken }}");

    let error = render("{{ left }}").unwrap_err();
    assert_eq!(error.message, "`left` refers to itself: left → right → left");
    assert_eq!(error.kind, TemplateErrorKind::Other);
}

#[test]
fn errors_show_no_secret() {
    for text in [
        "{{ password | from_json }}",
        "{{ password | bool }}",
        "{{ password + 1 }}",
    ] {
        let finding = render(text).unwrap_err().into_finding();
        assert!(!format!("{finding:?}").contains("hunter2"), "{text}: {finding:?}");
    }
    let error = Templates::new()
        .condition(&plain("password"), &scope())
        .unwrap_err();
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
}

#[test]
fn conditions_are_true_or_false_or_an_error() {
    let condition = |text: &str| Templates::new().condition(&plain(text), &scope());
    for (text, holds) in [
        ("true", true),
        ("no", false),
        ("zone.id == 100", true),
        ("{{ flag }}", true),
        ("result is changed and not result.failed", true),
        ("nowhere is defined", false),
        ("word | bool", true),
        ("'a: b' == 'a: b'", true),
    ] {
        assert_eq!(
            condition(text).map_err(|error| error.message),
            Ok(holds),
            "{text}"
        );
    }
    for (text, message, hint) in [
        (
            "zones",
            "the condition `zones` is a list, `[{\"id\":0,\"up\":true},{\"id\":100,\"up\":false…`, and not true or false",
            "say what you mean, for instance `zones | length > 0`",
        ),
        (
            "word",
            "the condition `word` is a text, `\"yes\"`, and not true or false",
            "say what you mean, for instance `word | bool`",
        ),
        (
            "number + 1",
            "the condition `number + 1` is a number, `6`, and not true or false",
            "say what you mean, for instance `(number + 1) != 0`",
        ),
        (
            "nothing",
            "the condition `nothing` is nothing, `null`, and not true or false",
            "say what you mean, for instance `nothing is not none`",
        ),
        (
            "zone.id == {{ number }}",
            "braces inside of a condition",
            "a condition is an expression already: write the variable without `{{ }}`",
        ),
    ] {
        let error = condition(text).unwrap_err();
        assert_eq!(error.message, message);
        assert_eq!(error.help.as_deref(), Some(hint));
        assert!(error.place.is_some());
    }
}
