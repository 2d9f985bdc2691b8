"""From the plan's provider section to a provider."""

from releve.plan.provider_types import OpenstackProvider
from releve.ports.provider import Provider
from releve.providers.openstack.cloud import OpenstackCloud
from releve.providers.openstack.settings import Settings


def connect_openstack(plan: OpenstackProvider) -> Provider:
    """Unavailable where the cloud does not answer, Refused where it does not let us in."""
    settings = Settings(
        network=plan.network,
        security_groups=tuple(plan.security_groups),
        zone=plan.zone,
        system_disk=plan.system_disk,
        controller=plan.controller,
    )
    return OpenstackCloud(plan.cloud, region=plan.region, settings=settings)
