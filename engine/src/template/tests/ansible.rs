//! Held to Ansible: what ansible-core answered to several hundred expressions, kept in `ansible.tsv`.
//!
//! To add to it, give an expression to `debug` in a playbook of Ansible's, and write down what `msg` becomes.

use serde_json::Value as Json;

use super::plain;
use crate::template::{Scope, Templates};

#[test]
fn expressions_come_to_what_they_do_in_ansible() {
    let mut held = 0;
    for line in include_str!("ansible.tsv").lines() {
        if line.starts_with('#') {
            continue;
        }
        let fields: Vec<&str> = line.split('\t').collect();
        let ([expression, wanted] | [expression, _, wanted]) = fields.as_slice() else {
            panic!("no expression and answer: {line}");
        };
        let rendered =
            Templates::new().render_node(&plain(&format!("{{{{ {expression} }}}}")), &Scope::new());
        let came_to = rendered.map_err(|error| error.message);
        if *wanted == "fails" {
            assert!(came_to.is_err(), "{expression}: {came_to:?}");
        } else {
            let wanted: Json = serde_json::from_str(wanted).unwrap();
            assert_eq!(came_to, Ok(wanted), "{expression}");
        }
        held += 1;
    }
    assert!(held > 400, "{held}");
}
