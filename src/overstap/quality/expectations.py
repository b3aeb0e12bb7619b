"""Judges a whole region's dossiers at once, as tables, with Great Expectations.

What one dossier cannot show: the same pupil twice, a school that does not take part, a file in two dossiers, what a
round needs and does not get; and formats and code lists by the column. Only what must be compared across the region is
kept for all of it; the rest is judged by group. The import of Great Expectations takes seconds.
"""

from collections.abc import Iterable, Sequence

from overstap.oso.catalogue import catalogue
from overstap.oso.model import Dossier
from overstap.quality.columns import Columns, JudgedRows, JudgedTable
from overstap.quality.findings import RegionFinding
from overstap.quality.regionbook import RegionRule, completeness, expected_in, region_rules
from overstap.quality.registers import NONE, Registers

__all__ = ["RegionFinding", "expected_in", "validate_region"]

GROUP = 2_000
"""Dossiers whose formats and code lists are judged at a time: a validation costs half a second, even of one."""
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
    dossiers: Iterable[tuple[str, Dossier | JudgedRows]],
    *,
    known: Iterable[tuple[str, JudgedRows]] = (),
    schools: frozenset[str],
    expected: Iterable[str] = (),
    registers: Registers = NONE,
    group: int = GROUP,
) -> list[RegionFinding]:
    """Return what is wrong across a region's dossiers, each place of a rule once.

    Takes one dossier at a time and keeps of it only what must be compared with all others, so that memory hardly grows
    with the region.

    Args:
        dossiers: pairs of an id of the caller's choice and a dossier, or what is wanted of it.
        known: likewise, dossiers that were judged before: the others are compared with them.
        schools: the schools of the agreement, BRIN with branch.
        expected: fields that every dossier has in this round, as `table.column`; see `expected_in`.
        registers: the national registers at hand; what there is no list of is not judged.
        group: how many dossiers have their formats and code lists judged at a time.

    Raises:
        OverstapError: QUALITY-001 when an expectation cannot be evaluated.
    """
    rules = [*_judged(registers), *(completeness(field) for field in sorted(expected))]
    compared = _Judging([rule for rule in rules if rule.expectation == "unique"], schools, registers)
    every = _Judging(rules, schools, registers)
    single = [rule for rule in rules if rule.expectation != "unique"]
    for number, (key, dossier) in enumerate(dossiers, start=1):
        every.columns.add(key, dossier)
        if number % group == 0:
            compared.columns.extend(every.columns)
            every.judge(single)
    for key, rows in known:
        compared.columns.add(key, rows)
    if not compared.columns.dossiers:  # nothing to compare with but the group itself, at half the validations
        every.judge(rules)
    else:
        compared.columns.extend(every.columns)
        every.judge(single)
        compared.judge(compared.rules)
    return [*every.found.values(), *compared.found.values()]


class _Judging:
    """Rules, the columns they look at, and what they found so far."""

    def __init__(self, rules: list[RegionRule], schools: frozenset[str], registers: Registers) -> None:
        self.rules, self.schools, self.registers = rules, schools, registers
        self.columns = Columns(rules)
        self.found: dict[tuple[str, str, str], RegionFinding] = {}

    def judge(self, rules: Sequence[RegionRule]) -> None:
        """Judge the dossiers taken since by some of the rules, and forget them."""
        if not self.columns.dossiers:
            return
        from overstap.quality import suites

        source = suites.source()
        versions = sorted(self.columns.versions)
        for name, table in self.columns.tables.items():
            frame = table.frame()
            chosen: list[tuple[RegionRule, Iterable[str]]] = []
            for rule in rules:
                if rule.table != name:
                    continue
                if rule.expectation == "filled":
                    self._without_row(rule, table)
                if all(frame[column].notna().any() for column in rule.columns):
                    chosen.append((rule, _values(rule, self.schools, versions, self.registers)))
                elif rule.expectation == "filled":
                    for key, at in zip(table.dossier, table.at, strict=True):
                        self._add(rule, key, _path(rule, at))
            if chosen and not frame.empty:
                for rule, key, at in suites.run(source, name, frame, chosen):
                    self._add(rule, key, _path(rule, at))
        self.columns.clear()

    def _without_row(self, rule: RegionRule, table: JudgedTable) -> None:
        """Find the dossiers that have no row at all in a table of which the round needs a column."""
        have = set(table.dossier)
        path = f"{_BLOCKS.get(rule.table, 'dossier')}/{rule.columns[0].replace('.', '/')}"
        for key in self.columns.dossiers:
            if key not in have:
                self._add(rule, key, path)

    def _add(self, rule: RegionRule, key: str, path: str) -> None:
        self.found[rule.id, key, path] = RegionFinding(key, rule.id, rule.severity, path)


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
