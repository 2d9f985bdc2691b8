"""Faults of the cloud, as the fault matrix injects them, and the errors adapters make of them."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from releve.errors import Busy, Malformed, Missing, ProviderError, RateLimited, Refused, Unavailable
from tests.fakes.cloud_file import CloudFile

FOREVER: Final = 10**9
TIME_OUT_SECONDS: Final = 30.0
# in every vendor exception and cloud secret of the fakes; must be found nowhere (I10)
CANARY: Final = "canary-7f3a9c-gAAAAABsecret"

NOT_DONE: Final = frozenset(
    {"timeout_not_done", "http_5xx", "rate_limited", "busy", "unauthorized", "quota", "missing"}
)
KINDS: Final = NOT_DONE | {
    "timeout_done",  # applied, then the reply held past the deadline
    "reset_done",  # applied, then RST or 504
    "stale_list",  # applied; lists, and gets where by_id, show the past for `seconds`
    "goes_error",  # accepted, then the error state
    "stuck",  # accepted, never settles
    "look_alikes",  # someone makes a second resource of the same name and labels
    "malformed",  # the reply cannot be read; applied where `applied`
    "foreign_change",  # a person does `foreign` first
    "no_network",  # the instance comes up without its port
    # in guests, on the calls ssh, converge and check
    "hang",  # accepts TCP, then silence
    "refused",  # connection refused
    "login_refused",  # the key is not let in
    "reset",  # in the middle of a command
    "unreachable",  # ansible: rc 4
    "failed",  # ansible: rc 2
    "no_host",  # ansible: rc 0, no host matched
    "other_host",  # ansible: rc 0, but on another host
    "ignored",  # ansible: rc 0, errors ignored
    "killed",  # ansible killed by a signal
    "prompt",  # ansible hangs on a prompt until its time is over
    "reboot",  # the instance reboots in the middle
    "not_passed",  # a check does not hold
    "foreign_first",  # nothing but `foreign`, and then the call itself
}


@dataclass(frozen=True)
class Fault:
    """Fires on matching calls number `occurrence` to `occurrence + times - 1` once armed."""

    call: str
    kind: str
    occurrence: int = 1
    times: int = 1
    where: Mapping[str, Any] = field(default_factory=dict)  # arguments that must be equal
    seconds: float = TIME_OUT_SECONDS
    retry_after: float | None = None
    by_id: bool = False
    hide_seconds: float = 0.0  # with any kind that applies: as stale_list besides
    applied: bool = False
    foreign: Mapping[str, Any] = field(default_factory=dict)  # {"call": …, "arguments": {…}}

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no fault kind {self.kind}")

    @property
    def stops_call(self) -> bool:
        """Nothing is done, and the caller gets an error."""
        return self.kind in NOT_DONE or (self.kind == "malformed" and not self.applied)

    @property
    def loses_reply(self) -> bool:
        """All is done, and the caller gets an error."""
        return self.kind in {"timeout_done", "reset_done"} or (
            self.kind == "malformed" and self.applied
        )

    def matches(self, arguments: Mapping[str, Any]) -> bool:
        return all(arguments.get(key) == wanted for key, wanted in self.where.items())


def arm(file: CloudFile, fault: Fault) -> None:
    with file.transaction() as connection:
        connection.execute(
            "insert into fault (call, document) values (?, ?)",
            (fault.call, json.dumps(asdict(fault))),
        )


def disarm_all(file: CloudFile) -> None:
    with file.transaction() as connection:
        connection.execute("delete from fault")


def count_fired(file: CloudFile) -> int:
    with file.transaction() as connection:
        return int(connection.execute("select coalesce(sum(fired), 0) from fault").fetchone()[0])


def take_fault(
    connection: sqlite3.Connection, call: str, arguments: Mapping[str, Any]
) -> Fault | None:
    """The first armed fault that fires on this call; every matching one counts the call."""
    taken = None
    rows = connection.execute("select id, document, seen from fault where call = ?", (call,))
    for number, document, seen in rows.fetchall():
        fault = Fault(**json.loads(document))
        if not fault.matches(arguments):
            continue
        fires = fault.occurrence <= seen + 1 < fault.occurrence + fault.times
        connection.execute(
            "update fault set seen = seen + 1, fired = fired + ? where id = ?",
            (int(fires and taken is None), number),
        )
        taken = taken or (fault if fires else None)
    return taken


def error_of(fault: Fault, call: str) -> ProviderError:
    """What an adapter raises; chained from a vendor's exception that holds a secret, as they do."""
    error = _make_error(fault, call)
    error.__cause__ = RuntimeError(f"POST /v3 X-Auth-Token: {CANARY}")
    return error


def _make_error(fault: Fault, call: str) -> ProviderError:
    if fault.kind == "rate_limited":
        return RateLimited(
            f"{call}: the cloud asks for fewer calls",
            retry_after_seconds=fault.retry_after,
            remedy="wait",
        )
    error, why, remedy = _ERRORS.get(fault.kind, _NO_ANSWER)
    return error(f"{call}: {why}", why=why, remedy=remedy)


_NO_ANSWER: Final = (Unavailable, "the cloud said 503", "look whether it was done")
_ERRORS: Final[Mapping[str, tuple[type[ProviderError], str, str]]] = {
    "timeout_done": (Unavailable, "no reply in time", "look whether it was done"),
    "timeout_not_done": (Unavailable, "no reply in time", "look whether it was done"),
    "busy": (Busy, "the cloud said 409", "look again"),
    "unauthorized": (Refused, "the cloud said 401 twice", "renew the credentials"),
    "quota": (Refused, "the cloud said 403, over quota", "ask for more quota"),
    "missing": (Missing, "the cloud said 404", "find out who deleted it"),
    "malformed": (Malformed, "54,525,952 bytes that are no JSON", "look again later"),
}
