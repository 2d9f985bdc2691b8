"""What may be deleted is read off labels alone."""

import pytest

from releve.model.deletion import explain_kept_instance, explain_kept_volume
from releve.model.resources import Instance, Labels, Power, Role, Volume

GOES = {Role.TWIN, Role.HELPER, Role.DISCARDED}


def labels_of(role: Role) -> dict[str, str]:
    return Labels("web.example.org", "abcdefghijkl", 3, role).as_mapping()


def make_instance(labels: dict[str, str]) -> Instance:
    return Instance("web", "web", Power.STOPPED, labels=labels)


@pytest.mark.parametrize("role", Role)
def test_an_instance_goes_by_its_role(role: Role) -> None:
    reason = explain_kept_instance(make_instance(labels_of(role)), ())
    assert (reason == "") == (role in GOES)


@pytest.mark.parametrize("key", ["releve.host", "releve.run"])
def test_a_role_without_host_and_run_is_no_proof(key: str) -> None:
    labels = labels_of(Role.TWIN) | {key: ""}
    assert key in explain_kept_instance(make_instance(labels), ())
    assert key in explain_kept_volume(labels)


def test_a_data_volume_keeps_its_instance() -> None:
    twin = make_instance(labels_of(Role.TWIN))
    own = Volume("pool/clone", "clone", 1, labels=labels_of(Role.TWIN))
    assert explain_kept_instance(twin, [own]) == ""
    assert "pool/data" in explain_kept_instance(twin, [own, Volume("pool/data", "data", 1)])


@pytest.mark.parametrize("role", Role)
def test_a_volume_goes_only_with_a_twin(role: Role) -> None:
    assert (explain_kept_volume(labels_of(role)) == "") == (role is Role.TWIN)
