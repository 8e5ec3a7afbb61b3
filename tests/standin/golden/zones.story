# What onezone prints of three zones in sync, of one that is down, and of whom it does not trust.
# Recorded: old/insync, old/s2_down, old/misc, new/insync.

seed --users 6
start 0 100 101

0$ for i in $(seq 4); do onezone enable 0; done
exit: 0
--- stdout ---
--- stderr ---
---

settle

0$ onezone list
exit: 0
--- stdout ---
C   ID NAME            ENDPOINT                                      FED_INDEX  STAT
   101 S-US-CA         http://10.99.0.3:2633/RPC2                    33         on
   100 S-EU-GE         http://10.99.0.2:2633/RPC2                    33         on
     0 M-EU-FR         http://10.99.0.1:2633/RPC2                    33         on
--- stderr ---
---

0$ onezone list --csv
exit: 0
--- stdout ---
CURRENT,ID,NAME,ENDPOINT,FED_INDEX,STAT
"",101,S-US-CA,http://10.99.0.3:2633/RPC2,33,on
"",100,S-EU-GE,http://10.99.0.2:2633/RPC2,33,on
"",0,M-EU-FR,http://10.99.0.1:2633/RPC2,33,on
--- stderr ---
---

0$ onezone list -l ID,FED_INDEX
exit: 0
--- stdout ---
  ID FED_INDEX 
 101 33
 100 33
   0 33
--- stderr ---
---

0$ onezone list -l ID,NAME,ENDPOINT,FED_INDEX,STAT --csv
exit: 0
--- stdout ---
ID,NAME,ENDPOINT,FED_INDEX,STAT
101,S-US-CA,http://10.99.0.3:2633/RPC2,33,on
100,S-EU-GE,http://10.99.0.2:2633/RPC2,33,on
0,M-EU-FR,http://10.99.0.1:2633/RPC2,33,on
--- stderr ---
---

