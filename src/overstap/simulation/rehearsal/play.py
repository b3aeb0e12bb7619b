"""Rehearsal of one round from opening to close: the steps of `rounds`, at the moments at which they would run."""

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, TypedDict

from overstap.agreements import RoundKind
from overstap.agreements.due_reminders import reminders
from overstap.agreements.model import Comparison
from overstap.clock import dutch_time
from overstap.comparing.regions import compare_regions
from overstap.errors import OverstapError
from overstap.intake import applications
from overstap.intake.registrations import SourceRegistrations, collect_registrations
from overstap.ledger import Ledger
from overstap.ledger.dossiers import dossiers
from overstap.ledger.invariants import check as find_breaches
from overstap.ledger.review import decisions, windows
from overstap.ledger.rosters import by_advice
from overstap.ledger.rounds import coordinator_answers, gate_holds, milestones, offers, placements
from overstap.ledger.rounds.counts import PrimaryCounts, primary_schools
from overstap.ledger.rounds.gate_holds import ACCEPT_UNDELIVERABLE, NOT_INSPECTED, RELEASE_FOR_DELIVERY
from overstap.ledger.rounds.rounds import open_round
from overstap.rounds import checking, closing, collection, delivering, opening, questions, reviewing
from overstap.rounds.agreed import round_context
from overstap.rounds.context import Context, RoundContext
from overstap.simulation.rehearsal.direct_channel import direct_channel
from overstap.simulation.rehearsal.families import ActingMoments
from overstap.simulation.rehearsal.moving_clock import SimulatedClock
from overstap.simulation.sandbox import Sandbox
from overstap.simulation.synthetic.agreement import agreement_of
from overstap.simulation.synthetic.applications import ListMoment, write_list
from overstap.simulation.synthetic.neighbour import make_neighbour
from overstap.simulation.synthetic.region import SyntheticRegion
from overstap.simulation.synthetic.reviews import SyntheticDecision
from overstap.simulation.synthetic.school import PrimarySchool
from overstap.simulation.synthetic.support import supported, write_support
from overstap.simulation.synthetic.tables import write_places, write_tests
from overstap.simulation.synthetic.writing import write_applications, write_school

_NEIGHBOURS, _DOUBLES = 8, 2
"""Pupils of a region with which applications are compared, and how many of them are in both."""
_MORNING = timedelta(hours=18)
"""Time from the noon at which a school supplies to the collection at six o'clock the next morning."""


@dataclass(frozen=True, slots=True)
class RehearsalEvent:
    """Event of a rehearsal, as read from the ledger.

    Args:
        at: its moment.
        round: the kind of round.
        what: key in include/texts/agreements/rehearsed.yaml.
        facts: values of its sentence.
    """

    at: datetime
    round: RoundKind
    what: str
    facts: dict[str, str | int] = field(default_factory=dict)


class RehearsalWork(StrEnum):
    """Kind of work in a round, as it is told to whoever measures it."""

    HAND_IN = "hand in"
    """Schools make their files: no work of Overstap."""
    OPEN = "open"
    REGISTER = "registrations"
    COLLECT = "collect"
    CHECK = "check"
    RELEASE = "release and invite"
    ANSWER = "answers"
    END_REVIEW = "end of review"
    SEAL = "seal"
    DELIVER = "deliver"
    CLOSE = "close"
    DECIDE = "gates"
    """Questions to the coordinator are made and answered."""
    VERIFY = "invariants"
    """The region's ledger is checked at the close: no work of a round."""
    WATCH = "watch"
    """Passed milestones are noted, and reminders counted."""


@dataclass(frozen=True, slots=True)
class RehearsalWays:
    """How a rehearsal does what can be done in another way too.

    Args:
        hand_in: writes the files of a school that has a drop folder, below a folder.
        channel: opens the channel to a school, as `delivery.channels.registry.way_of` does; None for that within the
            process.
        during: is entered for as long as a kind of work lasts.
    """

    hand_in: Callable[[SyntheticRegion, PrimarySchool, Path], object] = write_school
    channel: Callable[..., AbstractContextManager[Any]] | None = None
    during: Callable[[RehearsalWork], AbstractContextManager[None]] = lambda work: nullcontext()


