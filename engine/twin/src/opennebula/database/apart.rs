//! Whether two databases differ in anything that a zone goes by later on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nebplay_model::rows::Row;
use nebplay_model::schema;
use nebplay_model::store::Store;

use super::zone::{LOG, cell};
use super::{Cell, Database};
use crate::apart::without_times;
use crate::opennebula::daemon::clients;

/// Numbers from here on are times.
const TIMES: i64 = 1_000_000_000;

impl Database {
    /// The first thing in which they differ, clients' writes and times aside.
    pub(crate) fn difference(self: &Arc<Self>, other: &Arc<Self>) -> Option<String> {
        if Arc::ptr_eq(self, other) {
            return None;
        }
        if self.indexes != other.indexes || !self.tables.keys().eq(other.tables.keys()) {
            return Some("its tables or indexes".to_owned());
        }
        let users = |database: &Self| {
            let rows = database.table("user_pool").into_iter();
            of_clients(rows.flat_map(|table| table.rows.values().map(|row| row.to_vec())))
        };
        let (ours, theirs) = (users(self), users(other));
        let mut tables = self.tables.iter().zip(other.tables.values());
        let differs = tables.find(|((name, one), other)| {
            let rows = |table: &super::Table, clients: &BTreeSet<Cell>| {
                let all = table.rows.values().map(|row| row.to_vec());
                kept(name, table.key, all, clients)
            };
            // The log has every write since ever; what counts is how far the zones are in it, against each other.
            let is_same = Arc::ptr_eq(one, other)
                || one.create == other.create
                    && (&***name == LOG || rows(one, &ours) == rows(other, &theirs));
            !is_same
        });
        differs.map(|((name, _), _)| format!("its table {name}"))
    }

    /// How many entries of the federated log it has.
    pub(crate) fn federated_entries(&self) -> usize {
        self.table(LOG).map_or(0, |log| log.federated.rows)
    }
}

/// As [`Database::difference`], of what a daemon has in its memory.
pub(crate) fn memory_differs(one: &Store, other: &Store) -> bool {
    if one == other {
        return false;
    }
    let rows_of = |store: &Store, table: schema::Table| -> Vec<Vec<Cell>> {
        let cells = |row: &Row| row.iter().map(cell).collect();
        store.rows(table).map(cells).collect()
    };
    let users = |store: &Store| of_clients(rows_of(store, schema::Table::UserPool).into_iter());
    let (ours, theirs) = (users(one), users(other));
    let rows = |store: &Store, table: schema::Table, clients: &BTreeSet<Cell>| {
        kept(table.name(), 1, rows_of(store, table).into_iter(), clients)
    };
    let mut tables = schema::Table::ALL.into_iter();
    tables.any(|table| rows(one, table, &ours) != rows(other, table, &theirs))
}

/// The numbers of those users that clients made.
fn of_clients(users: impl Iterator<Item = Vec<Cell>>) -> BTreeSet<Cell> {
    let made = users.filter(|row| matches!(row.get(1), Some(Cell::Text(name)) if clients::made(name)));
    made.filter_map(|row| row.into_iter().next()).collect()
}

/// The rows of a table, by key, without what clients leave there and without times.
fn kept(
    table: &str,
    key: usize,
    rows: impl Iterator<Item = Vec<Cell>>,
    clients: &BTreeSet<Cell>,
) -> BTreeMap<Vec<Cell>, Vec<Cell>> {
    let is_of_clients = |row: &Vec<Cell>| match (table, row.first()) {
        ("user_pool" | "user_quotas", Some(oid)) => clients.contains(oid),
        ("pool_control", Some(Cell::Text(pool))) => &**pool == "user_pool",
        _ => false,
    };
    let plain = |cell: Cell| match cell {
        Cell::Int(number) if number >= TIMES => Cell::Int(TIMES),
        Cell::Text(text) if table == "group_pool" => {
            Cell::Text(without_times(&without_members(&text)).into())
        }
        Cell::Text(text) => Cell::Text(without_times(&text).into()),
        cell => cell,
    };
    rows.filter(|row| !is_of_clients(row))
        .map(|row| {
            let row: Vec<Cell> = row.into_iter().map(plain).collect();
            (row.iter().take(key).cloned().collect(), row)
        })
        .collect()
}

/// A group's body without the list of its users.
fn without_members(body: &str) -> String {
    match (body.split_once("<USERS>"), body.split_once("</USERS>")) {
        (Some((before, _)), Some((_, after))) => format!("{before}{after}"),
        _ => body.to_owned(),
    }
}
