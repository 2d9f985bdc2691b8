"""Which things a task manages, read from whitelisted module arguments only.

Never the whole arguments: a password or a file's content must not reach the ledger.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from releve.model.converge import Touch, TouchKind

Arguments = Mapping[str, Any]
Reader = Callable[[Arguments, Arguments], Iterable[Touch]]

_MOST = 2000  # touches of one result
_LONGEST = 4096  # characters of one name, as a path may have


def touches_of(action: str, arguments: Arguments, result: Arguments) -> tuple[Touch, ...]:
    """Empty for a module that manages nothing nameable, and for any module not listed here."""
    reader = _READERS.get(action) or _READERS.get(_short(action))
    if reader is None:
        return ()
    found = dict.fromkeys(touch for touch in reader(arguments, result) if touch.name)
    return tuple(found)[:_MOST]


def _short(action: str) -> str:
    collection, _, name = action.rpartition(".")
    return name if collection in _COLLECTIONS else ""


def _named(kind: TouchKind, *keys: str) -> Reader:
    """The first of these arguments that is given; a list yields each item."""

    def read(arguments: Arguments, result: Arguments) -> Iterable[Touch]:
        del result
        value = next((arguments[key] for key in keys if arguments.get(key)), None)
        return [Touch(kind, name) for name in _texts(value)]

    return read


def _all_of(*readers: Reader) -> Reader:
    def read(arguments: Arguments, result: Arguments) -> Iterable[Touch]:
        return [touch for reader in readers for touch in reader(arguments, result)]

    return read


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value[:_LONGEST]]
    if isinstance(value, (list, tuple)):
        return [item[:_LONGEST] for item in value[:_MOST] if isinstance(item, str)]
    return []


def _packages(arguments: Arguments, result: Arguments) -> Iterable[Touch]:
    """nginx=1.2-3 and ./nginx.deb and "a,b" are ways to name packages."""
    value = next(
        (arguments[key] for key in ("name", "pkg", "package", "deb") if arguments.get(key)), None
    )
    del result
    for text in _texts(value):
        for part in text.split(","):
            name = re.split(r"[=<>~ ]", part.strip(), maxsplit=1)[0]
            if name.endswith(".deb"):
                name = name.rpartition("/")[2].split("_")[0]
            yield Touch(TouchKind.PACKAGE, name)


def _file_written(arguments: Arguments, result: Arguments) -> Iterable[Touch]:
    """A destination that is a directory gets the source's name; the result knows it."""
    path = _first(result, "dest", "path") or _first(arguments, "dest", "path", "name")
    return [Touch(TouchKind.PATH, os.path.normpath(path))] if path else []


def _unit(arguments: Arguments, result: Arguments) -> Iterable[Touch]:
    del result
    name = _first(arguments, "name", "service", "unit")
    if not name:
        return []
    has_suffix = re.search(r"\.(service|socket|timer|target|mount|path|slice|swap)$", name)
    return [Touch(TouchKind.UNIT, name if has_suffix else f"{name}.service")]


def _authorized_key(arguments: Arguments, result: Arguments) -> Iterable[Touch]:
    user, path = _first(arguments, "user"), _first(result, "keyfile", "path")
    if user:
        yield Touch(TouchKind.USER, user)
    if path:
        yield Touch(TouchKind.PATH, path)


def _cron(arguments: Arguments, result: Arguments) -> Iterable[Touch]:
    del result
    name, user = _first(arguments, "name"), _first(arguments, "user") or "root"
    file = _first(arguments, "cron_file")
    if file:
        yield Touch(TouchKind.PATH, file if file.startswith("/") else f"/etc/cron.d/{file}")
    if name:
        yield Touch(TouchKind.CRON, f"{user}: {name}")


def _apt_repository(arguments: Arguments, result: Arguments) -> Iterable[Touch]:
    del result
    if repository := _first(arguments, "repo"):
        yield Touch(TouchKind.REPOSITORY, _without_login(repository))
    if filename := _first(arguments, "filename"):
        yield Touch(TouchKind.PATH, f"/etc/apt/sources.list.d/{filename}.list")


def _deb822_repository(arguments: Arguments, result: Arguments) -> Iterable[Touch]:
    if name := _first(arguments, "name"):
        yield Touch(TouchKind.REPOSITORY, name)
    for path in (_first(result, "dest"), _first(result, "key_filename")):
        if path:
            yield Touch(TouchKind.PATH, path)


