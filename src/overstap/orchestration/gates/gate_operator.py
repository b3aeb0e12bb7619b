"""Base operator of gates: asks with current figures, and checks account and answer before recording them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Context, Param

from overstap.agreements import RoundId
from overstap.errors import OverstapError
from overstap.ledger.notifications.notices import Notice, drop_settled, note
from overstap.ledger.rounds import coordinator_answers
from overstap.ledger.session import UnitOfWork
from overstap.orchestration.gate_names import answer_key
from overstap.orchestration.links import round_page
from overstap.orchestration.markdown import plain
from overstap.orchestration.round_context import workplace
from overstap.orchestration.titles import title
from overstap.rounds.context import RoundContext
from overstap.texts import texts

REASON_LENGTH = 500


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """A coordinator's answer; the account has been checked."""

    choice: str
    """Name of the option in include/texts/orchestration/gates.yaml."""
    by: str
    """The login."""
    reason: str
    filled_in: dict[str, str]
    """Further values of the form, trimmed and not checked yet."""
    at: datetime
    key: str
    """Idempotency key of this answer (`answer_key`)."""


class Gate(HITLOperator):
    """Question to the region's coordinators, whose answer the ledger records.

    The account is checked here, since Airflow's `assigned_users` takes FAB's numbers of accounts, which an agreement
    cannot state. Marking the task a success has no effect on the ledger.

    The operator is mapped over the questions of a round, since Airflow 3.3.2 keeps the first text of a task instance
    when it is cleared: dossiers that come later get a new question, with the figures of that moment.

    Args:
        ref: the round's id.
        accounts: logins that may answer.
        question: which of the gate's questions this is, from 1.
    """

    template_fields = ()
    gate: str
    """Its name in the ledger, and in include/texts/orchestration/gates.yaml."""
    fields: tuple[str, ...] = ()
    """Fields of its form beside the reason."""

    def __init__(self, *, ref: str, accounts: tuple[str, ...], question: int, **kwargs: Any) -> None:
        self._words = texts("orchestration/gates")[self.said_as(RoundId(ref))]
        shared = texts("orchestration/gates")["fields"]
        longest = {"type": ["null", "string"], "maxLength": REASON_LENGTH}
        kwargs.pop("params", None)  # Airflow also gives a mapped task the form of its DAG; a gate has its own
        super().__init__(
            subject=self._words["subject"]["nl"],
            options=[said["nl"] for said in self._words["options"].values()],
            params={name: Param(None, title=shared[name]["nl"], **longest) for name in (*self.fields, "reden")},
            **kwargs,
        )
        self.ref = RoundId(ref)  # Airflow serialises plain text only
        self.accounts = accounts
        self.question = question

    @property
    def shown(self) -> str:
        """Label of this question in Airflow's grid."""
        return title(f"task.{self.task_id}.map", question=str(self.question))

    @classmethod
    def said_as(cls, ref: RoundId) -> str:
        """Return the name of the gate's texts; some kinds of round have their own."""
        return cls.gate

    def execute(self, context: Context) -> Any:
        """Ask with current figures; succeed when there is nothing left to ask."""
        with workplace(self.ref, self.task_id) as place:
            with place.ledger.unit(self.ref.region, self.task_id) as unit:
                facts = None if self.is_overtaken(context) else self.ask(place, unit)
            if facts is not None:
                facts |= {
                    "region": place.agreement.name,
                    "round": place.kind.dutch,
                    "school_year": place.agreement.school_year,
                    "board": round_page(self.ref),
                    # The word is the same in both languages.
                    "dossiers": f"{facts['count']} {'dossier' if facts['count'] == '1' else 'dossiers'}",
                }
                self.subject = self._words["subject"]["nl"].format(**facts)
                # The page renders the body as Markdown, and the subject as it stands
                self.body = self._words["body"]["nl"].format(**facts | {"region": plain(facts["region"])})
                with place.ledger.unit(self.ref.region, self.task_id) as unit:
                    note(unit, [self._notice(context, account, facts) for account in self.accounts])
            else:
                self.follow(place)
        if facts is None:
            self.log.info("Niets (meer) te beslissen bij vraag %d | nothing (more) to decide", self.question)
            return None
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Check the answer and record it in the ledger, unless the board did."""
        with workplace(self.ref, self.task_id) as place:
            answer, kept = self._kept_before(place, context, event), {}
            if answer is None:
                answer = self._answer(context, event)
                with place.ledger.unit(self.ref.region, answer.by) as unit:
                    kept = self.take(place, unit, answer)
            with place.ledger.unit(self.ref.region, answer.by) as unit:
                drop_settled(unit, self._notice(context, answer.by, {}).meaning)
            self.after(answer)
            self.follow(place)
        self.log.info("%s: %s, %s", answer.by, answer.choice, kept)
        return kept

    def ask(self, place: RoundContext, unit: UnitOfWork) -> dict[str, Any] | None:
        """Return the facts of the question's text; None when there is nothing to ask."""
        raise NotImplementedError

    def is_overtaken(self, context: Context) -> bool:
        """Tell whether a newer question of this run replaces this one."""
        return False

    def take(self, place: RoundContext, unit: UnitOfWork, answer: GateAnswer) -> dict[str, int]:
        """Record the answer and apply it; return counts of its effects.

        Raises:
            OverstapError: a value of the form is not valid.
        """
        raise NotImplementedError

    def after(self, answer: GateAnswer) -> None:
        """Fail when the answer stops the round for now; the ledger has it by then."""

    def follow(self, place: RoundContext) -> None:
        """Do what follows from a decision that lets the round continue. Idempotent."""

    def _notice(self, context: Context, account: str, facts: dict[str, Any]) -> Notice:
        """Return the notice for coordinators while the question is open."""
        said = self._words["subject"] if facts else {}
        subjects = {f"subject_{language}": text.format_map(facts) for language, text in said.items()}
        about = f"{self.gate}/{self.question}/{context['ti'].run_id}"
        return Notice("gate", about, f"coordinator:{account}", subjects, self.ref, is_urgent=True)

    def _kept_before(self, place: RoundContext, context: Context, event: dict[str, Any]) -> GateAnswer | None:
        """Return the answer to this asking that the ledger has, from the board; None when it has none.

        The first answer counts: one that was given in Airflow at the same moment has no effect.
        """
        key = answer_key(context["ti"].id)
        with place.ledger.unit(self.ref.region, self.task_id) as unit:
            kept = coordinator_answers.kept(unit, self.ref, self.gate, key)
        if kept is None:
            return None
        self.log.info("Beantwoord op het bord door %s (%s) | answered on the board", kept.account, kept.choice)
        return GateAnswer(kept.choice, kept.account, "", {}, event["responded_at"], key)

    def _answer(self, context: Context, event: dict[str, Any]) -> GateAnswer:
        """Return the answer after checking that it was offered, and that the account may give it."""
        user = event.get("responded_by_user") or {}
        by = str(user.get("name") or user.get("id") or "")
        if by not in self.accounts:
            raise OverstapError("GATE-003", accounts=", ".join(self.accounts))
        chosen = event["chosen_options"]
        names = [name for name, said in self._words["options"].items() if [said["nl"]] == list(chosen)]
        given = event.get("params_input") or {}
        # Airflow stores whatever its API receives, so options and values are checked here
        texts_given = {name: value for name, value in given.items() if value is not None}
        if not names:
            raise OverstapError("GATE-005", field="antwoord")
        for name, value in texts_given.items():
            if name not in (*self.fields, "reden") or not isinstance(value, str) or len(value) > REASON_LENGTH:
                raise OverstapError("GATE-005", field=name if name in (*self.fields, "reden") else "onbekend")
        values = {name: str(value).strip() for name, value in texts_given.items()}
        return GateAnswer(
            names[0],
            by,
            values.pop("reden", ""),
            values,
            event["responded_at"],
            answer_key(context["ti"].id),
        )
