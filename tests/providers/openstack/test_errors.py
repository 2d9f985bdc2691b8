"""Every way in which a cloud can fail becomes the error that tells the caller what to do."""

import json
import time
from collections.abc import Callable

import pytest

from releve.errors import (
    Busy,
    Changed,
    Malformed,
    Missing,
    ProviderError,
    RateLimited,
    Refused,
    Unavailable,
)
from releve.model.resources import Address, InstanceRequest, Labels, Role
from releve.providers.openstack.api import READ_TRIES
from releve.providers.openstack.cloud import OpenstackCloud
from tests.providers.openstack.cloud_double import (
    IMAGE,
    INSTANCE,
    OTHER,
    PASSWORD,
    VOLUME,
    Asked,
    Reply,
    everything,
    failure,
    ok,
    server,
    volume,
)
from tests.providers.openstack.conftest import Meet

LABELS = Labels(host="web", run="abcdefghijkl", epoch=1, role=Role.ACTIVE)
REQUEST = InstanceRequest(
    name="web-abcdefghijkl",
    image_id=IMAGE,
    size="small",
    network="net",
    labels=LABELS,
    authorized_keys=("ssh-ed25519 AAAA",),
)


def neutron(kind: str, sentence: str, status: int = 409) -> Reply:
    error = {"type": kind, "message": sentence, "detail": ""}
    return status, {}, json.dumps({"NeutronError": error}).encode()


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (failure(401, "The request you have made requires authentication."), Refused),
        (failure(403, "Policy doesn't allow os_compute_api:servers:show"), Refused),
        (failure(404, "Instance could not be found"), Missing),
        (failure(409, "Cannot 'stop' instance while it is in vm_state stopped"), Busy),
        (neutron("OverQuota", "Quota exceeded for resources: ['port']."), Refused),
        (neutron("IpAddressGenerationFailure", "No more IP addresses available."), Refused),
        (neutron("RevisionNumberConstraintFailed", "Constrained to 3", 412), Changed),
        (failure(413, "VolumeLimitExceeded: (3) exceeded for quota 'volumes'."), Refused),
        (failure(413, "This request was rate-limited."), RateLimited),
        (failure(429, "slow down"), RateLimited),
        (failure(400, "Invalid volume: volume 3 already attached"), Busy),
        (failure(400, "Can not find requested image"), Refused),
        (failure(408, "Request Timeout"), Unavailable),
        (failure(500, "Unexpected API Error"), Unavailable),
        ((502, {}, b"<html><h1>502 Bad Gateway</h1></html>"), Unavailable),
        ((503, {}, b""), Unavailable),
        (failure(504, "gateway time-out"), Unavailable),
        ((200, {}, b"<html>hello</html>"), Malformed),
        ((200, {}, b'{"server": {"id": '), Malformed),
        ((200, {}, b"[]"), Malformed),
        ((200, {}, b"[" * 100_000), Malformed),
        ((200, {}, b"\xff\xfe\x00"), Malformed),
        (ok({}), Malformed),
        (ok({"server": None}), Malformed),
        (ok({"server": {"id": INSTANCE}}), Malformed),
        (ok({"server": server(metadata=7)}), Malformed),
        (ok({"server": server(addresses=[1])}), Malformed),
        (ok({"server": server(id=OTHER)}), Missing),
        ((302, {"Location": "http://elsewhere/"}, b""), Refused),
        (None, Unavailable),
    ],
    ids=str,
)
def test_a_bad_answer_is_told_by_kind(
    meet: Meet, reply: Reply | None, kind: type[ProviderError]
) -> None:
    def answer(asked: Asked) -> Reply | None:
        return reply if asked.path.startswith("/compute") else everything(asked)

    _, cloud = meet(answer)
    with pytest.raises(kind) as caught:
        cloud.get_instance(INSTANCE)
    assert caught.value.remedy
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("told", "seconds"),
    [("7", 7), ("999999", 600), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-1", None), ("", None)],
)
def test_a_retry_after_is_passed_on_and_capped(
    meet: Meet, told: str, seconds: float | None
) -> None:
    double, cloud = meet(lambda _asked: (429, {"Retry-After": told}, b"{}"))
    with pytest.raises(RateLimited) as caught:
        cloud.get_image("base")
    assert caught.value.retry_after_seconds == seconds
    assert len(double.asked) == 1


