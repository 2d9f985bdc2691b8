"""Which accelerator a converge uses, and why: the one place that knows Mitogen.

ansible-core announces the end of third-party strategy plug-ins with 2.23; past that, or when a
version is unknown, SSH pipelining is used.
"""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from releve.adapters.ansible.settings import TeamSettings

VARIABLE = "RELEVE_ACCELERATOR"  # auto, mitogen, pipelining or none
_LAST_SERIES = (2, 22)  # newest ansible-core that still loads third-party strategies
_WRAPPED = {
    "linear": "mitogen_linear",
    "free": "mitogen_free",
    "host_pinned": "mitogen_host_pinned",
}
_FAULT = re.compile(
    r"ansible_mitogen|mitogen[./]core|mitogen[./]parent|Invalid play strategy specified: mitogen"
)

Version = tuple[int, ...]


@dataclass(frozen=True)
class Installed:
    ansible_core: Version
    mitogen: str = ""  # empty: not installed
    oldest: Version = ()  # Mitogen's own gate
    newest: Version = ()  # empty: Mitogen names none
    strategy_directory: str = ""


@dataclass(frozen=True)
class Acceleration:
    name: str  # mitogen, pipelining, none
    label: str  # "mitogen 0.3.54"
    reason: str
    environment: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.label} ({self.reason})"


def decide_acceleration(
    installed: Installed, *, settings: TeamSettings, wish: str = "auto"
) -> Acceleration:
    if wish == "none":
        return Acceleration("none", "none", f"{VARIABLE}=none")
    if wish == "pipelining":
        return fall_back(settings, f"{VARIABLE}=pipelining")
    if obstacle := _obstacle(installed, settings.strategy):
        return fall_back(settings, obstacle)
    strategy = _WRAPPED.get(settings.strategy, settings.strategy)
    directories = f"{installed.strategy_directory}:{settings.strategy_plugins}".rstrip(":")
    plugins = {"ANSIBLE_STRATEGY": strategy, "ANSIBLE_STRATEGY_PLUGINS": directories}
    return Acceleration(
        "mitogen",
        f"mitogen {installed.mitogen}",
        f"it supports ansible-core {_dotted(installed.ansible_core)}",
        {**plugins, **_pipelining(settings)},  # for plays that name another strategy
    )


def fall_back(settings: TeamSettings, reason: str) -> Acceleration:
    """Pipelining, unless the team has switched it off itself."""
    if settings.pipelining is False:
        return Acceleration("none", "none", f"{reason}; ansible.cfg switches pipelining off")
    return Acceleration("pipelining", "pipelining", reason, _pipelining(settings))


def _pipelining(settings: TeamSettings) -> dict[str, str]:
    return {} if settings.pipelining is False else {"ANSIBLE_PIPELINING": "True"}


def is_fault_of_mitogen(text: str) -> bool:
    """Whether an error names Mitogen's own code, so that a run without it may succeed."""
    return bool(_FAULT.search(text))


def read_installed() -> Installed:
    """Versions from package metadata; Mitogen's gate from its source, without importing it."""
    ansible_core = parse_version(metadata.version("ansible-core"))
    spec = find_spec("ansible_mitogen")
    if spec is None or not spec.submodule_search_locations:
        return Installed(ansible_core)
    package = Path(next(iter(spec.submodule_search_locations)))
    gate = read_gate((package / "loaders.py").read_text("utf-8"))
    return Installed(
        ansible_core=ansible_core,
        mitogen=metadata.version("mitogen"),
        oldest=gate.get("ANSIBLE_VERSION_MIN", ()),
        newest=gate.get("ANSIBLE_VERSION_MAX", ()),
        strategy_directory=str(package / "plugins" / "strategy"),
    )


def read_gate(source: str) -> dict[str, Version]:
    """The version constants assigned at the top of ansible_mitogen/loaders.py."""
    found: dict[str, Version] = {}
    for statement in ast.parse(source).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Tuple() as value) if (
                name.startswith("ANSIBLE_VERSION_")
            ):
                found[name] = tuple(ast.literal_eval(value))
    return found


def parse_version(text: str) -> Version:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def _obstacle(installed: Installed, strategy: str) -> str:
    core = installed.ansible_core
    newest = min(installed.newest or _LAST_SERIES, _LAST_SERIES)
    if not installed.mitogen:
        return "Mitogen is not installed"
    if not installed.oldest:
        return f"Mitogen {installed.mitogen} does not say which ansible-core it supports"
    if core[:2] < installed.oldest[:2] or core[:2] > newest[:2]:
        return (
            f"Mitogen {installed.mitogen} supports ansible-core {_dotted(installed.oldest)} "
            f"to {_dotted(newest)}, not {_dotted(core)}"
        )
    if strategy not in _WRAPPED and not strategy.startswith("mitogen"):
        return f"ansible.cfg asks for the strategy {strategy}"
    return ""


def _dotted(version: Version) -> str:
    return ".".join(str(part) for part in version)
