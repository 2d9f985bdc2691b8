"""Every example of real output gives exactly the facts that stand in it, and no secret in clear."""

import ast
import importlib
import json
import pkgutil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from releve.model.fact_shapes import SHAPES
from releve.model.observed import FactKind
from releve.scan import collector
from releve.scan.collector.system import NotChecked
from tests.scan.example_system import ExampleSystem

EXAMPLES = Path(__file__).parent / "examples"
OTHERS = {"system", "files", "packages", "main"}  # tried in tests of their own
CANARY = "CANARY"  # every secret in an example holds this word

Yielded = tuple[str, str, dict[str, str], dict[str, str]]


def find_modules() -> list[ModuleType]:
    return [
        module
        for info in pkgutil.iter_modules(collector.__path__)
        if info.name not in OTHERS
        and hasattr(
            module := importlib.import_module(f"releve.scan.collector.{info.name}"), "KINDS"
        )
    ]


MODULES = find_modules()
CASES = [
    path
    for module in MODULES
    for path in sorted((EXAMPLES / module.__name__.rsplit(".", 1)[-1]).glob("*.json"))
]


def collect_example(path: Path) -> tuple[dict[str, Any], list[Yielded]]:
    example = json.loads(path.read_text())
    module = importlib.import_module(f"releve.scan.collector.{path.parent.name}")
    return example, run_collector(module, example)


def run_collector(module: ModuleType, example: dict[str, Any]) -> list[Yielded]:
    """What the framework makes of it: a NotChecked becomes one fact for each of the kinds."""
    names = (
        "files",
        "commands",
        "links",
        "owners",
        "unreadable",
        "empty_directories",
        "offline",
    )
    system = ExampleSystem(**{name: example[name] for name in names if name in example})
    facts: list[Yielded] = []
    try:
        facts.extend(module.collect(system))
    except NotChecked as failure:
        facts.extend(("not_checked", kind, {"why": str(failure)}, {}) for kind in module.KINDS)
    return sorted(facts, key=lambda fact: (fact[0], fact[1]))


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_an_example_gives_its_facts(path: Path) -> None:
    example, facts = collect_example(path)
    assert [list(fact) for fact in facts] == example["facts"]


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_facts_keep_to_their_shape_and_hold_no_secret(path: Path) -> None:
    _, facts = collect_example(path)
    module = importlib.import_module(f"releve.scan.collector.{path.parent.name}")
    allowed = {*module.KINDS, "not_checked", "exclusion"}
    for kind, key, attributes, evidence in facts:
        shape = SHAPES[FactKind(kind)]
        assert kind in allowed
        assert set(attributes) <= set(shape.attributes)
        assert set(evidence) <= set(shape.evidence)
        assert all(
            isinstance(text, str) for text in (key, *attributes.values(), *evidence.values())
        )
    keys = [(kind, key) for kind, key, _, _ in facts]
    assert len(keys) == len(set(keys))
    assert CANARY not in json.dumps(facts)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rsplit(".", 1)[-1])
def test_a_collector_runs_on_old_python_and_touches_nothing_itself(module: ModuleType) -> None:
    assert module.__file__ is not None
    tree = ast.parse(Path(module.__file__).read_text(), feature_version=(3, 6))
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert not imported & {"subprocess", "os", "io", "pathlib", "shutil", "socket", "dataclasses"}
    called = {node.func.id for node in ast.walk(tree) if is_plain_call(node)}  # type: ignore[attr-defined]
    assert not called & {"open", "exec", "eval", "__import__"}


def is_plain_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rsplit(".", 1)[-1])
def test_an_empty_machine_is_no_error(module: ModuleType) -> None:
    for offline in (False, True):
        facts = run_collector(module, {"offline": offline})
        assert {fact[0] for fact in facts} <= {*module.KINDS, "not_checked"}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rsplit(".", 1)[-1])
def test_every_collector_has_examples(module: ModuleType) -> None:
    found = {path.stem for path in (EXAMPLES / module.__name__.rsplit(".", 1)[-1]).glob("*.json")}
    assert any(name.startswith("hostile") for name in found)
    assert len(found) >= 3


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rsplit(".", 1)[-1])
@pytest.mark.parametrize("damage", ["cut", "binary", "long", "doubled", "lines"])
def test_damaged_input_is_never_an_error(module: ModuleType, damage: str) -> None:
    """Every file and every answer of every example is spoilt; only NotChecked may come of it."""
    for path in sorted((EXAMPLES / module.__name__.rsplit(".", 1)[-1]).glob("*.json")):
        example = json.loads(path.read_text())
        spoilt = dict(example)
        spoilt["files"] = {
            name: spoil(text, damage) for name, text in example.get("files", {}).items()
        }
        spoilt["commands"] = {
            words: {**answer, "out": spoil(str(answer.get("out", "")), damage)}
            for words, answer in example.get("commands", {}).items()
        }
        facts = run_collector(module, spoilt)
        keys = [(kind, key) for kind, key, _, _ in facts]
        assert len(keys) == len(set(keys))


def test_a_text_over_the_bounds_of_the_receiver_is_a_blind_spot_not_a_refused_scan() -> None:
    framework = importlib.import_module("releve.scan.collector.collecting")
    module = ModuleType("oversized")
    oversized: Yielded = ("setting", "name", {"value": "x" * (65 << 10)}, {})
    facts: list[Yielded] = [oversized, ("cron", "x" * (9 << 10), {}, {}), ("cron", "", {}, {})]
    vars(module).update(KINDS=("setting", "cron"), LIVE=False, collect=lambda _: iter(facts))
    gathered = framework.gather(module, ExampleSystem())
    assert [fact[1] for fact in gathered] == ["not_checked"] * len(facts)
    assert [fact[2][:8] for fact in gathered] == ["setting:", "cron:xxx", "cron:"]


def spoil(text: str, damage: str) -> str:
    half = len(text) // 2
    return {
        "cut": text[:half],
        "binary": text[:half] + "\x00\x01\x1b[2J\udcff\udcfe" + text[half:],
        "long": text[:half] + "A" * 300_000 + text[half:],
        "doubled": text + text,
        "lines": text.replace("\n", "\r\n\n").replace(":", "::"),
    }[damage]
