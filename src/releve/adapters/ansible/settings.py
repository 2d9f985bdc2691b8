"""What the team's own Ansible configuration says, where Relève must know it."""

import configparser
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from releve.errors import PlanError

_TRUE = {"1", "true", "t", "yes", "y", "on"}
_FALSE = {"0", "false", "f", "no", "n", "off"}
_DEFAULT_CALLBACKS = "~/.ansible/plugins/callback:/usr/share/ansible/plugins/callback"
_DEFAULT_STRATEGIES = "~/.ansible/plugins/strategy:/usr/share/ansible/plugins/strategy"


@dataclass(frozen=True)
class TeamSettings:
    """Values as Ansible itself would resolve them: environment, then ansible.cfg, then default."""

    config_file: str  # empty: none
    inventory: tuple[str, ...]
    strategy: str
    strategy_plugins: str
    callback_plugins: str
    inventory_plugins: tuple[str, ...]  # empty: Ansible's default
    host_key_checking: bool
    pipelining: bool | None  # None: the team says nothing
    ssh_executable: str
    prompts: tuple[str, ...]  # settings that make Ansible ask a person


def read_settings(repository: Path, environment: Mapping[str, str]) -> TeamSettings:
    """PlanError for a configuration that is unreadable or that a stranger could change."""
    refuse_world_writable(repository)
    config_file = find_config(repository, environment)
    source = _Source(_parse(config_file), config_file, environment, str(repository))
    return TeamSettings(
        config_file=str(config_file or ""),
        inventory=source.paths("ANSIBLE_INVENTORY", "defaults.inventory", "/etc/ansible/hosts"),
        strategy=source.text("ANSIBLE_STRATEGY", "defaults.strategy", "linear"),
        strategy_plugins=source.path_list(
            "ANSIBLE_STRATEGY_PLUGINS", "defaults.strategy_plugins", _DEFAULT_STRATEGIES
        ),
        callback_plugins=source.path_list(
            "ANSIBLE_CALLBACK_PLUGINS", "defaults.callback_plugins", _DEFAULT_CALLBACKS
        ),
        inventory_plugins=source.words("ANSIBLE_INVENTORY_ENABLED", "inventory.enable_plugins"),
        host_key_checking=source.flag(
            "ANSIBLE_HOST_KEY_CHECKING", "defaults.host_key_checking", default=True
        )
        is not False,
        pipelining=_pipelining(source),
        ssh_executable=source.text("ANSIBLE_SSH_EXECUTABLE", "ssh_connection.ssh_executable", ""),
        prompts=_prompts(source),
    )


def refuse_world_writable(repository: Path) -> None:
    """Ansible would run anything that a stranger leaves in such a directory."""
    try:
        mode = repository.stat().st_mode
    except OSError as error:
        raise PlanError(
            f"the repository {repository} cannot be read",
            why=error.strerror or str(error),
            remedy="name the directory that holds releve.yml and ansible.cfg",
        ) from error
    if mode & stat.S_IWOTH:
        raise PlanError(
            f"the repository {repository} is world-writable",
            why="any user of this machine could change what Ansible runs as you",
            remedy=f"chmod o-w {repository}",
        )


def refuse_prompts(settings: TeamSettings) -> None:
    """Nobody is there to answer when a recovery runs."""
    if settings.prompts:
        raise PlanError(
            f"Ansible would ask a person: {', '.join(settings.prompts)}",
            why=f"set in {settings.config_file or 'the environment'}",
            remedy="let Ansible read it: ansible_become_password in the vault, vault_password_file",
        )


def refuse_without_yaml(settings: TeamSettings) -> None:
    """Where the host is now is told in a YAML inventory source."""
    if settings.inventory_plugins and "yaml" not in settings.inventory_plugins:
        raise PlanError(
            "ansible.cfg switches YAML inventories off",
            why=f"[inventory] enable_plugins = {', '.join(settings.inventory_plugins)}",
            remedy="add yaml to enable_plugins",
        )


