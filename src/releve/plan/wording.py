"""What pydantic found wrong with a plan, said in the plan's own words."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from releve.plan.keys import PROVIDER_KINDS, sections_with, type_at
from releve.plan.problems import (
    Place,
    Problem,
    find_line,
    name_place,
    near_words,
    offer,
    quote,
    show_word,
    suggest,
)
from releve.plan.strict import Strict
from releve.plan.types import CHECK_KINDS
from releve.plan.yaml_tree import YamlTree


@dataclass(frozen=True)
class _Mistake:
    place: Place
    code: str  # pydantic's name of the mistake
    value: Any
    context: Mapping[str, Any]
    message: str
    enclosing: type[Strict] | None  # None where the mapping may hold any key

    @property
    def name(self) -> str:
        return name_place(self.place)

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self.enclosing.model_fields) if self.enclosing else ()

    @property
    def meaning(self) -> str:
        field = self.enclosing.model_fields.get(self.key) if self.enclosing else None
        return (field.description or "") if field else ""

    @property
    def key(self) -> str:
        return str(self.place[-1]) if self.place else ""


MOST_MISTAKES: Final = 200  # worded, the first by line; a file of nothing else costs no more


def word_validation_error(error: ValidationError, tree: YamlTree) -> list[Problem]:
    """One problem for each mistake: a misspelt or misplaced key is not also told as missing."""
    details = error.errors(include_url=False)
    details.sort(key=lambda detail: find_line(_without_union_members(detail["loc"]), tree.lines))
    mistakes = [_to_mistake(detail, tree.data) for detail in details[:MOST_MISTAKES]]
    explained = {
        (*mistake.place[:-1], key)
        for mistake in mistakes
        if mistake.code == "extra_forbidden"
        for key in (*near_words(mistake.key, mistake.keys), *sections_with(mistake.key))
    }
    return [
        _word(mistake)
        for mistake in mistakes
        if mistake.code != "missing" or mistake.place not in explained
    ]


def _to_mistake(detail: ErrorDetails, data: Any) -> _Mistake:
    place = _without_union_members(detail["loc"])
    return _Mistake(
        place=place,
        code=detail["type"],
        value=detail["input"],
        context=detail.get("ctx", {}),
        message=detail["msg"],
        enclosing=type_at(place[:-1], data),
    )


def _without_union_members(location: tuple[int | str, ...]) -> Place:
    """Pydantic threads the chosen member of a union into its locations."""
    match location:
        case ("provider", _, *rest):
            return ("provider", *rest)
        case ("hosts", host, "checks", index, _, *rest):
            return ("hosts", host, "checks", index, *rest)
        case _:
            return location


def _word(mistake: _Mistake) -> Problem:
    what, why, remedy = _WORDINGS.get(mistake.code, _word_any)(mistake)
    is_kind = mistake.code == "union_tag_invalid"
    return Problem(what, why, remedy, (*mistake.place, "kind") if is_kind else mistake.place)


_Words = tuple[str, str, str]


def _word_any(mistake: _Mistake) -> _Words:
    return (
        f"{mistake.name} is not valid",
        mistake.message[:200],
        "see docs/reference/plan.md for what belongs here",
    )


def _word_missing(mistake: _Mistake) -> _Words:
    return (
        f"{name_place(mistake.place[:-1])} has no {mistake.key}",
        f"it is required: {mistake.meaning}" if mistake.meaning else "it is required",
        f"add `{mistake.key}:` there",
    )


def _word_unknown_key(mistake: _Mistake) -> _Words:
    known = ", ".join(mistake.keys)
    sections = sections_with(mistake.key)
    misplaced = f"move it under {sections[0]}:" if sections else "delete it, or use a known key"
    return (
        f"{name_place(mistake.place[:-1])} knows no key {show_word(mistake.key)}",
        f"the known keys there are {known}",
        suggest(mistake.key, mistake.keys, otherwise=misplaced),
    )


def _word_type(wanted: str, remedy: str) -> Callable[[_Mistake], _Words]:
    def word(mistake: _Mistake) -> _Words:
        return (
            f"{mistake.name} must be {wanted}",
            f"it is {_show_value(mistake.value)}",
            _remedy_for(mistake) or remedy.format(key=mistake.key),
        )

    return word


def _remedy_for(mistake: _Mistake) -> str:
    """Advice that fits the value better than the general one; empty where there is none."""
    if not mistake.place:
        return "start it with `version: 1`, then `provider:` and `hosts:`"
    match mistake.code, mistake.value:
        case (code, None) if code not in _MAPPING_TYPES:
            advice = f"write the value after `{mistake.key}:`, or delete the line"
        case ("int_type", str(text)) if text.isascii() and text.strip().isdecimal():
            advice = f"write {text.strip()[:18]} without quotes"
        case ("bool_type", str(text)) if text.lower() in _WORDS_FOR_BOOLEANS:
            advice = f"write {_WORDS_FOR_BOOLEANS[text.lower()]}"
        case (code, _) if code in _MAPPING_TYPES and isinstance(mistake.place[-1], int):
            advice = "write its keys and values after the dash"
        case ("list_type", str(text)):
            parts = _split_words(text) if mistake.key == "command" else [show_word(text)]
            advice = f"write [{', '.join(parts)}]"
        case ("string_type", bool() | int() | float()):
            advice = f'write it in quotes: "{str(mistake.value).lower()}"'
        case _:
            advice = ""
    return advice


_WORDS_FOR_BOOLEANS: Final = {"yes": "true", "on": "true", "no": "false", "off": "false"}


def _split_words(command_line: str) -> list[str]:
    try:
        return [show_word(word) for word in shlex.split(command_line[:200])[:12]]
    except ValueError:  # a quote is left open
        return ["word", "word", "..."]


def _show_value(value: Any) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {quote(value)}"
        case list():
            return "a list"
        case _:
            return "a mapping"


def _word_choice(mistake: _Mistake) -> _Words:
    expected = str(mistake.context.get("expected", "")).replace(" or ", ", ").replace("'", "")
    words = [word.strip() for word in expected.split(",") if word.strip()]
    advice = suggest(str(mistake.value), words, otherwise=f"write `{mistake.key}: {words[0]}`")
    if mistake.value in words:
        advice = f"write {mistake.value} without quotes"
    return (
        f"{mistake.name} must be {_join_choices(words)}",
        f"it is {_show_value(mistake.value)}",
        advice,
    )


def _join_choices(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _word_bound(mistake: _Mistake) -> _Words:
    least, most = mistake.context.get("ge"), mistake.context.get("le")
    bound = f"at least {least}" if least is not None else f"at most {most}"
    return (
        f"{mistake.name} must be {bound}",
        f"it is {_show_value(mistake.value)}",
        f"write a number that is {bound}",
    )


def _word_empty(mistake: _Mistake) -> _Words:
    field = mistake.enclosing.model_fields.get(mistake.key) if mistake.enclosing else None
    is_needed = field is not None and field.is_required()
    return (
        f"{mistake.name} must not be empty",
        "it is an empty text" if mistake.value == "" else "it has no entry",
        "give it a value" if is_needed else "give it a value, or delete it",
    )


def _word_duration(mistake: _Mistake) -> _Words:
    return (
        f"{mistake.name} is not a duration",
        f"it is {_show_value(mistake.value)}",
        "write a number and a unit: 90s, 15m, 2h or 30d",
    )


def _word_union(mistake: _Mistake) -> _Words:
    if mistake.place == ("provider",):
        return _word_provider(mistake)
    if not isinstance(mistake.value, dict):
        return (
            f"{mistake.name} must be a mapping of keys to values",
            f"it is {_show_value(mistake.value)}",
            "write for example `- tcp: 443`",
        )
    present = [kind for kind in CHECK_KINDS if kind in mistake.value]
    if len(present) > 1:
        return (
            f"{mistake.name} asks several things: {', '.join(present)}",
            "each check is of one kind, so that its result has one meaning",
            "make each a check of its own, with its own dash",
        )
    near = [kind for key in mistake.value for kind in near_words(str(key), CHECK_KINDS)]
    return (
        f"{mistake.name} is of no known kind",
        f"it needs one of the keys {', '.join(CHECK_KINDS)}",
        offer(near[:1]) or "write for example `- tcp: 443`",
    )


def _word_provider(mistake: _Mistake) -> _Words:
    kind = mistake.value.get("kind")
    if kind is None:
        return (
            "provider of the plan has no kind",
            "it is required: which provider holds the instances",
            f"add `kind: {next(iter(PROVIDER_KINDS))}` there",
        )
    return (
        f"provider.kind of the plan must be {' or '.join(PROVIDER_KINDS)}",
        f"it is {_show_value(kind)}",
        suggest(str(kind), PROVIDER_KINDS, otherwise="use a provider that Relève knows"),
    )


_MAPPING_TYPES: Final = {"dict_type", "model_type", "model_attributes_type"}
_word_mapping = _word_type("a mapping of keys to values", "write `{key}:` and its keys below it")

_WORDINGS: Final[dict[str, Callable[[_Mistake], _Words]]] = {
    "missing": _word_missing,
    "extra_forbidden": _word_unknown_key,
    "string_type": _word_type("text", "give {key} a text value"),
    "int_type": _word_type("a whole number", "write a whole number, without quotes"),
    "bool_type": _word_type("true or false", "write true or false, without quotes"),
    "list_type": _word_type("a list", "write [ ] around it, or a dash before each entry"),
    **dict.fromkeys(_MAPPING_TYPES, _word_mapping),
    "literal_error": _word_choice,
    "enum": _word_choice,
    "greater_than_equal": _word_bound,
    "less_than_equal": _word_bound,
    "string_too_short": _word_empty,
    "too_short": _word_empty,
    "value_error": _word_duration,
    "union_tag_not_found": _word_union,
    "union_tag_invalid": _word_union,
}
