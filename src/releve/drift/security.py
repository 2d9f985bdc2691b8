"""Who may log in, become root, or run by itself: noise may never hide that such a thing exists."""

import re
from typing import Final

from releve.model.finding import Deviation
from releve.model.observed import Fact, FactKind

_PATHS: Final = re.compile(
    r"""\A(?:
      /etc/(?:
        sudoers(?:\.d(?:/.*)?)? | sudo\.conf | doas\.conf
      | ssh/sshd?_config(?:\.d(?:/.*)?)? | ssh/(?:authorized_keys|auth)[^/]*(?:/.*)?
      | passwd | shadow | group | gshadow | subuid | subgid | securetty
      | pam\.d(?:/.*)? | pam\.conf | security(?:/.*)? | nsswitch\.conf | polkit-1(?:/.*)?
      | crontab | anacrontab | cron\.[^/]+(?:/.*)? | at\.(?:allow|deny)
      | systemd/(?:system|user)(?:/.*)? | init\.d(?:/.*)? | rc[0-9S]\.d(?:/.*)? | rc\.local
      | ld\.so\.preload | ld\.so\.conf(?:\.d(?:/.*)?)?
      | apt/(?:sources\.list(?:\.d(?:/.*)?)?|keyrings(?:/.*)?|trusted\.gpg(?:\.d(?:/.*)?)?
             |apt\.conf(?:\.d(?:/.*)?)?|auth\.conf(?:\.d(?:/.*)?)?)
      )
    | (?:/usr)?/lib/systemd/(?:system|user)(?:/.*)? | (?:/usr)?/lib/security(?:/.*)?
    | /usr/share/keyrings(?:/.*)?
    | /var/spool/cron(?:/.*)?
    | .*/\.ssh(?:/(?:authorized_keys2?|rc|environment|config))?
    | .*/\.config/systemd/user(?:/.*)?
    | /root/\.(?:bashrc|profile|bash_profile|bash_login)
    )\Z""",
    re.VERBOSE | re.DOTALL,
)
_KINDS: Final = frozenset(
    {
        FactKind.USER, FactKind.GROUP, FactKind.AUTHORIZED_KEY, FactKind.CRON, FactKind.AT_JOB,
        FactKind.REPOSITORY, FactKind.UNIT,
    }
)  # fmt: skip


def is_security_path(path: str) -> bool:
    return _PATHS.match(path) is not None


def is_security_fact(fact: Fact) -> bool:
    """Also whatever runs with more rights than who starts it."""
    if fact.kind is FactKind.FILE:
        return is_security_path(fact.key) or is_privileged(fact)
    return fact.kind in _KINDS


def is_privileged(fact: Fact) -> bool:
    """Setuid or setgid as a file, or with capabilities."""
    mode = fact.attributes.get("mode", "")
    is_file = fact.attributes.get("type", "file") == "file"
    return is_file and (mode[:-3].lstrip("0") in {"2", "4", "6", "3", "5", "7"}
                        or "capabilities" in fact.attributes)  # fmt: skip


def concerns_security(deviation: Deviation) -> bool:
    return any(
        is_security_fact(fact) for fact in (deviation.ours, deviation.theirs) if fact is not None
    )
