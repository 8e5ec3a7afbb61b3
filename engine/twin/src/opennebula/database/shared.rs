//! Tables that several zones share: what all of them have alike is kept once, and changed once.

use std::cell::RefCell;
use std::sync::{Arc, Weak};

use foldhash::HashMap;

use super::{Database, Table};

/// Tables by name and digest, one of each.
pub(crate) type Known = HashMap<(Arc<str>, u64), Arc<Table>>;

impl Database {
    /// Puts a table that is known in the place of its own where they are equal, and makes the others known.
    pub(crate) fn share(&mut self, known: &mut Known) {
        for (name, table) in &mut self.tables {
            let same = known
                .entry((Arc::clone(name), table.all.sum))
                .or_insert_with(|| Arc::clone(table));
            if same == table {
                *table = Arc::clone(same);
            }
        }
    }
}

/// What a change made of a table when it was done last. Slaves do it one after the other: those that had the same table have the same
/// one afterwards.
#[derive(Debug, Default)]
pub(super) struct Made(RefCell<Option<(Weak<Table>, Weak<Table>)>>);

impl Made {
    /// Changes a table, always by the same change.
    pub(super) fn of(&self, table: &mut Arc<Table>, change: impl FnOnce(&mut Table)) {
        let mut last = self.0.borrow_mut();
        if let Some((before, after)) = &*last
            && std::ptr::eq(before.as_ptr(), Arc::as_ptr(table))
            && let Some(after) = after.upgrade()
        {
            *table = after;
            return;
        }
        // Held weakly: no table is kept or copied for this, and none gets the address of one that is gone.
        let before = Arc::downgrade(table);
        change(Arc::make_mut(table));
        *last = Some((before, Arc::downgrade(table)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opennebula::database::{Cell, Row};

    fn table(names: &[&str]) -> Table {
        let mut table = Table::new("CREATE TABLE zone_pool (oid INTEGER PRIMARY KEY, name TEXT)");
        for (oid, name) in (0..).zip(names) {
            table.put(row(oid, name));
        }
        table
    }

    fn row(oid: i64, name: &str) -> Row {
        [Cell::Int(oid), Cell::Text(name.into())].into()
    }

    #[test]
    fn the_same_change_of_the_same_table_is_made_once_and_any_other_by_itself() {
        let first = Arc::new(table(&["M", "S"]));
        let (mut one, mut two, mut third) = (Arc::clone(&first), Arc::clone(&first), Arc::new(table(&["M"])));
        let made = Made::default();
        let change = |table: &mut Table| table.put(row(7, "T"));
        for table in [&mut one, &mut two, &mut third] {
            made.of(table, change);
        }
        assert!(Arc::ptr_eq(&one, &two));
        assert_eq!((one.rows.len(), third.rows.len(), first.rows.len()), (3, 2, 2));
        // The one that was made last is gone: another table may not pass for it.
        drop(third);
        let mut fourth = Arc::new(table(&["M"]));
        made.of(&mut fourth, change);
        assert_eq!(fourth.rows.len(), 2);
    }

    #[test]
    fn databases_share_the_tables_that_are_equal() {
        let database = |names: &[&str]| Database {
            tables: [("zone_pool".into(), Arc::new(table(names)))].into(),
            ..Database::default()
        };
        let mut databases = [database(&["M"]), database(&["M"]), database(&["other"])];
        let mut known = Known::default();
        for database in &mut databases {
            database.share(&mut known);
        }
        let [one, two, third] = databases.each_ref().map(|database| &database.tables["zone_pool"]);
        assert!(Arc::ptr_eq(one, two));
        assert_eq!(third.row(Cell::Int(0)), Some(&row(0, "other")));
    }
}
