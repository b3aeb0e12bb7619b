"""The rules over a whole region as data: `include/schemas/oso/region-rules.csv` and `completeness.csv` beside it."""

import csv
from dataclasses import dataclass
from functools import cache

from overstap.quality.findings import DossierSeverity
from overstap.resources import INCLUDE

_SCHEMAS = INCLUDE / "schemas" / "oso"
INCOMPLETE = "OV-RG-10"


@dataclass(frozen=True, slots=True)
class RegionRule:
    """One expectation over one table of the region.

    Args:
        id: the rule's id; a rule that judges single dossiers too has the same id there, and finds the same places.
        severity: how bad a breach is.
        table: the table of `overstap.oso.frames`.
        expectation: what is expected: `unique`, `codes`, `school`, `register`, `filled`, `date` or one of our own
            expectations.
        columns: the columns it is about.
        argument: the code list, for `codes`; the register, for `register`.
        rule: what it demands, in English, for developers.
    """

    id: str
    severity: DossierSeverity
    table: str
    expectation: str
    columns: tuple[str, ...]
    argument: str
    rule: str


def _rows(name: str) -> list[dict[str, str]]:
    with (_SCHEMAS / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def region_rules() -> tuple[RegionRule, ...]:
    """Return the rules over a region, the expected fields of a round left out."""
    return tuple(
        RegionRule(
            id=row["id"],
            severity=DossierSeverity(row["severity"]),
            table=row["table"],
            expectation=row["expectation"],
            columns=tuple(row["columns"].split()),
            argument=row["argument"],
            rule=row["rule"],
        )
        for row in _rows("region-rules.csv")
    )


@cache
def expected_in(kind: str, categories: frozenset[str] | None = None) -> frozenset[str]:
    """Return what a kind of round needs of every dossier, as `table.column`.

    Args:
        kind: `pre_registration`, `advice`, `placement`, `support` or `feedback`; one that needs nothing gives nothing.
        categories: the categories (without `cat_`) that go in this round: nothing is missed that was agreed not to go.
            None for all.
    """
    return frozenset(
        f"{row['table']}.{row['column']}"
        for row in _rows("completeness.csv")
        if row["round"] == kind and (categories is None or row["category"] in categories)
    )


def completeness(field: str) -> RegionRule:
    """Return the rule that a field of every dossier is filled in.

    Args:
        field: table and column, such as `advice.advies`.
    """
    table, _, column = field.partition(".")
    return RegionRule(INCOMPLETE, DossierSeverity.WARNING, table, "filled", (column,), "", "needed in this round")


def severities() -> dict[str, DossierSeverity]:
    """Return how bad a breach of each rule of the region is, by the rule's id."""
    return {rule.id: rule.severity for rule in region_rules()} | {INCOMPLETE: completeness("").severity}
