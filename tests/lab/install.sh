# Runs on a host, as root: OpenNebula's packages of the first version, from the lab's repository.
# $1: the source's line
set -eu
export DEBIAN_FRONTEND=noninteractive
printf '%s\n' "$1" >/etc/apt/sources.list.d/opennebula.list
apt-get update
apt-get install --yes --no-install-recommends opennebula opennebula-tools opennebula-fireedge opennebula-flow \
    opennebula-gate opennebula-provision opennebula-migration-community python3-pyone
apt-get clean
journalctl --rotate --vacuum-time=1s --quiet || true
