# Runs in the new root, as root, with -eu.
export DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin

# What would only take time on a host that lives for minutes, or look for hardware.
systemctl mask --quiet apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
    dpkg-db-backup.timer systemd-pstore.service getty.target console-getty.service
systemctl disable --quiet mariadb.service mariadb.socket 2>/dev/null || true

# Run at each reload, of which installing packages and masking units make dozens; there is nothing here for any of them to find.
install -d /etc/systemd/system-generators
for generator in /usr/lib/systemd/system-generators/*; do
    ln -sf /dev/null "/etc/systemd/system-generators/${generator##*/}"
done

useradd --create-home --shell /bin/bash ops
useradd --create-home --shell /bin/bash opspw
echo 'opspw:lab-sudo' | chpasswd
echo 'ops ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/ops
echo 'opspw ALL=(ALL) ALL' >/etc/sudoers.d/opspw
chmod 0440 /etc/sudoers.d/ops /etc/sudoers.d/opspw

# Every lab brings keys and names of its own, and the only repository is the lab's.
rm -f /etc/ssh/ssh_host_* /etc/apt/sources.list /etc/hostname
rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb /usr/share/man /usr/share/doc /usr/share/locale
: >/etc/machine-id
