# Hypervisor hosts: disabling overwrites whatever the state was. Recorded: new/hosts.

seed --users 1 --host-states 4,8,2,8,3
start 0 100

100$ onehost list
exit: 0
--- stdout ---
  ID NAME            CLUSTER    TVM      ALLOCATED_CPU      ALLOCATED_MEM STAT
   4 node4           default      0                  -                  - err
   3 node3           default      0                  -                  - off
   2 node2           default      0       0 / 800 (0%)      0K / 16G (0%) on
   1 node1           default      0                  -                  - off
   0 node0           default      0                  -                  - dsbl
--- stderr ---
---

100$ onehost disable 0,1,3
exit: 0
--- stdout ---
--- stderr ---
---

100$ onehost disable 2..4
exit: 0
--- stdout ---
--- stderr ---
---

100$ onehost disable 999
exit: 255
--- stdout ---
--- stderr ---
[one.host.status] Error getting host [999].
---

100$ onehost disable 3,999,4
exit: 255
--- stdout ---
--- stderr ---
[one.host.status] Error getting host [999].
---

100$ onehost list --csv -l ID,STAT
exit: 0
--- stdout ---
ID,STAT
4,dsbl
3,dsbl
2,dsbl
1,dsbl
0,dsbl
--- stderr ---
---

100$ onehost offline 2; onehost enable 1; onehost list --csv --no-header -l STAT
exit: 0
--- stdout ---
dsbl
dsbl
off
init
dsbl
--- stderr ---
---

pause 2500

100$ onehost list --csv --no-header -l STAT
exit: 0
--- stdout ---
dsbl
dsbl
off
on
dsbl
--- stderr ---
---

100$ onehost create node2 -i dummy -v dummy; onehost create d1 -i dummy -v dummy
exit: 0
--- stdout ---
ID: 5
--- stderr ---
[one.host.allocate] Error allocating a new host. NAME is already taken by HOST 2.
---

# VMs in any state (new/vms).

100$ onevm standin-state new 3 3; onevm standin-state new 8 0; onevm standin-state 0 3 2; onevm list --csv -l ID,NAME,STAT,CPU,MEM,HOST,TIME
exit: 0
--- stdout ---
ID: 0
ID: 1
ID: 0
ID,NAME,STAT,CPU,MEM,HOST,TIME
1,vm1,poff,0.1,64M,"",  0d 00h00m
0,vm0,boot,0.1,64M,"",  0d 00h00m
--- stderr ---
---
