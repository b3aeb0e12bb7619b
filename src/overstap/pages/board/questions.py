"""Facts of a question to the coordinator: its figures in the ledger, and the answers to choose from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from overstap.agreements import RoundKind
from overstap.clock import format_moment
from overstap.ledger.dossiers.dossiers import releases, waiting_for_release
from overstap.ledger.review import windows
from overstap.ledger.rounds import gate_holds
from overstap.ledger.rounds.counts import primary_schools
from overstap.ledger.rounds.gate_decisions import ready_to_leave
from overstap.ledger.rounds.gate_holds import NOT_INSPECTED, Hold
from overstap.ledger.rounds.rounds import RoundRow, get_round
from overstap.ledger.session import UnitOfWork
from overstap.pages.board.airflow_port import GateQuestion
from overstap.pages.board.formatting import number
from overstap.texts import Count, noun, texts

RELEASE = "release_for_review"
REASON_LENGTH = 500
MISSING = "school_missing"
FEW = 5
"""Number of schools without dossiers that have a sentence each."""


@dataclass(frozen=True, slots=True)
class SchoolFigures:
    """Figures of one school in a question.

    Args:
        school: BRIN with branch.
        name: its name.
        figures: its numbers, in the order of the columns.
    """

    school: str
    name: str
    figures: Sequence[int]


@dataclass(frozen=True, slots=True)
class QuestionView:
    """A question as its page shows it.

    Args:
        title: the question.
        explains: what each answer does, Dutch.
        columns: names of the columns of figures, Dutch.
        rows: figures per school; empty at a gate about the whole round.
        reasons: why it is asked, Dutch.
        missing: schools that supplied nothing, when they are too many for a reason each, Dutch.
        options: names of the answers, with their labels; the first lets the round go on.
        accounts: who may answer.
        latest: latest moment until which a window can be extended; None at other gates.
        is_open: whether there is something to decide.
    """

    title: str
    explains: Sequence[str]
    columns: Sequence[str]
    rows: Sequence[SchoolFigures]
    reasons: Sequence[str]
    options: Sequence[tuple[str, str]]
    accounts: Sequence[str]
    latest: datetime | None = None
    missing: Sequence[str] = ()
    is_open: bool = True


def option_label(gate: str, choice: str) -> str:
    """Return the label of an answer, Dutch."""
    label: str = texts("orchestration/gates")[gate]["options"][choice]["nl"]
    return label


def question_view(unit: UnitOfWork, round_id: str, question: GateQuestion, now: datetime) -> QuestionView:
    """Return a question with the figures of this moment, which are newer than those in Airflow.

    Args:
        unit: a transaction of the region; it needs no key.
        round_id: the round.
        question: the question, as Airflow asks it.
        now: the present moment, aware.
    """
    found = get_round(unit, round_id)
    gate = question.gate
    said = texts("board/decisions")["explains"][
        "release_without_review" if gate == RELEASE and not found.kind.is_inspected else gate
    ]
    agreed = found.agreement.round(found.kind)
    moments = {
        "opens": agreed.milestones.review_opens,
        "closes": max(agreed.milestones.review_closes, now + agreed.review_minimum),
        "delivers": agreed.milestones.delivers,
        "due": agreed.milestones.receipts_due,
    }
    told = {name: format_moment(moment) for name, moment in moments.items()}
    if gate == RELEASE and found.kind.is_inspected and moments["opens"] <= now:
        said = [*texts("board/decisions")["explains"]["release_at_once"], *said[1:]]
    explains = [line["nl"].format(**told) for line in said]
    accounts = found.agreement.gate_accounts(found.kind)
    options = [(name, label["nl"]) for name, label in texts("orchestration/gates")[gate]["options"].items()]
    if gate == RELEASE:
        columns, rows = _released(unit, found)
        waiting = sum(row.figures[0] for row in rows)
        is_open = waiting > 0 and releases(unit, round_id) < question.number
        title = _title(found.kind, gate, waiting)
        return QuestionView(title, explains, columns, rows, (), options, accounts, is_open=is_open)
    holds = gate_holds.open_holds(unit, round_id, gate, batch=question.number)
    if gate == NOT_INSPECTED:
        allowed = windows.ALLOWED[agreed.not_inspected]
        chosen = [(name, label) for name, label in options if name in allowed]
        latest = agreed.milestones.receipts_due if "extend" in allowed else None
        rows = [_lapsed(hold) for hold in holds]
        words = texts("board/words")["question_columns"]
        columns = [words["not_inspected"]["nl"], words["released"]["nl"]]
        title = _title(found.kind, gate, sum(row.figures[0] for row in rows))
        return QuestionView(title, explains, columns, rows, (), chosen, accounts, latest, is_open=bool(holds))
    reasons, missing = _reasons(gate, holds)
    title = _title(found.kind, gate, ready_to_leave(unit, round_id))
    return QuestionView(title, explains, (), (), reasons, options, accounts, missing=missing, is_open=bool(holds))


def _reasons(gate: str, holds: Sequence[Hold]) -> tuple[list[str], list[str]]:
    """Return why a question is asked; more than a few schools without dossiers are one sentence, and a list."""
    sentences = texts("orchestration/gates")[gate]["reasons"]
    # A sentence of Airflow's page has marks of Markdown
    said = [
        (
            reason,
            sentences[reason.reason]["nl"].replace("**", "").format(count=reason.count, **reason.facts),
        )
        for reason in gate_holds.summed(holds)
    ]
    missing = [(reason, sentence) for reason, sentence in said if reason.reason == MISSING]
    if len(missing) <= FEW:
        return [sentence for _, sentence in said], []
    together = texts("board/decisions")["question"]["missing"]["nl"].format(
        count=Count(len(missing)), pupils=number(sum(reason.count for reason, _ in missing))
    )
    others = [sentence for reason, sentence in said if reason.reason != MISSING]
    return [*others, together], [sentence for _, sentence in missing]


def _title(kind: RoundKind, gate: str, dossiers: int) -> str:
    """Return the question with the figures of this moment; Airflow keeps those of the moment at which it asked."""
    name = "release_without_review" if gate == RELEASE and not kind.is_inspected else gate
    subject: str = texts("orchestration/gates")[name]["subject"]["nl"]
    return subject.format(dossiers=f"{number(dossiers)} {noun(dossiers, 'dossier|dossiers')}")


def _released(unit: UnitOfWork, found: RoundRow) -> tuple[list[str], list[SchoolFigures]]:
    words = texts("board/words")["question_columns"]
    is_inspected = found.kind.is_inspected
    names = ("ready", "rejected", "supplied", *(("expected",) if is_inspected else ()))
    waiting = waiting_for_release(unit, found.round_id)
    rows = [
        SchoolFigures(
            one.school,
            one.name,
            [waiting[one.school], one.states["rejected"], one.supplied, *([one.expected] if is_inspected else [])],
        )
        for one in primary_schools(unit, found.round_id)
        if is_inspected or one.supplied
    ]
    return [words[name]["nl"] for name in names], rows


def _lapsed(hold: Hold) -> SchoolFigures:
    name = str(hold.reason.facts["school"]).removesuffix(f" ({hold.reason.subject})")
    return SchoolFigures(hold.reason.subject, name, [hold.reason.count, int(hold.reason.facts["released"])])
