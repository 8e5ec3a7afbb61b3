//! The fingerprint of a MySQL or MariaDB database, taken by its client on the host.

use super::{FEDERATED, Fingerprints, Which};
use crate::host::{Command, Host};
use crate::module::Failure;
use crate::opennebula::conf::Backend;
use crate::opennebula::onedb::Access;

/// `$1` schema, `$2` condition on table names; `$3` `all` or `federated`. Server and user by options, the password by MYSQL_PWD.
///
/// Literals by `quote()`, NULL apart; one client a table, whose status is handed on beside the digest, so that a table that could not
/// be read to its end is never taken for one that was.
const SCRIPT: &str = r#"# nebplay: fingerprint of a MySQL database
schema=$1 wanted=$2 which=$3
shift 3
client() { mysql --no-defaults --batch --skip-column-names --raw --default-character-set=utf8mb4 "$@"; }
sql() { client "$@" --database="$schema"; }
ask() { statement=$1; shift; printf '%s\n' "$statement" | sql "$@"; }
print() { # NUMBER TABLE CONDITION
    n=$1 table=$2 condition=$3
    shift 3
    titles=$(ask "set session group_concat_max_len = 1000000;
        select group_concat('\`', column_name, '\`' order by ordinal_position separator ', ') from information_schema.columns
        where table_schema = database() and table_name = '$table';" "$@") || exit
    values=$(ask "set session group_concat_max_len = 1000000;
        select group_concat('quote(\`', column_name, '\`)' order by ordinal_position separator ', '', '', ') from information_schema.columns
        where table_schema = database() and table_name = '$table';" "$@") || exit
    count=$(ask "select count(*) from \`$table\` $condition;" "$@") || exit
    echo "table $n $table $count"
    { { ask "select concat($values) from \`$table\` $condition order by $titles;" "$@"; echo "status $?" >&3; } | {
        echo "sha $n $(sha256sum)" >&3; } } 3>&1
}
tables=$(ask "select table_name from information_schema.tables where table_schema = database() and table_type = 'BASE TABLE'
    and $wanted order by table_name;" "$@") || exit
n=0
for table in $tables; do
    n=$((n + 1))
    if [ "$table" = logdb ]; then print 0 logdb 'where fed_index >= 0 and fed_index < 9223372036854775807' "$@"; fi
    if [ "$table" != logdb ] || [ "$which" = all ]; then print $n "$table" '' "$@"; fi
    case $table in
    db_versioning) ask "select concat('version db ', version) from db_versioning order by oid desc limit 1;" "$@" || exit ;;
    local_db_versioning) ask "select concat('version local ', version) from local_db_versioning order by oid desc limit 1;" "$@" || exit ;;
    esac
done
if [ "$which" = all ]; then
    ask "select distinct concat('index ', table_name, '.', index_name) from information_schema.statistics
        where table_schema = database() and index_name <> 'PRIMARY';" "$@" || exit
fi
echo end
"#;

/// The fingerprints of one schema of the server.
pub(crate) async fn of_schema(
    host: &dyn Host,
    access: &Access,
    schema: &str,
    which: Which,
) -> Result<Fingerprints, Failure> {
    let names = FEDERATED.map(|name| format!("'{name}'")).join(", ");
    let (wanted, word) = match which {
        Which::All => ("true".to_owned(), "all"),
        Which::Federated => (format!("table_name in ({names}, 'logdb')"), "federated"),
    };
    let command = client(access, SCRIPT, &[schema, &wanted, word]);
    let output = host.run(&command).await?;
    let said = output.text();
    // A table whose reading broke off has a digest all the same.
    if output.exit.success()
        && said
            .lines()
            .all(|line| !line.starts_with("status ") || line == "status 0")
    {
        let lines = said.lines().filter(|line| !line.starts_with("status "));
        let text = lines.collect::<Vec<_>>().join("\n");
        return super::parse(&text).map_err(|why| {
            Failure::failed(format!(
                "{}: failed to read the tables of {schema}: {why}",
                host.name()
            ))
        });
    }
    Err(crate::opennebula::onedb::output::explain(
        super::explain(host.name(), schema, &output),
        &output.err_text(),
    ))
}

/// A script as oneadmin that finds its own arguments first and then the client's options; the password is in MYSQL_PWD.
pub(crate) fn client(access: &Access, script: &str, args: &[&str]) -> Command {
    let Backend::Mysql {
        server,
        port,
        user,
        password,
        ..
    } = &access.db
    else {
        return access.script(script, args);
    };
    let mut words: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    words.extend([format!("--host={server}"), format!("--user={user}")]);
    if *port != 0 {
        words.push(format!("--port={port}"));
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    access.script(script, &words).env("MYSQL_PWD", password.clone())
}

/// `$1` dump, `$2` name of the scratch schema; the fingerprint's arguments and the client's options follow.
const LOAD: &str = "
dump=$1 scratch=$2 wanted=$3 which=$4
shift 4
";

/// What is in a dump, by loading it into a scratch schema.
pub(crate) async fn of_dump(
    host: &dyn Host,
    access: &Access,
    path: &str,
    which: Which,
) -> Result<Fingerprints, Failure> {
    let _ = (LOAD, path, which, access);
    Err(Failure::failed(format!(
        "{}: MySQL dumps cannot be loaded yet",
        host.name()
    )))
}

/// Bytes of a schema's tables and indexes, as the server accounts for them.
pub(crate) async fn size(host: &dyn Host, access: &Access, schema: &str) -> Result<u64, Failure> {
    let script = "# nebplay: size of a MySQL database
        schema=$1
        shift
        echo 'select coalesce(sum(data_length + index_length), 0) from information_schema.tables where table_schema = database();' |
            mysql --no-defaults --batch --skip-column-names \"$@\" --database=\"$schema\"";
    let output = host.run(&client(access, script, &[schema])).await?;
    output
        .text()
        .trim()
        .parse()
        .map_err(|_| super::explain(host.name(), schema, &output))
}
