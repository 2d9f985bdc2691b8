"""Every provider's range, one parameter each: the fake always, LXD and OpenStack where they run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from releve.model.resources import InstanceRequest, Power
from tests.contracts.asking import is_idle, make_request
from tests.contracts.fake_range import FakeRange
from tests.contracts.lxd_range import LxdRange
from tests.contracts.openstack_range import OpenstackRange
from tests.contracts.provider_range import ProviderRange
from tests.openstack.connecting import connect_team
from tests.openstack.tenant import make_tenant


@pytest.fixture(
    scope="module",
    params=[
        "fake",
        pytest.param("lxd", marks=[pytest.mark.real, pytest.mark.xdist_group("lxd")]),
        pytest.param(
            "openstack",
            marks=[
                pytest.mark.real,
                pytest.mark.xdist_group("openstack"),
                pytest.mark.timeout(900),  # the first of a session brings the control plane up
            ],
        ),
    ],
)
def range_(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ProviderRange]:
    opened = _open_range(request, tmp_path_factory.mktemp("range"))
    yield opened
    opened.cleanup()


@pytest.fixture(scope="module")
def created(range_: ProviderRange) -> InstanceRequest:
    """One instance made through the port, running; shared, since a real one takes seconds."""
    request = make_request(range_)
    range_.provider.create_instance(request)
    range_.wait_until(lambda: is_idle(range_, request.name, Power.RUNNING), "it runs")
    return request


@pytest.fixture
def old(range_: ProviderRange) -> str:
    """Running, with no label of Relève's; shared as long as tests leave it like that."""
    return range_.provide_old_instance("old")


@pytest.fixture
def other(range_: ProviderRange) -> str:
    """One more old instance."""
    return range_.provide_old_instance("other")


@pytest.fixture
def booted(range_: ProviderRange) -> str:
    """An old instance whose system disk is a volume, where there are such."""
    return range_.provide_old_instance("booted", from_volume=True)


def _open_range(request: pytest.FixtureRequest, directory: Path) -> ProviderRange:
    if request.param == "fake":
        return FakeRange(directory)
    if request.param == "openstack":
        tenant = make_tenant(request.getfixturevalue("control_plane"), directory)
        return OpenstackRange(tenant, connect_team(tenant.clouds_file))
    return LxdRange(request.getfixturevalue("lab"))  # skips, loudly, where no lab can run
