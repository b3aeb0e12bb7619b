"""One dossier examined once: what is wrong with it, and what of it a region is judged by; so it is not read again.

Made when a dossier is taken in and kept in its record. It holds for the rules that it was made by: with other rules, or
where a round needs other fields, the dossier is read and examined anew.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache, lru_cache
from typing import Any

from overstap.oso import structure
from overstap.oso.catalogue import FOLDER
from overstap.oso.model import Dossier
from overstap.quality.columns import JudgedRows, Wanted, rows_of, wanted_by
from overstap.quality.findings import DossierSeverity, JudgementStage
from overstap.quality.regionbook import completeness, region_rules
from overstap.quality.rules import judge

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found in one dossier.

    Args:
        made_by: names the rules, the profile and the wanted fields that it was made by.
        findings: rule, severity and path of each finding.
        rows: the columns of it that a region is judged by.
    """

    made_by: str
    findings: list[tuple[str, str, str]]
    rows: JudgedRows = field(repr=False)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values, for the record."""
        return {
            "made_by": self.made_by,
            "findings": self.findings,
            "version": self.rows.version,
            "rows": self.rows.tables,
        }


def examine(dossier: Dossier, *, profile: str, today: date, expected: frozenset[str]) -> Examination:
    """Examine one dossier.

    Args:
        dossier: as it was cut.
        profile: the profile that the round is for.
        today: the Dutch date.
        expected: fields that every dossier has in this round, as `table.column`; see `regionbook.expected_in`.
    """
    found = [(fault.code, DossierSeverity.ERROR.value, fault.path) for fault in structure.check(dossier)]
    found += [
        (each.rule, each.severity.value, each.path)
        for each in judge(dossier, today=today, stage=JudgementStage.BEFORE_INSPECTION, profile=profile)
    ]
    return Examination(made_by(profile, expected), found, rows_of(dossier, _wanted(expected)))


def examined_in(kept: Mapping[str, Any] | None, *, profile: str, expected: frozenset[str]) -> Examination | None:
    """Return an examination from a record; None when there is none, or it was made by other rules.

    Args:
        kept: what `as_json` gave.
        profile: as in `examine`.
        expected: likewise.
    """
    if kept is None or kept["made_by"] != made_by(profile, expected):
        return None
    rows = JudgedRows(kept["version"], {name: [(at, row) for at, row in rows] for name, rows in kept["rows"].items()})
    return Examination(kept["made_by"], [(rule, severity, path) for rule, severity, path in kept["findings"]], rows)


@lru_cache(maxsize=64)
def _wanted(expected: frozenset[str]) -> Wanted:
    return wanted_by([*region_rules(), *(completeness(name) for name in sorted(expected))])


@lru_cache(maxsize=64)
def made_by(profile: str, expected: frozenset[str]) -> str:
    """Return the name of the rules, the profile and the wanted fields of an examination."""
    told = json.dumps([_FORMAT, _rules(), profile, sorted(expected)])
    return hashlib.sha256(told.encode()).hexdigest()[:16]


@cache
def _rules() -> str:
    """Return a digest of all tables that rules and catalogues are made of."""
    digest = hashlib.sha256()
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(FOLDER).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
