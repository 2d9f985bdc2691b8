"""Files that belong to a fact of another kind, by where they lie."""

import posixpath
import re
from typing import Final

from releve.drift.circumstances import ALL_VERSIONS, Cause, Circumstances, fact_of
from releve.drift.fact_causes import leading_unit
from releve.model.finding import Deviation, DeviationStatus
from releve.model.observed import FactKind

LOCAL_AUTHORITIES: Final = "/usr/local/share/ca-certificates/"
BUNDLE: Final = "/etc/ssl/certs/ca-certificates.crt"

_UNIT_FILE: Final = re.compile(
    r"\A(?:/etc|/usr/local/lib|/usr/lib|/lib)/systemd/system/"
    r"(?:(?P<extended>[^/]+)\.d(?:/.*)?"
    r"|(?:[^/]+\.(?:wants|requires|upholds)/)?(?P<unit>[^/]+\.[a-z]+))\Z"
)
_RC_LINK: Final = re.compile(r"\A/etc/rc[0-9S]\.d/[SK]\d\d(?P<name>[^/]+)\Z")
_SETTINGS: Final = {
    "/etc/hostname": "hostname", "/etc/localtime": "timezone", "/etc/timezone": "timezone",
    "/etc/locale.gen": "locale", "/etc/default/locale": "locale", "/etc/locale.conf": "locale",
    "/usr/lib/locale/locale-archive": "locale", "/etc/default/keyboard": "keyboard",
    "/etc/vconsole.conf": "keyboard", "/etc/resolv.conf": "dns",
    "/etc/systemd/system/default.target": "default-target",
}  # fmt: skip
_LOCALE_FILES: Final = ("/usr/lib/locale/", "/usr/share/i18n/locales/")
_PROGRAM_DIRECTORIES: Final = ("/usr/local/bin/", "/usr/bin/", "/usr/local/sbin/")
_LESS_THAN_PACKAGES: Final = (FactKind.CERTIFICATE, FactKind.STATOVERRIDE)
_PHP_LINK: Final = re.compile(r"\A/etc/php/([\d.]+)/[^/]+/conf\.d/\d+-([\w-]+)\.ini\Z")
_LONE: Final = (DeviationStatus.EXTRA, DeviationStatus.MISSING)
_KEYRING: Final = re.compile(r"\A/etc/apt/(?:keyrings|trusted\.gpg\.d)/([^/]+?)(?:\.[a-z]+)+\Z")
_PRISTINE: Final = "="


def find_place(deviation: Deviation, known: Circumstances) -> Cause | None:
    """The cause of a file that is more than a file; None where it stands for itself."""
    is_link = fact_of(deviation).attributes.get("type") == "link"
    owned = known.paths.get(deviation.key)
    if owned is not None and owned.kind not in _LESS_THAN_PACKAGES:
        return owned
    packaged = _of_package(deviation, known)
    if packaged is not None:
        return packaged
    if owned is not None and not (is_link and owned.kind is FactKind.CERTIFICATE):
        return owned
    for find in (
        _of_owner,
        _of_php,
        _of_unit,
        _of_alternative,
        _of_setting,
        _of_installed,
        _of_key,
    ):
        cause = find(deviation, known)
        if cause is not None:
            return cause
    return None


def package_of(deviation: Deviation) -> str:
    for fact in (deviation.ours, deviation.theirs):
        if fact is not None and fact.evidence.get("package"):
            return fact.evidence["package"].split(",")[0].strip()
    return ""


def resolve_link(deviation: Deviation) -> str:
    """Where a symbolic link leads, as an absolute path; empty for anything else."""
    fact = fact_of(deviation)
    target = fact.attributes.get("target", "")
    if not target or fact.attributes.get("type") != "link":
        return ""
    return posixpath.normpath(posixpath.join(posixpath.dirname(fact.key), target))


def companions(path: str) -> tuple[str, ...]:
    """Files that this one came along with: a signing key with the package source it signs."""
    match = _KEYRING.match(path)
    sources = "/etc/apt/sources.list.d/"
    return (f"{sources}{match[1]}.list", f"{sources}{match[1]}.sources") if match else ()


def merged_usr(path: str) -> str:
    """/lib/systemd/… as it is on a disk where /lib is a link to /usr/lib."""
    return f"/usr{path}" if path.startswith(("/lib/", "/bin/", "/sbin/", "/lib64/")) else path


def _of_owner(deviation: Deviation, known: Circumstances) -> Cause | None:
    """What an account owns that came with a package, outside of where people write."""
    if deviation.status not in _LONE or not deviation.key.startswith(("/var/", "/run/")):
        return None
    return known.owners.get(fact_of(deviation).attributes.get("owner", ""))


