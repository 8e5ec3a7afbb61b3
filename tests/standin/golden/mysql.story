# The same on MySQL, where a restore may fail, yet not always when it should (fact 7).
# Recorded: old/mysql_running, old/mysql_stopped, upgrade/mysql, new/more_faults.

seed --users 10
start 0 100 101

0$ onezone enable 0; oneuser create "it's" x; oneuser create 'back\slash' x
exit: 0
--- stdout ---
ID: 12
ID: 13
--- stderr ---
---

settle

100$ oneuser list --csv --no-header -l NAME | head -2
exit: 0
--- stdout ---
back\slash
it's
--- stderr ---
---

0$ onedb backup -v --federated
exit: 0
--- stdout ---
MySQL dump stored in /var/lib/one/mysql_localhost_opennebula_federated_2026-11-23_1:45:14.sql
Use 'onedb restore' or restore the DB using the mysql command:
mysql -u user -h server -P port db_name < backup_file

--- stderr ---
---

0$ onedb restore -v --federated /etc/passwd
exit: 255
--- stdout ---
--- stderr ---
First stop OpenNebula. Lock file found: /var/lock/one/one
---

0$ onedb upgrade -v
exit: 255
--- stdout ---
--- stderr ---
First stop OpenNebula. Lock file found: /var/lock/one/one
---

0$ onedb backup -v --federated -S 127.0.0.1 -P $DB_PORT -u oneadmin -d $DB -p on3pw $ROOT/tmp/o1.sql
exit: 0
--- stdout ---
MySQL dump stored in /tmp/o1.sql
Use 'onedb restore' or restore the DB using the mysql command:
mysql -u user -h server -P port db_name < backup_file

--- stderr ---
---

0$ onedb backup -v --federated $ROOT/tmp/o1.sql
exit: 255
--- stdout ---
--- stderr ---
File /tmp/o1.sql exists, backup aborted. Use -f to overwrite.
---

0$ onedb backup -v --federated -S 127.0.0.1 -P $DB_PORT -u oneadmin -d $DB -p wrong $ROOT/tmp/o2.sql; echo rc=$?; ls $ROOT/tmp/o2.sql 2>/dev/null
exit: 2
--- stdout ---
rc=255
--- stderr ---
Error connecting to DB: Mysql2::Error::ConnectionError: Access denied for user 'oneadmin'@'localhost' (using password: YES)
---

0$ ONE_DB_PASSWORD=on3pw onedb version -S 127.0.0.1 -P $DB_PORT -u oneadmin -d $DB | head -2
exit: 0
--- stdout ---
Shared: 7.0.0
Local:  7.0.0
--- stderr ---
---

0$ onedb version -v -u oneadmin -d opennebula < /dev/null; echo rc=$?
exit: 0
--- stdout ---
MySQL Password: rc=255
--- stderr ---
stty: 'standard input': Inappropriate ioctl for device
undefined method `strip' for nil:NilClass

        passwd = STDIN.gets.strip
                           ^^^^^^
---

0$ onedb backup -v --federated /proc/x.sql
exit: 255
--- stdout ---
--- stderr ---
sh: 1: cannot create /proc/x.sql: Directory nonexistent
Unknown error running 'mysqldump -u oneadmin -p'on3pw' -h localhost -P 0  --add-drop-table opennebula group_pool user_pool acl zone_pool vdc_pool marketplace_pool marketplaceapp_pool db_versioning > /proc/x.sql'
---

100$ echo; onedb version -S 127.0.0.1 -P 3399 -u oneadmin -p on3pw -d opennebula; echo rc=$?
exit: 0
--- stdout ---

rc=255
--- stderr ---
Error connecting to DB: Mysql2::Error::ConnectionError: Can't connect to server on '127.0.0.1' (115)
---

0$ grep -c '^-- Dump completed' $ROOT/tmp/o1.sql; grep -o '^CREATE TABLE `[a-z_]*' $ROOT/tmp/o1.sql | cut -c15- | tr '\n' ' '
exit: 0
--- stdout ---
2
group_pool user_pool acl zone_pool vdc_pool marketplace_pool marketplaceapp_pool db_versioning logdb
--- stderr ---
---

stop 101 100 0

100$ cp $ROOT/../0/tmp/o1.sql $ROOT/tmp/f.sql; onedb restore -v --federated $ROOT/tmp/f.sql
exit: 0
--- stdout ---
MySQL DB opennebula at localhost restored.
--- stderr ---
---

