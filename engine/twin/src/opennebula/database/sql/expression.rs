//! Expressions of SQL: what is true of a row, and what is printed of it.

use std::cmp::Ordering;

use super::super::Cell;
use super::tokens::Reader;

/// An expression.
#[derive(Debug, Clone)]
pub(super) enum Expression {
    Literal(Cell),
    Column(String),
    /// `count(*)`, `max(x)`, `min(x)`: of all rows that are meant.
    Count,
    Extreme(Ordering, Box<Expression>),
    Binary(&'static str, Box<Expression>, Box<Expression>),
    Not(Box<Expression>),
    In(Box<Expression>, Vec<Expression>),
}

/// What an expression is looked at with.
pub(super) struct Sight<'a> {
    pub(super) columns: &'a [String],
    pub(super) row: &'a [Cell],
    /// All rows that are meant.
    pub(super) all: &'a [&'a [Cell]],
}

/// Operators from the loosest to the closest, but for `and`, `or` and `not`.
const COMPARING: [&str; 8] = ["<=", ">=", "<>", "!=", "==", "=", "<", ">"];

impl Expression {
    pub(super) fn read(reader: &mut Reader) -> Result<Self, String> {
        let mut left = Self::conjunction(reader)?;
        while reader.keyword("or") {
            left = Self::Binary("or", Box::new(left), Box::new(Self::conjunction(reader)?));
        }
        Ok(left)
    }

    fn conjunction(reader: &mut Reader) -> Result<Self, String> {
        let mut left = Self::negation(reader)?;
        while reader.keyword("and") {
            left = Self::Binary("and", Box::new(left), Box::new(Self::negation(reader)?));
        }
        Ok(left)
    }

    fn negation(reader: &mut Reader) -> Result<Self, String> {
        if reader.keyword("not") {
            return Ok(Self::Not(Box::new(Self::negation(reader)?)));
        }
        let left = Self::chain(reader)?;
        if let Some(sign) = reader.one_of(&COMPARING) {
            let right = Self::chain(reader)?;
            return Ok(Self::Binary(sign, Box::new(left), Box::new(right)));
        }
        if reader.keyword("is") {
            let is_not = reader.keyword("not");
            let right = Self::chain(reader)?;
            return Ok(negated(
                is_not,
                Self::Binary("is", Box::new(left), Box::new(right)),
            ));
        }
        let is_not = reader.keyword("not");
        if reader.keyword("like") {
            let right = Self::chain(reader)?;
            return Ok(negated(
                is_not,
                Self::Binary("like", Box::new(left), Box::new(right)),
            ));
        }
        if reader.keyword("in") {
            reader.must("(")?;
            let mut among = vec![Self::read(reader)?];
            while reader.sign(",") {
                among.push(Self::read(reader)?);
            }
            reader.must(")")?;
            return Ok(negated(is_not, Self::In(Box::new(left), among)));
        }
        if is_not { Err(reader.error()) } else { Ok(left) }
    }

    fn chain(reader: &mut Reader) -> Result<Self, String> {
        let mut left = Self::one(reader)?;
        while reader.sign("||") {
            left = Self::Binary("||", Box::new(left), Box::new(Self::one(reader)?));
        }
        Ok(left)
    }

    fn one(reader: &mut Reader) -> Result<Self, String> {
        if let Some(cell) = reader.literal() {
            return Ok(Self::Literal(cell));
        }
        if reader.sign("-") {
            return match reader.literal() {
                Some(Cell::Int(number)) => Ok(Self::Literal(Cell::Int(-number))),
                _ => Err(reader.error()),
            };
        }
        if reader.sign("(") {
            let inner = Self::read(reader)?;
            reader.must(")")?;
            return Ok(inner);
        }
        if reader.keyword("null") {
            return Ok(Self::Literal(Cell::Null));
        }
        let name = reader.name()?;
        if !reader.sign("(") {
            return Ok(Self::Column(name));
        }
        let called = match name.to_ascii_lowercase().as_str() {
            "count" if reader.sign("*") => Self::Count,
            "concat" => {
                let mut left = Self::read(reader)?;
                while reader.sign(",") {
                    left = Self::Binary("||", Box::new(left), Box::new(Self::read(reader)?));
                }
                left
            }
            "max" => Self::Extreme(Ordering::Greater, Box::new(Self::read(reader)?)),
            "min" => Self::Extreme(Ordering::Less, Box::new(Self::read(reader)?)),
            _ => return Err(format!("no such function: {name}")),
        };
        reader.must(")")?;
        Ok(called)
    }

    /// Whether it is about all rows at once.
    pub(super) fn is_aggregate(&self) -> bool {
        match self {
            Self::Count | Self::Extreme(..) => true,
            Self::Literal(_) | Self::Column(_) => false,
            Self::Binary(_, left, right) => left.is_aggregate() || right.is_aggregate(),
            Self::Not(inner) => inner.is_aggregate(),
            Self::In(inner, among) => inner.is_aggregate() || among.iter().any(Self::is_aggregate),
        }
    }