0$ onezone list -x
exit: 0
--- stdout ---
<ZONE_POOL>
  <ZONE>
    <ID>101</ID>
    <NAME>S-US-CA</NAME>
    <STATE>0</STATE>
    <TEMPLATE>
      <ENDPOINT><![CDATA[http://10.99.0.3:2633/RPC2]]></ENDPOINT>
    </TEMPLATE>
    <SERVER_POOL/>
  </ZONE>
  <ZONE>
    <ID>100</ID>
    <NAME>S-EU-GE</NAME>
    <STATE>0</STATE>
    <TEMPLATE>
      <ENDPOINT><![CDATA[http://10.99.0.2:2633/RPC2]]></ENDPOINT>
    </TEMPLATE>
    <SERVER_POOL/>
  </ZONE>
  <ZONE>
    <ID>0</ID>
    <NAME>M-EU-FR</NAME>
    <STATE>0</STATE>
    <TEMPLATE>
      <ENDPOINT><![CDATA[http://10.99.0.1:2633/RPC2]]></ENDPOINT>
    </TEMPLATE>
    <SERVER_POOL/>
  </ZONE>
</ZONE_POOL>
--- stderr ---
---

0$ onezone show 0
exit: 0
--- stdout ---
ZONE 0 INFORMATION                                                              
ID                : 0                   
NAME              : M-EU-FR             
STATE             : ENABLED             


ZONE TEMPLATE                                                                   
ENDPOINT="http://10.99.0.1:2633/RPC2"
--- stderr ---
---

0$ onezone show 0 -x
exit: 0
--- stdout ---
<ZONE>
  <ID>0</ID>
  <NAME>M-EU-FR</NAME>
  <STATE>0</STATE>
  <TEMPLATE>
    <ENDPOINT><![CDATA[http://10.99.0.1:2633/RPC2]]></ENDPOINT>
  </TEMPLATE>
  <SERVER_POOL/>
</ZONE>
--- stderr ---
---

0$ onezone show 100
exit: 0
--- stdout ---
ZONE 100 INFORMATION                                                            
ID                : 100                 
NAME              : S-EU-GE             
STATE             : ENABLED             


ZONE TEMPLATE                                                                   
ENDPOINT="http://10.99.0.2:2633/RPC2"
--- stderr ---
---

100$ onezone list
exit: 0
--- stdout ---
C   ID NAME            ENDPOINT                                      FED_INDEX  STAT
   101 S-US-CA         http://10.99.0.3:2633/RPC2                    33         on
   100 S-EU-GE         http://10.99.0.2:2633/RPC2                    33         on
     0 M-EU-FR         http://10.99.0.1:2633/RPC2                    33         on
--- stderr ---
---

100$ onezone list --csv
exit: 0
--- stdout ---
CURRENT,ID,NAME,ENDPOINT,FED_INDEX,STAT
"",101,S-US-CA,http://10.99.0.3:2633/RPC2,33,on
"",100,S-EU-GE,http://10.99.0.2:2633/RPC2,33,on
"",0,M-EU-FR,http://10.99.0.1:2633/RPC2,33,on
--- stderr ---
---

100$ onezone list -x
exit: 0
--- stdout ---
<ZONE_POOL>
  <ZONE>
    <ID>101</ID>
    <NAME>S-US-CA</NAME>
    <STATE>0</STATE>
    <TEMPLATE>
      <ENDPOINT><![CDATA[http://10.99.0.3:2633/RPC2]]></ENDPOINT>
    </TEMPLATE>
    <SERVER_POOL/>
  </ZONE>
  <ZONE>
    <ID>100</ID>
    <NAME>S-EU-GE</NAME>
    <STATE>0</STATE>
    <TEMPLATE>
      <ENDPOINT><![CDATA[http://10.99.0.2:2633/RPC2]]></ENDPOINT>
    </TEMPLATE>
    <SERVER_POOL/>
  </ZONE>
  <ZONE>
    <ID>0</ID>
    <NAME>M-EU-FR</NAME>
    <STATE>0</STATE>
    <TEMPLATE>
      <ENDPOINT><![CDATA[http://10.99.0.1:2633/RPC2]]></ENDPOINT>
    </TEMPLATE>
    <SERVER_POOL/>
  </ZONE>
</ZONE_POOL>
--- stderr ---
---

100$ onezone show 100
exit: 0
--- stdout ---
ZONE 100 INFORMATION                                                            
ID                : 100                 
NAME              : S-EU-GE             
STATE             : ENABLED             


ZONE TEMPLATE                                                                   
ENDPOINT="http://10.99.0.2:2633/RPC2"
--- stderr ---
---

install 7.2.0 0

0$ onezone list -j
exit: 0
--- stdout ---
{
  "ZONE_POOL": {
    "ZONE": [
      {
        "ID": "101",
        "NAME": "S-US-CA",
        "STATE": "0",
        "TEMPLATE": {
          "ENDPOINT": "http://10.99.0.3:2633/RPC2"
        },
        "SERVER_POOL": {
        }
      },
      {
        "ID": "100",
        "NAME": "S-EU-GE",
        "STATE": "0",
        "TEMPLATE": {
          "ENDPOINT": "http://10.99.0.2:2633/RPC2"
        },
        "SERVER_POOL": {
        }
      },
      {
        "ID": "0",
        "NAME": "M-EU-FR",
        "STATE": "0",
        "TEMPLATE": {
          "ENDPOINT": "http://10.99.0.1:2633/RPC2"
        },
        "SERVER_POOL": {
        }
      }
    ]
  }
}
--- stderr ---
---

install 7.0.0 0

stop 101

0$ for i in $(seq 12); do onezone enable 0; done
exit: 0
--- stdout ---
--- stderr ---
---

settle

0$ onezone list
exit: 0
--- stdout ---
C   ID NAME            ENDPOINT                                      FED_INDEX  STAT
   101 S-US-CA         http://10.99.0.3:2633/RPC2                    -          on
   100 S-EU-GE         http://10.99.0.2:2633/RPC2                    45         on
     0 M-EU-FR         http://10.99.0.1:2633/RPC2                    45         on
--- stderr ---
---

0$ onezone list --csv
exit: 0
--- stdout ---
CURRENT,ID,NAME,ENDPOINT,FED_INDEX,STAT
"",101,S-US-CA,http://10.99.0.3:2633/RPC2,-,on
"",100,S-EU-GE,http://10.99.0.2:2633/RPC2,45,on
"",0,M-EU-FR,http://10.99.0.1:2633/RPC2,45,on
--- stderr ---
---

0$ onezone list -l ID,FED_INDEX
exit: 0
--- stdout ---
  ID FED_INDEX 
 101 -
 100 45
   0 45
--- stderr ---
---

0$ onezone list -x
exit: 0
--- stdout ---
<ZONE_POOL>
  <ZONE>
    <ID>101</ID>
    <NAME>S-US-CA</NAME>
    <STATE>0</STATE>
    <TEMPLATE>
      <ENDPOINT><![CDATA[http://10.99.0.3:2633/RPC2]]></ENDPOINT>
    </TEMPLATE>
    <SERVER_POOL/>
  </ZONE>
  <ZONE>
    <ID>100</ID>
    <NAME>S-EU-GE</NAME>
    <STATE>0</STATE>
    <TEMPLATE>
      <ENDPOINT><![CDATA[http://10.99.0.2:2633/RPC2]]></ENDPOINT>
    </TEMPLATE>
    <SERVER_POOL/>
  </ZONE>
  <ZONE>
    <ID>0</ID>
    <NAME>M-EU-FR</NAME>
    <STATE>0</STATE>
    <TEMPLATE>
      <ENDPOINT><![CDATA[http://10.99.0.1:2633/RPC2]]></ENDPOINT>
    </TEMPLATE>
    <SERVER_POOL/>
  </ZONE>
</ZONE_POOL>
--- stderr ---
---

0$ onezone show 0
exit: 0
--- stdout ---
ZONE 0 INFORMATION                                                              
ID                : 0                   
NAME              : M-EU-FR             
STATE             : ENABLED             


ZONE TEMPLATE                                                                   
ENDPOINT="http://10.99.0.1:2633/RPC2"
--- stderr ---
---

start 101

0$ for i in $(seq 18); do onezone enable 0; done
exit: 0
--- stdout ---
--- stderr ---
---

settle

0$ onezone list
exit: 0
--- stdout ---
C   ID NAME            ENDPOINT                                      FED_INDEX  STAT
   101 S-US-CA         http://10.99.0.3:2633/RPC2                    63         on
   100 S-EU-GE         http://10.99.0.2:2633/RPC2                    63         on
     0 M-EU-FR         http://10.99.0.1:2633/RPC2                    63         on
--- stderr ---
---

0$ echo oneadmin:wrong > $ROOT/tmp/ba; ONE_AUTH=$ROOT/tmp/ba onezone list
exit: 255
--- stdout ---
--- stderr ---
[one.zonepool.info] User couldn't be authenticated, aborting call.
---

0$ ONE_XMLRPC=http://127.0.0.1:1/RPC2 onezone list
exit: 255
--- stdout ---
--- stderr ---
Failed to open TCP connection to 127.0.0.1:1 (Connection refused - connect(2) for 127.0.0.1:1)
---

0$ oneuser create plain1 pw1 >/dev/null; echo plain1:pw1 > $ROOT/tmp/pa; ONE_AUTH=$ROOT/tmp/pa onezone list; ONE_AUTH=$ROOT/tmp/pa onezone disable 100
exit: 255
--- stdout ---
C   ID NAME            ENDPOINT                                      FED_INDEX  STAT
   101 S-US-CA         http://10.99.0.3:2633/RPC2                    -          on
   100 S-EU-GE         http://10.99.0.2:2633/RPC2                    -          on
     0 M-EU-FR         http://10.99.0.1:2633/RPC2                    -          on
--- stderr ---
[one.zone.enable] Enable/disable mode have to be set through the target zone endpoints
---
