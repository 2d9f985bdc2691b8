"""What a scan read of a machine: facts, in an order in which two scans can be walked together.

A scan may hold millions of facts, so they are passed as sorted iterators and never all at once.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

_NOTHING: Final[Mapping[str, str]] = {}


class FactKind(StrEnum):
    """In this order in every stream; `model/fact_shapes.py` says what each one holds."""

    NOT_CHECKED = "not_checked"  # a blind spot: key is the kind or path, attribute why
    EXCLUSION = "exclusion"  # something deliberately not read: key is the path
    PACKAGE = "package"
    REPOSITORY = "repository"
    USER = "user"
    GROUP = "group"
    AUTHORIZED_KEY = "authorized_key"
    HOST_KEY = "host_key"
    SETTING = "setting"
    UNIT = "unit"
    CRON = "cron"
    AT_JOB = "at_job"
    SYSCTL = "sysctl"
    MODULE = "module"
    FIREWALL = "firewall"
    ADDRESS = "address"
    ROUTE = "route"
    LISTENER = "listener"
    PROCESS = "process"
    MOUNT = "mount"
    SWAP = "swap"
    FSTAB = "fstab"
    ALTERNATIVE = "alternative"
    DIVERSION = "diversion"
    STATOVERRIDE = "statoverride"
    DEBCONF = "debconf"
    PIP = "pip"
    NPM = "npm"
    GEM = "gem"
    CHECKOUT = "checkout"
    CONTAINER = "container"
    DATABASE = "database"
    DATABASE_ROLE = "database_role"
    DATABASE_VARIABLE = "database_variable"
    CERTIFICATE = "certificate"
    FILE = "file"  # last: by far the most, and explained by the others


RANKS: Final = {kind: rank for rank, kind in enumerate(FactKind)}


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is so on a machine. Keys and values are a server's claims: hostile data.

    Bytes that are not UTF-8 are kept by surrogateescape. An attribute that is absent was not
    there; one that could not be read is absent too, and a NOT_CHECKED or EXCLUSION fact says so.
    """

    kind: FactKind
    key: str  # natural key; of a file its absolute path
    attributes: Mapping[str, str] = field(default_factory=dict)  # compared, each on its own
    evidence: Mapping[str, str] = field(default_factory=dict)  # shown, never compared

    @property
    def order(self) -> tuple[int, str]:
        return RANKS[self.kind], order_of_key(self.key)


def order_of_key(key: str) -> str:
    """A directory right before what lies in it: / sorts below every other character."""
    return key.replace("/", "\0")


def sort_facts(facts: Iterable[Fact]) -> list[Fact]:
    return sorted(facts, key=lambda fact: fact.order)


def require_sorted(facts: Iterable[Fact]) -> Iterator[Fact]:
    """The same facts; ValueError where one is out of order or there twice."""
    last: tuple[int, str] = (-1, "")
    for fact in facts:
        order = fact.order
        if order <= last:
            raise ValueError(f"{fact.kind} {fact.key!r} is out of order or there twice")
        last = order
        yield fact


class ScanRole(StrEnum):
    LIVE = "live"  # the host as it serves
    BASE = "base"  # the twin's instance before any playbook ran
    TWIN = "twin"  # right after the playbooks
    SECOND = "second"  # another twin of the same drill: what differs from the first is noise
    AGED = "aged"  # the twin after reboot, rotation and timers run early
    REPLAYED = "replayed"  # the twin after the live host's package decisions
    DEAD = "dead"  # the mounted system disk of a crashed host
    RECOVERED = "recovered"  # the new instance of a recovery


@dataclass(frozen=True)
class ScanRecord:
    """One observed state in the store, without its facts."""

    scan_id: str
    host: str
    role: ScanRole
    instance_id: str
    taken_at: str  # ISO 8601 UTC
    run_id: str = ""  # of the drill or recovery it belongs to
    commit: str = ""  # of the team's repository
    fingerprint: str = ""  # of plan, playbooks and inventory, as in RunInput
    base_image: str = ""  # the provider's id of the image the instance was made from
    offline: bool = False  # read from a mounted disk: whatever needs a kernel is NOT_CHECKED
    full: bool = False  # every file hashed, packaged ones too
    complete: bool = True  # False: it was cut by a bound or an error, and missing means unknown
    facts: int = 0
    seconds: float = 0.0
