# Fact 6: on SQLite a restore never fails, whatever the file. Counts after old/restore_faults.

seed --users 12

0$ onedb backup --federated $ROOT/tmp/f.bck
exit: 0
--- stdout ---
Sqlite database backup of federated tables stored in /tmp/f.bck
Use 'onedb restore' to restore the DB.
--- stderr ---
---

100$ cp one.db $ROOT/tmp/save.db; cp $ROOT/../0/tmp/f.bck $ROOT/tmp/f.bck
exit: 0
--- stdout ---
--- stderr ---
---

# Whole (01), and twice (07).

100$ cp $ROOT/tmp/f.bck $ROOT/tmp/t.bck; onedb restore -v --federated $ROOT/tmp/t.bck 2>/dev/null; echo rc=$?; sqlite3 one.db ".tables" | tr -s " \n" "\n" | grep -cE "^(group_pool|user_pool|acl|zone_pool|vdc_pool|marketplace_pool|marketplaceapp_pool|db_versioning|logdb)$"; for t in group_pool user_pool zone_pool db_versioning; do echo "$t $(sqlite3 one.db "select count(*) from $t" 2>/dev/null)"; done; onedb version > /dev/null; echo version_rc=$?; cp $ROOT/tmp/save.db one.db
exit: 0
--- stdout ---
Sqlite database backup restored in /var/lib/one/one.db
rc=0
9
group_pool 2
user_pool 14
zone_pool 3
db_versioning 1
version_rc=0
--- stderr ---
---

# Cut inside user_pool (02): the transaction is lost, the tables dropped before it are gone.

100$ n=$(grep -n 'INSERT INTO user_pool' $ROOT/tmp/f.bck | sed -n 4p | cut -d: -f1); head -n $n $ROOT/tmp/f.bck | head -c -40 > $ROOT/tmp/t.bck; onedb restore -v --federated $ROOT/tmp/t.bck 2>/dev/null; echo rc=$?; sqlite3 one.db ".tables" | tr -s " \n" "\n" | grep -cE "^(group_pool|user_pool|acl|zone_pool|vdc_pool|marketplace_pool|marketplaceapp_pool|db_versioning|logdb)$"; for t in group_pool user_pool zone_pool db_versioning; do echo "$t $(sqlite3 one.db "select count(*) from $t" 2>/dev/null)"; done; onedb version > /dev/null; echo version_rc=$?; cp $ROOT/tmp/save.db one.db
exit: 0
--- stdout ---
Sqlite database backup restored in /var/lib/one/one.db
rc=0
1
group_pool 2
user_pool
zone_pool
db_versioning
version_rc=1
--- stderr ---
Database is not correctly bootstraped.
---

# Cut inside logdb (03): the worst, for all seems well.

100$ head -c -300 $ROOT/tmp/f.bck > $ROOT/tmp/t.bck; onedb restore -v --federated $ROOT/tmp/t.bck 2>/dev/null; echo rc=$?; sqlite3 one.db ".tables" | tr -s " \n" "\n" | grep -cE "^(group_pool|user_pool|acl|zone_pool|vdc_pool|marketplace_pool|marketplaceapp_pool|db_versioning|logdb)$"; for t in group_pool user_pool zone_pool db_versioning; do echo "$t $(sqlite3 one.db "select count(*) from $t" 2>/dev/null)"; done; onedb version > /dev/null; echo version_rc=$?; cp $ROOT/tmp/save.db one.db
exit: 0
--- stdout ---
Sqlite database backup restored in /var/lib/one/one.db
rc=0
8
group_pool 2
user_pool 14
zone_pool 3
db_versioning 1
version_rc=0
--- stderr ---
---

# Garbage (04), empty (05), one statement broken (06), unreadable (15; root reads everything, so: a directory).

100$ head -c 20000 /dev/urandom | tr -d "\000" > $ROOT/tmp/t.bck; onedb restore -v --federated $ROOT/tmp/t.bck 2>/dev/null; echo rc=$?; sqlite3 one.db ".tables" | tr -s " \n" "\n" | grep -cE "^(group_pool|user_pool|acl|zone_pool|vdc_pool|marketplace_pool|marketplaceapp_pool|db_versioning|logdb)$"; for t in group_pool user_pool zone_pool db_versioning; do echo "$t $(sqlite3 one.db "select count(*) from $t" 2>/dev/null)"; done; onedb version > /dev/null; echo version_rc=$?; cp $ROOT/tmp/save.db one.db
exit: 0
--- stdout ---
Sqlite database backup restored in /var/lib/one/one.db
rc=0
9
group_pool 2
user_pool 14
zone_pool 3
db_versioning 1
version_rc=0
--- stderr ---
---

