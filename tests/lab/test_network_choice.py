"""Subnets and public addresses are chosen so that labs and the machine stay out of their way."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releve.errors import LabError
from releve.lab.network import address_in, choose_public_addresses, choose_subnet, private_address
from releve.lab.settings import LabSettings
from releve.plan.provider_types import LxdProvider
from releve.wiring import resolve_lab

SEEDS = st.integers(0, 2**32 - 1).map(lambda number: f"{number:08x}")
NETWORKS = st.builds(
    lambda number, prefix: str(ipaddress.ip_network((number, prefix), strict=False)),
    st.integers(0, 2**32 - 1),
    st.integers(14, 32),  # fifteen of these cannot cover 10.64.0.0/10
)


@given(taken=st.lists(NETWORKS, max_size=15), seed=SEEDS)
def test_a_chosen_subnet_touches_nothing_that_is_taken(taken: list[str], seed: str) -> None:
    chosen = ipaddress.ip_network(choose_subnet(taken, seed=seed))
    assert chosen.prefixlen == 24
    assert chosen.is_private
    assert not any(chosen.overlaps(ipaddress.ip_network(one)) for one in taken)


def test_the_same_lab_gets_the_same_subnet_and_another_lab_another() -> None:
    first = choose_subnet([], seed="00000001")
    assert first == choose_subnet([], seed="00000001")
    assert first != choose_subnet([], seed="00000002")


def test_a_taken_subnet_is_passed_over() -> None:
    first = choose_subnet([], seed="000000ff")
    assert choose_subnet([first], seed="000000ff") != first
    # an address of this machine inside it is enough
    assert choose_subnet([f"{address_in(first, 7)}/32"], seed="000000ff") != first


def test_no_free_subnet_is_an_error_with_a_way_out() -> None:
    with pytest.raises(LabError) as caught:
        choose_subnet(["10.0.0.0/8"], seed="00000000")
    assert caught.value.remedy


def test_public_addresses_start_at_ten_and_skip_the_taken() -> None:
    assert choose_public_addresses(frozenset(), count=2) == ("198.51.100.10", "198.51.100.11")
    taken = frozenset({"198.51.100.10", "198.51.100.12"})
    assert choose_public_addresses(taken, count=2) == ("198.51.100.11", "198.51.100.13")


def test_no_free_public_address_is_an_error() -> None:
    everything = {f"198.51.100.{last}" for last in range(256)}
    with pytest.raises(LabError):
        choose_public_addresses(everything, count=1)


def test_hosts_have_fixed_addresses_outside_of_the_dynamic_range() -> None:
    assert private_address("10.64.3.0/24", 0) == "10.64.3.10"
    assert private_address("10.64.3.0/24", 89) == "10.64.3.99"


def test_a_plan_at_a_lab_means_the_labs_own_network() -> None:
    """Two labs of one machine share its name space of bridges, those for twins included."""
    one, two = (
        resolve_lab(LxdProvider.model_validate({"kind": "lxd", "endpoint": f"lab:{name}"}))
        for name in ("one", "two")
    )
    assert one.network == LabSettings("one").paths.bridge
    assert one.network != two.network
