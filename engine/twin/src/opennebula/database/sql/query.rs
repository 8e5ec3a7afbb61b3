//! SELECT.

use std::sync::Arc;

use super::super::{Cell, Database, Row};
use super::expression::{Expression, Sight, compare, position};
use super::no_table;
use super::tokens::Reader;

/// Columns and rows of a table, or of what SQLite keeps about its tables.
struct Rows {
    columns: Vec<String>,
    rows: Vec<Row>,
}

/// Answers a SELECT, whose first word has been read: a line for each row.
pub(super) fn select(database: &Database, reader: &mut Reader) -> Result<String, String> {
    let mut wanted = Vec::new();
    loop {
        // `*` is no expression: all columns.
        wanted.push(if reader.sign("*") {
            None
        } else {
            Some(Expression::read(reader)?)
        });
        if !reader.sign(",") {
            break;
        }
    }
    let from = if reader.keyword("from") {
        rows(database, &reader.name()?)?
    } else {
        Rows {
            columns: Vec::new(),
            rows: vec![[].into()],
        }
    };
    let condition = condition(reader, &from.columns)?;
    let order = if reader.keywords(&["order", "by"]) {
        Some((order_column(reader, &from.columns)?, reader.keyword("desc")))
    } else {
        None
    };
    let limit = if reader.keyword("limit") {
        match reader.literal() {
            Some(Cell::Int(number)) => usize::try_from(number).ok(),
            _ => return Err(reader.error()),
        }
    } else {
        None
    };
    reader.end()?;
    for expression in wanted.iter().flatten() {
        expression.check(&from.columns)?;
    }
    let mut meant: Vec<&[Cell]> = from.rows.iter().map(|row| &**row).collect();
    if let Some(condition) = &condition {
        meant.retain(|row| condition.holds(&sight(&from.columns, row, &[])));
    }
    if let Some((at, is_descending)) = order {
        meant.sort_by(|one, other| compare(&one[at], &other[at]));
        if is_descending {
            meant.reverse();
        }
    }
    let aggregate = wanted.iter().flatten().any(Expression::is_aggregate);
    let shown: Vec<&[Cell]> = if aggregate {
        vec![meant.first().copied().unwrap_or_default()]
    } else {
        meant.clone()
    };
    let lines = shown.iter().take(limit.unwrap_or(usize::MAX)).map(|row| {
        let cells = wanted.iter().flat_map(|expression| match expression {
            None => row.to_vec(),
            Some(expression) => vec![expression.of(&sight(&from.columns, row, &meant))],
        });
        let texts: Vec<String> = cells.map(|cell| cell.shown()).collect();
        format!("{}\n", texts.join("|"))
    });
    Ok(lines.collect())
}

/// `WHERE`, if it comes next.
pub(super) fn condition(reader: &mut Reader, columns: &[String]) -> Result<Option<Expression>, String> {
    if !reader.keyword("where") {
        return Ok(None);
    }
    let condition = Expression::read(reader)?;
    condition.check(columns)?;
    Ok(Some(condition))
}

pub(super) fn sight<'a>(columns: &'a [String], row: &'a [Cell], all: &'a [&'a [Cell]]) -> Sight<'a> {
    Sight { columns, row, all }
}

fn order_column(reader: &mut Reader, columns: &[String]) -> Result<usize, String> {
    match reader.literal() {
        Some(Cell::Int(number)) => usize::try_from(number - 1)
            .ok()
            .filter(|at| *at < columns.len())
            .ok_or_else(|| "1st ORDER BY term out of range - should be between 1 and 1".to_owned()),
        Some(_) => Err(reader.error()),
        None => position(columns, &reader.name()?),
    }
}

fn rows(database: &Database, name: &str) -> Result<Rows, String> {
    if name == "sqlite_master" || name == "sqlite_schema" {
        return Ok(master(database));
    }
    let table = database.table(name).ok_or_else(|| no_table(name))?;
    Ok(Rows {
        columns: table.columns.to_vec(),
        rows: table.rows.values().cloned().collect(),
    })
}

/// What SQLite keeps about its tables and indexes.
fn master(database: &Database) -> Rows {
    let row = |kind: &str, name: &Arc<str>, table: &Arc<str>, create: &Arc<str>| -> Row {
        Row::from([
            Cell::Text(kind.into()),
            Cell::Text(Arc::clone(name)),
            Cell::Text(Arc::clone(table)),
            Cell::Int(2),
            Cell::Text(Arc::clone(create)),
        ])
    };
    let tables = database.order.iter().filter_map(|name| {
        let table = database.table(name)?;
        Some(row("table", name, name, &table.create))
    });
    let indexes = database
        .indexes
        .iter()
        .map(|index| row("index", &index.name, &index.table, &index.create));
    Rows {
        columns: ["type", "name", "tbl_name", "rootpage", "sql"]
            .map(str::to_owned)
            .to_vec(),
        rows: tables.chain(indexes).collect(),
    }
}
