"""Context of a request to the board (ledger, agreements, account, moment), and queries that several pages share."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import TypeVar

from overstap.agreements import RoundId
from overstap.clock import dutch_time
from overstap.errors import OverstapError
from overstap.ledger import schools
from overstap.ledger.delivery import test_messages, uncollected
from overstap.ledger.dossiers import outstanding
from overstap.ledger.dossiers.outstanding import WithoutReceiverCount
from overstap.ledger.downloads import FileKind
from overstap.ledger.read_only import ReadOnlyLedger
from overstap.ledger.rosters import by_application, matching
from overstap.ledger.rosters.matching import ListCount
from overstap.ledger.rounds import progress, refused_lists, registrations, round_overview, task_failures
from overstap.ledger.rounds.counts import PrimaryCounts, primary_schools, secondary_schools
from overstap.ledger.session import UnitOfWork
from overstap.pages.board.agreement_cache import AgreementCache
from overstap.pages.board.forecast import looks_back_to
from overstap.pages.board.funnel import GONE, FunnelLayer, funnel
from overstap.pages.board.person import BoardUser
from overstap.pages.board.rounds import RoundView, opened_rounds, planned_rounds
from overstap.pages.board.schools import RoundFacts, SupplierRow, supplier_rows
from overstap.quality import rulebook

_Owned = TypeVar("_Owned", WithoutReceiverCount, ListCount)
NOT_RELEASED = GONE | {"supplied", "rejected", "accepted"}
"""States of a dossier before its release."""


class PageNotFoundError(Exception):
    """The page does not exist for this account; another region's page and a missing one get the same answer."""


@dataclass(frozen=True, slots=True)
class PageContext:
    """Context of one request.

    Args:
        read_only_ledger: read-only access to the ledger.
        agreement_cache: cache of the agreements.
        person: the account of the request.
        now: the present moment, aware.
        base: URL path below which Airflow is served.
        note: writes the audit line of a file about pupils, as the account; arguments as of `note_download`.
    """

    read_only_ledger: ReadOnlyLedger
    agreement_cache: AgreementCache
    person: BoardUser
    now: datetime
    base: str = ""
    note: Callable[[str, FileKind, str, Collection[str]], None] | None = None

    def note_download(self, region: str, file: FileKind, about: str, signs: Collection[str]) -> None:
        """Record in the audit chain that a file about pupils is about to leave; the file is given after this only.

        Args:
            region: region id.
            file: what it is.
            about: the round, or the school year.
            signs: pseudonym of each pupil in it.

        Raises:
            RuntimeError: this context can write no line.
        """
        if self.note is None:
            raise RuntimeError("a file about pupils does not leave without its audit line")
        self.note(region, file, about, signs)

    @property
    def midnight(self) -> datetime:
        """The last midnight, Dutch time."""
        return dutch_time(self.now).replace(hour=0, minute=0, second=0, microsecond=0)

    def named(self, region: str) -> Callable[[str], str]:
        """Return a function that gives the name of a coordinator by the account; of others, the account itself.

        Args:
            region: region id.
        """
        people = {
            one.account.lower(): one.name for year in self.agreement_cache.of(region) for one in year.coordinators
        }
        return lambda account: people.get(account.lower(), account)

    @contextmanager
    def round(self, round_id: str) -> Iterator[tuple[UnitOfWork | None, RoundView]]:
        """Open a read-only unit of work in the region of a round.

        Yields:
            The unit and the round, without its funnel; None instead of a unit when the round has not opened.

        Raises:
            PageNotFoundError: the account may not see it, or there is none.
        """
        try:
            region = RoundId(round_id).region
        except OverstapError:
            raise PageNotFoundError(round_id) from None
        if region not in self.person.regions:
            raise PageNotFoundError(round_id)
        with self.region(region) as unit:
            opened = opened_rounds(unit) if unit else []
            view = next((one for one in opened if one.round_id == round_id), None)
            if view is not None:
                yield unit, view
                return
        for view in planned_rounds(self.agreement_cache.of(region), opened, self.now):
            if view.round_id == round_id:
                yield None, view
                return
        raise PageNotFoundError(round_id)

    @contextmanager
    def region(self, region: str) -> Iterator[UnitOfWork | None]:
        """Open a read-only unit of work in a region; None when the ledger does not know the region yet."""
        with self.read_only_ledger.regions() as turn:
            try:
                unit = turn(region)
            except OverstapError as error:
                if error.code != "LEDGER-007":
                    raise
                unit = None
            yield unit