100$ : > $ROOT/tmp/t.bck; onedb restore -v --federated $ROOT/tmp/t.bck 2>/dev/null; echo rc=$?; sqlite3 one.db ".tables" | tr -s " \n" "\n" | grep -cE "^(group_pool|user_pool|acl|zone_pool|vdc_pool|marketplace_pool|marketplaceapp_pool|db_versioning|logdb)$"; for t in group_pool user_pool zone_pool db_versioning; do echo "$t $(sqlite3 one.db "select count(*) from $t" 2>/dev/null)"; done; onedb version > /dev/null; echo version_rc=$?; cp $ROOT/tmp/save.db one.db
exit: 0
--- stdout ---
Sqlite database backup restored in /var/lib/one/one.db
rc=0
9
group_pool 2
user_pool 14
zone_pool 3
db_versioning 1
version_rc=0
--- stderr ---
---

100$ sed 's/^INSERT INTO user_pool VALUES(5,/INSXXX INTO user_pool VALUES(5,/' $ROOT/tmp/f.bck > $ROOT/tmp/t.bck; onedb restore -v --federated $ROOT/tmp/t.bck 2>/dev/null; echo rc=$?; sqlite3 one.db ".tables" | tr -s " \n" "\n" | grep -cE "^(group_pool|user_pool|acl|zone_pool|vdc_pool|marketplace_pool|marketplaceapp_pool|db_versioning|logdb)$"; for t in group_pool user_pool zone_pool db_versioning; do echo "$t $(sqlite3 one.db "select count(*) from $t" 2>/dev/null)"; done; onedb version > /dev/null; echo version_rc=$?; cp $ROOT/tmp/save.db one.db
exit: 0
--- stdout ---
Sqlite database backup restored in /var/lib/one/one.db
rc=0
9
group_pool 2
user_pool 13
zone_pool 3
db_versioning 1
version_rc=0
--- stderr ---
---

100$ rm $ROOT/tmp/t.bck; mkdir $ROOT/tmp/t.bck; onedb restore -v --federated $ROOT/tmp/t.bck 2>/dev/null; echo rc=$?; sqlite3 one.db ".tables" | tr -s " \n" "\n" | grep -cE "^(group_pool|user_pool|acl|zone_pool|vdc_pool|marketplace_pool|marketplaceapp_pool|db_versioning|logdb)$"; for t in group_pool user_pool zone_pool db_versioning; do echo "$t $(sqlite3 one.db "select count(*) from $t" 2>/dev/null)"; done; onedb version > /dev/null; echo version_rc=$?; cp $ROOT/tmp/save.db one.db
exit: 0
--- stdout ---
Sqlite database backup restored in /var/lib/one/one.db
rc=0
9
group_pool 2
user_pool 14
zone_pool 3
db_versioning 1
version_rc=0
--- stderr ---
---

# Without --federated it wants -f (08); a full restore leaves tables that are not in the dump (new/gaps/61).

100$ onedb restore -v $ROOT/tmp/f.bck; echo rc=$?
exit: 0
--- stdout ---
rc=255
--- stderr ---
File /var/lib/one/one.db exists, use -f to overwrite.
---

100$ onedb backup $ROOT/tmp/full.bck > /dev/null; sqlite3 one.db "create table table_of_the_new_version(a); create index extra_idx on user_pool(name)"; onedb restore -v -f $ROOT/tmp/full.bck; sqlite3 one.db "select type,name from sqlite_master where name like '%of_the_new%' or name='extra_idx'"
exit: 0
--- stdout ---
Sqlite database backup restored in /var/lib/one/one.db
table|table_of_the_new_version
--- stderr ---
---

# A restore of a cut log: the zone starts, and nothing replicates (new/sqlite_faults/01 to 04) until a whole
# restore heals it.

100$ cp $ROOT/tmp/save.db one.db; head -c -300 $ROOT/tmp/f.bck > $ROOT/tmp/cut.bck; onedb restore --federated $ROOT/tmp/cut.bck 2>/dev/null
exit: 0
--- stdout ---
Sqlite database backup restored in /var/lib/one/one.db
--- stderr ---
---

start 0 100

0$ oneuser create sq1 x; sleep 1; onezone list --csv --no-header -l ID,FED_INDEX; onezone list -l ID,FED_INDEX
exit: 0
--- stdout ---
ID: 14
101,-
100,18446744073709551615
0,57
  ID FED_INDEX
 101 -
 100 1844674407
   0 57
--- stderr ---
---

100$ grep '\[E\]' $ROOT/var/log/one/oned.log | head -1
exit: 0
--- stdout ---
Mon Nov 23 01:53:56 2026 [Z100][ONE][E]: SQL command was: SELECT MAX(log_index) FROM logdb, error: no such table: logdb
--- stderr ---
---

stop 100

100$ onedb restore --federated $ROOT/tmp/f.bck
exit: 0
--- stdout ---
Sqlite database backup restored in /var/lib/one/one.db
--- stderr ---
---

start 100

0$ onezone enable 0
exit: 0
--- stdout ---
--- stderr ---
---

settle

100$ oneuser list --csv --no-header -l NAME | head -1
exit: 0
--- stdout ---
sq1
--- stderr ---
---
