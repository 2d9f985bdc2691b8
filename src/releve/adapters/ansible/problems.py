"""What would keep a playbook from running, found without touching any host."""

import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from releve.adapters.ansible import accelerator, command, inventory
from releve.adapters.ansible.inventory_memory import InventoryMemory
from releve.adapters.ansible.settings import read_settings, refuse_prompts, refuse_without_yaml
from releve.errors import PlanError
from releve.ports.converger import ConvergeRequest

OLDEST_CORE = (2, 18, 1)  # older ones show secrets: CVE-2024-8775, CVE-2024-9902
_SECONDS = 60.0
_MOST_PLAYBOOKS = 100
_IMPORT = re.compile(r"^\s*-?\s*(?:ansible\.builtin\.)?import_playbook\s*:\s*(\S+)", re.MULTILINE)
_PROMPT = re.compile(r"^\s*(?:-\s+)?vars_prompt\s*:", re.MULTILINE)
_NO_ROLE = re.compile(r"the role '([^']+)' was not found")
_NO_MODULE = re.compile(r"couldn't resolve module/action '([\w-]+)\.([\w-]+)\.[\w.-]+'")
_REQUIREMENTS = ("requirements.yml", "roles/requirements.yml", "collections/requirements.yml")


def find_problems(
    request: ConvergeRequest, environment: Mapping[str, str], memory: InventoryMemory
) -> tuple[str, ...]:
    """Sentences; the slow looks run side by side, each with a deadline."""
    return tuple(dict.fromkeys(filter(None, _look(request, environment, memory))))


def _look(
    request: ConvergeRequest, environment: Mapping[str, str], memory: InventoryMemory
) -> Iterator[str]:
    yield _old_core(accelerator.read_installed().ansible_core)
    try:
        inventory.refuse_pattern(request.host)
        settings = read_settings(Path(request.repository), environment)
        yield from _refusals(
            partial(refuse_prompts, settings), partial(refuse_without_yaml, settings)
        )
        command.find_real_programs(environment, settings)
    except PlanError as error:
        yield _sentence(error)
        return
    if absent := list(_absent(request, command.inventory_sources(request, settings))):
        yield from absent
        return
    yield from _prompting(Path(request.repository) / request.playbook)
    environment = command.ansible_environment(environment, settings)
    query = command.inventory_query(request, settings, environment=environment)
    with ThreadPoolExecutor(max_workers=2) as pool:
        hosts = pool.submit(_judge_host, query, request.host, memory)
        plays = pool.submit(_judge_plays, request, query)
        unknown = hosts.result()
        yield unknown
        yield "" if unknown else plays.result()


def _refusals(*checks: Callable[[], None]) -> Iterator[str]:
    for check in checks:
        try:
            check()
        except PlanError as error:
            yield _sentence(error)


def _absent(request: ConvergeRequest, sources: tuple[str, ...]) -> Iterator[str]:
    repository = Path(request.repository)
    if not (repository / request.playbook).is_file():
        yield f"the playbook {request.playbook} does not exist in {repository}"
    for source in sources:
        if not (repository / source).exists():
            yield f"the inventory {source} does not exist in {repository}"


def _old_core(version: tuple[int, ...]) -> str:
    if version >= OLDEST_CORE:
        return ""
    return "ansible-core {} is too old: 2.18.1 or later is needed".format(
        ".".join(str(part) for part in version)
    )


def _prompting(playbook: Path) -> Iterator[str]:
    """A vars_prompt always asks: Relève passes no extra variable."""
    waiting, seen = [playbook.resolve()], set[Path]()
    while waiting and len(seen) < _MOST_PLAYBOOKS:
        path = waiting.pop()
        if path in seen or not path.is_file():
            continue
        seen.add(path)
        text = path.read_text("utf-8", "replace")
        if found := _PROMPT.search(text):
            line = text.count("\n", 0, found.start()) + 1
            yield (
                f"{path.name}:{line} asks a person by vars_prompt; "
                "give the variable in group_vars or host_vars instead"
            )
        waiting += [(path.parent / name.strip("'\"")).resolve() for name in _IMPORT.findall(text)]


def _judge_host(query: inventory.Query, host: str, memory: InventoryMemory) -> str:
    try:
        hosts = memory.read_hosts(query)
    except PlanError as error:
        return _sentence(error)
    if host not in hosts:
        return inventory.unknown_host(host, list(hosts))
    return inventory.check_redirect(hosts[host], host)


def _judge_plays(request: ConvergeRequest, query: inventory.Query) -> str:
    listing = _list_hosts(request, query)
    if listing.error:
        return _explain(listing.error, Path(request.repository))
    named = {line.strip() for line in listing.text.splitlines() if line.startswith(" " * 6)}
    if request.host not in named:
        return f"no play of {request.playbook} is for {request.host}"
    return ""


@dataclass(frozen=True)
class _Listing:
    text: str
    error: str = ""


def _list_hosts(request: ConvergeRequest, query: inventory.Query) -> _Listing:
    """Loads every play, role and static import as --syntax-check does, and names the hosts too."""
    arguments = command.playbook_command(request, inventory=query.sources, flags=("--list-hosts",))
    try:
        finished = subprocess.run(  # noqa: S603 (an argv list of our own making)
            arguments,
            cwd=query.repository,
            env=dict(query.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            start_new_session=True,  # without a terminal nothing can be asked
            check=False,
        )
    except (subprocess.TimeoutExpired, OSError) as error:
        return _Listing("", str(error))
    text, errors = (data.decode("utf-8", "replace") for data in (finished.stdout, finished.stderr))
    return _Listing(text, "" if finished.returncode == 0 else errors + text)


def _explain(output: str, repository: Path) -> str:
    """Ansible's first error, with the command that brings what is missing."""
    _, _, error = output.partition("[ERROR]:")
    words = " ".join((error or output).split())[:700]
    if found := _NO_ROLE.search(output):
        return f"{words}; {_install('role', found[1], repository)}"
    if found := _NO_MODULE.search(output):
        return f"{words}; {_install('collection', f'{found[1]}.{found[2]}', repository)}"
    return words or "ansible-playbook --list-hosts failed without a word"


def _install(kind: str, name: str, repository: Path) -> str:
    present = [path for path in _REQUIREMENTS if (repository / path).is_file()]
    if present:
        return f"run ansible-galaxy install -r {present[0]}"
    return f"run ansible-galaxy {kind} install {name}"


def _sentence(error: PlanError) -> str:
    return f"{error}; {error.remedy}" if error.remedy else str(error)
