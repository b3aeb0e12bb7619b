"""Problems of a school and whom to call, one function per kind, over counts alone.

A later part of the ledger adds its own kind: a function that takes the `Situation` and returns a `Blocker` or nothing.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum

from overstap.agreements import Milestones
from overstap.ledger.delivery.test_messages import SchoolResult
from overstap.ledger.dossiers.outstanding import Ownerless, ToldUndelivered
from overstap.ledger.rounds.progress import OpenDelivery, OpenReview
from overstap.ledger.rounds.task_failures import Failure
from overstap.pages.board.formatting import when
from overstap.texts import plural, texts, with_counts

CAUSES = 3
"""Causes that are told of one kind of fault, the most frequent first; the school's page and its list have them all."""


class Weight(IntEnum):
    """How bad it is; the worst is told first."""

    PROBLEM = 0
    """Stands until somebody acts."""
    WAITING = 1
    """Somebody has something to do, and time for it."""
    GOING = 2
    """Goes by itself."""


class Who(StrEnum):
    """Whom to call."""

    SCHOOL = "school"
    RECEIVER = "receiver"
    COORDINATOR = "coordinator"
    REGISTRATIONS = "registrations"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Blocker:
    """One thing that holds a school up.

    Args:
        kind: key of include/texts/board/blockers.yaml.
        weight: how bad it is.
        who: whom to call.
        count: dossiers, files or pupils that it is about.
        says: what it is, in Dutch.
        do: what to do now, in Dutch.
        receivers: the secondary schools that it is about.
    """

    kind: str
    weight: Weight
    who: Who
    count: int
    says: str
    do: str
    receivers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SchoolSituation:
    """A primary school as it stands.

    Args:
        expected: pupils with an application, registration or placement.
        states: dossiers per state.
        refused_files: files that could not become a dossier, per error code.
        rejections: rejected dossiers per rule.
        review: what parents may decide on still.
        deliveries: envelopes that are not confirmed.
        requests: questions and corrections of parents that wait for the school, and how many of them too long.
        rejected_by: dossiers that a receiving school got and could not take in, by that school.
        milestones: the agreed moments.
        now: the present moment, aware.
        sentence_of: gives the Dutch sentence of a rule or error code.
        tested: how its test messages went; None when none were sent in this round.
        ownerless: its dossiers without a receiver, by who looks after them.
        not_collected: its dossiers that a school did not collect in time, by that school.
        told: its deliveries that were told undelivered.
        placements: what receiving schools said of its pupils: placed, not_placed or not_shown_up.
        without_consent: inspected dossiers that do not go, since a consent that is required was not given in time.
        red_tasks: see there.
        is_closed: see there.
    """

    expected: int
    states: Counter[str]
    refused_files: Counter[str]
    rejections: Counter[str]
    review: OpenReview | None
    deliveries: Sequence[OpenDelivery]
    requests: tuple[int, int]
    rejected_by: Mapping[str, int]
    milestones: Milestones
    now: datetime
    sentence_of: Callable[[str], str] = field(repr=False)
    tested: SchoolResult | None = None
    ownerless: Sequence[Ownerless] = ()
    not_collected: Mapping[str, int] = field(default_factory=dict)
    told: Sequence[ToldUndelivered] = ()
    placements: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """By receiving school and what it said."""
    without_consent: int = 0
    red_tasks: Sequence[Failure] = ()
    """Tasks of this school that are red until somebody clears them."""
    is_closed: bool = False
    """The round was closed."""

    @property
    def supplied(self) -> int:
        """Dossiers that came in."""
        return self.states.total()


def blockers(situation: SchoolSituation) -> list[Blocker]:
    """Return what holds the school up, the worst first."""
    found = [one for kind in KINDS if (one := kind(situation)) is not None]
    return sorted(found, key=lambda one: one.weight)


def _nothing_supplied(at: SchoolSituation) -> Blocker | None:
    if at.supplied or not at.expected or at.refused_files:
        return None
    is_late = at.now >= at.milestones.data_due
    kind = "nothing_supplied_late" if is_late else "nothing_supplied"
    weight = Weight.PROBLEM if is_late else Weight.WAITING
    return _told(kind, weight, Who.SCHOOL, at.expected, due=when(at.milestones.data_due, at.now))


def _refused_files(at: SchoolSituation) -> Blocker | None:
    return _often("refused_files", at.refused_files, at)