# Empty (06): silent, the old tables stay. Cut or garbage (02, 05): 255.

100$ : > $ROOT/tmp/e.sql; onedb restore -v --federated $ROOT/tmp/e.sql; echo rc=$?
exit: 0
--- stdout ---
MySQL DB opennebula at localhost restored.
rc=0
--- stderr ---
---

100$ head -c 6000 $ROOT/tmp/f.sql > $ROOT/tmp/t.sql; onedb restore -v --federated $ROOT/tmp/t.sql 2>&1 | tail -1; onedb restore -v --federated $ROOT/tmp/t.sql 2>/dev/null; echo rc=$?
exit: 0
--- stdout ---
Error while restoring MySQL DB opennebula at localhost.
rc=255
--- stderr ---
---

100$ head -c 20000 /dev/urandom > $ROOT/tmp/g.sql; onedb restore -v --federated $ROOT/tmp/g.sql 2>/dev/null; echo rc=$?
exit: 0
--- stdout ---
rc=255
--- stderr ---
---

0$ onedb restore $ROOT/tmp/o1.sql; echo rc=$?
exit: 0
--- stdout ---
rc=255
--- stderr ---
MySQL database opennebula at localhost exists, use -f to overwrite.
---

# Cut where a statement ends (new/more_faults/01 to 04): silent, and the zone never replicates.

101$ cp $ROOT/../0/tmp/o1.sql $ROOT/tmp/f.sql; n=$(grep -n 'INSERT INTO .logdb' $ROOT/tmp/f.sql | head -1 | cut -d: -f1); head -n $((n-1)) $ROOT/tmp/f.sql > $ROOT/tmp/cut.sql; onedb restore --federated $ROOT/tmp/cut.sql; echo rc=$?; onedb version > /dev/null; echo vrc=$?
exit: 0
--- stdout ---
MySQL DB opennebula at localhost restored.
rc=0
vrc=0
--- stderr ---
---

start 0 101

0$ oneuser create cutlog1 x; sleep 1; onezone list -l ID,FED_INDEX
exit: 0
--- stdout ---
ID: 14
  ID FED_INDEX
 101 1844674407
 100 -
   0 60
--- stderr ---
---

stop 0 101

101$ onedb restore --federated $ROOT/tmp/f.sql
exit: 0
--- stdout ---
MySQL DB opennebula at localhost restored.
--- stderr ---
---

100$ onedb restore --federated $ROOT/tmp/f.sql
exit: 0
--- stdout ---
MySQL DB opennebula at localhost restored.
--- stderr ---
---

0$ onedb fsck; echo rc=$?
exit: 0
--- stdout ---
MySQL dump stored in /var/lib/one/mysql_localhost_opennebula_2026-11-23_1:46:46.sql
Use 'onedb restore' or restore the DB using the mysql command:
mysql -u user -h server -P port db_name < backup_file



Total errors found: 0
Total errors repaired: 0
Total errors unrepaired: 0
A copy of this output was stored in /var/log/one/onedb-fsck.log
rc=0
--- stderr ---
---

install 7.2.0 0
migrators 0
pause 1100

0$ onedb upgrade -v
exit: 0
--- stdout ---
Version read:
Shared tables 7.0.0 : OpenNebula 7.0.0 () daemon bootstrap
Local tables  7.0.0 : OpenNebula 7.0.0 () daemon bootstrap

MySQL dump stored in /var/lib/one/mysql_localhost_opennebula_2026-11-23_1:50:10.sql
Use 'onedb restore' or restore the DB using the mysql command:
mysql -u user -h server -P port db_name < backup_file


>>> Running migrators for shared tables
  > Running migrator /usr/lib/one/ruby/onedb/shared/7.0.0_to_7.2.0.rb
  > Done in 0.00s

Database migrated from 7.0.0 to 7.2.0 (OpenNebula 7.2.0) by onedb command.

>>> Running migrators for local tables
  > Running migrator /usr/lib/one/ruby/onedb/local/7.0.0_to_7.2.0.rb
  > Done in 0.24s

Database migrated from 7.0.0 to 7.2.0 (OpenNebula 7.2.0) by onedb command.

Total time: 0.27s
--- stderr ---
---

0$ onedb version; echo rc=$?
exit: 0
--- stdout ---
Shared: 7.2.0
Local:  7.2.0
Required shared version: 7.2.0
Required local version:  7.2.0
rc=0
--- stderr ---
---

start 0

0$ onezone enable 0
exit: 0
--- stdout ---
--- stderr ---
---
