"""Everything Relève raises on purpose.

ReleveError
├── PlanError                the plan or a command line argument is wrong; exit 2, nothing touched
├── ProviderError
│   ├── Unavailable          time-out, reset, 5xx: the act may or may not have happened
│   ├── RateLimited          429; says how long to wait
│   ├── Busy                 409: the resource is in transition or in use; look again
│   ├── Refused              401, 403, quota: a person must change something
│   ├── Missing              404: the resource does not exist
│   ├── Ambiguous            two look-alikes where there must be one
│   ├── Changed              somebody else changed the resource between look and act
│   └── Malformed            the reply cannot be read
├── AccessError
│   ├── Unreachable          no TCP, no banner, refused or reset; worth trying again
│   ├── HostKeyMismatch      the host key is not the proven one; never tried again
│   └── CommandFailed        a command on the instance ended with an error
├── ConvergeFailed           a playbook did not bring exactly the expected hosts to success
├── CheckFailed              a declared check does not hold
├── StepHalted               a step needs a person: the run stops as NEEDS_PERSON
├── RunHeld                  another process drives this run or this host
├── LabError                 the practice range cannot be made, or not broken this way
└── JournalError             the journal cannot be written: the process ends, the run resumes
"""


class ReleveError(Exception):
    """Carries what happened, why, and what the reader can do; each a full sentence or phrase."""

    exit_code = 1

    def __init__(self, what: str, *, why: str = "", remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.what}: {self.why}" if self.why else self.what


class PlanError(ReleveError):
    exit_code = 2

    also: tuple["PlanError", ...] = ()  # the other problems found, by line

    def __init__(self, what: str, *, why: str = "", remedy: str, location: str = "") -> None:
        """`location` is file:line, or empty where no line is to blame."""
        super().__init__(what, why=why, remedy=remedy)
        self.location = location


class ProviderError(ReleveError):
    pass


class Unavailable(ProviderError):
    pass


class RateLimited(ProviderError):
    def __init__(self, what: str, *, retry_after_seconds: float | None, remedy: str) -> None:
        super().__init__(what, remedy=remedy)
        self.retry_after_seconds = retry_after_seconds


class Busy(ProviderError):
    pass


class Refused(ProviderError):
    pass


class Missing(ProviderError):
    pass


class Ambiguous(ProviderError):
    pass


class Changed(ProviderError):
    pass


class Malformed(ProviderError):
    pass


class AccessError(ReleveError):
    pass


class Unreachable(AccessError):
    pass


class HostKeyMismatch(AccessError):
    pass


class CommandFailed(AccessError):
    pass


class ConvergeFailed(ReleveError):
    pass


class CheckFailed(ReleveError):
    pass


class StepHalted(ReleveError):
    pass


class RunHeld(ReleveError):
    pass


class LabError(ReleveError):
    pass


class JournalError(ReleveError):
    exit_code = 75  # EX_TEMPFAIL: the run is intact and can be resumed
