"""Every way in which a daemon can fail becomes the error that tells the caller what to do."""

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
from releve.model.resources import Labels, Role
from releve.providers.bounded_body import read_bounded
from releve.providers.lxd.cloud import LxdCloud
from tests.providers.lxd.conftest import Meet
from tests.providers.lxd.daemon_double import Asked, Reply, accepted, failure, instance, sync

LABELS = Labels(host="web", run="abcdefghijkl", epoch=1, role=Role.ACTIVE)
NO_OPERATIONS = sync({})


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (failure(401, "not authorized"), Refused),
        (failure(403, "Certificate is restricted"), Refused),
        (failure(404, "Instance not found"), Missing),
        (failure(409, "conflict"), Busy),
        (failure(412, "ETag doesn't match"), Changed),
        (failure(429, "slow down"), RateLimited),
        (failure(400, "Invalid devices"), Refused),
        (failure(400, "The instance is already running"), Busy),
        (failure(500, "Instance is busy running a stop operation"), Busy),
        (failure(500, "No space left on device"), Refused),
        (failure(500, "database is locked"), Unavailable),
        (failure(502, "<html>bad gateway</html>"), Unavailable),
        (failure(503, "Daemon is starting up"), Unavailable),
        ((200, {}, b"<html>hello</html>"), Malformed),
        ((200, {}, b'{"type": "sync", "metadata": {"name": '), Malformed),
        ((200, {}, b"[]"), Malformed),
        ((200, {}, b"[" * 100_000), Malformed),
        ((200, {}, b"\xff\xfe\x00"), Malformed),
        (sync(None), Malformed),
        (sync([1, 2]), Malformed),
        (sync({"name": "web"}), Malformed),
        (sync(instance("web", config=7)), Malformed),
        (sync(instance("web", devices={"root": "disk"})), Malformed),
        ((302, {"Location": "http://elsewhere/"}, b""), ProviderError),
        (None, Unavailable),
    ],
    ids=str,
)
def test_a_bad_answer_is_told_by_kind(
    meet: Meet, reply: Reply | None, kind: type[ProviderError]
) -> None:
    def answer(asked: Asked) -> Reply | None:
        return NO_OPERATIONS if "operations" in asked.path else reply

    _, cloud = meet(answer)
    with pytest.raises(kind) as caught:
        cloud.get_instance("web")
    assert caught.value.remedy
    assert len(str(caught.value)) < 1000


def test_a_retry_after_is_passed_on(meet: Meet) -> None:
    _, cloud = meet(lambda _asked: (429, {"Retry-After": "7"}, b"{}"))
    with pytest.raises(RateLimited) as caught:
        cloud.get_image("base")
    assert caught.value.retry_after_seconds == 7


def test_no_answer_ends_in_time(meet: Meet) -> None:
    def hang(_asked: Asked) -> Reply | None:
        double.stopping.wait(20)
        return None

    double, cloud = meet(hang, timeout_seconds=0.5)
    began = time.monotonic()
    with pytest.raises(Unavailable, match="no answer in time"):
        cloud.get_image("base")
    assert time.monotonic() - began < 10


def test_an_endless_body_is_not_taken_in(meet: Meet) -> None:
    huge = b'"' + b"x" * (9 * 2**20) + b'"'
    _, cloud = meet(lambda _asked: (200, {}, huge))
    with pytest.raises(Malformed):
        cloud.get_image("base")


def test_a_body_that_breaks_off_is_no_answer(meet: Meet) -> None:
    _, cloud = meet(lambda _asked: (200, {"Content-Length": "5000"}, b'{"type": "sync"'))
    with pytest.raises(Unavailable):
        cloud.get_image("base")


