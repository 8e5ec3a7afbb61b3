# Facts 1 to 3: the state of a zone is set at its own endpoint, slaves first; a disabled master keeps
# federated writes out of all zones, and a slave's local writes go on.
# Recorded: old/disable_own_endpoint, old/disable.

seed --users 10 --host-states 2
start 0 100 101

0$ for i in $(seq 24); do onezone enable 0; done
exit: 0
--- stdout ---
--- stderr ---
---

settle

0$ onezone list
exit: 0
--- stdout ---
C   ID NAME            ENDPOINT                                      FED_INDEX  STAT
   101 S-US-CA         http://10.99.0.3:2633/RPC2                    69         on
   100 S-EU-GE         http://10.99.0.2:2633/RPC2                    69         on
     0 M-EU-FR         http://10.99.0.1:2633/RPC2                    69         on
--- stderr ---
---

100$ onezone disable 100
exit: 0
--- stdout ---
--- stderr ---
---

settle

0$ onezone list
exit: 0
--- stdout ---
C   ID NAME            ENDPOINT                                      FED_INDEX  STAT
   101 S-US-CA         http://10.99.0.3:2633/RPC2                    70         on
   100 S-EU-GE         http://10.99.0.2:2633/RPC2                    70         off
     0 M-EU-FR         http://10.99.0.1:2633/RPC2                    70         on
--- stderr ---
---

100$ oneuser create wrx1 pw
exit: 255
--- stdout ---
--- stderr ---
[one.user.allocate] Cannot process request, zone disabled
---

100$ onehost create hx --im dummy --vm dummy
exit: 255
--- stdout ---
--- stderr ---
[one.host.allocate] Cannot process request, zone disabled
---

100$ onehost disable node0
exit: 255
--- stdout ---
--- stderr ---
[one.host.status] Cannot process request, zone disabled
---

0$ oneuser create wrx2 pw
exit: 0
--- stdout ---
ID: 12
--- stderr ---
---

settle

0$ onezone list
exit: 0
--- stdout ---
C   ID NAME            ENDPOINT                                      FED_INDEX  STAT
   101 S-US-CA         http://10.99.0.3:2633/RPC2                    74         on
   100 S-EU-GE         http://10.99.0.2:2633/RPC2                    74         off
     0 M-EU-FR         http://10.99.0.1:2633/RPC2                    74         on
--- stderr ---
---

100$ onezone disable 100
exit: 0
--- stdout ---
--- stderr ---
---

settle

0$ onezone list
exit: 0
--- stdout ---
C   ID NAME            ENDPOINT                                      FED_INDEX  STAT
   101 S-US-CA         http://10.99.0.3:2633/RPC2                    75         on
   100 S-EU-GE         http://10.99.0.2:2633/RPC2                    75         off
     0 M-EU-FR         http://10.99.0.1:2633/RPC2                    75         on
--- stderr ---
---

0$ onezone disable 101 --endpoint $(onezone show 101 | sed -n 's/^ENDPOINT="\(.*\)"/\1/p')
exit: 0
--- stdout ---
--- stderr ---
---

0$ ONE_XMLRPC=$(onezone show 101 | sed -n 's/^ENDPOINT="\(.*\)"/\1/p') onezone disable 101
exit: 0
--- stdout ---
--- stderr ---
---

0$ onezone disable 0
exit: 0
--- stdout ---
--- stderr ---
---

settle

0$ onezone list
exit: 0
--- stdout ---
C   ID NAME            ENDPOINT                                      FED_INDEX  STAT
   101 S-US-CA         http://10.99.0.3:2633/RPC2                    78         off
   100 S-EU-GE         http://10.99.0.2:2633/RPC2                    78         off
     0 M-EU-FR         http://10.99.0.1:2633/RPC2                    78         off
--- stderr ---
---

