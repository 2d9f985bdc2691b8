"""Which task of the playbooks manages a fact."""

from collections.abc import Iterable
from typing import Final

from releve.model.converge import TaskEvent, TouchKind
from releve.model.observed import Fact, FactKind

_DONE: Final = frozenset({"ok", "changed"})
_BY_KIND: Final = {
    FactKind.PACKAGE: TouchKind.PACKAGE,
    FactKind.UNIT: TouchKind.UNIT,
    FactKind.USER: TouchKind.USER,
    FactKind.GROUP: TouchKind.GROUP,
    FactKind.SYSCTL: TouchKind.SYSCTL,
}
_SETTINGS: Final = {
    "hostname": "/etc/hostname",
    "timezone": "/etc/localtime",
    "locale.LANG": "/etc/default/locale",
}


class Touches:
    """Of one converge; a thing that several tasks touch belongs to the last one."""

    def __init__(self, events: Iterable[TaskEvent]) -> None:
        self._tasks: dict[tuple[TouchKind, str], str] = {}
        for event in events:
            if event.status in _DONE:
                task = event.location or event.role or event.task
                for touch in event.touches:
                    self._tasks[touch.kind, touch.name] = task

    def find_task(self, fact: Fact) -> str:
        """Its file and line, empty where no task names the fact."""
        kind = _BY_KIND.get(fact.kind)
        if kind is not None:
            return self._tasks.get((kind, fact.key), "")
        if fact.kind is FactKind.FILE:
            return self._find_path(fact.key)
        if fact.kind in (FactKind.DATABASE, FactKind.DATABASE_ROLE):
            return self._find_database(fact)
        if fact.kind is FactKind.SETTING:
            return self._find_path(_SETTINGS.get(fact.key, ""))
        if fact.kind in (FactKind.CRON, FactKind.AUTHORIZED_KEY):
            return self._find_of_user(fact)
        path = fact.evidence.get("file") or fact.attributes.get("file") or fact.key
        return self._find_path("/etc/fstab" if fact.kind is FactKind.FSTAB else path)

    def find_installer(self, package: str) -> str:
        return self._tasks.get((TouchKind.PACKAGE, package), "")

    def _find_path(self, path: str) -> str:
        """Of the path, or of the nearest directory above it that a task made or filled."""
        while path.count("/") > 1:
            task = self._tasks.get((TouchKind.PATH, path))
            if task:
                return task
            path = path.rpartition("/")[0]
        return self._tasks.get((TouchKind.PATH, path), "")

    def _find_database(self, fact: Fact) -> str:
        name = fact.key.partition(" ")[2]
        names = [name, f"user {name}", f"user {name.partition('@')[0]}"]
        found = (self._tasks.get((TouchKind.DATABASE, name)) for name in names)
        return next((task for task in found if task), "")

    def _find_of_user(self, fact: Fact) -> str:
        path, user = fact.evidence.get("file", ""), fact.key.partition(" ")[0]
        task = self._tasks.get((TouchKind.PATH, path), "")
        prefix = f"{user}: "
        crons = (
            task
            for (kind, name), task in self._tasks.items()
            if kind is TouchKind.CRON and name.startswith(prefix)
        )
        return task or next(crons, "") or self._tasks.get((TouchKind.USER, user), "")
