"""The pages for people say what the program does: metrics, rules, unit, channels."""

import os
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from releve.adapters.notify.notifier import AppriseNotifier, Channel
from releve.console.last_runs import LastRun
from releve.console.metrics import Measured, render
from releve.model.run import RunRecord, RunState
from tests.console.doors import make_snapshot
from tests.console.test_metrics import run

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
RULES = yaml.safe_load((HOW_TO / "releve.rules.yml").read_text())
OURS = re.compile(r"\b(releve_[a-z_]+)(?:\{([^}]*)\})?")


def list_metrics() -> dict[str, set[str]]:
    """Sample name to the names of its labels, where everything is told."""
    now = datetime.now(UTC)
    record = RunRecord(run("first", mode="drill"), RunState.DONE, now, now, "")
    hook = dict.fromkeys(("accepted", "ignored", "refused", "unauthorised", "unreadable"), 0)
    text = render(Measured(make_snapshot(), (LastRun(record, "ready"),), hook=hook)).decode()
    return {
        sample.name: set(sample.labels)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_page_explains_each_metric_and_no_other() -> None:
    page = (HOW_TO / "monitoring.md").read_text()
    rows = re.findall(r"^\| `(releve_[a-z_]+)(?:\{([a-z_,]+)\})?` \|", page, re.MULTILINE)
    told = {name: set(labels.split(",")) if labels else set() for name, labels in rows}
    ours = {name: labels for name, labels in list_metrics().items() if name.startswith("releve_")}
    assert told == ours


RULE_LIST: list[dict[str, Any]] = [rule for group in RULES["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("rule", RULE_LIST, ids=lambda rule: rule["alert"])
def test_a_rule_asks_for_metrics_that_there_are(rule: dict[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"[A-Z][A-Za-z]+", rule["alert"])
    assert re.fullmatch(r"\d+[smhd]", rule.get("for", "1m"))
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"]
    assert rule["expr"].count("(") == rule["expr"].count(")")
    metrics = list_metrics()
    asked = OURS.findall(rule["expr"])
    assert asked or "up{" in rule["expr"]
    for name, matchers in asked:
        assert name in metrics
        assert set(re.findall(r"([a-z_]+)=", matchers)) <= metrics[name]


def test_a_rule_fires_when_releve_itself_is_down_or_stuck() -> None:
    by_name = {rule["alert"]: rule["expr"] for rule in RULE_LIST}
    assert "up{" in by_name["ReleveDown"]
    assert "absent(up{" in by_name["ReleveDown"]
    assert "releve_watch_lag_seconds" in by_name["ReleveStuck"]
    assert len(by_name) == len(RULE_LIST)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, with a program that is there in place of an installed releve."""
    if shutil.which("systemd-analyze") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("systemd-analyze is missing on CI")
        pytest.skip("THE UNIT WAS NOT VERIFIED: systemd-analyze is missing")
    text = (HOW_TO / "releve.service").read_text()
    path = tmp_path / "releve.service"
    path.write_text(text.replace("/opt/releve/bin/releve", "/bin/true"))
    assert "/bin/true" in path.read_text()
    return path


def test_systemd_finds_nothing_to_say_about_the_unit(unit: Path) -> None:
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    ours = [line for line in verified.stderr.splitlines() if "releve" in line]
    assert ours == []


def test_the_unit_may_do_little(unit: Path) -> None:
    """The score of systemd: 0 is nothing, 10 is all that root may; 9.6 without any of it."""
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    found = re.search(r"exposure level.*: ([0-9.]+)", judged.stdout)
    assert found is not None, judged.stderr
    assert float(found.group(1)) < 2.0


def test_each_channel_of_the_page_is_one_that_apprise_can_read() -> None:
    page = (HOW_TO / "monitoring.md").read_text()
    section = page.partition("## Channels")[2].partition("\n## ")[0]
    urls = re.findall(r"^\| [^|]+ \| `([a-z]+://[^`]+)` \|", section, re.MULTILINE)
    assert len(urls) > 6
    filled = {
        "TOKEN_A": "T1JJ3T3L2",
        "TOKEN_B": "A1BRTD4JD",
        "TOKEN_C": "TIiajkdnlazkcOXrIdevi7FQ",
        "BOT_TOKEN": "123456789:abcdefg_hijklmnop",
        "CHAT_ID": "12315544",
        "HOOK_KEY": "abcdefghijklmnopqrstuvwxyz",
        "!ROOM_ID": "!abcdefgh:example.org",
    }
    for name, value in filled.items():
        urls = [url.replace(name, value) for url in urls]
    tried = AppriseNotifier([Channel(url, url) for url in urls]).check()
    assert {delivery.channel: delivery.failure for delivery in tried} == dict.fromkeys(urls, "")
