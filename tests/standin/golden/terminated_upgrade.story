# Fact 12: interrupted by TERM in the local migrator, onedb puts its backup back by itself. Recorded: new/gaps/56.

seed --users 10
install 7.2.0 0
migrators 0

0 TERM$ onedb upgrade --backup $ROOT/tmp/first.bck
exit: 255
--- stdout ---
Sqlite database backup stored in /tmp/first.bck
Use 'onedb restore' to restore the DB.

SIGTERM


The database will be restored
Sqlite database backup restored in /var/lib/one/one.db
--- stderr ---
---

0$ onedb version | head -2; for t in user_quotas old_user_quotas; do echo "$t $(sqlite3 one.db "select count(*) from $t" 2>/dev/null)"; done; echo indexes: $(sqlite3 one.db "select name from sqlite_master where name like '%_idx'")
exit: 0
--- stdout ---
Shared: 7.0.0
Local:  7.0.0
user_quotas 12
old_user_quotas 12
indexes: state_oid_idx applied_idx fed_index_idx
--- stderr ---
---
