"""Problems that block a school in a round, and whom to call: one function per kind of problem, over counts alone.

A new kind is a function that takes a `SchoolSituation` and returns a `Blocker` or None.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum

from overstap.agreements import Milestones
from overstap.ledger.delivery.test_messages import SchoolResult
from overstap.ledger.dossiers.outstanding import ReportedUndelivered, WithoutReceiverCount
from overstap.ledger.rounds.progress import OpenDelivery, OpenReview
from overstap.ledger.rounds.task_failures import TaskFailure
from overstap.pages.board.formatting import when
from overstap.texts import plural, texts, with_counts

CAUSES = 3
"""Causes named for one kind of problem, the most frequent first; the school's page and its list have them all."""


class Urgency(IntEnum):
    """Urgency of a problem; the most urgent is shown first."""

    PROBLEM = 0
    """Nothing proceeds until somebody acts."""
    WAITING = 1
    """Somebody has to act, and there is time for it."""
    GOING = 2
    """Resolves without anybody's action."""


class ContactRole(StrEnum):
    """Role of the person to call."""

    SCHOOL = "school"
    RECEIVER = "receiver"
    COORDINATOR = "coordinator"
    REGISTRATIONS = "registrations"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Blocker:
    """One problem that blocks a school.

    Args:
        kind: key of include/texts/board/blockers.yaml.
        weight: its urgency.
        who: the role of the person to call.
        count: number of dossiers, files or pupils concerned.
        says: the problem, in Dutch.
        do: the action to take now, in Dutch.
        receivers: BRIN and branch of the secondary schools concerned.
    """

    kind: str
    weight: Urgency
    who: ContactRole
    count: int
    says: str
    do: str
    receivers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SchoolSituation:
    """State of a primary school in a round, as counts.

    Args:
        expected: pupils with an application, registration or placement.
        states: dossiers per state.
        refused_files: files that could not become a dossier, per error code.
        rejections: rejected dossiers per rule.
        review: dossiers on which parents may still decide.
        deliveries: envelopes that are not confirmed.
        requests: questions and corrections of parents that wait for the school, and how many of them too long.
        rejected_by: dossiers that a receiving school got and could not take in, by that school.
        milestones: the agreed milestones.
        now: the present moment, aware.
        sentence_of: returns the Dutch sentence of a rule or error code.
        tested: result of its test messages; None when none were sent in this round.
        without_receiver: its dossiers without a receiver, by who is responsible for them.
        not_collected: its dossiers that a school did not collect in time, by that school.
        reported_undelivered: its deliveries that were reported undelivered.
        placements: placements that receiving schools reported of its pupils: placed, not_placed or not_shown_up.
        without_consent: inspected dossiers that are not sent, since a required consent was not given in time.
        red_tasks: its tasks that failed and were not cleared.
        is_closed: whether the round was closed.
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
    without_receiver: Sequence[WithoutReceiverCount] = ()
    not_collected: Mapping[str, int] = field(default_factory=dict)
    reported_undelivered: Sequence[ReportedUndelivered] = ()
    placements: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Number by receiving school and reported placement."""
    without_consent: int = 0
    red_tasks: Sequence[TaskFailure] = ()
    """Tasks of this school that failed and were not cleared."""
    is_closed: bool = False
    """The round was closed."""

    @property
    def supplied(self) -> int:
        """Number of dossiers that came in."""
        return self.states.total()


def blockers(situation: SchoolSituation) -> list[Blocker]:
    """Return the problems that block a school, the most urgent first."""
    found = [one for kind in KINDS if (one := kind(situation)) is not None]
    return sorted(found, key=lambda one: one.weight)


def _nothing_supplied(at: SchoolSituation) -> Blocker | None:
    if at.supplied or not at.expected or at.refused_files:
        return None
    is_late = at.now >= at.milestones.data_due
    kind = "nothing_supplied_late" if is_late else "nothing_supplied"
    weight = Urgency.PROBLEM if is_late else Urgency.WAITING
    return _blocker(kind, weight, ContactRole.SCHOOL, at.expected, due=when(at.milestones.data_due, at.now))


def _refused_files(at: SchoolSituation) -> Blocker | None:
    return _by_cause("refused_files", at.refused_files, at)


def _rejected(at: SchoolSituation) -> Blocker | None:
    number = at.states["rejected"]
    if not number:
        return None
    if not at.rejections:
        return _blocker("rejected_bare", Urgency.PROBLEM, ContactRole.SCHOOL, number)
    return _by_cause("rejected", at.rejections, at, count=number)


