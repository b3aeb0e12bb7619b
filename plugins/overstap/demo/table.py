"""What is shown at the end: per school what was supplied, rejected, inspected, delivered and confirmed."""

from collections import Counter

from rich.table import Table

from overstap.closing.report import Table as ReportTable
from overstap.closing.report import primary_table, secondary_table
from overstap.ledger import Ledger
from overstap.ledger.counts import primary_schools, secondary_schools


def tables(ledger: Ledger, region: str, round_id: str) -> list[Table]:
    """Return the round's tables, as its report has them."""
    with ledger.unit(region, "demo") as unit:
        found = [primary_table(primary_schools(unit, round_id)), secondary_table(secondary_schools(unit, round_id))]
    return [_shown(table) for table in found]


def totals(ledger: Ledger, region: str, round_id: str) -> Counter[str]:
    """Return how many dossiers of a round are in which state."""
    with ledger.unit(region, "demo") as unit:
        counted: Counter[str] = Counter()
        for school in primary_schools(unit, round_id):
            counted += school.states
    return counted


def _shown(table: ReportTable) -> Table:
    shown = Table(title=table.heading, title_justify="left")
    for column in table.columns:
        shown.add_column(column.title, justify="left" if column.is_text else "right", overflow="fold")
    for row in table.rows:
        shown.add_row(*(str(row[column.name]) for column in table.columns))
    return shown
