"""No secret of a cloud reaches a log, also where everything is logged."""

import base64
import logging
from dataclasses import replace

import pytest

from releve.errors import ProviderError
from releve.model.resources import InstanceRequest
from releve.providers.openstack.cloud import OpenstackCloud
from tests.providers.openstack.cloud_double import (
    INSTANCE,
    PASSWORD,
    TOKEN,
    Asked,
    Reply,
    everything,
    failure,
    ok,
)
from tests.providers.openstack.conftest import Meet
from tests.providers.openstack.test_acts import REQUEST

ADMIN_PASSWORD = "canary-adminPass-2342"  # noqa: S105 - looked for in all that is written
CANARIES = (PASSWORD, TOKEN, ADMIN_PASSWORD, "canary-key")


def create(cloud: OpenstackCloud, request: InstanceRequest) -> str:
    """What the error says, where there is one."""
    try:
        cloud.create_instance(request)
    except ProviderError as error:
        return f"{error} {error.remedy}"
    return ""


@pytest.mark.parametrize("status", [202, 400, 500])
def test_no_secret_is_logged_at_debug(
    meet: Meet, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], status: int
) -> None:
    def answer(asked: Asked) -> Reply | None:
        if asked.method == "GET":
            empty: dict[str, list[str]] = {"servers": [], "ports": [], "images": []}
            return ok(empty) if "name=" in asked.path else everything(asked)
        if status != 202:
            return failure(status, "no")
        made = {"id": INSTANCE, "adminPass": ADMIN_PASSWORD}
        return ok({"server": made, "port": {"id": INSTANCE}}, status)

    logging.getLogger().setLevel(logging.DEBUG)
    with caplog.at_level(logging.DEBUG):
        _, cloud = meet(answer)
        said = create(cloud, replace(REQUEST, authorized_keys=("ssh-ed25519 canary-key",)))
    told = capfd.readouterr()
    written = caplog.text + told.out + told.err + said
    packed = base64.b64encode(b"#cloud-config").decode().rstrip("=")
    assert not any(canary in written for canary in (*CANARIES, packed))


def test_the_talkative_loggers_stay_quiet_after_somebody_else_wakes_them(meet: Meet) -> None:
    names = ("keystoneauth.session", "keystoneauth.identity", "openstack.config", "openstack")
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
    meet(everything)
    for name in names:
        assert not logging.getLogger(name).isEnabledFor(logging.DEBUG)
