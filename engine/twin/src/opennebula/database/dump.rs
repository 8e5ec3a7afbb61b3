//! Dumps: what `sqlite3 .dump` prints, and what becomes of one that is loaded, be it SQLite's or MySQL's.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::rc::Rc;
use std::sync::Arc;

use foldhash::HashMap;

use nebplay_model::rows::Dialect;

use super::mysqldump::{self, END};
use super::{Cell, Database, Index, Row, Table, Wrong, execute};

/// A statement of a script. Those of which dumps are made are read once.
#[derive(Debug, Clone)]
pub(super) enum Statement {
    Begin,
    Commit,
    Drop(Vec<String>),
    /// A table, the statement that makes it without its indexes, and these.
    Make(String, String, Vec<Index>),
    Insert(String, Vec<Row>),
    Nothing,
    Other(String),
}

/// What a script came to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ran {
    /// What was printed.
    pub(crate) out: String,
    /// What the client says of statements that failed.
    pub(crate) errors: Vec<String>,
    /// It is a dump, all of it came in, and each table that it drops is there again.
    pub(crate) whole: bool,
}

impl Database {
    /// As `.dump` prints it: one table, or all of them. The indexes of a single table are not in it.
    pub(crate) fn dump(&self, only: Option<&str>) -> String {
        let mut text = String::from("PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n");
        for name in self
            .order
            .iter()
            .filter(|name| only.is_none_or(|only| only == &***name))
        {
            let Some(table) = self.table(name) else { continue };
            dump_table(&mut text, name, table);
        }
        for index in self.indexes.iter().filter(|_| only.is_none()) {
            let _ = writeln!(text, "{};", index.create);
        }
        text.push_str("COMMIT;\n");
        text
    }

    /// `CREATE TABLE as_name AS SELECT * FROM name`.
    pub(crate) fn copy(&mut self, name: &str, as_name: &str) {
        let Some(table) = self.table(name) else { return };
        let mut copied = Table::new(&table.as_selected(as_name));
        for row in table.rows.values() {
            copied.put(row.clone());
        }
        let as_name: Arc<str> = as_name.into();
        self.order.push(Arc::clone(&as_name));
        self.tables.insert(as_name, Arc::new(copied));
    }

    /// Runs a script as sqlite3 does from its standard input, or the first `part` of it: what fails is left out, unless `bail` ends it
    /// there. A transaction that has no end never was. MySQL's client ends at what fails, always.
    pub(crate) fn run(&mut self, text: &str, part: f64, bail: bool, dialect: Dialect) -> Ran {
        let script = script(text, dialect);
        let bail = bail || dialect == Dialect::Mysql;
        if part < 1.0 || !self.is_empty() {
            return self.follow(&script, part, bail);
        }
        // A scratch database, mostly: the same few dumps are proven again and again.
        if let Some((loaded, ran)) = script.loaded.get() {
            *self = loaded.clone();
            return ran.clone();
        }
        let ran = self.follow(&script, part, bail);
        if ran.errors.is_empty() {
            script.loaded.get_or_init(|| (self.clone(), ran.clone()));
        }
        ran
    }

    fn follow(&mut self, script: &Script, part: f64, bail: bool) -> Ran {
        if part >= 1.0
            && let Some((loaded, ran)) = script.replaced.get()
        {
            self.replace(script, loaded);
            return ran.clone();
        }
        let ran = self.do_all(script, part, bail);
        if script.replaces && ran.whole {
            script.replaced.get_or_init(|| (self.clone(), ran.clone()));
        }
        ran
    }

    /// Puts what a script that replaces tables made of a database in the place of its own.
    fn replace(&mut self, script: &Script, by: &Self) {
        for (_, statement) in &script.statements {
            match &**statement {
                Statement::Drop(names) => names.iter().for_each(|name| self.drop(name)),
                Statement::Make(name, _, indexes) => {
                    let made = by.tables.get_key_value(&**name);
                    self.order.extend(made.map(|(name, _)| Arc::clone(name)));
                    self.tables
                        .extend(made.map(|(name, table)| (Arc::clone(name), Arc::clone(table))));
                    self.indexes.extend(indexes.iter().cloned());
                }
                _ => {}
            }
        }
    }

