"""Where a host can be reached now, and what the provider says of it."""

import asyncio
from typing import Final

from releve.errors import Missing, ProviderError, Unreachable
from releve.model.reading import ProviderReading
from releve.model.resources import Instance, Power
from releve.plan.types import HostPlan
from releve.ports.access import Door
from releve.ports.provider import Provider
from releve.recovery.preconditions import resolve_current_instance
from releve.recovery.subject import door_by_plan

KNOCK_SECONDS: Final = 3.0


def find_door(provider: Provider, host: str, plan: HostPlan) -> Door:
    """Unreachable where the provider knows that nobody can answer; ProviderError else."""
    instance = resolve_instance(provider, host, plan)
    if instance.power is Power.STOPPED:
        raise Unreachable(
            f"the provider says that {instance.name} is stopped", remedy="Start it, or recover it"
        )
    keys = provider.read_host_keys(instance.id)
    if not keys or not instance.private_address:
        raise ProviderError(
            f"{instance.name} shows no host key or no address yet",
            remedy="It is asked again in a while",
        )
    return door_by_plan(
        plan.ssh, address=instance.private_address, host_keys=keys, known_as=instance.id
    )


def resolve_instance(provider: Provider, host: str, plan: HostPlan) -> Instance:
    try:
        return resolve_current_instance(provider, host, plan)
    except Missing as error:
        raise Unreachable(
            f"the provider has no instance of {host}", remedy=f"Recover it: {error.remedy}"
        ) from error


def read_power(provider: Provider, host: str, plan: HostPlan) -> ProviderReading:
    """Unknown where the provider does not answer: then it is no witness."""
    try:
        power = resolve_instance(provider, host, plan).power
    except Unreachable as error:
        return ProviderReading("missing", str(error))
    except ProviderError as error:
        return ProviderReading("unknown", str(error))
    return ProviderReading(power.value if power in {Power.RUNNING, Power.STOPPED} else "unknown")


async def knock(address: str, port: int) -> bool:
    """Whether a connection is taken there; it is closed at once, without a word."""
    try:
        async with asyncio.timeout(KNOCK_SECONDS):
            _, writer = await asyncio.open_connection(address, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
