"""Which engine, which packages, which settings, which accidents: decided without touching."""

from collections.abc import Callable
from pathlib import Path

import pytest

from releve.errors import LabError
from releve.lab.breakage import BreakHow, Patient, check_fit, explain_misfit
from releve.lab.engine import choose_engine
from releve.lab.release import choose_release
from releve.lab.settings import LabSettings, RootFilesystem, check_settings


def finder(*installed: str) -> Callable[[str], str | None]:
    by_name = {name: path for path in installed for name in (path, Path(path).name)}
    return by_name.get


LXD = ("/usr/bin/lxc", "/usr/bin/lxd")
INCUS = ("/usr/bin/incus", "/usr/libexec/incus/incusd")
SNAP = ("/snap/bin/lxc", "/snap/bin/lxd")


@pytest.mark.parametrize(
    ("installed", "prefer", "daemon", "variable"),
    [
        (LXD, "", "/usr/bin/lxd", "LXD_DIR"),
        (INCUS, "", "/usr/libexec/incus/incusd", "INCUS_DIR"),
        ((*LXD, *INCUS), "", "/usr/bin/lxd", "LXD_DIR"),
        ((*LXD, *INCUS), "incus", "/usr/libexec/incus/incusd", "INCUS_DIR"),
        (LXD, "incus", "/usr/bin/lxd", "LXD_DIR"),
        ((*SNAP, *INCUS), "", "/usr/libexec/incus/incusd", "INCUS_DIR"),
    ],
)
def test_the_engine_is_the_one_that_can_start_a_daemon_of_its_own(
    installed: tuple[str, ...], prefer: str, daemon: str, variable: str
) -> None:
    engine = choose_engine(finder(*installed), prefer=prefer)
    assert (engine.daemon, engine.directory_variable) == (daemon, variable)


@pytest.mark.parametrize("installed", [(), ("/usr/bin/lxc",), ("/usr/bin/incus",)])
def test_no_engine_names_the_package_to_install(installed: tuple[str, ...]) -> None:
    with pytest.raises(LabError) as caught:
        choose_engine(finder(*installed))
    assert "apt-get install lxd" in caught.value.remedy
    assert "incus" in caught.value.remedy


def test_a_snap_is_refused_with_its_reason() -> None:
    with pytest.raises(LabError, match="snap"):
        choose_engine(finder(*SNAP))


@pytest.mark.parametrize(
    ("os_release", "resolver"),
    [
        ({"ID": "debian", "VERSION_CODENAME": "bullseye", "VERSION_ID": "11"}, False),
        ({"ID": "debian", "VERSION_CODENAME": "bookworm", "VERSION_ID": "12"}, True),
        ({"ID": "debian", "VERSION_CODENAME": "forky"}, True),
        ({"ID": "ubuntu", "VERSION_CODENAME": "jammy", "VERSION_ID": "22.04"}, False),
        ({"ID": "ubuntu", "VERSION_CODENAME": "noble", "VERSION_ID": "24.04"}, True),
    ],
)
def test_the_resolver_is_asked_for_where_it_is_a_package(
    os_release: dict[str, str], *, resolver: bool
) -> None:
    release = choose_release(os_release)
    assert release.codename == os_release["VERSION_CODENAME"]
    assert ("systemd-resolved" in release.packages) is resolver


@pytest.mark.parametrize("os_release", [{"ID": "fedora"}, {}, {"ID": "debian"}])
def test_another_system_is_refused(os_release: dict[str, str]) -> None:
    with pytest.raises(LabError) as caught:
        choose_release(os_release)
    assert "Debian or Ubuntu" in caught.value.remedy


@pytest.mark.parametrize("name", ["", "Lab", "../lab", "1lab", "lab lab", "l" * 40, "lab\n"])
def test_a_name_that_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(LabError):
        check_settings(LabSettings(name, directory=Path("/nowhere")))


@pytest.mark.parametrize("hosts", [("blog", "blog"), ("-blog",), ("blog-",), ("a/b",)])
def test_hosts_that_cannot_be_named_so_are_refused(hosts: tuple[str, ...]) -> None:
    with pytest.raises(LabError):
        check_settings(LabSettings("lab", directory=Path("/nowhere"), hosts=hosts))


def test_two_directories_never_share_a_gate_or_a_bridge() -> None:
    one, two = (LabSettings("lab", directory=Path("/nowhere") / name).paths for name in "ab")
    assert one.gate != two.gate
    assert one.bridge != two.bridge
    assert len(one.bridge) <= 15  # IFNAMSIZ, without the end
    assert len(str(one.socket)) <= 100  # sun_path is 107


def patient(*, running: bool = True, root: RootFilesystem | None = RootFilesystem.EXT4) -> Patient:
    return Patient("blog", running=running, root=Path("/nowhere"), root_filesystem=root)


FITS = {
    (BreakHow.EXT4_ERROR, RootFilesystem.EXT4),
    (BreakHow.XFS_SHUTDOWN, RootFilesystem.XFS),
    (BreakHow.DISK_FULL, RootFilesystem.EXT4),
    (BreakHow.DISK_FULL, RootFilesystem.XFS),
    *((how, root) for how in (BreakHow.POWER_OFF, BreakHow.NETWORK) for root in RootFilesystem),
    (BreakHow.POWER_OFF, None),
    (BreakHow.NETWORK, None),
}


@pytest.mark.parametrize("how", BreakHow)
@pytest.mark.parametrize("root", [*RootFilesystem, None])
def test_an_accident_fits_the_root_or_says_why_not(
    how: BreakHow, root: RootFilesystem | None
) -> None:
    reason = explain_misfit(patient(root=root), how)
    assert (reason == "") is ((how, root) in FITS), reason


@pytest.mark.parametrize("how", BreakHow)
def test_nothing_happens_to_a_stopped_instance(how: BreakHow) -> None:
    with pytest.raises(LabError, match="does not run"):
        check_fit(patient(running=False), how)


def test_a_refusal_names_what_would_fit() -> None:
    with pytest.raises(LabError) as caught:
        check_fit(patient(root=RootFilesystem.XFS), BreakHow.EXT4_ERROR)
    assert "xfs" in caught.value.why
    assert "xfs-shutdown" in caught.value.remedy
    assert "ext4-error" not in caught.value.remedy
