"""Score findings against a planted corpus: recall, false findings, findings per planted fact.

The corpus is a program whose `list` prints a line of ID, kind, class, title and witnesses for each
change, parted by tabs. Observed states are files with one JSON array per fact and line: kind, key,
attributes, evidence. Example:

  score_corpus.py corpus.sh --live live.jsonl --twin twin.jsonl --noise twin.jsonl:aged.jsonl:ageing
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from releve.drift.compare import compare
from releve.drift.examine import Comparison, Facts, examine
from releve.drift.ledger import LedgerInput, make_ledger
from releve.drift.noise import learn
from releve.model.finding import DeviationStatus, Finding, Tier
from releve.model.noise import NoiseMark
from releve.model.observed import Fact, FactKind
from releve.model.server_text import show_server_text

UNCOUNTED = (Tier.VERSION, Tier.IDENTITY)  # one finding each at most, and never drift
KINDS = {
    "pkg": FactKind.PACKAGE, "user": FactKind.USER, "group": FactKind.GROUP, "pip": FactKind.PIP,
    "alt": FactKind.ALTERNATIVE, "npm": FactKind.NPM, "gem": FactKind.GEM, "unit": FactKind.UNIT,
    "sysctl": FactKind.SYSCTL, "nft": FactKind.FIREWALL, "addr": FactKind.ADDRESS,
    "route": FactKind.ROUTE, "listen": FactKind.LISTENER, "database": FactKind.DATABASE,
    "dbuser": FactKind.DATABASE_ROLE, "dbvar": FactKind.DATABASE_VARIABLE,
}  # fmt: skip


@dataclass(frozen=True)
class Planted:
    name: str
    kind: str
    visible: str  # disk, live, db; drop: must not be reported
    title: str
    witnesses: tuple[str, ...]


def main() -> int:
    options = read_options()
    planted = [item for item in read_corpus(options.corpus) if item.visible != "drop"]
    if options.only:
        planted = [item for item in planted if item.name in options.only.split(",")]
    comparison = make_comparison(options)
    examination = examine(comparison)
    report(planted, examination.findings)
    print(f"{len(comparison.noise)} marks, {examination.masked_count} masked")
    if options.ledger:
        base = read_facts(options.twin_base) if options.twin_base else None
        ledger = make_ledger(LedgerInput(comparison, examination, base=base))
        counts = ", ".join(f"{count:,} {why}" for why, count in ledger.tree.counts.items())
        print(f"{ledger.facts:,} facts: {counts}")
    return 0


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("corpus", type=Path)
    for name in ("live", "twin"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in ("replayed", "live-base", "twin-base"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--noise", action="append", default=[], help="ONE:OTHER:SOURCE")
    parser.add_argument("--volume", action="append", default=[], help="MOUNT_POINT=ID")
    parser.add_argument("--only", default="", help="IDs that were planted, parted by commas")
    parser.add_argument("--ledger", action="store_true")
    return parser.parse_args()


def read_corpus(program: Path) -> Iterator[Planted]:
    out = subprocess.run(["bash", str(program), "list"], check=True, capture_output=True, text=True)
    for line in out.stdout.splitlines():
        name, kind, visible, title, witnesses = line.split("\t")
        yield Planted(name, kind, visible, title, tuple(witnesses.split()))


def read_facts(path: Path) -> Facts:
    def read() -> Iterator[Fact]:
        with path.open(encoding="ascii") as lines:
            for line in lines:
                kind, key, attributes, evidence = json.loads(line)
                yield Fact(FactKind(kind), key, attributes, evidence)

    return read


def make_comparison(options: argparse.Namespace) -> Comparison:
    marks: set[NoiseMark] = set()
    for pair in options.noise:
        one, other, source = pair.split(":")
        marks |= set(
            learn(compare(read_facts(Path(one))(), read_facts(Path(other))()), source=source)
        )
    return Comparison(
        "host",
        read_facts(options.live),
        read_facts(options.twin),
        replayed=read_facts(options.replayed) if options.replayed else None,
        live_base=read_facts(options.live_base) if options.live_base else None,
        twin_base=read_facts(options.twin_base) if options.twin_base else None,
        noise=frozenset(marks),
        volumes=dict(item.split("=", 1) for item in options.volume),
    )


def report(planted: list[Planted], findings: tuple[Finding, ...]) -> None:
    explained: dict[str, list[str]] = {item.fingerprint: [] for item in findings}
    found = 0
    for item in planted:
        missed = []
        for witness in item.witnesses:
            holders = [finding for finding in findings if is_witness(finding, witness)]
            missed += [] if holders else [witness]
            for finding in holders:
                explained[finding.fingerprint].append(item.name)
        found += not missed
        if missed:
            print(f"MISSED {item.name} {item.kind}: {' '.join(missed)}")
    for finding in findings:
        names = ",".join(dict.fromkeys(explained[finding.fingerprint])) or "-"
        title = show_server_text(finding.title, limit=160)
        print(f"{finding.tier:13} {names:24} {len(finding.deviations) + finding.folded:6} {title}")
        if names == "-":
            for deviation in finding.deviations[:6]:
                shown = show_server_text(deviation.key, limit=110)
                print(f"{'':38}{deviation.status} {deviation.kind} {shown} {deviation.attributes}")
    strange = [
        item for item in findings
        if not explained[item.fingerprint] and item.tier not in UNCOUNTED
    ]  # fmt: skip
    print(
        f"\n{found} of {len(planted)} planted facts found ({found / max(1, len(planted)):.1%}); "
        f"{len(findings)} findings, {len(findings) / max(1, len(planted)):.2f} per fact; "
        f"{len(strange)} to be explained by hand"
    )


def is_witness(finding: Finding, witness: str) -> bool:
    sort, _, name = witness.partition(":")
    if sort in ("live", "db"):
        sort, _, name = name.partition(":")
        sort = "dbuser" if witness.startswith("db:user") else sort
    if sort in ("file", "pin"):
        return any(holds_path(finding, name))
    wanted = KINDS[sort]
    for deviation in finding.deviations:
        if deviation.kind is wanted and names_it(deviation.key, name, sort):
            return True
    return False


def holds_path(finding: Finding, path: str) -> Iterator[bool]:
    """The path itself, or a directory above it that is reported as new or gone."""
    for deviation in finding.deviations:
        if deviation.kind is FactKind.FILE:
            is_tree = deviation.status is not DeviationStatus.MODIFIED
            yield deviation.key == path or (is_tree and path.startswith(deviation.key + "/"))


def names_it(key: str, name: str, sort: str) -> bool:
    if not name:
        return True
    if sort in ("pip", "npm", "gem", "database", "dbuser", "dbvar"):
        return key.partition(" ")[2] == name
    if sort == "listen":
        return key.startswith("tcp ") and key.endswith(" " + name.rpartition(":")[2])
    return key == name or key.partition(" ")[2] == name


if __name__ == "__main__":
    sys.exit(main())
