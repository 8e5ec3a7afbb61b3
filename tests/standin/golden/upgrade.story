# The upgrade in the order of the documentation, with what goes wrong on its way.
# Recorded: upgrade/m_db, upgrade/proper, upgrade/slave_faults, upgrade/docs_order, new/gaps/45, 46.

seed --users 10

100$ sqlite3 one.db "update local_db_versioning set is_slave=0"
exit: 0
--- stdout ---
--- stderr ---
---

101$ sqlite3 one.db "update local_db_versioning set is_slave=1"
exit: 0
--- stdout ---
--- stderr ---
---

install 7.2.0 0

0$ onedb version
exit: 2
--- stdout ---
Shared: 7.0.0
Local:  7.0.0
Required shared version: 7.2.0
Required local version:  7.2.0

Update required. Expected DB version is:
Local:  7.2.0
Shared: 7.2.0
--- stderr ---
---

0$ onedb version -v
exit: 2
--- stdout ---
Shared tables version:   7.0.0
Required version:        7.2.0
Timestamp: 11/23 01:16:07
Comment:   OpenNebula 7.0.0 () daemon bootstrap

Local tables version:    7.0.0
Required version:        7.2.0
Timestamp: 11/23 01:16:07
Comment:   OpenNebula 7.0.0 () daemon bootstrap


Update required. Expected DB version is:
Local:  7.2.0
Shared: 7.2.0
--- stderr ---
---

0$ oned -f; echo rc=$?; tail -4 $ROOT/var/log/one/oned.log; ls $ROOT/var/lock/one
exit: 0
--- stdout ---
rc=255
Mon Nov 23 01:33:01 2026 [Z0][ONE][E]: Database version mismatch ( local_db_versioning). Installed OpenNebula 7.2.0 () needs DB version '7.2.0', and existing DB version is '7.0.0'.
Mon Nov 23 01:33:01 2026 [Z0][ONE][E]: Use onedb to upgrade DB.
Mon Nov 23 01:33:01 2026 [Z0][ONE][I]: All modules finalized, exiting.

--- stderr ---
Database version mismatch. Check oned.log.
---

0$ onedb upgrade -v; echo rc=$?; onedb version; echo vrc=$?
exit: 0
--- stdout ---
Version read:
Shared tables 7.0.0 : OpenNebula 7.0.0 () daemon bootstrap
Local tables  7.0.0 : OpenNebula 7.0.0 () daemon bootstrap

Sqlite database backup stored in /var/lib/one/one.db_2026-11-23_1:33:4.bck
Use 'onedb restore' to restore the DB.

>>> Running migrators for shared tables
Database already uses version 7.0.0

>>> Running migrators for local tables
Database already uses version 7.0.0

Total time: 0.08s

The database will be restored
Sqlite database backup restored in /var/lib/one/one.db
rc=255
Shared: 7.0.0
Local:  7.0.0
Required shared version: 7.2.0
Required local version:  7.2.0

Update required. Expected DB version is:
Local:  7.2.0
Shared: 7.2.0
vrc=2
--- stderr ---
ERROR: Database upgrade to the latest versions (local 7.0.0, shared 7.0.0)
wasn't successful due to missing migration descriptors. Migrators are
provided as part of Enterprise Edition for customers with active subscription.
For community with non-commercial deployments they are provided via a
dedicated migration package, which must be obtained separately.
---

migrators 0
pause 1100

0$ onedb upgrade -v
exit: 0
--- stdout ---
Version read:
Shared tables 7.0.0 : OpenNebula 7.0.0 () daemon bootstrap
Local tables  7.0.0 : OpenNebula 7.0.0 () daemon bootstrap

Sqlite database backup stored in /var/lib/one/one.db_2026-11-23_1:33:7.bck
Use 'onedb restore' to restore the DB.

>>> Running migrators for shared tables
  > Running migrator /usr/lib/one/ruby/onedb/shared/7.0.0_to_7.2.0.rb
  > Done in 0.00s

