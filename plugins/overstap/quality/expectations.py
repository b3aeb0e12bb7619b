"""Judges a whole region's dossiers at once, as tables, with Great Expectations.

What one dossier cannot show: the same pupil twice, a school that does not take part, a file in two dossiers, what a
round needs and does not get; and formats and code lists by the column. Once per region, since a validation costs a
fixed part of a second and the import of Great Expectations several.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from overstap.dossier.catalogue import catalogue
from overstap.quality.findings import RegionFinding
from overstap.quality.regionbook import RegionRule, completeness, expected_in, region_rules
from overstap.quality.registers import NONE, Registers

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RegionFinding", "expected_in", "validate_region"]

_NETHERLANDS = "6030"
_BLOCKS = {
    "pupil": "dossier/huidigeschool/leerling",
    "advice": "dossier/huidigeschool/leerling/overstapadvies",
    "final_test": "dossier/huidigeschool/leerling/eindtoets_basisonderwijs",
    "carers": "dossier/huidigeschool/leerling/verzorger",
    "career": "dossier/huidigeschool/leerling/schoolloopbaanlijst/schoolloopbaan",
    "support": "dossier/huidigeschool/leerling/onderwijsondersteuning",
    "absence": "dossier/huidigeschool/leerling/verzuim",
    "tests": "dossier/huidigeschool/leerling/toetslijst/toets",
}
"""Where the rows of a table would stand, for a dossier that has none."""


def validate_region(
    frames: "Mapping[str, pd.DataFrame]",
    *,
    schools: frozenset[str],
    expected: Iterable[str] = (),
    registers: Registers = NONE,
) -> list[RegionFinding]:
    """Return what is wrong across a region's dossiers, each place of a rule once.

    Args:
        frames: the tables of `overstap.dossier.frames.flatten`: text columns, `dossier` the id, `at` the place.
        schools: the schools of the agreement, BRIN with branch.
        expected: fields that every dossier has in this round, as `table.column`; see `expected_in`.
        registers: the national registers at hand; what there is no list of is not judged.

    Raises:
        OverstapError: QUALITY-001 when an expectation cannot be evaluated.
    """
    if frames["dossiers"].empty:
        return []
    from overstap.quality import suites

    source = suites.source()
    rules = [*_judged(registers), *(completeness(field) for field in sorted(expected))]
    versions = sorted(frames["dossiers"]["version"].dropna().unique())
    found: dict[tuple[str, str, str], RegionFinding] = {}
    for table in dict.fromkeys(rule.table for rule in rules):
        frame = _prepared(frames, table)
        chosen: list[tuple[RegionRule, Iterable[str]]] = []
        for rule in rules:
            if rule.table != table:
                continue
            if rule.expectation == "filled":
                for key, path in _unfilled_blocks(frames, frame, rule):
                    found[rule.id, key, path] = RegionFinding(key, rule.id, rule.severity, path)
            if all(column in frame.columns and frame[column].notna().any() for column in rule.columns):
                chosen.append((rule, _values(rule, schools, versions, registers)))
            elif rule.expectation == "filled":
                for key, at in zip(frame["dossier"], frame["at"], strict=True):
                    path = _path(rule, at)
                    found[rule.id, key, path] = RegionFinding(key, rule.id, rule.severity, path)
        if chosen and not frame.empty:
            for rule, key, at in suites.run(source, table, frame, chosen):
                path = _path(rule, at)
                found[rule.id, key, path] = RegionFinding(key, rule.id, rule.severity, path)
    return list(found.values())


def _path(rule: RegionRule, at: str) -> str:
    """Return the field's place as a finding in a single dossier has it, so that both count as one."""
    if rule.expectation == "unique" and len(rule.columns) > 1:
        return f"{at}/{rule.columns[-1]}"
    column = {"digest": "bestandsinhoud", "sender": "huidigeschool.brincode"}.get(rule.columns[0], rule.columns[0])
    return f"{at}/{column.replace('.', '/')}"


def _judged(registers: Registers) -> list[RegionRule]:
    return [rule for rule in region_rules() if rule.expectation != "register" or getattr(registers, rule.argument)]


def _values(rule: RegionRule, schools: frozenset[str], versions: list[str], registers: Registers) -> Iterable[str]:
    if rule.expectation == "register":
        numbers: frozenset[str] = getattr(registers, rule.argument)
        return numbers
    if rule.expectation == "school":
        return schools
    if rule.expectation == "codes":
        return {code for version in versions for code in catalogue(version).lists.get(rule.argument, ())}
    return ()


def _prepared(frames: "Mapping[str, pd.DataFrame]", table: str) -> "pd.DataFrame":
    """Return a table with the columns that its rules need beside its own."""
    frame = frames[table]
    if table == "pupil":
        more = frames["more"]
        given = more[more["at"].str.endswith("/leerling/voornaam[1]")][["dossier", "value"]]
        frame = frame.merge(frames["dossiers"][["dossier", "sender"]], on="dossier", how="left")
        frame = frame.merge(given.rename(columns={"value": "given"}), on="dossier", how="left")
    elif table == "addresses" and "land" in frame.columns and "postcode" in frame.columns:
        abroad = frame["land"].notna() & (frame["land"] != _NETHERLANDS)
        frame = frame.assign(postcode=frame["postcode"].mask(abroad))
    elif table == "attachments" and "bestandsinhoud" in frame.columns:
        digests = frame["bestandsinhoud"].map(_digest, na_action="ignore").astype("string")
        frame = frame.assign(digest=digests).drop(columns="bestandsinhoud")
        # A file may well stand twice in the dossier of one pupil.
        frame = frame.drop_duplicates(["dossier", "digest"])
    return frame


def _digest(content: str) -> str:
    return hashlib.sha256("".join(content.split()).encode()).hexdigest()


def _unfilled_blocks(
    frames: "Mapping[str, pd.DataFrame]", frame: "pd.DataFrame", rule: RegionRule
) -> list[tuple[str, str]]:
    """Return the dossiers that have no row at all in a table of which the round needs a column."""
    have = set(frame["dossier"])
    path = f"{_BLOCKS.get(rule.table, 'dossier')}/{rule.columns[0].replace('.', '/')}"
    return [(key, path) for key in frames["dossiers"]["dossier"] if key not in have]