def test_a_quota_is_named(meet: Meet) -> None:
    sentence = "Quota exceeded for instances: Requested 1, but already used 2 of 2 instances"

    def answer(asked: Asked) -> Reply | None:
        if asked.method == "POST" and asked.path.endswith("/servers"):
            return failure(403, sentence)
        if asked.method == "POST":
            return ok({"port": {"id": OTHER}}, 201)
        return answer_without_names(asked)

    _, cloud = meet(answer)
    with pytest.raises(Refused, match="Quota exceeded for instances"):
        cloud.create_instance(REQUEST)


def test_no_answer_ends_in_time_and_is_not_asked_for_again(meet: Meet) -> None:
    def hang(_asked: Asked) -> Reply | None:
        double.stopping.wait(20)
        return None

    double, cloud = meet(hang, timeout_seconds=0.5)
    began = time.monotonic()
    with pytest.raises(Unavailable, match="no answer in time"):
        cloud.get_image("base")
    assert time.monotonic() - began < 5
    assert len(double.asked) == 1


def test_an_endless_body_is_not_taken_in(meet: Meet) -> None:
    huge = b'"' + b"x" * (9 * 2**20) + b'"'
    _, cloud = meet(lambda _asked: (200, {}, huge))
    with pytest.raises(Malformed):
        cloud.get_image("base")


def test_a_body_that_breaks_off_is_no_answer(meet: Meet) -> None:
    _, cloud = meet(lambda _asked: (200, {"Content-Length": "5000"}, b'{"images": ['))
    with pytest.raises(Unavailable):
        cloud.get_image("base")


def test_a_read_is_tried_again_and_not_for_ever(meet: Meet) -> None:
    double, cloud = meet(lambda _asked: failure(503, "no"))
    with pytest.raises(Unavailable):
        cloud.get_volume(VOLUME)
    assert len(double.asked) == READ_TRIES


def test_a_read_that_succeeds_at_last_is_an_answer(meet: Meet) -> None:
    def answer(asked: Asked) -> Reply | None:
        return None if len(double.asked) < 3 else everything(asked)

    double, cloud = meet(answer)
    assert cloud.get_volume(VOLUME).name == "data"


def answer_without_names(asked: Asked) -> Reply | None:
    """As `everything`, but nothing is called like what is asked for by name."""
    if "name=" in asked.path:
        empty: dict[str, list[str]] = {"servers": [], "ports": [], "images": []}
        return ok(empty)
    return everything(asked)


def held(asked: Asked) -> Reply | None:
    """The volume is on the instance."""
    one = server(**{"os-extended-volumes:volumes_attached": [{"id": VOLUME}]})
    disk = volume(status="in-use", attachments=[{"server_id": INSTANCE}])
    return everything(
        asked,
        **{
            f"/compute/v2.1/servers/{INSTANCE}": {"server": one},
            "/compute/v2.1/servers/detail": {"servers": [one]},
            f"/volume/v3/volumes/{VOLUME}": {"volume": disk},
        },
    )


