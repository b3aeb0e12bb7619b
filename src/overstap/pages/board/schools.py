"""Rows of the board's tables of schools: steps, problems, whom to call, forecast."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from overstap.agreements import Milestones
from overstap.ledger.delivery.test_messages import SchoolResult
from overstap.ledger.delivery.uncollected import UncollectedEnvelopes
from overstap.ledger.dossiers.outstanding import ReportedUndelivered, WithoutReceiverCount
from overstap.ledger.rosters.matching import ListCount, RosterStatus
from overstap.ledger.rounds.counts import PrimaryCounts, SecondaryCounts
from overstap.ledger.rounds.progress import OpenDelivery, OpenReview
from overstap.ledger.rounds.refused_lists import RefusedRows
from overstap.ledger.rounds.registrations import NotedRows, RefusedRegistration, UnstatedRegistrations
from overstap.ledger.rounds.task_failures import TaskFailure
from overstap.pages.board.blockers import Blocker, ContactRole, SchoolSituation, Urgency, blockers
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
"""Kinds of problem that come before all others: a whole school, or what was sent, is missing until they are solved."""


@dataclass(frozen=True, slots=True)
class PointOfContact:
    """Whom a coordinator asks about a problem: a school, or the colleague who keeps the registrations.

    Args:
        name: its name.
        address: its e-mail address; empty for none.
        school: BRIN with branch, of whose contact person the region keeps a telephone number; empty for a colleague.
    """

    name: str
    address: str
    school: str = ""


@dataclass(frozen=True, slots=True)
class SupplierRow:
    """Row of one primary school.

    Args:
        school: BRIN with branch.
        name: its name.
        contact: its contact address.
        counts: its counts in the ledger.
        steps: its progress per step.
        blockers: the problems that block it, the most urgent first.
        supply: forecast of its supply of accepted dossiers.
        review: forecast of its reviews.
        deadline: its next milestone; None when it has nothing more to do.
        calls: whom to call.
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
    calls: Sequence[PointOfContact] = ()

    @property
    def outlook(self) -> Forecast:
        """The forecast that applies now: of supply until all dossiers are accepted, of the reviews after that."""
        return self.review if self.supply.outlook is Outlook.DONE else self.supply

    @property
    def trouble(self) -> int:
        """Rank by urgency: 0 blocked until somebody acts, 1 waits for an action, 2 resolves without one, 3 done."""
        if self.blockers:
            return int(self.blockers[0].weight)
        return 3 if self.is_done else 2

    @property
    def is_done(self) -> bool:
        """Whether every step is done."""
        return all(step.state is StepState.DONE for step in self.steps)


@dataclass(frozen=True, slots=True)
class ReceiverRow:
    """Row of one secondary school: envelopes sealed for it and their results."""

    school: str
    name: str
    contact: str
    counts: SecondaryCounts
    imported: int
    """Number of deliveries that it reported as taken in."""
    not_taken_in: int
    """Number of deliveries that it reported as not taken in."""
    placed: int
    """Number of pupils that it reported as placed."""
    not_placed: int
    """Number of pupils that it reported as not placed."""
    not_shown_up: int
    """Number of pupils that it reported as not shown up."""
    uncollected: UncollectedEnvelopes | None
    """Envelopes that are ready for it and not collected; None for a school that does not collect by itself."""
    says: str
    """Most frequent cause of unconfirmed deliveries, in Dutch; empty when there is none."""

    @property
    def open(self) -> int:
        """Number of deliveries that are not confirmed."""
        return self.counts.problems.total()


@dataclass(frozen=True, slots=True)
class RoundFacts:
    """Facts of the ledger about a round's schools.

    Args:
        primary: counts of the primary schools, in the order of their names.
        secondary: counts of the secondary schools; empty on a page about one primary school.
        names: name of each school, by its id.
        contacts: contact address of each school, by its id.
        reviews: dossiers on which parents may still decide, by primary school.
        deliveries: envelopes that are not confirmed.
        requests: questions and corrections of parents that wait for each primary school, and how many too long.
        results: results that receiving schools reported after their receipt (see `ledger.progress.results`).
        pace: number of dossiers that each primary school finished recently (see `ledger.progress.pace`).
        opened_at: when the round was opened.
        tested: result of the test messages, by school; empty when none were sent.
        without_receiver: dossiers without a receiver, by who is responsible for them.
        uncollected: envelopes ready for schools that collect by themselves, by that school.
        ready_for: number of ready envelopes of each primary school, by receiving school.
        reported_undelivered: deliveries that were reported undelivered.
        failures: tasks that failed and have not succeeded since.
        refused_registrations: number of rows of registrations that could not be read.
        unstated: number of registrations that no source states any more, when so many that the coordinator decides.
        rosters: how each school's roster stands, by school; empty in a round that is not of leavers.
        roster_lists: numbers of pupils of whom something is missing, with who looks after them.
        noted_registrations: rows of registrations that were used, and of which something is said.
        refused_lists: rows of the region's test advices and places that could not be read, by cause.
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
    without_receiver: Sequence[WithoutReceiverCount] = ()
    uncollected: Mapping[str, UncollectedEnvelopes] = field(default_factory=dict)
    ready_for: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    reported_undelivered: Sequence[ReportedUndelivered] = ()
    failures: Sequence[TaskFailure] = ()
    refused_registrations: Sequence[RefusedRegistration] = ()
    unstated: UnstatedRegistrations | None = None
    rosters: Mapping[str, RosterStatus] = field(default_factory=dict)
    roster_lists: Sequence[ListCount] = ()
    noted_registrations: Sequence[NotedRows] = ()
    refused_lists: Sequence[RefusedRows] = ()

    def uncollected_by(self, primary_school: str) -> dict[str, int]:
        """Return the number of a school's dossiers that were not collected in time, by receiving school."""
        return {
            to: number
            for to, number in self.ready_for.get(primary_school, {}).items()
            if to in self.uncollected and self.uncollected[to].is_due
        }