def _incomplete(at: SchoolSituation) -> Blocker | None:
    missing = at.expected - at.supplied
    if not at.supplied or missing <= 0:
        return None
    is_late = at.now >= at.milestones.data_due
    kind = "incomplete_late" if is_late else "incomplete"
    weight = Urgency.PROBLEM if is_late else Urgency.WAITING
    return _blocker(kind, weight, ContactRole.SCHOOL, missing, due=when(at.milestones.data_due, at.now))


def _surplus(at: SchoolSituation) -> Blocker | None:
    number = at.supplied - at.expected
    # Nobody states who is expected before the registrations are there, or towards a partnership.
    return _blocker("surplus", Urgency.WAITING, ContactRole.SCHOOL, number) if at.expected and number > 0 else None


def _unchecked(at: SchoolSituation) -> Blocker | None:
    number = at.states["supplied"]
    return _blocker("unchecked", Urgency.GOING, ContactRole.NOBODY, number) if number else None


def _unreleased(at: SchoolSituation) -> Blocker | None:
    number = at.states["accepted"]
    if not number:
        return None
    if at.now < at.milestones.data_due:
        return _blocker(
            "unreleased_early", Urgency.GOING, ContactRole.NOBODY, number, due=when(at.milestones.data_due, at.now)
        )
    return _blocker("unreleased", Urgency.WAITING, ContactRole.COORDINATOR, number)


def _in_review(at: SchoolSituation) -> Blocker | None:
    if at.review is None:
        return None
    closes = when(at.review.closes_first, at.now)
    return _blocker("in_review", Urgency.WAITING, ContactRole.SCHOOL, at.review.count, closes=closes)


def _not_inspected(at: SchoolSituation) -> Blocker | None:
    number = at.states["not_inspected"]
    # After the round inspection is no longer possible: shown, but less urgent than a school that sent nothing.
    weight = Urgency.WAITING if at.is_closed else Urgency.PROBLEM
    return _blocker("not_inspected", weight, ContactRole.SCHOOL, number) if number else None


def _red_task(at: SchoolSituation) -> Blocker | None:
    if not at.red_tasks:
        return None
    first = at.red_tasks[0]
    title = texts("orchestration/titles").get(f"task.{first.task.task_id}", {"nl": first.task.task_id})["nl"]
    who = ContactRole.SCHOOL if first.who == "school" else ContactRole.COORDINATOR
    says, do = first.error.message_nl, first.error.do_nl
    return _blocker("red_task", Urgency.PROBLEM, who, len(at.red_tasks), title=title, sentence=says, todo=do)


def _without_consent(at: SchoolSituation) -> Blocker | None:
    number = at.without_consent
    return _blocker("without_consent", Urgency.PROBLEM, ContactRole.SCHOOL, number) if number else None


def _no_receiver(at: SchoolSituation) -> Blocker | None:
    number = at.states["no_receiver"]
    if not number:
        return None
    owners = sorted({one.owner for one in at.without_receiver if one.owner})
    owned = sum(one.count for one in at.without_receiver if one.owner)
    if owned < number:
        return _blocker("no_receiver", Urgency.PROBLEM, ContactRole.REGISTRATIONS, number)
    return _blocker("no_receiver_owned", Urgency.WAITING, ContactRole.REGISTRATIONS, number, owners=", ".join(owners))


def _inspected(at: SchoolSituation) -> Blocker | None:
    number = at.states["inspected"] - at.without_consent
    if not number:
        return None
    delivers = at.milestones.delivers
    kind = "inspected_early" if at.now < delivers else "inspected"
    return _blocker(kind, Urgency.GOING, ContactRole.NOBODY, number, delivers=when(delivers, at.now))


def _unanswered(at: SchoolSituation) -> Blocker | None:
    failing = [one for one in at.deliveries if one.problem]
    if not failing:
        return None
    code = Counter({one.problem: one.count for one in failing}).most_common(1)[0][0]
    total = sum(one.count for one in failing)
    receivers = tuple(sorted({one.secondary_school for one in failing}))
    return _blocker(
        "unanswered", Urgency.PROBLEM, ContactRole.RECEIVER, total, receivers, sentence=at.sentence_of(code), code=code
    )


def _under_way(at: SchoolSituation) -> Blocker | None:
    number = sum(one.count for one in at.deliveries if not one.problem)
    number -= sum(at.not_collected.values())
    return _blocker("under_way", Urgency.GOING, ContactRole.NOBODY, number) if number > 0 else None


def _refused(at: SchoolSituation) -> Blocker | None:
    number = at.states["refused"]
    return _blocker("refused", Urgency.PROBLEM, ContactRole.RECEIVER, number) if number else None


