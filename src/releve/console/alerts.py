"""What another monitor says, read strictly; pure. All of it is data of strangers."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from releve.model.server_text import show_server_text

MOST_ALERTS: Final = 200  # of one request
MOST_TEXT: Final = 300  # characters
HOST_LABELS: Final = ("host", "hostname", "nodename", "node", "instance")


class Unreadable(Exception):
    """Says why in one sentence."""


@dataclass(frozen=True)
class Alert:
    names: tuple[str, ...]  # that may mean a host, the likeliest first
    text: str  # bounded, with nothing that acts
    is_over: bool  # resolved: nothing to look at


def read_alerts(body: bytes) -> tuple[Alert, ...]:
    """Alertmanager's webhook, which Grafana sends too, or `{"host": …, "text": …}`."""
    said = _read_json(body)
    if not isinstance(said, dict):
        raise Unreadable("the body is no JSON object")
    if "alerts" not in said:
        return (_read_plain(said),)
    alerts = said["alerts"]
    if not isinstance(alerts, list) or len(alerts) > MOST_ALERTS:
        raise Unreadable(f"alerts is no list of at most {MOST_ALERTS}")
    return tuple(_read_alert(alert, place=place) for place, alert in enumerate(alerts))


def _read_json(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise Unreadable("the body is not UTF-8") from error
    except RecursionError as error:
        raise Unreadable("the JSON is nested too deep") from error
    except ValueError as error:  # json's own, and numbers of more than 4,300 digits
        raise Unreadable("the body is no JSON") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _read_plain(said: Mapping[str, Any]) -> Alert:
    host, text = said.get("host"), said.get("text", "")
    if not isinstance(host, str) or not isinstance(text, str):
        raise Unreadable("neither alerts nor a host and a text, both strings, are there")
    return Alert((host,), _show(text) or "reported without a word", is_over=False)


def _read_alert(alert: Any, *, place: int) -> Alert:
    if not isinstance(alert, dict):
        raise Unreadable(f"alert {place} is no object")
    labels = _read_strings(alert, "labels", place=place)
    notes = _read_strings(alert, "annotations", place=place)
    names = tuple(labels[label] for label in HOST_LABELS if label in labels)
    words = (labels.get("alertname", ""), notes.get("summary") or notes.get("description") or "")
    text = _show(": ".join(word for word in words if word))
    status = alert.get("status", "firing")
    if status not in ("firing", "resolved"):
        raise Unreadable(f"alert {place} is neither firing nor resolved")
    return Alert(names, text or "reported without a word", is_over=status == "resolved")


def _read_strings(alert: Mapping[str, Any], key: str, *, place: int) -> dict[str, str]:
    found = alert.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise Unreadable(f"the {key} of alert {place} are no object of strings")
    return found


def _show(text: str) -> str:
    return show_server_text(" ".join(_words(text)), limit=MOST_TEXT)


def _words(text: str) -> Iterator[str]:
    yield from text[: MOST_TEXT * 4].split()
