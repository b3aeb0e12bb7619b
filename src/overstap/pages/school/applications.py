"""Operations of the schools' pages on the applications at a secondary school."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from overstap.clock import dutch_time, now
from overstap.ledger import Ledger, downloads
from overstap.ledger.accounts import SchoolAccount
from overstap.ledger.delivery import on_page
from overstap.ledger.rounds import application_list, school_applications
from overstap.ledger.rounds.school_applications import ApplicationState, SchoolApplication, StatedApplications
from overstap.oso.identifiers import with_zeros
from overstap.tabular.values import NumberFormatError, digits

MAX_NUMBERS = 200
"""Most pupil numbers in one search."""
PER_PAGE = 100
"""Applications on one page."""


@dataclass(frozen=True, slots=True)
class ApplicationLine:
    """An application with the last day on which the school decides; None when it is decided."""

    application: SchoolApplication
    due: date | None
    is_overdue: bool


@dataclass(frozen=True, slots=True)
class ApplicationsPage:
    """The applications at a school.

    Args:
        is_open: whether the session showed a second factor; without it nothing is listed.
        year: the school year that is shown; empty without applications.
        years: the school years with applications.
        lines: the applications on this page.
        counts: number of applications by state, of all.
        number: number of this page, from 1.
        last: number of the last page.
        not_found: number of pupil numbers that were looked for and have no application at this school.
        no_numbers: number of lines that are no pupil number.
        restored: number of pupil numbers whose leading zeros came back, because the check digit agrees.
    """

    is_open: bool
    year: str = ""
    years: Sequence[str] = ()
    lines: list[ApplicationLine] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    number: int = 1
    last: int = 1
    not_found: int = 0
    no_numbers: int = 0
    restored: int = 0


class ApplicationOperations:
    """Operations on the applications at the session's school.

    Args:
        borrow: lends a connection to the ledger.
    """

    def __init__(self, borrow: Callable[[], AbstractContextManager[Ledger]]) -> None:
        self._borrow = borrow

    def page(
        self,
        account: SchoolAccount,
        session: bytes,
        *,
        year: str = "",
        state: str = "",
        number: int = 1,
        typed: str | None = None,
    ) -> ApplicationsPage:
        """Return applications at the school.

        Args:
            account: the account of the session.
            session: identifier of the session.
            year: school year; empty, or one without applications: the newest.
            state: only those in this state; empty: all.
            number: number of the page.
            typed: lines with numbers of pupils, of whom it then is; None: of all.
        """
        today = dutch_time(now()).date()
        with self._borrow() as ledger, ledger.unit(account.region, account.actor) as unit:
            if not on_page.is_open(unit, session):
                return ApplicationsPage(is_open=False)
            years = school_applications.years(unit, account.school)
            if not years:
                return ApplicationsPage(is_open=True)
            year = year if year in years else years[0]
            numbers, no_numbers, restored = (None, 0, 0) if typed is None else _numbers(typed)
            found = school_applications.listed(unit, year, account.school, numbers)
        counts: dict[str, int] = {}
        for one in found:
            counts[one.state] = counts.get(one.state, 0) + 1
        shown = [one for one in found if state in ("", one.state)]
        last = max(1, -(-len(shown) // PER_PAGE))
        number = min(max(1, number), last)
        return ApplicationsPage(
            is_open=True,
            year=year,
            years=years,
            lines=[_line(one, year, today) for one in shown[(number - 1) * PER_PAGE : number * PER_PAGE]],
            counts=counts,
            number=number,
            last=last,
            not_found=0 if numbers is None else len(numbers) - len(found),
            no_numbers=no_numbers,
            restored=restored,
        )

    def file(
        self, account: SchoolAccount, session: bytes, year: str, state: str, *, is_workbook: bool
    ) -> tuple[str, bytes] | None:
        """Return what `page` lists, on all its pages, as school year and content; None without a second factor.

        Args:
            account: the account of the session.
            session: identifier of the session.
            year: school year; empty, or one without applications: the newest.
            state: only those in this state; empty: all.
            is_workbook: whether it is a workbook, or else CSV.
        """
        with self._borrow() as ledger, ledger.unit(account.region, account.actor) as unit:
            if not on_page.is_open(unit, session):
                return None
            years = school_applications.years(unit, account.school)
            year = year if year in years else next(iter(years), "")
            shown = [one for one in school_applications.listed(unit, year, account.school) if state in ("", one.state)]
            if year:
                downloads.note(unit, "applications", year, {one.sign for one in shown}, to=account.school)
        today = dutch_time(now()).date()
        return year, application_list.content(shown, year, today, is_workbook=is_workbook)

    def history(self, account: SchoolAccount, session: bytes, application: UUID) -> list[ApplicationState]:
        """Return the history of an application at the school; empty without such a one, or without a second factor."""
        with self._borrow() as ledger, ledger.unit(account.region, account.actor) as unit:
            if not on_page.is_open(unit, session):
                return []
            return school_applications.history(unit, account.school, application)

    def state(
        self,
        account: SchoolAccount,
        session: bytes,
        year: str,
        applications: Sequence[UUID],
        status: str,
        reason: str | None,
    ) -> StatedApplications | None:
        """Give applications a state; arguments and result as of `school_applications.state`."""
        with self._borrow() as ledger, ledger.unit(account.region, account.actor) as unit:
            return school_applications.state(unit, session, year, applications, status, reason)


def _line(one: SchoolApplication, year: str, today: date) -> ApplicationLine:
    due = application_list.due(one, year)
    return ApplicationLine(one, due, due is not None and due < today)


def _numbers(typed: str) -> tuple[list[str], int, int]:
    """Return the pupil numbers among typed lines, how many lines are none, and how many numbers got zeros back."""
    found: dict[str, bool] = {}
    wrong = 0
    for line in typed.splitlines()[:MAX_NUMBERS]:
        if not line.strip():
            continue
        try:
            written = digits(line)
        except NumberFormatError:
            wrong += 1
            continue
        number = with_zeros(written)
        if number is not None:
            found[number] = number != written
        else:
            wrong += 1
    return list(found), wrong, sum(found.values())
