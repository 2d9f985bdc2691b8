"""Which unit reads a file, so that it can be told when the file changes."""

import re
from typing import Final

_READERS: Final = (
    (r"/etc/nginx/.*", "nginx"),
    (r"/etc/apache2/.*", "apache"),
    (r"/etc/ssh/sshd_config(?:\.d/.*)?", "ssh"),
    (r"/etc/mysql/.*", "mariadb"),
    (r"/etc/systemd/journald\.conf(?:\.d/.*)?", "journald"),
    (r"/etc/systemd/.*|/usr/(?:local/)?lib/systemd/system/.*", "systemd"),
    (r"/etc/sysctl\.conf|/etc/sysctl\.d/.*", "sysctl"),
    (r"/etc/rsyslog\.conf|/etc/rsyslog\.d/.*", "rsyslog"),
    (r"/etc/nftables\.conf|/etc/nftables\.d/.*", "nftables"),
    (r"/etc/modules-load\.d/.*", "modules"),
    (r"/usr/local/share/ca-certificates/.*", "certificates"),
    (r"/etc/locale\.gen", "locale"),
)
_PHP: Final = re.compile(r"/etc/php/(\d{1,2})\.(\d{1,2})/(?:fpm|mods-available)/.*")


def reader_of(path: str) -> str:
    """A name among `handlers/`, with a version after `_v_`; empty where nobody must be told."""
    if php := _PHP.fullmatch(path):
        return f"php_fpm_v_{php[1]}_{php[2]}"
    return next((reader for form, reader in _READERS if re.fullmatch(form, path, re.DOTALL)), "")


def is_apt_file(path: str) -> bool:
    """Read before any package is installed."""
    return bool(
        re.fullmatch(
            r"/etc/apt/(?:(?:sources\.list|preferences|apt\.conf|trusted\.gpg|keyrings)(?:\.d)?/.*"
            r"|sources\.list|preferences|apt\.conf)|/usr/share/keyrings/.*",
            path,
            re.DOTALL,
        )
    )


def is_sudoers(path: str) -> bool:
    return path == "/etc/sudoers" or path.startswith("/etc/sudoers.d/")
