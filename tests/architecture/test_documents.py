"""The documents and the tree say the same."""

import re
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

import releve

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "releve"
FORBIDDEN_MODULE_NAMES = frozenset(
    {"helper", "helpers", "util", "utils", "common", "manager", "managers", "misc", "handlers"}
)


def packages_in_tree() -> set[str]:
    return {
        str(path.parent.relative_to(PACKAGE))
        for path in PACKAGE.rglob("__init__.py")
        if path.parent != PACKAGE
    }


def packages_in_map() -> set[str]:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    block = text.split("```")[1]
    found, parents = set(), {2: ""}
    for line in block.splitlines():
        match = re.match(r"^( +)([a-z_/]+)/ ", line + " ")
        if match:
            depth = len(match.group(1))
            path = parents.get(depth, "") + match.group(2)
            found |= {path} | {path.rsplit("/", 1)[0]}
            parents[depth + 2] = path + "/"
    return found


def test_every_package_is_on_the_map_and_every_package_on_the_map_exists() -> None:
    assert packages_in_map() == packages_in_tree()


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    changelog = (ROOT / "CHANGELOG.md").read_text()
    newest = re.search(r"^## (\S+)", changelog, re.MULTILINE)
    assert newest is not None
    assert newest.group(1) == project["version"] == releve.__version__


def test_every_command_is_in_the_readme() -> None:
    from releve.cli.main import app  # noqa: PLC0415 - the other tests here need no CLI

    readme = (ROOT / "README.md").read_text()
    names = list(get_command(app).commands)  # type: ignore[attr-defined] # a click group
    assert names
    assert [name for name in names if f"releve {name}" not in readme] == []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "docs" / "decisions").glob("*.md")), ids=lambda path: path.name
)
def test_a_decision_is_numbered_dated_and_says_what_follows(path: Path) -> None:
    text = path.read_text()
    number = path.name[:4]
    assert text.startswith(f"# {number} ")
    assert re.search(r"^Date: \d{4}-\d\d-\d\d$", text, re.MULTILINE)
    assert "## Decision" in text


def test_no_module_is_named_after_nothing() -> None:
    bad = [path for path in PACKAGE.rglob("*.py") if path.stem in FORBIDDEN_MODULE_NAMES]
    assert bad == []


def test_modules_and_functions_stay_small() -> None:
    long_modules = {
        str(path.relative_to(ROOT)): count
        for path in PACKAGE.rglob("*.py")
        if (count := len(path.read_text().splitlines())) > 300
    }
    assert long_modules == {}


def test_no_file_names_a_registry_or_a_path_of_this_machine() -> None:
    hosts = read_registry_hosts()
    offenders = [
        (str(path.relative_to(ROOT)), word)
        for path in tracked_files()
        for word in (*hosts, str(ROOT) + "/")
        if word in path.read_text(errors="replace")
    ]
    assert offenders == []


def read_registry_hosts() -> set[str]:
    """Host names in this machine's own apt sources."""
    sources = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]
    text = "\n".join(path.read_text(errors="replace") for path in sources if path.is_file())
    return set(re.findall(r"https?://([a-z0-9.-]+)", text))


def tracked_files() -> list[Path]:
    skipped = {".git", ".venv", "__pycache__"}
    return [
        path
        for path in ROOT.rglob("*")
        if path.is_file()
        and not skipped & set(path.relative_to(ROOT).parts)
        and not any(part.startswith(".") and part != ".ci" for part in path.relative_to(ROOT).parts)
    ]
