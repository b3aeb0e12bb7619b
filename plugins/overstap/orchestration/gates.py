"""Gates: a coordinator decides, and the ledger keeps the decision. The task's own state decides nothing."""

from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Context, Param

from overstap.clock import now, spoken
from overstap.errors import OverstapError
from overstap.ledger.counts import primary_schools
from overstap.ledger.dossiers import decide_release, releases, waiting_for_release
from overstap.orchestration.workplace import RoundRef, Workplace, telling, workplace
from overstap.texts import texts


class ReleaseForReview(HITLOperator):
    """Asks the region's coordinators to release accepted dossiers to the parents.

    Asks only when something new waits; an answer covers what is accepted at that moment. Delivery reads the ledger, so
    marking this task a success releases nothing. Who answered is checked here by account: Airflow's own
    `assigned_users` knows FAB's accounts by a number that no agreement can state.

    Mapped over the questions of a round, since Airflow 3.3.2 keeps a task instance's first text when it is cleared: a
    school that comes later gets a question of its own, with the figures of that moment.

    Args:
        ref: the round.
        accounts: logins that may answer.
        question: which of the round's questions this is, from 1.
    """

    template_fields = ()

    def __init__(self, *, ref: RoundRef, accounts: tuple[str, ...], question: int, **kwargs: Any) -> None:
        self._words = texts("orchestration/gates")["release_for_review"]
        super().__init__(
            subject=self._words["subject"]["nl"],
            options=[self._words["approve"]["nl"], self._words["reject"]["nl"]],
            params={"reden": Param(None, type=["null", "string"], maxLength=500, title=self._words["reason"]["nl"])},
            **kwargs,
        )
        self.ref = ref
        self.accounts = accounts
        self.question = question

    def execute(self, context: Context) -> Any:
        """Ask, with the figures that the decision needs; go on when this question has led to a release before."""
        with workplace(self.ref, self.task_id) as place:
            with place.ledger.unit(self.ref.region, self.task_id) as unit:
                is_answered = releases(unit, self.ref.round_id) >= self.question
            if is_answered:
                self._follow(place)
            else:
                self._prepare(place)
        if is_answered:
            self.log.info("Vraag %d is al beantwoord | was answered before", self.question)
            return None
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Take the answer, check it again, keep it in the ledger, and release."""
        answer = super().execute_complete(context, event)
        user = event.get("responded_by_user") or {}
        by = str(user.get("name") or user.get("id") or "")
        approved = answer["chosen_options"] == [self._words["approve"]["nl"]]
        reason = str((answer["params_input"] or {}).get("reden") or "")[:500]
        with workplace(self.ref, self.task_id) as place, telling():
            if by not in self.accounts:
                raise OverstapError("GATE-003", accounts=", ".join(self.accounts))
            with place.ledger.unit(self.ref.region, by) as unit:
                released = decide_release(
                    unit,
                    self.ref.round_id,
                    approved=approved,
                    decided_by=by,
                    reason=reason,
                    answer_key=f"{context['ti'].id}/{answer['responded_at'].isoformat()}",
                    closes_at=self._closes_at(place),
                )
            if not approved:
                raise OverstapError("GATE-001", by=by)
            self._follow(place)
        self.log.info("%d dossiers vrijgegeven door %s | released", released, by)
        return {"released": released}

    def _follow(self, place: Workplace) -> None:
        """Let the codes of families show the version that was released, and keep inspections where that was agreed."""
        from overstap.review.renewal import after_release

        done = after_release(place.ledger, self.ref.region, self.ref.round_id, self.task_id)
        if done.total():
            self.log.info("Nieuwe versies | newer versions: %s", dict(done))

    def _prepare(self, place: Workplace) -> None:
        """Fill in the question."""
        with place.ledger.unit(self.ref.region, self.task_id) as unit:
            waiting = waiting_for_release(unit, self.ref.round_id)
            schools = primary_schools(unit, self.ref.round_id)
        facts = {
            "region": place.agreement.name,
            "round": place.kind.dutch,
            "school_year": place.agreement.school_year,
            "count": str(waiting.total()),
            "closes": spoken(self._closes_at(place)),
            "rows": "\n".join(
                f"| {_cell(school.name)} ({school.school}) | {waiting[school.school]} | {school.states['rejected']} "
                f"| {school.supplied} | {school.expected} |"
                for school in schools
            ),
        }
        self.subject = self._words["subject"]["nl"].format(**facts)
        self.body = self._words["body"]["nl"].format(**facts)

    def _closes_at(self, place: Workplace) -> Any:
        """Return when the review of what is released now closes: as agreed, and never too short for these parents."""
        return max(place.round.milestones.review_closes, now() + place.round.review_minimum)


def _cell(text: str) -> str:
    """Return text that cannot break out of a table in Markdown."""
    return "".join(f"\\{sign}" if sign in "|\\`*_[]<>" else sign for sign in text)
