use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::{ini, shown};
use crate::diagnostics::{Finding, Source, Span};
use crate::inventory::Overrides;
use crate::playbook::Vars;
use crate::transport::{HostKeyPolicy, Kind, Privileges, Target};
use crate::yaml::Node;

fn target(line: &str, overrides: &Overrides) -> Result<Target, Finding> {
    ini(line).target("h", overrides, &|node| match node.as_str() {
        Some("{{ port }}") => Ok(json!(2200)),
        _ => Err(Finding::at(&node.span, "cannot render", "")),
    })
}

#[test]
fn all_that_can_be_said() {
    let line = "h ansible_host=10.0.0.1 ansible_port=22 ansible_user=root ansible_ssh_private_key_file=/k ansible_become_pass='a b' \
                ansible_ssh_common_args='-o ProxyJump=jump -C -oStrictHostKeyChecking=accept-new -o ControlPersist=60s' \
                ansible_timeout=5\n";
    let expected = Target {
        name: "h".to_owned(),
        kind: Kind::Ssh,
        address: "10.0.0.1".to_owned(),
        port: Some(22),
        user: Some("root".to_owned()),
        private_key: Some(PathBuf::from("/k")),
        privileges: Privileges {
            password: Some("a b".to_owned()),
        },
        host_keys: Some(HostKeyPolicy::AcceptNew),
        proxy_jump: Some("jump".to_owned()),
        connect_timeout: Duration::from_secs(5),
    };
    assert_eq!(target(line, &Overrides::default()).unwrap(), expected);
}

#[test]
fn nothing_said() {
    let target = target("h\n", &Overrides::default()).unwrap();
    assert_eq!(
        (
            target.address.as_str(),
            target.port,
            target.user,
            target.host_keys
        ),
        ("h", None, None, None)
    );
    assert_eq!(target.connect_timeout, Duration::from_secs(10));
}

#[test]
fn options_yield_to_variables_and_those_to_extra_variables() {
    let span = Span {
        source: Source::new("-e", "x"),
        start: 0,
        end: 1,
    };
    let mut overrides = Overrides {
        user: Some("option".to_owned()),
        host_keys: Some(HostKeyPolicy::AcceptNew),
        ..Overrides::default()
    };
    let user = |line: &str, overrides: &Overrides| target(line, overrides).unwrap().user.unwrap();
    assert_eq!(user("h\n", &overrides), "option");
    assert_eq!(user("h ansible_user=inventory\n", &overrides), "inventory");
    overrides.extra = Vars::from([("ansible_user".to_owned(), Node::text(span, "extra"))]);
    assert_eq!(user("h ansible_user=inventory\n", &overrides), "extra");
    let strict = target("h ansible_host_key_checking=True\n", &overrides).unwrap();
    assert_eq!(strict.host_keys, Some(HostKeyPolicy::Strict));
}

#[test]
fn templates_are_rendered() {
    assert_eq!(
        target("h ansible_port='{{ port }}'\n", &Overrides::default())
            .unwrap()
            .port,
        Some(2200)
    );
    assert!(target("h ansible_host='{{ x }}'\n", &Overrides::default()).is_err());
}

#[test]
fn this_machine() {
    let inventory = ini("h ansible_connection=local\ns ansible_connection=ssh\nn\n");
    let kind = |name, kind| {
        let overrides = Overrides {
            kind,
            ..Overrides::default()
        };
        let target = inventory.target(name, &overrides, &|_| Ok(json!(null)));
        target.unwrap().kind
    };
    assert_eq!(kind("h", None), Kind::Local);
    assert_eq!(kind("localhost", None), Kind::Local);
    assert_eq!(kind("n", None), Kind::Ssh);
    assert_eq!(kind("n", Some(Kind::Local)), Kind::Local);
    assert_eq!(kind("s", Some(Kind::Local)), Kind::Ssh);
    assert_eq!(kind("h", Some(Kind::Ssh)), Kind::Local);
    for (line, wanted) in [
        ("localhost\n", Kind::Local),
        ("localhost ansible_host=127.0.0.1\n", Kind::Ssh),
        ("localhost ansible_connection=ssh\n", Kind::Ssh),
    ] {
        let found = ini(line).target("localhost", &Overrides::default(), &|_| Ok(json!(null)));
        assert_eq!(found.unwrap().kind, wanted, "{line}");
    }
}

#[test]
fn what_cannot_be_done() {
    let cases = [
        (
            "h ansible_port=0\n",
            "`ansible_port` is a port: 1 to 65535 [1: 0 | ]",
        ),
        (
            "h ansible_port=70000\n",
            "`ansible_port` is a port: 1 to 65535 [1: 70000 | ]",
        ),
        (
            "h ansible_port=ssh\n",
            "`ansible_port` is a port: 1 to 65535 [1: ssh | ]",
        ),
        (
            "h ansible_connection=docker\n",
            "there is no connection `docker` [1: docker | unknown] (nebplay knows `ssh` and `local`)",
        ),
        (
            "h ansible_password=x\n",
            "nebplay logs in with keys and agents, not with passwords [1: x | ] (ssh-copy-id USER@HOST installs your key; the password of sudo is ansible_become_password)",
        ),
        (
            "h ansible_become_method=su\n",
            "nebplay becomes another user by sudo, not by su [1: su | ]",
        ),
        (
            "h ansible_host_key_checking=maybe\n",
            "host keys are checked `yes`, `accept-new` or `no` [1: maybe | ]",
        ),
        (
            "h ansible_ssh_common_args='-o ProxyCommand=nc'\n",
            "`proxycommand` in `ansible_ssh_common_args` is not understood [1: '-o ProxyCommand=nc' | ] (-J and -o ProxyJump=, StrictHostKeyChecking= are; put the rest into ~/.ssh/config, which nebplay reads)",
        ),
        (
            "h ansible_host='[1]'\n",
            "`ansible_host` is text [1: '[1]' | this is a list]",
        ),
    ];
    for (line, expected) in cases {
        let error = ini(line)
            .target("h", &Overrides::default(), &|node| Ok(node.to_value()))
            .unwrap_err();
        assert_eq!(shown(&vec![error]), expected, "{line}");
    }
}
