"""POST /hooks/alert: another monitor reports a suspicion, which the watch then looks into."""

import asyncio
import hmac
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from releve.console.alerts import Alert, Unreadable, read_alerts
from releve.console.allowance import Allowance
from releve.console.host_names import find_host, map_names
from releve.errors import ReleveError
from releve.model.server_text import show_server_text
from releve.plan.types import Plan

MOST_BODY: Final = 64 * 1024  # bytes
BODY_SECONDS: Final = 5.0
MOST_A_MINUTE: Final = 60

Suspect = Callable[[str, str], bool]  # host, what was reported; looks; False: it is not watched


@dataclass
class Answer:
    accepted: list[dict[str, str]] = field(default_factory=list)
    ignored: list[dict[str, str]] = field(default_factory=list)
    refused: list[dict[str, str]] = field(default_factory=list)
    is_limited: bool = False

    @property
    def status(self) -> int:
        if self.accepted or not self.refused:
            return 202
        return 429 if self.is_limited else 422

    def as_json(self) -> dict[str, Any]:
        return {"accepted": self.accepted, "ignored": self.ignored, "refused": self.refused}


class AlertHook:
    def __init__(
        self,
        token: str,
        *,
        plan: Callable[[], Plan],
        suspect: Suspect,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`token`: empty where the hook is closed."""
        self._token = token.encode()
        self._plan = plan
        self._suspect = suspect
        self._allowance = Allowance(MOST_A_MINUTE, monotonic=monotonic)
        self.counts: Counter[str] = Counter(
            dict.fromkeys(("accepted", "ignored", "refused", "unauthorised", "unreadable"), 0)
        )

    async def take(self, request: Request) -> Response:
        if not self._token:
            return _refuse(403, "closed: the plan's watch names no hook_token_file")
        if not self._is_authorised(request):
            self.counts["unauthorised"] += 1
            return _refuse(401, "no token, or not the right one", {"WWW-Authenticate": "Bearer"})
        try:
            alerts = read_alerts(await _read_body(request))
        except TooLarge:
            self.counts["unreadable"] += 1
            return _refuse(413, f"the body is longer than {MOST_BODY} bytes")
        except TimeoutError:
            self.counts["unreadable"] += 1
            return _refuse(408, f"the body had not come in {BODY_SECONDS:.0f} s")
        except Unreadable as error:
            self.counts["unreadable"] += 1
            return _refuse(400, str(error))
        return self._answer(alerts)

    def _is_authorised(self, request: Request) -> bool:
        """In constant time, whatever is sent."""
        given = request.headers.getlist("authorization")
        scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        is_same = hmac.compare_digest(token.strip().encode("utf-8", "replace"), self._token)
        return is_same and scheme.lower() == "bearer"

    def _answer(self, alerts: tuple[Alert, ...]) -> Response:
        answer = Answer()
        try:
            self._report(alerts, answer)
        except ReleveError as error:
            return _refuse(503, str(error))
        for kind, entries in answer.as_json().items():
            self.counts[kind] += len(entries)
        retry = {"Retry-After": "60"} if answer.status == 429 else None
        return JSONResponse(answer.as_json(), answer.status, headers=retry)

    def _report(self, alerts: tuple[Alert, ...], answer: Answer) -> None:
        names = map_names(self._plan())
        for alert in alerts:
            host = next(filter(None, (find_host(names, name) for name in alert.names)), "")
            if alert.is_over:
                answer.ignored.append({"text": alert.text, "why": "it is resolved"})
            elif not host:
                answer.refused.append({"text": alert.text, "why": _say_unknown(alert)})
            elif self._allowance.is_looked_at(host):
                answer.accepted.append({"host": host, "why": "it is being looked at already"})
            elif not self._allowance.take():
                answer.is_limited = True
                why = f"{MOST_A_MINUTE} suspicions have been taken within a minute"
                answer.refused.append({"host": host, "why": why})
            elif not self._suspect(host, alert.text):
                answer.refused.append({"host": host, "why": "the plan says not to watch it"})
            else:
                self._allowance.note(host)
                answer.accepted.append({"host": host, "why": "it is looked at now"})


class TooLarge(Exception):
    pass


async def _read_body(request: Request) -> bytes:
    length = request.headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or len(length) > 9 or int(length) > MOST_BODY:
        raise TooLarge
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > MOST_BODY:
                    raise TooLarge
    except ClientDisconnect as error:
        raise Unreadable("the body ended before its time") from error
    return bytes(body)


def _say_unknown(alert: Alert) -> str:
    shown = ", ".join(show_server_text(name, limit=80) for name in alert.names if name)
    if not shown:
        return "it names no host: its label is host, hostname, nodename, node or instance"
    return f"no host of the plan has this name or address, or more than one has: {shown}"


def _refuse(status: int, why: str, headers: Mapping[str, str] | None = None) -> Response:
    """The connection ends with it: what else was sent is not read."""
    return JSONResponse({"error": why}, status, headers={"Connection": "close", **(headers or {})})
