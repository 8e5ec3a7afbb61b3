//! An `onedb` for tests: a shell script over the real sqlite3 that behaves, and lies, as the captures show the real one does.

use crate::testing_local::LocalHost;

/// Where its database is.
pub(crate) const DB: &str = "/var/lib/one/one.db";

/// `FAIL` in the environment makes it misbehave in the way the captures name.
const ONEDB: &str = r#"
verb=$1; shift
db=$ROOT/var/lib/one/one.db
federated= force= backup= file=
while [ $# -gt 0 ]; do
    case $1 in
    --federated) federated=1 ;;
    -f) force=1 ;;
    -v|--dry) ;;
    --backup|-b) backup=$2; shift ;;
    -s) db=$2; shift ;;
    *) file=$1 ;;
    esac
    shift
done
tables='group_pool user_pool acl zone_pool vdc_pool marketplace_pool marketplaceapp_pool db_versioning'
newest() { sqlite3 "$db" "select version from $1 order by oid desc limit 1" 2>/dev/null; }
installed=$(cat "$ROOT/etc/one/installed")
say() { # the wording of onedb version -v
    printf '%s tables version:   %s\nRequired version:        %s\nTimestamp: 11/23 01:16:07\nComment:   x\n\n' "$1" "$2" "$installed"
}
guard() {
    if [ -e "$ROOT/var/lock/one/one" ]; then echo "First stop OpenNebula. Lock file found: /var/lock/one/one" >&2; exit 255; fi
}
dump() { # FILE
    if [ -e "$1" ] && [ -z "$force" ]; then echo "File $1 exists, backup aborted. Use -f to overwrite." >&2; exit 255; fi
    if [ -n "$federated" ]; then
        echo "Sqlite database backup of federated tables stored in $1"
        {
            echo "-- FEDERATED"
            for t in $tables logdb; do echo "DROP TABLE IF EXISTS \"$t\";"; done
            for t in $tables; do sqlite3 "$db" ".dump $t"; done
            sqlite3 "$db" 'create table logdb_tmp as select * from logdb where fed_index != -1'
            sqlite3 "$db" '.dump logdb_tmp' | sed 's/logdb_tmp/logdb/g'
            sqlite3 "$db" 'drop table logdb_tmp'
        } > "$1"
    else
        echo "Sqlite database backup stored in $1"
        sqlite3 "$db" .dump > "$1"
    fi
    case $FAIL in full_disk) truncate -s 1000 "$1" ;; esac
    echo "Use 'onedb restore' to restore the DB."
}
case $verb in
version)
    shared=$(newest db_versioning) local=$(newest local_db_versioning)
    if [ -z "$shared" ]; then echo "Database is not correctly bootstraped." >&2; exit 1; fi
    say Shared "$shared"; say Local "$local"
    if [ "$shared$local" = "$installed$installed" ]; then exit 0; fi
    if [ "$shared" \> "$installed" ]; then echo "WARNING: Source version is lower than DB version"; exit 3; fi
    printf 'Update required. Expected DB version is:\nLocal:  %s\nShared: %s\n' "$installed" "$installed"; exit 2 ;;
backup) dump "$file" ;;
restore)
    if [ ! -e "$file" ]; then echo "File $file doesn't exist, backup restoration aborted." >&2; exit 255; fi
    guard
    if [ -z "$federated" ] && [ -z "$force" ] && [ -e "$db" ]; then echo "File $db exists, use -f to overwrite." >&2; exit 255; fi
    if [ -z "$federated" ] && [ -e "$db" ]; then
        for t in $(sed -n 's/^CREATE TABLE \([a-z_]*\).*/\1/p' "$file"); do sqlite3 "$db" "drop table if exists $t"; done
    fi
    case $FAIL in
    killed_restore) head -c 1500 "$file" | sqlite3 "$db" 2>/dev/null ;;
    lazy_restore) ;;
    *) sqlite3 "$db" < "$file" ;;
    esac
    echo "Sqlite database backup restored in $db" ;;
upgrade)
    guard
    shared=$(newest db_versioning) local=$(newest local_db_versioning)
    if [ "$shared$local" = "$installed$installed" ]; then echo "Database schema is up to date."; exit 0; fi
    echo "Version read:"
    dump "${backup:-$db.$$.bck}"
    if [ "$FAIL" = no_migrators ]; then
        echo "The database will be restored"
        echo "Sqlite database backup restored in $db"
        exit 255
    fi
    if [ "$FAIL" = bad_put_back ]; then
        sqlite3 "$db" "delete from user_quotas"
        echo "The database will be restored"; echo "Sqlite database backup restored in $db"
        exit 255
    fi
    if [ "$shared" != "$installed" ]; then
        echo ">>> Running migrators for shared tables"
        sqlite3 "$db" "insert into db_versioning select max(oid) + 1, '$installed', 1795401799 from db_versioning"
    fi
    echo ">>> Running migrators for local tables"
    echo "  > Running migrator /usr/lib/one/ruby/onedb/local/7.0.0_to_$installed.rb"
    sqlite3 "$db" "drop index if exists state_oid_idx"
    if ! sqlite3 "$db" "select 1 from old_user_quotas limit 1" >/dev/null 2>&1; then
        sqlite3 "$db" "alter table user_quotas rename to old_user_quotas;
            create table user_quotas (user_oid integer primary key, body mediumtext);"
        if [ "$FAIL" = killed_upgrade ]; then kill -9 $$; fi
        sqlite3 "$db" "insert into user_quotas select user_oid, body || '+' from old_user_quotas"
    fi
    sqlite3 "$db" "drop table old_user_quotas; create index state_oid_idx on vm_pool (state, oid);
        insert into local_db_versioning select max(oid) + 1, '$installed', 1795401800, 0 from local_db_versioning" ;;
