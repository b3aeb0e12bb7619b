"""Schools of a round as rows: steps, problems, whom to call, forecast."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from overstap.agreements import Milestones
from overstap.ledger.delivery.test_messages import SchoolResult
from overstap.ledger.delivery.uncollected import NotCollected
from overstap.ledger.dossiers.outstanding import Ownerless, ToldUndelivered
from overstap.ledger.rounds.counts import PrimaryCounts, SecondaryCounts
from overstap.ledger.rounds.progress import OpenDelivery, OpenReview
from overstap.ledger.rounds.registrations import RefusedRegistration, UnstatedRegistrations
from overstap.ledger.rounds.task_failures import Failure
from overstap.pages.board.blockers import Blocker, SchoolSituation, Weight, Who, blockers
from overstap.pages.board.forecast import Forecast, Outlook, forecast
from overstap.pages.board.funnel import ACCEPTED, INSPECTED
from overstap.pages.board.steps import SchoolStep, StepState, steps

ORDER = (
    "nothing_supplied_late",
    "red_task",
    "unanswered",
    "undelivered",
    "undelivered_told",
    "refused",
    "not_taken_in",
)
"""Kinds of trouble that go before all others: without an answer a whole school, or what was sent, is missing."""


@dataclass(frozen=True, slots=True)
class SupplierRow:
    """One primary school.

    Args:
        school: BRIN with branch.
        name: its name.
        contact: where it is reached.
        counts: its counts.
        steps: how far it is.
        blockers: what holds it up, the worst first.
        supply: what is expected of its supplying good dossiers in time.
        review: what is expected of its reviews.
        deadline: the moment that comes next for it; None when it has nothing more to do.
        calls: whom to call, by name and address.
    """

    school: str
    name: str
    contact: str
    counts: PrimaryCounts = field(repr=False)
    steps: tuple[SchoolStep, ...]
    blockers: Sequence[Blocker]
    supply: Forecast
    review: Forecast
    deadline: datetime | None
    calls: Sequence[tuple[str, str]] = ()

    @property
    def outlook(self) -> Forecast:
        """The forecast that counts now: of supplying until all is good, of the reviews after that."""
        return self.review if self.supply.outlook is Outlook.DONE else self.supply

    @property
    def trouble(self) -> int:
        """How badly it needs attention: 0 stands still until somebody acts, 1 waits, 2 goes by itself, 3 is done."""
        if self.blockers:
            return int(self.blockers[0].weight)
        return 3 if self.is_done else 2

    @property
    def is_done(self) -> bool:
        """Whether every step is done."""
        return all(step.state is StepState.DONE for step in self.steps)


@dataclass(frozen=True, slots=True)
class ReceiverRow:
    """One secondary school: what was made ready for it and what became of that."""

    school: str
    name: str
    contact: str
    counts: SecondaryCounts
    imported: int
    """Deliveries that it said to have taken in."""
    not_taken_in: int
    """Deliveries that it said it could not take in."""
    placed: int
    """Pupils that it said to have placed."""
    not_placed: int
    """Pupils that it said not to place."""
    not_shown_up: int
    """Pupils that did not come."""
    uncollected: NotCollected | None
    """What stands ready for it and was not collected; None for who does not collect itself."""
    says: str
    """Why deliveries are open, in Dutch; empty when they are not, or nothing went wrong."""

    @property
    def open(self) -> int:
        """Deliveries that are not confirmed."""
        return self.counts.problems.total()


@dataclass(frozen=True, slots=True)
class Facts:
    """What the ledger says of a round's schools.

    Args:
        primary: counts of the primary schools, in the order of their names.
        secondary: counts of the secondary schools; empty where a page tells of one primary school alone.
        names: what each school is called, by its id.
        contacts: where each school is reached, by its id.
        reviews: what parents may decide on still, by primary school.
        deliveries: envelopes that are not confirmed.
        requests: questions and corrections of parents that wait for each primary school, and how many too long.
        results: what receiving schools said after their receipt (see `ledger.progress.results`).
        pace: what each primary school achieved recently (see `ledger.progress.pace`).
        opened_at: when the round was opened.
        tested: how test messages went, by school; empty when none were sent.
        ownerless: dossiers without a receiver, by who looks after them.
        uncollected: what stands ready for schools that collect themselves, by that school.
        ready_for: how many of each primary school's dossiers stand ready, by receiving school.
        told: what was told undelivered.
        failures: tasks that failed and have not succeeded since.
        refused_registrations: rows of registrations that could not be read.
        unstated: registrations that no source states any more, so many that the coordinator is asked first.
    """

    primary: Sequence[PrimaryCounts]
    secondary: Sequence[SecondaryCounts]
    names: Mapping[str, str]
    contacts: Mapping[str, str]
    reviews: Mapping[str, OpenReview]
    deliveries: Sequence[OpenDelivery]
    requests: Mapping[str, tuple[int, int]]
    results: Sequence[tuple[str, str, str, int]]
    pace: Mapping[str, Counter[str]]
    opened_at: datetime
    tested: Mapping[str, SchoolResult] = field(default_factory=dict)
    ownerless: Sequence[Ownerless] = ()
    uncollected: Mapping[str, NotCollected] = field(default_factory=dict)
    ready_for: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    told: Sequence[ToldUndelivered] = ()
    failures: Sequence[Failure] = ()
    refused_registrations: Sequence[RefusedRegistration] = ()
    unstated: UnstatedRegistrations | None = None

    def uncollected_by(self, primary_school: str) -> dict[str, int]:
        """Return how many of a school's dossiers lie too long for schools that collect themselves, by that school."""
        return {
            to: number
            for to, number in self.ready_for.get(primary_school, {}).items()
            if to in self.uncollected and self.uncollected[to].is_due
        }


