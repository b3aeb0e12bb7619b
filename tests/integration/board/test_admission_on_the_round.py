"""The legal period for a decision on a round's page, from the registration week on."""

# ruff: noqa: F401 (fixtures of another module)

import html
import re
from dataclasses import replace
from datetime import UTC, datetime

from overstap.ledger import Ledger
from overstap.ledger.rounds import registrations, rounds
from overstap.pages.board.app import Board
from overstap.pages.board.selection import Selection
from overstap.pages.board.views import round
from overstap.simulation.synthetic.numbers import bsn

from .test_deciding import FIRST, ROUND, Asking, airflow, filled


def test_what_runs_out_is_told_by_school_once_it_counts(board: Board, ledger: Ledger) -> None:
    at = datetime(2027, 3, 26, 12, tzinfo=UTC)
    with ledger.unit("alfa", "test") as unit:
        schools = rounds.get_round(unit, ROUND).agreement
        primary, secondary = schools.primary_schools[1].id, schools.secondary_schools[0]
        stated = [
            registrations.Registration(bsn(9001), primary, secondary.id, "applied", at),
            registrations.Registration(bsn(9002), primary, secondary.id, "applied", at, 1, "support_examined"),
        ]
        registrations.record_registrations(unit, "2026-2027", stated)

    def page(day: datetime) -> str:
        context = replace(board.context(FIRST), now=day)
        made = round.page(context, ROUND, Selection(), lambda _: [], lambda _: None)
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", made)).split())

    assert "Wettelijke termijn" not in page(datetime(2027, 3, 20, 12, tzinfo=UTC))
    told = page(datetime(2027, 5, 13, 12, tzinfo=UTC))
    assert "binnen 6 weken" in told
    assert "binnen 10 weken" in told
    [figures] = re.findall(
        rf"{re.escape(secondary.id)} (\d+) (\d+) (\d+) (\d+) (\d+) ", told.split("Wettelijke termijn")[1]
    )[:1]
    overdue, this_week, next_week, later, examined = map(int, figures)
    assert (overdue >= 1, this_week, next_week, later, examined) == (True, 0, 0, 1, 1)
