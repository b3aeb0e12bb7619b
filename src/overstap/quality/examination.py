"""Examination of one dossier: its findings and the columns for the region's rules, stored so that it is done once.

It is done at intake and stored in the dossier's record. It is valid for one set of rules: with other rules, or when a
round needs other fields, the dossier is read and examined again.
"""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import date
from functools import cache, lru_cache

import msgspec

from overstap.oso import structure
from overstap.oso.model import Dossier
from overstap.oso.version_cache import forgettable
from overstap.oso.version_folders import BUILT_IN, added_folder
from overstap.quality.columns import DossierRows, NeededColumns, columns_needed_by, rows_of
from overstap.quality.findings import DossierSeverity, JudgementStage
from overstap.quality.region_rulebook import completeness, region_rules
from overstap.quality.rules import judge
from overstap.settings import Settings

_FORMAT = 2


@dataclass(frozen=True, slots=True)
class Examination:
    """Result of the examination of one dossier. The field names are part of the stored record (`oso.facts`).

    Args:
        made_by: identifier of the rules, the profile and the needed fields; see `ruleset_id`.
        findings: rule, severity and path of each finding.
        rows: columns of the dossier for the region's rules.
    """

    made_by: str
    findings: list[tuple[str, str, str]]
    rows: DossierRows = field(repr=False)


class _Maker(msgspec.Struct):
    """The identifier in an examination, of which the rest may have another form."""

    made_by: str


def examine(
    dossier: Dossier,
    *,
    profile: str,
    today: date,
    expected: frozenset[str],
    own_codes: frozenset[tuple[str, str]] = frozenset(),
) -> Examination:
    """Examine one dossier.

    Args:
        dossier: the minimised dossier.
        profile: profile of the round.
        today: the Dutch date.
        expected: fields that every dossier must have in this round, as `table.column`; see
            `region_rulebook.expected_in`.
        own_codes: the region's own codes, as number of the code list and code.
    """
    stage = JudgementStage.BEFORE_INSPECTION
    found = [(fault.code, DossierSeverity.ERROR.value, fault.path) for fault in structure.check(dossier)]
    found += [
        (each.rule, each.severity.value, each.path)
        for each in judge(dossier, today=today, stage=stage, profile=profile, own_codes=own_codes)
    ]
    if _runs_sheets():
        from overstap.quality.official_sheet import sheet_findings

        # A sheet does not know the region's own codes; whether a list is kept to is known from our own rules
        known = {rule for rule, _, _ in found} | {f"CL{number}" for number, _ in own_codes}
        found += [
            (each.rule, each.severity.value, each.path)
            for each in sheet_findings(dossier, stage=stage)
            if each.rule not in known
        ]
    return Examination(ruleset_id(profile, expected, own_codes), found, rows_of(dossier, _needed_columns(expected)))


def parse_examination(
    kept: bytes | None,
    *,
    profile: str,
    expected: frozenset[str],
    own_codes: frozenset[tuple[str, str]] = frozenset(),
) -> Examination | None:
    """Parse an examination from a record; return None without one, or when it was made with other rules.

    Args:
        kept: the examination as JSON, from `oso.facts.examination_in`, or None.
        profile: profile of the round.
        expected: fields that every dossier must have in this round.
        own_codes: the region's own codes.
    """
    if kept is None:
        return None
    if msgspec.json.decode(kept, type=_Maker).made_by != ruleset_id(profile, expected, own_codes):
        return None
    return msgspec.json.decode(kept, type=Examination)


@lru_cache(maxsize=64)
def _needed_columns(expected: frozenset[str]) -> NeededColumns:
    return columns_needed_by([*region_rules(), *(completeness(name) for name in sorted(expected))])


@forgettable
@lru_cache(maxsize=64)
def ruleset_id(profile: str, expected: frozenset[str], own_codes: frozenset[tuple[str, str]] = frozenset()) -> str:
    """Return an identifier of the rules, a profile, the needed fields and own codes: 16 hexadecimal digits."""
    parameters = json.dumps([_FORMAT, _rules(), _runs_sheets(), profile, sorted(expected), sorted(own_codes)])
    return hashlib.sha256(parameters.encode()).hexdigest()[:16]


@forgettable
@cache
def _runs_sheets() -> bool:
    return Settings().official_sheets


@forgettable
@cache
def _rules() -> str:
    """Return a digest of all data files of rules and catalogues, built in and added."""
    digest = hashlib.sha256()
    for root in (BUILT_IN, added_folder()):
        for path in sorted(root.rglob("*")):
            if path.is_file():
                digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
