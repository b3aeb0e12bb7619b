"""Context that every view is given, and facts that views share."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache

from overstap.agreements import RoundId
from overstap.clock import dutch_time
from overstap.errors import OverstapError
from overstap.ledger import schools
from overstap.ledger.delivery import test_messages, uncollected
from overstap.ledger.dossiers import outstanding
from overstap.ledger.read_only import ReadOnlyLedger
from overstap.ledger.rounds import progress, registrations, round_overview, task_failures
from overstap.ledger.rounds.counts import PrimaryCounts, primary_schools, secondary_schools
from overstap.ledger.session import UnitOfWork
from overstap.pages.board.agreement_cache import AgreementCache
from overstap.pages.board.forecast import looks_back_to
from overstap.pages.board.funnel import GONE, Layer, funnel
from overstap.pages.board.person import BoardUser
from overstap.pages.board.rounds import RoundView, opened_rounds, planned_rounds
from overstap.pages.board.schools import Facts, SupplierRow, supplier_rows
from overstap.quality import rulebook

NOT_RELEASED = GONE | {"supplied", "rejected", "accepted"}
"""States of a dossier that nobody released yet."""


class NotHereError(Exception):
    """There is no such page for this account: what another region has is not told from what nobody has."""


@dataclass(frozen=True, slots=True)
class PageContext:
    """What a page works with.

    Args:
        read_only_ledger: looks into the ledger.
        agreement_cache: the agreements.
        person: who asks.
        now: the present moment, aware.
        base: path below which Airflow is served.
    """

    read_only_ledger: ReadOnlyLedger
    agreement_cache: AgreementCache
    person: BoardUser
    now: datetime
    base: str = ""

    @property
    def midnight(self) -> datetime:
        """The end of yesterday on a Dutch wall."""
        return dutch_time(self.now).replace(hour=0, minute=0, second=0, microsecond=0)

    @contextmanager
    def round(self, round_id: str) -> Iterator[tuple[UnitOfWork | None, RoundView]]:
        """Look into the region of a round.

        Yields:
            The unit and the round, without its funnel; no unit when the round has not opened.

        Raises:
            NotHereError: the account may not see it, or there is none.
        """
        try:
            region = RoundId(round_id).region
        except OverstapError:
            raise NotHereError(round_id) from None
        if region not in self.person.regions:
            raise NotHereError(round_id)
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
        raise NotHereError(round_id)

    @contextmanager
    def region(self, region: str) -> Iterator[UnitOfWork | None]:
        """Look into a region; with nothing when the ledger does not know it yet."""
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
    """Return the Dutch sentence of a rule or error code; of one that nobody knows any more, the code itself."""
    try:
        return rulebook.sentence_of(code)
    except KeyError:
        return code


def facts_of(unit: UnitOfWork, view: RoundView, now: datetime, school: str | None = None) -> Facts:
    """Return what the ledger says of a round's schools, or of one primary school alone, which is read sooner."""
    round_id = view.round_id
    started = max(view.opened_at or view.milestones.opens, view.milestones.opens)
    known = schools.known(unit)
    overdue = uncollected.standing(unit, round_id, view.milestones.receipts_due)
    is_told = school is None and view.kind.is_inspected  # of the whole region: no school's own page has it
    tested = test_messages.results(unit, round_id) if test_messages.were_sent(unit, round_id) else ()
    return Facts(
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
        outstanding.ownerless(unit, round_id, school),
        {one.school: one for one in overdue},
        outstanding.not_collected(unit, round_id, school) if overdue else {},
        outstanding.told_undelivered(unit, round_id, school),
        task_failures.standing(unit, round_id),
        registrations.refused(unit, view.school_year) if is_told else (),
        registrations.unstated(unit, view.school_year) if is_told else None,
    )


def _without_gone(counts: PrimaryCounts) -> PrimaryCounts:
    """Return a school's counts without the dossiers that were taken back, which are not waited for either."""
    states = Counter({state: number for state, number in counts.states.items() if state not in GONE})
    return replace(counts, states=states)


def rows_of_facts(unit: UnitOfWork, view: RoundView, facts: Facts, now: datetime) -> list[SupplierRow]:
    """Return a row per primary school of a round, in the order of their names."""
    is_closed = view.closed_at is not None
    registrar = registrar_of(unit, view)
    return supplier_rows(facts, view.milestones, now, sentence_of, registrar, is_closed=is_closed)


def with_funnel(view: RoundView, facts: Facts, moved: list[tuple[str | None, str, int]]) -> RoundView:
    """Return a round with its funnel."""
    states: dict[str, int] = {}
    for school in facts.primary:
        for state, number in school.states.items():
            states[state] = states.get(state, 0) + number
    expected = sum(school.expected for school in facts.primary)
    found = funnel(states, expected, moved)
    if not view.kind.is_inspected:  # nobody states who is expected for a partnership, and no parents inspect
        found = tuple(step for step in found if step.layer not in (Layer.EXPECTED, Layer.INSPECTED))
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
