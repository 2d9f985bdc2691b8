"""How the contract suite asks a provider and waits for what it accepted."""

from collections.abc import Callable

from releve.errors import Missing, ProviderError
from releve.model.identity import instance_name, new_run_id
from releve.model.resources import Instance, InstanceRequest, Labels, Power, Role, Snapshot, Volume
from tests.contracts.provider_range import ProviderRange


def make_labels(*, role: Role = Role.CANDIDATE, expires: str = "") -> Labels:
    return Labels(host="web.example.org", run=new_run_id(), epoch=3, role=role, expires=expires)


def make_request(
    range_: ProviderRange, *, role: Role = Role.CANDIDATE, isolated: bool = False
) -> InstanceRequest:
    labels = make_labels(role=role)
    return InstanceRequest(
        name=instance_name(labels.host, labels.run),
        image_id=range_.provider.get_image(range_.image).id,
        size=range_.size,
        network=range_.network,
        labels=labels,
        authorized_keys=(range_.authorized_key,),
        isolated=isolated,
    )


def make_running(range_: ProviderRange, request: InstanceRequest) -> str:
    """The id of a new instance, once it runs and can be reached."""
    range_.provider.create_instance(request)
    range_.wait_until(lambda: is_idle(range_, request.name, Power.RUNNING), "it runs")
    range_.wait_until(
        lambda: bool(find_one(range_, request.name).private_address), "it has an address"
    )
    return find_one(range_, request.name).id


def delete(range_: ProviderRange, instance_id: str) -> None:
    """Stop it where it runs, delete it, and wait until it is gone."""
    if range_.provider.get_instance(instance_id).power is not Power.STOPPED:
        stop(range_, instance_id)
    range_.provider.delete_instance(instance_id)
    range_.wait_until(lambda: is_missing(lambda: range_.provider.get_instance(instance_id)), "gone")


def is_missing(look: Callable[[], object]) -> bool:
    try:
        look()
    except Missing:
        return True
    return False


def find_named(range_: ProviderRange, name: str) -> tuple[Instance, ...]:
    return range_.provider.find_instances(name=name)


def find_one(range_: ProviderRange, name: str) -> Instance:
    (found,) = find_named(range_, name)
    return found


def is_idle(range_: ProviderRange, name: str, power: Power) -> bool:
    found = find_named(range_, name)
    return len(found) == 1 and found[0].power is power and not found[0].busy


def has_power(range_: ProviderRange, instance_id: str, power: Power) -> bool:
    instance = range_.provider.get_instance(instance_id)
    return instance.power is power and not instance.busy


def stop(range_: ProviderRange, instance_id: str) -> None:
    range_.provider.stop_instance(instance_id)
    range_.wait_until(lambda: has_power(range_, instance_id, Power.STOPPED), "it is off")


def attach(range_: ProviderRange, volume_id: str, instance_id: str) -> None:
    range_.provider.attach_volume(volume_id, instance_id, mount_point="/srv/data")
    range_.wait_until(
        lambda: (
            range_.provider.get_volume(volume_id).state == "in-use"
            and volume_id in range_.provider.get_instance(instance_id).volumes
        ),
        "it is attached",
    )
    assert holders(range_.provider.get_volume(volume_id)) == [instance_id]


def detach(range_: ProviderRange, volume_id: str, instance_id: str) -> None:
    range_.provider.detach_volume(volume_id, instance_id)
    range_.wait_until(
        lambda: (
            range_.provider.get_volume(volume_id).state == "available"
            and volume_id not in range_.provider.get_instance(instance_id).volumes
        ),
        "it is free",
    )
    assert holders(range_.provider.get_volume(volume_id)) == []


def holders(volume: Volume) -> list[str]:
    return [attachment.instance_id for attachment in volume.attachments]


def ready_snapshots(range_: ProviderRange, volume_id: str, name: str) -> list[Snapshot]:
    return [item for item in range_.provider.find_snapshots(volume_id, name=name) if item.ready]


def accept_refusal(refusal: type[ProviderError], call: Callable[[], None]) -> None:
    """Doing nothing and saying so are both right."""
    try:
        call()
    except refusal:
        return
