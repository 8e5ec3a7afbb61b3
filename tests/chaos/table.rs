//! The tables of cases: a row a module, a column a fault.

use std::fmt::Write as _;

use nebplay_tests::chaos::{Case, Fault, Survived};

/// What is known of the nights so far.
#[derive(Debug, Default)]
pub(crate) struct Table {
    modules: Vec<String>,
    cases: Vec<(Case, Result<Survived, ()>)>,
}

impl Table {
    /// A row, in this place.
    pub(crate) fn module(&mut self, name: &str) {
        if !self.modules.iter().any(|known| known == name) {
            self.modules.push(name.to_owned());
        }
    }

    /// A case; `Err` where its night did not come to the end it should.
    pub(crate) fn add(&mut self, case: Case, survived: Result<Survived, ()>) {
        self.module(&case.module);
        self.cases.push((case, survived));
    }

    fn cell(&self, module: &str, fault: Fault) -> String {
        let of_it = |(case, _): &&(Case, _)| case.module == module && case.fault == fault;
        // Met in one night and not in another: it was met.
        let met = self
            .cases
            .iter()
            .filter(of_it)
            .max_by_key(|(_, survived)| match survived {
                Ok(Survived::NotMet) => 0,
                Ok(Survived::Resumed(_)) => 1,
                Err(()) => 2,
            });
        match met {
            None => String::new(),
            Some((_, Err(()))) => "FAILED".to_owned(),
            Some((_, Ok(Survived::NotMet))) => "-".to_owned(),
            Some((_, Ok(Survived::Resumed(0)))) => "went on".to_owned(),
            Some((_, Ok(Survived::Resumed(times)))) => format!("resumed {times}x"),
        }
    }

    /// As it is printed: one after the other, because the columns of both are more than fit beside each other.
    pub(crate) fn print(&self) -> String {
        let tables = [&Fault::ONCE[..], &Fault::POWER].into_iter();
        tables
            .filter_map(|columns| self.part(columns))
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// The modules that met any of these faults; `None`: none did.
    fn part(&self, columns: &[Fault]) -> Option<String> {
        let is_met = |fault: &&Fault| self.cases.iter().any(|(case, _)| case.fault == **fault);
        let columns: Vec<Fault> = columns.iter().filter(is_met).copied().collect();
        if columns.is_empty() {
            return None;
        }
        let mut text = format!("{:<20}", "");
        for fault in &columns {
            let _ = write!(text, "{:<15}", fault.name());
        }
        for module in &self.modules {
            let of_it = |(case, _): &(Case, _)| case.module == *module && columns.contains(&case.fault);
            if !self.cases.iter().any(of_it) {
                continue;
            }
            let _ = write!(text, "\n{module:<20}");
            for fault in &columns {
                let _ = write!(text, "{:<15}", self.cell(module, *fault));
            }
        }
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        Some(lines.join("\n") + "\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_case_has_its_cell() {
        let mut table = Table::default();
        let case = |fault| Case {
            module: "ping".to_owned(),
            fault,
            acts: false,
            after: 0,
            takes: Duration::ZERO,
        };
        table.add(case(Fault::KilledBefore), Ok(Survived::Resumed(1)));
        table.add(case(Fault::ShortCut), Ok(Survived::Resumed(0)));
        table.add(case(Fault::Reboot), Ok(Survived::NotMet));
        table.module("pong");
        let printed = table.print();
        let rows: Vec<&str> = printed.lines().collect();
        assert_eq!(
            rows[1..],
            ["ping                resumed 1x     went on        -"],
            "{printed}"
        );
    }
}
