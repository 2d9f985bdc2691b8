"""How much a finding hurts."""

from collections.abc import Mapping, Sequence
from typing import Final

from releve.drift.circumstances import DATA, LITTER, NUMBERS, VERSIONS, Cause, fact_of
from releve.drift.security import concerns_security
from releve.model.finding import Deviation, DeviationStatus, Tier
from releve.model.observed import FactKind

_DATA_PLACES: Final = (
    "/srv/", "/var/www/", "/var/lib/", "/var/opt/", "/var/spool/", "/var/vmail/", "/home/",
    "/data/", "/var/mail/", "/backup/", "/backups/", "/var/backups/",
)  # fmt: skip
_RUNTIME: Final = frozenset(
    {
        FactKind.SYSCTL, FactKind.MODULE, FactKind.FIREWALL, FactKind.ADDRESS, FactKind.ROUTE,
        FactKind.LISTENER, FactKind.PROCESS, FactKind.MOUNT, FactKind.SWAP,
        FactKind.DATABASE_VARIABLE,
    }
)  # fmt: skip
_SECURITY: Final = frozenset(
    {
        FactKind.USER, FactKind.GROUP, FactKind.AUTHORIZED_KEY, FactKind.HOST_KEY, FactKind.CRON,
        FactKind.AT_JOB, FactKind.REPOSITORY, FactKind.DATABASE_ROLE,
    }
)  # fmt: skip
_CONFIGURED: Final = frozenset({FactKind.UNIT, FactKind.PACKAGE})
_ASPECTS: Final = {VERSIONS: Tier.VERSION, NUMBERS: Tier.IDENTITY, LITTER: Tier.LITTER}
_GROWN: Final = 1 << 20  # bytes that a database has more than its twin before it counts as data


def choose_tier(cause: Cause, deviations: Sequence[Deviation], volumes: Mapping[str, str]) -> Tier:
    if cause.aspect in _ASPECTS:
        return _ASPECTS[cause.aspect]
    may_be_data = cause.kind in (FactKind.FILE, FactKind.DATABASE)
    if cause.aspect == DATA or (may_be_data and any(is_data(item, volumes) for item in deviations)):
        return Tier.DATA_AT_RISK
    if cause.kind in _SECURITY:
        return Tier.SECURITY
    if cause.kind in _RUNTIME:
        return Tier.RUNTIME
    if cause.kind is FactKind.UNIT and all(_is_state(item) for item in deviations):
        return Tier.RUNTIME
    files = [item for item in deviations if item.kind is FactKind.FILE]
    is_guarded = cause.kind not in _CONFIGURED and any(map(concerns_security, files))
    return Tier.SECURITY if is_guarded else Tier.CONFIGURATION


def is_data(deviation: Deviation, volumes: Mapping[str, str]) -> bool:
    """Content on the system disk that neither the playbooks nor a volume would bring back."""
    fact = deviation.ours
    if fact is None or deviation.status is not DeviationStatus.EXTRA:
        return False
    if deviation.kind is FactKind.DATABASE:
        return not on_volume(fact.evidence.get("directory", "/"), volumes)
    if deviation.kind is not FactKind.FILE or fact.evidence.get("package"):
        return False
    has_content = fact.attributes.get("type", "file") in ("file", "fifo", "socket")
    if not has_content or not deviation.key.startswith(_DATA_PLACES):
        return False
    return "/." not in deviation.key and not on_volume(deviation.key, volumes)


def has_grown(ours_bytes: str, theirs_bytes: str) -> bool:
    """By more than what a server writes when it first starts."""
    if not (ours_bytes.isdecimal() and theirs_bytes.isdecimal()):
        return False
    return int(ours_bytes) > int(theirs_bytes) + max(_GROWN, int(theirs_bytes) // 4)


def on_volume(path: str, volumes: Mapping[str, str]) -> bool:
    return any(path == point or path.startswith(point.rstrip("/") + "/") for point in volumes)


def _is_state(deviation: Deviation) -> bool:
    """Only whether it runs now."""
    is_listener = deviation.kind is FactKind.LISTENER
    has_run = deviation.kind is FactKind.UNIT and set(deviation.attributes) == {"active"}
    return is_listener or (has_run and fact_of(deviation).kind is FactKind.UNIT)