class _Decision(TypedDict):
    """Answer of a coordinator to a question."""

    approved: bool
    decided_by: str
    reason: str
    answer_key: str


_Act = tuple[datetime, int, int, Callable[[], Iterator[RehearsalEvent]]]


class RoundRehearsal:
    """Rehearsal of one round.

    Args:
        sandbox: the sandbox, with the agreement in its regions folder.
        ledger: its ledger.
        clock: its clock.
        region: the participants.
        days: moments at which participants act, and the agreement.
        kind: the round.
        ways: how it does what can be done in another way too.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        ledger: Ledger,
        clock: SimulatedClock,
        region: SyntheticRegion,
        days: ActingMoments,
        kind: RoundKind,
        ways: RehearsalWays = RehearsalWays(),
    ) -> None:
        self.clock = clock
        self.region = region
        self.days = days
        self.kind = kind
        # A rehearsal has one coordinator, who decides at once
        self.agreement = days.agreement.model_copy(update={"four_eyes": ()})
        self.agreed = self.agreement.round(kind)
        self.round_id = self.agreement.round_id(kind)
        self._made = sandbox.folder / kind.value  # schools supply other files for each kind of round
        settings = sandbox.settings().model_copy(update={"drop": str(self._made / "drop")})
        self._context = Context(settings, ledger, clock, channel=ways.channel or direct_channel(sandbox))
        self._hand_in, self._during = ways.hand_in, ways.during
        self._acts: list[_Act] = []
        self._serial = itertools.count()
        self._supplied: set[str] = set()
        self._asked = 0
        self._plan()

    def next_at(self) -> datetime | None:
        """Return the moment of the next step; None when the round is over."""
        return self._acts[0][0] if self._acts else None

    def step(self) -> list[RehearsalEvent]:
        """Move the clock to the next step, run it, and return its events."""
        at, _, _, act = heapq.heappop(self._acts)
        self.clock.move_to(at)
        seen = list(act())
        with self._during(RehearsalWork.WATCH), self._round("watch").unit("watch") as unit:
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
        self._at(stones.review_opens, self._release)  # in a round without inspection: as soon as dossiers are in
        self._at(stones.delivers, self._deliver)
        if self.kind is RoundKind.PLACEMENT:
            self._at(stones.delivers + (stones.receipts_due - stones.delivers) / 2, self._withdraw)
        self._at(stones.receipts_due, self._close)

    def _at(self, at: datetime, act: Callable[..., Iterator[RehearsalEvent]], *, first: bool = False) -> None:
        # Moments in UTC: within one zone Python compares wall times, which is wrong in the repeated hour in October.
        heapq.heappush(self._acts, (at.astimezone(UTC), 0 if first else 1, next(self._serial), act))

    def _round(self, actor: str) -> RoundContext:
        return round_context(self._context, self.round_id, actor)

    def _saw(self, what: str, **facts: str | int) -> RehearsalEvent:
        return RehearsalEvent(self.clock.at, self.kind, what, facts)

    def _school(self, school_id: str) -> PrimarySchool:
        return next(school for school in self.region.primary if school.id == school_id)

    def _label(self, school_id: str) -> str:
        return self.agreement.school(school_id).label

    def _pupils(self) -> int:
        if self.kind.is_inspected:
            return self.region.size
        return sum(len(supported(self.region, school)) for school in self.region.primary)

    def _open(self) -> Iterator[RehearsalEvent]:
        with self._during(RehearsalWork.OPEN):
            opening.open_round(self._context, self.round_id)
        yield self._saw("opened", schools=len(self.region.primary), pupils=self._pupils())

    def _supply(self, school: PrimarySchool, *, is_late: bool) -> Iterator[RehearsalEvent]:
        with self._during(RehearsalWork.HAND_IN):
            if self.kind.is_inspected:
                self._hand_in(self.region, school, self._made)
            else:
                write_support(self.region, school, self._made)
        self._supplied.add(school.id)
        yield self._saw("late" if is_late else "supplied", school=self._label(school.id))
        if is_late:  # the coordinator clears the failed task and its downstream tasks
            yield from self._collect([school.id])
            if dutch_time(self.clock.at) >= self.agreed.milestones.review_opens:
                yield from self._release()
        else:
            morning = self.clock.at + _MORNING
            if morning < self.agreed.milestones.data_due:
                self._at(morning, partial(self._collect, sorted(self._supplied)))

    def _collect(self, schools: list[str]) -> Iterator[RehearsalEvent]:
        """Collect and check files; yield only new results."""
        new = 0
        for school_id in schools:
            try:
                with self._during(RehearsalWork.COLLECT):
                    new += collection.collect(self._round(f"collect {school_id}"), school_id).stored.new
            except OverstapError as problem:
                if problem.code == "INTAKE-050" and not self.kind.is_inspected:
                    continue  # a school need not have a pupil for the partnership
                yield self._saw("red", school=self._label(school_id), code=problem.code)
        with self._during(RehearsalWork.CHECK):
            judged = checking.check(self._round("check"))
        if new:
            yield self._saw("collected", new=new, accepted=judged["accepted"], rejected=judged["rejected"])

    def _remind(self, of: str, days: int) -> Iterator[RehearsalEvent]:
        with self._during(RehearsalWork.WATCH):
            known = self._counts("reminder")
        waiting = sum(school.supplied == 0 if of == "data_due" else school.states["in_review"] > 0 for school in known)
        yield self._saw("reminded", milestone=of, days=days, schools=waiting)

    def _due(self) -> Iterator[RehearsalEvent]:
        drop = self._made / "drop" / self.region.name
        listed: Counter[str] = Counter()
        with self._during(RehearsalWork.HAND_IN):
            for school in self.region.primary:  # every school has its folder, an empty one when it is late
                (drop / school.id).mkdir(parents=True, exist_ok=True)
            if self.kind is RoundKind.PLACEMENT:
                listed = write_list(self.region, self._list, ListMoment.PLACED)
            else:
                write_applications(self.region, self._list)
            if self.kind is RoundKind.PLACEMENT:  # by then the results of tests and the places are known
                write_tests(self.region, drop / "toetsadviezen.csv")
                write_places(self.region, drop / "plaatsen.csv")
        with self._during(RehearsalWork.REGISTER):
            collection.register(self._round("registrations"))
        if listed:
            yield self._saw(
                "applications",
                count=listed.total(),
                drawn=listed["ingeloot"],
                not_drawn=listed["uitgeloot"],
                withdrawn=listed["ingetrokken"],
                undecided=listed["ondersteuning in onderzoek"] + listed["compleet"],
            )
            yield from self._compare()
        yield from self._collect([school.id for school in self.region.primary])
        if self.kind is RoundKind.PLACEMENT:
            yield self._told_of_advice()

    @property
    def _list(self) -> Path:
        """The region's list of applications."""
        return self._made / "drop" / self.region.name / (self.agreement.registrations.file or "")

    def _compare(self) -> Iterator[RehearsalEvent]:
        """Compare with each region that the agreement names: one made for it, with some of the same pupils."""
        year, actor = self.agreement.school_year, "compare_regions"
        for agreed in self.agreement.comparisons:
            neighbour = make_neighbour(self.region, agreed.region, pupils=_NEIGHBOURS, doubles=_DOUBLES)
            theirs = agreement_of(neighbour, {self.kind: self.agreed.milestones}).model_copy(
                update={"comparisons": (Comparison(region=self.region.name),)}
            )
            with self._context.ledger.unit(neighbour.name, "open_round") as unit:
                open_round(unit, theirs, self.kind)
            path = self._made / "drop" / neighbour.name / "aanmeldingen.csv"
            write_list(neighbour, path, ListMoment.PLACED)
            found = SourceRegistrations("file", *applications.read_file(path))
            collect_registrations(self._context.ledger, theirs, [found], "registrations")
            compared = compare_regions(self._context.ledger, self.region.name, neighbour.name, year, actor)
            yield self._saw("two_regions", region=neighbour.name, pupils=compared.found, there=compared.found_there)

    def _withdraw(self) -> Iterator[RehearsalEvent]:
        """Take a later list in, by which some pupils do not go to the school that has their dossier."""
        with self._during(RehearsalWork.HAND_IN):
            write_list(self.region, self._list, ListMoment.WITHDRAWN)
        with self._during(RehearsalWork.REGISTER):
            done = collection.register(self._round("registrations"))
        yield self._saw("withdrawn", changed=done["changed"], taken_back=done["taken_back"], asked=done["in_vain"])

    def _told_of_advice(self) -> RehearsalEvent:
        """Return what the board tells of advices, tests and places."""
        with self._round("check").unit("check") as unit:
            found = by_advice.counts(unit, self.agreement.school_year)
            free = sum(one.free for one in offers.all_offers(unit, self.agreement.school_year))
        told = Counter[str]()
        for (_, flag), count in found.items():
            told[flag] += count
        return self._saw(
            "advice", higher=told["reconsider"], without=told["no_test"], older=told["older_advice"], free=free
        )

    def _release(self) -> Iterator[RehearsalEvent]:
        """Release at once; late schools have a question and a window of their own."""
        context = self._round("questions")
        try:
            with self._during(RehearsalWork.DECIDE):
                question = len(reviewing.release_questions(context))
        except OverstapError as problem:
            if problem.code != "GATE-002":
                raise
            return  # nothing to release yet: a late school is still to supply
        with self._round("release").unit("release") as unit:
            waiting = dossiers.waiting_for_release(unit, self.round_id)
        if not waiting:
            return
        closes = dutch_time(context.review_closes_at)
        with self._during(RehearsalWork.RELEASE):
            with context.unit(self._coordinator) as unit:
                released = reviewing.release(context, unit, **self._approved()) or 0
            reviewing.renew_codes(context, "release")
            if self.kind.is_inspected:
                reviewing.invite(context)
        if not self.kind.is_inspected:
            yield self._saw("released_to_partnership", dossiers=released, question=question)
            if dutch_time(self.clock.at) > self.agreed.milestones.delivers:
                yield from self._deliver()
            return
        yield self._saw("released", dossiers=released, question=question, closes=f"{closes:%d-%m %H:%M}")
        for school_id in waiting:
            school = self._school(school_id)
            for noon, said in self.days.answers(self.region, school, dutch_time(self.clock.at), closes).items():
                self._at(noon, partial(self._answer, school, said))
        self._at(closes, self._end_review)

    def _answer(self, school: PrimarySchool, said: list[SyntheticDecision]) -> Iterator[RehearsalEvent]:
        found = [decisions.ReviewDecision(one.las_key, one.seen_on, one.agreed, one.view) for one in said]
        actor = f"administratie {school.id}"
        with self._during(RehearsalWork.ANSWER), self._round(actor).unit(actor) as unit:
            done = decisions.record(unit, self.round_id, school.id, found, ground="school_list")
        if done.recorded:
            yield self._saw("answered", school=self._label(school.id), families=len(done.recorded))

    def _end_review(self) -> Iterator[RehearsalEvent]:
        with self._during(RehearsalWork.END_REVIEW):
            lapsed = reviewing.end_review(self._round("end_review"))
            inspected = sum(school.inspected for school in self._counts("end_review"))
        yield self._saw("review_ended", inspected=inspected, lapsed=lapsed)
        with self._during(RehearsalWork.DECIDE):
            context = self._round("window_questions")
            for question in questions.window_questions(context):
                with context.unit(self._coordinator) as unit:
                    held = gate_holds.open_holds(unit, self.round_id, NOT_INSPECTED, batch=question)
                    if held:
                        answer = self._approved()
                        windows.decide_window(
                            *(unit, self.round_id),
                            choice="hold",
                            schools=[hold.reason.subject for hold in held],
                            decided_by=answer["decided_by"],
                            reason=answer["reason"],
                            answer_key=answer["answer_key"],
                        )
        if (
            dutch_time(self.clock.at) > self.agreed.milestones.delivers
        ):  # a late school's window: the later steps run again
            yield from self._deliver()

    def _deliver(self) -> Iterator[RehearsalEvent]:
        with self._during(RehearsalWork.REGISTER):
            receivers = delivering.sort_receivers(self._round("receivers"))
        with self._during(RehearsalWork.DECIDE):
            context = self._round("delivery_questions")
            for question in questions.delivery_questions(context):
                with context.unit(self._coordinator) as unit:
                    held = gate_holds.open_holds(unit, self.round_id, RELEASE_FOR_DELIVERY, batch=question)
                    if held:
                        questions.decide_delivery(context, unit, question, **self._approved())
                if held:
                    yield self._saw("decided_delivery", reasons=len(held))
            yield from self._place(context)
        with self._during(RehearsalWork.SEAL):
            sealed = delivering.seal(self._round("seal"))
        outcomes: Counter[str] = Counter()
        for school in self.agreement.receivers(self.kind):
            with self._during(RehearsalWork.DELIVER):
                outcomes += delivering.deliver(self._round(f"deliver {school.id}"), school.id, is_asked=True)
        if sealed["dossiers"] or receivers.sorted_out["no_receiver"]:
            yield self._saw(
                "delivered",
                dossiers=sealed["dossiers"],
                envelopes=sealed["envelopes"],
                confirmed=outcomes["accepted"],
                nobody=receivers.sorted_out["no_receiver"],
            )

    def _place(self, context: RoundContext) -> Iterator[RehearsalEvent]:
        """Say of each pupil who is placed at several schools that the first placement holds."""
        with context.unit("placements") as unit:
            waiting = [one for one in placements.placed_twice(unit, self.round_id) if one.answer is None]
        account = self.agreement.gate_accounts(self.kind)[0]
        for one in waiting:
            coordinator_answers.answer_placement(
                *(context.ledger, self.round_id, self.agreement.region, account, one, one.schools[:1], "Gebeld")
            )
        if waiting:
            yield self._saw("placed_twice", pupils=len(waiting))

    def _close(self) -> Iterator[RehearsalEvent]:
        context = self._round("closing_questions")
        with self._during(RehearsalWork.DECIDE):
            for question in questions.closing_questions(context):
                with context.unit(self._coordinator) as unit:
                    held = gate_holds.open_holds(unit, self.round_id, ACCEPT_UNDELIVERABLE, batch=question)
                    if held:
                        questions.decide_closing(context, unit, question, **self._approved())
        with self._during(RehearsalWork.CLOSE):
            closed = closing.close(self._round("close"))
        states: Counter[str] = Counter()
        for school in self._counts("check"):
            states.update(school.states)
        with self._during(RehearsalWork.VERIFY), context.unit("check") as unit:
            breaches = find_breaches(unit)
        yield self._saw(
            "closed",
            confirmed=states["confirmed"],
            left=states.total() - states["confirmed"],
            lines=closed.audit_lines if closed else 0,
            given_up=states["undelivered"],
            breaches=len(breaches),
        )

    @property
    def _coordinator(self) -> str:
        return self.agreement.coordinators[0].account

    def _approved(self) -> _Decision:
        """Return the coordinator's approval of one question."""
        self._asked += 1
        return _Decision(
            approved=True, decided_by=self._coordinator, reason="", answer_key=f"rehearsal {self.kind} {self._asked}"
        )

    def _counts(self, actor: str) -> list[PrimaryCounts]:
        with self._round(actor).unit(actor) as unit:
            return primary_schools(unit, self.round_id)


def random_of(seed: int, kind: RoundKind) -> random.Random:
    """Return the random generator of one round, which is independent of the other rounds."""
    return random.Random(f"{seed}:{kind}")  # noqa: S311 (a rehearsal, no secret)
