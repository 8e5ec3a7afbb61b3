use std::sync::Arc;

use serde_json::json;

use super::{Entry, Node, Tag, Value, parse};
use crate::diagnostics::{Finding, Source};

fn read(text: &str) -> Node {
    parse(&Source::new("t.yml", text)).unwrap().unwrap()
}

fn wrong(text: &str) -> Finding {
    parse(&Source::new("t.yml", text)).unwrap_err()
}

#[test]
fn plain_scalars_mean_what_operators_know() {
    let cases = [
        ("yes", json!(true)),
        ("Off", json!(false)),
        ("yEs", json!("yEs")),
        ("y", json!("y")),
        ("~", json!(null)),
        ("null", json!(null)),
        ("0644", json!(420)),
        ("0o644", json!("0o644")),
        ("08", json!("08")),
        ("0x1f", json!(31)),
        ("0b101", json!(5)),
        ("42", json!(42)),
        ("-42", json!(-42)),
        ("+42", json!(42)),
        ("--42", json!("--42")),
        ("-+4", json!("-+4")),
        ("18446744073709551615", json!(u64::MAX)),
        ("-9223372036854775808", json!(i64::MIN)),
        ("-9223372036854775809", json!("-9223372036854775809")),
        ("99999999999999999999", json!("99999999999999999999")),
        ("6.1", json!(6.1)),
        ("6.10", json!("6.10")),
        ("7.0", json!(7.0)),
        ("7.2.0", json!("7.2.0")),
        ("-0.5", json!(-0.5)),
        (".5", json!(".5")),
        ("5.", json!("5.")),
        ("1.5e+3", json!(1500.0)),
        ("1.5e3", json!("1.5e3")),
        ("1.5e+999", json!("1.5e+999")),
        (".inf", json!(".inf")),
        ("12:30", json!("12:30")),
        ("1_000", json!("1_000")),
        ("2026-11-23", json!("2026-11-23")),
        ("'yes'", json!("yes")),
        ("\"0644\"", json!("0644")),
        ("!!str 6.1", json!("6.1")),
        ("! 12", json!("12")),
        ("|\n  12\n", json!("12\n")),
        ("é", json!("é")),
    ];
    for (text, expected) in cases {
        assert_eq!(
            read(&format!("k: {text}")).get("k").unwrap().to_value(),
            expected,
            "{text}"
        );
    }
}

#[test]
fn raw_text_is_kept() {
    let node = read("{version: 6.10, mode: 0644, on: off}");
    assert_eq!(node.get("version").unwrap().as_str(), Some("6.10"));
    assert_eq!(node.get("mode").unwrap().as_str(), Some("0644"));
    assert_eq!(node.get("on").unwrap().as_bool(), Some(false));
    assert_eq!(node.get("on").unwrap().kind(), "a boolean");
}

/// Every node's span, as the text it covers.
fn covered(node: &Node, out: &mut Vec<String>) {
    out.push(node.span.text().to_owned());
    match &node.value {
        Value::Scalar { .. } => {}
        Value::Sequence(items) => items.iter().for_each(|item| covered(item, out)),
        Value::Mapping(entries) => entries.iter().for_each(|Entry { key, value }| {
            covered(key, out);
            covered(value, out);
        }),
    }
}

#[test]
fn spans_are_bytes_whatever_the_text() {
    let cases: &[(&str, &[&str])] = &[
        ("clé: écu", &["clé: écu", "clé", "écu"]),
        (
            "- 日本\n- \"ü\" # ö\n- z\n",
            &["- 日本\n- \"ü\" # ö\n- z", "日本", "\"ü\"", "z"],
        ),
        ("a:\nb: é\n", &["a:\nb: é", "a", "", "b", "é"]),
        (
            "é: |\n  ü\n  x\nb: [ö, {ä: 1}]\n# é\n",
            &[
                "é: |\n  ü\n  x\nb: [ö, {ä: 1}]",
                "é",
                "ü\n  x",
                "b",
                "[ö, {ä: 1}]",
                "ö",
                "{ä: 1}",
                "ä",
                "1",
            ],
        ),
        (
            "ä: x y\n  z\r\nb: 'q'\r\n",
            &["ä: x y\n  z\r\nb: 'q'", "ä", "x y\n  z", "b", "'q'"],
        ),
        ("\u{feff}é: ü\n", &["é: ü", "é", "ü"]),
        (
            "# 🦀🦀\n🦀: &x 🦀\ny: *x\n",
            &["🦀: &x 🦀\ny: *x", "🦀", "🦀", "y", "🦀"],
        ),
    ];
    for (text, expected) in cases {
        let mut out = Vec::new();
        covered(&read(text), &mut out);
        assert_eq!(out, *expected, "{text:?}");
    }
}

#[test]
fn aliases_and_merges() {
    let node = read("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {<<: [{z: 0, x: 9}, *a]}\n'<<': text\n");
    assert_eq!(
        node.to_value(),
        json!({"a": {"x": 1, "y": 2}, "b": {"y": 3, "x": 1}, "c": {"z": 0, "x": 9, "y": 2}, "<<": "text"})
    );
    assert_eq!(node.get("b").unwrap().get("x").unwrap().span.line(), 1);
}

#[test]
fn nothing_is_nothing() {
    for text in ["", "\n", "# only a comment\n", "---\n", "---\n~\n", "---\n...\n"] {
        assert_eq!(parse(&Source::new("t.yml", text)).unwrap(), None, "{text:?}");
    }
}