def _git(arguments: Arguments, result: Arguments) -> Iterable[Touch]:
    del result
    if destination := _first(arguments, "dest"):
        yield Touch(TouchKind.PATH, destination)
    if repository := _first(arguments, "repo"):
        yield Touch(TouchKind.REPOSITORY, _without_login(repository))


def _mount(arguments: Arguments, result: Arguments) -> Iterable[Touch]:
    del result
    for path in (_first(arguments, "path", "name"), _first(arguments, "fstab") or "/etc/fstab"):
        if path:
            yield Touch(TouchKind.PATH, path)


def _sysctl(arguments: Arguments, result: Arguments) -> Iterable[Touch]:
    del result
    if name := _first(arguments, "name", "key"):
        yield Touch(TouchKind.SYSCTL, name)
        yield Touch(TouchKind.PATH, _first(arguments, "sysctl_file") or "/etc/sysctl.conf")


def _fixed(*paths: str) -> Reader:
    def read(arguments: Arguments, result: Arguments) -> Iterable[Touch]:
        del arguments, result
        return [Touch(TouchKind.PATH, path) for path in paths]

    return read


def _database_user(arguments: Arguments, result: Arguments) -> Iterable[Touch]:
    del result
    name, host = _first(arguments, "name", "user"), _first(arguments, "host")
    if name:
        yield Touch(TouchKind.DATABASE, f"user {name}@{host}" if host else f"user {name}")


def _first(arguments: Arguments, *keys: str) -> str:
    found = next((arguments[key] for key in keys if arguments.get(key)), "")
    return found[:_LONGEST] if isinstance(found, str) else ""


def _without_login(address: str) -> str:
    """https://user:password@host/ is an address that holds a secret."""
    return re.sub(r"(?<=://)[^/@\s]*@", "", address)


_COLLECTIONS: Final = {
    "ansible.builtin", "ansible.legacy", "ansible.posix", "community.general",
    "community.mysql", "community.postgresql", "community.docker",
}  # fmt: skip

_READERS: Final[Mapping[str, Reader]] = {
    **dict.fromkeys(("apt", "package", "dnf", "yum", "dpkg_selections", "dnf5"), _packages),
    **dict.fromkeys(
        (
            "copy", "template", "file", "lineinfile", "blockinfile", "replace", "get_url",
            "unarchive", "assemble", "ini_file", "htpasswd", "xml", "tempfile", "synchronize",
            "openssl_privatekey", "archive", "acl",
        ),
        _file_written,
    ),
    **dict.fromkeys(("service", "systemd", "systemd_service", "sysvinit"), _unit),
    "user": _named(TouchKind.USER, "name", "user"),
    "group": _named(TouchKind.GROUP, "name"),
    "authorized_key": _authorized_key,
    "cron": _cron,
    "cronvar": _cron,
    "apt_repository": _apt_repository,
    "deb822_repository": _deb822_repository,
    "apt_key": _named(TouchKind.PATH, "keyring"),
    "git": _git,
    "mount": _mount,
    "sysctl": _sysctl,
    "hostname": _fixed("/etc/hostname"),
    "timezone": _fixed("/etc/localtime", "/etc/timezone"),
    "locale_gen": _fixed("/etc/locale.gen"),
    "debconf": _named(TouchKind.PACKAGE, "name"),
    "alternatives": _named(TouchKind.PATH, "link"),
    "sudoers": _all_of(_named(TouchKind.OTHER, "name")),
    "ufw": _fixed("/etc/ufw/user.rules", "/etc/ufw/user6.rules"),
    "modprobe": _named(TouchKind.OTHER, "name"),
    "pip": _named(TouchKind.PATH, "virtualenv"),
    **dict.fromkeys(("mysql_db", "postgresql_db"), _named(TouchKind.DATABASE, "name", "db")),
    **dict.fromkeys(("mysql_user", "postgresql_user"), _database_user),
    "mysql_variables": _named(TouchKind.DATABASE, "variable"),
    "postgresql_ext": _named(TouchKind.DATABASE, "name", "ext"),
    "postgresql_schema": _named(TouchKind.DATABASE, "name", "schema"),
    "postgresql_table": _named(TouchKind.DATABASE, "name", "table"),
    "postgresql_set": _named(TouchKind.DATABASE, "name"),
    "postgresql_privs": _named(TouchKind.DATABASE, "database", "db", "login_db"),
    "postgresql_pg_hba": _named(TouchKind.PATH, "dest"),
}  # fmt: skip
