"""One round of a rehearsal, from opening to close: what its tasks call, at the moments at which they would."""

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from overstap.agreements import RoundKind
from overstap.agreements.reminding import reminders
from overstap.clock import wall
from overstap.closing.checkpoint import make_checkpoint
from overstap.delivery.receipt_verification import judge
from overstap.delivery.sealing import seal_round
from overstap.errors import OverstapError
from overstap.intake import applications
from overstap.intake.collect import collect_registrations, collect_school, from_drop_folder
from overstap.ledger.delivery import deliveries, non_delivery
from overstap.ledger.dossiers import dossiers
from overstap.ledger.invariants import check
from overstap.ledger.review import decisions
from overstap.ledger.rounds import milestones, rounds
from overstap.ledger.rounds.counts import primary_schools
from overstap.ledger.session import UnitOfWork
from overstap.quality.region import judge_round
from overstap.receiver.folder_store import FolderStore
from overstap.receiver.reception import Reception
from overstap.simulation.rehearsal.families import Days
from overstap.simulation.rehearsal.sandbox import RehearsalPlace
from overstap.simulation.synthetic.region import SyntheticRegion
from overstap.simulation.synthetic.reviews import Review
from overstap.simulation.synthetic.school import PrimarySchool
from overstap.simulation.synthetic.support import supported, write_support
from overstap.simulation.synthetic.writing import write_applications, write_school

_GROUP = 50
_MORNING = timedelta(hours=18)
"""From the noon at which a school supplies to the collection of the next morning, six o'clock."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What happened at a moment of the rehearsal, by the ledger.

    Args:
        at: when.
        round: in which round.
        what: an entry of include/texts/agreements/rehearsed.yaml.
        facts: what its sentence needs.
    """

    at: datetime
    round: RoundKind
    what: str
    facts: dict[str, str | int] = field(default_factory=dict)


_Act = tuple[datetime, int, int, Callable[[], Iterator[Seen]]]


