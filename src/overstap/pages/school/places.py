"""Operations of the schools' pages on the places of a secondary school."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from overstap.clock import dutch_time, now
from overstap.ledger import Ledger
from overstap.ledger.accounts import SchoolAccount
from overstap.ledger.delivery import on_page
from overstap.ledger.rounds import offers, school_applications
from overstap.ledger.rounds.offers import Draw, Offer, SchoolDemand
from overstap.ledger.rounds.rounds import newest_school_year
from overstap.oso.advice_order import place_of


@dataclass(frozen=True, slots=True)
class PlacesPage:
    """The places of a school.

    Args:
        is_open: whether the session showed a second factor; without it nothing can be stated.
        year: the school year.
        offers: the offers.
        demand: how many pupils applied; None: nobody yet.
    """

    is_open: bool
    year: str = ""
    offers: list[Offer] = field(default_factory=list)
    demand: SchoolDemand | None = None


class PlacesOperations:
    """Operations on the places of the session's school.

    Args:
        borrow: lends a connection to the ledger.
    """

    def __init__(self, borrow: Callable[[], AbstractContextManager[Ledger]]) -> None:
        self._borrow = borrow

    def page(self, account: SchoolAccount, session: bytes) -> PlacesPage:
        """Return the places of the school, in the newest school year that the region knows."""
        with self._borrow() as ledger, ledger.unit(account.region, account.actor) as unit:
            if not on_page.is_open(unit, session):
                return PlacesPage(is_open=False)
            known = school_applications.years(unit, account.school)
            year = newest_school_year(unit) or (known[0] if known else _this_year())
            found = offers.all_offers(unit, year, account.school)
            found.sort(key=lambda one: (one.location, place_of(one.kind)))
            return PlacesPage(True, year, found, offers.demand(unit, year).get(account.school))

    def state(
        self, account: SchoolAccount, session: bytes, location: str, kind: str, places: int, placed: int
    ) -> int | None:
        """State an offer; result as of `offers.state`."""
        year = self.page(account, session).year
        with self._borrow() as ledger, ledger.unit(account.region, account.actor) as unit:
            return offers.state(unit, session, year, location, kind, places, placed)

    def note_draw(self, account: SchoolAccount, session: bytes, location: str, kind: str, draw: Draw) -> str | None:
        """Record the result of a draw; result as of `offers.note_draw`."""
        year = self.page(account, session).year
        with self._borrow() as ledger, ledger.unit(account.region, account.actor) as unit:
            return offers.note_draw(unit, session, year, location, kind, draw)


def _this_year() -> str:
    today = dutch_time(now()).date()
    first = today.year if today.month >= 8 else today.year - 1
    return f"{first}-{first + 1}"
