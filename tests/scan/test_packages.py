"""What dpkg and apt say of packages, and dpkg's own order of versions."""

import importlib
import itertools
import shutil
import subprocess

import pytest

from tests.scan.example_system import ExampleSystem

packages = importlib.import_module("releve.scan.collector.packages")

STATUS = """Package: dpkg
Status: install ok installed
Architecture: amd64
Version: 1.21

Package: nginx
Status: hold ok installed
Architecture: amd64
Section: httpd
Priority: optional
Version: 1.22-2
Pre-Depends: init-system
Depends: libc6 (>= 2.34), nginx-common
Conffiles:
 /etc/nginx/nginx.conf 0123456789abcdef0123456789abcdef
Description: web server
 Version: not this one

Package: libx
Status: install ok installed
Architecture: i386
Version: 2

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 3

Package: vendor
Status: install ok installed
Architecture: all
Version: 9
"""
LISTS = "/var/lib/apt/lists/"
FILES = {
    "/var/lib/dpkg/status": STATUS,
    "/var/lib/apt/extended_states": (
        "Package: libx\nArchitecture: i386\nAuto-Installed: 1\n\n"
        "Package: dpkg\nArchitecture: amd64\nAuto-Installed: 0\n"
    ),
    LISTS + "mirror_debian_dists_bookworm_main_binary-amd64_Packages": (
        "Package: dpkg\nVersion: 1.21\n\nPackage: nginx\nArchitecture: amd64\nVersion: 1.22-3\n\n"
        "Package: libx\nVersion: 1\n"
    ),
}


def read(files: dict[str, str]) -> dict[tuple[str, str], tuple[dict[str, str], dict[str, str]]]:
    return {(kind, key): (a, e) for kind, key, a, e in packages.collect(ExampleSystem(files=files))}


def test_state_hold_mark_and_foreign_names() -> None:
    found = read(FILES)
    assert found["package", "nginx"][0] == {
        "state": "installed", "version": "1.22-2", "hold": "yes", "mark": "manual"
    }  # fmt: skip
    assert found["package", "libx:i386"][0] == {
        "state": "installed", "version": "2", "mark": "auto"
    }  # fmt: skip
    assert found["package", "gone"][0] == {"state": "config-files"}
    assert found["package", "nginx"][1]["depends"] == "init-system, libc6 (>= 2.34), nginx-common"


def test_a_package_is_local_where_no_repository_has_or_had_it() -> None:
    origins = {key: evidence.get("origin") for (_, key), (_, evidence) in read(FILES).items()}
    mirror = "mirror_debian_dists_bookworm_main"
    assert origins == {
        "dpkg": mirror,
        "nginx": mirror,  # the mirror has a newer one by now
        "libx:i386": "local",  # newer than any repository's
        "gone": "local",
        "vendor": "local",
    }


POLICY = """dpkg:
  Installed: 1.21
  Candidate: 1.21
  Version table:
 *** 1.21 500
        500 https://mirror/debian bookworm/main amd64 Packages
        100 /var/lib/dpkg/status
nginx:
  Installed: 1.22-2
  Candidate: 1.22-3
  Version table:
     1.22-3 -1
        500 https://mirror/debian bookworm/main amd64 Packages
 *** 1.22-2 100
        100 /var/lib/dpkg/status
vendor:
  Installed: 9
  Candidate: 9
  Version table:
 *** 9 100
        100 /var/lib/dpkg/status
"""


def test_apt_itself_is_asked_where_its_lists_are_packed_otherwise() -> None:
    system = ExampleSystem(
        files={
            "/var/lib/dpkg/status": STATUS,
            LISTS + "mirror_debian_dists_bookworm_main_binary-amd64_Packages.lz4": "packed",
        },
        commands={"apt-cache policy dpkg gone libx nginx vendor": {"code": 0, "out": POLICY}},
    )
    found = {key: evidence.get("origin") for _, key, _, evidence in packages.collect(system)}
    mirror = "mirror_debian_dists_bookworm_main"
    assert (found["dpkg"], found["nginx"], found["vendor"]) == (mirror, mirror, "local")


def test_without_readable_lists_no_origin_is_claimed() -> None:
    files = {path: text for path, text in FILES.items() if not path.startswith(LISTS)}
    assert not any("origin" in evidence for _, evidence in read(files).values())
    found = read({**files, LISTS + "x_binary-amd64_Packages.lz4": "packed"})
    assert ("not_checked", "package:origin x_binary-amd64_Packages.lz4") in found
    assert not any("origin" in evidence for _, evidence in found.values())


VERSIONS = ["1.0", "1.0~rc1", "1.0-1", "1.0-1+b1", "1:0.5", "1.0a", "1.0+b", "1.10", "1.9", "1.0.0",
            "1.0~", "2-1-1", "0", "1.0-1~bpo12+1"]  # fmt: skip


@pytest.mark.skipif(not shutil.which("dpkg"), reason="NOT TRIED: dpkg is not installed")
def test_versions_sort_as_dpkg_sorts_them() -> None:
    for one, other in itertools.combinations(VERSIONS, 2):
        argv = ["dpkg", "--compare-versions", one, "gt", other]
        assert packages.is_newer(one, other) is (subprocess.run(argv, check=False).returncode == 0)
