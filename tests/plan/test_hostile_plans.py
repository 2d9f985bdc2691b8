"""Whatever bytes a plan is made of: it loads, or one PlanError says why; never late, never else."""

import time
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from releve.errors import PlanError
from releve.plan.loading import LARGEST_BYTES, load_plan
from releve.plan.types import CHECK_KINDS, ConvergePlan, HostPlan, SshPlan, VolumePlan
from tests.plan.broken_plans import GOOD

GOOD_TEXT = (GOOD / "releve.yml").read_text()
SLOWEST_SECONDS = 1.0  # of the processor, so that a busy machine does not fail a test
ROUNDS = settings(
    max_examples=150,
    deadline=None,  # the bound is asserted, with what was loaded
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
KEYS = st.sampled_from(
    sorted(
        {"version", "provider", "hosts", "kind", "lxd", "password", "<<", "", "blog"}
        | set(HostPlan.model_fields)
        | set(VolumePlan.model_fields)
        | set(SshPlan.model_fields)
        | set(ConvergePlan.model_fields)
        | set(CHECK_KINDS)
    )
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(
        [
            "lxd",
            "/srv",
            "../x",
            "~x",
            "0s",
            "https://[",
            "http://a:b@c",
            "\x00",
            "::1",
            "1GiB",
            "-p",
        ]
    )
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=25,
)
HOSTS = st.dictionaries(KEYS, VALUES, max_size=8) | VALUES


def load_bytes(raw: bytes, directory: Path) -> None:
    path = directory / "releve.yml"
    path.write_bytes(raw)
    started = time.process_time()
    try:
        load_plan(path)
    except PlanError as error:
        for told in (error, *error.also):
            assert told.what
            assert told.why
            assert told.remedy
            assert int(told.location.rpartition(":")[2]) >= 1
    assert time.process_time() - started < SLOWEST_SECONDS


@ROUNDS
@given(raw=st.binary(max_size=400))
def test_any_bytes(raw: bytes, tmp_path: Path) -> None:
    load_bytes(raw, tmp_path)


@ROUNDS
@given(text=st.text(alphabet=st.sampled_from("ab:-[]{}&*!|>'\"#%@`?,\n \t\\<.1~"), max_size=300))
def test_any_marks_of_yaml(text: str, tmp_path: Path) -> None:
    load_bytes(text.encode(), tmp_path)


@ROUNDS
@given(value=VALUES)
def test_any_values(value: object, tmp_path: Path) -> None:
    load_bytes(yaml.safe_dump(value, allow_unicode=True).encode(), tmp_path)


@ROUNDS
@given(host=HOSTS)
def test_any_host(host: object, tmp_path: Path) -> None:
    plan = {"version": 1, "provider": {"kind": "lxd"}, "hosts": {"blog": host}}
    load_bytes(yaml.safe_dump(plan, allow_unicode=True).encode(), tmp_path)


@ROUNDS
@given(
    line=st.integers(min_value=0, max_value=len(GOOD_TEXT.splitlines()) - 1),
    column=st.integers(min_value=0, max_value=40),
    text=st.text(max_size=12),
    cut=st.integers(min_value=0, max_value=12),
)
def test_slips_of_the_hand(line: int, column: int, text: str, cut: int, tmp_path: Path) -> None:
    lines = GOOD_TEXT.splitlines(keepends=True)
    lines[line] = lines[line][:column] + text + lines[line][column + cut :]
    load_bytes("".join(lines).encode(), tmp_path)


def a_host(number: int, more: str = "") -> str:
    return (
        f"  h{number}: {{instance: i{number}, image: b,"
        f" address: 198.51.{number >> 8}.{number % 256},"
        f" converge: {{playbook: p{number}.yml}}, checks: [tcp: 22]{more}}}\n"
    )


TOP = "version: 1\nprovider: {kind: lxd}\nhosts:\n"
MANY_VOLUMES = ", ".join(
    f"v{number}: {{id: v{number}, mount: /srv/{number}}}" for number in range(6000)
)


@pytest.mark.parametrize(
    "text",
    [
        TOP + "".join(map(a_host, range(1500))),
        TOP + a_host(1, f", volumes: {{{MANY_VOLUMES}}}"),
        TOP + a_host(1, f", volumes: {{v: {{id: v, mount: {'/a' * 120_000}}}}}"),
        "[" * LARGEST_BYTES,
        "{a: " * (LARGEST_BYTES // 4),
        "- " * (LARGEST_BYTES // 2),
        "? " * (LARGEST_BYTES // 2),
        "- \n" * (LARGEST_BYTES // 3),
        "a:\n" * (LARGEST_BYTES // 3),
        "".join(f"k{number}:\n" for number in range(LARGEST_BYTES // 8)),
        "a: " + "x" * (LARGEST_BYTES - 10),
        "a: " + "eyJ-" * (LARGEST_BYTES // 5),
        "a: " + "password" * (LARGEST_BYTES // 9),
        "a: " + "://@" * (LARGEST_BYTES // 5),
        "version: 1\nhosts: {b: {" + ", ".join(f"k{n}: 1" for n in range(20_000)) + "}}\n",
        "version: 1\nhosts: {b: {checks: [" + "{htt: 1}," * 20_000 + "]}}\n",
        "version: 1\nhosts: {" + ", ".join(f"h{n}: 1" for n in range(20_000)) + "}\n",
        "\n" * LARGEST_BYTES,
        "#" * LARGEST_BYTES,
        "'" + '"' * (LARGEST_BYTES - 1),
        "\t" * LARGEST_BYTES,
        "!" * LARGEST_BYTES,
        "&" * LARGEST_BYTES,
        "%" * LARGEST_BYTES,
        "a: |\n" + "  x\n" * (LARGEST_BYTES // 5),
        "a: " + "9" * (LARGEST_BYTES - 10),
    ],
    ids=lambda text: repr(text[:12]),
)
def test_the_largest_files(text: str, tmp_path: Path) -> None:
    load_bytes(text.encode(), tmp_path)


def test_anchors_bomb_is_refused_before_it_grows(tmp_path: Path) -> None:
    lines = ["a: &a [" + ",".join(["lol"] * 9) + "]"]
    for number in range(98, 122):
        inside = ",".join([f"*{chr(number - 1)}"] * 9)
        lines.append(f"{chr(number)}: &{chr(number)} [{inside}]")
    (tmp_path / "releve.yml").write_text("\n".join(lines))
    started = time.process_time()
    with pytest.raises(PlanError, match="anchor"):
        load_plan(tmp_path / "releve.yml")
    assert time.process_time() - started < 0.05


def test_a_fifo_is_no_plan(tmp_path: Path) -> None:
    import os  # noqa: PLC0415 - used here alone

    os.mkfifo(tmp_path / "releve.yml")
    with pytest.raises(PlanError, match="cannot be read"):
        load_plan(tmp_path / "releve.yml")
