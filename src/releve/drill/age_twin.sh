# Fed to `sh -s` on a twin: what a year of ordinary life does, in about half a minute. Only jobs of
# packages are run; one that the team's playbook wrote may reach for real backups or real people.
# Prints one line `note TEXT` for each thing that did not go well.
set -u
LC_ALL=C
export LC_ALL
DEBIAN_FRONTEND=noninteractive
export DEBIAN_FRONTEND

note() { printf 'note %s\n' "$*"; }

is_packaged() {
    case $1 in
    *apt-daily-upgrade* | *apt-compat* | *unattended-upgrades*) return 1 ;; # other versions are drift
    esac
    dpkg-query --search "$1" >/dev/null 2>&1 || dpkg-query --search "/usr$1" >/dev/null 2>&1 ||
        dpkg-query --search "${1#/usr}" >/dev/null 2>&1
}

jobs=''
for timer in $(systemctl list-unit-files --type=timer --no-legend --plain 2>/dev/null |
    awk '$2 != "masked" && $1 !~ /@\./ { print $1 }'); do
    service=$(systemctl show --property Unit --value "$timer")
    fragment=$(systemctl show --property FragmentPath --value "$service")
    if [ -n "$fragment" ] && is_packaged "$fragment"; then
        jobs="$jobs $service"
    fi
done
# shellcheck disable=SC2086 # one word for each unit
[ -n "$jobs" ] && { timeout 20 systemctl start $jobs >/dev/null 2>&1 || note "a timer's job failed"; }

for directory in /etc/cron.daily /etc/cron.weekly; do
    for job in $(run-parts --test "$directory" 2>/dev/null); do
        is_packaged "$job" && { timeout 10 "$job" </dev/null >/dev/null 2>&1 || note "$job failed"; }
    done
done
[ -f /etc/logrotate.conf ] && {
    timeout 15 logrotate --force /etc/logrotate.conf >/dev/null 2>&1 || note 'logrotate failed'
}
journalctl --rotate >/dev/null 2>&1

services=$(systemctl list-units --type=service --state=running --no-legend --plain 2>/dev/null |
    awk '$1 !~ /^(ssh|sshd|dbus|systemd-|getty|console-getty|container-getty|user@|serial-getty)/ { print $1 }')
# shellcheck disable=SC2086 # one word for each unit
[ -n "$services" ] && { timeout 30 systemctl restart $services >/dev/null 2>&1 || note 'a restart failed'; }
exit 0
