//! Who a step is: play, path through sections, blocks and includes, loop item, host. Names only, and an ordinal among siblings
//! of the same name, so that an edit elsewhere changes nobody's identity.

use std::collections::HashMap;
use std::fmt::Write as _;

use nebplay_modules::digest::sha256;
use serde_json::Value;

/// Gives the children of one parent their identities, in order.
pub(super) struct Siblings<'a> {
    parent: &'a str,
    seen: HashMap<String, usize>,
}

impl<'a> Siblings<'a> {
    /// The children of `parent`; an empty one has plays as children.
    pub(super) fn of(parent: &'a str) -> Self {
        Self {
            parent,
            seen: HashMap::new(),
        }
    }

    /// The identity of the next child of that name.
    pub(super) fn next(&mut self, name: &str) -> String {
        let name = escape(name);
        let ordinal = self.seen.entry(name.clone()).or_insert(0);
        *ordinal += 1;
        let mut id = if self.parent.is_empty() {
            name
        } else {
            format!("{}/{name}", self.parent)
        };
        if *ordinal > 1 {
            let _ = write!(id, "#{ordinal}");
        }
        id
    }
}

/// What separates the parts of an identity never stands in a name.
fn escape(name: &str) -> String {
    name.chars().fold(String::new(), |mut out, c| {
        match c {
            '%' | '/' | '#' | '[' | '@' => {
                let _ = write!(out, "%{:02X}", u32::from(c));
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
        out
    })
}

/// What an item of a loop is known by: 12 hex digits over its JSON.
pub fn item_hash(item: &Value) -> String {
    sha256(item.to_string())[..12].to_owned()
}

/// A step's identity. The same item twice in one loop is told apart by `repeat` (0 for the first), a further try by `attempt`.
pub fn step_id(task: &str, item: Option<(&Value, usize)>, host: &str, attempt: u32) -> String {
    let mut id = task.to_owned();
    match item {
        Some((item, 0)) => {
            let _ = write!(id, "[{}]", item_hash(item));
        }
        Some((item, repeat)) => {
            let _ = write!(id, "[{}#{}]", item_hash(item), repeat + 1);
        }
        None => {}
    }
    let _ = write!(id, "@{host}");
    if attempt > 1 {
        let _ = write!(id, "~{attempt}");
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn siblings_of_one_name_are_counted_and_others_do_not_matter() {
        let mut first = Siblings::of("play/tasks");
        let ids = ["stop", "a/b#2", "stop"].map(|name| first.next(name));
        assert_eq!(
            ids,
            ["play/tasks/stop", "play/tasks/a%2Fb%232", "play/tasks/stop#2"]
        );
        let mut edited = Siblings::of("play/tasks");
        let ids = ["new", "stop", "new", "stop"].map(|name| edited.next(name));
        assert_eq!(ids[1], "play/tasks/stop");
        assert_eq!(ids[3], "play/tasks/stop#2");
    }

    #[test]
    fn steps_differ_by_item_host_and_attempt() {
        let (a, b) = (Value::from("a"), Value::from("b"));
        let ids = [
            step_id("t", None, "m", 1),
            step_id("t", None, "s", 1),
            step_id("t", Some((&a, 0)), "m", 1),
            step_id("t", Some((&a, 1)), "m", 1),
            step_id("t", Some((&b, 0)), "m", 1),
            step_id("t", None, "m", 2),
        ];
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
        assert_eq!(ids[0], "t@m");
    }
}
