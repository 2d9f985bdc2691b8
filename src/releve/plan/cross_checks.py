"""What single types cannot see: entries that contradict each other or cannot work; pure."""

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import BaseModel

from releve.plan.check_rules import list_check_problems
from releve.plan.drill_rules import list_drill_problems
from releve.plan.durations import format_duration
from releve.plan.problems import Place, Problem, name_place, quote, show_word
from releve.plan.provider_types import LxdProvider, OpenstackProvider, ProviderPlan
from releve.plan.sizes import parse_size
from releve.plan.types import (
    ConvergePlan,
    HostKeyPolicy,
    HostPlan,
    Objectives,
    Plan,
    SshPlan,
)
from releve.plan.volume_rules import list_filesystem_problems, list_volume_problems
from releve.plan.watch_rules import list_watch_problems

_HOST: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_LOGIN: Final = re.compile(r"[a-z_][a-z0-9_.-]{0,31}", re.IGNORECASE)
_TAG: Final = re.compile(r"[\w./:@+-]{1,100}")
_WORD: Final = re.compile(r"[^\s\x00-\x1f\x7f]{1,255}")
_GROUPS_OF_ANSIBLE: Final = {"all", "ungrouped", "localhost"}
_TAGS_OF_ANSIBLE: Final = {"all", "always", "tagged", "untagged", "never"}


def list_contradictions(plan: Plan) -> list[Problem]:
    """Every problem that the plan shows by itself, without looking at any file."""
    problems = [*_judge_provider(plan.provider), *_judge_durations(plan, ())]
    for name, host in plan.hosts.items():
        place: Place = ("hosts", name)
        problems += [
            *_judge_inventory_name(name, host, place=place),
            *_judge_names(host, place),
            *_judge_address(host.address, (*place, "address")),
            *list_volume_problems(host, place),
            *_judge_ssh(host.ssh, (*place, "ssh")),
            *_judge_login(plan.provider, host.ssh, place=(*place, "ssh", "user")),
            *_judge_host_keys(plan.provider, host.ssh, place=(*place, "ssh", "host_keys")),
            *list_filesystem_problems(host, place, is_mounted=plan.provider.mounts_volumes),
            *_judge_converge(host.converge, (*place, "converge")),
            *list_check_problems(host, place),
            *_judge_objectives(host.objectives, (*place, "objectives")),
            *list_drill_problems(host, (*place, "drill")),
        ]
    return [*problems, *list_watch_problems(plan), *_list_shared(plan)]


def _judge_provider(provider: ProviderPlan) -> Iterator[Problem]:
    if isinstance(provider, LxdProvider):
        yield from _judge_endpoint(provider.endpoint, ("provider", "endpoint"))
    else:
        yield from _judge_cloud(provider)


def _judge_endpoint(endpoint: str, at: Place) -> Iterator[Problem]:
    if not endpoint or endpoint.startswith("/") or re.fullmatch(r"lab:[a-z0-9-]{1,40}", endpoint):
        return
    try:
        url = urlsplit(endpoint)
        is_https = url.scheme == "https" and bool(url.hostname) and "@" not in url.netloc
    except ValueError:
        is_https = False
    if not is_https:
        yield Problem(
            f"{name_place(at)} is neither a socket path nor an https URL",
            "the provider is reached over its unix socket, or over HTTPS with a certificate",
            "write an absolute path, or https://name:8443",
            at,
        )


def _judge_cloud(provider: OpenstackProvider) -> Iterator[Problem]:
    parsers: tuple[tuple[str, Callable[[str], object], str], ...] = (
        ("system_disk", parse_size, "write a whole number and a unit, such as 25GiB"),
        ("controller", ipaddress.ip_network, "write an address, or a network such as 10.0.0.0/24"),
    )
    for key, parse, remedy in parsers:
        text, place = getattr(provider, key), ("provider", key)
        try:
            _ = parse(text) if text else None
        except ValueError as error:
            yield Problem(f"{name_place(place)} is {quote(text)}", str(error), remedy, place)


