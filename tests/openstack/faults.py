"""What the proxy makes of a request: which one, how often, whether it is done, what is answered."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

FOREVER: Final = 10**9
HOLD_SECONDS: Final = 60.0  # longer than any client waits
ANSWERS: Final = frozenset(
    {
        "real",  # nothing is wrong with the answer
        "hold",  # silence until the client's time is over
        "reset",  # RST
        "status",  # an error of the service itself, or of the load balancer before it
        "truncated",  # JSON that ends in the middle
        "html",  # 200, and a page for people
        "huge",  # 200, and 50 MB
    }
)


@dataclass(frozen=True)
class Request:
    """One request as it is recorded: no body, no header, nothing secret."""

    service: str
    method: str
    path: str  # without the query
    action: str = ""  # of POST …/action: the one key of its body; of …/metadata: the role in it

    def __str__(self) -> str:
        return " ".join(filter(None, (self.service, self.method, self.path, self.action)))


@dataclass(frozen=True)
class Where:
    """Which requests; empty: any."""

    method: str = ""
    path: str = ""  # a regular expression for the end of the path
    action: str = ""
    service: str = ""

    def matches(self, request: Request) -> bool:
        return (
            self.method in {"", request.method}
            and self.service in {"", request.service}
            and self.action in {"", request.action}
            and re.search(f"{self.path}$", request.path) is not None
        )


@dataclass
class Fault:
    """Fires on `times` matching requests, once `skip` of them have passed."""

    where: Where = Where()
    answer: str = "real"
    done: bool = False  # whether the service gets the request all the same; real: it does
    times: int = 1
    skip: int = 0
    status: int = 503
    retry_after: str = ""  # the header, as it is
    stale_seconds: float = 0.0  # for so long reads show what they showed before this request
    before: Callable[[], None] | None = None  # first, such as a person's own act
    after: Callable[[], None] | None = None  # when the service has answered
    fired: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.answer not in ANSWERS:
            raise ValueError(f"no answer {self.answer}")

    def take(self, request: Request) -> bool:
        """Whether it fires on this one."""
        if not self.where.matches(request):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.fired >= self.times:
            return False
        self.fired += 1
        return True


@dataclass(frozen=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class StaleReads:
    """Keeps the last answer to each read, and shows it again while the past is to be shown."""

    def __init__(self) -> None:
        self._last: dict[str, Answer] = {}
        self._until = 0.0

    def show_the_past(self, seconds: float) -> None:
        self._until = max(self._until, time.monotonic() + seconds)

    def forget(self) -> None:
        self._until = 0.0

    def find(self, key: str) -> Answer | None:
        return self._last.get(key) if time.monotonic() < self._until else None

    def keep(self, key: str, answer: Answer) -> None:
        if answer.status == 200 and time.monotonic() >= self._until:
            self._last[key] = answer


def make_wrong_answer(fault: Fault, real: Answer | None) -> Answer:
    """An answer that is none; `real` is what the service said, where it was asked."""
    if fault.answer == "html":
        return _answer(200, b"<html><body>Please log in to the network</body></html>", "text/html")
    if fault.answer == "huge":
        return _answer(200, b'{"servers": [' + b" " * 50 * 2**20, "application/json")
    if fault.answer == "truncated":
        body = real.body if real and len(real.body) > 1 else b'{"server": {"id": "'
        return _answer(200, body[: len(body) // 2], "application/json")
    return _error(fault.status, fault.retry_after)


def _error(status: int, retry_after: str) -> Answer:
    """In the words of the services, or of the load balancer before them."""
    if status in {502, 503, 504}:
        answer = _answer(status, b"<html><h1>Bad gateway</h1></html>", "text/html")
    elif status == 401:
        error = {"error": {"code": 401, "message": "The request requires authentication."}}
        answer = _answer(status, json.dumps(error).encode(), "application/json")
    else:
        kind = {409: "conflictingRequest", 403: "forbidden", 429: "overLimit"}.get(status, "fault")
        text = "Cannot do this while it is in this state"
        body = json.dumps({kind: {"code": status, "message": text}}).encode()
        answer = _answer(status, body, "application/json")
    extra = (("Retry-After", retry_after),) if retry_after else ()
    return Answer(answer.status, answer.headers + extra, answer.body)


def _answer(status: int, body: bytes, kind: str) -> Answer:
    return Answer(status, (("Content-Type", kind),), body)
