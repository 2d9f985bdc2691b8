"""Where two observed states differ, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from releve.model.observed import Fact, FactKind


class DeviationStatus(StrEnum):
    """Seen from the live host (or the dead disk), held against the twin (or the new host)."""

    MODIFIED = "modified"
    MISSING = "missing"  # on the twin, not on the host
    EXTRA = "extra"  # on the host, not on the twin
    NOT_CHECKED = "not_checked"  # one side could not tell; never shown as in sync


@dataclass(frozen=True)
class Deviation:
    """One fact on which two observed states differ."""

    kind: FactKind
    key: str
    status: DeviationStatus
    ours: Fact | None  # the host's; None: missing there
    theirs: Fact | None  # the twin's; None: not there
    attributes: tuple[str, ...] = ()  # those that differ, where both have the fact


class Tier(StrEnum):
    """In the order of a report: what hurts most stands first."""

    DATA_AT_RISK = "data_at_risk"  # data on the system disk, on no volume, in no playbook
    SECURITY = "security"  # who may log in, become root, run by itself
    CONFIGURATION = "configuration"
    RUNTIME = "runtime"  # only in memory: lost at the next boot
    VERSION = "version"  # a package's version, never drift
    IDENTITY = "identity"  # numbers of users and groups, needed when data is restored
    LITTER = "litter"  # backup copies, histories, caches


class FindingState(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"  # by a person, with a reason, until a date
    CODIFIED = "codified"  # in the playbooks, and proven on a fresh twin
    GONE = "gone"  # not there any more


@dataclass(frozen=True)
class Finding:
    """Deviations with one cause. The fingerprint is the same in every later scan."""

    fingerprint: str  # 12 hexadecimal characters over host, cause and subject
    host: str
    cause: FactKind  # the kind of the leading deviation
    subject: str  # its key
    status: DeviationStatus
    title: str  # one sentence in our words; server text in it is bounded and escaped
    tier: Tier
    deviations: tuple[Deviation, ...]  # leading one first; bounded to 1,000
    folded: int = 0  # further deviations with this cause that are not listed


@dataclass(frozen=True)
class Decision:
    """What a person or a proof decided about a finding."""

    fingerprint: str
    host: str
    state: FindingState
    at: str  # ISO 8601 UTC
    who: str = ""
    reason: str = ""
    until: str = ""  # ISO 8601 date of an acceptance; empty: for good
    evidence: Mapping[str, str] = field(default_factory=dict)  # branch, commit, drill run


@dataclass(frozen=True)
class TrackedFinding:
    finding: Finding
    state: FindingState
    decision: Decision | None
    first_seen: str
    last_seen: str


class Explanation(StrEnum):
    BASE = "base image"
    PACKAGE = "package"
    TASK = "playbook task"
    VOLUME = "data volume"
    NOISE = "noise"
    IDENTITY = "identity"
    ACCEPTED = "accepted"
    UNEXPLAINED = "unexplained"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True)
class LedgerNode:
    """A place in the tree of all facts: counts by explanation, then its children."""

    name: str
    counts: Mapping[Explanation, int]
    children: tuple["LedgerNode", ...] = ()
    because: Mapping[str, int] = field(default_factory=dict)  # task "role/file:line", package…


@dataclass(frozen=True)
class Ledger:
    """The account of every fact of a host."""

    host: str
    live: str  # scan ids
    twin: str
    base: str
    commit: str
    made_at: str
    tree: LedgerNode
    findings: tuple[TrackedFinding, ...]
    blind_spots: tuple[Fact, ...]  # NOT_CHECKED and EXCLUSION facts of the host
    masked: tuple[Deviation, ...]  # hidden as noise; bounded to 10,000
    volumes: Mapping[str, str]  # mount point to volume id
    live_at: str = ""  # when the host was read
    twin_at: str = ""

    @property
    def facts(self) -> int:
        return sum(self.tree.counts.values())
