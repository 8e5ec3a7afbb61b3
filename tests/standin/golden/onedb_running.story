# onedb beside a running oned: what it refuses and what it does not.
# Recorded: old/onedb_running, new/gaps/40, new/gaps/41, new/sqlite_faults.

seed --users 10
start 0

0$ onedb version
exit: 0
--- stdout ---
Shared: 7.0.0
Local:  7.0.0
Required shared version: 7.0.0
Required local version:  7.0.0
--- stderr ---
---

0$ onedb version -v
exit: 0
--- stdout ---
Shared tables version:   7.0.0
Required version:        7.0.0
Timestamp: 11/23 01:16:07
Comment:   OpenNebula 7.0.0 () daemon bootstrap

Local tables version:    7.0.0
Required version:        7.0.0
Timestamp: 11/23 01:16:07
Comment:   OpenNebula 7.0.0 () daemon bootstrap

--- stderr ---
---

0$ onedb upgrade -v
exit: 255
--- stdout ---
--- stderr ---
First stop OpenNebula. Lock file found: /var/lock/one/one
---

0$ onedb fsck
exit: 255
--- stdout ---
--- stderr ---
First stop OpenNebula. Lock file found: /var/lock/one/one
---

0$ onedb backup -v --federated /proc/nope.bck
exit: 255
--- stdout ---
Sqlite database backup of federated tables stored in /proc/nope.bck
--- stderr ---
No such file or directory @ rb_sysopen - /proc/nope.bck
---

0$ onedb backup -v --federated
exit: 0
--- stdout ---
Sqlite database backup of federated tables stored in /var/lib/one/one.db_federated_2026-11-23_1:27:51.bck
Use 'onedb restore' to restore the DB.
--- stderr ---
---

0$ onedb backup -v --federated $ROOT/tmp/f1.bck
exit: 0
--- stdout ---
Sqlite database backup of federated tables stored in /tmp/f1.bck
Use 'onedb restore' to restore the DB.
--- stderr ---
---

0$ onedb backup -v --federated $ROOT/tmp/f1.bck
exit: 255
--- stdout ---
--- stderr ---
File /tmp/f1.bck exists, backup aborted. Use -f to overwrite.
---

0$ onedb backup -v -f --federated $ROOT/tmp/f1.bck
exit: 0
--- stdout ---
Sqlite database backup of federated tables stored in /tmp/f1.bck
Use 'onedb restore' to restore the DB.
--- stderr ---
---

0$ onedb backup
exit: 0
--- stdout ---
Sqlite database backup stored in /var/lib/one/one.db_2026-11-23_1:27:55.bck
Use 'onedb restore' to restore the DB.
--- stderr ---
---

0$ onedb restore -v --federated $ROOT/tmp/f1.bck
exit: 255
--- stdout ---
--- stderr ---
First stop OpenNebula. Lock file found: /var/lock/one/one
---

0$ onedb restore -v --federated /tmp/none.bck
exit: 255
--- stdout ---
--- stderr ---
File /tmp/none.bck doesn't exist, backup restoration aborted.
---

0$ onedb restore -v --federated
exit: 255
--- stdout ---
## USAGE
restore <backup_file>
        Restores the DB from a backup file. Only restores backups generated
        from the same backend (SQLite or MySQL)
        valid options: federated, force

## OPTIONS
     --federated               Limit backup/restore to federated tables
     -f, --force               Forces the backup even if the DB exists
     -v, --verbose             Verbose mode
     -h, --help                Show this message
     -V, --version             Show version and copyright information
     -s, --sqlite file         SQLite DB file
     -t, --type type           Backend type.
     -S, --server host         MySQL server hostname or IP. Defaults to
                               localhost
     -P, --port port           MySQL server port. Defaults to 3306
     -u, --username user       MySQL username
     -p, --password pass       MySQL password. Leave unset to be prompted for it
     -d, --dbname dbname       MySQL DB name for OpenNebula
     --encoding charset        MySQL encoding to use for the connection
--- stderr ---
Command restore requires one parameter to run
---

0$ onedb version -s /tmp/nonexist.db
exit: 1
--- stdout ---
--- stderr ---
Database is not correctly bootstraped.
---

0$ ls -a $ROOT/var/lock/one $ROOT/var/run/one 2>&1 | grep -c oned.pid
exit: 1
--- stdout ---
0
--- stderr ---
---

# The shape of a federated dump: eight tables and the log, each with its own COMMIT, no key on the log.

