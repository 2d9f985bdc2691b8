"""Both languages say everything, with the same values."""

import re
import string
from datetime import UTC, datetime

import pytest

from releve.drill.catalogue import DRILL, SECOND
from releve.drill.catalogue import UNDO as DRILL_UNDO
from releve.errors import PlanError
from releve.model.run import Phase
from releve.recovery.report.language import WORDINGS, Language, Wording, wording_for
from releve.recovery.report.of_run import PHASES
from releve.recovery.report.types import Act, Outcome, StepState

ENGLISH, FRENCH = WORDINGS[Language.ENGLISH], WORDINGS[Language.FRENCH]


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_every_text_with_the_same_values() -> None:
    assert set(ENGLISH.texts) == set(FRENCH.texts)
    for key, text in ENGLISH.texts.items():
        assert placeholders(text) == placeholders(FRENCH.texts[key]), key


@pytest.mark.parametrize("wording", WORDINGS.values(), ids=WORDINGS)
def test_every_step_and_every_named_thing_has_its_words(wording: Wording) -> None:
    drills = {step.name for step in (*DRILL, *SECOND, *DRILL_UNDO)}
    assert set(wording.steps) == set(PHASES) | drills
    wanted = [
        *(f"phase_{phase.value}" for phase in Phase),
        *(f"outcome_{outcome.value}" for outcome in Outcome),
        *(f"badge_{outcome.value}" for outcome in Outcome),
        *(f"act_{act.value}" for act in Act),
        *(f"state_{state.value}" for state in StepState),
    ]
    assert [key for key in wanted if not wording.texts.get(key)] == []


def test_french_says_nothing_in_english() -> None:
    same = {key for key, text in ENGLISH.texts.items() if text == FRENCH.texts[key]}
    assert same <= {
        "phase",
        "ansible",
        "ansible_ok",
        "phase_converge",
        "legend_converge",
        "commit",
        "total",
        "message",
        "legend_interruption",
        "incident",
    }


def test_french_keeps_its_signs_on_the_line() -> None:
    for text in FRENCH.texts.values():
        assert not re.search(r" [;:!?]", text), text
        assert "'" not in text, text


@pytest.mark.parametrize(
    ("seconds", "english", "french"),
    [
        (0, "0.0 s", "0,0 s"),
        (3.24, "3.2 s", "3,2 s"),
        (9.97, "10 s", "10 s"),
        (59.4, "59 s", "59 s"),
        (59.6, "1 min", "1 min"),
        (134, "2 min 14 s", "2 min 14 s"),
        (3600, "1 h", "1 h"),
        (3900, "1 h 05 min", "1 h 05 min"),
        (4_000_000, "1,111 h 06 min", "1\u202f111 h 06 min"),
    ],
)
def test_durations(seconds: float, english: str, french: str) -> None:
    assert ENGLISH.write_duration(seconds).replace("\u00a0", " ") == english
    assert FRENCH.write_duration(seconds).replace("\u00a0", " ") == french


def test_sizes_and_dates() -> None:
    first = datetime(2026, 8, 1, 9, 5, tzinfo=UTC)
    assert FRENCH.write_date(first).replace("\u00a0", " ") == "1er août 2026"
    assert ENGLISH.write_moment(first).replace("\u00a0", " ") == "1 August 2026, 09:05:00 UTC"
    assert FRENCH.write_size(1536 * 1024**2).replace("\u00a0", " ") == "1,5 Gio"
    assert ENGLISH.write_size(999).replace("\u00a0", " ") == "999 B"


def test_value_is_not_read_as_a_template() -> None:
    said = ENGLISH.say("outcome_undone", host="{seconds} {0} %s {host.__class__}")
    assert "{seconds} {0} %s {host.__class__}" in said


def test_language_that_is_not_there_is_named() -> None:
    with pytest.raises(PlanError) as caught:
        wording_for("de")
    assert "en, fr" in caught.value.why
