"""What this machine's apt reads, so that the base image and its hosts read the same."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from releve.lab.commands import run

_SOURCE_SUFFIXES: Final = frozenset({".list", ".sources"})
_WHOLE_FILES: Final = ("trusted.gpg", "preferences", "auth.conf")
_WHOLE_DIRECTORIES: Final = ("trusted.gpg.d", "preferences.d", "auth.conf.d")
_CERTIFICATES: Final = "usr/local/share/ca-certificates"
# These name a program of this machine, which the image does not have.
_LEFT_OUT: Final = re.compile(r"Proxy-Auto-?Detect|::Pre-Invoke|::Post-Invoke", re.IGNORECASE)
_SIGNED_BY: Final = re.compile(r"signed-by\s*[:=]\s*([^\]\n]+)", re.IGNORECASE)


@dataclass(frozen=True)
class AptSetup:
    sources: tuple[Path, ...]
    files: tuple[Path, ...]  # sources, keyrings, pins, logins and certificates, to be copied
    options: str  # how to fetch: proxies, time-outs, validity; in apt.conf form

    @property
    def certificates(self) -> tuple[Path, ...]:
        return tuple(file for file in self.files if file.suffix == ".crt")


def read_apt_setup(root: Path = Path("/")) -> AptSetup:
    apt = root / "etc" / "apt"
    sources = list_sources(apt)
    keyrings = {
        root / keyring.lstrip("/")
        for source in sources
        for keyring in find_keyrings(source.read_text(errors="replace"))
    }
    whole = [apt / name for name in _WHOLE_FILES]
    for name in _WHOLE_DIRECTORIES:
        whole += sorted((apt / name).glob("*"))
    whole += sorted((root / _CERTIFICATES).rglob("*.crt"))
    files = [*sources, *sorted(keyrings), *whole]
    return AptSetup(
        sources=sources,
        files=tuple(dict.fromkeys(file for file in files if file.is_file())),
        options=keep_fetch_options(run(["apt-config", "dump", "Acquire"])),
    )


def list_sources(apt: Path) -> tuple[Path, ...]:
    """Files that apt itself would read and that name at least one source."""
    candidates = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]
    return tuple(
        file
        for file in candidates
        if file.suffix in _SOURCE_SUFFIXES and file.is_file() and _names_source(file)
    )


def find_keyrings(sources: str) -> tuple[str, ...]:
    """Paths after Signed-By; keys written in place need no file."""
    found = [
        word
        for match in _SIGNED_BY.finditer(_without_comments(sources))
        for word in re.split(r"[\s,]+", match.group(1).strip())
        if word.startswith("/")
    ]
    return tuple(dict.fromkeys(found))


def keep_fetch_options(dump: str) -> str:
    kept = [line for line in dump.splitlines() if line.strip() and not _LEFT_OUT.search(line)]
    return "\n".join(kept) + "\n"


def _names_source(file: Path) -> bool:
    text = _without_comments(file.read_text(errors="replace"))
    word = r"^types\s*:.*\bdeb\b" if file.suffix == ".sources" else r"^deb\s"
    return re.search(word, text, re.IGNORECASE | re.MULTILINE) is not None


def _without_comments(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
