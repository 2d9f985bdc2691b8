# a tool, for an evening's search
apt-get install -y -qq iftop >/dev/null
# more open files, in haste
echo 'worker_rlimit_nofile 8192;' > /etc/nginx/modules-enabled/99-limits.conf && systemctl reload nginx
# a script to tidy up, and its job at night
printf '#!/bin/sh\nfind /var/tmp -mtime +7 -delete\n' > /usr/local/sbin/tidy && chmod 755 /usr/local/sbin/tidy
(crontab -l 2>/dev/null; echo '17 3 * * * /usr/local/sbin/tidy') | crontab -
# deploy may reload nginx
echo 'deploy ALL=(root) NOPASSWD: /usr/bin/systemctl reload nginx' > /etc/sudoers.d/deploy-nginx
chmod 440 /etc/sudoers.d/deploy-nginx
# anne looks after the backups
usermod --append --groups backup anne
# the newsletter's readers, on the system disk
mkdir -p /var/lib/newsletter && seq -f 'reader%g@example.com' 400 > /var/lib/newsletter/readers
