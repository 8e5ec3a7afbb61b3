//! MySQL and MariaDB through the program `mysql`.

use std::process::Command;

use nebplay_model::config::Mysql;

use super::{DatabaseError, run as run_program};

/// The client under the name it has here.
pub(crate) fn client_program() -> &'static str {
    installed(&["mysql", "mariadb"])
}

/// The dumper under the name it has here.
pub(crate) fn dump_program() -> &'static str {
    installed(&["mysqldump", "mariadb-dump"])
}

fn installed(names: &[&'static str]) -> &'static str {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there =
        |name: &&&'static str| std::env::split_paths(&path).any(|directory| directory.join(name).is_file());
    names
        .iter()
        .find(is_there)
        .or(names.first())
        .copied()
        .unwrap_or_default()
}

/// Standard output of a script; fields by tabs, special characters escaped.
pub(super) fn run(login: &Mysql, sql: &str) -> Result<String, DatabaseError> {
    let output = run_program(
        Command::new(client_program())
            .args(["--no-defaults", "-N", "-B", "--default-character-set=utf8mb4"])
            .args([
                "-u",
                &login.user,
                "-h",
                &login.server,
                "-P",
                &login.port.to_string(),
            ])
            .arg(&login.database)
            .env("MYSQL_PWD", &login.password),
        sql,
    )?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(DatabaseError(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        ))
    }
}

pub(super) fn query(login: &Mysql, sql: &str) -> Result<Vec<Vec<String>>, DatabaseError> {
    let out = run(login, &format!("{sql};\n"))?;
    Ok(out
        .lines()
        .map(|line| line.split('\t').map(unescape).collect())
        .collect())
}

fn unescape(field: &str) -> String {
    if field == "NULL" {
        return String::new();
    }
    let mut text = String::with_capacity(field.len());
    let mut characters = field.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            text.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => text.push('\n'),
            Some('t') => text.push('\t'),
            Some('0') => text.push('\0'),
            Some(other) => text.push(other),
            None => text.push('\\'),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::unescape;

    #[test]
    fn fields_are_unescaped() {
        for (field, text) in [
            ("a\\tb\\\\n", "a\tb\\n"),
            ("NULL", ""),
            ("x\\", "x\\"),
            ("é", "é"),
        ] {
            assert_eq!(unescape(field), text);
        }
    }
}
