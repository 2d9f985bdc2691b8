"""One project and one proxy for each module of tests at the real control plane."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.openstack.access_rules import list_uncovered
from tests.openstack.control_plane import ControlPlane
from tests.openstack.inventory import take_inventory
from tests.openstack.play import Stage
from tests.openstack.proxy import FaultyProxy, run_proxy
from tests.openstack.recovery import make_crashed_host
from tests.openstack.tenant import Tenant, make_tenant

SetUp = Callable[[], Stage]


@pytest.fixture(scope="module")
def tenant(
    control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Tenant]:
    made = make_tenant(control_plane, tmp_path_factory.mktemp("tenant"))
    yield made
    made.clean_up()


@pytest.fixture
def proxy(control_plane: ControlPlane) -> Iterator[FaultyProxy]:
    with run_proxy(control_plane.port) as running:
        yield running


@pytest.fixture
def stage(tenant: Tenant, proxy: FaultyProxy, tmp_path: Path) -> Iterator[Stage]:
    """A host that has crashed, and a recovery of it proposed; it asks for nothing unforeseen."""
    clouds_file = proxy.write_clouds_file(tenant.clouds_file, tmp_path / "clouds.yaml")
    directory = tmp_path / "controller"
    make_crashed_host(tenant, directory, clouds_file=clouds_file)
    yield Stage(tenant, proxy, directory, take_inventory(tenant))
    assert list_uncovered(request for request, _outcome in proxy.requests) == []
