"""From the plan's provider section to a provider."""

from releve.plan.provider_types import LxdProvider
from releve.ports.provider import Provider
from releve.providers.lxd.cloud import LxdCloud


def connect_lxd(plan: LxdProvider) -> Provider:
    """Unavailable where no daemon answers, Refused where it does not let us in."""
    return LxdCloud(
        endpoint=plan.endpoint, project=plan.project, network=plan.network, pool=plan.pool
    )
