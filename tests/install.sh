#!/bin/sh
# Installs what building nebplay and running its lab needs on a fresh Debian 12. Quick when all is there; starts no service.
set -eu

# A compiler and perl for the vendored OpenSSL; what the lab is made of; what tests call by name.
packages="gcc libc6-dev make perl pkg-config binutils
    systemd-container debootstrap iproute2 util-linux mount procps dpkg-dev openssh-client
    openssh-server sudo sqlite3 mariadb-server nftables zstd curl ca-certificates"

missing=""
for package in $packages; do
    dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
    echo "not root, so these packages are not installed, and what needs them is skipped:$missing" >&2
    exit 0
fi

# The packages bring services that nothing here wants to run on this machine: tests start their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 0755 $policy
    trap 'rm -f $policy' EXIT
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # a list of names
apt-get install -qq --yes --no-install-recommends $missing >/dev/null
case " $missing " in
*" openssh-server "*) [ ! -d /run/systemd/system ] || systemctl disable --quiet ssh.service ;;
esac
