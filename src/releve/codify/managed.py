"""Files that a task of the team's writes: the source of that task is what changes."""

import hashlib
import re
from collections.abc import Iterator
from typing import Final

from releve.codify.outcome import Outcome, Work, Written, leave_out
from releve.codify.playbook import covers
from releve.codify.secrets import find_secrets, is_secret_throughout
from releve.codify.tasks_text import arguments_of
from releve.codify.template_edit import NotMappable, Rendering, edit_template
from releve.codify.value_variables import set_for_host
from releve.codify.variables import list_definitions, scalar_of
from releve.codify.yaml_text import NotEditable, compose, entries, items, text_of
from releve.model.converge import TaskEvent, TouchKind
from releve.model.finding import Deviation

_LINE_EDITORS: Final = {"lineinfile", "blockinfile", "replace", "ini_file"}
_EXPRESSION: Final = re.compile(r"(?P<head>[^{}]*)\{\{-?\s*(?P<name>\w+)\s*-?\}\}(?P<tail>[^{}]*)")


def managing_task(path: str, work: Work) -> TaskEvent | None:
    """The last one that touched the path, other than the catch-up role's own."""
    *_, last = (None, *work.team_touches(TouchKind.PATH, path))
    return last


def write_managed(deviation: Deviation, content: bytes, *, work: Work) -> Outcome:
    task = managing_task(deviation.key, work)
    if task is None:
        return leave_out(deviation, "no task writes it")
    if others := _others_of(task, deviation, work):
        return _would_be_undone(
            deviation, task, f"the same task writes {others} more files from one source"
        )
    mark = work.draft.mark()
    try:
        return Written(_change_source(task, deviation, content, work=work))
    except (NotMappable, NotEditable) as error:
        work.draft.go_back(mark)
        return _would_be_undone(deviation, task, str(error))


def _change_source(task: TaskEvent, deviation: Deviation, content: bytes, *, work: Work) -> str:
    action = task.action.rpartition(".")[2]
    digest = deviation.theirs.attributes.get("content", "") if deviation.theirs else ""
    twin = work.situation.contents.twin.get(deviation.key)
    if is_secret_throughout(deviation.key, content) or find_secrets(content):
        raise NotMappable("the file holds secrets, and its source is in clear")
    shared = _is_shared(task, work)
    if action == "template":
        return _change_template(task, Rendering("", digest, twin, content), work, shared=shared)
    if action == "copy":
        return _change_copy(task, digest, content, work=work, shared=shared)
    if action in _LINE_EDITORS:
        return _change_line(task, digest, content, work=work)
    raise NotMappable(f"{action} writes it, whose source is not a file that can be changed")


def _change_template(task: TaskEvent, given: Rendering, work: Work, *, shared: bool) -> str:
    reason = "its template is not in the repository"
    for path in _list_sources(task, "templates", work):
        mark = work.draft.mark()
        try:
            return edit_template(
                Rendering(path, given.digest, given.twin, given.live), work, shared=shared
            )
        except NotMappable as error:
            work.draft.go_back(mark)
            reason = str(error)
    raise NotMappable(reason)


def _change_copy(task: TaskEvent, digest: str, content: bytes, *, work: Work, shared: bool) -> str:
    inline = arguments_of(task.location, work.draft).get("content")
    if inline is not None:
        return _change_inline(inline, digest, content, work=work)
    sources = [
        path
        for path in _list_sources(task, "files", work)
        if _digest(work.draft.read_bytes(path) or b"") == digest
    ]
    if len(sources) != 1:
        raise NotMappable("no one file of the repository is what the twin has")
    if shared:
        raise NotMappable("other hosts get the same file")
    work.draft.write(sources[0], content)
    return f"{sources[0]} is what {task.location} copies, so its content changes"


def _change_inline(inline: str, digest: str, content: bytes, *, work: Work) -> str:
    """Where the content is one variable: its value changes for this host."""
    match = _EXPRESSION.fullmatch(inline)
    live = content.decode("utf-8", "surrogateescape")
    if not match or not (live.startswith(match["head"]) and live.endswith(match["tail"])):
        raise NotMappable("the content stands in the task itself, and not in one variable")
    value = live[len(match["head"]) : len(live) - len(match["tail"])]
    return _set_proven(match, value, digest, work=work, without=live)


