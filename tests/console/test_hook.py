"""POST /hooks/alert over a real socket: what is taken, what is refused, and that it survives."""

import json
from typing import Any

import httpx
import pytest

from releve.console.hook import MOST_A_MINUTE, MOST_BODY
from tests.console.doors import TOKEN, Watched, connect, listening

FIRING: dict[str, Any] = {
    "version": "4",
    "groupKey": '{}:{alertname="Down"}',
    "truncatedAlerts": 0,
    "status": "firing",
    "receiver": "releve",
    "groupLabels": {"alertname": "Down"},
    "commonLabels": {"severity": "page"},
    "commonAnnotations": {},
    "externalURL": "http://alertmanager.example.org:9093",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "Down", "instance": "198.51.100.11:9100", "severity": "page"},
            "annotations": {"summary": "no\nanswer\x1b[2J", "description": "for five minutes"},
            "startsAt": "2026-11-26T03:15:00.000Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example.org/graph",
            "fingerprint": "0123456789abcdef",
        }
    ],
}


def alert(**labels: str) -> dict[str, Any]:
    return {"status": "firing", "labels": labels, "annotations": {}}


def send(client: httpx.Client, body: Any) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post("/hooks/alert", content=content)


def test_alertmanagers_alert_becomes_a_suspicion(client: httpx.Client, watched: Watched) -> None:
    answer = send(client, FIRING)
    assert answer.status_code == 202
    assert answer.json()["accepted"] == [{"host": "blog", "why": "it is looked at now"}]
    assert watched.suspected == [("blog", "Down: no answer\\x1b[2J")]


@pytest.mark.parametrize(
    ("said", "host"),
    [
        ("blog", "blog"),
        ("BLOG:9100", "blog"),
        ("blog.example.org.:9100", "blog"),
        ("198.51.100.11", "blog"),
        ("[2001:db8:0::12]:9100", "shop"),
        ("2001:db8::12", "shop"),
        ("shared", ""),  # two hosts have this inventory name
        ("blog.evil.example", ""),
        ("", ""),
        ("198.51.100.1", ""),
        ("x" * 10_000, ""),
    ],
)
def test_a_host_is_known_by_name_inventory_name_or_address(
    client: httpx.Client, watched: Watched, said: str, host: str
) -> None:
    answer = send(client, {"host": said, "text": "looks dead"})
    assert answer.status_code == (202 if host else 422)
    assert watched.suspected == ([(host, "looks dead")] if host else [])
    if not host:
        why = answer.json()["refused"][0]["why"]
        assert ("no host of the plan" if said else "it names no host") in why
        assert len(answer.content) < 1000


def test_a_host_that_is_not_watched_is_refused(client: httpx.Client, watched: Watched) -> None:
    for _ in range(2):
        answer = send(client, {"host": "wiki", "text": "looks dead"})
        assert answer.status_code == 422
        assert [entry["host"] for entry in answer.json()["refused"]] == ["wiki"]
    assert watched.suspected == []


def test_each_alert_of_a_group_is_answered(client: httpx.Client, watched: Watched) -> None:
    resolved = alert(host="wiki") | {"status": "resolved"}
    group = {"alerts": [alert(nodename="shop"), alert(host="nobody"), alert(job="x"), resolved]}
    answer = send(client, group)
    assert answer.status_code == 202
    said = answer.json()
    assert [entry["host"] for entry in said["accepted"]] == ["shop"]
    assert [entry["why"] for entry in said["ignored"]] == ["it is resolved"]
    assert len(said["refused"]) == 2
    assert watched.suspected == [("shop", "reported without a word")]
    only_resolved = send(client, {"alerts": [resolved]})
    assert only_resolved.status_code == 202
    assert len(watched.suspected) == 1


def test_a_host_that_was_just_reported_is_not_reported_again(
    client: httpx.Client, watched: Watched
) -> None:
    for _ in range(MOST_A_MINUTE * 2):
        assert send(client, {"host": "blog", "text": "looks dead"}).status_code == 202
    assert len(watched.suspected) == 1


def test_a_storm_of_suspicions_is_bounded(client: httpx.Client, watched: Watched) -> None:
    many = {f"host{number}": watched.plan.hosts["blog"] for number in range(MOST_A_MINUTE + 5)}
    watched.plan = watched.plan.model_copy(update={"hosts": many})
    answer = send(client, {"alerts": [alert(host=name) for name in many]})
    assert answer.status_code == 202
    assert len(answer.json()["refused"]) == 5
    assert len(watched.suspected) == MOST_A_MINUTE
    late = send(client, {"host": f"host{MOST_A_MINUTE + 1}", "text": ""})
    assert (late.status_code, late.headers["retry-after"]) == (429, "60")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": "Bearer \u00e9".encode()},
        {"Authorization": "Bearer " + "x" * 10_000},
    ],
)
def test_without_the_token_nothing_is_taken(
    place: str, watched: Watched, headers: dict[str, str]
) -> None:
    answer = httpx.post(
        f"http://{place}/hooks/alert",
        headers=headers,
        json={"host": "blog", "text": ""},
        trust_env=False,
    )
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert TOKEN not in answer.text
    assert watched.suspected == []


