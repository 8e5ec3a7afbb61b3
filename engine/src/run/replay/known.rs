//! Records of steps, in the order in which the steps began.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Record;

/// By the identity of a step's first try. A run that is resumed takes them out one by one, whichever host is first: that costs as little
/// where there are many.
#[derive(Default)]
pub(super) struct Known {
    records: BTreeMap<u64, (String, Record)>,
    /// Where a step's record is.
    places: HashMap<String, u64>,
    /// Where those of a host are.
    of_hosts: HashMap<String, BTreeSet<u64>>,
    /// The place of the next one.
    next: u64,
}

impl Known {
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(super) fn get(&self, id: &str) -> Option<&Record> {
        let (_, record) = self.records.get(self.places.get(id)?)?;
        Some(record)
    }

    /// A step that is known already keeps its place.
    pub(super) fn insert(&mut self, id: String, record: Record) {
        if let Some((_, known)) = self.places.get(&id).and_then(|at| self.records.get_mut(at)) {
            *known = record;
            return;
        }
        let at = self.next;
        self.next += 1;
        self.places.insert(id.clone(), at);
        let host = record.step().host.clone();
        self.of_hosts.entry(host).or_default().insert(at);
        self.records.insert(at, (id, record));
    }

    pub(super) fn remove(&mut self, id: &str) -> Option<Record> {
        let at = self.places.remove(id)?;
        let (_, record) = self.records.remove(&at)?;
        if let Some(places) = self.of_hosts.get_mut(&record.step().host) {
            places.remove(&at);
        }
        Some(record)
    }

    /// The steps of a host.
    pub(super) fn of_host(&self, host: &str) -> impl Iterator<Item = &str> {
        let places = self.of_hosts.get(host).into_iter().flatten();
        let records = places.filter_map(|at| self.records.get(at));
        records.map(|(id, _)| id.as_str())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Record)> {
        self.records.values().map(|(id, record)| (id.as_str(), record))
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Record> {
        self.records.values().map(|(_, record)| record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::StepRef;

    fn doubted(id: &str) -> Record {
        let (task, host) = id.split_once('@').expect("task@host");
        let step = StepRef {
            id: id.to_owned(),
            task: task.to_owned(),
            host: host.to_owned(),
            delegate: None,
            item: None,
            attempt: 1,
        };
        Record::InDoubt(step, None)
    }

    #[test]
    fn records_keep_their_order_while_others_are_put_and_taken_out() {
        let mut known = Known::default();
        for id in ["a@h", "a@g", "b@h", "b@g", "a@h"] {
            known.insert(id.to_owned(), doubted(id));
        }
        assert_eq!(known.remove("a@g"), Some(doubted("a@g")));
        assert_eq!(known.remove("a@g"), None);
        known.insert("a@g".to_owned(), doubted("a@g"));
        let ids = |known: &Known| known.iter().map(|(id, _)| id.to_owned()).collect::<Vec<_>>();
        assert_eq!(ids(&known), ["a@h", "b@h", "b@g", "a@g"]);
        assert_eq!(known.of_host("g").collect::<Vec<_>>(), ["b@g", "a@g"]);
        assert_eq!(known.get("b@h"), Some(&doubted("b@h")));
        assert_eq!(known.of_host("nobody").count(), 0);
    }
}