FREE = Address("198.51.100.7", "", revision="4")
ACTS: dict[str, tuple[Callable[[OpenstackCloud], None], Callable[[Asked], Reply | None]]] = {
    "label": (lambda cloud: cloud.label_instance(INSTANCE, LABELS), everything),
    "start": (lambda cloud: cloud.start_instance(INSTANCE), everything),
    "stop": (lambda cloud: cloud.stop_instance(INSTANCE), everything),
    "lock": (lambda cloud: cloud.lock_instance(INSTANCE), everything),
    "unlock": (lambda cloud: cloud.unlock_instance(INSTANCE), everything),
    "isolate": (lambda cloud: cloud.isolate_instance(INSTANCE), everything),
    "port": (
        lambda cloud: cloud.create_port(name="web", network="net", labels=LABELS),
        everything,
    ),
    "create": (lambda cloud: cloud.create_instance(REQUEST), answer_without_names),
    "attach": (lambda cloud: cloud.attach_volume(VOLUME, INSTANCE, mount_point="/srv"), everything),
    "detach": (lambda cloud: cloud.detach_volume(VOLUME, INSTANCE), held),
    "snapshot": (
        lambda cloud: cloud.snapshot_volume(VOLUME, name="s", labels=LABELS),
        everything,
    ),
    "volume": (
        lambda cloud: cloud.create_volume(name="new", size_bytes=1, labels=LABELS),
        everything,
    ),
    "clone": (lambda cloud: cloud.clone_volume(VOLUME, name="new", labels=LABELS), everything),
    "address": (
        lambda cloud: cloud.move_address(FREE.address, INSTANCE, expected=FREE),
        everything,
    ),
    "capture": (
        lambda cloud: cloud.capture_image(INSTANCE, name="i", labels=LABELS.as_mapping()),
        everything,
    ),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("broken", ["closed", "502", "timed out"])
def test_an_act_is_sent_once_and_never_again(meet: Meet, act: str, broken: str) -> None:
    call, reads = ACTS[act]

    def answer(asked: Asked) -> Reply | None:
        if asked.method == "GET":
            return reads(asked)
        if broken == "timed out":
            double.stopping.wait(5)
        return failure(502, "try again") if broken == "502" else None

    retrying = {"compute_connect_retries": 5, "compute_status_code_retries": 5}
    everywhere = retrying | {
        f"{service}_{kind}_retries": 5
        for service in ("network", "block_storage", "volume", "image")
        for kind in ("connect", "status_code")
    }
    double, cloud = meet(answer, timeout_seconds=0.7, cloud=everywhere)
    with pytest.raises(Unavailable):
        call(cloud)
    assert double.count("POST", "PUT", "DELETE", "PATCH") == 1


def test_an_act_is_repeated_once_after_a_token_ran_out(meet: Meet) -> None:
    """401 says that it did not happen."""

    def answer(asked: Asked) -> Reply | None:
        if asked.method == "GET":
            return everything(asked)
        return failure(401, "expired") if double.count("POST") == 1 else (202, {}, b"")

    double, cloud = meet(answer)
    before = double.signed_in
    cloud.stop_instance(INSTANCE)
    assert double.count("POST") == 2
    assert double.signed_in == before + 1


def test_a_credential_that_is_gone_is_refused_without_a_secret(meet: Meet) -> None:
    double, cloud = meet(lambda _asked: failure(401, "expired"))
    double.sign_in_status = 404  # so says keystone of a deleted application credential
    with pytest.raises(Refused) as caught:
        cloud.get_instance(INSTANCE)
    assert PASSWORD not in str(caught.value) + caught.value.remedy


def test_an_address_is_moved_only_as_it_was_looked_at(meet: Meet) -> None:
    def answer(asked: Asked) -> Reply | None:
        changed = neutron("RevisionNumberConstraintFailed", "is at 5", 412)
        return everything(asked) if asked.method == "GET" else changed

    double, cloud = meet(answer)
    with pytest.raises(Changed):
        cloud.move_address(FREE.address, INSTANCE, expected=FREE)
    assert double.asked[-1].headers["If-Match"] == "revision_number=4"


def test_without_the_extension_nothing_insists_on_a_revision(meet: Meet) -> None:
    def answer(asked: Asked) -> Reply | None:
        return everything(asked) if asked.method == "GET" else ok({"floatingip": {}})

    double, cloud = meet(answer, double={"extensions": ("router",)})
    cloud.move_address(FREE.address, INSTANCE, expected=FREE)
    assert "If-Match" not in double.asked[-1].headers


def test_text_of_the_cloud_cannot_act_on_a_terminal(meet: Meet) -> None:
    _, cloud = meet(lambda _asked: failure(409, "\x1b]0;owned\x07\u202e" + "x" * 10_000))
    with pytest.raises(Busy) as caught:
        cloud.get_image("base")
    assert "\x1b" not in str(caught.value)
    assert "\u202e" not in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "name",
    [
        "../../v3",
        "a/b",
        "",
        ".",
        "web",
        f"{INSTANCE}/action",
        f"{INSTANCE}?all_tenants=1",
        f"{INSTANCE}\n",
        "%2e%2e",
        INSTANCE[:-1] + "g",
    ],
)
def test_an_id_that_cannot_be_one_never_becomes_a_path(meet: Meet, name: str) -> None:
    double, cloud = meet(everything)
    calls: list[Callable[[], object]] = [
        lambda: cloud.get_instance(name),
        lambda: cloud.get_volume(name),
        lambda: cloud.stop_instance(name),
        lambda: cloud.label_instance(name, LABELS),
        lambda: cloud.read_host_keys(name),
        lambda: cloud.find_snapshots(name, name="s"),
        lambda: cloud.snapshot_volume(name, name="s", labels=LABELS),
        lambda: cloud.delete_instance(name),
        lambda: cloud.delete_volume(name),
        lambda: cloud.delete_image(name),
    ]
    for call in calls:
        with pytest.raises(Missing):
            call()
    assert double.asked == []


def test_a_cloud_that_clouds_yaml_does_not_name_is_refused(meet: Meet) -> None:
    meet(everything)
    with pytest.raises(Refused, match="nowhere"):
        OpenstackCloud("nowhere")