0$ onezone list -x
exit: 0
--- stdout ---
<ZONE_POOL>
  <ZONE>
    <ID>101</ID>
    <NAME>S-US-CA</NAME>
    <STATE>1</STATE>
    <TEMPLATE>
      <ENDPOINT><![CDATA[http://10.99.0.3:2633/RPC2]]></ENDPOINT>
    </TEMPLATE>
    <SERVER_POOL/>
  </ZONE>
  <ZONE>
    <ID>100</ID>
    <NAME>S-EU-GE</NAME>
    <STATE>1</STATE>
    <TEMPLATE>
      <ENDPOINT><![CDATA[http://10.99.0.2:2633/RPC2]]></ENDPOINT>
    </TEMPLATE>
    <SERVER_POOL/>
  </ZONE>
  <ZONE>
    <ID>0</ID>
    <NAME>M-EU-FR</NAME>
    <STATE>1</STATE>
    <TEMPLATE>
      <ENDPOINT><![CDATA[http://10.99.0.1:2633/RPC2]]></ENDPOINT>
    </TEMPLATE>
    <SERVER_POOL/>
  </ZONE>
</ZONE_POOL>
--- stderr ---
---

0$ onezone list --csv
exit: 0
--- stdout ---
CURRENT,ID,NAME,ENDPOINT,FED_INDEX,STAT
"",101,S-US-CA,http://10.99.0.3:2633/RPC2,78,off
"",100,S-EU-GE,http://10.99.0.2:2633/RPC2,78,off
"",0,M-EU-FR,http://10.99.0.1:2633/RPC2,78,off
--- stderr ---
---

0$ onezone show 0; onezone show 100
exit: 0
--- stdout ---
ZONE 0 INFORMATION                                                              
ID                : 0                   
NAME              : M-EU-FR             
STATE             : DISABLED            


ZONE TEMPLATE                                                                   
ENDPOINT="http://10.99.0.1:2633/RPC2"
ZONE 100 INFORMATION                                                            
ID                : 100                 
NAME              : S-EU-GE             
STATE             : DISABLED            


ZONE TEMPLATE                                                                   
ENDPOINT="http://10.99.0.2:2633/RPC2"
--- stderr ---
---

100$ onezone enable 100
exit: 255
--- stdout ---
--- stderr ---
[one.zone.enable] Cannot update zone at federation master: [one.zone.updatedb] Cannot process request, zone disabled
---

0$ onezone enable 0
exit: 0
--- stdout ---
--- stderr ---
---

settle

101$ oneuser create wrx3 pw
exit: 255
--- stdout ---
--- stderr ---
[one.user.allocate] Cannot process request, zone disabled
---

100$ onezone enable 100
exit: 0
--- stdout ---
--- stderr ---
---

101$ onezone enable 101
exit: 0
--- stdout ---
--- stderr ---
---

settle

0$ onezone list
exit: 0
--- stdout ---
C   ID NAME            ENDPOINT                                      FED_INDEX  STAT
   101 S-US-CA         http://10.99.0.3:2633/RPC2                    81         on
   100 S-EU-GE         http://10.99.0.2:2633/RPC2                    81         on
     0 M-EU-FR         http://10.99.0.1:2633/RPC2                    81         on
--- stderr ---
---

0$ onezone disable 0
exit: 0
--- stdout ---
--- stderr ---
---

settle

100$ oneuser create wrx4 pw
exit: 255
--- stdout ---
--- stderr ---
[one.user.allocate] Cannot process request, zone disabled
---

100$ onehost create hy --im dummy --vm dummy
exit: 0
--- stdout ---
ID: 1
--- stderr ---
---

100$ onezone disable 100
exit: 255
--- stdout ---
--- stderr ---
[one.zone.enable] Cannot update zone at federation master: [one.zone.updatedb] Cannot process request, zone disabled
---

0$ onezone enable 0
exit: 0
--- stdout ---
--- stderr ---
---

settle

0$ onezone list
exit: 0
--- stdout ---
C   ID NAME            ENDPOINT                                      FED_INDEX  STAT
   101 S-US-CA         http://10.99.0.3:2633/RPC2                    83         on
   100 S-EU-GE         http://10.99.0.2:2633/RPC2                    83         on
     0 M-EU-FR         http://10.99.0.1:2633/RPC2                    83         on
--- stderr ---
---

0$ onezone disable 0,100,101
exit: 255
--- stdout ---
--- stderr ---
[one.zone.enable] Enable/disable mode have to be set through the target zone endpoints
[one.zone.enable] Enable/disable mode have to be set through the target zone endpoints
---

0$ onezone disable 777
exit: 255
--- stdout ---
--- stderr ---
[one.zone.enable] Enable/disable mode have to be set through the target zone endpoints
---

0$ onezone disable S-EU-GE; onezone enable S-EU-GE
exit: 255
--- stdout ---
--- stderr ---
[one.zone.enable] Enable/disable mode have to be set through the target zone endpoints
[one.zone.enable] Enable/disable mode have to be set through the target zone endpoints
---
