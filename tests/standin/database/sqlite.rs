//! SQLite through the program `sqlite3`.

use std::path::Path;
use std::process::Command;

use super::{DatabaseError, run};

/// A long read, as of fsck or a backup, must not make a write fail.
const SETTINGS: &str = ".timeout 10000\nPRAGMA synchronous=OFF;\n";

pub(super) fn script(file: &Path, sql: &str) -> Result<(), DatabaseError> {
    let output = run(
        Command::new("sqlite3").args(["-batch", "-bail"]).arg(file),
        &format!("{SETTINGS}{sql}"),
    )?;
    if output.status.success() {
        Ok(())
    } else {
        Err(error(&output.stderr))
    }
}

pub(super) fn query(file: &Path, sql: &str) -> Result<Vec<Vec<String>>, DatabaseError> {
    let output = run(
        Command::new("sqlite3")
            .args(["-batch", "-bail", "-json"])
            .arg(file),
        &format!("{SETTINGS}{sql};\n"),
    )?;
    if !output.status.success() {
        return Err(error(&output.stderr));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_str(&text).map_err(|error| DatabaseError(error.to_string()))?;
    Ok(rows
        .into_iter()
        .map(|row| row.into_iter().map(|(_, value)| plain(value)).collect())
        .collect())
}

fn plain(value: serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text,
        serde_json::Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// `Parse error near line 3: no such table: logdb` says more about us than about the database.
fn error(stderr: &[u8]) -> DatabaseError {
    let text = String::from_utf8_lossy(stderr);
    let first = text.lines().next().unwrap_or_default();
    let message = first.split_once(": ").map_or(first, |(_, message)| message);
    DatabaseError(message.to_owned())
}
