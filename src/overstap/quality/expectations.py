"""Validation of all dossiers of a region together, as tables, with Great Expectations.

It finds what a single dossier cannot show: the same pupil twice, a school that does not participate, a file in two
dossiers, missing fields that the round needs; and it checks formats and code lists by column. Only columns that are
compared across the region are kept for all dossiers; the rest is validated in groups. Great Expectations is imported on
use, since that takes seconds.
"""

from collections.abc import Iterable, Iterator, Sequence

from overstap.oso.catalogue import catalogue
from overstap.oso.model import Dossier
from overstap.quality.columns import ColumnTable, DossierRows, RegionColumns
from overstap.quality.findings import RegionFinding
from overstap.quality.region_rulebook import RegionRule, completeness, expected_in, region_rules
from overstap.quality.registers import NONE, Registers

__all__ = ["RegionFinding", "expected_in", "validate_region"]

GROUP = 2_000
"""Dossiers per validation of formats and code lists; each validation takes at least half a second."""
_BETWEEN = "\0"
"""Between values that are compared together; XML has no such character."""
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
"""Path of the rows of a table, for a finding about a dossier without rows."""


def validate_region(
    dossiers: Iterable[tuple[str, Dossier | DossierRows]],
    *,
    known: Iterable[tuple[str, DossierRows]] = (),
    schools: frozenset[str],
    expected: Iterable[str] = (),
    registers: Registers = NONE,
    group: int = GROUP,
    own_codes: frozenset[tuple[str, str]] = frozenset(),
) -> list[RegionFinding]:
    """Return the findings across the dossiers of a region, each rule once per location.

    It reads one dossier at a time and keeps only the columns that are compared across the region, so that memory use
    hardly depends on the number of dossiers.

    Args:
        dossiers: pairs of an id, chosen by the caller, and a dossier or its rows.
        known: pairs of an id and the rows of a dossier that was validated before; the others are compared with them.
        schools: the schools of the agreement, BRIN with branch.
        expected: fields that every dossier must have in this round, as `table.column`; see `expected_in`.
        registers: the available national registers; rules on other registers are skipped.
        group: number of dossiers per validation of formats and code lists.
        own_codes: the region's own codes, as number of the code list and code.

    Raises:
        OverstapError: QUALITY-001 when an expectation cannot be evaluated.
    """
    rules = [*_applicable(registers), *(completeness(field) for field in sorted(expected))]
    compared = _Validation([rule for rule in rules if rule.expectation == "unique"], schools, registers, own_codes)
    every = _Validation(rules, schools, registers, own_codes)
    single = [rule for rule in rules if rule.expectation != "unique"]
    for number, (key, dossier) in enumerate(dossiers, start=1):
        every.columns.add(key, dossier)
        if number % group == 0:
            compared.columns.extend(every.columns)
            every.judge(single)
    for key, rows in known:
        compared.columns.add(key, rows)
    if not compared.columns.dossiers:  # one validation suffices: the group is compared with itself only
        every.judge(rules)
    else:
        compared.columns.extend(every.columns)
        every.judge(single)
        compared.judge(compared.rules)
    return [*every.found.values(), *compared.found.values()]


class _Validation:
    """Rules with the columns that they need, and their findings so far."""

    def __init__(
        self,
        rules: list[RegionRule],
        schools: frozenset[str],
        registers: Registers,
        own_codes: frozenset[tuple[str, str]],
    ) -> None:
        self.rules, self.schools, self.registers, self.own_codes = rules, schools, registers, own_codes
        self.columns = RegionColumns(rules)
        self.found: dict[tuple[str, str, str], RegionFinding] = {}

    def judge(self, rules: Sequence[RegionRule]) -> None:
        """Validate the added dossiers by some of the rules, then remove their rows."""
        if not self.columns.dossiers:
            return
        from overstap.quality import suites

        versions = sorted(self.columns.versions)
        lines: list[suites.Line] = []
        rows: list[int | None] = []  # the row of a line that is one; None: each row with its value
        for rule in rules:
            table = self.columns.tables[rule.table]
            if rule.expectation == "filled":
                self._without_row(rule, table)
            for row, value in _values(rule, table):
                lines.append(suites.Line(rule, value))
                rows.append(row)
        permitted = {rule: self._permitted(rule, versions) for rule in rules}
        found: dict[RegionRule, set[str | None]] = {}
        for position in suites.broken(lines, permitted) if lines else ():
            line, row = lines[position], rows[position]
            if row is None:
                found.setdefault(line.rule, set()).add(line.value)
            else:
                self._add_row(line.rule, row)
        for rule, values in found.items():
            for row, value in enumerate(self.columns.tables[rule.table].columns[rule.columns[0]]):
                if value in values:
                    self._add_row(rule, row)
        self.columns.clear()

    def _add_row(self, rule: RegionRule, row: int) -> None:
        table = self.columns.tables[rule.table]
        self._add(rule, table.dossier[row], _path(rule, table.at[row]))

    def _without_row(self, rule: RegionRule, table: ColumnTable) -> None:
        """Add a finding for each dossier without any row in a table of which the round needs a column."""
        have = set(table.dossier)
        path = f"{_BLOCKS.get(rule.table, 'dossier')}/{rule.columns[0].replace('.', '/')}"
        for key in self.columns.dossiers:
            if key not in have:
                self._add(rule, key, path)

    def _permitted(self, rule: RegionRule, versions: list[str]) -> Iterable[str]:
        if rule.expectation == "register":
            numbers: frozenset[str] = getattr(self.registers, rule.argument)
            return numbers
        if rule.expectation == "school":
            return self.schools
        if rule.expectation == "codes":
            own = {code for number, code in self.own_codes if number == rule.argument}
            return own | {code for version in versions for code in catalogue(version).lists.get(rule.argument, ())}
        return ()

    def _add(self, rule: RegionRule, key: str, path: str) -> None:
        self.found[rule.id, key, path] = RegionFinding(key, rule.id, rule.severity, path)


def _values(rule: RegionRule, table: ColumnTable) -> Iterator[tuple[int | None, str | None]]:
    """Yield the values of a table that a rule judges: each one once, and per row where rows are compared.

    A missing value is judged by a rule that asks for one only, and one of several values makes no comparison.
    """
    columns = [table.columns[name] for name in rule.columns]
    if rule.expectation == "unique":
        for row, values in enumerate(zip(*columns, strict=True)):
            filled = [value for value in values if value is not None]
            if len(filled) == len(values):
                yield row, _BETWEEN.join(filled)
    else:
        for value in dict.fromkeys(columns[0]):
            if value is not None or rule.expectation == "filled":
                yield None, value


def _path(rule: RegionRule, at: str) -> str:
    """Return the path as in a finding about a single dossier, so that equal findings are counted once."""
    if rule.expectation == "unique" and len(rule.columns) > 1:
        return f"{at}/{rule.columns[-1]}"
    column = {"digest": "bestandsinhoud", "sender": "huidigeschool.brincode"}.get(rule.columns[0], rule.columns[0])
    return f"{at}/{column.replace('.', '/')}"


def _applicable(registers: Registers) -> list[RegionRule]:
    return [rule for rule in region_rules() if rule.expectation != "register" or getattr(registers, rule.argument)]
