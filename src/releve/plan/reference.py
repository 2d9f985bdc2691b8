"""The reference page of releve.yml, written from its types."""

import types
from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from releve.plan.durations import format_duration
from releve.plan.keys import PROVIDER_KINDS, SECTIONS
from releve.plan.strict import Strict
from releve.plan.types import CHECK_KINDS, HostPlan, Plan, VolumePlan
from releve.plan.watch_types import NotifyChannel, WatchPlan

EXAMPLE: Final = """\
version: 1
provider:
  kind: lxd
hosts:
  blog:
    instance: blog-1
    image: debian-12
    address: 203.0.113.10
    volumes:
      data:
        id: default/blog-data
        mount: /var/lib/mysql
        size: 20GiB
    converge:
      playbook: site.yml
      inventory: [inventory/hosts.yml]
    checks:
      - http: https://blog.example/posts/1
        contains: [The first post]
        tls_days: 14
      - tcp: 22
      - unit: mariadb.service
      - command: [mariadb, -e, SELECT 1]
      - file: /etc/nginx/nginx.conf
      - pytest: checks/test_blog.py
    objectives:
      total: 30m
      converge: 15m
    automation: approve
watch:
  outside: 198.51.100.53:53
  notify:
    - name: on-call
      url_file: /etc/releve/on-call.url
"""
_INTRODUCTION: Final = """\
# releve.yml

<!-- Written by `releve schema --reference > docs/reference/plan.md`; change the types instead. -->

The plan lies in the root of the Ansible repository. It says what a recovery needs to know of each
host, and holds no secret: keys stay in the ssh agent, passwords in Ansible Vault.

`releve check` compares it with the files beside it and with the provider, and touches nothing.
Every mistake is told with its line, the reason and the remedy; the exit code is then 2.

The file is one YAML 1.2 document in UTF-8, at most 256 KiB, without anchors, aliases or tags.
Durations are a number and a unit: `90s`, `15m`, `2h`, `30d`. Paths are relative to releve.yml and
stay in its repository.

Editors complete it with the JSON Schema beside this page: put
`# yaml-language-server: $schema=releve.schema.json` on the first line, with the path to it.

## Example
"""


def write_reference() -> str:
    parts = [
        _INTRODUCTION,
        f"```yaml\n{EXAMPLE}```\n",
        _write_section("The file", Plan),
        *(
            _write_section(f"`provider` of kind `{kind}`", type_)
            for kind, type_ in PROVIDER_KINDS.items()
        ),
        _write_section("`hosts.NAME`", HostPlan),
        _write_section("`hosts.NAME.volumes.NAME`", VolumePlan),
        *(_write_section(f"`hosts.NAME.{name}`", type_) for name, type_ in SECTIONS.items()),
        "## `hosts.NAME.checks`\n\nA list; each entry is of the one kind whose key it has.\n",
        *(_write_section(f"Check `{kind}`", type_, depth=3) for kind, type_ in CHECK_KINDS.items()),
        _write_section("`watch`", WatchPlan),
        _write_section("`watch.notify`", NotifyChannel),
    ]
    return "\n".join(parts)


def _write_section(title: str, type_: type[Strict], *, depth: int = 2) -> str:
    rows = "\n".join(_write_rows(type_))
    return (
        f"{'#' * depth} {title}\n\n{(type_.__doc__ or '').strip()}\n\n"
        f"| key | value | default | meaning |\n|---|---|---|---|\n{rows}\n"
    )


def _write_rows(type_: type[Strict]) -> Iterator[str]:
    for key, field in type_.model_fields.items():
        meaning = (field.description or "").replace("|", "\\|")
        yield f"| `{key}` | {_name_type(field)} | {_write_default(field)} | {meaning} |"


def _name_type(field: FieldInfo) -> str:
    bounds = {type(bound).__name__: bound for bound in field.metadata}
    name = _name_annotation(field.annotation)
    if "Ge" in bounds and "Le" in bounds:
        return f"{name}, {bounds['Ge'].ge} to {bounds['Le'].le}"
    return f"{name}, at least {bounds['Ge'].ge}" if "Ge" in bounds else name


def _name_annotation(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        name = " or ".join(f"`{argument}`" for argument in arguments)
    elif origin is list:
        name = f"list of {_name_annotation(arguments[0])}"
    elif origin is dict:
        name = "names, each with the keys below"
    elif origin is Annotated:
        name = _name_annotation(arguments[0])
    elif origin in {types.UnionType, Union}:
        name = _name_union([argument for argument in arguments if argument is not types.NoneType])
    elif issubclass(annotation, StrEnum):
        name = " or ".join(f"`{value}`" for value in annotation)
    else:
        name = "mapping, see below" if issubclass(annotation, Strict) else _PLAIN[annotation]
    return name


def _name_union(members: list[Any]) -> str:
    names = {_name_annotation(member) for member in members if get_origin(member) is not Annotated}
    return names.pop() if len(names) == 1 else "check"


_PLAIN: Final = {
    str: "text",
    int: "whole number",
    bool: "`true` or `false`",
    timedelta: "duration",
}


def _write_default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    default = field.get_default(call_default_factory=True)
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, timedelta):
        return f"`{format_duration(default)}`"
    if not default or isinstance(default, Strict):
        return "`0`" if default == 0 and isinstance(default, int) else "none"
    return f"`{default}`"