fsck)
    if [ -n "$FSCK" ]; then cat "$ROOT/etc/one/fsck"; exit "$FSCK"; fi
    printf '\n\nTotal errors found: 0\nTotal repairable errors: 0\nTotal unrepairable errors: 0\n' ;;
esac
"#;

const TABLES: &str = "
create table group_pool (oid INTEGER PRIMARY KEY, name VARCHAR(128), body MEDIUMTEXT, UNIQUE(name));
insert into group_pool values (0, 'oneadmin', '<GROUP/>'), (1, 'users', '<GROUP/>');
create table user_pool (oid INTEGER PRIMARY KEY, name VARCHAR(128), body MEDIUMTEXT, UNIQUE(name));
insert into user_pool values (0, 'oneadmin', '<USER>it''s\nCOMMIT;\n</USER>'), (1, 'b', '<USER/>'), (2, 'c', null), (3, 'd', 'x');
create table acl (oid INT PRIMARY KEY, userset BIGINT, resource BIGINT);
insert into acl values (0, 4294967296, 9223372036854775807), (1, 1, 2);
create table zone_pool (oid INTEGER PRIMARY KEY, name VARCHAR(128), body MEDIUMTEXT);
insert into zone_pool values (0, 'M-EU-FR', ''), (100, 'S-EU-GE', ''), (101, 'S-US-CA', '');
create table vdc_pool (oid INTEGER PRIMARY KEY, name VARCHAR(128), body MEDIUMTEXT);
insert into vdc_pool values (0, 'default', '');
create table marketplace_pool (oid INTEGER PRIMARY KEY, name VARCHAR(128), body MEDIUMTEXT);
insert into marketplace_pool values (0, 'OpenNebula Public', ''), (1, 'Linux Containers', '');
create table marketplaceapp_pool (oid INTEGER PRIMARY KEY, name VARCHAR(128), body MEDIUMTEXT);
create table db_versioning (oid INTEGER PRIMARY KEY, version VARCHAR(256), timestamp INTEGER);
insert into db_versioning values (0, '7.0.0', 1795396567);
create table local_db_versioning (oid INTEGER PRIMARY KEY, version VARCHAR(256), timestamp INTEGER, is_slave BOOLEAN);
insert into local_db_versioning values (0, '7.0.0', 1795396567, 0);
create table logdb (log_index BIGINT UNSIGNED PRIMARY KEY, term INTEGER, sqlcmd MEDIUMTEXT, timestamp INTEGER, fed_index BIGINT UNSIGNED, applied BOOLEAN);
insert into logdb values (0, 0, '', 0, 18446744073709551615, 1), (1, 0, 'a', 1, 1, 1), (2, 0, 'b', 2, 18446744073709551615, 1), (3, 0, 'c', 3, 3, 1);
create index fed_index_idx on logdb (fed_index);
create table vm_pool (oid INTEGER PRIMARY KEY, state INTEGER, body MEDIUMTEXT);
insert into vm_pool values (7, 3, '<VM/>');
create index state_oid_idx on vm_pool (state, oid);
create table user_quotas (user_oid INTEGER PRIMARY KEY, body MEDIUMTEXT);
insert into user_quotas values (0, '<QUOTAS/>'), (1, '<QUOTAS/>'), (2, '<QUOTAS/>');
create table host_pool (oid INTEGER PRIMARY KEY, name VARCHAR(128));
insert into host_pool values (0, 'NAME-of-the-zone');
";

/// A stopped front-end with a database of 7.0.0 and the programs of 7.0.0. `mode` as in oned.conf.
pub(crate) fn front_end(name: &str, mode: &str) -> LocalHost {
    let host = LocalHost::new(name);
    host.program("onedb", ONEDB);
    install(&host, "7.0.0");
    let conf = format!(
        "DB = [ BACKEND = \"sqlite\" ]\nFEDERATION = [\n  MODE = \"{mode}\",\n  ZONE_ID = 0,\n  SERVER_ID = -1,\n  MASTER_ONED = \"http://m:2633/RPC2\"\n]\n"
    );
    host.write("/etc/one/oned.conf", conf);
    host.sql(DB, &TABLES.replace("NAME-of-the-zone", name));
    host
}

/// Installs programs of a version.
pub(crate) fn install(host: &LocalHost, version: &str) {
    host.write("/etc/one/installed", version);
}
