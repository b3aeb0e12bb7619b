"""Tables of a demonstration's results: dossiers per school that were supplied, rejected, inspected and confirmed."""

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from overstap.closing.report import ReportTable as ReportTable
from overstap.closing.report import primary_table, secondary_table
from overstap.ledger import Ledger
from overstap.ledger.rounds.counts import primary_schools, secondary_schools
from overstap.quality.rulebook import sentence_of

_LEFT_OUT = ("waiting", "not_inspected", "no_receiver", "not_sent", "refused")


def tables(ledger: Ledger, region: str, round_id: str) -> list[Group]:
    """Return the round's tables, as its report has them, narrow enough for a terminal, with the reasons in words."""
    with ledger.unit(region, "demo") as unit:
        primary = primary_schools(unit, round_id)
        secondary = secondary_schools(unit, round_id)
    return [_shown(primary_table(primary, sentence_of)), _shown(secondary_table(secondary, sentence_of))]


def _shown(table: ReportTable) -> Group:
    shown = Table(title=table.heading, title_justify="left", box=box.SIMPLE_HEAD, padding=0)
    counted = [column for column in table.columns if column.name not in _LEFT_OUT]
    for column in counted:
        shown.add_column(column.narrow, justify="left" if column.is_text else "right", no_wrap=column.is_text)
    for row in table.rows:
        shown.add_row(*(str(row[column.name]) for column in counted))
    return Group(Text(""), shown, *(Text(f"  {note}") for note in table.notes))
