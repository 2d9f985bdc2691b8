"""The score counts what was found, what was missed, and what nobody planted."""

import json
import subprocess
import sys
from pathlib import Path

from releve.model.observed import FactKind
from tests.drift.machines import Machine, make_server

SCRIPT = Path(__file__).parents[2] / "scripts" / "score_corpus.py"
CORPUS = r"""printf '%s\t%s\t%s\t%s\t%s\n' \
  D1 conf disk 'a file' file:/etc/new.conf \
  D2 pkg disk 'a package' pkg:htop \
  D3 net live 'a port' live:listen:tcp:8099 \
  D4 fs disk 'within a new directory' file:/opt/tool/a/b \
  D5 user disk 'never done' user:nobody-made \
  N1 drop drop 'not to be reported' ''
"""


def save(machine: Machine, path: Path) -> Path:
    lines = (
        json.dumps([fact.kind, fact.key, dict(fact.attributes), dict(fact.evidence)])
        for fact in machine.facts()
    )
    path.write_text("\n".join(lines) + "\n")
    return path


def test_found_missed_and_unplanted_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "corpus.sh").write_text(CORPUS)
    live = make_server().file("/etc/new.conf").package("htop").directory("/opt/tool")
    live.put(FactKind.LISTENER, "tcp 0.0.0.0 8099", program="python3").file("/etc/unplanted")
    done = subprocess.run(
        [
            sys.executable, str(SCRIPT), str(tmp_path / "corpus.sh"),
            "--live", str(save(live, tmp_path / "live")),
            "--twin", str(save(make_server(), tmp_path / "twin")),
        ],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert "MISSED D5 user: user:nobody-made" in done.stdout
    assert "4 of 5 planted facts found" in done.stdout
    assert "1 to be explained by hand" in done.stdout
    assert "/etc/unplanted" in done.stdout
