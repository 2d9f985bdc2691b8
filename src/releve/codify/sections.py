"""The tasks of a catch-up role: fixed text of our own; whatever a server said is in variables.

`@role@` stands for the role's name. A section's variable is `@role@_NAME`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TASKS: Final = Path(__file__).with_name("tasks")
_HANDLERS: Final = Path(__file__).with_name("handlers")

# The order in which the role imports them: what is needed comes before what needs it.
ORDER: Final[Mapping[str, str]] = {
    "repositories": "Add the package sources",
    "selections": "Choose what becomes of packages",
    "packages": "Install and remove packages",
    "groups": "Create the groups",
    "users": "Create and change the accounts",
    "paths": "Place directories, files and links",
    "keys": "Authorize keys",
    "lines": "Set single lines of files",
    "attributes": "Set owners, modes and attributes",
    "settings": "Set the host's name and clock",
    "kernel": "Set kernel parameters",
    "alternatives": "Choose alternatives",
    "checkouts": "Check sources out",
    "software": "Install software that is in no package",
    "databases": "Create databases and their accounts",
    "cron": "Run what cron ran",
    "units": "Enable, mask and start units",
}


# The order of tasks in one file; a task not named here comes last.
_SEQUENCE: Final = (
    "Answer the questions", "Look for the overrides", "Look for diversions",
    "Remove packages", "Purge packages", "Install packages", "Mark packages", "Hold packages",
    "Remove accounts", "Remove groups", "Create and change accounts", "Put accounts",
    "Look who is in the groups",
    "Remove what was removed", "Make directories", "Copy files that were written",
    "Copy rules of sudo", "Write files that hold secrets", "Copy files that are secret",
    "Make named pipes", "Make links",
    "Look for databases", "Look for plug-ins", "Look for accounts of", "Look what accounts",
    "Look for PostgreSQL roles", "Look for PostgreSQL databases", "Look what PostgreSQL granted",
)  # fmt: skip


@dataclass(frozen=True)
class Section:
    """A list variable, and the task that goes through it."""

    name: str
    file: str  # of ORDER
    task: str
    handlers: Mapping[str, str]  # name to its text
    later: tuple[str, ...] = ()  # how the names of tasks begin that come after it


def section(name: str, *, reader: str = "") -> Section:
    """One of the files in `tasks/`; `reader` is the unit that must look again, as in readers.py."""
    file, _, rest = _source(name).partition("\n")
    file = file.removeprefix("# ").strip()
    handlers = read_handlers(reader) if reader else {}
    notify = f"  notify: {list(handlers)[-1]}\n" if handlers else ""
    variable = f"{reader}_{name}" if reader and "@for@" in rest else name
    suffix = _name_reader(reader) if reader else ""
    task = rest.replace("@variable@", variable).replace("@for@", suffix)
    return Section(variable, file, task + notify, handlers, _tasks_after(_name_of(task.lstrip())))


def read_handlers(reader: str) -> Mapping[str, str]:
    """In the order in which they run; the last is the one to notify."""
    kind, _, version = reader.partition("_v_")
    text = (_HANDLERS / f"{kind}.yml").read_text("utf-8")
    text = text.replace("@version@", version.replace("_", "."))
    blocks = [block for block in text.split("\n\n") if block.strip()]
    return {_name_of(block): block.rstrip("\n") + "\n" for block in blocks}


def _tasks_after(name: str) -> tuple[str, ...]:
    found = [at for at, begins in enumerate(_SEQUENCE) if name.startswith(begins)]
    return _SEQUENCE[found[0] + 1 :] if found else ()


def _source(name: str) -> str:
    return (_TASKS / f"{name}.yml").read_text("utf-8")


def _name_of(block: str) -> str:
    return block.splitlines()[0].removeprefix("- name: ")


def _name_reader(reader: str) -> str:
    kind, _, version = reader.partition("_v_")
    named = {"php_fpm": "PHP-FPM", "ssh": "SSH", "mariadb": "MariaDB", "apache": "Apache"}
    said = named.get(kind, kind)
    return f" for {said} {version.replace('_', '.')}".rstrip()
