"""The image gets what this machine's apt reads: sources, keys, pins, logins, certificates."""

from pathlib import Path

import pytest

from releve.lab.apt_setup import (
    find_keyrings,
    keep_fetch_options,
    list_sources,
    read_apt_setup,
)

DEB822 = """\
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
# Signed-By: /usr/share/keyrings/commented-out.gpg
Signed-By: /usr/share/keyrings/distribution.gpg
"""
ONE_LINE = (
    "deb [arch=amd64 signed-by=/etc/apt/keyrings/team.asc] http://team.example/apt stable main\n"
)
KEY_IN_PLACE = """\
Types: deb
URIs: http://other.example/
Suites: stable
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mDMEY865UxYJKwYBBAHaRw8BAQdAd7Z0srwuhlB6JKFkcf4HU4SSS
 -----END PGP PUBLIC KEY BLOCK-----
"""


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    files = {
        "etc/apt/sources.list": "# see sources.list.d\n",
        "etc/apt/sources.list.d/debian.sources": DEB822,
        "etc/apt/sources.list.d/team.list": ONE_LINE,
        "etc/apt/sources.list.d/other.sources": KEY_IN_PLACE,
        "etc/apt/sources.list.d/old.list.disabled": ONE_LINE,
        "etc/apt/sources.list.d/only-comments.list": "# deb http://x.example y z\n",
        "etc/apt/preferences.d/pin": "Package: *\n",
        "etc/apt/auth.conf.d/login.conf": "machine team.example login a password b\n",
        "etc/apt/trusted.gpg.d/key.asc": "key",
        "etc/apt/keyrings/team.asc": "key",
        "usr/share/keyrings/distribution.gpg": "key",
        "usr/local/share/ca-certificates/own/ca.crt": "certificate",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_only_files_that_apt_reads_and_that_name_a_source_count(machine: Path) -> None:
    names = [source.name for source in list_sources(machine / "etc/apt")]
    assert names == ["debian.sources", "other.sources", "team.list"]


def test_everything_that_makes_these_sources_work_comes_along(machine: Path) -> None:
    copied = {str(file.relative_to(machine)) for file in read_apt_setup(machine).files}
    assert copied == {
        "etc/apt/sources.list.d/debian.sources",
        "etc/apt/sources.list.d/team.list",
        "etc/apt/sources.list.d/other.sources",
        "etc/apt/preferences.d/pin",
        "etc/apt/auth.conf.d/login.conf",
        "etc/apt/trusted.gpg.d/key.asc",
        "etc/apt/keyrings/team.asc",
        "usr/share/keyrings/distribution.gpg",
        "usr/local/share/ca-certificates/own/ca.crt",
    }


@pytest.mark.parametrize(
    ("sources", "keyrings"),
    [
        (DEB822, ("/usr/share/keyrings/distribution.gpg",)),
        (ONE_LINE, ("/etc/apt/keyrings/team.asc",)),
        (KEY_IN_PLACE, ()),
        ("deb [signed-by=/a.gpg,/b.gpg arch=amd64] http://x.example y z\n", ("/a.gpg", "/b.gpg")),
    ],
)
def test_keyrings_are_found_in_both_forms(sources: str, keyrings: tuple[str, ...]) -> None:
    assert find_keyrings(sources) == keyrings


def test_options_that_name_a_program_of_this_machine_stay_here() -> None:
    dump = (
        'Acquire::http::Proxy "http://proxy.example:3128";\n'
        'Acquire::http::Proxy-Auto-Detect "/usr/bin/auto-apt-proxy";\n'
        'Acquire::Check-Valid-Until "false";\n'
    )
    kept = keep_fetch_options(dump)
    assert "proxy.example" in kept
    assert "Check-Valid-Until" in kept
    assert "auto-apt-proxy" not in kept
