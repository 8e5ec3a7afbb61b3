//! The fingerprint of a MySQL or MariaDB database, taken by its client on the host.

use super::{FEDERATED, Fingerprints, Which};
use crate::host::{Command, Host, Output};
use crate::module::Failure;
use crate::opennebula::conf::Backend;
use crate::opennebula::onedb::Access;

/// Defines `client`, `ask` and `print_tables` for a POSIX shell. The connection's options are `"$@"` in every function that needs them.
///
/// One client names the tables and their columns, a second reads all of them in one snapshot: literals by `quote()`, a row a line,
/// the table's number before it. Its status is handed on beside the digests, so that an answer that broke off is never taken for a
/// whole one. HOME is away: a password in oneadmin's own option file would win over ours.
pub(crate) const FUNCTIONS: &str = r#"
program=$(command -v mysql || command -v mariadb) || { echo 'mysql: not found' >&2; exit 127; }
client() { HOME=/nonexistent "$program" --batch --skip-column-names --default-character-set=utf8mb4 "$@"; }
ask() { # STATEMENT OPTIONS
    statement=$1
    shift
    printf 'set session group_concat_max_len = 1000000;\n%s\n' "$statement" | client "$@"
}
read_table() { # NUMBER TABLE TITLES VALUES CONDITION
    printf "select '%s %s';\nselect concat('%s ', %s) from \`%s\` %s order by %s;\n" "$1" "$2" "$1" "$4" "$2" "$5" "$3"
}
read_tables() { # all|federated; NAME TITLES VALUES in lines, parted by tabs
    number=0
    while IFS="$(printf '\t')" read -r name titles values; do
        [ -n "$name" ] || continue
        number=$((number + 1))
        if [ "$name" = logdb ]; then
            read_table 0 logdb "$titles" "$values" 'where fed_index >= 0 and fed_index < 9223372036854775807'
        fi
        if [ "$name" != logdb ] || [ "$1" = all ]; then read_table $number "$name" "$titles" "$values" ''; fi
        case $name in
        db_versioning | local_db_versioning)
            echo "select concat('version ${name%%_*} ', version) from $name order by oid desc limit 1;" ;;
        esac
    done
    if [ "$1" = all ]; then
        echo "select distinct concat('index ', table_name, '.', index_name) from information_schema.statistics
            where table_schema = database() and index_name <> 'PRIMARY';"
    fi
}
print_tables() { # CONDITION all|federated OPTIONS
    wanted=$1 which=$2
    shift 2
    tables=$(ask "select table_name, group_concat('\`', column_name, '\`' order by ordinal_position separator ', '),
            group_concat('quote(\`', column_name, '\`)' order by ordinal_position separator ', '','', ')
        from information_schema.tables join information_schema.columns using (table_schema, table_name)
        where table_schema = database() and table_type = 'BASE TABLE' and $wanted
        group by table_name order by table_name;" "$@") || exit
    {
        {
            { echo 'start transaction with consistent snapshot;'; printf '%s\n' "$tables" | read_tables "$which"; } | client "$@"
            echo "status $?" >&3
        } | awk '
            function finish() { if (digest != "") { close(digest); print "table", number, name, rows; digest = "" } }
            /^(version|index) / { finish(); print; next }
            digest == "" || $1 != number {
                finish(); number = $1; name = $2; rows = 0
                digest = "echo \"sha " number " $(sha256sum)\""
                printf "" | digest
                next
            }
            { rows++; sub(/^[0-9]+ /, ""); print | digest }
            END { finish() }' >&3
    } 3>&1
    echo end
}
"#;

const OF_SCHEMA: &str = r#"wanted=$1 which=$2
shift 2
print_tables "$wanted" "$which" "$@"
"#;

/// `$1` dump, `$2` name of the scratch schema, `$3` condition, `$4` all|federated; options follow, the real schema last.
///
/// Where the user may not make a schema (the documented grant covers only the zone's own), the rows of each table are counted in the
/// dump's text: a tuple ends at a parenthesis outside quotes.
const OF_DUMP: &str = r#"dump=$1 scratch=$2 wanted=$3 which=$4
shift 4
if ask "create database \`$scratch\` character set utf8mb4;" "$@" > /dev/null 2>&1; then
    trap 'ask "drop database \`$scratch\`;" "$@" > /dev/null 2>&1' EXIT
    trap 'exit 143' TERM
    trap 'exit 129' HUP INT
    client "$@" --database="$scratch" < "$dump" 2> /dev/null || { echo 'the dump cannot be loaded to its end' >&2; exit 65; }
    print_tables "$wanted" "$which" "$@" --database="$scratch"
    exit
fi
exec perl -ne '
    our ($table, $made, %rows, @indexes, $federated);
    if (/^CREATE TABLE `(\w+)`/) { $made = $1; $rows{$1} //= 0; }
    if (/^\) / || /^\);/) { undef $made; }
    if (defined $made && /^  (?:UNIQUE |FULLTEXT |SPATIAL )?KEY `(\w+)`/) { push @indexes, "index $made.$1\n"; }
    if (s/^INSERT INTO `(\w+)` (?:\([^)]*\) )?VALUES\s*//) { $table = $1; }
    next unless defined $table;
    while (/\G\s*(\((?:[^\x27()]++|\x27(?:[^\x27\\]++|\\.|\x27\x27)*+\x27)*+\))\s*([,;]?)/gcs) {
        my ($row, $end) = ($1, $2);
        $rows{$table}++;
        if ($table eq "logdb" && $row =~ /,(\d+),(?:-?\d+|NULL)\)$/ && length($1) < 19) { $federated++; }
        if ($end eq ";") { undef $table; last; }
    }
    END {
        die "a statement is cut off\n" if defined $table;
        my $n = 0;
        for (sort keys %rows) {
            $n++;
            print "table $n $_ $rows{$_}\nsha $n counted\n";
        }
        if (exists $rows{logdb}) { printf "table 0 logdb %d\nsha 0 counted\n", $federated // 0; }
        print @indexes, "end\n";
    }' "$dump"
"#;

/// The condition on table names and the word for these tables.
fn words(which: Which) -> (String, &'static str) {
    let names = FEDERATED.map(|name| format!("'{name}'")).join(", ");
    match which {
        Which::All => ("true".to_owned(), "all"),
        Which::Federated => (format!("table_name in ({names}, 'logdb')"), "federated"),
    }
}

/// The fingerprints of the zone's own schema.
pub(crate) async fn of_schema(
    host: &dyn Host,
    access: &Access,
    which: Which,
) -> Result<Fingerprints, Failure> {
    let (wanted, word) = words(which);
    let script = format!("# nebplay: fingerprint of a MySQL database\n{FUNCTIONS}{OF_SCHEMA}");
    let command = client(access, &script, &[&wanted, word], true);
    read(host, access, &access.describe(), &host.run(&command).await?).map(|prints| which.of(&prints))
}

/// What is in a dump, by loading it into a scratch schema, or where that is not allowed the number of rows of each table.
pub(crate) async fn of_dump(
    host: &dyn Host,
    access: &Access,
    path: &str,
    which: Which,
) -> Result<Fingerprints, Failure> {
    let (wanted, word) = words(which);
    let script = format!("# nebplay: load a dump into a scratch schema\n{FUNCTIONS}{OF_DUMP}");
    let scratch = format!("nebplay_scratch_{}", host.clock().now());
    let command = client(access, &script, &[path, &scratch, &wanted, word], false);
    read(host, access, path, &host.run(&command).await?).map(|prints| which.of(&prints))
}

/// Reads an answer; a table whose reading broke off has a digest all the same, and its status tells.
fn read(host: &dyn Host, access: &Access, what: &str, output: &Output) -> Result<Fingerprints, Failure> {
    let said = output.text();
    let broken = said
        .lines()
        .any(|line| line.starts_with("status ") && line != "status 0");
    if !output.exit.success() || broken {
        let failure = super::explain(host.name(), what, output);
        let failure = Failure {
            message: access.scrub(&failure.message),
            ..failure
        };
        return Err(crate::opennebula::onedb::output::explain(
            failure,
            &output.err_text(),
        ));
    }
    let lines = said.lines().filter(|line| !line.starts_with("status "));
    super::parse(&lines.collect::<Vec<_>>().join("\n")).map_err(|why| {
        Failure::failed(format!(
            "{}: failed to read the tables of {what}: {why}",
            host.name()
        ))
    })
}

/// A script as oneadmin that finds its own arguments first and the client's options after them; the password is in MYSQL_PWD.
pub(crate) fn client(access: &Access, script: &str, args: &[&str], in_schema: bool) -> Command {
    let mut words: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    let mut secret = None;
    if let Backend::Mysql {
        server,
        port,
        user,
        password,
        db_name,
    } = &access.db
    {
        words.extend([format!("--host={server}"), format!("--user={user}")]);
        if *port != 0 {
            words.push(format!("--port={port}"));
        }
        if in_schema {
            words.push(format!("--database={db_name}"));
        }
        secret = Some(password.clone());
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let command = access.script(script, &words);
    match secret {
        Some(password) => command.env("MYSQL_PWD", password),
        None => command,
    }
}

/// Drops tables of the zone's own schema: what a migration made and a restore left.
pub(crate) async fn drop_tables(host: &dyn Host, access: &Access, tables: &[&str]) -> Result<(), Failure> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if let Some(odd) = tables.iter().find(|name| !name.chars().all(plain)) {
        return Err(Failure::failed(format!(
            "{}: refused to drop the table {odd:?}",
            host.name()
        )));
    }
    let names = tables
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ");
    let script = format!(
        "# nebplay: drop tables a restore left\n{FUNCTIONS}statement=$1\nshift\nask \"$statement\" \"$@\""
    );
    let statement = format!("drop table if exists {names};");
    let output = host.run(&client(access, &script, &[&statement], true)).await?;
    if output.exit.success() {
        Ok(())
    } else {
        Err(super::explain(host.name(), &access.describe(), &output))
    }
}

/// Bytes of the zone's tables and indexes, as the server accounts for them.
pub(crate) async fn size(host: &dyn Host, access: &Access) -> Result<u64, Failure> {
    let script = format!(
        "# nebplay: size of a MySQL database\n{FUNCTIONS}ask 'select cast(coalesce(sum(data_length + index_length), 0) as unsigned) \
         from information_schema.tables where table_schema = database();' \"$@\""
    );
    let output = host.run(&client(access, &script, &[], true)).await?;
    let size = output.text().trim().parse();
    size.map_err(|_| super::explain(host.name(), &access.describe(), &output))
}

#[cfg(test)]
mod tests;
