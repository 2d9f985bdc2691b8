"""The packet filter as the kernel has it: one fact for each rule, without counters and handles."""

import re

from releve.scan.collector.system import NotChecked

KINDS = ("firewall",)
LIVE = True

_COUNTER = re.compile(r"\bcounter packets \d+ bytes \d+")
_HANDLE = re.compile(r"\s*# handle \d+\Z")
_NOISE = re.compile(r"\s+(?:used \d+|expires \S+)")
_DYNAMIC_SET = re.compile(r"\bflags\b.*\b(?:dynamic|timeout)\b")
_LONGEST_RULE = 8192
_MOST_RULES = 50000


def collect(system):
    seen: dict[str, int] = {}
    for line in _nft(system):
        yield _fact("nft " + line, seen)
    for family, program in (("ip", "iptables-save"), ("ip6", "ip6tables-save")):
        for line in _legacy(system, family, program):
            yield _fact("iptables %s %s" % (family, line), seen)
        if len(seen) > _MOST_RULES:
            raise NotChecked("more than %d rules" % _MOST_RULES)


def _fact(rule, seen):
    """A rule that stands there twice is one too; the second one gets a number."""
    seen[rule] = seen.get(rule, 0) + 1
    key = rule if seen[rule] == 1 else "%s #%d" % (rule, seen[rule])
    if len(key) > _LONGEST_RULE:
        why = "a rule of %d characters" % len(rule)
        return "not_checked", "firewall:rule %d" % sum(seen.values()), {"why": why}, {}
    return "firewall", key, {}, {}


def _nft(system):
    code, out = system.run(["nft", "-s", "list", "ruleset"])
    if code == 127:
        return
    if code != 0:
        raise NotChecked("nft ends with %d" % code)
    for rule in _rules(_statements(out.decode("utf-8", "surrogateescape"))):
        yield rule


def _statements(text):
    """Lines, where a set's elements over several lines are one."""
    waiting = ""
    for raw in text.split("\n"):
        line = " ".join(_NOISE.sub("", _HANDLE.sub("", raw)).split())
        waiting = (waiting + " " + line).strip()
        opens = "elements = {" in waiting and waiting.count("{") > waiting.count("}")
        if waiting and not opens:
            yield waiting
            waiting = ""
    if waiting:
        yield waiting


def _rules(statements):
    """`FAMILY TABLE CHAIN RULE` for each statement of each chain, and the chains themselves."""
    path: list[str] = []
    changing = False
    for line in statements:
        if line.endswith("{"):
            path.append(line[:-1].strip())
            changing = False
            yield _place(path) + " defined"
        elif line == "}":
            path = path[:-1]
        elif _DYNAMIC_SET.search(line):
            changing = True  # the kernel itself adds its elements
            yield "%s %s" % (_place(path), line)
        elif not (changing and line.startswith("elements")):
            yield "%s %s" % (_place(path), _COUNTER.sub("counter", line))


def _place(path):
    return " ".join(re.sub(r"\A(?:table|chain) ", "", step) for step in path)


def _legacy(system, family, program):
    """Only what is not in nft's own tables already: the nft variant shows the same rules."""
    names = {"ip": "/proc/net/ip_tables_names", "ip6": "/proc/net/ip6_tables_names"}[family]
    try:
        in_use = system.read(names)
    except NotChecked:
        return
    if not (in_use or b"").strip():
        return
    code, out = system.run([program.replace("tables-save", "tables-legacy-save")])
    if code != 0:
        code, out = system.run([program])
    if code != 0:
        raise NotChecked("%s cannot list the rules that are in use" % program)
    for rule in _saved(out.decode("utf-8", "surrogateescape")):
        yield rule


def _saved(text):
    table = ""
    for raw in text.split("\n"):
        line = " ".join(raw.split())
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith(":"):
            chain, _, policy = line[1:].partition(" ")
            yield "%s %s policy %s" % (table, chain, policy.split(" ")[0])
        elif line.startswith("-A "):
            chain, _, rule = line[3:].partition(" ")
            yield "%s %s %s" % (table, chain, rule)
