"""Containers of Docker and Podman, with the compose project that made them."""

import json
import re

from releve.scan.collector.system import NotChecked

KINDS = ("container",)
LIVE = True

_NAME = re.compile(r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,254}\Z")
_PROJECT = ("com.docker.compose.project", "io.podman.compose.project")
_FILES = ("com.docker.compose.project.config_files", "io.podman.compose.config-files")
_STEADY = {"up": "running", "restarting": "running", "created": "created"}


def collect(system):
    for engine, argv in (
        ("docker", ["docker", "ps", "--all", "--no-trunc", "--format", "{{json .}}"]),
        ("podman", ["podman", "ps", "--all", "--no-trunc", "--format", "json"]),
    ):
        # to ask where no daemon runs could start one
        if engine == "docker" and "docker.sock" not in system.names("/run"):
            continue
        try:
            found = _ask(system, argv)
        except NotChecked as failure:
            yield "not_checked", "container:" + engine, {"why": str(failure)}, {}
            continue
        for fact in _facts(engine, found):
            yield fact


def _ask(system, argv):
    code, out = system.run(argv, 15)
    if code == 127:
        return []
    if code != 0:
        raise NotChecked("%s ends with %d" % (argv[0], code))
    text = out.decode("utf-8", "surrogateescape").strip()
    try:
        if text.startswith("["):
            answer = json.loads(text)
        else:
            answer = [json.loads(line) for line in text.split("\n") if line]
    except (ValueError, RecursionError):
        raise NotChecked("%s gives no JSON" % argv[0]) from None
    return [item for item in answer if isinstance(item, dict)]


def _facts(engine, found):
    seen = set()
    for number, item in enumerate(found, 1):
        names = item.get("Names")
        name = names[0] if isinstance(names, list) and names else names
        if not isinstance(name, str) or not _NAME.match(name) or name in seen:
            why = "a name that no engine would give"
            yield "not_checked", "container:%s %d" % (engine, number), {"why": why}, {}
            continue
        seen.add(name)
        labels = _labels(item.get("Labels"))
        attributes = {
            "image": _text(item.get("Image")),
            "state": _state(_text(item.get("State")) or _text(item.get("Status"))),
            "project": _first(labels, _PROJECT),
        }
        attributes = {key: value for key, value in attributes.items() if value}
        files = _first(labels, _FILES)
        yield "container", "%s %s" % (engine, name), attributes, {"file": files} if files else {}


def _state(text):
    word = text.lower().split(" ")[0]
    return _STEADY.get(word, word)


def _labels(value):
    if isinstance(value, dict):
        return {str(name): _text(text) for name, text in value.items()}
    pairs = (pair.partition("=") for pair in _text(value).split(","))
    return {name: text for name, _, text in pairs}


def _first(labels, names):
    return next((labels[name] for name in names if labels.get(name)), "")


def _text(value):
    return value[:4096] if isinstance(value, str) else ""
