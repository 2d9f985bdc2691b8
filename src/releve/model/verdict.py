"""What is held to be true of a host, and by whose word."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

DEAD: Final = "dead"  # the topic of all that a recovery would help against


class HostState(StrEnum):
    HEALTHY = "healthy"
    DEGRADED = "degraded"  # it serves, and something wants attention
    CRASHED = "crashed"  # it answers, and cannot do its work any more
    UNREACHABLE = "unreachable"  # nobody gets an answer
    UNKNOWN = "unknown"  # not seen yet, or what is seen contradicts itself


class Cause(StrEnum):
    """What the state comes from; names an incident, and keeps one kind from hiding another."""

    NONE = ""
    FILESYSTEM_ERROR = "filesystem-error"  # the kernel stopped writing after an error
    REMOUNTED = "remounted-read-only"  # read-only without an error: by hand or by a program
    DISK_FAILING = "disk-failing"  # the device below answers with errors
    DISK_HUNG = "disk-hung"  # a write does not end
    NO_ANSWER = "no-answer"
    STOPPED = "stopped"  # the provider says that it does not run
    DISK_FULL = "disk-full"
    DISK_FILLING = "disk-filling"
    PAST_ERRORS = "past-errors"  # the file system is written, and remembers errors
    FAILED_UNIT = "failed-unit"
    FAILED_CHECK = "failed-check"
    CERTIFICATE = "certificate"
    CLOCK = "clock"
    NO_LOGIN = "no-login"  # it answers, and does not let the probe in
    OTHER_HOST = "other-host"  # another host key than the proven one


class Witness(StrEnum):
    """A vantage point of its own: two of them are needed to hold a host for dead."""

    WRITE = "write"  # the probe's own write, in a child
    KERNEL = "kernel"  # error counters, mount options, the kernel's log
    LINE = "line"  # the connection that the probe talks over
    OUTSIDE = "outside"  # checks and port, from the controller
    PROVIDER = "provider"  # what the provider says of the instance


@dataclass(frozen=True)
class Testimony:
    witness: Witness
    text: str  # one sentence; server text in it is data


@dataclass(frozen=True)
class Verdict:
    state: HostState
    cause: Cause
    reason: str  # one sentence for a person, server text in it is data
    confirmed: bool  # dead: by two witnesses, for as long as the dwell time; degraded: it lasts
    testimonies: tuple[Testimony, ...] = ()
    subject: str = ""  # what it is about: a mount, units, checks; the same while that stays so

    @property
    def is_dead(self) -> bool:
        """Whether a recovery would help, once confirmed."""
        return self.state in {HostState.CRASHED, HostState.UNREACHABLE}

    @property
    def topic(self) -> str:
        """Which incident of the host it belongs to: one for its death, one for each other cause."""
        return DEAD if self.is_dead else self.cause.value
