"""A fixed address at a real control plane: it moves with its port, there and back."""

import secrets
from collections.abc import Iterator

import pytest

from releve.model.resources import Power
from releve.ports.provider import Provider
from tests.openstack.connecting import connect_team
from tests.openstack.tenant import Tenant

pytestmark = [
    pytest.mark.real,
    pytest.mark.xdist_group("openstack"),
    pytest.mark.timeout(900),
]


@pytest.fixture
def provider(tenant: Tenant) -> Iterator[Provider]:
    connected = connect_team(tenant.clouds_file)
    yield connected
    connected.close()


def test_the_only_port_of_a_locked_instance_leaves_and_comes_back(
    tenant: Tenant, provider: Provider
) -> None:
    """As a recovery moves it, and the undo of one that was cancelled after its cutover."""
    address, port = tenant.make_port(f"public-{secrets.token_hex(4)}")
    old = tenant.make_server(f"old-{secrets.token_hex(4)}", from_volume=False, port=port)
    new = tenant.make_server(f"new-{secrets.token_hex(4)}", from_volume=False)
    provider.stop_instance(old)
    tenant.wait_until(lambda: provider.get_instance(old).power is Power.STOPPED, "it is off")
    provider.lock_instance(old)
    provider.isolate_instance(old)
    for owner, networked in ((new, False), (old, True)):
        before = provider.get_address(address)
        assert before.with_port
        provider.move_address(address, owner, expected=before)
        assert provider.get_address(address).instance_id == owner
        left = provider.get_instance(old)
        assert (left.networked, left.locked, left.power) == (networked, True, Power.STOPPED)
        assert provider.get_instance(new).networked
