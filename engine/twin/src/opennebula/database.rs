//! A zone's database: tables as data, dumps of them as text, as SQLite or as MySQL writes them.

pub(crate) mod apart;
mod dump;
mod fingerprint;
mod mysqldump;
mod row;
pub(crate) mod shared;
mod sql;
pub(crate) mod zone;

use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::fmt::Write as _;
use std::sync::Arc;

pub(crate) use dump::Ran;
pub(crate) use fingerprint::{ALL_TABLES, FEDERATED_TABLES_ALONE};
use row::Row;
pub(crate) use sql::{Reads, Wrong, execute, fingerprint, only_reads};

/// How a dump has 2^64-1, which is a floating number to SQLite; older versions write it the other way.
const NO_INDEX_DUMPED: [&str; 2] = ["18446744073709551615.0", "1.84467440737095516e+19"];

/// A value in a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cell {
    /// None.
    Null,
    /// A number.
    Int(i64),
    /// A text.
    Text(Arc<str>),
    /// The index that local entries of the log carry: 2^64-1.
    NoIndex,
}

impl Cell {
    /// The number a word stands for.
    fn number(word: &str) -> Option<Self> {
        if NO_INDEX_DUMPED.contains(&word) || word == "18446744073709551615" {
            return Some(Self::NoIndex);
        }
        word.parse().ok().map(Self::Int)
    }

    /// As it stands in a statement.
    fn literal(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    fn write(&self, to: &mut String) {
        match self {
            Self::Null => to.push_str("NULL"),
            Self::Int(number) => _ = write!(to, "{number}"),
            Self::Text(text) => {
                to.push('\'');
                for (number, part) in text.split('\'').enumerate() {
                    if number > 0 {
                        to.push_str("''");
                    }
                    to.push_str(part);
                }
                to.push('\'');
            }
            Self::NoIndex => to.push_str(NO_INDEX_DUMPED[0]),
        }
    }

    /// As a query prints it.
    fn shown(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Int(number) => number.to_string(),
            Self::Text(text) => text.to_string(),
            Self::NoIndex => "1.84467440737096e+19".to_owned(),
        }
    }
}

/// What no two rows of a table have alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// Its first column.
    One(Cell),
    /// Its first columns.
    Several(Vec<Cell>),
}

/// A table.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// The statement that makes it.
    create: Arc<str>,
    columns: Arc<[String]>,
    rows: BTreeMap<Key, Row>,
    /// How many columns are the key; of a table without one, all of them.
    key: usize,
    /// Of the log, the column that says which rows are the federation's.
    fed_index: Option<usize>,
    /// Of all rows.
    all: Print,
    /// Of the rows that belong to the federation; only the log has others beside them.
    federated: Print,
}

/// Number of rows and a digest of what is in them: the sum of theirs, so that a row more or less costs no more than that row.
#[derive(Debug, Clone, Copy, Default)]
struct Print {
    rows: usize,
    sum: u64,
}

impl Print {
    fn add(&mut self, row: &Row) {
        self.rows += 1;
        self.sum = self.sum.wrapping_add(row.hash());
    }

    fn take(&mut self, row: &Row) {
        self.rows -= 1;
        self.sum = self.sum.wrapping_sub(row.hash());
    }

    /// As long as a SHA-256, which scripts expect.
    fn digest(&self) -> String {
        format!("{:064x}", self.sum)
    }
}

/// An index that is no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Index {
    name: Arc<str>,
    table: Arc<str>,
    /// The statement that makes it.
    create: Arc<str>,
}

impl Index {
    /// The index that a statement makes, `CREATE INDEX name ON table (columns)`.
    fn read(create: &str) -> Option<Self> {
        let mut words = create.strip_prefix("CREATE INDEX ")?.split([' ', '(']);
        let name = words.next()?;
        let table = words
            .by_ref()
            .find(|word| !word.is_empty() && !word.eq_ignore_ascii_case("on"))?;
        Some(Self {
            name: name.into(),
            table: table.into(),
            create: create.into(),
        })
    }
}

// `Eq` too: comparing databases that share their tables is then comparing pointers.
impl Eq for Table {}

impl PartialEq for Table {
    fn eq(&self, other: &Self) -> bool {
        self.create == other.create && self.rows == other.rows
    }
}

impl Table {
    /// An empty one.
    fn new(create: &str) -> Self {
        let definitions = definitions(create);
        let is_key = |definition: &&&str| definition.starts_with("PRIMARY KEY");
        let columns: Vec<String> = definitions
            .iter()
            .filter(|definition| !is_key(definition) && !definition.starts_with("UNIQUE"))
            .filter_map(|definition| definition.split_whitespace().next().map(str::to_owned))
            .collect();
        let key = match definitions.iter().find(is_key) {
            Some(key) => key.matches(',').count() + 1,
            None if create.contains("PRIMARY KEY") => 1,
            None => columns.len(),
        };
        Self {
            create: create.into(),
            fed_index: columns.iter().position(|column| column == "fed_index"),
            columns: columns.into(),
            rows: BTreeMap::new(),
            key,
            all: Print::default(),
            federated: Print::default(),
        }
    }