def _judge_inventory_name(name: str, host: HostPlan, *, place: Place) -> Iterator[Problem]:
    """Both names end in Ansible's --limit, where a pattern would reach other hosts."""
    named = [(name, place)]
    if host.converge.name:
        named.append((host.converge.name, (*place, "converge", "name")))
    for word, at in named:
        if not _HOST.fullmatch(word):
            yield Problem(
                f"the host name {quote(word)} has characters that no host name may have",
                "it names one host of the inventory; : , * ! & and blanks would make it a pattern",
                "use letters, digits, dash, dot and underscore",
                at,
            )
        elif word in _GROUPS_OF_ANSIBLE and (word == host.converge.name or not host.converge.name):
            yield Problem(
                f"{word} is not one host of an inventory",
                "Ansible gives that name a meaning of its own",
                "use the name that the inventory gives this host",
                at,
            )


def _judge_names(host: HostPlan, place: Place) -> Iterator[Problem]:
    for key in ("instance", "image", "size", "network"):
        value = getattr(host, key)
        if value and not _WORD.fullmatch(value):
            yield Problem(
                f"{name_place((*place, key))} is no name that a provider gives",
                f"{quote(value)} holds blanks or control characters, or is too long",
                "copy the name or id as the provider shows it",
                (*place, key),
            )


def _judge_address(address: str, place: Place) -> Iterator[Problem]:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        remedy = "write the IP address itself, such as 203.0.113.10"
        if "/" in address:
            remedy = f"write it without the prefix length: {show_word(address.partition('/')[0])}"
        yield Problem(
            f"{quote(address)} is not an IP address",
            "what moves to the new instance is one address, not a name or a network",
            remedy,
            place,
        )
        return
    kinds = {
        "the unspecified address": parsed.is_unspecified,
        "a multicast address": parsed.is_multicast,
        "a loopback address": parsed.is_loopback,
        "a link-local address": parsed.is_link_local,
        "the broadcast address": address == "255.255.255.255",
    }
    kind = next((kind for kind, holds in kinds.items() if holds), "")
    if kind:
        yield Problem(
            f"{address} is {kind}",
            "no provider can move such an address from one instance to another",
            "write the public address under which the host is reached",
            place,
        )


def _judge_login(provider: ProviderPlan, ssh: SshPlan, *, place: Place) -> Iterator[Problem]:
    if provider.kind == "lxd" and _LOGIN.fullmatch(ssh.user) and ssh.user != "root":
        yield Problem(
            f"{quote(ssh.user)} cannot log in on a new LXD instance",
            "its image knows no other user than root before the playbook has run",
            "write `user: root`; the playbook may still close root's door later",
            place,
        )


def _judge_host_keys(provider: ProviderPlan, ssh: SshPlan, *, place: Place) -> Iterator[Problem]:
    if ssh.host_keys is HostKeyPolicy.CARRY_OVER and not provider.carries_host_keys:
        yield Problem(
            f"{name_place(place)} is carry_over",
            "at this provider everybody in the instance could read the private keys",
            "write `host_keys: provider`, which reads the new keys through the provider",
            place,
        )


def _judge_ssh(ssh: SshPlan, place: Place) -> Iterator[Problem]:
    if not _LOGIN.fullmatch(ssh.user):
        yield Problem(
            f"{quote(ssh.user)} is not a login name",
            "login names are letters, digits, dash, dot and underscore",
            "write the user that logs in on the new instance, such as root or debian",
            (*place, "user"),
        )
    if ssh.host_keys is HostKeyPolicy.CARRY_OVER and not ssh.host_key_files:
        yield Problem(
            f"{name_place((*place, 'host_keys'))} is carry_over without host_key_files",
            "there are no keys that the new instance could be given",
            "name the vaulted private host keys in host_key_files, or write `host_keys: provider`",
            (*place, "host_keys"),
        )
    if ssh.host_keys is HostKeyPolicy.PROVIDER and ssh.host_key_files:
        yield Problem(
            f"{name_place((*place, 'host_key_files'))} would not be used",
            "host_keys is provider: the new instance makes its own keys",
            "write `host_keys: carry_over`, or delete host_key_files",
            (*place, "host_key_files"),
        )