    fn do_all(&mut self, script: &Script, part: f64, bail: bool) -> Ran {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a part of the statements"
        )]
        let count = (script.statements.len() as f64 * part.clamp(0.0, 1.0)) as usize;
        let mut ran = Ran::default();
        let mut before: Option<Self> = None;
        for (line, statement) in script.statements.iter().take(count) {
            let result = match &**statement {
                Statement::Begin => {
                    before = Some(self.clone());
                    Ok(())
                }
                Statement::Commit => {
                    before = None;
                    Ok(())
                }
                Statement::Other(text) if script.dialect == Dialect::Mysql && is_sqlites(text) => {
                    Err(Wrong::Parse(format!("near \"{text}\": syntax error")))
                }
                Statement::Other(text) => execute(self, text).map(|printed| ran.out.push_str(&printed)),
                simple => self.do_simple(simple),
            };
            if let Err(wrong) = result {
                ran.errors.push(near_line(*line, &wrong, script.dialect));
                if bail {
                    break;
                }
            }
        }
        if let Some(line) = script
            .cut_off
            .filter(|_| part >= 1.0 && (!bail || ran.errors.is_empty()))
        {
            let wrong = Wrong::Parse("incomplete input".to_owned());
            ran.errors.push(near_line(line, &wrong, script.dialect));
        }
        ran.whole =
            script.dropped > 0 && script.has_end && part >= 1.0 && before.is_none() && ran.errors.is_empty();
        if let Some(before) = before {
            *self = before;
        }
        let dropped = script
            .statements
            .iter()
            .filter_map(|(_, statement)| match &**statement {
                Statement::Drop(names) => Some(names),
                _ => None,
            });
        ran.whole &= dropped.flatten().all(|name| self.table(name).is_some());
        ran
    }

    fn do_simple(&mut self, statement: &Statement) -> Result<(), Wrong> {
        match statement {
            Statement::Drop(names) => names.iter().for_each(|name| self.drop(name)),
            Statement::Make(name, ..) if self.table(name).is_some() => {
                return Err(Wrong::Parse(format!("table {name} already exists")));
            }
            Statement::Make(name, create, indexes) => {
                self.make(name, create);
                self.indexes.extend(indexes.iter().cloned());
            }
            Statement::Insert(name, rows) => {
                let Some(table) = self.table_mut(name) else {
                    return Err(Wrong::Parse(format!("no such table: {name}")));
                };
                return rows.iter().try_for_each(|row| table.add(name, row.clone()));
            }
            _ => {}
        }
        Ok(())
    }
}

/// Whether a statement is one that only SQLite understands: names in double quotes, and its settings.
fn is_sqlites(text: &str) -> bool {
    text.contains('"')
        || text
            .get(..6)
            .is_some_and(|word| word.eq_ignore_ascii_case("pragma"))
}

fn near_line(line: usize, wrong: &Wrong, dialect: Dialect) -> String {
    if dialect == Dialect::Mysql {
        return mysqldump::error(line, wrong);
    }
    match wrong {
        Wrong::Parse(why) => format!("Parse error near line {line}: {why}"),
        Wrong::Runtime(why, code) => format!("Runtime error near line {line}: {why} ({code})"),
    }
}

fn dump_table(text: &mut String, name: &str, table: &Table) {
    let _ = writeln!(text, "{};", table.create);
    let insert = format!("INSERT INTO {name} VALUES(");
    for row in table.rows.values() {
        text.push_str(&insert);
        for (at, cell) in row.iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            cell.write(text);
        }
        text.push_str(");\n");
    }
}