def supplier_rows(
    facts: RoundFacts,
    milestones: Milestones,
    now: datetime,
    sentence_of: Callable[[str], str],
    registrar: tuple[str, str],
    *,
    is_closed: bool = False,
) -> list[SupplierRow]:
    """Return a row per primary school, in the order of their names.

    Args:
        facts: facts of the ledger.
        milestones: the agreed milestones.
        now: the present moment, aware.
        sentence_of: returns the Dutch sentence of a rule or error code.
        registrar: name and address of the coordinator who keeps the registrations.
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
            [one for one in facts.without_receiver if one.primary_school == counts.school],
            facts.uncollected_by(counts.school),
            [one for one in facts.reported_undelivered if one.primary_school == counts.school],
            {(to, what): number for of, to, what, number in facts.results if of == counts.school},
            counts.without_consent,
            [one for one in facts.failures if one.task.school == counts.school and not one.will_retry],
            is_closed,
        )
        found = blockers(situation)
        school = PointOfContact(counts.name, facts.contacts.get(counts.school, ""), counts.school)
        colleague = PointOfContact(*registrar)
        people = {
            ContactRole.SCHOOL: [school],
            ContactRole.REGISTRATIONS: [colleague],
            ContactRole.COORDINATOR: [colleague],
            ContactRole.RECEIVER: [
                PointOfContact(names.get(receiver, receiver), facts.contacts.get(receiver, ""), receiver)
                for one in found
                for receiver in one.receivers
            ],
        }
        calls = [call for one in found if one.weight is not Urgency.GOING for call in people.get(one.who, ())]
        supply, review = _outlooks(counts, facts, milestones, now)
        rows.append(
            SupplierRow(
                counts.school,
                counts.name,
                school.address,
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


def receiver_rows(facts: RoundFacts, sentence_of: Callable[[str], str]) -> list[ReceiverRow]:
    """Return a row per secondary school, in the order of their names; arguments as for `supplier_rows`."""
    results: dict[tuple[str, str], int] = {}
    for _, to, outcome, number in facts.results:
        results[to, outcome] = results.get((to, outcome), 0) + number
    return [
        ReceiverRow(
            one.school,
            one.name,
            facts.contacts.get(one.school, ""),
            one,
            results.get((one.school, "imported"), 0),
            results.get((one.school, "rejected"), 0),
            results.get((one.school, "placed"), 0),
            results.get((one.school, "not_placed"), 0),
            results.get((one.school, "not_shown_up"), 0),
            facts.uncollected.get(one.school),
            _problem(one.problems, sentence_of),
        )
        for one in facts.secondary
    ]


def held_up(rows: Iterable[SupplierRow]) -> list[SupplierRow]:
    """Return the schools that need action, by urgency of the problem and then by number of dossiers."""
    return sorted(
        (row for row in rows if row.trouble == Urgency.PROBLEM),
        key=lambda row: (
            ORDER.index(row.blockers[0].kind) if row.blockers[0].kind in ORDER else len(ORDER),
            -sum(one.count for one in row.blockers if one.weight is Urgency.PROBLEM),
            row.name,
        ),
    )


def _outlooks(
    counts: PrimaryCounts, facts: RoundFacts, milestones: Milestones, now: datetime
) -> tuple[Forecast, Forecast]:
    goal = counts.expected or counts.supplied
    good = sum(number for state, number in counts.states.items() if state in ACCEPTED)
    # A dossier that came in time and was not checked yet is not late: the check is not the school's task.
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
    if not (at.expected or at.supplied or at.refused_files) and at.now >= at.milestones.data_due:
        return None  # nothing was expected of it, so nothing is late
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