Database migrated from 7.0.0 to 7.2.0 (OpenNebula 7.2.0) by onedb command.

>>> Running migrators for local tables
  > Running migrator /usr/lib/one/ruby/onedb/local/7.0.0_to_7.2.0.rb
  > Done in 0.32s

Database migrated from 7.0.0 to 7.2.0 (OpenNebula 7.2.0) by onedb command.

Total time: 0.47s
--- stderr ---
---

0$ onedb upgrade -v
exit: 0
--- stdout ---
Database schema is up to date.
--- stderr ---
---

0$ onedb version -v | grep -v Timestamp
exit: 0
--- stdout ---
Shared tables version:   7.2.0
Required version:        7.2.0
Comment:   Database migrated from 7.0.0 to 7.2.0 (OpenNebula 7.2.0) by onedb command.

Local tables version:    7.2.0
Required version:        7.2.0
Comment:   Database migrated from 7.0.0 to 7.2.0 (OpenNebula 7.2.0) by onedb command.

--- stderr ---
---

pause 1100

0$ onedb fsck
exit: 0
--- stdout ---
Sqlite database backup stored in /var/lib/one/one.db_2026-11-23_1:33:11.bck
Use 'onedb restore' to restore the DB.


Total errors found: 0
Total errors repaired: 0
Total errors unrepaired: 0
A copy of this output was stored in /var/log/one/onedb-fsck.log
--- stderr ---
---

0$ onedb backup --federated $ROOT/tmp/fed.bck
exit: 0
--- stdout ---
Sqlite database backup of federated tables stored in /tmp/fed.bck
Use 'onedb restore' to restore the DB.
--- stderr ---
---

# The slaves' old tool restores it, and their old oned does not start on it (docs_order/08 to 11).

100$ onedb restore -v --federated $ROOT/../0/tmp/fed.bck
exit: 0
--- stdout ---
Sqlite database backup restored in /var/lib/one/one.db
--- stderr ---
---

101$ onedb restore -v --federated $ROOT/../0/tmp/fed.bck
exit: 0
--- stdout ---
Sqlite database backup restored in /var/lib/one/one.db
--- stderr ---
---

100$ onedb version
exit: 3
--- stdout ---
Shared: 7.2.0
Local:  7.0.0
Required shared version: 7.0.0
Required local version:  7.0.0

WARNING: Source version is lower than DB version
--- stderr ---
---

100$ oned -f; echo rc=$?; tail -5 $ROOT/var/log/one/oned.log
exit: 0
--- stdout ---
rc=255
Mon Nov 23 02:43:44 2026 [Z100][ONE][I]: oned is using version 7.0.0 for local_db_versioning
Mon Nov 23 02:43:44 2026 [Z100][ONE][E]: Database version mismatch ( db_versioning). Installed OpenNebula 7.0.0 () needs DB version '7.0.0', and existing DB version is '7.2.0'.
Mon Nov 23 02:43:44 2026 [Z100][ONE][E]: Cannot join federation, oned master needs upgrade.
Mon Nov 23 02:43:44 2026 [Z100][ONE][I]: All modules finalized, exiting.

--- stderr ---
Database version mismatch. Check oned.log.
---

install 7.2.0 100 101
migrators 100 101

101$ onedb version -v | grep -v Timestamp
exit: 0
--- stdout ---
Shared tables version:   7.2.0
Required version:        7.2.0
Comment:   Database migrated from 7.0.0 to 7.2.0 (OpenNebula 7.2.0) by onedb command.

Local tables version:    7.0.0
Required version:        7.2.0
Comment:   OpenNebula 7.0.0 () daemon bootstrap

This database is a federation slave


Update required. Expected DB version is:
Local:  7.2.0
Shared: 7.2.0
--- stderr ---
---

100$ onedb upgrade -v
exit: 0
--- stdout ---
Version read:
Shared tables 7.2.0 : Database migrated from 7.0.0 to 7.2.0 (OpenNebula 7.2.0) by onedb command.
Local tables  7.0.0 : OpenNebula 7.0.0 () daemon bootstrap