def _judge_converge(converge: ConvergePlan, place: Place) -> Iterator[Problem]:
    for key in ("early_tags", "skip_tags"):
        for index, tag in enumerate(getattr(converge, key)):
            if not _TAG.fullmatch(tag) or tag.startswith("-"):
                yield Problem(
                    f"{quote(tag)} is not one tag",
                    "a comma or a blank would make it several",
                    "write each tag as an entry of its own",
                    (*place, key, index),
                )
            elif key == "early_tags" and tag in _TAGS_OF_ANSIBLE:
                yield Problem(
                    f"the early tag {tag} would run tasks that need the volumes",
                    "early tasks run before the data is there",
                    "name only tags whose tasks need no data, such as packages",
                    (*place, key, index),
                )
    for tag in sorted(set(converge.early_tags) & set(converge.skip_tags)):
        yield Problem(
            f"the tag {quote(tag)} is both early and skipped",
            "its tasks cannot be run first and never",
            "keep it in one of early_tags and skip_tags",
            (*place, "skip_tags", converge.skip_tags.index(tag)),
        )


def _judge_objectives(objectives: Objectives, place: Place) -> Iterator[Problem]:
    total = objectives.total
    if total is None:
        return
    for phase in Objectives.model_fields:
        wanted = getattr(objectives, phase)
        if wanted is not None and wanted > total:
            yield Problem(
                f"the objective of phase {phase} is longer than the total",
                f"{phase} is {format_duration(wanted)}, total is {format_duration(total)}",
                "shorten the phase or lengthen the total",
                (*place, phase),
            )


def _judge_durations(value: Any, place: Place) -> Iterator[Problem]:
    """No duration may be zero: a wait that ends at once can never succeed."""
    match value:
        case timedelta() if not value:
            yield Problem(
                f"{name_place(place)} is zero",
                "nothing can be done in no time",
                "write a longer duration, or delete the line for the default",
                place,
            )
        case BaseModel():
            for key in type(value).model_fields:
                yield from _judge_durations(getattr(value, key), (*place, key))
        case dict() | list():
            entries: Iterable[tuple[Any, Any]] = (
                value.items() if isinstance(value, dict) else enumerate(value)
            )
            for key, item in entries:
                yield from _judge_durations(item, (*place, key))


def _list_shared(plan: Plan) -> Iterator[Problem]:
    """What two hosts, or two volumes, both claim as theirs."""
    claims: list[tuple[str, Callable[[str, HostPlan], Iterator[tuple[str, Place]]]]] = [
        ("address", lambda _, host: iter([(_plain_address(host.address), ("address",))])),
        ("instance", lambda _, host: iter([(host.instance, ("instance",))])),
        ("inventory name", lambda name, host: iter([(host.converge.name or name, ())])),
        (
            "volume",
            lambda _, host: (
                (volume.id, ("volumes", name, "id")) for name, volume in host.volumes.items()
            ),
        ),
    ]
    for kind, claim in claims:
        owners: dict[str, Place] = {}
        for name, host in plan.hosts.items():
            for value, rest in claim(name, host):
                place: Place = ("hosts", name, *rest)
                if value in owners:
                    yield Problem(
                        f"the {kind} {show_word(value)} is claimed twice",
                        f"by {name_place(owners[value])} and by {name_place(place)}",
                        f"give each its own {kind}, or delete one of the two",
                        place,
                    )
                owners.setdefault(value, place)


def _plain_address(address: str) -> str:
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return address