def _of_php(deviation: Deviation, known: Circumstances) -> Cause | None:
    """Links that a module's package makes and takes along."""
    match = _PHP_LINK.match(deviation.key)
    if not match or deviation.status not in _LONE:
        return None
    return known.packages.get(f"php{match[1]}-{match[2]}")


def _of_package(deviation: Deviation, known: Circumstances) -> Cause | None:
    name = package_of(deviation)
    cause = known.packages.get(name)
    if cause is None:
        return _of_kernel(deviation, known)
    if deviation.status is DeviationStatus.MODIFIED:
        return ALL_VERSIONS if name in known.skewed and _follows_version(deviation) else None
    fact = fact_of(deviation)
    is_edited = "conffile" in fact.evidence and fact.attributes.get("content") != _PRISTINE
    return None if is_edited and deviation.status is DeviationStatus.EXTRA else cause


def _follows_version(deviation: Deviation) -> bool:
    """Content as each version ships it; a mode or an owner is somebody's decision."""
    if not set(deviation.attributes) <= {"content", "target"}:
        return False
    contents = [
        fact.attributes.get("content", "") == _PRISTINE
        for fact in (deviation.ours, deviation.theirs)
        if fact is not None
    ]
    return all(contents) or not any(contents)


def _of_kernel(deviation: Deviation, known: Circumstances) -> Cause | None:
    if not deviation.key.startswith(("/boot/", "/lib/modules/", "/usr/lib/modules/")):
        return None
    for name, cause in known.packages.items():
        release = name.removeprefix("linux-image-")
        if release != name and release in deviation.key:
            return cause
    return None


def _of_unit(deviation: Deviation, known: Circumstances) -> Cause | None:
    match = _UNIT_FILE.match(deviation.key)
    if match:
        name = match["extended"] or match["unit"]
        if name.rpartition(".")[2] in ("wants", "requires", "upholds"):
            return None
        return Cause(FactKind.UNIT, leading_unit(name, known))
    match = _RC_LINK.match(deviation.key)
    unit = f"{match['name']}.service" if match else ""
    return Cause(FactKind.UNIT, unit) if unit and known.has(FactKind.UNIT, unit) else None


def _of_alternative(deviation: Deviation, known: Circumstances) -> Cause | None:
    """The link itself, or one that goes with it: awk brings nawk and both manual pages."""
    directory, _, name = deviation.key.rpartition("/")
    if directory != "/etc/alternatives":
        return None
    alternatives = known.of(FactKind.ALTERNATIVE)
    if name in alternatives:
        return Cause(FactKind.ALTERNATIVE, name)
    near = [other for other in alternatives if name.startswith(other) or other in name]
    target = fact_of(deviation).attributes.get("target", "").rpartition("/")[2]
    for other in sorted(alternatives):
        value = fact_of(alternatives[other]).attributes.get("value", "").rpartition("/")[2]
        if value and target.startswith(value):
            near.append(other)
    return Cause(FactKind.ALTERNATIVE, near[0]) if near else None


def _of_setting(deviation: Deviation, known: Circumstances) -> Cause | None:
    name = _SETTINGS.get(deviation.key)
    if name is None and deviation.key.startswith(_LOCALE_FILES):
        name = "locale" if known.has(FactKind.SETTING, "locale.LANG") else None
    return Cause(FactKind.SETTING, name) if name else None


def _of_installed(deviation: Deviation, known: Circumstances) -> Cause | None:
    """Of pip, npm or gem: below the place where they install, or a program named alike."""
    path = deviation.key
    for place, causes in known.places.items():
        if path.startswith(place + "/"):
            named = [cause for cause in causes if _name_of(cause) in _plain(path[len(place) :])]
            return (named or causes)[0]
    if path.startswith(_PROGRAM_DIRECTORIES):
        name = _plain(path.rpartition("/")[2])
        for causes in known.places.values():
            for cause in causes:
                if _name_of(cause) == name:
                    return cause
    return None


def _name_of(cause: Cause) -> str:
    return _plain(cause.subject.partition(" ")[2])


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _of_key(deviation: Deviation, known: Circumstances) -> Cause | None:
    """A private key beside, or named as, a certificate that differs as well."""
    if deviation.key == BUNDLE:
        mine = [
            path for path in known.of(FactKind.CERTIFICATE) if path.startswith(LOCAL_AUTHORITIES)
        ]
        return Cause(FactKind.CERTIFICATE, min(mine)) if mine else None
    stem, dot, suffix = deviation.key.rpartition("/")[2].rpartition(".")
    if not dot or suffix not in ("key", "csr"):
        return None
    for path in sorted(known.of(FactKind.CERTIFICATE)):
        if path.rpartition("/")[2].rpartition(".")[0] == stem:
            return Cause(FactKind.CERTIFICATE, path)
    return None
