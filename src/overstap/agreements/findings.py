"""Findings about an agreement: place, severity, message and remedy in two languages."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from babel.numbers import format_decimal

from overstap import clock
from overstap.agreements.model.refusals import RefusedValue
from overstap.agreements.source_positions import Key, Said, SourceFault, SourcePosition
from overstap.errors import OverstapError
from overstap.texts import noun, texts


class AgreementSeverity(StrEnum):
    """Whether the agreement can stand as it is."""

    ERROR = "error"
    WARNING = "warning"


WARNINGS = frozenset(
    f"AGREEMENT-{number}"
    for number in (
        114,
        115,
        121,
        123,
        126,
        128,
        134,
        146,
        148,
        153,
        160,
        161,
        162,
        163,
        169,
        170,
        171,
        172,
        175,
        176,
        179,
    )
)
"""The codes that only warn; every other one is an error."""


@dataclass(frozen=True, slots=True)
class AgreementFinding:
    """One thing that is wrong, or looks wrong.

    Args:
        file: the file that it stands in: the agreement, or its schools' file.
        line: from 1.
        column: from 1.
        code: of include/texts/errors/agreements.yaml.
        severity: an error means exit code 1.
        path: the key, such as `rounds.advice.milestones.opens`.
        message_nl: what is wrong.
        message_en: the same in English.
        do_nl: what to do.
        do_en: the same in English.
        school: name of the school in whose block it stands, or else its id; empty where it stands in none.
    """

    file: Path
    line: int
    column: int
    code: str
    severity: AgreementSeverity
    path: str
    message_nl: str
    message_en: str
    do_nl: str
    do_en: str
    school: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it with plain values, for programs."""
        return {
            name: str(value) if isinstance(value, (Path, AgreementSeverity)) else value for name, value in self._items()
        }

    def _items(self) -> list[tuple[str, Any]]:
        return [(name, getattr(self, name)) for name in self.__slots__]


def finding(code: str, place: SourcePosition, key: Key, /, **facts: Any) -> AgreementFinding:
    """Return what a code says about a place.

    Args:
        code: of include/texts/errors/agreements.yaml.
        place: where it stands.
        key: the value it is about.
        facts: what its sentence needs; days and moments are told as each language does, a `Said` in each language.
    """
    dutch = OverstapError(code, **{name: _told(value, "nl") for name, value in facts.items()})
    english = OverstapError(code, **{name: _told(value, "en") for name, value in facts.items()})
    return AgreementFinding(
        file=place.file,
        line=place.line,
        column=place.column,
        code=code,
        severity=AgreementSeverity.WARNING if code in WARNINGS else AgreementSeverity.ERROR,
        path=".".join(str(step) for step in key),
        message_nl=dutch.message_nl,
        message_en=english.message_en,
        do_nl=dutch.do_nl.strip(),
        do_en=english.do_en.strip(),
    )


def finding_of(fault: SourceFault) -> AgreementFinding:
    """Return a fault of the files as a finding."""
    return finding(fault.code, fault.place, fault.key, **fault.facts)


def _told(value: Any, language: str) -> Any:
    if isinstance(value, Said):
        sentence: str = texts("agreements/checks")[value.name][language]
        return sentence.format(**{name: _told(fact, language) for name, fact in value.facts.items()})
    if isinstance(value, RefusedValue):
        return value.sentence(language)
    if isinstance(value, OverstapError):
        said = (value.message_nl, value.do_nl) if language == "nl" else (value.message_en, value.do_en)
        return " ".join(said).rstrip(".")
    if isinstance(value, timedelta):
        return _days(value, language)
    if isinstance(value, datetime):
        return clock.format_moment(value, clock.moment_formats(language))
    if isinstance(value, date):
        return clock.format_day(value, clock.moment_formats(language))
    return value


def _days(value: timedelta, language: str) -> str:
    """Return a duration in days, with a decimal where there is one: "0,2 dagen", "1 dag"."""
    days = round(value / timedelta(days=1), 1)
    nouns = texts("agreements/checks")["days"][language]
    return f"{format_decimal(days, format='0.#', locale=language)} {noun(days, nouns)}"