class Playing:
    """A round being rehearsed.

    Args:
        place: where.
        region: who takes part.
        days: who acts when, and what was agreed.
        kind: the round.
    """

    def __init__(self, place: RehearsalPlace, region: SyntheticRegion, days: Days, kind: RoundKind) -> None:
        self.place = place
        self.region = region
        self.days = days
        self.kind = kind
        self.agreement = days.agreement
        self.agreed = self.agreement.round(kind)
        self.round_id = self.agreement.round_id(kind)
        self._acts: list[_Act] = []
        self._serial = itertools.count()
        self._drop = place.folder / kind.value
        self._supplied: set[str] = set()
        self._questions = 0
        self._plan()

    def next_at(self) -> datetime | None:
        """Return when the next thing happens; None when the round is over."""
        return self._acts[0][0] if self._acts else None

    def step(self) -> list[Seen]:
        """Move the clock to the next thing that happens, let it happen, and return what was seen."""
        at, _, _, act = heapq.heappop(self._acts)
        self.place.move_to(at)
        seen = list(act())
        with self._unit("alert") as unit:
            passed = milestones.note_passed(unit, self.round_id)
        for one in passed:
            if one.milestone != "opens":
                seen.insert(0, self._saw("passed", milestone=one.milestone, behind=len(one.behind)))
        return seen

    def _plan(self) -> None:
        stones = self.agreed.milestones
        self._at(stones.opens, self._open, first=True)
        for school, (at, is_late) in self.days.supplies(self.region, self.agreed).items():
            self._at(at, partial(self._supply, self._school(school), is_late=is_late))
        for reminder in reminders(self.agreement, [self.kind]):
            self._at(reminder.at, partial(self._remind, reminder.of, reminder.days_before))
        self._at(stones.data_due, self._due)
        self._at(stones.review_opens, self._release)  # of a round without inspection: as soon as data are in
        self._at(stones.delivers, self._deliver)
        self._at(stones.receipts_due, self._close)

    def _at(self, at: datetime, act: Callable[..., Iterator[Seen]], *, first: bool = False) -> None:
        # Moments in UTC: within one zone Python compares wall times, which is wrong in the hour that comes twice.
        heapq.heappush(self._acts, (at.astimezone(UTC), 0 if first else 1, next(self._serial), act))

    def _unit(self, actor: str) -> AbstractContextManager[UnitOfWork]:
        return self.place.ledger.unit(self.region.name, actor)

    def _saw(self, what: str, **facts: str | int) -> Seen:
        return Seen(self.place.at, self.kind, what, facts)

    def _school(self, school_id: str) -> PrimarySchool:
        return next(school for school in self.region.primary if school.id == school_id)

    def _label(self, school_id: str) -> str:
        return self.agreement.school(school_id).label

    def _pupils(self) -> int:
        if self.kind.is_inspected:
            return self.region.size
        return sum(len(supported(self.region, school)) for school in self.region.primary)

    def _open(self) -> Iterator[Seen]:
        with self._unit("open_round") as unit:
            rounds.open_round(unit, self.agreement, self.kind)
        yield self._saw("opened", schools=len(self.region.primary), pupils=self._pupils())

    def _supply(self, school: PrimarySchool, *, is_late: bool) -> Iterator[Seen]:
        if self.kind.is_inspected:
            write_school(self.region, school, self._drop)
        else:
            write_support(self.region, school, self._drop)
        self._supplied.add(school.id)
        yield self._saw("late" if is_late else "supplied", school=self._label(school.id))
        if is_late:  # the coordinator clears the red task, with what follows
            yield from self._collect([school.id])
            if wall(self.place.at) >= self.agreed.milestones.review_opens:
                yield from self._release()
        else:
            morning = self.place.at + _MORNING
            if morning < self.agreed.milestones.data_due:
                self._at(morning, partial(self._collect, sorted(self._supplied)))

    def _collect(self, schools: list[str]) -> Iterator[Seen]:
        """Take in what lies there and judge it; say only what is new."""
        stored: Counter[str] = Counter()
        for school_id in schools:
            key = self.place.ledger.keys(self.region.name).lookup("label", school_id)
            try:
                collected = collect_school(
                    self.place.ledger,
                    agreement=self.agreement,
                    agreed=self.agreed,
                    round_id=self.round_id,
                    school=self.agreement.school(school_id),
                    source="drop_folder",
                    candidates=from_drop_folder(
                        self._drop / "drop" / self.region.name / school_id, now=self.place.at, label_key=key
                    ),
                    actor=f"collect {school_id}",
                )
                stored.update(new=collected.stored.new)
            except OverstapError as problem:
                if problem.code == "INTAKE-050" and not self.kind.is_inspected:
                    continue  # a school need not have a pupil for the partnership
                yield self._saw("red", school=self._label(school_id), code=problem.code)
        judged = judge_round(
            self.place.ledger,
            agreement=self.agreement,
            agreed=self.agreed,
            round_id=self.round_id,
            actor="check",
            today=wall(self.place.at).date(),
            made_at=self.place.at,
        )
        if stored["new"]:
            yield self._saw("collected", new=stored["new"], accepted=judged["accepted"], rejected=judged["rejected"])

    def _remind(self, of: str, days: int) -> Iterator[Seen]:
        with self._unit("reminder") as unit:
            known = primary_schools(unit, self.round_id)
        waiting = sum(school.supplied == 0 if of == "data_due" else school.states["in_review"] > 0 for school in known)
        yield self._saw("reminded", milestone=of, days=days, schools=waiting)

    def _due(self) -> Iterator[Seen]:
        write_applications(self.region, self._drop / "applications.csv")
        self._registrations()
        for school in self.region.primary:  # every school has its folder, an empty one when it is late
            (self._drop / "drop" / self.region.name / school.id).mkdir(parents=True, exist_ok=True)
        yield from self._collect([school.id for school in self.region.primary])

    def _registrations(self) -> None:
        if not self.kind.is_inspected:
            return
        found = [applications.read_file(self._drop / "applications.csv")]
        collect_registrations(self.place.ledger, self.agreement, found, "registrations")

    def _release(self) -> Iterator[Seen]:
        """The coordinator answers the question at once; late schools get a question and a window of their own."""
        self._questions += 1
        closes = max(self.agreed.milestones.review_closes, wall(self.place.at) + self.agreed.review_minimum)
        with self._unit("coordinator") as unit:
            waiting = dossiers.waiting_for_release(unit, self.round_id)
            released = dossiers.decide_release(
                *(unit, self.round_id),
                approved=True,
                decided_by=self.agreement.coordinators[0].account,
                reason="",
                answer_key=f"rehearsal {self._questions}",
                closes_at=closes,
            )
        if not released:
            return
        if not self.kind.is_inspected:
            yield self._saw("released_to_partnership", dossiers=released, question=self._questions)
            if wall(self.place.at) > self.agreed.milestones.delivers:
                yield from self._deliver()
            return
        yield self._saw("released", dossiers=released, question=self._questions, closes=f"{wall(closes):%d-%m %H:%M}")
        for school_id in waiting:
            school = self._school(school_id)
            for noon, said in self.days.answers(self.region, school, wall(self.place.at), closes).items():
                self._at(noon, partial(self._answer, school, said))
        self._at(closes, self._end_review)

    def _answer(self, school: PrimarySchool, said: list[Review]) -> Iterator[Seen]:
        recorded = [decisions.ReviewDecision(one.las_key, one.seen_on, one.agreed, one.view) for one in said]
        with self._unit(f"school {school.id}") as unit:
            done = decisions.record(unit, self.round_id, school.id, recorded, ground="school_list")
        if done.recorded:
            yield self._saw("answered", school=self._label(school.id), families=len(done.recorded))

    def _end_review(self) -> Iterator[Seen]:
        with self._unit("end_review") as unit:
            lapsed = decisions.lapse(unit, self.round_id)
            counted = primary_schools(unit, self.round_id)
        inspected = sum(school.inspected for school in counted)
        yield self._saw("review_ended", inspected=inspected, lapsed=lapsed)
        if wall(self.place.at) > self.agreed.milestones.delivers:  # a late school's window: what follows runs again
            yield from self._deliver()

    def _deliver(self) -> Iterator[Seen]:
        self._registrations()
        with self._unit("receivers") as unit:
            sorted_out = deliveries.sort_receivers(unit, self.round_id, self.agreed.receivers)
        sealed = seal_round(
            *(self.place.ledger, self.place.trust),
            agreement=self.agreement,
            agreed=self.agreed,
            round_id=self.round_id,
            actor="seal",
            clock=self.place.clock,
        )
        outcomes: Counter[str] = Counter()
        for school in self.agreement.receivers(self.kind):
            outcomes.update(self._hand_over(school.id))
        if sealed["dossiers"] or sorted_out["no_receiver"]:
            yield self._saw(
                "delivered",
                dossiers=sealed["dossiers"],
                envelopes=sealed["envelopes"],
                confirmed=outcomes["accepted"],
                nobody=sorted_out["no_receiver"],
            )

    def _hand_over(self, school: str) -> Counter[str]:
        """Give a school what is sealed for it. No network: certificates of a moved clock are nothing to TLS."""
        store = FolderStore(self.place.folder / "received" / school)
        reception = Reception(school, trust=self.place.trust, store=store)
        outcomes: Counter[str] = Counter()
        last = None
        while True:
            with self._unit(f"deliver {school}") as unit:
                group = deliveries.to_send(unit, self.round_id, school, after=last, limit=_GROUP)
            if not group:
                return outcomes
            last = group[-1].message_id
            answers = []
            for one in group:
                taken = reception.take(one.envelope, message_id=one.message_id, at=self.place.at)
                answers.append(judge(one, taken.receipt, trust=self.place.trust, at=self.place.at))
            with self._unit(f"deliver {school}") as unit:
                deliveries.settle(unit, answers)
            outcomes.update(answer.outcome for answer in answers)

    def _close(self) -> Iterator[Seen]:
        with self._unit("close") as unit:
            given_up = sum(one.count for one in non_delivery.give_up(unit, self.round_id))
            rounds.close_round(unit, self.round_id)
        lines, _ = make_checkpoint(
            self.place.ledger, self.place.trust, region=self.region.name, actor="close", at=self.place.at
        )
        with self._unit("check") as unit:
            states: Counter[str] = Counter(
                dict(
                    unit.rows(
                        "select state, count(*) from overstap.dossier where round_id = %(round)s group by 1",
                        round=self.round_id,
                    )
                )
            )
            breaches = check(unit)
        yield self._saw(
            "closed",
            confirmed=states["confirmed"],
            left=states.total() - states["confirmed"],
            lines=lines,
            given_up=given_up,
            breaches=len(breaches),
        )


def chance_of(seed: int, kind: RoundKind) -> random.Random:
    """Return the chance of one round, which does not depend on what happens in another."""
    return random.Random(f"{seed}:{kind}")  # noqa: S311 (a rehearsal, no secret)