def find_config(repository: Path, environment: Mapping[str, str]) -> Path | None:
    """The repository's own ansible.cfg first; else where Ansible looks by itself."""
    home = Path(environment.get("HOME", "~")).expanduser()
    candidates = [repository / "ansible.cfg"]
    if given := environment.get("ANSIBLE_CONFIG"):
        named = Path(given).expanduser()
        candidates.append(named / "ansible.cfg" if named.is_dir() else named)
    candidates += [home / ".ansible.cfg", Path("/etc/ansible/ansible.cfg")]
    return next((path for path in candidates if path.is_file()), None)


@dataclass(frozen=True)
class _Source:
    parsed: configparser.ConfigParser
    file: Path | None
    environment: Mapping[str, str]
    repository: str

    def text(self, variable: str, key: str, default: str) -> str:
        if variable in self.environment:
            return self.environment[variable]
        section, option = key.split(".")
        return self.parsed.get(section, option, raw=True, fallback=default).strip("'\" ")

    def flag(self, variable: str, key: str, *, default: bool | None = None) -> bool | None:
        word = self.text(variable, key, "").lower()
        return True if word in _TRUE else False if word in _FALSE else default

    def words(self, variable: str, key: str) -> tuple[str, ...]:
        parts = (part.strip() for part in self.text(variable, key, "").split(","))
        return tuple(part.removeprefix("ansible.builtin.") for part in parts if part)

    def paths(self, variable: str, key: str, default: str) -> tuple[str, ...]:
        value = self.text(variable, key, default)
        base = self._base(variable)
        return tuple(self._resolve(part.strip(), base) for part in value.split(",") if part.strip())

    def path_list(self, variable: str, key: str, default: str) -> str:
        value = self.text(variable, key, default)
        base = self._base(variable)
        return ":".join(self._resolve(part, base) for part in value.split(":") if part)

    def _base(self, variable: str) -> str:
        from_file = variable not in self.environment and self.file is not None
        return str(self.file.parent) if from_file and self.file else self.repository

    def _resolve(self, part: str, base: str) -> str:
        home = self.environment.get("HOME", "~")
        part = part.replace("{{CWD}}", self.repository)
        part = home + part[1:] if part.startswith("~/") else part
        return os.path.normpath(Path(base) / os.path.expandvars(part))


def _parse(config_file: Path | None) -> configparser.ConfigParser:
    parsed = configparser.ConfigParser(inline_comment_prefixes=(";",), interpolation=None)
    if config_file is None:
        return parsed
    try:
        parsed.read_string(config_file.read_text("utf-8"), source=str(config_file))
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        raise PlanError(
            f"{config_file} cannot be read",
            why=str(error).replace("\n", " ")[:500],
            remedy="correct the file; ansible-config view shows what Ansible makes of it",
        ) from error
    return parsed


def _pipelining(source: _Source) -> bool | None:
    first = source.flag("ANSIBLE_PIPELINING", "connection.pipelining")
    second = source.flag("ANSIBLE_SSH_PIPELINING", "ssh_connection.pipelining")
    third = source.flag("ANSIBLE_PIPELINING", "defaults.pipelining")
    return next((value for value in (second, first, third) if value is not None), None)


def _prompts(source: _Source) -> tuple[str, ...]:
    found = [
        option
        for variable, option in (
            ("ANSIBLE_BECOME_ASK_PASS", "privilege_escalation.become_ask_pass"),
            ("ANSIBLE_ASK_PASS", "defaults.ask_pass"),
            ("ANSIBLE_ASK_VAULT_PASS", "defaults.ask_vault_pass"),
        )
        if source.flag(variable, option)
    ]
    identities = source.text("ANSIBLE_VAULT_IDENTITY_LIST", "defaults.vault_identity_list", "")
    if any(part.strip().endswith("@prompt") for part in identities.split(",")):
        found.append("defaults.vault_identity_list")
    return tuple(found)