#[test]
fn tags_are_kept_without_the_mark() {
    let node = read("a: !vault |\n  $ANSIBLE_VAULT;1.1\nb: !unsafe '{{ x }}'\nc: !!int 3\n");
    assert_eq!(node.get("a").unwrap().tag, Some(Tag::Vault));
    assert_eq!(node.get("b").unwrap().tag, Some(Tag::Unsafe));
    assert_eq!(node.get("c").unwrap().tag, None);
}

/// A file that is wrong: the message, the text that is underlined first, and its line.
#[test]
fn what_is_wrong_is_said_where() {
    let bomb = (1..12).fold(
        "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned(),
        |text, n| {
            let m = n - 1;
            format!(
                "{text}a{n}: &a{n} [*a{m}, *a{m}, *a{m}, *a{m}, *a{m}, *a{m}, *a{m}, *a{m}, *a{m}, *a{m}]\n"
            )
        },
    );
    let chain = (1..300).fold("a0: &a0 [x]\n".to_owned(), |text, n| {
        format!("{text}a{n}: &a{n} [*a{}]\n", n - 1)
    });
    let deep_flow = "[".repeat(90_000);
    let deep_block = "- ".repeat(90_000);
    let cases: &[(&str, &str, &str, usize)] = &[
        ("a: {{ x }}", "a template stands without quotes", "{{ x }}", 1),
        (
            "a: {{ x }}/bin\nb: 1",
            "a template stands without quotes",
            "{{ x }}",
            1,
        ),
        (
            "- é: é\n- {{ x }}",
            "a template stands without quotes",
            "{{ x }}",
            2,
        ),
        ("- {{ x }}\n- b", "a template stands without quotes", "{{ x }}", 1),
        ("a: |\n  - {{ x }}\nb\nc: d", "`key: value` is expected", "c", 4),
        ("a: {{ x", "a template stands without quotes", "{{ x", 1),
        ("a: 1\nb: 2\na: 3", "`a` is given twice", "a", 3),
        ("{[a]: 1}", "a key must be text", "[", 1),
        ("a: 1\n\tb: 2", "a tab indents this line", "\t", 2),
        ("a:\n\t- b", "a tab indents this line", "\t", 2),
        ("a: b: c", "a `:` stands where no key can be", ":", 1),
        ("a: 'x", "a quote is opened and never closed", "'", 1),
        ("a: \"x\nb: 1", "a quote is opened and never closed", "\"", 1),
        ("é: [a, b", "a `[` is never closed, or a `,` is missing", "", 1),
        (
            "a: {b: 1\nc: 2",
            "a `{` is never closed, or a `,` is missing",
            ":",
            2,
        ),
        ("a: *x", "this alias refers to nothing", "*", 1),
        (
            "a: &a [*a]",
            "this alias stands inside of what it refers to",
            "*a",
            1,
        ),
        ("a: @x", "no value can begin with this character", "@", 1),
        ("a: \"\\d\"", "this escape is unknown", "\"", 1),
        (
            "a: 1\n---\nb: 2",
            "a second document begins, and one file is one document",
            "---",
            2,
        ),
        ("a\0b: 1", "there is a NUL byte in this file", "\0", 1),
        (
            &bomb,
            "aliases make this file larger than 100000 values",
            "*a3",
            5,
        ),
        (
            &chain,
            "values stand in each other more than 100 levels deep",
            "*a98",
            100,
        ),
        (
            &deep_flow,
            "values stand in each other more than 100 levels deep",
            "[",
            1,
        ),
        (
            &deep_block,
            "values stand in each other more than 100 levels deep",
            "",
            1,
        ),
        ("a: !!binary x", "the tag `!!binary` is not supported", "x", 1),
        (
            "a: {<<: 1}",
            "`<<` takes in a mapping, or a list of mappings",
            "1",
            1,
        ),
        (": 1", "a key is missing before the `:`", "", 1),
    ];
    let found: Vec<_> = cases
        .iter()
        .map(|(text, ..)| {
            let finding = wrong(text);
            let (span, _) = finding.labels[0].clone();
            (finding.message, span.text().to_owned(), span.line())
        })
        .collect();
    let expected: Vec<_> = cases
        .iter()
        .map(|&(_, message, under, line)| (message.to_owned(), under.to_owned(), line))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn a_duplicate_shows_both_places() {
    let places: Vec<usize> = wrong("a: 1\nb: 2\na: 3")
        .labels
        .iter()
        .map(|(span, _)| span.line())
        .collect();
    assert_eq!(places, [3, 1]);
}

/// Cut anywhere, or with a byte of rubbish anywhere, a file is read or refused, and never more than that.
#[test]
fn damaged_files_never_panic() {
    let good = "# é\n- hosts: &h 'ü'\n  tasks:\n  - {a: \"\\u00e9\", b: [1, 2]}\n  - |\n    x\n  - <<: {c: !v d}\n    ? k\n    : *h\n";
    for (at, _) in good.char_indices() {
        let _ = parse(&Source::new("cut", &good[..at]));
        for rubbish in [
            "\0", "\t", "{{", "'", "\"", "]", "}", "\u{feff}", "é", "%", "\r", "---\n", ": ", "&", "*", "!",
        ] {
            let (before, after) = good.split_at(at);
            let _ = parse(&Source::new("damaged", format!("{before}{rubbish}{after}")));
        }
    }
}

#[test]
fn the_source_is_shared_not_copied() {
    let source = Source::new("t.yml", "a: 1");
    let node = parse(&source).unwrap().unwrap();
    assert!(Arc::ptr_eq(&node.get("a").unwrap().span.source, &source));
}
