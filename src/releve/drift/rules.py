"""The few rules that are built in rather than learned, each with its reason.

They hide content and existence of what comes and goes by itself, of what is an identity, and of
files that other facts already tell in full; never the existence of a security path.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from releve.drift.security import is_security_path
from releve.model.finding import Deviation, DeviationStatus, Explanation
from releve.model.observed import FactKind

Matches = Callable[[Deviation], bool]


@dataclass(frozen=True)
class Rule:
    name: str
    reason: str
    matches: Matches
    explanation: Explanation = Explanation.NOISE


def find_rule(deviation: Deviation) -> Rule | None:
    """The first rule that hides the whole deviation."""
    if deviation.kind is FactKind.FILE:
        if _is_empty_source(deviation):
            return _EMPTY_SOURCE
        guarded = is_security_path(deviation.key) and deviation.key not in _IN_FACTS
        rules = () if guarded else _FILE_RULES
        return next((rule for rule in rules if rule.matches(deviation)), None)
    return next((rule for rule in _FACT_RULES if rule.matches(deviation)), None)


def _is_empty_source(deviation: Deviation) -> bool:
    fact = deviation.ours or deviation.theirs
    if fact is None or deviation.key != "/etc/apt/sources.list":
        return False
    return fact.attributes.get("content") == _EMPTY and not deviation.attributes


def _is_log(deviation: Deviation) -> bool:
    """A file that came or went; a directory for logs, an owner or an ACL is a decision."""
    fact = deviation.ours or deviation.theirs
    if fact is None or deviation.status is DeviationStatus.MODIFIED:
        return False
    return deviation.key.startswith("/var/log/") and fact.attributes.get("type") == "file"


def _path(pattern: str) -> Matches:
    compiled = re.compile(rf"\A(?:{pattern})\Z", re.VERBOSE | re.DOTALL)
    return lambda deviation: compiled.match(deviation.key) is not None


def _content_of(pattern: str) -> Matches:
    matches_path = _path(pattern)
    return lambda deviation: _is_content_only(deviation) and matches_path(deviation)


def _is_content_only(deviation: Deviation) -> bool:
    return deviation.status is DeviationStatus.MODIFIED and set(deviation.attributes) <= {
        "content",
        "target",
    }


def _fact(kind: FactKind, pattern: str) -> Matches:
    matches_key = _path(pattern)
    return lambda deviation: deviation.kind is kind and matches_key(deviation)


def _has_origin(*kinds: FactKind) -> Matches:
    def matches(deviation: Deviation) -> bool:
        fact = deviation.ours or deviation.theirs
        origin = fact.attributes.get("origin", "") if fact is not None else ""
        return deviation.kind in kinds and origin in _GIVEN

    return matches


def _is_lone_parameter(deviation: Deviation) -> bool:
    return deviation.kind is FactKind.SYSCTL and deviation.status is not DeviationStatus.MODIFIED


def _is_in_transit(deviation: Deviation) -> bool:
    """A unit that was met on its way from one state to another."""
    if deviation.kind is not FactKind.UNIT or deviation.attributes != ("active",):
        return False
    states = {fact.attributes.get("active") for fact in (deviation.ours, deviation.theirs) if fact}
    return bool(states & {"activating", "deactivating", "reloading", "refreshing"})


def _is_on_demand(deviation: Deviation) -> bool:
    """A service that nobody enables and that runs just now: a bus, timer or program called it."""
    ours, theirs = deviation.ours, deviation.theirs
    if deviation.kind is not FactKind.UNIT or ours is None or theirs is None:
        return False
    states = (theirs.attributes.get("active"), ours.attributes.get("active"))
    is_static = {fact.attributes.get("enablement") for fact in (ours, theirs)} == {"static"}
    is_alone = deviation.attributes == ("active",) and deviation.key.endswith(".service")
    return is_static and is_alone and states == ("inactive", "active")


_GIVEN: Final = frozenset({"dhcp", "link-local", "ra", "kernel", "dynamic"})
_HOME: Final = r"/(?:root|home/[^/]+)"
_STORES: Final = frozenset(
    f"/etc/{name}{suffix}"
    for name in ("passwd", "shadow", "group", "gshadow", "subuid", "subgid")
    for suffix in ("", "-", ".org")
)
_IN_FACTS: Final = _STORES  # security paths whose every entry is a fact of its own

_EMPTY: Final = f"sha256:{hashlib.sha256(b'').hexdigest()}"
_EMPTY_SOURCE: Final = Rule(
    "empty-source", "apt makes this file where it is missing; it names nothing", _is_empty_source
)

_FILE_RULES: Final = (
    Rule("tmp", "lost at the next boot by design", _path(r"/tmp/.*")),  # noqa: S108 - compared
    Rule("var-tmp", "temporary files", _path(r"/var/tmp/.*")),  # noqa: S108 - compared
    Rule(
        "histories",
        "caches and histories of shells, pagers, editors and clients",
        _path(
            rf"""{_HOME}/(?:\.cache|\.npm|\.ansible|\.launchpadlib|\.local/share/(?:nano|gem))(?:/.*)?
            | {_HOME}/\.(?:[a-z]+_history|history|lesshst|viminfo|wget-hsts|rnd|python_history
                |sudo_as_admin_successful|selected_editor|Xauthority|ICEauthority)
            | {_HOME}/\.local(?:/share)?"""
        ),
    ),
    Rule(
        "mail",
        "mail and queues of mail servers",
        _path(
            r"""/var/(?:mail|spool/mail)/[^/]+
            | /var/spool/(?:exim4|postfix|mqueue|mqueue-client|nullmailer|msmtp)/.*
            | /var/lib/postfix/.*"""
        ),
    ),
    Rule("logs", "written and rotated by programs", _is_log),
    Rule("var-cache", "caches, made again when they are missing", _path(r"/var/cache/.*")),
    Rule(
        "bytecode",
        "compiled by Python when it runs",
        _path(r".*/__pycache__(?:/.*)?|.*\.py[co]"),
    ),
    Rule(
        "accounts",
        "every entry is a user or a group, compared as such",
        lambda deviation: deviation.key in _STORES,
    ),
    Rule(
        "package-store",
        "compared as packages, alternatives, diversions and debconf answers",
        _path(
            r"""/var/lib/(?:dpkg|apt|ucf|aptitude|PackageKit|command-not-found)(?:/.*)?
            | /var/lib/systemd/deb-systemd-(?:user-)?helper-(?:enabled|masked)(?:/.*)?
            | /var/backups/(?:dpkg|apt|alternatives|passwd|group|g?shadow)[.-]?[^/]*
            | /var/lib/php/modules(?:/.*)? | /etc/\.pwd\.lock"""
        ),
    ),
    Rule(
        "derived",
        "made from other files that are compared",
        _content_of(
            r"""/etc/ld\.so\.cache | /boot/(?:initrd\.img|initramfs)-.* | /usr/share/info/dir
            | /usr/share/(?:mime|icons|applications|glib-2\.0|fontconfig)/.*
            | /usr/lib/.*/(?:loaders|immodules|gconv-modules|giomodule)\.cache
            | /usr/lib/udev/hwdb\.bin | /etc/udev/hwdb\.bin | /etc/mtab | /etc/mailcap
            | /etc/aliases\.db | /usr/lib/python3[^/]*/.*RECORD"""
        ),
    ),
    Rule(
        "stamps",
        "when something last ran",
        _path(
            r"""/var/\.updated | /etc/\.updated | /var/lib/systemd/timers(?:/.*)? | /etc/adjtime
            | /var/lib/(?:logrotate/status|update-notifier/.*|plocate/plocate\.db|mlocate/.*)
            | /var/lib/systemd/(?:timesync/clock|catalog/database|coredump/.*|pstore/.*|rfkill/.*)
            | /var/log/(?:wtmp|btmp|lastlog|faillog|tallylog)(?:\.\d+)? | /run/.*
            | /var/spool/(?:anacron/.*|cron/atjobs/\.SEQ|cron/atspool(?:/.*)?)"""
        ),
    ),
    Rule(
        "machine",
        "names this machine and no other",
        _path(
            r"""/etc/(?:machine-id|hostid) | /var/lib/dbus/machine-id
            | /etc/ssh/ssh_host_[a-z0-9]+_key(?:\.pub)?
            | /var/lib/systemd/(?:random-seed|credential\.secret|network(?:/.*)?)
            | /var/log/journal/[0-9a-f]{32}(?:/.*)? | /(?:.*/)?lost\+found
            | /var/lib/urandom/random-seed | /boot/grub/grubenv
            | /var/lib/cloud(?:/.*)? | /etc/iscsi/initiatorname\.iscsi
            | /etc/ssl/certs/ssl-cert-snakeoil\.pem | /etc/ssl/private/ssl-cert-snakeoil\.key"""
        ),
        Explanation.IDENTITY,
    ),
    Rule(
        "leases",
        "given by the network",
        _path(
            r"""/var/lib/(?:dhcp|dhcpcd|NetworkManager|dhclient)(?:/.*)?
            | /run/systemd/.* | /etc/resolv\.conf\.dhclient.*"""
        ),
        Explanation.IDENTITY,
    ),
)

_FACT_RULES: Final = (
    Rule(
        "root-device",
        "the disk of this instance",
        lambda deviation: (
            deviation.kind in (FactKind.MOUNT, FactKind.FSTAB)
            and deviation.key in ("/", "/boot", "/boot/efi")
            and set(deviation.attributes) <= {"source", "type"}
            and deviation.status is DeviationStatus.MODIFIED
        ),
        Explanation.IDENTITY,
    ),
    Rule(
        "host-keys",
        "an identity: that there is one is checked, not which",
        lambda deviation: (
            deviation.kind is FactKind.HOST_KEY and deviation.status is not DeviationStatus.MISSING
        ),
        Explanation.IDENTITY,
    ),
    Rule(
        "key-remark",
        "the same key that may log in, under another remark",
        lambda deviation: (
            deviation.kind is FactKind.AUTHORIZED_KEY and deviation.attributes == ("comment",)
        ),
    ),
    Rule(
        "machine-id",
        "an identity",
        _fact(FactKind.SETTING, r"machine-id"),
        Explanation.IDENTITY,
    ),
    Rule(
        "given-addresses",
        "given by the network",
        _has_origin(FactKind.ADDRESS, FactKind.ROUTE),
        Explanation.IDENTITY,
    ),
    Rule(
        "snakeoil",
        "made at installation, for this machine",
        _fact(FactKind.CERTIFICATE, r"/etc/ssl/certs/(?:ssl-cert-snakeoil\.pem|[0-9a-f]{8}\.\d)"),
        Explanation.IDENTITY,
    ),
    Rule(
        "counters",
        "counted by the kernel",
        _fact(
            FactKind.SYSCTL,
            r"""kernel\.(?:ns_last_pid|random\..*|pty\.nr|hostname|domainname|tainted)
            | fs\.(?:dentry-state|inode-nr|inode-state|file-nr|aio-nr|quota\..*)
            | net\.ipv4\.(?:tcp_fastopen_key|route\.flush) | net\.ipv6\.conf\..*\.stable_secret
            | net\.netfilter\.nf_conntrack_count""",
        ),
    ),
    Rule(
        "parameters",
        "there only while its module or interface is",
        _is_lone_parameter,
    ),
    Rule("in-transit", "on its way from one state to another", _is_in_transit),
    Rule("on-demand", "runs when something calls it, and ends by itself", _is_on_demand),
    Rule(
        "sessions",
        "made for a login or by another unit, and gone with it",
        _fact(
            FactKind.UNIT,
            r"""session-.*\.scope | run-.* | user@\d+\.service | user-\d+\.slice
            | user-runtime-dir@\d+\.service | init\.scope | .*\.(?:device|scope)
            | (?:proc|sys|dev|run)-.*\.(?:mount|automount|swap)""",
        ),
    ),
    Rule(
        "server-identity",
        "an identity, or counted by the database",
        _fact(
            FactKind.DATABASE_VARIABLE,
            r"""[^ ]+\ (?:server_uid|server_uuid|hostname|pid_file|gtid_.*|timestamp|rand_seed.*
            |error_count|warning_count|insert_id|last_insert_id|pseudo_thread_id|identity
            |in_transaction|report_host|log_bin_basename|system_time_zone)""",
        ),
        Explanation.IDENTITY,
    ),
)
