"""Faults of the API on each act of a recovery, at a real control plane behind our proxy.

One server, one attachment, one address, always; nothing left behind. What each came to is in
.dev/openstack-faults.csv; scripts/openstack_faults.py prints it.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

import pytest

from tests.openstack.acts import ACTS
from tests.openstack.faults import FOREVER, Fault, Where
from tests.openstack.play import (
    Stage,
    Trouble,
    cancel,
    drive,
    play,
    require_done,
    require_undone,
    write_rows,
)

pytestmark = [
    pytest.mark.real,
    pytest.mark.xdist_group("openstack"),
    pytest.mark.timeout(900),
]
ALL: Final = tuple(ACTS)
LAG_SECONDS: Final = 1.5
NOTHING: Final = Where("NOTHING")  # until it is known what it is to be


def on(rows: Iterable[str], column: str, what: str, make: Callable[[], Fault]) -> list[Trouble]:
    """The same fault on each of these acts; the run goes on by itself."""
    troubles = []
    for row in rows:
        fault = make()
        fault.where = ACTS[row]
        troubles.append(Trouble(f"{row}-{column}", what, (fault,)))
    return troubles


def lost(answer: str, *, stale: float = 0.0) -> Callable[[], Fault]:
    """It is done, and nobody hears of it."""
    return lambda: Fault(answer=answer, done=True, status=504, stale_seconds=stale)


def refused(status: int, *, retry_after: str = "", times: int = 1) -> Callable[[], Fault]:
    return lambda: Fault(answer="status", status=status, retry_after=retry_after, times=times)


LAGGING: Final = "RST, done; reads show the past for 1.5 s"


def refusals_then_a_lost_reply() -> list[Trouble]:
    """Each act is met by one after the other, in this order."""
    return [
        *on(ALL, "F12", "401 once", refused(401)),
        *on(ALL, "F10", "429, Retry-After: 1", refused(429, retry_after="1")),
        *on(ALL, "F11", "409", refused(409)),
        *on(ALL, "F15", LAGGING, lost("reset", stale=LAG_SECONDS)),
    ]


def errors_of_the_servers() -> list[Trouble]:
    replies = on(ALL, "F08", "504, done", lost("status"))
    acts = {trouble.cell.split("-")[0]: trouble.faults[0] for trouble in replies}
    return [
        *on(("S04", "S06", "S17", "S19"), "F09", "500, not done", refused(500)),
        *on(("S07", "S11"), "F09", "502, not done", refused(502)),
        *on(("S05", "S08", "S13"), "F09", "503, not done", refused(503)),
        *on(("S06", "S11", "S17"), "F10", "429, no Retry-After", refused(429)),
        *on(("S13",), "F10", "429, Retry-After: 10^9", refused(429, retry_after="1000000000")),
        *replies,
        *looking_after(acts["S08"], "S09", Where("GET", "/servers/detail", service="compute")),
        *looking_after(acts["S11"], "S12", Where("GET", "/volumes/[^/]+", service="volume")),
    ]


def looking_after(act: Fault, row: str, look: Where) -> list[Trouble]:
    """Errors on the looks by which a run waits for what an act came to."""
    errors = {
        "F09": Fault(NOTHING, "status", status=503),
        "F10": Fault(NOTHING, "status", status=429),
        "F12": Fault(NOTHING, "status", status=401),
        "F20": Fault(NOTHING, "truncated", done=True),
    }

    def begin() -> None:
        for fault in errors.values():
            fault.where = look

    act.after = begin
    return [Trouble(f"{row}-{key}", "on a look", (fault,)) for key, fault in errors.items()]


def time_outs_and_no_json() -> list[Trouble]:
    waited_for = ("S06", "S08", "S13", "S17")
    return [
        *on(("S08", "S13"), "F07", "time-out, not done", lambda: Fault(answer="hold")),
        *on(waited_for, "F06", "time-out, done", lost("hold")),
        *on(("S05",), "F20", "an HTML page, done", lost("html")),
        *on(("S07", "S11"), "F20", "truncated JSON, done", lost("truncated")),
        *on(("S04",), "F20", "50 MB, done", lost("huge")),
    ]


@pytest.mark.parametrize(
    "make",
    [refusals_then_a_lost_reply, errors_of_the_servers, time_outs_and_no_json],
    ids=lambda make: make.__name__,
)
def test_the_run_goes_on_by_itself(make: Callable[[], list[Trouble]], stage: Stage) -> None:
    troubles = make()
    lags = any(trouble.what == LAGGING for trouble in troubles)
    record = play(replace(stage, settle_seconds=LAG_SECONDS / 2) if lags else stage, troubles)
    require_done(stage, record)
    write_rows(stage, troubles, record)


def until_lifted(row: str, column: str, what: str, *, halts: str, fault: Fault) -> Trouble:
    fault.where, fault.times = ACTS[row], FOREVER
    return Trouble(f"{row}-{column}", f"{what}, without end", (fault,), halts=halts)


def test_faults_without_end_wait_for_a_person(stage: Stage) -> None:
    status = "status"
    troubles = [
        until_lifted("S04", "F09", "503", halts="still not done", fault=Fault(answer=status)),
        until_lifted("S06", "F11", "409", halts="409", fault=Fault(answer=status, status=409)),
        until_lifted(
            "S08", "F13", "403", halts="403", fault=Fault(answer=status, status=403)
        ),
        until_lifted(
            "S11",
            "F10",
            "429, Retry-After: 1",
            halts="tries in a row",
            fault=Fault(answer=status, status=429, retry_after="1"),
        ),
        # the second of two volumes: the first is not attached again
        until_lifted(
            "S13", "F18", "409 from the second volume on", halts="409",
            fault=Fault(answer=status, status=409, skip=1),
        ),
        until_lifted(
            "S17", "F12", "401", halts="401", fault=Fault(answer=status, status=401)
        ),
    ]  # fmt: skip
    troubles += [vanished(row) for row in ALL]
    record = play(stage, troubles)
    require_done(stage, record)
    write_rows(stage, troubles, record)


def vanished(row: str) -> Trouble:
    """What it acts on is not there, until it is there again."""
    gone = Fault(answer="status", status=404)
    return until_lifted(row, "F14", "404", halts="the cloud said 404", fault=gone)


def test_what_cannot_go_on_is_put_back(stage: Stage) -> None:
    """Refused for good at the cut over, then cancelled; the undo loses every reply."""
    refusal = until_lifted(
        "S17", "F13", "403", halts="403", fault=Fault(answer="status", status=403)
    )
    stage.proxy.arm(*refusal.faults)
    halted = drive(stage)
    assert halted.state == "NEEDS_PERSON"
    refusal.put_right()
    rows = {"U04": ACTS["S06"], "U01": ACTS["S11"], "U02": ACTS["S13"]}
    troubles = [
        Trouble(f"{row}-F08", "RST, done", (Fault(where, "reset", done=True),))
        for row, where in rows.items()
    ]
    for trouble in troubles:
        stage.proxy.arm(*trouble.faults)
    record = cancel(stage)
    assert all(trouble.is_met for trouble in troubles)
    require_undone(stage, record)
    write_rows(stage, [refusal, *troubles], record)
