"""What each kind of fact holds; `docs/reference/facts.md` is made from this table.

Every value is text. `yes` and absence stand for a flag. A digest is `sha256:HEX`, or `hmac:HEX`
under the project's key where the content could be guessed; `=` is the package's own content.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from releve.model.observed import FactKind


@dataclass(frozen=True)
class FactShape:
    says: str  # what the fact is and what its key is
    attributes: tuple[str, ...]
    evidence: tuple[str, ...] = ()
    live: bool = False  # True: only a running system can tell; offline it is NOT_CHECKED


SHAPES: Final[Mapping[FactKind, FactShape]] = {
    FactKind.NOT_CHECKED: FactShape(
        "what could not be read: a kind, kind:key, or a path", ("why",)
    ),
    FactKind.EXCLUSION: FactShape(
        "what was deliberately not read, by path",
        ("why",),  # other-file-system, unreadable, changed, special, skipped
        ("size", "source", "error"),
    ),
    FactKind.PACKAGE: FactShape(
        "a dpkg package, by name, with :arch where it is foreign",
        ("state", "version", "hold", "mark"),  # state: installed, config-files…; mark: manual, auto
        # origin: local where no repository has it
        ("origin", "arch", "section", "priority", "depends"),
    ),
    FactKind.REPOSITORY: FactShape(
        "an apt source, by its normalised line: type uri suite components",
        ("file", "options", "key"),  # key: where the signing key lies, with its digest
    ),
    FactKind.USER: FactShape(
        "an account, by name",
        (
            "uid", "gid", "home", "shell", "gecos",
            "password",  # locked, none, or hmac: of the hash; `locked hmac:…` where both
            "expires", "min_days", "max_days",
            "subuid", "subgid",
        ),
    ),
    FactKind.GROUP: FactShape("a group, by name", ("gid", "members")),  # members: sorted, comma
    FactKind.AUTHORIZED_KEY: FactShape(
        "a key that may log in: USER TYPE BASE64", ("options", "comment"), ("file",)
    ),
    FactKind.HOST_KEY: FactShape(
        "an SSH host key of the machine, by path: identity, so by presence only",
        ("algorithm",),
        ("fingerprint",),
    ),
    FactKind.SETTING: FactShape(
        "hostname, timezone, locale.LANG, machine-id (presence), dns…, by name", ("value",)
    ),
    FactKind.UNIT: FactShape(
        "a systemd unit, by name",
        (
            "enablement",  # enabled, disabled, masked, static, alias, generated…
            "active",  # active, inactive, failed; live only
            "load",  # not-found where a link leads nowhere
            "dropins",  # paths, comma separated
        ),
        ("fragment", "description", "runs"),  # runs: paths that ExecStart names
    ),
    FactKind.CRON: FactShape(
        "one entry of a user's crontab: USER LINE, without comments", (), ("file",)
    ),
    FactKind.AT_JOB: FactShape("a job of at: USER DIGEST of its script", ("due",), ("file",)),
    FactKind.SYSCTL: FactShape("a kernel parameter as it is now, by name", ("value",), live=True),
    FactKind.MODULE: FactShape("a loaded kernel module, by name", (), live=True),
    FactKind.FIREWALL: FactShape(
        "one live rule: ENGINE FAMILY TABLE CHAIN RULE, counters taken out", (), live=True
    ),
    FactKind.ADDRESS: FactShape(
        "an address on an interface: INTERFACE ADDRESS/LENGTH", ("scope", "origin"), live=True
    ),  # origin: dhcp, link-local, static
    FactKind.ROUTE: FactShape(
        "a route: DESTINATION via GATEWAY dev DEVICE", ("origin",), live=True
    ),
    FactKind.LISTENER: FactShape(
        "a listening socket: PROTOCOL ADDRESS PORT", ("unit", "program"), ("user",), live=True
    ),
    FactKind.PROCESS: FactShape(
        "a process that belongs to no unit: USER PROGRAM", ("command",), ("started",), live=True
    ),
    FactKind.MOUNT: FactShape(
        "a mounted file system, by mount point", ("source", "type", "options"), live=True
    ),
    FactKind.SWAP: FactShape("active swap, by path", ("type",), live=True),
    FactKind.FSTAB: FactShape(
        "an entry of fstab, by mount point (swap: by source)", ("source", "type", "options")
    ),
    FactKind.ALTERNATIVE: FactShape("an alternative, by name", ("mode", "value")),
    FactKind.DIVERSION: FactShape("a diverted path, by path", ("to", "by")),
    FactKind.STATOVERRIDE: FactShape("a dpkg-statoverride, by path", ("owner", "group", "mode")),
    FactKind.DEBCONF: FactShape(
        "an answered question: PACKAGE QUESTION", ("value",), ("type",)
    ),  # a password's value is hmac:
    FactKind.PIP: FactShape(
        "a Python distribution outside packages: PLACE NAME", ("version",), ("installer", "source")
    ),
    FactKind.NPM: FactShape("a global npm package: PLACE NAME", ("version",), ("source",)),
    FactKind.GEM: FactShape("a gem outside packages: PLACE NAME", ("version",), ("source",)),
    FactKind.CHECKOUT: FactShape(
        "a git checkout, by path",
        # remote: without a login; dirty: sorted paths; unpushed: commits that no remote branch has
        ("remote", "revision", "branch", "dirty", "unpushed"),
    ),
    FactKind.CONTAINER: FactShape(
        "a container: ENGINE NAME", ("image", "state", "project"), ("file",), live=True
    ),
    FactKind.DATABASE: FactShape("a database: ENGINE NAME", ("owner",), ("bytes", "directory")),
    FactKind.DATABASE_ROLE: FactShape(
        "an account of a database: ENGINE NAME[@HOST]",
        # login: plugin and hmac: of the authentication string
        ("login", "attributes", "grants", "settings"),
    ),
    FactKind.DATABASE_VARIABLE: FactShape(
        "a run-time variable of a database: ENGINE NAME", ("value",), live=True
    ),
    FactKind.CERTIFICATE: FactShape(
        "an X.509 certificate, by path", ("subject", "issuer", "serial"), ("expires",)
    ),
    FactKind.FILE: FactShape(
        "a path of the system disk",
        (
            "type",  # file, directory, link, fifo, socket, character, block
            "mode",  # octal, four digits, none for a link
            "owner",  # name, or the number where it has no name
            "group",
            "content",  # digest, `=`, `sampled:HEX:SIZE`, or absent where an EXCLUSION says why
            "target",  # of a link
            "device",  # major:minor
            "acl",  # by names, sorted
            "capabilities",
            "xattrs",  # other extended attributes, name=hex, sorted
            "flags",  # immutable, append-only
        ),
        # mtime: seconds since 1970; parsed: other facts say what it holds; unread: noise, derived
        ("package", "conffile", "mtime", "size", "parsed", "unread"),
    ),
}  # fmt: skip