def test_two_tokens_are_none(place: str, watched: Watched) -> None:
    headers = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", f"Bearer {TOKEN}")]
    answer = httpx.post(
        f"http://{place}/hooks/alert", headers=headers, json={"host": "blog"}, trust_env=False
    )
    assert answer.status_code == 401
    assert watched.suspected == []


def test_without_a_token_file_the_hook_is_closed(watched: Watched) -> None:
    watched.token = ""
    with listening(watched) as place:
        for headers in ({}, {"Authorization": "Bearer"}, {"Authorization": "Bearer x"}):
            answer = httpx.post(
                f"http://{place}/hooks/alert",
                headers=headers,
                json={"host": "blog", "text": ""},
                trust_env=False,
            )
            assert answer.status_code == 403
            assert "hook_token_file" in answer.json()["error"]
    assert watched.suspected == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe",
        b"NaN",
        b'{"host": "blog"',
        b'{"host": 1, "text": "x"}',
        b'{"host": ["blog"], "text": "x"}',
        b'{"host": "blog", "text": {}}',
        b'{"alerts": {}}',
        b'{"alerts": [1]}',
        b'{"alerts": [null]}',
        b'{"alerts": [{"labels": []}]}',
        b'{"alerts": [{"labels": {"host": 1}}]}',
        b'{"alerts": [{"labels": {"host": "blog"}, "annotations": "x"}]}',
        b'{"alerts": [{"labels": {"host": "blog"}, "status": "perhaps"}]}',
        b'{"alerts": [{"labels": {"host": "blog"}, "status": ["firing"]}]}',
        b'{"alerts": [' + b"{}," * 500 + b"{}]}",
        b'{"host": "blog", "text": ' + b"9" * 5000 + b"}",
        b'{"host": "blog", "text": 1e999}',
        b"[" * (MOST_BODY - 10),
        b'{"a":' * (MOST_BODY // 6),
    ],
    ids=lambda body: str(body[:40]),
)
def test_what_cannot_be_read_is_refused_with_a_reason(
    client: httpx.Client, watched: Watched, body: bytes
) -> None:
    answer = send(client, body)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert watched.suspected == []
    assert send(client, FIRING).status_code == 202


def test_text_of_strangers_comes_back_as_data(client: httpx.Client, watched: Watched) -> None:
    nasty = "\ud800\u202e\x00<script>\r\nSet-Cookie: a=b" + "y" * 5000
    refused = send(client, {"host": nasty, "text": nasty})
    assert refused.status_code == 422
    assert "set-cookie" not in refused.headers
    assert not {"\u202e", "\x00"} & set(refused.json()["refused"][0]["why"])
    assert send(client, {"host": "blog", "text": nasty}).status_code == 202
    text = watched.suspected[0][1]
    assert len(text) < 400
    assert not {"\ud800", "\u202e", "\x00", "\n"} & set(text)


def test_a_body_of_100_megabytes_is_not_read(place: str, watched: Watched) -> None:
    """Announced or in chunks: the answer comes, and the connection ends."""
    head = f"POST /hooks/alert HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n"
    for more in ("Content-Length: 100000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"):
        with connect(place) as connection:
            connection.sendall((head + more).encode())
            piece = b"x" * 65536 if "Length" in more else b"10000\r\n" + b"x" * 65536 + b"\r\n"
            sent = 0
            try:
                while sent < 100_000_000:
                    sent += connection.send(piece)
            except (ConnectionError, TimeoutError):
                pass
            assert sent < 20_000_000
    assert httpx.get(f"http://{place}/healthz", trust_env=False).status_code == 200
    assert watched.suspected == []


@pytest.mark.parametrize("length", [str(MOST_BODY + 1), "99999999999", "100000000"])
def test_a_length_that_is_too_great_is_told(place: str, length: str) -> None:
    with connect(place) as connection:
        connection.sendall(
            f"POST /hooks/alert HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n"
            f"Content-Length: {length}\r\n\r\n".encode()
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_where_a_suspicion_cannot_be_noted_the_other_monitor_is_told_to_try_again(
    client: httpx.Client, watched: Watched
) -> None:
    watched.fails = True
    assert send(client, FIRING).status_code == 503