    /// Complains of a column that is not there.
    pub(super) fn check(&self, columns: &[String]) -> Result<(), String> {
        match self {
            Self::Literal(_) | Self::Count => Ok(()),
            Self::Column(name) => position(columns, name).map(drop),
            Self::Extreme(_, inner) | Self::Not(inner) => inner.check(columns),
            Self::Binary(_, left, right) => left.check(columns).and(right.check(columns)),
            Self::In(inner, among) => among
                .iter()
                .try_fold((), |(), one| one.check(columns))
                .and(inner.check(columns)),
        }
    }

    /// What it is; a column that is not there is NULL.
    pub(super) fn of(&self, sight: &Sight<'_>) -> Cell {
        match self {
            Self::Literal(cell) => cell.clone(),
            Self::Column(name) => position(sight.columns, name)
                .ok()
                .and_then(|at| sight.row.get(at).cloned())
                .unwrap_or(Cell::Null),
            Self::Count => Cell::Int(i64::try_from(sight.all.len()).unwrap_or(i64::MAX)),
            Self::Extreme(wanted, inner) => {
                let values = sight.all.iter().map(|row| inner.of(&Sight { row, ..*sight }));
                let values = values.filter(|cell| *cell != Cell::Null);
                let best = values.reduce(|best, cell| {
                    if compare(&cell, &best) == *wanted {
                        cell
                    } else {
                        best
                    }
                });
                best.unwrap_or(Cell::Null)
            }
            Self::Binary(sign, left, right) => binary(sign, &left.of(sight), &right.of(sight)),
            Self::Not(inner) => match inner.of(sight) {
                Cell::Null => Cell::Null,
                cell => truth(!is_true(&cell)),
            },
            Self::In(inner, among) => {
                let cell = inner.of(sight);
                truth(
                    among
                        .iter()
                        .any(|one| is_true(&binary("=", &cell, &one.of(sight)))),
                )
            }
        }
    }

    /// Whether it is true.
    pub(super) fn holds(&self, sight: &Sight<'_>) -> bool {
        is_true(&self.of(sight))
    }
}

/// Where a column stands.
pub(super) fn position(columns: &[String], name: &str) -> Result<usize, String> {
    let found = columns
        .iter()
        .position(|column| column.eq_ignore_ascii_case(name));
    found.ok_or_else(|| format!("no such column: {name}"))
}

fn negated(is_not: bool, expression: Expression) -> Expression {
    if is_not {
        Expression::Not(Box::new(expression))
    } else {
        expression
    }
}

fn truth(is: bool) -> Cell {
    Cell::Int(i64::from(is))
}

fn is_true(cell: &Cell) -> bool {
    !matches!(cell, Cell::Null | Cell::Int(0) | Cell::Text(_))
}

fn binary(sign: &str, left: &Cell, right: &Cell) -> Cell {
    let is_null = *left == Cell::Null || *right == Cell::Null;
    match sign {
        "and" => truth(is_true(left) && is_true(right)),
        "or" => truth(is_true(left) || is_true(right)),
        "is" => truth(left == right),
        _ if is_null => Cell::Null,
        "||" => Cell::Text([left.shown(), right.shown()].concat().into()),
        "like" => truth(is_like(&left.shown(), &right.shown())),
        "<>" | "!=" => truth(compare(left, right).is_ne()),
        "<=" => truth(compare(left, right).is_le()),
        ">=" => truth(compare(left, right).is_ge()),
        "<" => truth(compare(left, right).is_lt()),
        ">" => truth(compare(left, right).is_gt()),
        _ => truth(compare(left, right).is_eq()),
    }
}

/// SQLite's order: nothing, then numbers, then texts.
pub(super) fn compare(left: &Cell, right: &Cell) -> Ordering {
    let kind = |cell: &Cell| match cell {
        Cell::Null => 0,
        Cell::Int(_) => 1,
        // Greater than any other number there is.
        Cell::NoIndex => 2,
        Cell::Text(_) => 3,
    };
    kind(left).cmp(&kind(right)).then_with(|| left.cmp(right))
}

/// LIKE: `%` is anything, `_` any character, and case does not matter.
fn is_like(text: &str, pattern: &str) -> bool {
    let mut pattern_left = pattern.chars();
    match pattern_left.next() {
        None => text.is_empty(),
        Some('%') => {
            let rest = pattern_left.as_str();
            text.char_indices()
                .map(|(at, _)| at)
                .chain([text.len()])
                .any(|at| is_like(&text[at..], rest))
        }
        Some(wanted) => {
            let mut text_left = text.chars();
            let fits = text_left
                .next()
                .is_some_and(|found| wanted == '_' || found.eq_ignore_ascii_case(&wanted));
            fits && is_like(text_left.as_str(), pattern_left.as_str())
        }
    }
}