@cache
def sentence_of(code: str) -> str:
    """Return the Dutch sentence of a rule or error code; the code itself when it is no longer known."""
    try:
        return rulebook.sentence_of(code)
    except KeyError:
        return code


def facts_of(unit: UnitOfWork, view: RoundView, now: datetime, school: str | None = None) -> RoundFacts:
    """Return the facts of a round's schools, or of one primary school alone, which takes fewer queries.

    Who looks after something is told by name.
    """
    round_id = view.round_id
    started = max(view.opened_at or view.milestones.opens, view.milestones.opens)
    known = schools.known(unit)
    overdue = uncollected.per_school(unit, round_id, view.milestones.receipts_due)
    is_whole_region = (
        school is None and view.kind.is_inspected
    )  # figures of the whole region; a school's own page shows none
    tested = test_messages.results(unit, round_id) if test_messages.were_sent(unit, round_id) else ()
    people = round_overview.coordinators(unit, round_id)
    of_leavers = by_application.all_counts(unit, round_id, school) if view.kind.is_of_leavers else ()
    return RoundFacts(
        [_without_gone(one) for one in primary_schools(unit, round_id, school)],
        secondary_schools(unit, round_id) if school is None else (),
        {school: one.name for school, one in known.items()},
        {school: one.contact for school, one in known.items()},
        progress.open_reviews(unit, round_id, school),
        progress.open_deliveries(unit, round_id, school),
        progress.open_requests(unit, round_id, school),
        progress.results(unit, round_id, school),
        progress.pace(unit, round_id, looks_back_to(started, now), school),
        started,
        {one.school: one for one in tested},
        [named(one, people) for one in outstanding.without_receiver(unit, round_id, school)],
        {one.school: one for one in overdue},
        outstanding.not_collected(unit, round_id, school) if overdue else {},
        outstanding.reported_undelivered(unit, round_id, school),
        task_failures.open_failures(unit, round_id),
        registrations.refused(unit, view.school_year) if is_whole_region else (),
        registrations.unstated(unit, view.school_year) if is_whole_region else None,
        matching.statuses(unit, view.school_year, school) if view.kind.is_of_leavers else {},
        [named(one, people) for one in of_leavers],
        registrations.noted(unit, view.school_year) if is_whole_region else (),
        refused_lists.refused(unit, view.school_year) if is_whole_region and view.kind.is_of_leavers else (),
    )


def named(one: _Owned, people: Mapping[str, str]) -> _Owned:
    """Return what somebody looks after with the person's name in place of the account, where `people` has it."""
    return replace(one, owner=people.get(one.owner, one.owner)) if one.owner else one


def _without_gone(counts: PrimaryCounts) -> PrimaryCounts:
    """Return a school's counts without withdrawn dossiers, which are not expected either."""
    states = Counter({state: number for state, number in counts.states.items() if state not in GONE})
    return replace(counts, states=states)


def rows_of_facts(unit: UnitOfWork, view: RoundView, facts: RoundFacts, now: datetime) -> list[SupplierRow]:
    """Return a row per primary school of a round, in the order of their names."""
    is_closed = view.closed_at is not None
    registrar = registrar_of(unit, view)
    return supplier_rows(facts, view.milestones, now, sentence_of, registrar, is_closed=is_closed)


def with_funnel(view: RoundView, facts: RoundFacts, moved: list[tuple[str | None, str, int]]) -> RoundView:
    """Return a round with its funnel."""
    states: dict[str, int] = {}
    for school in facts.primary:
        for state, number in school.states.items():
            states[state] = states.get(state, 0) + number
    expected = sum(school.expected for school in facts.primary)
    found = funnel(states, expected, moved)
    if not view.kind.is_inspected:  # a partnership states no expected pupils, and parents do not inspect
        found = tuple(step for step in found if step.layer not in (FunnelLayer.EXPECTED, FunnelLayer.INSPECTED))
    released = sum(number for state, number in states.items() if state not in NOT_RELEASED)
    if not expected:
        return replace(view, steps=found, released=released)
    missing = sum(max(0, school.expected - school.states.total()) for school in facts.primary)
    surplus = sum(max(0, school.states.total() - school.expected) for school in facts.primary)
    return replace(view, steps=found, released=released, missing=missing, surplus=surplus)


def registrar_of(unit: UnitOfWork, view: RoundView) -> tuple[str, str]:
    """Return name and address of the region's first coordinator, who keeps the registrations."""
    found = round_overview.first_coordinator(unit, view.round_id)
    return found.name, found.email
