"""Files that LXD writes anew when an instance is made of an image, such as its hostname.

An image of a converged instance must not undo what the playbooks wrote: a template stays only
where its file still is what LXD once made of it.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from releve.providers.lxd.api import LxdApi
from releve.providers.lxd.errors import reading

_NAME: Final = re.compile(rb"\{\{\s*(?:instance|container)\.name\s*\}\}")
_FURTHER: Final = re.compile(rb"\{[{%#]")


def keep_written_files(api: LxdApi, instance: str) -> None:
    """Before an image of it is made."""
    path = ("instances", instance, "metadata")
    metadata = api.get(*path)
    with reading(f"reading the templates of instance {instance}"):
        templates: Mapping[str, Any] = metadata.get("templates") or {}
        names = {file: str(entry["template"]) for file, entry in templates.items()}
    stale = {
        file
        for file, name in names.items()
        if is_overwritten(
            template=api.read_template(instance, name),
            written=api.read_file(instance, file),
            instance=instance,
        )
    }
    if stale:
        kept = {file: entry for file, entry in templates.items() if file not in stale}
        what = f"keeping the files of instance {instance} from its templates"
        api.put(path, {**metadata, "templates": kept}, what=what)


def is_overwritten(*, template: bytes | None, written: bytes | None, instance: str) -> bool:
    """Whether somebody wrote something else there; False where that cannot be told."""
    if template is None or written is None:
        return False
    rendered = _NAME.sub(instance.encode(), template)
    return not _FURTHER.search(rendered) and rendered.strip() != written.strip()
