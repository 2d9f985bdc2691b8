"""The user's clouds.yaml as a session: signed in when first needed, bounded, never repeating.

openstacksdk reads the file, with its secure.yaml, its profiles and its ways to sign in.
keystoneauth sends the requests; see decision 0009 for why not the layers of openstacksdk above.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Final

from keystoneauth1.adapter import Adapter
from openstack.config import OpenStackConfig
from openstack.config.cloud_region import CloudRegion

from releve.errors import Refused
from releve.providers.bounded_body import read_bounded
from releve.providers.openstack.errors import make_error, translated

# Relève's word for a service: the catalogue's, and the versions of its API that are spoken.
SERVICES: Final = {
    "compute": ("compute", "2", "2.latest"),
    "volume": ("block-storage", "3", "3.latest"),
    "image": ("image", "2", "2.latest"),
    "network": ("network", None, None),
}
_NETWORK_VERSION: Final = "v2.0"  # the one there is; an older Neutron lists none
# At DEBUG these write whole bodies: tokens, user_data, the password Nova makes up.
_TALKATIVE: Final = ("keystoneauth", "keystoneauth1", "openstack", "stevedore")


class CloudSession:
    """Safe to use from several threads."""

    def __init__(self, cloud: str, *, region: str, timeout_seconds: float) -> None:
        keep_secrets_out_of_logs()
        self.timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._adapters: dict[str, Adapter] = {}
        with translated(f"reading the settings of cloud {cloud}"), fitting(cloud):
            self._region = read_region(cloud, region=region, timeout_seconds=timeout_seconds)
            self._session = self._region.get_session()
            self._session.session.hooks["response"].append(read_bounded)

    def adapter(self, service: str) -> Adapter:
        with self._lock:
            if service not in self._adapters:
                self._adapters[service] = self._make_adapter(service)
            return self._adapters[service]

    def project_id(self) -> str:
        with translated("signing in to the cloud"):
            return str(self._session.get_project_id() or "")

    def close(self) -> None:
        self._session.session.close()

    def _make_adapter(self, service: str) -> Adapter:
        """Not the one of openstacksdk, which repeats and caches as clouds.yaml says."""
        kind, least, most = SERVICES[service]
        adapter = Adapter(
            session=self._session,
            service_type=self._region.get_service_type(kind),
            service_name=self._region.get_service_name(kind),
            interface=self._region.get_interface(kind),
            region_name=self._region.get_region_name(kind),
            endpoint_override=self._region.get_endpoint(kind),
            min_version=least,
            max_version=most,
        )
        if service == "network":
            endpoint = (adapter.get_endpoint() or "").rstrip("/")
            is_versioned = endpoint.endswith(_NETWORK_VERSION)
            mounted = endpoint if is_versioned else f"{endpoint}/{_NETWORK_VERSION}"
            adapter.endpoint_override = mounted if endpoint else None
        return adapter


def read_region(cloud: str, *, region: str, timeout_seconds: float) -> CloudRegion:
    """Whatever the file says of retries and time-outs, ours count."""
    config = OpenStackConfig(app_name="releve")
    require_named(cloud, config)
    if region:
        return config.get_one(cloud=cloud, api_timeout=timeout_seconds, region_name=region)
    return config.get_one(cloud=cloud, api_timeout=timeout_seconds)


def require_named(cloud: str, config: OpenStackConfig) -> None:
    """Refused with the names that there are."""
    names = sorted(str(name) for name in config.get_cloud_names())
    if cloud in names:
        return
    if config.config_filename is None:
        why = "no clouds.yaml with an entry was read in this directory, ~/.config/openstack or"
        remedy = f"Write an entry {cloud} into ~/.config/openstack/clouds.yaml, as YAML"
        raise make_error(Refused, f"no cloud {cloud}", why=f"{why} /etc/openstack", remedy=remedy)
    near = get_close_matches(cloud, names, n=1)
    raise make_error(
        Refused,
        f"no cloud {cloud}",
        why=f"{config.config_filename} names {', '.join(names) or 'none'}",
        remedy=f"Write {near[0]} as provider.cloud, if that is meant"
        if near
        else f"Write one of them as provider.cloud, or add {cloud} there",
    )


@contextmanager
def fitting(cloud: str) -> Iterator[None]:
    """Refused where an entry's ways to sign in do not fit together."""
    try:
        yield
    except TypeError as error:
        raise make_error(
            Refused,
            f"reading the settings of cloud {cloud}",
            why=f"its auth in clouds.yaml does not fit its auth_type: {error}",
            remedy="With an application credential, write auth_type: v3applicationcredential",
        ) from error


def keep_secrets_out_of_logs() -> None:
    """Also of loggers below these that somebody has set by themselves."""
    known = [name for name in logging.root.manager.loggerDict if name.startswith(_TALKATIVE)]
    for name in {*known, *_TALKATIVE}:
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.WARNING))