ACTS: dict[str, Callable[[LxdCloud], None]] = {
    "label": lambda cloud: cloud.label_instance("web", LABELS),
    "start": lambda cloud: cloud.start_instance("web"),
    "stop": lambda cloud: cloud.stop_instance("web"),
    "lock": lambda cloud: cloud.lock_instance("web"),
    "attach": lambda cloud: cloud.attach_volume("pool/data", "web", mount_point="/srv"),
    "snapshot": lambda cloud: cloud.snapshot_volume("pool/data", name="s", labels=LABELS),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
@pytest.mark.parametrize("broken", ["closed", "error"])
def test_an_act_is_sent_once_and_never_again(
    meet: Meet, act: Callable[[LxdCloud], None], broken: str
) -> None:
    def answer(asked: Asked) -> Reply | None:
        if asked.method != "GET":
            return None if broken == "closed" else failure(503, "try again")
        if "/custom/data" in asked.path:
            return sync({"name": "data", "config": {}, "used_by": []})
        return sync(instance("web"), ETag="e1")

    double, cloud = meet(answer)
    with pytest.raises(Unavailable):
        act(cloud)
    assert double.count("PUT") + double.count("POST") == 1


def operation_that(outcome: Reply, *, after: Reply) -> Callable[[Asked], Reply | None]:
    """A stop is accepted and ends like this; the instance then looks like `after`."""

    def answer(asked: Asked) -> Reply | None:
        if asked.method == "PUT":
            return accepted()
        return outcome if "/wait" in asked.path else after

    return answer


FAILED = sync({"status_code": 400, "err": "Failed clearing ownership: read-only file system"})


def test_a_failed_stop_counts_where_the_instance_is_off(meet: Meet) -> None:
    _, cloud = meet(operation_that(FAILED, after=sync(instance("web"))))
    cloud.stop_instance("web")


def test_a_failed_stop_is_an_error_where_it_still_runs(meet: Meet) -> None:
    running = sync(instance("web", status="Running"))
    _, cloud = meet(operation_that(FAILED, after=running))
    with pytest.raises(Unavailable, match="read-only file system"):
        cloud.stop_instance("web")


def test_an_operation_that_does_not_end_is_not_known_to_have_happened(meet: Meet) -> None:
    _, cloud = meet(operation_that(sync({"status_code": 103}), after=sync(instance("web"))))
    with pytest.raises(Unavailable, match="not over after"):
        cloud.stop_instance("web")


def test_an_operation_that_lxd_forgot_is_not_known_to_have_happened(meet: Meet) -> None:
    gone = failure(404, "Operation not found")
    _, cloud = meet(operation_that(gone, after=sync(instance("web"))))
    with pytest.raises(Unavailable):
        cloud.stop_instance("web")


@pytest.mark.parametrize("stored", [True, False])
def test_a_change_that_fails_counts_only_when_it_is_read_back(meet: Meet, *, stored: bool) -> None:
    content = instance("web")

    def answer(asked: Asked) -> Reply | None:
        if asked.method != "PUT":
            return sync(content, ETag="e1")
        if stored:
            content.update(json.loads(asked.body))
        return failure(500, "Failed to write backup file: read-only file system")

    double, cloud = meet(answer)
    if stored:
        cloud.label_instance("web", LABELS)
    else:
        with pytest.raises(Unavailable):
            cloud.label_instance("web", LABELS)
    assert double.count("PUT") == 1


def test_a_change_insists_on_what_was_read(meet: Meet) -> None:
    double, cloud = meet(
        lambda asked: (
            sync(instance("web"), ETag="e1")
            if asked.method == "GET"
            else failure(412, "ETag doesn't match: e1 vs e2")
        )
    )
    with pytest.raises(Busy):  # nothing was asked of this revision: look again, act again
        cloud.lock_instance("web")
    assert double.asked[-1].headers["If-Match"] == "e1"
    revision = cloud.get_instance("web").revision
    with pytest.raises(Changed):
        cloud.label_instance("web", LABELS, revision=revision)


def test_text_of_the_daemon_cannot_act_on_a_terminal(meet: Meet) -> None:
    _, cloud = meet(lambda _asked: failure(500, "\x1b]0;owned\x07\u202e" + "x" * 10_000))
    with pytest.raises(Unavailable) as caught:
        cloud.get_image("base")
    assert "\x1b" not in str(caught.value)
    assert "\u202e" not in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "name", ["../../1.0", "a/b", "a?project=other", "", ".", "a b", "a%2fb", "x" * 64, "-a", "a\n"]
)
def test_a_name_never_becomes_a_path(meet: Meet, name: str) -> None:
    double, cloud = meet(lambda _asked: sync(instance(name)))
    with pytest.raises(Missing):
        cloud.get_instance(name)
    assert double.asked == []


def test_bodies_are_read_by_the_bounded_reader(meet: Meet) -> None:
    _, cloud = meet(lambda _asked: NO_OPERATIONS)
    assert read_bounded in cloud._api._session.hooks["response"]
