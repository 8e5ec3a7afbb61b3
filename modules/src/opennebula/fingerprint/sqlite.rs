//! The fingerprint of a SQLite database, taken by `sqlite3 -readonly` on the host.

use super::Which;

/// Defines `fingerprint FILE GENERATOR` for a POSIX shell.
///
/// The generator writes the statements, a few for each table there is; they then run in one transaction, so that all tables are
/// seen at one moment; oned, where it runs, is waited for and kept waiting only that long. A command's output is never half believed: `-bail` ends it with a status, and the last line is `end`.
pub(crate) const FUNCTION: &str = r#"
reader() { sqlite3 -batch -init /dev/null -readonly -bail -cmd '.timeout 20000' "$1"; }
fingerprint() {
    if [ ! -e "$1" ]; then echo "no such file: $1" >&2; return 66; fi
    statements=$(printf '%s\n' "$2" | reader "$1") || return
    printf '%s\n' "$statements" | reader "$1"
}
"#;

/// Writes the statements. A row is the literals of its columns, rows stand in the order of all columns.
///
/// A float is written as OpenNebula means it: SQLite keeps 2^64-1 as one, and versions of sqlite3 print floats differently.
const GENERATOR: &str = r#"
with wanted(name) as (select name from sqlite_master where type = 'table' and name not like 'sqlite!_%' escape '!' and WANTED),
numbered(n, name) as (select row_number() over (order by name), name from wanted),
quoted(n, name, title) as (
  select n, t.name, '"' || replace(c.name, '"', '""') || '"' from numbered t, pragma_table_info(t.name) c order by n, c.cid),
columns(n, name, title, value) as (
  select n, name, title, 'case typeof(' || title || ') when ''real'' then case when ' || title ||
    ' = 18446744073709551615.0 then ''18446744073709551615'' else printf(''%!.15g'', ' || title || ') end else quote(' || title || ') end'
  from quoted),
prints(n, name, titles, row, condition) as (
  select n, name, group_concat(title, ', '), group_concat(value, ' || '','' || '), '' from columns
    where ALSO_LOG group by n, name
  union all
  select 0, name, group_concat(title, ', '), group_concat(value, ' || '','' || '),
    ' where fed_index >= 0 and fed_index < 9223372036854775807' from columns where name = 'logdb' group by n, name)
select 'begin;'
union all
select '.output ''|echo "sha ' || n || ' $(sha256sum)"''' || char(10) ||
  'select ' || row || ' from "' || replace(name, '"', '""') || '"' || condition || ' order by ' || titles || ';' || char(10) ||
  '.output' || char(10) ||
  'select ''table ' || n || ' ' || replace(name, '''', '''''') || ' '' || count(*) from "' || replace(name, '"', '""') || '"' || condition || ';'
from prints
union all
select 'select ''version ' || substr(name, 1, instr(name, '_') - 1) || ' '' || version from ' || name || ' order by oid desc limit 1;'
from sqlite_master where type = 'table' and name in ('db_versioning', 'local_db_versioning')
union all
select 'select ''index ' || replace(name, '''', '''''') || ''';' from sqlite_master
where type = 'index' and name not like 'sqlite!_%' escape '!' and INDEXES
union all
select 'select ''end'';';
"#;

/// The generator for these tables. Of the federated tables `logdb` is printed only as far as it is federated.
pub(crate) fn generator(which: Which) -> String {
    let (wanted, also_log, indexes) = match which {
        Which::All => ("1".to_owned(), "1", "1"),
        Which::Federated => {
            let names = super::FEDERATED
                .iter()
                .map(|name| format!("'{name}'"))
                .collect::<Vec<_>>()
                .join(", ");
            (format!("name in ({names}, 'logdb')"), "name <> 'logdb'", "0")
        }
    };
    GENERATOR
        .replace("WANTED", &wanted)
        .replace("ALSO_LOG", also_log)
        .replace("INDEXES", indexes)
}
