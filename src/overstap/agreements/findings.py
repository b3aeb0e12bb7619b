"""Findings about agreement files: position, severity, and message and remedy in Dutch and English."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from babel.numbers import format_decimal

from overstap import clock
from overstap.agreements.model.refusals import RefusedValue
from overstap.agreements.source_positions import Key, LocalisedText, SourceFault, SourcePosition
from overstap.errors import OverstapError
from overstap.texts import noun, texts


class AgreementSeverity(StrEnum):
    """Severity of a finding: an agreement with errors is not loaded."""

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
        181,
    )
)
"""The codes of warnings; all other codes are errors."""


@dataclass(frozen=True, slots=True)
class AgreementFinding:
    """One error or warning.

    Args:
        file: the agreement file, or its file of schools.
        line: line number, from 1.
        column: column number, from 1.
        code: a code of include/texts/errors/agreements.yaml.
        severity: error or warning; `overstap agreement check` exits with 1 for errors.
        path: the key, such as `rounds.advice.milestones.opens`.
        message_nl: message in Dutch.
        message_en: message in English.
        do_nl: remedy in Dutch.
        do_en: remedy in English.
        school: name, or else id, of the school whose block contains the key; empty outside the schools.
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
        """Return the finding as plain data."""
        return {
            name: str(value) if isinstance(value, (Path, AgreementSeverity)) else value for name, value in self._items()
        }

    def _items(self) -> list[tuple[str, Any]]:
        return [(name, getattr(self, name)) for name in self.__slots__]


def finding(code: str, position: SourcePosition, key: Key, /, **facts: Any) -> AgreementFinding:
    """Return the finding with a code at a position.

    Args:
        code: a code of include/texts/errors/agreements.yaml.
        position: position of the value.
        key: key of the value.
        facts: values for the placeholders of its sentences; days, moments and `LocalisedText` are formatted by
            language.
    """
    dutch = OverstapError(code, **{name: _localised(value, "nl") for name, value in facts.items()})
    english = OverstapError(code, **{name: _localised(value, "en") for name, value in facts.items()})
    return AgreementFinding(
        file=position.file,
        line=position.line,
        column=position.column,
        code=code,
        severity=AgreementSeverity.WARNING if code in WARNINGS else AgreementSeverity.ERROR,
        path=".".join(str(step) for step in key),
        message_nl=dutch.message_nl,
        message_en=english.message_en,
        do_nl=dutch.do_nl.strip(),
        do_en=english.do_en.strip(),
    )


def finding_of(fault: SourceFault) -> AgreementFinding:
    """Convert a fault of the files to a finding."""
    return finding(fault.code, fault.position, fault.key, **fault.facts)


def _localised(value: Any, language: str) -> Any:
    if isinstance(value, LocalisedText):
        sentence: str = texts("agreements/checks")[value.name][language]
        return sentence.format(**{name: _localised(fact, language) for name, fact in value.facts.items()})
    if isinstance(value, RefusedValue):
        return value.sentence(language)
    if isinstance(value, OverstapError):
        sentences = (value.message_nl, value.do_nl) if language == "nl" else (value.message_en, value.do_en)
        return " ".join(sentences).rstrip(".")
    if isinstance(value, timedelta):
        return _days(value, language)
    if isinstance(value, datetime):
        return clock.format_moment(value, clock.moment_formats(language))
    if isinstance(value, date):
        return clock.format_day(value, clock.moment_formats(language))
    return value


def _days(value: timedelta, language: str) -> str:
    """Format a duration in days with at most one decimal: "0,2 dagen", "1 dag"."""
    days = round(value / timedelta(days=1), 1)
    nouns = texts("agreements/checks")["days"][language]
    return f"{format_decimal(days, format='0.#', locale=language)} {noun(days, nouns)}"
