use serde_json::{Value, json};

use super::{ini, read};
use crate::inventory::Inventory;

const FEDERATION: &str = "\
# the three zones
[master]
m-eu-fr ansible_host=192.168.150.1 zone_id=0 zone_name=M-EU-FR

[slaves]
s-eu-ge ansible_host=192.168.150.2 zone_id=100 ; a word that is no variable
";

fn vars(inventory: &Inventory, host: &str) -> Value {
    let vars = inventory.host_vars(host).unwrap();
    Value::Object(
        vars.iter()
            .map(|(name, node)| (name.clone(), node.to_value()))
            .collect(),
    )
}

#[test]
fn a_semicolon_begins_no_comment_behind_a_host() {
    assert_eq!(read("hosts.ini", FEDERATION).unwrap_err().len(), 1);
}

#[test]
fn values_of_ini_files() {
    let inventory = ini(
        "fe1 a=1 b=6.10 c=6.1 d='6.1' e=True f=yes g=\"a b\" h='[1, \"x\"]' i=0644 j=x=y k= l='{{ x }}' m=None n=a\\ b # no\n\
         [all:vars]\n\
         v = some text  \n\
         w=\"7.0\" # a comment\n\
         x={\"a\": [6.10]}\n\
         y={{ z }}/{{ z }}\n\
         z=-12\n",
    );
    assert_eq!(
        vars(&inventory, "fe1"),
        json!({
            "v": "some text", "w": "7.0", "x": {"a": ["6.10"]}, "y": "{{ z }}/{{ z }}", "z": -12,
            "a": 1, "b": "6.10", "c": 6.1, "d": "6.1", "e": true, "f": "yes", "g": "a b", "h": [1, "x"], "i": "0644",
            "j": "x=y", "k": "", "l": "{{ x }}", "m": null, "n": "a b",
        })
    );
}

#[test]
fn places_of_ini_values() {
    let inventory = ini("é a='ü ö' b=x\n[all:vars]\nc = 'ä' # x\n");
    let vars = inventory.host_vars("é").unwrap();
    let places: Vec<_> = vars
        .values()
        .map(|node| (node.span.text(), node.span.line()))
        .collect();
    assert_eq!(places, [("'ä'", 3), ("'ü ö'", 1), ("x", 1)]);
}

#[test]
fn hosts_ranges_and_ports() {
    let inventory = ini(
        "fe[01:02]:2222 a=1\n[2001:db8::1]:22\n2001:db8::2\nx ansible_port=1\n[g]\nx:2 \n[all]\nfe[03:04]\n",
    );
    let hosts: Vec<_> = inventory
        .hosts()
        .map(|host| {
            let port = inventory.host_vars(&host.name).unwrap().get("ansible_port");
            (
                host.name.as_str(),
                port.and_then(|node| node.as_str()).unwrap_or("-"),
            )
        })
        .collect();
    let expected = [
        ("fe01", "2222"),
        ("fe02", "2222"),
        ("2001:db8::1", "22"),
        ("2001:db8::2", "-"),
        ("x", "1"),
        ("fe03", "-"),
        ("fe04", "-"),
    ];
    assert_eq!(hosts, expected);
    let ungrouped = &inventory.group("ungrouped").unwrap().hosts;
    assert_eq!(ungrouped.join(" "), "fe01 fe02 2001:db8::1 2001:db8::2 fe03 fe04");
}

#[test]
fn the_same_in_yaml() {
    let yaml = "\
all:
  vars: {a: 6.10}
  hosts:
    lone:
  children:
    zones:
      vars: {b: yes}
      children:
        master:
          hosts:
            m[1:2]: {zone_id: 0}
        slaves:
          hosts: {s1: , s2: {b: off}}
";
    let from_ini = ini(
        "lone\n[master]\nm[1:2] zone_id=0\n[slaves]\ns1\ns2 b=False\n[zones:children]\nmaster\nslaves\n[zones:vars]\nb=True\n\
         [all:vars]\na=6.10\n",
    );
    let from_yaml = read("hosts.yml", yaml).unwrap();
    for host in ["lone", "m1", "m2", "s1", "s2"] {
        assert_eq!(vars(&from_ini, host), vars(&from_yaml, host), "{host}");
        assert_eq!(
            from_ini.host(host).unwrap().groups,
            from_yaml.host(host).unwrap().groups,
            "{host}"
        );
    }
    assert_eq!(from_ini.group("zones").unwrap().hosts, ["m1", "m2", "s1", "s2"]);
}

#[test]
fn who_wins() {
    // Depth first, then priority, then the name; the host wins over all.
    let inventory = ini(
        "h own=host\n[deep]\nh\n[b]\nh\n[a]\nh\n[top:children]\ndeep\n[all:vars]\nown=all\nwho=all\nonly=all\n[top:vars]\nwho=top\nmid=top\n\
         [deep:vars]\nwho=deep\n[a:vars]\nmid=a\nprio=a\nansible_group_priority=10\n[b:vars]\nmid=b\nprio=b\n",
    );
    let vars = vars(&inventory, "h");
    let won = |name: &str| vars[name].as_str().unwrap().to_owned();
    assert_eq!(
        [won("own"), won("who"), won("only"), won("mid"), won("prio")],
        ["host", "deep", "all", "a", "a"].map(String::from)
    );
    assert_eq!(inventory.host("h").unwrap().groups, ["b", "top", "a", "deep"]);
}

#[test]
fn a_group_may_have_the_name_of_its_only_host() {
    assert_eq!(
        ini("[master]\nmaster\n").group("master").unwrap().hosts,
        ["master"]
    );
}

#[test]
fn nothing_at_all_is_an_inventory() {
    for text in ["", "\n# x\n", "[empty]\n"] {
        assert_eq!(ini(text).hosts().count(), 0);
    }
    assert!(ini("").host("localhost").is_some());
}