0$ head -10 $ROOT/tmp/f1.bck; tail -1 $ROOT/tmp/f1.bck; grep -c ^COMMIT $ROOT/tmp/f1.bck; sed -n '/^CREATE TABLE logdb/,/^);/p' $ROOT/tmp/f1.bck; grep '^CREATE TABLE' $ROOT/tmp/f1.bck | head -8
exit: 0
--- stdout ---
-- FEDERATED
DROP TABLE IF EXISTS "group_pool";
DROP TABLE IF EXISTS "user_pool";
DROP TABLE IF EXISTS "acl";
DROP TABLE IF EXISTS "zone_pool";
DROP TABLE IF EXISTS "vdc_pool";
DROP TABLE IF EXISTS "marketplace_pool";
DROP TABLE IF EXISTS "marketplaceapp_pool";
DROP TABLE IF EXISTS "db_versioning";
DROP TABLE IF EXISTS "logdb";
COMMIT;
9
CREATE TABLE logdb(
  log_index INT,
  term INT,
  sqlcmd TEXT,
  timestamp INT,
  fed_index INT,
  applied NUM
);
CREATE TABLE group_pool (oid INTEGER PRIMARY KEY, name VARCHAR(128), body MEDIUMTEXT, uid INTEGER, gid INTEGER, owner_u INTEGER, group_u INTEGER, other_u INTEGER, UNIQUE(name));
CREATE TABLE user_pool (oid INTEGER PRIMARY KEY, name VARCHAR(128), body MEDIUMTEXT, uid INTEGER, gid INTEGER, owner_u INTEGER, group_u INTEGER, other_u INTEGER, UNIQUE(name));
CREATE TABLE acl (oid INT PRIMARY KEY, userset BIGINT, resource BIGINT, rights BIGINT, zone BIGINT, UNIQUE(userset, resource, rights, zone));
CREATE TABLE zone_pool (oid INTEGER PRIMARY KEY, name VARCHAR(128), body MEDIUMTEXT, uid INTEGER, gid INTEGER, owner_u INTEGER, group_u INTEGER, other_u INTEGER, UNIQUE(name));
CREATE TABLE vdc_pool (oid INTEGER PRIMARY KEY, name VARCHAR(128), body MEDIUMTEXT, uid INTEGER, gid INTEGER, owner_u INTEGER, group_u INTEGER, other_u INTEGER, UNIQUE(name));
CREATE TABLE marketplace_pool (oid INTEGER PRIMARY KEY, name VARCHAR(128), body MEDIUMTEXT, uid INTEGER, gid INTEGER, owner_u INTEGER, group_u INTEGER, other_u INTEGER);
CREATE TABLE marketplaceapp_pool (oid INTEGER PRIMARY KEY, name VARCHAR(128), body MEDIUMTEXT, uid INTEGER, gid INTEGER, owner_u INTEGER, group_u INTEGER, other_u INTEGER, UNIQUE(name,uid));
CREATE TABLE db_versioning (oid INTEGER PRIMARY KEY, version VARCHAR(256), timestamp INTEGER, comment VARCHAR(256));
--- stderr ---
---

0$ sqlite3 one.db .tables | tr -s " \n" "\n" | grep logdb
exit: 0
--- stdout ---
logdb
--- stderr ---
---

0$ onedb version; echo rc=$?; onedb upgrade -v; echo rc=$?
exit: 0
--- stdout ---
Shared: 7.0.0
Local:  7.0.0
Required shared version: 7.0.0
Required local version:  7.0.0
rc=0
rc=255
--- stderr ---
First stop OpenNebula. Lock file found: /var/lock/one/one
---

stop 0

# A lock that nobody holds (new/gaps/41).

0$ touch $ROOT/var/lock/one/one; onedb upgrade -v; echo "upgrade rc=$?"; onedb version > /dev/null; echo "version rc=$?"; onedb restore -v --federated $ROOT/tmp/f1.bck; echo "restore rc=$?"; onedb fsck; echo "fsck rc=$?"; rm $ROOT/var/lock/one/one; onedb upgrade -v; echo "upgrade without lock rc=$?"
exit: 0
--- stdout ---
upgrade rc=255
version rc=0
restore rc=255
fsck rc=255
Database schema is up to date.
upgrade without lock rc=0
--- stderr ---
First stop OpenNebula. Lock file found: /var/lock/one/one
First stop OpenNebula. Lock file found: /var/lock/one/one
First stop OpenNebula. Lock file found: /var/lock/one/one
---

start 0

0$ rm $ROOT/var/lock/one/one; onedb upgrade
exit: 255
--- stdout ---
--- stderr ---
OpenNebula found listening on 'http://10.99.0.1:2633/RPC2'
---
