"""Gate before the review: releases accepted dossiers to parents, or to a partnership."""

from typing import Any

from airflow.sdk import Context

from overstap.agreements import RoundId
from overstap.clock import format_moment
from overstap.errors import OverstapError
from overstap.ledger.dossiers.dossiers import releases, waiting_for_release
from overstap.ledger.rounds.counts import primary_schools
from overstap.ledger.second_person import waits_for_release
from overstap.ledger.session import UnitOfWork
from overstap.orchestration.gate_names import RELEASE_FOR_REVIEW
from overstap.orchestration.gates.gate_operator import Gate, GateAnswer
from overstap.orchestration.markdown import plain
from overstap.orchestration.round_context import workplace
from overstap.orchestration.sensors import LOOK_EVERY
from overstap.orchestration.triggers import ReleaseConfirmed
from overstap.rounds.context import RoundContext


class ReleaseForReview(Gate):
    """Gate on releasing accepted dossiers to parents; an answer covers those accepted at that moment."""

    gate = RELEASE_FOR_REVIEW
    _waits = False
    """Whether the answer that was taken waits for a second person."""

    @classmethod
    def said_as(cls, ref: RoundId) -> str:
        """Return the name of the texts: release to parents, or to a partnership without inspection."""
        return cls.gate if ref.kind.is_inspected else "release_without_review"

    def execute(self, context: Context) -> Any:
        """Ask; where an answer waits for a second person, wait with it."""
        with workplace(self.ref, self.task_id) as place, place.unit(self.task_id) as unit:
            waits = waits_for_release(unit, str(self.ref), self.question)
        if waits:
            self._wait()
        return super().execute(context)

    def ask(self, place: RoundContext, unit: UnitOfWork) -> dict[str, Any] | None:
        """Return the waiting dossiers per school; None when this question led to a release before."""
        if releases(unit, self.ref) >= self.question:
            return None
        waiting = waiting_for_release(unit, self.ref)
        return {
            "count": str(waiting.total()),
            "closes": format_moment(place.review_closes_at),
            "receivers": ", ".join(plain(school.label) for school in place.agreement.receivers(place.kind)),
            "delivers": format_moment(place.round.milestones.delivers),
            "rows": "\n".join(
                f"| {plain(school.name)} ({school.school}) | {waiting[school.school]} | {school.states['rejected']} "
                f"| {school.supplied} |{f' {school.expected} |' if place.kind.is_inspected else ''}"
                for school in primary_schools(unit, self.ref)
                if place.kind.is_inspected or school.supplied
            ),
        }

    def is_overtaken(self, context: Context) -> bool:
        """Tell whether dossiers came while this question was open: a newer question then covers all of them."""
        return max(context["ti"].xcom_pull(task_ids="questions")) > self.question

    def take(self, place: RoundContext, unit: UnitOfWork, answer: GateAnswer) -> dict[str, int]:
        """Record the answer; an approval releases the dossiers."""
        from overstap.rounds.reviewing import release

        released = release(
            place,
            unit,
            approved=answer.choice == "approve",
            decided_by=answer.by,
            reason=answer.reason,
            answer_key=answer.key,
        )
        self._waits = released is None
        return {"released": released or 0}

    def after(self, answer: GateAnswer) -> None:
        """Fail when the coordinator answered "not yet"; wait while a second person has to confirm."""
        if self._waits:
            self._wait()
        if answer.choice != "approve":
            raise OverstapError("GATE-001", by=answer.by)

    def _wait(self) -> None:
        """Defer until a second person confirmed or withdrew the release on the board, or three days passed."""
        self.log.info("Wacht op een tweede persoon, die op het bord bevestigt | waits for a second person on the board")
        every = LOOK_EVERY.total_seconds()
        trigger = ReleaseConfirmed(self.ref.region, str(self.ref), every, self.question)
        self.defer(trigger=trigger, method_name="second_decided")

    def second_decided(self, context: Context, event: Any = None) -> dict[str, int]:
        """Go on after the confirmation; fail when the request was withdrawn or expired.

        Raises:
            OverstapError: LEDGER-023 in that case: clearing the task asks again.
        """
        with workplace(self.ref, self.task_id) as place:
            with place.unit(self.task_id) as unit:
                waits = waits_for_release(unit, str(self.ref), self.question)
                is_released = releases(unit, self.ref) >= self.question
            if waits:
                self._wait()
            if not is_released:
                raise OverstapError("LEDGER-023")
            self.follow(place)
        return {"confirmed": 1}

    def follow(self, place: RoundContext) -> None:
        """Point families' access codes at the released version, and keep inspections where the agreement permits."""
        from overstap.rounds.reviewing import renew_codes

        done = renew_codes(place, self.task_id)
        if done.total():
            self.log.info("Nieuwe versies | newer versions: %s", dict(done))