/// A script that was read.
struct Script {
    dialect: Dialect,
    /// Its statements, each with the line it begins on.
    statements: Vec<(usize, Rc<Statement>)>,
    /// The line on which a last one begins that has no end.
    cut_off: Option<usize>,
    /// How many tables it drops.
    dropped: usize,
    /// Each of its parts has the end that MySQL's dumper writes; SQLite's is its last statement.
    has_end: bool,
    /// What an empty database becomes by it, if nothing fails.
    loaded: OnceCell<(Database, Ran)>,
    /// Each table that it is about is dropped, made anew and filled by it: whatever the database, it comes to the same tables.
    replaces: bool,
    /// What a database became by it, if that is so.
    replaced: OnceCell<(Database, Ran)>,
}

/// The same few dumps are loaded again and again, and each is large: few are kept.
fn script(text: &str, dialect: Dialect) -> Rc<Script> {
    const KEPT: usize = 8;
    thread_local! {
        static READ: RefCell<[HashMap<Box<str>, Rc<Script>>; 2]> = RefCell::default();
        static LINES: RefCell<Lines> = RefCell::default();
    }
    READ.with_borrow_mut(|[sqlite, mysql]| {
        let read = if dialect == Dialect::Mysql { mysql } else { sqlite };
        if let Some(found) = read.get(text) {
            return Rc::clone(found);
        }
        if read.len() >= KEPT {
            read.clear();
        }
        let parsed = LINES.with_borrow_mut(|lines| Rc::new(parse(text, dialect, lines)));
        read.insert(text.into(), Rc::clone(&parsed));
        parsed
    })
}

/// Lines of SQLite's dumps that are a statement each. The dumps of all zones have most of them alike.
#[derive(Default)]
struct Lines(HashMap<Box<str>, Rc<Statement>>);

impl Lines {
    const KEPT: usize = 8192;

    /// The statement that a text begins with, and the length of its line, if that was read before.
    fn known(&self, text: &str) -> Option<(Rc<Statement>, usize)> {
        let length = text.find('\n')?;
        let found = self.0.get(&text[..length])?;
        Some((Rc::clone(found), length))
    }

    /// Keeps a statement that a text begins with and that ends before `end`, if it is all that its line has.
    fn keep(&mut self, text: &str, end: usize, statement: &Rc<Statement>) {
        let is_line = text[end..].starts_with(";\n") && !text[..end].contains('\n');
        if !is_line {
            return;
        }
        if self.0.len() >= Self::KEPT {
            self.0.clear();
        }
        self.0.insert(text[..=end].into(), Rc::clone(statement));
    }
}

fn parse(text: &str, dialect: Dialect, lines: &mut Lines) -> Script {
    let mut statements = Vec::new();
    let (mut rest, mut line) = (text, 1);
    let cut_off = loop {
        let begin = past_blank(rest, dialect);
        line += rest[..begin].matches('\n').count();
        rest = &rest[begin..];
        if rest.is_empty() {
            break None;
        }
        if let Some((known, length)) = lines.known(rest).filter(|_| dialect == Dialect::Sqlite) {
            statements.push((line, known));
            rest = &rest[length..];
            continue;
        }
        let end = if rest.starts_with('.') {
            rest.find('\n').or(Some(rest.len()))
        } else {
            end_of_statement(rest, dialect)
        };
        let Some(end) = end else { break Some(line) };
        let read = Rc::new(statement(rest[..end].trim_end(), dialect));
        if dialect == Dialect::Sqlite {
            lines.keep(rest, end, &read);
        }
        statements.push((line, read));
        line += rest[..end].matches('\n').count();
        rest = rest.get(end + 1..).unwrap_or_default();
    };
    let dropped = statements
        .iter()
        .filter(|(_, statement)| matches!(**statement, Statement::Drop(_)))
        .count();
    let is_ended = || {
        let parts = text.matches("\n-- MariaDB dump ").count();
        text.matches(END).count() == parts.max(1)
    };
    Script {
        dialect,
        replaces: cut_off.is_none() && replaces(&statements),
        statements,
        cut_off,
        dropped,
        has_end: dialect == Dialect::Sqlite || is_ended(),
        loaded: OnceCell::new(),
        replaced: OnceCell::new(),
    }
}

