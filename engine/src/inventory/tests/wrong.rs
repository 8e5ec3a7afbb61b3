use super::{read, shown};

#[test]
fn what_is_wrong_with_an_ini_file() {
    let cases = [
        (
            "[a:var]\nx=1\n",
            "`:var` is no kind of section [1: var | unknown] (did you mean `vars`?)",
        ),
        (
            "[a:hosts]\n",
            "`:hosts` is no kind of section [1: hosts | unknown] (known are [a], [a:children] and [a:vars])",
        ),
        (
            "[a b]\n",
            "no group can be named `a b` [1: a b | ] (a name has no spaces and none of , : ! & ~ * ? [ ])",
        ),
        (
            "[slaves]\nx\n[slavs:vars]\na=1\n",
            "there is no group `slavs` [3: slavs | unknown group] (did you mean `slaves`?)",
        ),
        (
            "[b:children]\nzones\n",
            "there is no group `zones` [2: zones | unknown group] (add a section `[zones]`, empty perhaps)",
        ),
        (
            "fe1 a = 1\n",
            "behind a host's name stand variables [1: a | no `key=value`] (one host a line; no spaces around `=`; a value with spaces is in quotes)",
        ),
        (
            "fe1 a='1\n",
            "a quote is opened and never closed [1: ' | opened here] (close it on the same line, with the same kind of quote)",
        ),
        (
            "fe1 a-b=1\n",
            "no variable can be named `a-b` [1: a-b | ] (names consist of letters, digits and `_`, and begin with no digit)",
        ),
        (
            "a=1\n",
            "a line of hosts begins with a host's name [1: a=1 | no name] (variables of the group go to a section [ungrouped:vars])",
        ),
        ("fe[1:\n", "the `[` in `fe[1:` is never closed [1: fe[1: | ]"),
        (
            "[a]\n[a:vars]\nfe1\n",
            "a line of variables is `key=value` [3: fe1 | no `=`] (hosts go to a section [a])",
        ),
        (
            "[all:vars]\na=1 # one\n",
            "is this a comment, or does it belong to the value? [2: # one | here] (put a comment on a line of its own, or the value in quotes (Ansible takes it into the value))",
        ),
        (
            "fe1 a=1\n[x]\nfe1 a=2\n",
            "`a` gets two values [3: a | another one here] [1: 1 | a value here] (keep one of them)",
        ),
        (
            "[all:vars]\na=1\na=2\n",
            "`a` gets two values [3: a | another one here] [2: 1 | a value here] (keep one of them)",
        ),
        (
            "[a]\nb\nc\n[b]\nd\n",
            "`b` is a group and a host [4: b | a group here] [2: b | a host here] (rename one of them: a pattern could not tell them apart)",
        ),
        (
            "[a:children]\na\n",
            "groups hold each other: `a` holds `a` [2: a | puts `a` into the circle] (take one of them out)",
        ),
        (
            "[a:children]\nb\n[b:children]\nc\n[c:children]\na\n",
            "groups hold each other: `a` holds `b` holds `c` holds `a` [2: b | puts `b` into the circle] [4: c | puts `c` into the circle] [6: a | puts `a` into the circle] (take one of them out)",
        ),
        (
            "[x]\n[a:children]\nall\n",
            "`all` holds every group and is in none [3: all | not here]",
        ),
        (
            "[a]\n[a:vars]\nansible_group_priority=high\n",
            "`ansible_group_priority` is a whole number [3: high | this is text]",
        ),
        ("fe1;reboot\n", "`;` cannot be in a host name [1: fe1;reboot | ]"),
    ];
    for (text, expected) in cases {
        assert_eq!(shown(&read("hosts.ini", text).unwrap_err()), expected, "{text}");
    }
}

#[test]
fn everything_wrong_is_said_in_one_go() {
    let text = "[a:var]\nthese lines are passed over\n[b]\nfe1 x\nfe2 'y\n[c:vars]\n";
    assert_eq!(read("hosts.ini", text).unwrap_err().len(), 4);
}

#[test]
fn what_is_wrong_with_a_yaml_file() {
    let cases = [
        (
            "- fe1\n",
            "an inventory is a mapping of groups [1: - fe1 | this is a list] (write `name:` on a line each, without `- `)",
        ),
        (
            "hosts: {a: }\n",
            "`hosts` stands where a group's name is expected [1: hosts | no group] (put it below a group, `all:` for instance)",
        ),
        (
            "all:\n  host: {}\n",
            "a group has no `host` [2: host | unknown] (did you mean `hosts`?)",
        ),
        (
            "all:\n  hosts:\n  - fe1\n",
            "`hosts` is a mapping of hosts [3: fe1 | this is a list] (write `name:` on a line each, without `- `)",
        ),
        (
            "all:\n  hosts:\n    fe1: 3\n",
            "a host is a mapping of variables [3: 3 | this is a number]",
        ),
        (
            "all: {vars: {a b: 1}}\n",
            "no variable can be named `a b` [1: a b | ] (names consist of letters, digits and `_`, and begin with no digit)",
        ),
        (
            "a: {children: {b: {children: {a: }}}}\n",
            "groups hold each other: `a` holds `b` holds `a` [1: b | puts `b` into the circle] [1: a | puts `a` into the circle] (take one of them out)",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(shown(&read("hosts.yml", text).unwrap_err()), expected, "{text}");
    }
}

/// Cut anywhere, a file is read or refused.
#[test]
fn cut_files_never_panic() {
    let text =
        "é:22 a='ü' b=\"ö\" # c\n[z[1:2\n[a:vars]\nk = 'ä' # x\nl = ü #\n[b:children]\na\n\\\nx y=\\\n";
    for (at, _) in text.char_indices() {
        let _ = read("hosts.ini", &text[..at]);
        let _ = read("hosts.yml", &text[..at]);
    }
}
