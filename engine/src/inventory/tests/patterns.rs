use super::ini;
use crate::diagnostics::{Source, Span};
use crate::inventory::Inventory;

fn inventory() -> Inventory {
    ini("[master]\nm1\n[slaves]\ns[1:3]\n[web]\ns2\nweb-1.lab\n[prod:children]\nmaster\nslaves\n[empty]\n")
}

#[test]
fn hosts_of_patterns() {
    let cases = [
        ("all", "m1 s1 s2 s3 web-1.lab"),
        ("*", "m1 s1 s2 s3 web-1.lab"),
        ("master", "m1"),
        ("slaves:master", "s1 s2 s3 m1"),
        ("slaves, master", "s1 s2 s3 m1"),
        ("s1,s1:", "refused"),
        ("all:!slaves", "m1 web-1.lab"),
        ("!slaves", "m1 web-1.lab"),
        ("slaves:&web", "s2"),
        ("&web:slaves:!s1", "s2"),
        ("!s3:all", "m1 s1 s2 web-1.lab"),
        ("s*", "s1 s2 s3"),
        ("s?", "s1 s2 s3"),
        ("s[12]", "refused"),
        ("s[!1]", "s2 s3"),
        ("s[1-2]", "s1 s2"),
        ("*.lab", "web-1.lab"),
        ("w*", "s2 web-1.lab"),
        ("~s[12]", "s1 s2"),
        ("~(m|s)1", "m1 s1"),
        ("prod[0]", "m1"),
        ("prod[-1]", "s3"),
        ("prod[1:2]", "s1 s2"),
        ("prod[2:]", "s2 s3"),
        ("prod[:1]", "m1 s1"),
        ("prod[1:99]", "s1 s2 s3"),
        ("prod[1:2]:!prod[0]:m1", "s1 s2"),
        ("empty", "-"),
        ("emp*", "-"),
        ("localhost", "localhost"),
        ("localhost:m1", "localhost m1"),
    ];
    let inventory = inventory();
    for (pattern, expected) in cases {
        let hosts = match inventory.select(pattern) {
            Ok(hosts) if hosts.is_empty() => "-".to_owned(),
            Ok(hosts) => hosts.join(" "),
            Err(_) => "refused".to_owned(),
        };
        assert_eq!(hosts, expected, "{pattern}");
    }
}

#[test]
fn patterns_that_name_nothing() {
    let cases = [
        (
            "slave",
            "there is no host and no group `slave`",
            "slave",
            Some("did you mean `slaves`?"),
        ),
        (
            "all:!slavs",
            "there is no host and no group `slavs`",
            "slavs",
            Some("did you mean `slaves`?"),
        ),
        (
            "master:&wbe",
            "there is no host and no group `wbe`",
            "wbe",
            Some("did you mean `web`?"),
        ),
        (
            "production",
            "there is no host and no group `production`",
            "production",
            Some("`nebplay inventory --graph` shows all hosts and groups"),
        ),
        (
            "slaves[0-1]",
            "`slaves[0-1]` may mean hosts by name, or by their position in the group `slaves`",
            "slaves[0-1]",
            Some("write `slaves[0:1]` for positions, which Ansible takes it for, or list the names"),
        ),
        ("x*", "`x*` matches no host and no group", "x*", None),
        ("~x", "`~x` matches no host and no group", "~x", None),
        (
            "master[1]",
            "`master` has 1 and not that many hosts",
            "master[1]",
            None,
        ),
        (
            "empty[0]",
            "`empty` has 0 and not that many hosts",
            "empty[0]",
            None,
        ),
        ("", "an empty pattern stands for no host", "", None),
        (" , ", "an empty pattern stands for no host", " , ", None),
        ("s[12]", "`s` has 3 and not that many hosts", "s[12]", None),
    ];
    let inventory = ini("[master]\nm1\n[slaves]\ns[1:3]\n[web]\ns2\n[s]\ns[1:3]\n[empty]\n");
    for (pattern, message, part, help) in cases {
        let bad = inventory.select(pattern).unwrap_err();
        assert_eq!(
            (
                bad.message.as_str(),
                &pattern[bad.part.clone()],
                bad.help.as_deref()
            ),
            (message, part, help)
        );
    }
    assert!(inventory.select("~(").unwrap_err().help.is_some());
}

#[test]
fn a_bad_part_is_underlined_where_it_stands() {
    let source = Source::new("play.yml", "hosts: 'all:!slavs'");
    let span = Span {
        source,
        start: 7,
        end: 19,
    };
    let finding = inventory().select("all:!slavs").unwrap_err().at(&span);
    assert_eq!(finding.labels[0].0.text(), "slavs");
}