def _rejected(at: SchoolSituation) -> Blocker | None:
    number = at.states["rejected"]
    if not number:
        return None
    if not at.rejections:
        return _told("rejected_bare", Weight.PROBLEM, Who.SCHOOL, number)
    return _often("rejected", at.rejections, at, count=number)


def _incomplete(at: SchoolSituation) -> Blocker | None:
    missing = at.expected - at.supplied
    if not at.supplied or missing <= 0:
        return None
    is_late = at.now >= at.milestones.data_due
    kind = "incomplete_late" if is_late else "incomplete"
    weight = Weight.PROBLEM if is_late else Weight.WAITING
    return _told(kind, weight, Who.SCHOOL, missing, due=when(at.milestones.data_due, at.now))


def _surplus(at: SchoolSituation) -> Blocker | None:
    number = at.supplied - at.expected
    # Nobody states who is expected before the registrations are there, or towards a partnership.
    return _told("surplus", Weight.WAITING, Who.SCHOOL, number) if at.expected and number > 0 else None


def _unchecked(at: SchoolSituation) -> Blocker | None:
    number = at.states["supplied"]
    return _told("unchecked", Weight.GOING, Who.NOBODY, number) if number else None


def _unreleased(at: SchoolSituation) -> Blocker | None:
    number = at.states["accepted"]
    if not number:
        return None
    if at.now < at.milestones.data_due:
        return _told("unreleased_early", Weight.GOING, Who.NOBODY, number, due=when(at.milestones.data_due, at.now))
    return _told("unreleased", Weight.WAITING, Who.COORDINATOR, number)


def _in_review(at: SchoolSituation) -> Blocker | None:
    if at.review is None:
        return None
    closes = when(at.review.closes_first, at.now)
    return _told("in_review", Weight.WAITING, Who.SCHOOL, at.review.count, closes=closes)


def _not_inspected(at: SchoolSituation) -> Blocker | None:
    number = at.states["not_inspected"]
    # After the round nobody can look any more: to be spoken of, but not as bad as a school that sent nothing.
    weight = Weight.WAITING if at.is_closed else Weight.PROBLEM
    return _told("not_inspected", weight, Who.SCHOOL, number) if number else None


def _red_task(at: SchoolSituation) -> Blocker | None:
    if not at.red_tasks:
        return None
    first = at.red_tasks[0]
    title = texts("orchestration/titles").get(f"task.{first.place.task}", {"nl": first.place.task})["nl"]
    who = Who.SCHOOL if first.who == "school" else Who.COORDINATOR
    says, do = first.error.message_nl, first.error.do_nl
    return _told("red_task", Weight.PROBLEM, who, len(at.red_tasks), title=title, sentence=says, todo=do)


def _without_consent(at: SchoolSituation) -> Blocker | None:
    number = at.without_consent
    return _told("without_consent", Weight.PROBLEM, Who.SCHOOL, number) if number else None


def _no_receiver(at: SchoolSituation) -> Blocker | None:
    number = at.states["no_receiver"]
    if not number:
        return None
    owners = sorted({one.owner for one in at.ownerless if one.owner})
    owned = sum(one.count for one in at.ownerless if one.owner)
    if owned < number:
        return _told("no_receiver", Weight.PROBLEM, Who.REGISTRATIONS, number)
    return _told("no_receiver_owned", Weight.WAITING, Who.REGISTRATIONS, number, owners=", ".join(owners))


def _inspected(at: SchoolSituation) -> Blocker | None:
    number = at.states["inspected"] - at.without_consent
    if not number:
        return None
    delivers = at.milestones.delivers
    kind = "inspected_early" if at.now < delivers else "inspected"
    return _told(kind, Weight.GOING, Who.NOBODY, number, delivers=when(delivers, at.now))


def _unanswered(at: SchoolSituation) -> Blocker | None:
    failing = [one for one in at.deliveries if one.problem]
    if not failing:
        return None
    code = Counter({one.problem: one.count for one in failing}).most_common(1)[0][0]
    total = sum(one.count for one in failing)
    receivers = tuple(sorted({one.secondary_school for one in failing}))
    return _told("unanswered", Weight.PROBLEM, Who.RECEIVER, total, receivers, sentence=at.sentence_of(code), code=code)


def _under_way(at: SchoolSituation) -> Blocker | None:
    number = sum(one.count for one in at.deliveries if not one.problem)
    number -= sum(at.not_collected.values())
    return _told("under_way", Weight.GOING, Who.NOBODY, number) if number > 0 else None


