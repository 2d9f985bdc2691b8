"""Words, numbers, durations and dates in the reader's language."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from releve.errors import PlanError
from releve.recovery.report import english, french

NO_BREAK = "\u00a0"


class Language(StrEnum):
    ENGLISH = "en"
    FRENCH = "fr"


@dataclass(frozen=True)
class Wording:
    """All that is said in one language; values put into a sentence are never read as a template."""

    language: Language
    texts: Mapping[str, str]
    steps: Mapping[str, str]
    months: tuple[str, ...]
    decimal_sign: str
    thousands_sign: str
    byte_units: tuple[str, ...]

    def say(self, key: str, **values: object) -> str:
        return self.texts[key].format(**values)

    def name_step(self, name: str) -> str:
        return self.steps.get(name, name)

    def write_number(self, value: float, *, decimals: int = 0) -> str:
        plain = f"{value:,.{decimals}f}"
        return plain.translate({ord(","): self.thousands_sign, ord("."): self.decimal_sign})

    def write_duration(self, seconds: float) -> str:
        """3.2 s, 14 s, 2 min 14 s, 1 h 05 min."""
        if seconds < 9.95:
            return f"{self.write_number(seconds, decimals=1)}{NO_BREAK}s"
        whole = round(seconds)
        minutes, rest = divmod(whole, 60)
        if whole < 60:
            return f"{whole}{NO_BREAK}s"
        if whole < 3600:
            return f"{minutes}{NO_BREAK}min" + (f"{NO_BREAK}{rest:02}{NO_BREAK}s" if rest else "")
        hours, minutes = divmod(minutes, 60)
        shown = f"{self.write_number(hours)}{NO_BREAK}h"
        return shown + (f"{NO_BREAK}{minutes:02}{NO_BREAK}min" if minutes else "")

    def write_round(self, seconds: float) -> str:
        """A whole number of seconds, as plans and axes have it: 5 s, 15 s, 2 min, 1 h."""
        if seconds < 1:
            return f"0{NO_BREAK}s"
        return f"{int(seconds)}{NO_BREAK}s" if seconds < 10 else self.write_duration(seconds)

    def write_size(self, size_bytes: int) -> str:
        value, unit = float(size_bytes), 0
        while value >= 1024 and unit < len(self.byte_units) - 1:
            value, unit = value / 1024, unit + 1
        decimals = 0 if value == int(value) else 1
        return f"{self.write_number(value, decimals=decimals)}{NO_BREAK}{self.byte_units[unit]}"

    def write_date(self, moment: datetime) -> str:
        moment = moment.astimezone(UTC)
        day = "1er" if moment.day == 1 and self.language is Language.FRENCH else str(moment.day)
        return f"{day}{NO_BREAK}{self.months[moment.month - 1]} {moment.year}"

    def write_moment(self, moment: datetime) -> str:
        moment = moment.astimezone(UTC)
        return f"{self.write_date(moment)}, {moment:%H:%M:%S}{NO_BREAK}UTC"


WORDINGS: Mapping[Language, Wording] = {
    Language.ENGLISH: Wording(
        language=Language.ENGLISH,
        texts=english.TEXTS,
        steps=english.STEPS,
        months=english.MONTHS,
        decimal_sign=".",
        thousands_sign=",",
        byte_units=("B", "KiB", "MiB", "GiB", "TiB", "PiB"),
    ),
    Language.FRENCH: Wording(
        language=Language.FRENCH,
        texts=french.TEXTS,
        steps=french.STEPS,
        months=french.MONTHS,
        decimal_sign=",",
        thousands_sign="\u202f",
        byte_units=("o", "Kio", "Mio", "Gio", "Tio", "Pio"),
    ),
}


def wording_for(language: Language | str) -> Wording:
    """PlanError for a language that the report is not written in."""
    try:
        return WORDINGS[Language(language)]
    except ValueError as error:
        raise PlanError(
            f"no report in the language {language!r}",
            why=f"the languages are {', '.join(Language)}",
            remedy="use --lang en or --lang fr",
        ) from error
