# Fact 12: killed in the local migrator and simply run again, onedb loses the quotas in silence; put back
# from the first backup it is as if nothing had happened. Recorded: new/gaps/51 to 55.

seed --users 10
install 7.2.0 0
migrators 0

0$ cp one.db $ROOT/tmp/ref.db; onedb upgrade -s $ROOT/tmp/ref.db --backup $ROOT/tmp/ref.bck > /dev/null; echo rc=$?
exit: 0
--- stdout ---
rc=0
--- stderr ---
---

0 KILL$ onedb upgrade --backup $ROOT/tmp/first.bck > /dev/null
exit: 137
--- stdout ---
--- stderr ---
---

0$ onedb version; echo "version rc=$?"; for t in user_quotas old_user_quotas; do echo "$t $(sqlite3 one.db "select count(*) from $t" 2>/dev/null)"; done; echo indexes: $(sqlite3 one.db "select name from sqlite_master where name like '%_idx'")
exit: 0
--- stdout ---
Shared: 7.2.0
Local:  7.0.0
Required shared version: 7.2.0
Required local version:  7.2.0

Update required. Expected DB version is:
Local:  7.2.0
Shared: 7.2.0
version rc=2
user_quotas 0
old_user_quotas 12
indexes:
--- stderr ---
---

0$ cp one.db $ROOT/tmp/after-kill.db
exit: 0
--- stdout ---
--- stderr ---
---

0$ onedb upgrade -v --backup $ROOT/tmp/second.bck; echo "upgrade rc=$?"
exit: 0
--- stdout ---
Version read:
Shared tables 7.2.0 : Database migrated from 7.0.0 to 7.2.0 (OpenNebula 7.2.0) by onedb command.
Local tables  7.0.0 : OpenNebula 7.0.0 () daemon bootstrap

Sqlite database backup stored in /tmp/second.bck
Use 'onedb restore' to restore the DB.

>>> Running migrators for shared tables
Database already uses version 7.2.0

>>> Running migrators for local tables
  > Running migrator /usr/lib/one/ruby/onedb/local/7.0.0_to_7.2.0.rb
  > Done in 0.04s

Database migrated from 7.0.0 to 7.2.0 (OpenNebula 7.2.0) by onedb command.

Total time: 0.06s
upgrade rc=0
--- stderr ---
---

0$ onedb version > /dev/null; echo "version rc=$?"; for t in user_quotas old_user_quotas; do echo "$t $(sqlite3 one.db "select count(*) from $t" 2>/dev/null)"; done; echo indexes: $(sqlite3 one.db "select name from sqlite_master where name like '%_idx'"); onedb fsck --dry | grep Total; echo rc=$?
exit: 0
--- stdout ---
version rc=0
user_quotas 0
old_user_quotas
indexes: state_oid_idx applied_idx fed_index_idx
Total errors found: 0
Total repairable errors: 0
Total unrepairable errors: 0
rc=0
--- stderr ---
---

# The cure (52).

0$ cp $ROOT/tmp/after-kill.db one.db; onedb restore -f $ROOT/tmp/first.bck; onedb upgrade --backup $ROOT/tmp/third.bck > /dev/null; echo "upgrade rc=$?"; for t in $(sqlite3 one.db "select name from sqlite_master where type='table' and name not like '%versioning'"); do a=$(sqlite3 one.db "select * from $t" | sha256sum); b=$(sqlite3 $ROOT/tmp/ref.db "select * from $t" | sha256sum); [ "$a" = "$b" ] || echo "table differs: $t"; done; echo compared with ref
exit: 0
--- stdout ---
Sqlite database backup restored in /var/lib/one/one.db
upgrade rc=0
compared with ref
--- stderr ---
---