/// Whether each table that is made was dropped before, each that is filled was made before, and there is nothing else.
fn replaces(statements: &[(usize, Rc<Statement>)]) -> bool {
    let (mut dropped, mut made) = (BTreeSet::new(), BTreeSet::new());
    statements.iter().all(|(_, statement)| match &**statement {
        Statement::Begin | Statement::Commit | Statement::Nothing => true,
        Statement::Drop(names) => {
            dropped.extend(names);
            true
        }
        Statement::Make(name, ..) => dropped.contains(name) && made.insert(name),
        Statement::Insert(name, _) => made.contains(name),
        Statement::Other(_) => false,
    })
}

/// The length of what stands before a statement: blanks and comments, MySQL's settings in comments among them.
fn past_blank(text: &str, dialect: Dialect) -> usize {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n', ';']);
        if dialect == Dialect::Mysql && rest.starts_with("/*") {
            rest = rest.find("*/").map_or("", |end| &rest[end + 2..]);
            continue;
        }
        if !rest.starts_with("--") {
            return text.len() - rest.len();
        }
        rest = rest.find('\n').map_or("", |end| &rest[end..]);
    }
}

/// Where a statement's semicolon is.
fn end_of_statement(text: &str, dialect: Dialect) -> Option<usize> {
    let mut quoted = None;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        if escaped {
            escaped = false;
            continue;
        }
        match (quoted, byte) {
            (Some(_), b'\\') if dialect == Dialect::Mysql => escaped = true,
            (None, b'\'' | b'"') => quoted = Some(byte),
            (Some(mark), byte) if mark == byte => quoted = None,
            (None, b';') => return Some(at),
            _ => {}
        }
    }
    None
}

fn statement(text: &str, dialect: Dialect) -> Statement {
    if dialect == Dialect::Mysql {
        let known = mysqldump::statement(text);
        return known.unwrap_or_else(|| Statement::Other(text.to_owned()));
    }
    let name = |rest: &str| {
        rest.split(['(', ' '])
            .next()
            .unwrap_or_default()
            .trim_matches('"')
            .to_owned()
    };
    let simple = if let Some(rest) = text.strip_prefix("INSERT INTO ") {
        rest.split_once(" VALUES").and_then(|(table, rest)| {
            let values = rest.trim().strip_prefix('(')?.strip_suffix(')')?;
            Some(Statement::Insert(name(table), vec![cells(values)?.into()]))
        })
    } else if let Some(rest) = text.strip_prefix("CREATE TABLE ") {
        rest.contains('(')
            .then(|| Statement::Make(name(rest), text.to_owned(), Vec::new()))
            .filter(|_| !rest.starts_with("IF NOT"))
    } else if let Some(rest) = text.strip_prefix("DROP TABLE IF EXISTS ") {
        Some(Statement::Drop(vec![name(rest)]))
    } else {
        let word = text.split_whitespace().next().unwrap_or_default();
        [
            ("begin", Statement::Begin),
            ("commit", Statement::Commit),
            ("pragma", Statement::Nothing),
        ]
        .into_iter()
        .find_map(|(known, statement)| word.eq_ignore_ascii_case(known).then_some(statement))
    };
    simple.unwrap_or_else(|| Statement::Other(text.to_owned()))
}

/// The values between the parentheses of an INSERT.
pub(super) fn cells(text: &str) -> Option<Vec<Cell>> {
    let mut cells = Vec::new();
    let mut rest = text.trim();
    loop {
        let after;
        if let Some(quoted) = rest.strip_prefix('\'') {
            let mut end = 0;
            loop {
                let found = end + quoted.get(end..)?.find('\'')?;
                if quoted.get(found + 1..)?.starts_with('\'') {
                    end = found + 2;
                } else {
                    cells.push(Cell::Text(quoted[..found].replace("''", "'").into()));
                    after = &quoted[found + 1..];
                    break;
                }
            }
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            let word = rest[..end].trim();
            cells.push(if word == "NULL" {
                Cell::Null
            } else {
                Cell::number(word)?
            });
            after = &rest[end..];
        }
        match after.trim_start().strip_prefix(',') {
            Some(next) => rest = next.trim_start(),
            None => return after.trim().is_empty().then_some(cells),
        }
    }
}