def _undelivered(at: SchoolSituation) -> Blocker | None:
    number = at.states["undelivered"]
    if not number:
        return None
    reported = [one for one in at.reported_undelivered if one.is_open]
    if not reported:
        return _blocker("undelivered", Urgency.PROBLEM, ContactRole.RECEIVER, number)
    receivers = tuple(sorted({one.secondary_school for one in reported}))
    moment = when(min(one.reported_at for one in reported), at.now)
    return _blocker("undelivered_told", Urgency.PROBLEM, ContactRole.RECEIVER, number, receivers, told=moment)


def _requests(at: SchoolSituation) -> Blocker | None:
    waiting, overdue = at.requests
    if overdue:
        return _blocker("requests_overdue", Urgency.PROBLEM, ContactRole.SCHOOL, overdue)
    return _blocker("requests", Urgency.WAITING, ContactRole.SCHOOL, waiting) if waiting else None


def _not_taken_in(at: SchoolSituation) -> Blocker | None:
    if not at.rejected_by:
        return None
    receivers = tuple(sorted(at.rejected_by))
    return _blocker("not_taken_in", Urgency.PROBLEM, ContactRole.RECEIVER, sum(at.rejected_by.values()), receivers)


def _test_failed(at: SchoolSituation) -> Blocker | None:
    if at.tested is None or at.tested.code is None or at.now >= at.milestones.delivers:
        return None
    sentence, delivers = at.sentence_of(at.tested.code), when(at.milestones.delivers, at.now)
    return _blocker("test_failed", Urgency.WAITING, ContactRole.SCHOOL, 1, sentence=sentence, delivers=delivers)


def _not_collected(at: SchoolSituation) -> Blocker | None:
    if not at.not_collected:
        return None
    receivers = tuple(sorted(at.not_collected))
    return _blocker("not_collected", Urgency.PROBLEM, ContactRole.RECEIVER, sum(at.not_collected.values()), receivers)


def _not_placed(at: SchoolSituation) -> Blocker | None:
    return _placement("not_placed", ContactRole.SCHOOL, at)


def _not_shown_up(at: SchoolSituation) -> Blocker | None:
    return _placement("not_shown_up", ContactRole.RECEIVER, at)


KINDS: tuple[Callable[[SchoolSituation], Blocker | None], ...] = (
    *(_nothing_supplied, _red_task, _refused_files, _rejected, _incomplete, _surplus, _not_inspected, _without_consent),
    *(_no_receiver, _unanswered, _requests, _not_taken_in, _not_collected),
    *(_refused, _undelivered, _test_failed, _in_review, _unreleased, _not_shown_up, _not_placed),
    *(_unchecked, _inspected, _under_way),
)
"""In the order of the steps of a round, in which problems of equal urgency are shown."""


def _by_cause(kind: str, counted: Counter[str], at: SchoolSituation, *, count: int | None = None) -> Blocker | None:
    if not counted:
        return None
    by_cause = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    total = count or counted.total()
    if len(by_cause) == 1 and by_cause[0][1] == total:
        return _blocker(kind, Urgency.PROBLEM, ContactRole.SCHOOL, total, sentence=at.sentence_of(by_cause[0][0]))
    times = texts("board/causes")
    causes = [
        times["cause"]["nl"].format(number=number, sentence=at.sentence_of(code)) for code, number in by_cause[:CAUSES]
    ]
    if len(by_cause) > CAUSES:
        causes.append(times["others"]["nl"].format(**with_counts({"number": len(by_cause) - CAUSES})))
    return _blocker(kind, Urgency.PROBLEM, ContactRole.SCHOOL, total, sentence=" ".join(causes))


def _placement(outcome: str, who: ContactRole, at: SchoolSituation) -> Blocker | None:
    counted = {receiver: number for (receiver, what), number in at.placements.items() if what == outcome}
    return _blocker(outcome, Urgency.WAITING, who, sum(counted.values()), tuple(sorted(counted))) if counted else None


def _blocker(
    kind: str, weight: Urgency, who: ContactRole, count: int, receivers: tuple[str, ...] = (), **facts: object
) -> Blocker:
    words = texts("board/blockers")[kind]
    form = plural(count)
    says = words["nl"] if isinstance(words["nl"], str) else words["nl"][form]
    do = words["do_nl"]
    facts = {"count": count, **facts}
    return Blocker(
        kind, weight, who, count, says.format(**with_counts(facts)), do.format(**with_counts(facts)), receivers
    )
