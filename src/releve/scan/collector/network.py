"""Addresses, routes and rules of routing, and what the interfaces are."""

import json
import re

from releve.scan.collector.system import NotChecked

KINDS = ("address", "route")
LIVE = True

# of containers and virtual machines, with names made up at each start
_PASSING = re.compile(r"\A(?:veth|cali|tap|vnet|fwpr|fwln|lxc[0-9a-f]+)")
_DEFAULT_RULES = {(0, "local"), (32766, "main"), (32767, "default")}
_ADDRESS = re.compile(r"\A[0-9A-Fa-f:.]{2,45}\Z")
_WORD = re.compile(r"\A[^\s\x00-\x1f\x7f]{1,64}\Z")


def collect(system):
    seen: set[str] = set()
    for read in (_addresses, _routes, _rules):
        try:
            facts = list(read(system))
        except NotChecked as failure:
            kind = {"_addresses": "address", "_routes": "route"}.get(read.__name__, "route:rules")
            facts = [("not_checked", kind, {"why": str(failure)}, {})]
        for fact in facts:
            if fact[0] + fact[1] not in seen:
                seen.add(fact[0] + fact[1])
                yield fact


def _addresses(system):
    for link in _ask(system, ["ip", "-j", "addr"]):
        name = _text(link, "ifname")
        if not _WORD.match(name) or _PASSING.match(name):
            continue
        for entry in _items(link, "addr_info"):
            local = _text(entry, "local")
            if not _ADDRESS.match(local) or local in ("127.0.0.1", "::1"):
                continue
            key = "%s %s/%s" % (name, local, _text(entry, "prefixlen"))
            scope = _text(entry, "scope")
            yield "address", key, {"scope": scope, "origin": _origin(entry, scope)}, {}


def _origin(entry, scope):
    if scope == "link":
        return "link-local"
    return "dhcp" if entry.get("dynamic") or _text(entry, "protocol") == "kernel_ra" else "static"


def _routes(system):
    for family in ("-4", "-6"):
        for route in _ask(system, ["ip", "-j", family, "route", "show", "table", "all"]):
            origin = _text(route, "protocol")
            # these follow from the addresses
            if origin == "kernel" or _text(route, "table") == "local":
                continue
            if _PASSING.match(_text(route, "dev")) or _text(route, "type") in (
                "local",
                "multicast",
            ):
                continue
            key = _route_key(route, "inet6" if family == "-6" else "")
            if re.search("[\x00-\x1f\x7f]", key) or len(key) > 1024:
                continue
            yield "route", key, {"origin": origin or "boot"}, {}


def _route_key(route, family):
    destination = _text(route, "dst") or "?"
    words = [_text(route, "type"), destination]
    if destination == "default" and family:
        words.append(family)
    via = route.get("via") if isinstance(route.get("via"), dict) else {}
    gateway = _text(route, "gateway") or _text(via or {}, "host")
    hops = [_text(hop, "gateway") or _text(hop, "dev") for hop in _items(route, "nexthops")]
    gateway = gateway or ",".join(sorted(hops))
    for name, value in (
        ("via", gateway),
        ("dev", _text(route, "dev")),
        ("table", _text(route, "table").replace("main", "")),
        ("src", _text(route, "prefsrc") if _text(route, "protocol") in ("static", "boot") else ""),
    ):
        words += [name, value] if value else []
    return " ".join(word for word in words if word and word != "unicast")


def _rules(system):
    for family in ("-4", "-6"):
        for rule in _ask(system, ["ip", "-j", family, "rule"]):
            priority, table = rule.get("priority"), _text(rule, "table")
            if (priority, table) in _DEFAULT_RULES:
                continue
            rest = sorted(set(rule) - {"priority"})
            words = ["%s %s" % (name, _text(rule, name)) for name in rest]
            yield "route", " ".join(["rule", family, _text(rule, "priority"), *words]), {}, {}


def _ask(system, argv):
    code, out = system.run(argv)
    if code != 0:
        raise NotChecked("%s ends with %d" % (" ".join(argv), code))
    try:
        answer = json.loads(out.decode("utf-8", "replace") or "[]")
    except (ValueError, RecursionError):
        raise NotChecked("%s gives no JSON" % " ".join(argv)) from None
    items = answer if isinstance(answer, list) else []
    return [item for item in items if isinstance(item, dict)]


def _items(mapping, name):
    value = mapping.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(mapping, name):
    value = mapping.get(name)
    return "" if value is None or isinstance(value, (dict, list)) else str(value)[:256]
