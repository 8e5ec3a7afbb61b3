# Fact 4: a slave that fell behind while the master was restarted stays behind until the next federated
# write; renaming a zone to its own name is none. The numbers are those of new/gaps/21 and 20 (4118 is 19
# here): a restart of the master uses two.

seed --users 2
start 0 100 101

0$ for i in $(seq 6); do onezone enable 0; done
exit: 0
--- stdout ---
--- stderr ---
---

settle

0$ onezone list --csv --no-header -l ID,FED_INDEX
exit: 0
--- stdout ---
101,19
100,19
0,19
--- stderr ---
---

stop 101

0$ for i in 1 2 3; do oneuser create stuck$i x; done
exit: 0
--- stdout ---
ID: 4
ID: 5
ID: 6
--- stderr ---
---

settle

stop 0
start 0
start 101
pause 1500

0$ onezone list --csv --no-header -l ID,FED_INDEX
exit: 0
--- stdout ---
101,19
100,31
0,31
--- stderr ---
---

0$ onezone rename 0 M-EU-FR
exit: 0
--- stdout ---
--- stderr ---
---

pause 500

0$ onezone list --csv --no-header -l ID,FED_INDEX
exit: 0
--- stdout ---
101,19
100,31
0,31
--- stderr ---
---

0$ onezone enable 0
exit: 0
--- stdout ---
--- stderr ---
---

settle

0$ onezone list --csv --no-header -l ID,FED_INDEX
exit: 0
--- stdout ---
101,34
100,34
0,34
--- stderr ---
---

# Stuck again, all zones disabled: an update is refused, disabling once more is a write (24).

stop 101

0$ oneuser create stuck4 x
exit: 0
--- stdout ---
ID: 7
--- stderr ---
---

settle
stop 0
start 0
start 101

0$ onezone disable 0
exit: 0
--- stdout ---
--- stderr ---
---

settle

0$ onezone list --csv --no-header -l ID,FED_INDEX
exit: 0
--- stdout ---
101,41
100,41
0,41
--- stderr ---
---

0$ onezone show 0 | sed -n "/TEMPLATE/,\$p" | tail -n +2 > $ROOT/tmp/z0.t; onezone update 0 $ROOT/tmp/z0.t
exit: 255
--- stdout ---
--- stderr ---
[one.zone.update] Cannot process request, zone disabled
---

0$ onezone enable 0; onezone update 0 $ROOT/tmp/z0.t
exit: 0
--- stdout ---
--- stderr ---
---

settle

0$ onezone list --csv --no-header -l ID,FED_INDEX
exit: 0
--- stdout ---
101,43
100,43
0,43
--- stderr ---
---

# A slave that was only away catches up by itself (new/behind/1).

stop 101

0$ oneuser create away x
exit: 0
--- stdout ---
ID: 8
--- stderr ---
---

start 101
settle

0$ onezone list --csv --no-header -l ID,FED_INDEX
exit: 0
--- stdout ---
101,47
100,47
0,47
--- stderr ---
---

# The master is down: a slave can write nothing that is shared (new/more_faults/05).

stop 0

100$ oneuser create nomaster x; echo rc=$?; onezone disable 100; echo rc=$?
exit: 0
--- stdout ---
rc=255
rc=255
--- stderr ---
[one.user.allocate] Could not connect to the federation master oned
[one.zone.enable] Cannot update zone at federation master: libcurl failed to execute the HTTP POST transaction, explaining:  Failed to connect to 10.99.0.1 port 2633 after 0 ms: Couldn't connect to server
---

100$ onehost create local --im dummy --vm dummy
exit: 0
--- stdout ---
ID: 0
--- stderr ---
---

# Fact 5: the master alone rolled back. The zones end at the same index with different users
# (new/more_faults/06 to 10).

0$ onedb backup $ROOT/tmp/rb.bck
exit: 0
--- stdout ---
Sqlite database backup stored in /tmp/rb.bck
Use 'onedb restore' to restore the DB.
--- stderr ---
---

start 0

0$ onezone enable 0; for i in 1 2; do oneuser create rb$i x; done
exit: 0
--- stdout ---
ID: 9
ID: 10
--- stderr ---
---

settle
stop 0

0$ onedb restore $ROOT/tmp/rb.bck; echo rc=$?; onedb restore -f $ROOT/tmp/rb.bck
exit: 0
--- stdout ---
rc=255
Sqlite database backup restored in /var/lib/one/one.db
--- stderr ---
File /var/lib/one/one.db exists, use -f to overwrite.
---

start 0

0$ onezone list --csv --no-header -l ID,FED_INDEX
exit: 0
--- stdout ---
101,58
100,58
0,47
--- stderr ---
---

0$ onezone enable 0; for i in 1 2 3; do oneuser create after$i x; done
exit: 0
--- stdout ---
ID: 9
ID: 10
ID: 11
--- stderr ---
---

settle

0$ onezone list --csv --no-header -l ID,FED_INDEX
exit: 0
--- stdout ---
101,62
100,62
0,62
--- stderr ---
---

0$ oneuser list --csv --no-header -l ID,NAME | head -3
exit: 0
--- stdout ---
11,after3
10,after2
9,after1
--- stderr ---
---

100$ oneuser list --csv --no-header -l ID,NAME | head -3
exit: 0
--- stdout ---
11,after3
10,rb2
9,rb1
--- stderr ---
---