Sqlite database backup stored in /var/lib/one/one.db_2026-11-23_1:35:27.bck
Use 'onedb restore' to restore the DB.

>>> Running migrators for shared tables
Database already uses version 7.2.0

>>> Running migrators for local tables
  > Running migrator /usr/lib/one/ruby/onedb/local/7.0.0_to_7.2.0.rb
  > Done in 0.02s

Database migrated from 7.0.0 to 7.2.0 (OpenNebula 7.2.0) by onedb command.

Total time: 0.03s
--- stderr ---
---

101$ onedb upgrade -v
exit: 0
--- stdout ---
Version read:
Shared tables 7.2.0 : Database migrated from 7.0.0 to 7.2.0 (OpenNebula 7.2.0) by onedb command.
Local tables  7.0.0 : OpenNebula 7.0.0 () daemon bootstrap

This database is a federation slave

Sqlite database backup stored in /var/lib/one/one.db_2026-11-23_1:35:40.bck
Use 'onedb restore' to restore the DB.

>>> Running migrators for local tables
  > Running migrator /usr/lib/one/ruby/onedb/local/7.0.0_to_7.2.0.rb
  > Done in 0.02s

Database migrated from 7.0.0 to 7.2.0 (OpenNebula 7.2.0) by onedb command.

Total time: 0.03s
--- stderr ---
---

100$ onedb version; sqlite3 one.db ".schema logdb"
exit: 0
--- stdout ---
Shared: 7.2.0
Local:  7.2.0
Required shared version: 7.2.0
Required local version:  7.2.0
CREATE TABLE logdb(
  log_index INT,
  term INT,
  sqlcmd TEXT,
  timestamp INT,
  fed_index INT,
  applied NUM
);
CREATE INDEX applied_idx ON logdb (applied);
CREATE INDEX fed_index_idx ON logdb (fed_index);
--- stderr ---
---

pause 1100

100$ onedb fsck
exit: 1
--- stdout ---
Sqlite database backup stored in /var/lib/one/one.db_2026-11-23_1:35:29.bck
Use 'onedb restore' to restore the DB.

pool_control for table zone_pool has last_oid 99, but it is 101

Total errors found: 1
Total errors repaired: 1
Total errors unrepaired: 0
A copy of this output was stored in /var/log/one/onedb-fsck.log
--- stderr ---
---

101$ onedb fsck
exit: 1
--- stdout ---
Sqlite database backup stored in /var/lib/one/one.db_2026-11-23_1:35:42.bck
Use 'onedb restore' to restore the DB.

[UNREPAIRED] pool_control for table zone_pool has last_oid 99, but it is 101
^ Needs to be fixed in the master OpenNebula

Total errors found: 1
Total errors repaired: 0
Total errors unrepaired: 1
A copy of this output was stored in /var/log/one/onedb-fsck.log
--- stderr ---
---

pause 1100

100$ onedb fsck
exit: 0
--- stdout ---
Sqlite database backup stored in /var/lib/one/one.db_2026-11-23_1:35:32.bck
Use 'onedb restore' to restore the DB.


Total errors found: 0
Total errors repaired: 0
Total errors unrepaired: 0
A copy of this output was stored in /var/log/one/onedb-fsck.log
--- stderr ---
---

start 0 100 101

0$ onezone enable 0
exit: 0
--- stdout ---
--- stderr ---
---

settle

100$ oneuser create afterup2 x
exit: 0
--- stdout ---
ID: 12
--- stderr ---
---

settle

101$ oneuser list --csv --no-header -l ID,NAME | head -1
exit: 0
--- stdout ---
12,afterup2
--- stderr ---
---

# The database newer than the packages (new/gaps/45, 46).

stop 101
install 7.0.0 101
pause 1100

