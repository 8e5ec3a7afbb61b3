# Runs on a host, as root: makes it the front-end of a zone whose database is ready, and starts it.
# $1: sqlite or mysql  $2: the zone's number  $3: MASTER or SLAVE  $4: the master's endpoint
# $5: users  $6: every zone of the federation, as ID=ENDPOINT, separated by commas
set -eu

# Services refuse to start without these. The same password everywhere: the users are the federation's.
for name in one sunstone oneflow onegate oneform; do
    user=serveradmin
    [ "$name" = one ] && user=oneadmin
    echo "$user:lab-password" >"/var/lib/one/.one/${name}_auth"
done
chown oneadmin:oneadmin /var/lib/one/.one/*
# Where the stand-in looks for the hooks of tests, and writes what it did.
install -d -o oneadmin -g oneadmin -m 0755 /var/lib/one/.standin
chmod 0600 /var/lib/one/.one/*

conf=/etc/one/oned.conf
sed -i "s|MODE          = \"STANDALONE\"|MODE          = \"$3\"|; s|ZONE_ID       = 0|ZONE_ID       = $2|" $conf
if [ "$3" = SLAVE ]; then
    sed -i "s|MASTER_ONED   = \"\"|MASTER_ONED   = \"$4\"|" $conf
fi
if [ "$1" = mysql ]; then
    systemctl enable --quiet --now mariadb.service
    sed -i '/^DB = \[ BACKEND = "sqlite",$/,/\]$/c\
DB = [ BACKEND = "mysql",\
       SERVER  = "localhost",\
       PORT    = 0,\
       USER    = "oneadmin",\
       PASSWD  = "lab-database",\
       DB_NAME = "opennebula",\
       CONNECTIONS = 25 ]' $conf
fi

# As root: with MariaDB it makes the database and its user, through the server's socket.
# Two hypervisor hosts are on and one is disabled; one VM runs, one is off.
standin-seed --users "$5" --endpoints "$6" --password lab-password --host-states 2,2,4 --vms 3:3,8:0
# Not before: an oned that starts on no database makes itself one.
systemctl enable --quiet --now opennebula.service opennebula-fireedge.service opennebula-flow.service opennebula-gate.service
