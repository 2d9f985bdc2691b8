"""What is written for people and editors says what the types say."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # comes with ansible-lint, without types
import pytest

from releve.model.fact_reference import write_fact_reference
from releve.model.fact_shapes import SHAPES
from releve.model.observed import FactKind
from releve.plan.keys import PROVIDER_KINDS, SECTIONS
from releve.plan.loading import load_plan
from releve.plan.reference import EXAMPLE, write_reference
from releve.plan.schema import DIALECT, make_schema, write_schema
from releve.plan.strict import Strict
from releve.plan.types import CHECK_KINDS, HostPlan, Plan, VolumePlan, name_check_kind
from releve.plan.watch_types import NotifyChannel, WatchPlan
from releve.plan.yaml_tree import read_yaml
from tests.plan.broken_plans import GOOD, BrokenPlan, read_broken_plans

ROOT = Path(__file__).parents[2]
TYPES: list[type[Strict]] = [
    Plan,
    HostPlan,
    VolumePlan,
    *PROVIDER_KINDS.values(),
    *SECTIONS.values(),
    *CHECK_KINDS.values(),
    WatchPlan,
    NotifyChannel,
]


@pytest.mark.parametrize(
    ("path", "command", "written"),
    [
        ("docs/reference/plan.md", "releve schema --reference", write_reference),
        ("docs/reference/releve.schema.json", "releve schema", write_schema),
        ("docs/reference/facts.md", "releve schema --facts", write_fact_reference),
    ],
)
def test_document_is_up_to_date(path: str, command: str, written: Any) -> None:
    assert (ROOT / path).read_text() == written(), f"run: {command} > {path}"


@pytest.mark.parametrize("type_", TYPES, ids=lambda type_: type_.__name__)
def test_every_key_is_described(type_: type[Strict]) -> None:
    assert type_.__doc__
    for key, field in type_.model_fields.items():
        assert field.description, f"{type_.__name__}.{key} has no description"


def test_every_key_is_on_the_page() -> None:
    page = write_reference()
    for type_ in TYPES:
        assert str(type_.__doc__).strip() in page
        for key in type_.model_fields:
            assert f"| `{key}` |" in page


def test_every_kind_of_fact_is_on_its_page_with_all_it_holds() -> None:
    rows = write_fact_reference().splitlines()
    assert set(SHAPES) == set(FactKind)
    for kind, shape in SHAPES.items():
        (row,) = [row for row in rows if row.startswith(f"| `{kind.value}` |")]
        assert row.count(" | ") == 4
        assert [
            name for name in (*shape.attributes, *shape.evidence) if f"`{name}`" not in row
        ] == []


def test_example_of_the_page_is_right(tmp_path: Path) -> None:
    for path in ("site.yml", "inventory/hosts.yml", "checks/test_blog.py"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    (tmp_path / "releve.yml").write_text(EXAMPLE)
    checks = load_plan(tmp_path / "releve.yml").host("blog").checks
    assert {name_check_kind(check) for check in checks} == set(CHECK_KINDS)


def test_schema_refuses_unknown_keys_everywhere() -> None:
    schema = make_schema()
    assert schema["$schema"] == DIALECT
    objects = [schema, *schema["$defs"].values()]
    objects = [found for found in objects if found.get("type") == "object"]
    assert len(objects) == len(TYPES)
    assert all(found["additionalProperties"] is False for found in objects)


def test_defaults_in_the_schema_fit_it() -> None:
    """A default that its own pattern refuses would underline a right plan in every editor."""
    found = 0
    for definition in make_schema()["$defs"].values():
        for key, rule in definition.get("properties", {}).items():
            if "pattern" in rule and "default" in rule:
                assert re.fullmatch(rule["pattern"], rule["default"]), key
                found += 1
    assert found >= 5


def test_each_check_of_the_schema_needs_its_own_key() -> None:
    schema = make_schema()
    choices = schema["$defs"]["HostPlan"]["properties"]["checks"]["items"]["oneOf"]
    kinds = [schema["$defs"][choice["$ref"].rpartition("/")[2]]["required"] for choice in choices]
    assert kinds == [[kind] for kind in CHECK_KINDS]


def test_schema_is_what_it_says_it_is() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(write_schema()))


@pytest.mark.parametrize("text", [EXAMPLE, (GOOD / "releve.yml").read_text()], ids=["page", "good"])
def test_schema_accepts_right_plans(text: str) -> None:
    jsonschema.Draft202012Validator(make_schema()).validate(read_yaml(text, shown_path="").data)


@pytest.mark.parametrize("case", list(read_broken_plans("types")), ids=lambda case: case.name)
def test_schema_refuses_what_loading_refuses(case: BrokenPlan, tmp_path: Path) -> None:
    """An editor underlines every wrong type and key before anybody runs a check."""
    data = read_yaml(case.write(tmp_path).read_text(), shown_path="releve.yml").data
    assert not jsonschema.Draft202012Validator(make_schema()).is_valid(data)