101$ onedb version; echo "version rc=$?"; onedb upgrade -v; echo "upgrade rc=$?"; onedb fsck --dry; echo "fsck --dry rc=$?"
exit: 0
--- stdout ---
Shared: 7.2.0
Local:  7.2.0
Required shared version: 7.0.0
Required local version:  7.0.0

WARNING: Source version is lower than DB version
version rc=3
Version read:
Shared tables 7.2.0 : Database migrated from 7.0.0 to 7.2.0 (OpenNebula 7.2.0) by onedb command.
Local tables  7.2.0 : Database migrated from 7.0.0 to 7.2.0 (OpenNebula 7.2.0) by onedb command.

This database is a federation slave

Sqlite database backup stored in /var/lib/one/one.db_2026-11-23_2:55:0.bck
Use 'onedb restore' to restore the DB.

>>> Running migrators for local tables
Database already uses version 7.2.0

Total time: 0.01s

The database will be restored
Sqlite database backup restored in /var/lib/one/one.db
upgrade rc=255
fsck --dry rc=255
--- stderr ---
ERROR: Database upgrade to the latest versions (local 7.2.0, shared 7.2.0)
wasn't successful due to missing migration descriptors. Migrators are
provided as part of Enterprise Edition for customers with active subscription.
For community with non-commercial deployments they are provided via a
dedicated migration package, which must be obtained separately.
Version mismatch: fsck file is for version
Shared: 7.0.0, Local: 7.0.0

Current database is version
Shared: 7.2.0, Local: 7.2.0
---

101$ oned -f; echo rc=$?; grep '\[E\]' $ROOT/var/log/one/oned.log | tail -2
exit: 0
--- stdout ---
rc=255
Mon Nov 23 02:55:02 2026 [Z101][ONE][E]: Database version mismatch ( local_db_versioning). Installed OpenNebula 7.0.0 () needs DB version '7.0.0', and existing DB version is '7.2.0'.
Mon Nov 23 02:55:02 2026 [Z101][ONE][E]: Use onedb to upgrade DB.
--- stderr ---
Database version mismatch. Check oned.log.
---

# Fact 10: a slave that says so is not migrated before the restore; one that does not, migrates itself.

stop 0 100
install 7.0.0 0 100 101
seed --users 5
install 7.2.0 100 101

101$ sqlite3 one.db "update local_db_versioning set is_slave=1"
exit: 0
--- stdout ---
--- stderr ---
---

101$ onedb upgrade -v; echo rc=$?; onedb version; echo vrc=$?
exit: 0
--- stdout ---
Version read:
Shared tables 7.0.0 : OpenNebula 7.0.0 () daemon bootstrap
Local tables  7.0.0 : OpenNebula 7.0.0 () daemon bootstrap

This database is a federation slave

Sqlite database backup stored in /var/lib/one/one.db_2026-11-23_1:34:46.bck
Use 'onedb restore' to restore the DB.

>>> Running migrators for local tables
  > Running migrator /usr/lib/one/ruby/onedb/local/7.0.0_to_7.2.0.rb
  > Done in 0.02s

Database migrated from 7.0.0 to 7.2.0 (OpenNebula 7.2.0) by onedb command.

Total time: 0.03s

The database will be restored
Sqlite database backup restored in /var/lib/one/one.db
rc=255
Shared: 7.0.0
Local:  7.0.0
Required shared version: 7.2.0
Required local version:  7.2.0

Update required. Expected DB version is:
Local:  7.2.0
Shared: 7.2.0
vrc=2
--- stderr ---
ERROR: Database upgrade to the latest versions (local 7.2.0, shared 7.0.0)
wasn't successful due to missing migration descriptors. Migrators are
provided as part of Enterprise Edition for customers with active subscription.
For community with non-commercial deployments they are provided via a
dedicated migration package, which must be obtained separately.
---

100$ onedb upgrade > /dev/null; echo rc=$?; onedb version | head -2
exit: 0
--- stdout ---
rc=0
Shared: 7.2.0
Local:  7.2.0
--- stderr ---
---
