"""What must hold in how hosts are watched; pure."""

import ipaddress
import posixpath
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from releve.plan.durations import format_duration
from releve.plan.problems import Place, Problem, name_place, quote, show_word
from releve.plan.types import Automation, HostPlan, Plan
from releve.plan.watch_types import NotifyChannel, WatchPlan

_UNIT: Final = re.compile(r"[A-Za-z0-9:_.\\@][A-Za-z0-9:_.\\@-]{0,254}\.[a-z]{3,9}")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_LONGEST_PATH: Final = 4096  # bytes, as Linux takes them
_MOST_CHANNELS: Final = 20
_MOST_ENTRIES: Final = 100  # of each list of a host
_HIGHEST_PORT: Final = 65535
_CONTROLS_NEEDED: Final = 2
_BOUNDS: Final = {
    "interval": (timedelta(seconds=1), timedelta(minutes=5)),
    "dwell": (timedelta(seconds=1), timedelta(seconds=60)),
    "unreachable_after": (timedelta(seconds=5), timedelta(hours=1)),
    "check_interval": (timedelta(seconds=5), timedelta(hours=1)),
    "approval_lasts": (timedelta(minutes=1), timedelta(days=7)),
}

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def list_watch_problems(plan: Plan) -> Iterator[Problem]:
    watch, place = plan.watch, ("watch",)
    yield from _judge_bounds(watch, place)
    yield from _judge_silence(watch, place)
    yield from _judge_outside(plan, (*place, "outside"))
    yield from _judge_listen(watch, place)
    yield from _judge_secret_path(watch.hook_token_file, (*place, "hook_token_file"))
    yield from _judge_channels(watch.notify, (*place, "notify"))
    for name, host in plan.hosts.items():
        yield from _judge_host(host, ("hosts", name, "watch"))
    yield from _judge_automation(plan)


def count_controls(plan: Plan) -> int:
    """How many of the three controls of the storm guard this plan can ever have."""
    watched = sum(host.watch.enabled for host in plan.hosts.values())
    return 1 + bool(plan.watch.outside) + (watched > 1)  # the provider's API is always there


def _judge_bounds(watch: WatchPlan, place: Place) -> Iterator[Problem]:
    for key, (least, most) in _BOUNDS.items():
        value: timedelta = getattr(watch, key)
        if value and not least <= value <= most:  # zero is told of every duration alike
            shortest, longest = format_duration(least), format_duration(most)
            yield Problem(
                f"{name_place((*place, key))} must be {shortest} to {longest}",
                f"{key} is {format_duration(value)}",
                f"write `{key}: {shortest if value < least else longest}`, or delete the line",
                (*place, key),
            )


def _judge_silence(watch: WatchPlan, place: Place) -> Iterator[Problem]:
    too_long = watch.interval > _BOUNDS["interval"][1]  # told already
    if watch.unreachable_after < 2 * watch.interval and not too_long:
        yield Problem(
            "a host would be held unreachable between two rounds of its probe",
            f"unreachable_after is {format_duration(watch.unreachable_after)},"
            f" interval is {format_duration(watch.interval)}",
            f"write `unreachable_after: {format_duration(6 * watch.interval)}`,"
            " or shorten the interval",
            (*place, "unreachable_after" if _is_set(watch, "unreachable_after") else "interval"),
        )


def _is_set(watch: WatchPlan, key: str) -> bool:
    return key in watch.model_fields_set


def _judge_outside(plan: Plan, place: Place) -> Iterator[Problem]:
    text = plan.watch.outside
    if not text:
        return
    parsed = parse_endpoint(text)
    if parsed is None:
        yield _no_endpoint(text, place, example="192.0.2.53:53")
        return
    address, _ = parsed
    if address.is_unspecified or address.is_loopback or address.is_multicast:
        yield Problem(
            f"{show_word(text)} is not an address outside your cloud",
            "it always answers, or never, whatever becomes of the network",
            "write address:port of a host elsewhere that always answers, such as a resolver",
            place,
        )
    if str(address) in {_plain(host.address) for host in plan.hosts.values()}:
        yield Problem(
            f"{show_word(text)} is the address of a host of this plan",
            "a host cannot witness that the network is well when it is itself in doubt",
            "write address:port of a host outside your cloud",
            place,
        )


def _judge_listen(watch: WatchPlan, place: Place) -> Iterator[Problem]:
    if not watch.listen:
        if watch.hook_token_file:
            yield Problem(
                f"{name_place((*place, 'hook_token_file'))} would not be used",
                "listen is empty: there is no door whose token it could be",
                "delete one of the two lines",
                (*place, "hook_token_file"),
            )
        return
    at = (*place, "listen")
    parsed = parse_endpoint(watch.listen)
    if parsed is None:
        yield _no_endpoint(watch.listen, at, example="127.0.0.1:9417")
    elif not parsed[0].is_loopback and not watch.hook_token_file:
        yield Problem(
            f"{show_word(watch.listen)} is open to others than this controller",
            "whoever reaches it reads which hosts there are and how they are",
            "write 127.0.0.1 and the port; or name a hook_token_file, and keep the port behind"
            " a firewall",
            at,
        )


