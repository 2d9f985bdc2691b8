"""Apprise against real receivers on loopback: what they get, what they do not, and when."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from releve.adapters.notify.notifier import BUSY, AppriseNotifier, Channel
from releve.adapters.notify.reasons import BAD_URL, LATE
from releve.ports.notifier import Notice, Tone
from tests.adapters.notify.receivers import MailReceiver, WebReceiver, hanging, refusing, serving
from tests.adapters.notify.test_notifier_contract import FIRST

HOSTILE = (
    "@everyone <!channel> [free](https://198.51.100.9/) `x` <b>bold</b> ![p](http://198.51.100.9/)\n"
    "# heading\x1b[2J\u202e\n*strong* _soft_ ext4_journal_check_start:83 <@U024BE7LH> ~gone~"
)
SECRET = "hunter2hunter2"  # noqa: S105 - of a URL that leads nowhere


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.fixture
def mail() -> Iterator[MailReceiver]:
    receiver = MailReceiver()
    with serving(receiver):
        yield receiver


@pytest.fixture
def web() -> Iterator[WebReceiver]:
    receiver = WebReceiver()
    with serving(receiver):
        yield receiver


def test_mail_is_plain_and_in_one_thread(mail: MailReceiver) -> None:
    url = f"mailto://{mail.url}?from=watch@example.org&to=team@example.org"
    notifier = AppriseNotifier([Channel("mail", url)])
    for notice in (FIRST, replace(FIRST, body=HOSTILE, is_first=False)):
        assert [delivery.failure for delivery in notifier.send(notice)] == [""]
    first, second = mail.messages
    assert first["Subject"] == second["Subject"] == FIRST.title
    assert first["References"] == second["References"] == second["In-Reply-To"]
    assert "i-20261126-031500-blog@" in first["References"]
    assert first["Message-ID"] != second["Message-ID"]
    assert {first.get_content_type(), second.get_content_type()} == {"text/plain"}
    told = second.get_payload(decode=True)
    assert isinstance(told, bytes)
    assert "<!channel> [free](https://198.51.100.9/)" in told.decode()
    assert not {"\x1b", "\u202e"} & set(told.decode())


def test_markup_of_a_host_reaches_no_channel_that_would_read_it(web: WebReceiver) -> None:
    token = "abcdefghijklmnopqrstuvwxyz"  # noqa: S105 - of no service
    channels = [
        Channel("mattermost", f"mmost://{web.url}/{token}"),
        Channel("json", f"json://{web.url}/json"),
    ]
    deliveries = AppriseNotifier(channels).send(replace(FIRST, body=HOSTILE * 100))
    assert [delivery.failure for delivery in deliveries] == ["", ""]
    by_path = dict(zip(web.paths, web.bodies, strict=True))
    text = by_path[f"/hooks/{token}"]["text"]
    assert not set("@<>[]`*~|") & set(text)
    assert "ext4_journal_check_start:83" in text
    assert "\n#" not in text
    assert "_soft_" not in text
    exact = by_path["/json"]["message"]
    assert "@everyone <!channel> [free]" in exact
    assert len(exact) < 5000
    assert "\x1b" not in exact


def test_a_channel_that_hangs_delays_no_other_and_no_secret_is_told(
    web: WebReceiver, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    refused = WebReceiver(status=403)
    greylist = MailReceiver(answer_to_mail=f"451 {SECRET} later")
    with hanging() as hung, serving(refused), serving(greylist):
        urls = {
            "hung": f"json://user:{SECRET}@{hung}/{SECRET}?to=hung",
            "hung mail": f"mailto://user:{SECRET}@{hung}?from=a@example.org&to=b@example.org",
            "good": f"json://{web.url}/good",
            "closed": f"json://user:{SECRET}@{refusing()}/{SECRET}",
            "forbidden": f"json://user:{SECRET}@{refused.url}/{SECRET}?x={SECRET}",
            "greylisted": f"mailto://{greylist.url}?from=a@example.org&to=b@example.org",
            "nonsense": f"nonsense://user:{SECRET}@x/",
            "nothing": "",
            "file": f"file://{tmp_path}/{SECRET}",
        }
        channels = [Channel(name, url) for name, url in urls.items()]
        notifier = AppriseNotifier(channels, seconds=6)
        began = time.monotonic()
        meanwhile: dict[str, str] = {}

        def send_another() -> None:
            wait_until(lambda: len(web.bodies) == 1)
            time.sleep(0.5)  # for the word of it to come back
            meanwhile.update({item.channel: item.failure for item in notifier.send(FIRST)})

        second = threading.Thread(target=send_another)
        second.start()
        said = {item.channel: item.failure for item in notifier.send(FIRST)}
        second.join()
    assert time.monotonic() - began < 6 + 15
    assert said == {
        "hung": "no answer in time",
        "hung mail": LATE,
        "good": "",
        "closed": "its address refuses connections",
        "forbidden": "it answered 403 Forbidden",
        "greylisted": "it answered 451",
        "nonsense": BAD_URL,
        "nothing": BAD_URL,
        "file": BAD_URL,
    }
    assert meanwhile == said | {"hung": BUSY, "hung mail": BUSY}
    assert len(web.bodies) == 2
    told = capfd.readouterr()
    assert SECRET not in told.out + told.err + str(said) + repr(channels)


def test_a_url_is_tried_without_sending(web: WebReceiver) -> None:
    channels = [Channel("good", f"json://{web.url}/"), Channel("bad", "slack://nonsense")]
    assert [item.failure for item in AppriseNotifier(channels).check()] == ["", BAD_URL]
    assert web.bodies == []


def test_a_notifier_without_channels_starts_nothing() -> None:
    began = time.monotonic()
    assert AppriseNotifier([]).send(Notice("i", "t", "b", Tone.INFO, is_first=True)) == ()
    assert time.monotonic() - began < 0.5
