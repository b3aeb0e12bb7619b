"""Loading of the rules over a region from `region-rules.csv` and `completeness.csv` in `include/schemas/oso`."""

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
        id: id of the rule; a rule that also applies to single dossiers has the same id and finds the same locations.
        severity: severity of a breach.
        table: name of the table in `overstap.oso.frames`.
        expectation: `unique`, `codes`, `school`, `register`, `filled`, `date` or one of our own expectations.
        columns: the columns that it applies to.
        argument: number of the code list, for `codes`; name of the register, for `register`.
        rule: the requirement in English, for developers.
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
    """Return the rules over a region, without those for the expected fields of a round."""
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
    """Return the fields that every dossier must have in a kind of round, as `table.column`.

    Args:
        kind: `pre_registration`, `advice`, `placement`, `support` or `feedback`.
        categories: the categories (without `cat_`) that are sent in this round; fields of others are not expected. None
            for all.
    """
    return frozenset(
        f"{row['table']}.{row['column']}"
        for row in _rows("completeness.csv")
        if row["round"] == kind and (categories is None or row["category"] in categories)
    )


def completeness(field: str) -> RegionRule:
    """Return the rule that every dossier has a field.

    Args:
        field: table and column, such as `advice.advies`.
    """
    table, _, column = field.partition(".")
    return RegionRule(INCOMPLETE, DossierSeverity.WARNING, table, "filled", (column,), "", "needed in this round")


def severities() -> dict[str, DossierSeverity]:
    """Return the severity of each rule over the region, by its id."""
    return {rule.id: rule.severity for rule in region_rules()} | {INCOMPLETE: completeness("").severity}
