# Fed to `sh -s` on a twin just before its disk becomes an image: takes out what must not be in two
# instances, and what only this one has lived through. Modes and owners stay as the playbook set them.
set -u
LC_ALL=C
export LC_ALL

rm -f /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub
: >/etc/machine-id # empty, not missing: missing would be taken for a first boot, and reset presets
[ -f /var/lib/dbus/machine-id ] && [ ! -L /var/lib/dbus/machine-id ] && rm -f /var/lib/dbus/machine-id
rm -f /var/lib/systemd/random-seed /var/lib/systemd/credential.secret
find /var/lib/dhcp /var/lib/NetworkManager -xdev -type f -name '*lease*' -delete 2>/dev/null

apt-get clean 2>/dev/null
find /var/lib/apt/lists -xdev -type f ! -name lock -delete 2>/dev/null
find /var/log -xdev -type f \( -name '*.gz' -o -name '*.[0-9]' -o -name '*.xz' \) -delete 2>/dev/null
find /var/log -xdev -depth -path '/var/log/journal/*' -delete 2>/dev/null
find /var/log -xdev -type f -exec truncate -s 0 {} + 2>/dev/null
find /tmp /var/tmp /root/.ansible/tmp -xdev -mindepth 1 -depth ! -path '*/systemd-private-*' -delete 2>/dev/null
rm -f /root/.bash_history
sync
exit 0
