//! Which tasks the tags of the command line choose; the rules are Ansible's.

/// `--tags` and `--skip-tags`. Empty `only` means `all`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tags {
    /// Run only what has one of these; `all`, `tagged` and `untagged` have their special meanings.
    pub only: Vec<String>,
    /// Leave out what has one of these.
    pub skip: Vec<String>,
}

impl Tags {
    /// Whether something with these tags runs.
    pub fn choose(&self, tags: &[String]) -> bool {
        self.wanted(tags) && !self.left_out(tags)
    }

    fn wanted(&self, tags: &[String]) -> bool {
        let has = |name: &str| tags.iter().any(|tag| tag == name);
        let asks = |name: &str| self.only.iter().any(|tag| tag == name);
        if has("always") || names(&self.only, tags) {
            return true;
        }
        !has("never") && (self.only.is_empty() || asks("all") || (asks("tagged") && !tags.is_empty()))
    }

    fn left_out(&self, tags: &[String]) -> bool {
        let asks = |name: &str| self.skip.iter().any(|tag| tag == name);
        if asks("all") {
            return asks("always") || !tags.iter().any(|tag| tag == "always");
        }
        names(&self.skip, tags) || (asks("tagged") && !tags.is_empty())
    }
}

/// Whether one of the tags is named, `untagged` being the tag of what has none.
fn names(asked: &[String], tags: &[String]) -> bool {
    asked
        .iter()
        .any(|name| tags.contains(name) || (name == "untagged" && tags.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_of_ansible() {
        // only, skip, tags of the task, runs
        let cases = [
            ("", "", "", true),
            ("", "", "a", true),
            ("", "", "never", false),
            ("", "", "always", true),
            ("a", "", "", false),
            ("a", "", "a b", true),
            ("a", "", "always", true),
            ("a", "", "never a", true),
            ("a", "a", "a", false),
            ("never", "", "never", true),
            ("all", "", "never", false),
            ("tagged", "", "", false),
            ("tagged", "", "a", true),
            ("tagged", "", "never a", false),
            ("untagged", "", "", true),
            ("untagged", "", "a", false),
            ("", "always", "always", false),
            ("", "all", "always", true),
            ("", "all always", "always", false),
            ("", "tagged", "a", false),
            ("", "untagged", "", false),
            ("", "b", "a", true),
        ];
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        for (only, skip, tags, runs) in cases {
            let rule = Tags {
                only: words(only),
                skip: words(skip),
            };
            assert_eq!(
                rule.choose(&words(tags)),
                runs,
                "-t {only:?} --skip-tags {skip:?}: {tags:?}"
            );
        }
    }
}