def parse_endpoint(text: str) -> tuple[_Address, int] | None:
    """Address and port of 192.0.2.1:80 or [2001:db8::1]:80; None where it is neither."""
    found = re.fullmatch(r"\[([0-9A-Fa-f:.]{2,45})\]:(\d{1,5})|([0-9.]{7,15}):(\d{1,5})", text)
    if not found:
        return None
    six, six_port, four, four_port = found.groups()
    port = int(six_port or four_port)
    try:
        address: _Address = (
            ipaddress.IPv6Address(six) if six is not None else ipaddress.IPv4Address(four)
        )
    except ValueError:
        return None
    return (address, port) if 1 <= port <= _HIGHEST_PORT else None


def _no_endpoint(text: str, place: Place, *, example: str) -> Problem:
    return Problem(
        f"{name_place(place)} is not address:port",
        f"it is {quote(text)}; a name would hang on a resolver that may be down as well",
        f"write an IP address and a port, such as {example}; IPv6 as [2001:db8::1]:443",
        place,
    )


def _judge_channels(channels: list[NotifyChannel], place: Place) -> Iterator[Problem]:
    if len(channels) > _MOST_CHANNELS:
        yield Problem(
            f"the plan names {len(channels)} channels",
            f"each incident is told to all of them; {_MOST_CHANNELS} are the most",
            "let one channel pass the word on, such as a mailing list",
            place,
        )
    owners: dict[str, int] = {}
    for index, channel in enumerate(channels):
        at = (*place, index)
        yield from _judge_channel(channel, at)
        if channel.name in owners:
            yield Problem(
                f"two channels are called {show_word(channel.name)}",
                f"channel {owners[channel.name] + 1} and channel {index + 1} could not be told"
                " apart in a report",
                "give each its own name",
                (*at, "name"),
            )
        owners.setdefault(channel.name, index)


def _judge_channel(channel: NotifyChannel, place: Place) -> Iterator[Problem]:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", channel.name):
        yield Problem(
            f"the channel name {quote(channel.name)} is not usable",
            "it appears in metrics and reports",
            "use letters, digits, dash, dot and underscore",
            (*place, "name"),
        )
    if bool(channel.url_file) == bool(channel.url_env):
        yield Problem(
            f"the channel {show_word(channel.name)} has "
            + ("two URLs" if channel.url_file else "no URL"),
            "its URL is read from url_file, or from the variable that url_env names",
            "name exactly one of url_file and url_env",
            place,
        )
    yield from _judge_secret_path(channel.url_file, (*place, "url_file"))
    if channel.url_env and not _VARIABLE.fullmatch(channel.url_env):
        yield Problem(  # the text is not shown: it may be the URL itself
            f"{name_place((*place, 'url_env'))} is not the name of a variable",
            "names of variables are letters, digits and underscore; a URL holds secrets and"
            " does not belong in the plan",
            "write the name alone, such as RELEVE_CHAT_URL, and set it where Relève is started",
            (*place, "url_env"),
        )


def _judge_secret_path(path: str, place: Place) -> Iterator[Problem]:
    """The text is not shown where it may be the secret itself."""
    if path and not _is_plain_path(path.removeprefix("~")):
        yield Problem(
            f"{name_place(place)} is not the absolute path of a file",
            "a file beside releve.yml would come into the repository, for all its readers",
            "write a path from / or ~/, such as /etc/releve/token, and `chmod 600` the file",
            place,
        )


def _is_plain_path(path: str) -> bool:
    return (
        path.startswith("/")
        and posixpath.normpath(path).replace("//", "/") == path
        and len(path.encode("utf-8", "surrogatepass")) < _LONGEST_PATH
        and path.isprintable()
    )


def _judge_host(host: HostPlan, place: Place) -> Iterator[Problem]:
    watch = host.watch
    for key in ("read_only", "certificates", "ignore_units"):
        entries: list[str] = getattr(watch, key)
        if len(entries) > _MOST_ENTRIES:
            yield Problem(
                f"{name_place((*place, key))} has {len(entries)} entries",
                f"each is looked at in every round; {_MOST_ENTRIES} are the most",
                "name only those that matter",
                (*place, key),
            )
    for key, noun in (("read_only", "mount point"), ("certificates", "certificate file")):
        for index, path in enumerate(getattr(watch, key)):
            if not _is_plain_path(path):
                yield Problem(
                    f"the {noun} {quote(path)} is not an absolute path, written plainly",
                    "it is compared with what the host says, letter by letter",
                    "write it from the root, without a slash at its end",
                    (*place, key, index),
                )
    for index, unit in enumerate(watch.ignore_units):
        if not _UNIT.fullmatch(unit):
            yield Problem(
                f"{quote(unit)} is not the whole name of a unit",
                "systemd names a failed unit with its kind",
                "write it as `systemctl --failed` shows it, such as motd-news.service",
                (*place, "ignore_units", index),
            )


def _judge_automation(plan: Plan) -> Iterator[Problem]:
    for name, host in plan.hosts.items():
        if host.automation is Automation.PROPOSE:
            continue
        place: Place = ("hosts", name, "automation")
        if not host.watch.enabled:
            yield Problem(
                f"{name_place(place)} is {host.automation.value}, and the host is not watched",
                "nobody would see it crash, so no run would ever start",
                "write `automation: propose`, or `enabled: true` under watch",
                place,
            )
        elif host.automation is Automation.AUTO and count_controls(plan) < _CONTROLS_NEEDED:
            yield Problem(
                f"{name_place(place)} is auto, with one control only",
                "a dead host is told from a dead network by two of three controls: the"
                " provider, watch.outside, another watched host; this plan has the provider"
                " alone",
                "name an `outside:` under watch, or write `automation: approve`",
                place,
            )


def _plain(address: str) -> str:
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return address
