"""Trial of a supplier's HTTP API: what a collection would make of a school's dossiers, in counts; nothing is stored."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from overstap.intake.http_api import HttpApi
from overstap.intake.refusals import RefusedItem
from overstap.intake.rosters.database import read_view
from overstap.intake.sources.http_api import from_http_api
from overstap.oso.catalogue import catalogue
from overstap.oso.minimisation import minimise
from overstap.oso.model import Dossier
from overstap.oso.reading import read
from overstap.progress import Advance, unwatched
from overstap.quality.examination import examine
from overstap.quality.findings import DossierSeverity

PROFILE = "POVO"
"""Transfers to secondary schools, the only ones that an API supplies (docs/sources.md)."""


@dataclass(frozen=True, slots=True)
class ApiTrial:
    """Result of a trial.

    Args:
        items: number of pupils in the answers.
        accepted: number of dossiers without errors.
        problems: dossier and field of each error, such as `row 3 (path)`, by the code of the refusal or rule.
        roster: number of pupils on the roster; None where the API offers none.
    """

    items: int
    accepted: int
    problems: dict[str, list[str]]
    roster: int | None

    @property
    def is_usable(self) -> bool:
        """Whether there are dossiers, and each can be used."""
        return self.items == self.accepted > 0

    def as_json(self) -> dict[str, Any]:
        """Return the trial as JSON values."""
        return {
            "dossiers": self.items,
            "accepted": self.accepted,
            "problems": self.problems,
            "roster": self.roster,
        }


def read_school(api: HttpApi, school_id: str, *, today: date, advance: Advance = unwatched) -> ApiTrial:
    """Read a school's dossiers and roster from an API, and check each dossier as intake does.

    Every category that law and profile permit is kept, whatever a region's agreement permits later.

    Args:
        api: the API.
        school_id: BRIN and branch.
        today: the Dutch date.
        advance: is told of each dossier that was read and checked.

    Raises:
        OverstapError: INTAKE-113 when it does not answer as described; INTAKE-021 or INTAKE-099 with other columns;
            INTAKE-080 when the roster has too many pupils.
    """
    items, accepted = 0, 0
    problems: dict[str, list[str]] = {}
    for one in from_http_api(api, school_id):
        items += 1
        errors = [_refusal(one)] if isinstance(one, RefusedItem) else _errors(one.content, today)
        for code, path in errors:
            problems.setdefault(code, []).append(f"{one.label} ({path})" if path else one.label)
        accepted += not errors
        advance(1)
    roster = read_view(api, school_id)
    return ApiTrial(items, accepted, problems, None if roster is None else len(roster.roster.pupils))


def _refusal(one: RefusedItem) -> tuple[str, str]:
    return one.code, str(one.facts.get("path") or one.facts.get("column") or "")


def _errors(content: bytes | Dossier, today: date) -> list[tuple[str, str]]:
    dossier = content if isinstance(content, Dossier) else read(content)
    every = frozenset(catalogue(dossier.version).categories)
    found = examine(minimise(dossier, PROFILE, every), profile=PROFILE, today=today, expected=frozenset()).findings
    return [(rule, path) for rule, severity, path in found if severity == DossierSeverity.ERROR]