    /// The statement that `CREATE TABLE name AS SELECT * FROM` this one leaves: neither key nor index, and types of its own.
    fn as_selected(&self, name: &str) -> String {
        let definitions = definitions(&self.create);
        let columns = definitions.iter().take(self.columns.len()).map(|definition| {
            let (name, declared) = definition.split_once(' ').unwrap_or((definition, ""));
            let kind = if declared.contains("INT") {
                "INT"
            } else if declared.contains("CHAR") || declared.contains("TEXT") {
                "TEXT"
            } else {
                "NUM"
            };
            format!("  {name} {kind}")
        });
        format!(
            "CREATE TABLE {name}(\n{}\n)",
            columns.collect::<Vec<_>>().join(",\n")
        )
    }

    fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    fn key_of(&self, row: &[Cell]) -> Key {
        match row {
            [first, ..] if self.key == 1 => Key::One(first.clone()),
            row => Key::Several(row.iter().take(self.key).cloned().collect()),
        }
    }

    /// The row whose first column, which is the key, has this value.
    fn row(&self, key: Cell) -> Option<&Row> {
        self.rows.get(&Key::One(key))
    }

    fn put(&mut self, row: Row) {
        self.is_there(&row);
        if let Some(old) = self.rows.insert(self.key_of(&row), row) {
            self.is_gone(&old);
        }
    }

    /// Adds a row of a statement, unless there is one with its key.
    fn add(&mut self, name: &str, row: Row) -> Result<(), sql::Wrong> {
        if self.key == self.columns.len() {
            self.put(row);
            return Ok(());
        }
        let key = self.key_of(&row);
        if let btree_map::Entry::Vacant(free) = self.rows.entry(key) {
            free.insert(row.clone());
            self.is_there(&row);
            return Ok(());
        }
        let column = self.columns.first().map_or("", String::as_str);
        let why = format!("UNIQUE constraint failed: {name}.{column}");
        Err(sql::Wrong::Runtime(why, 19))
    }

    fn remove(&mut self, key: &Key) {
        if let Some(old) = self.rows.remove(key) {
            self.is_gone(&old);
        }
    }

    fn is_there(&mut self, row: &Row) {
        self.all.add(row);
        if self.is_federated(row) {
            self.federated.add(row);
        }
    }

    fn is_gone(&mut self, row: &Row) {
        self.all.take(row);
        if self.is_federated(row) {
            self.federated.take(row);
        }
    }

    /// Whether it is a row of the federated log.
    fn is_federated(&self, row: &[Cell]) -> bool {
        self.fed_index
            .is_some_and(|at| matches!(row.get(at), Some(Cell::Int(index)) if *index >= 0))
    }
}

/// What stands between the outer parentheses of a CREATE TABLE, part by part.
fn definitions(create: &str) -> Vec<&str> {
    let inside = create.split_once('(').map_or("", |(_, rest)| rest);
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in inside.char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth > 0 => depth -= 1,
            ')' => {
                parts.push(inside[start..at].trim());
                break;
            }
            ',' if depth == 0 => {
                parts.push(inside[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts
}

/// All tables of a zone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Database {
    tables: BTreeMap<Arc<str>, Arc<Table>>,
    /// Their names, in the order in which they were made.
    pub(crate) order: Vec<Arc<str>>,
    /// The indexes, likewise.
    pub(crate) indexes: Vec<Index>,
}

impl Database {
    /// What a program reads that reads its file: it differs where the content does.
    pub fn as_file(&self) -> String {
        let mut text = String::from("SQLite format 3\0");
        for (name, table) in &self.tables {
            let Print { rows, sum } = table.all;
            let _ = writeln!(text, "{name} {rows} {sum:x}");
        }
        text
    }

    /// Whether there is no table in it.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// A table.
    pub(crate) fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(name).map(Arc::as_ref)
    }

    /// A table, to be changed.
    fn table_mut(&mut self, name: &str) -> Option<&mut Table> {
        self.tables.get_mut(name).map(Arc::make_mut)
    }

    pub(crate) fn make(&mut self, name: &str, create: &str) {
        let name: Arc<str> = name.into();
        self.order.push(Arc::clone(&name));
        self.tables.insert(name, Arc::new(Table::new(create)));
    }

    pub(crate) fn drop(&mut self, name: &str) {
        if self.tables.remove(name).is_some() {
            self.order.retain(|other| &**other != name);
            self.indexes.retain(|index| *index.table != *name);
        }
    }

    pub(crate) fn rename(&mut self, from: &str, to: &str) {
        if let Some(mut table) = self.tables.remove(from) {
            self.order.retain(|other| &**other != from);
            let create = table.create.replacen(from, &format!("\"{to}\""), 1);
            Arc::make_mut(&mut table).create = create.into();
            let to: Arc<str> = to.into();
            self.order.push(Arc::clone(&to));
            self.tables.insert(to, table);
        }
    }

    /// Names of the indexes.
    pub fn index_names(&self) -> impl Iterator<Item = &str> {
        self.indexes.iter().map(|index| &*index.name)
    }

    /// Names of the users it knows.
    pub fn users(&self) -> BTreeSet<String> {
        let rows = self
            .table("user_pool")
            .into_iter()
            .flat_map(|table| table.rows.values());
        rows.filter_map(|row| match row.get(1) {
            Some(Cell::Text(name)) => Some(name.to_string()),
            _ => None,
        })
        .collect()
    }

    /// What all zones must have alike: a digest of the pools they share, without the log.
    pub fn shared_data(&self) -> String {
        let pools = nebplay_model::schema::FEDERATED_TABLES
            .iter()
            .filter(|name| **name != "db_versioning");
        pools
            .filter_map(|name| Some(format!("{name} {:x}\n", self.table(name)?.all.sum)))
            .collect()
    }
}
