"""What a file has beyond owner and mode: access lists, capabilities, flags."""

import re
from typing import Final

from releve.codify.outcome import Work
from releve.codify.scalars import NotExpressible
from releve.codify.sections import section
from releve.model.finding import Deviation, DeviationStatus

_ACL = re.compile(r"[A-Za-z0-9_:,.$-]+")
_CAPABILITIES = re.compile(r"[a-z0-9_,=+ ]+")
_XATTR = re.compile(r"(user\.[A-Za-z0-9_.+-]{1,100})=((?:[0-9a-f]{2}){0,512})")
_FLAGS = {"immutable": "+i", "append-only": "+a"}


def write_extras(deviation: Deviation, work: Work) -> None:
    """NotExpressible for one that no command would take."""
    if deviation.ours is None:
        return
    is_new = deviation.status == DeviationStatus.EXTRA
    for attribute, write in _WRITERS.items():
        value = deviation.ours.attributes.get(attribute, "")
        if value and (is_new or attribute in deviation.attributes):
            write(deviation.key, value, work)


def _acl(path: str, value: str, work: Work) -> None:
    if not _ACL.fullmatch(value):
        raise NotExpressible("its access list has an entry that setfacl would not take")
    work.catch_up.add(section("acls"), {"path": path, "entries": value})


def _capabilities(path: str, value: str, work: Work) -> None:
    if not _CAPABILITIES.fullmatch(value):
        raise NotExpressible("its capabilities are not written as setcap takes them")
    work.catch_up.add(section("capabilities"), {"path": path, "capabilities": value})


def _xattrs(path: str, value: str, work: Work) -> None:
    for written in value.split(","):
        named = _XATTR.fullmatch(written)
        if named is None:
            raise NotExpressible(
                "it has an extended attribute that is not one of its users, or long"
            )
        fields = {"path": path, "name": named[1], "value": named[2]}
        work.catch_up.add(section("xattrs"), fields)


def _flags(path: str, value: str, work: Work) -> None:
    wanted = [_FLAGS[flag] for flag in value.split(",") if flag in _FLAGS]
    for flag in wanted:
        work.catch_up.add(section("flags"), {"path": path, "flags": flag})


_WRITERS: Final = {
    "acl": _acl,
    "capabilities": _capabilities,
    "xattrs": _xattrs,
    "flags": _flags,
}
