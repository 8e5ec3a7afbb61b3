//! The last lines after a run that did not come to its end: what is in doubt, the way on, and the way back.

/// A run that did not come to its end.
pub(super) struct Ended<'a> {
    /// Its id, if it can be resumed.
    pub(super) run: Option<&'a str>,
    /// Steps of which nobody knows whether they took effect.
    pub(super) in_doubt: &'a [String],
    /// Whether it has to do with zones.
    pub(super) has_zones: bool,
    /// What the playbook says of the way back from where it stopped.
    pub(super) back: Option<&'a str>,
}

impl Ended<'_> {
    /// The lines, each with its end.
    pub(super) fn text(&self) -> String {
        let mut lines = Vec::new();
        for step in self.in_doubt {
            lines.push(format!("in doubt: {step} was cut off while it acted"));
        }
        if let Some(run) = self.run {
            lines.push(format!("next: nebplay resume {run}"));
            lines.push("      goes on where this run stopped; what is done is not run again".to_owned());
        } else {
            lines.push("next: run the same command again to go on:".to_owned());
            lines.push("      what is done already is recognized and not done twice".to_owned());
        }
        if self.has_zones {
            lines.push("      `nebplay status` with the same -i shows the zones as they are".to_owned());
        }
        if let Some(back) = self.back {
            let mut words = back.lines().map(str::trim).filter(|line| !line.is_empty());
            lines.push(format!("back: {}", words.next().unwrap_or_default()));
            lines.extend(words.map(|line| format!("      {line}")));
        }
        lines.push(String::new());
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_known_is_said() {
        let ended = Ended {
            run: Some("r1"),
            in_doubt: &["\"count\" on m".to_owned()],
            has_zones: true,
            back: Some("put it back\n  by hand"),
        };
        let expected = "\
in doubt: \"count\" on m was cut off while it acted
next: nebplay resume r1
      goes on where this run stopped; what is done is not run again
      `nebplay status` with the same -i shows the zones as they are
back: put it back
      by hand
";
        assert_eq!(ended.text(), expected);
        let nothing = Ended {
            run: None,
            in_doubt: &[],
            has_zones: false,
            back: None,
        };
        assert_eq!(nothing.text().lines().count(), 2);
    }
}