def _refused(at: SchoolSituation) -> Blocker | None:
    number = at.states["refused"]
    return _told("refused", Weight.PROBLEM, Who.RECEIVER, number) if number else None


def _undelivered(at: SchoolSituation) -> Blocker | None:
    number = at.states["undelivered"]
    if not number:
        return None
    told = [one for one in at.told if one.is_open]
    if not told:
        return _told("undelivered", Weight.PROBLEM, Who.RECEIVER, number)
    receivers = tuple(sorted({one.secondary_school for one in told}))
    moment = when(min(one.told_at for one in told), at.now)
    return _told("undelivered_told", Weight.PROBLEM, Who.RECEIVER, number, receivers, told=moment)


def _requests(at: SchoolSituation) -> Blocker | None:
    waiting, overdue = at.requests
    if overdue:
        return _told("requests_overdue", Weight.PROBLEM, Who.SCHOOL, overdue)
    return _told("requests", Weight.WAITING, Who.SCHOOL, waiting) if waiting else None


def _not_taken_in(at: SchoolSituation) -> Blocker | None:
    if not at.rejected_by:
        return None
    receivers = tuple(sorted(at.rejected_by))
    return _told("not_taken_in", Weight.PROBLEM, Who.RECEIVER, sum(at.rejected_by.values()), receivers)


def _test_failed(at: SchoolSituation) -> Blocker | None:
    if at.tested is None or at.tested.code is None or at.now >= at.milestones.delivers:
        return None
    sentence, delivers = at.sentence_of(at.tested.code), when(at.milestones.delivers, at.now)
    return _told("test_failed", Weight.WAITING, Who.SCHOOL, 1, sentence=sentence, delivers=delivers)


def _not_collected(at: SchoolSituation) -> Blocker | None:
    if not at.not_collected:
        return None
    receivers = tuple(sorted(at.not_collected))
    return _told("not_collected", Weight.PROBLEM, Who.RECEIVER, sum(at.not_collected.values()), receivers)


def _not_placed(at: SchoolSituation) -> Blocker | None:
    return _placement("not_placed", Who.SCHOOL, at)


def _not_shown_up(at: SchoolSituation) -> Blocker | None:
    return _placement("not_shown_up", Who.RECEIVER, at)


KINDS: tuple[Callable[[SchoolSituation], Blocker | None], ...] = (
    *(_nothing_supplied, _red_task, _refused_files, _rejected, _incomplete, _surplus, _not_inspected, _without_consent),
    *(_no_receiver, _unanswered, _requests, _not_taken_in, _not_collected),
    *(_refused, _undelivered, _test_failed, _in_review, _unreleased, _not_shown_up, _not_placed),
    *(_unchecked, _inspected, _under_way),
)
"""In the order in which two of the same weight are told: as a round goes."""


def _often(kind: str, counted: Counter[str], at: SchoolSituation, *, count: int | None = None) -> Blocker | None:
    if not counted:
        return None
    by_cause = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    total = count or counted.total()
    if len(by_cause) == 1 and by_cause[0][1] == total:
        return _told(kind, Weight.PROBLEM, Who.SCHOOL, total, sentence=at.sentence_of(by_cause[0][0]))
    times = texts("board/causes")
    causes = [
        times["cause"]["nl"].format(number=number, sentence=at.sentence_of(code)) for code, number in by_cause[:CAUSES]
    ]
    if len(by_cause) > CAUSES:
        causes.append(times["others"]["nl"].format(**with_counts({"number": len(by_cause) - CAUSES})))
    return _told(kind, Weight.PROBLEM, Who.SCHOOL, total, sentence=" ".join(causes))


def _placement(outcome: str, who: Who, at: SchoolSituation) -> Blocker | None:
    said = {receiver: number for (receiver, what), number in at.placements.items() if what == outcome}
    return _told(outcome, Weight.WAITING, who, sum(said.values()), tuple(sorted(said))) if said else None


def _told(kind: str, weight: Weight, who: Who, count: int, receivers: tuple[str, ...] = (), **facts: object) -> Blocker:
    words = texts("board/blockers")[kind]
    form = plural(count)
    says = words["nl"] if isinstance(words["nl"], str) else words["nl"][form]
    do = words["do_nl"]
    facts = {"count": count, **facts}
    return Blocker(
        kind, weight, who, count, says.format(**with_counts(facts)), do.format(**with_counts(facts)), receivers
    )