def supplier_rows(
    facts: Facts,
    milestones: Milestones,
    now: datetime,
    sentence_of: Callable[[str], str],
    registrar: tuple[str, str],
    *,
    is_closed: bool = False,
) -> list[SupplierRow]:
    """Return a row per primary school, in the order of their names.

    Args:
        facts: what the ledger says.
        milestones: the agreed moments.
        now: the present moment, aware.
        sentence_of: gives the Dutch sentence of a rule or error code.
        registrar: name and address of who keeps the registrations: the region's coordinator.
        is_closed: whether the round was closed.
    """
    by_school: dict[str, list[OpenDelivery]] = {}
    for one in facts.deliveries:
        by_school.setdefault(one.primary_school, []).append(one)
    names = facts.names
    refused = [one for one in facts.results if one[2] == "rejected"]
    rows = []
    for counts in facts.primary:
        situation = SchoolSituation(
            counts.expected,
            counts.states,
            counts.refused_files,
            counts.rejections,
            facts.reviews.get(counts.school),
            by_school.get(counts.school, ()),
            facts.requests.get(counts.school, (0, 0)),
            {to: number for of, to, _, number in refused if of == counts.school},
            milestones,
            now,
            sentence_of,
            facts.tested.get(counts.school),
            [one for one in facts.ownerless if one.primary_school == counts.school],
            facts.uncollected_by(counts.school),
            [one for one in facts.told if one.primary_school == counts.school],
            {(to, what): number for of, to, what, number in facts.results if of == counts.school},
            counts.without_consent,
            [one for one in facts.failures if one.place.school == counts.school and not one.will_retry],
            is_closed,
        )
        found = blockers(situation)
        school = (counts.name, facts.contacts.get(counts.school, ""))
        people = {
            Who.SCHOOL: [school],
            Who.REGISTRATIONS: [registrar],
            Who.COORDINATOR: [registrar],
            Who.RECEIVER: [
                (names.get(receiver, receiver), facts.contacts.get(receiver, ""))
                for one in found
                for receiver in one.receivers
            ],
        }
        calls = [call for one in found if one.weight is not Weight.GOING for call in people.get(one.who, ())]
        supply, review = _outlooks(counts, facts, milestones, now)
        rows.append(
            SupplierRow(
                counts.school,
                counts.name,
                school[1],
                counts,
                steps(
                    expected=counts.expected,
                    states=counts.states,
                    refused_files=counts.refused_files.total(),
                    milestones=milestones,
                    now=now,
                    is_closed=is_closed,
                ),
                found,
                supply,
                review,
                _deadline(situation),
                list(dict.fromkeys(calls)),
            )
        )
    return rows


def receiver_rows(facts: Facts, sentence_of: Callable[[str], str]) -> list[ReceiverRow]:
    """Return a row per secondary school, in the order of their names; arguments as for `supplier_rows`."""
    said: dict[tuple[str, str], int] = {}
    for _, to, outcome, number in facts.results:
        said[to, outcome] = said.get((to, outcome), 0) + number
    return [
        ReceiverRow(
            one.school,
            one.name,
            facts.contacts.get(one.school, ""),
            one,
            said.get((one.school, "imported"), 0),
            said.get((one.school, "rejected"), 0),
            said.get((one.school, "placed"), 0),
            said.get((one.school, "not_placed"), 0),
            said.get((one.school, "not_shown_up"), 0),
            facts.uncollected.get(one.school),
            _problem(one.problems, sentence_of),
        )
        for one in facts.secondary
    ]


def held_up(rows: Iterable[SupplierRow]) -> list[SupplierRow]:
    """Return the schools that need somebody, the worst first: by what is wrong, then by how many dossiers."""
    return sorted(
        (row for row in rows if row.trouble == Weight.PROBLEM),
        key=lambda row: (
            ORDER.index(row.blockers[0].kind) if row.blockers[0].kind in ORDER else len(ORDER),
            -sum(one.count for one in row.blockers if one.weight is Weight.PROBLEM),
            row.name,
        ),
    )


def _outlooks(counts: PrimaryCounts, facts: Facts, milestones: Milestones, now: datetime) -> tuple[Forecast, Forecast]:
    goal = counts.expected or counts.supplied
    good = sum(number for state, number in counts.states.items() if state in ACCEPTED)
    # What came in time and was not checked yet is not late: whether it is good is not for the school to wait for.
    in_time = good + counts.states["supplied"]
    inspected = sum(number for state, number in counts.states.items() if state in INSPECTED)
    recent = facts.pace.get(counts.school, Counter())
    started = max(facts.opened_at, milestones.opens)
    review = facts.reviews.get(counts.school)
    return (
        forecast(
            goal=goal, done=in_time, recently=recent["good"], started=started, deadline=milestones.data_due, now=now
        ),
        forecast(
            goal=good,
            done=inspected,
            recently=recent["inspected"],
            started=milestones.review_opens,
            deadline=review.closes_last if review else milestones.review_closes,
            now=now,
            no_goal="nothing_good",
        ),
    )


def _deadline(at: SchoolSituation) -> datetime | None:
    if at.states["rejected"] or at.refused_files or at.supplied < at.expected or not at.supplied:
        return at.milestones.data_due
    if at.review is not None:
        return at.review.closes_first
    if at.states["accepted"] or at.states["supplied"]:
        return at.milestones.review_opens
    if at.states["inspected"]:
        return at.milestones.delivers
    if at.states["sealed"] or at.deliveries:
        return at.milestones.receipts_due
    return None


def _problem(problems: Counter[str], sentence_of: Callable[[str], str]) -> str:
    codes = [code for code, _ in problems.most_common() if code]
    return sentence_of(codes[0]) if codes else ""
