"""From ansible-runner's events to ours: a whitelist, bounded, hostile text kept as data."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, Final

from releve.adapters.ansible.accelerator import is_fault_of_mitogen
from releve.adapters.ansible.touches import touches_of
from releve.model.converge import HostStats, TaskEvent, Touch

_MESSAGE_BYTES = 4096
_NAME_CHARACTERS = 500
_TAIL_CHARACTERS = 4096
_CENSORED: Final = "censored"
_UNREACHABLE = re.compile(r"^(?:\x1b\[[\d;]+m)?fatal: \[\S+ -> ([^\]\s(]+)", re.MULTILINE)

Event = Mapping[str, Any]


@dataclass
class Reading:
    """What has been read so far; the end of a converge is judged on it."""

    stats: tuple[HostStats, ...] = ()
    has_stats: bool = False
    prompt: str = ""  # what Ansible asks a person for
    unreachable_hosts: list[str] = field(default_factory=list)
    ignored_tasks: list[str] = field(default_factory=list)
    fault_of_mitogen: bool = False
    tail: str = ""  # the end of Ansible's own output, for a run that never reached a task
    paused: bool = False  # the task under way is a pause
    item_touches: dict[tuple[str, str], dict[Touch, None]] = field(default_factory=dict)


class EventReader:
    """Follows one run; every method takes an event as ansible-runner hands it over."""

    def __init__(self, repository: str) -> None:
        self._repository = repository
        self.reading = Reading()

    def task_started(self, event: Event) -> str | None:
        """The task's name, when the event starts one."""
        if event.get("event") != "playbook_on_task_start":
            return None
        facts = _facts(event)
        self.reading.paused = _short_name(facts) == "pause"
        return _bounded(facts.get("name") or facts.get("task"))

    def describe_start(self, event: Event) -> TaskEvent:
        """The same event as the beginning of a task, whose result may never come."""
        facts = _facts(event)
        return TaskEvent(
            host="",
            play=_bounded(facts.get("play")),
            task=_bounded(facts.get("task")),
            role=_bounded(facts.get("resolved_role") or facts.get("role")),
            location=self._location(facts),
            action=_bounded(facts.get("resolved_action") or facts.get("task_action")),
            status="started",
            started_at=str(event.get("created") or "")[:40],
            seconds=0.0,
        )

    def task_ended(self, event: Event) -> TaskEvent | None:
        kind, facts = str(event.get("event")), _facts(event)
        if kind.startswith("runner_item_on_"):
            self._keep_item(facts)
            return None
        status = _status(kind, facts)
        if not status:
            return None
        result = _result(facts)
        task = TaskEvent(
            host=_bounded(facts.get("host")),
            play=_bounded(facts.get("play")),
            task=_bounded(facts.get("task")),
            role=_bounded(facts.get("resolved_role") or facts.get("role")),
            location=self._location(facts),
            action=_bounded(facts.get("resolved_action") or facts.get("task_action")),
            status=status,
            started_at=_started(facts),
            seconds=_seconds(facts),
            touches=self._touches(facts, result),
            message=_message(result) if status in {"failed", "unreachable", "ignored"} else "",
        )
        self._note(task, event)
        return task

    def watch_output(self, event: Event) -> None:
        """Prompts, the recap, and the last words of a run that fails before its first task."""
        kind, facts = event.get("event"), _facts(event)
        if kind == "playbook_on_vars_prompt":
            self.reading.prompt = f"vars_prompt asks for the variable {facts.get('varname')}"
        elif kind == "playbook_on_stats":
            self.reading.stats, self.reading.has_stats = read_stats(facts), True
        elif kind in {"verbose", "error", "warning", "system_warning", "deprecated"}:
            self._watch_text(str(event.get("stdout") or ""), kind=str(kind))

    def _watch_text(self, text: str, *, kind: str) -> None:
        if self.reading.paused and text.lstrip().startswith("[") and "Pausing for" not in text:
            self.reading.prompt = "a pause task waits for a key"
        if kind not in {"deprecated", "warning"}:
            self.reading.tail = (self.reading.tail + text)[-_TAIL_CHARACTERS:]
        self.reading.fault_of_mitogen |= is_fault_of_mitogen(text)

    def _keep_item(self, facts: Event) -> None:
        key = (str(facts.get("host")), str(facts.get("task_uuid")))
        kept = self.reading.item_touches.setdefault(key, {})
        kept.update(dict.fromkeys(_touches_of_result(facts, _result(facts))))

    def _touches(self, facts: Event, result: Event) -> tuple[Touch, ...]:
        key = (str(facts.get("host")), str(facts.get("task_uuid")))
        items = self.reading.item_touches.pop(key, {})
        return tuple(dict.fromkeys((*items, *_touches_of_result(facts, result))))

    def _note(self, task: TaskEvent, event: Event) -> None:
        result = _result(_facts(event))
        if task.status == "ignored":
            self.reading.ignored_tasks.append(task.task)
        if task.status == "unreachable":
            self.reading.unreachable_hosts.append(_away(event) or task.host)
        if task.status in {"failed", "unreachable", "ignored"}:
            words = " ".join(str(result.get(key) or "") for key in ("msg", "exception"))
            self.reading.fault_of_mitogen |= is_fault_of_mitogen(words)

    def _location(self, facts: Event) -> str:
        path, _, line = str(facts.get("task_path") or "").rpartition(":")
        if not path:
            return ""
        inside = PurePath(path).is_relative_to(self._repository)
        shown = PurePath(path).relative_to(self._repository) if inside else path
        return _bounded(f"{shown}:{line}")


