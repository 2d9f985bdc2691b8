"""Files that must not come back as files: who the host is, and what other tools keep."""

import re
from typing import Final

_NEVER: Final = (
    (r"/etc/machine-id|/var/lib/dbus/machine-id", "it says which machine this is"),
    (
        r"/etc/ssh/ssh_host_.*",
        "host keys are identity; ssh.host_key_files in the plan carries them",
    ),
    (
        r"/etc/(?:passwd|group|shadow|gshadow|subuid|subgid)-?",
        "accounts are codified one by one, never as a file",
    ),
    (r"/etc/resolv\.conf", "it belongs to the network that the host is in"),
    (r"/etc/fstab", "its lines are codified one by one; the plan names the volumes"),
    (r"/etc/hostname", "the host's name is codified as a setting"),
    (r"/etc/mtab|/etc/ld\.so\.cache|/etc/\.pwd\.lock|/etc/adjtime", "the system writes it itself"),
    (r"/etc/cloud/.*|/var/lib/cloud/.*", "it belongs to the instance"),
    (r"/var/lib/(?:dpkg|apt)/.*|/var/cache/.*", "packages write it themselves"),
    (r"/var/lib/systemd/random-seed|/var/lib/urandom/.*", "it must differ on every instance"),
    (r"/var/spool/cron/.*", "jobs of cron are codified one by one"),
    (r"/boot/.*", "the kernel's packages write it"),
    (r"/etc/(?:cron\.(?:daily|hourly|weekly|monthly)/)?\.placeholder", "it is empty"),
)


def why_never(path: str) -> str:
    """Empty for a file that may be shipped."""
    return next((why for form, why in _NEVER if re.fullmatch(form, path, re.DOTALL)), "")