def _change_line(task: TaskEvent, digest: str, content: bytes, *, work: Work) -> str:
    """`line: "worker_connections {{ n }};"`: proven by putting the twin's value back."""
    given = arguments_of(task.location, work.draft).get("line", "")
    match = _EXPRESSION.fullmatch(given)
    lines = content.decode("utf-8", "surrogateescape").split("\n")
    for at, line in enumerate(lines if match else []):
        if match and line.startswith(match["head"]) and line.endswith(match["tail"]):
            value = line[len(match["head"]) : len(line) - len(match["tail"])]
            before = _value_of(match["name"], work)
            back = [*lines[:at], f"{match['head']}{before}{match['tail']}", *lines[at + 1 :]]
            if _digest("\n".join(back).encode("utf-8", "surrogateescape")) == digest:
                return set_for_host(match["name"], value, work=work, instead_of=before)
    raise NotMappable("a task sets single lines of it, and what changed is not its variable alone")


def _set_proven(match: re.Match[str], value: str, digest: str, *, work: Work, without: str) -> str:
    before = _value_of(match["name"], work)
    twin = f"{match['head']}{before}{match['tail']}".encode()
    if _digest(twin) != digest or value == without:
        raise NotMappable("what the variable holds here is not what the twin has")
    return set_for_host(match["name"], value, work=work, instead_of=before)


def _value_of(name: str, work: Work) -> str:
    """NotMappable where it is not one text that host_vars may replace."""
    found = [
        definition
        for definition in list_definitions(work.draft, work.situation.repository)
        if definition.name == name
    ]
    value = scalar_of(found[-1]) if found else None
    if value is None or found[-1].rank > 3 or "{{" in value:
        raise NotMappable("the variable that it comes from is set elsewhere")
    return value


def _list_sources(task: TaskEvent, folder: str, work: Work) -> Iterator[str]:
    """The file that the task names; all of its role's where the name is an expression."""
    name = arguments_of(task.location, work.draft).get("src", "")
    role = re.match(r"((?:.*/)?roles/[^/]+)/", task.location)
    bases = [f"{role[1]}/{folder}/", f"{role[1]}/"] if role else []
    bases += [f"{task.location.rpartition('/')[0]}/{folder}/".lstrip("/"), f"{folder}/", ""]
    if "{{" not in name:
        yield from [base + name for base in bases if work.draft.has(base + name)][:1]
        return
    tail = name.rpartition("}}")[2]
    for path in work.draft.paths():
        if path.startswith(bases[0]) and path.endswith(tail):
            yield path


def _others_of(task: TaskEvent, deviation: Deviation, work: Work) -> int:
    """Files that the same task wrote from the same template, and that do not differ."""
    if "item" in arguments_of(task.location, work.draft).get("src", "item"):
        return 0
    same = {
        touch.name
        for event in work.situation.touches
        if event.location == task.location
        for touch in event.touches
        if touch.kind == TouchKind.PATH and touch.name != deviation.key
    }
    changed = {found.key for finding in work.situation.findings for found in finding.deviations}
    return len(same - changed)


def _is_shared(task: TaskEvent, work: Work) -> bool:
    repository = work.situation.repository
    text = work.draft.read(repository.playbook) or ""
    everyone = {host for hosts in repository.groups.values() for host in hosts}
    for play in items(compose(text)):
        keys = dict(entries(play))
        if text_of(keys.get("name")) == task.play:
            everyone = set(covers(text_of(keys.get("hosts")) or "", repository)) or everyone
    return bool(everyone - {repository.host})


def _would_be_undone(deviation: Deviation, task: TaskEvent, why: str) -> Outcome:
    return leave_out(
        deviation,
        f"{task.location} writes it and would undo a task after it, and {why}",
        remedy="change its source by hand; the content wanted is kept",
        artefact=deviation.key,
    )


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