def read_stats(facts: Event) -> tuple[HostStats, ...]:
    columns = ("ok", "changed", "failures", "dark", "skipped", "rescued", "ignored")
    counts = {name: value for name in columns if isinstance(value := facts.get(name), dict)}
    hosts = {host for value in counts.values() for host in value} | set(
        facts.get("processed") or ()
    )
    return tuple(
        HostStats(
            host=str(host),
            ok=_count(counts, "ok", host),
            changed=_count(counts, "changed", host),
            failed=_count(counts, "failures", host),
            unreachable=_count(counts, "dark", host),
            skipped=_count(counts, "skipped", host),
            rescued=_count(counts, "rescued", host),
            ignored=_count(counts, "ignored", host),
        )
        for host in sorted(hosts)
    )


def _count(counts: Mapping[str, Mapping[str, Any]], column: str, host: str) -> int:
    return int(counts.get(column, {}).get(host, 0))


def _status(kind: str, facts: Event) -> str:
    if kind == "runner_on_ok":
        return "changed" if _result(facts).get("changed") is True else "ok"
    if kind == "runner_on_failed":
        return "ignored" if facts.get("ignore_errors") else "failed"
    return {"runner_on_unreachable": "unreachable", "runner_on_skipped": "skipped"}.get(kind, "")


def _touches_of_result(facts: Event, result: Event) -> tuple[Touch, ...]:
    """What was done on another host by delegation is no fact of this one."""
    if _delegated(result) not in {"", facts.get("host")}:
        return ()
    arguments = (result.get("invocation") or {}).get("module_args")
    action = str(facts.get("resolved_action") or facts.get("task_action") or "")
    return touches_of(action, arguments if isinstance(arguments, dict) else {}, result)


def _delegated(result: Event) -> str:
    variables = result.get("_ansible_delegated_vars")
    return str(variables.get("ansible_delegated_host", "")) if isinstance(variables, dict) else ""


def _away(event: Event) -> str:
    """The host that a delegated task did not reach; only Ansible's own line names it."""
    lines = _UNREACHABLE.findall(str(event.get("stdout") or ""))
    return lines[-1] if lines else ""


def _message(result: Event) -> str:
    if _CENSORED in result:
        return _CENSORED
    parts = [result.get(key) for key in ("msg", "stderr", "module_stderr")]
    parts += [_message(inner) for inner in _inner_failures(result)[:3]]
    text = "\n".join(dict.fromkeys(str(part) for part in parts if part))
    return text.encode("utf-8", "replace")[:_MESSAGE_BYTES].decode("utf-8", "ignore")


def _inner_failures(result: Event) -> list[Event]:
    """Of a loop, its failed items; of gather_facts, its failed modules."""
    items, modules = result.get("results"), result.get("failed_modules")
    failed = [item for item in items if item.get("failed")] if isinstance(items, list) else []
    return failed + (list(modules.values()) if isinstance(modules, dict) else [])


def _facts(event: Event) -> Event:
    facts = event.get("event_data")
    return facts if isinstance(facts, dict) else {}


def _result(facts: Event) -> Event:
    result = facts.get("res")
    return result if isinstance(result, dict) else {}


def _short_name(facts: Event) -> str:
    return str(facts.get("resolved_action") or facts.get("task_action")).rpartition(".")[2]


def _started(facts: Event) -> str:
    return str(facts.get("start") or datetime.now(UTC).isoformat())


def _seconds(facts: Event) -> float:
    duration = facts.get("duration")
    return float(duration) if isinstance(duration, (int, float)) else 0.0


def _bounded(value: Any) -> str:
    return str(value or "")[:_NAME_CHARACTERS]
