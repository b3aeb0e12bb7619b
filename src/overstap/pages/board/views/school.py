"""Page of one school in one round; per dossier for accounts with that right."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from overstap import errors
from overstap.ledger.dossiers import outstanding, school_dossiers
from overstap.ledger.dossiers.reference import find_by_reference, reference
from overstap.ledger.rounds import progress
from overstap.ledger.session import UnitOfWork
from overstap.pages.board.render import render
from overstap.pages.board.rounds import RoundView
from overstap.pages.board.schools import Facts, SupplierRow
from overstap.pages.board.views import unresolved
from overstap.pages.board.views.page_context import NotHereError, PageContext, facts_of, rows_of_facts, sentence_of
from overstap.quality import report, rulebook
from overstap.quality.findings import DossierSeverity
from overstap.texts import texts

_TONES = {DossierSeverity.ERROR: "bad", DossierSeverity.WARNING: "mind", DossierSeverity.NOTE: "quiet"}


@dataclass(frozen=True, slots=True)
class FaultCount:
    """What was found in a school's dossiers or files, counted."""

    severity: str
    tone: str
    sentence: str
    do: str
    who: str
    count: int
    code: str
    is_file: bool = False


@dataclass(frozen=True, slots=True)
class DossierRow:
    """One dossier without anything of its pupil."""

    pseudonym: str
    state: str
    version: int
    closes_at: datetime | None
    receivers: Sequence[str]
    found: Sequence[str]


def page(context: PageContext, round_id: str, school: str, told: str = "") -> str:
    """Write the page.

    Args:
        context: see `PageContext`.
        round_id: the round.
        school: BRIN with branch of a primary school.
        told: what was just done, in Dutch.

    Raises:
        NotHereError: the account may not see it, or there is none.
    """
    with context.round(round_id) as (unit, view):
        if unit is None:
            raise NotHereError(round_id)
        facts = facts_of(unit, view, context.now, school)
        row = _row(context, unit, view, facts, school)
        return render(
            "school",
            base=context.base,
            now=context.now,
            person=context.person,
            view=view,
            row=row,
            told=told,
            may_rerun=view.region in context.person.reruns,
            faults=_faults(unit, view, row),
            report_at=progress.reports_made(unit, round_id).get(school),
            notices=_notices(unit, round_id, school),
            test=facts.tested.get(school),
            sentence_of=sentence_of,
            feedback=_feedback(facts),
            asked=_asked(unit, round_id, school),
            left_over=unresolved.lines(replace(facts, uncollected={}), context.now),
            history=_history(progress.moves(unit, round_id, school)),
            dossiers=_dossiers(unit, round_id, school) if context.person.sees_dossiers else None,
        )


def row_of(context: PageContext, unit: UnitOfWork, view: RoundView, school: str) -> SupplierRow:
    """Return a primary school of a round.

    Raises:
        NotHereError: there is no such school.
    """
    return _row(context, unit, view, facts_of(unit, view, context.now, school), school)


def school_of_reference(context: PageContext, round_id: str, typed: str) -> str | None:
    """Return the school whose dossier has a reference, for who may see single dossiers; None when there is none."""
    if not typed:
        return None
    with context.round(round_id) as (unit, _):
        if unit is None or not context.person.sees_dossiers:
            return None
        found = find_by_reference(unit, typed, round_id)
        return found[0].school if found else None


def _row(context: PageContext, unit: UnitOfWork, view: RoundView, facts: Facts, school: str) -> SupplierRow:
    rows = rows_of_facts(unit, view, facts, context.now)
    for row in rows:
        if row.school == school:
            return row
    raise NotHereError(school)


def _faults(unit: UnitOfWork, view: RoundView, row: SupplierRow) -> list[FaultCount]:
    """Return what was found, errors first and then most often first."""
    counted = school_dossiers.broken_rules(unit, view.round_id, row.school)
    words = report.page_words()
    found = []
    for code, number in row.counts.refused_files.items():
        known = errors.sentences()[code]
        who = words["region_who"][known["who"]]
        do = known["do_nl"] if "{" not in known["do_nl"] else ""
        found.append(
            FaultCount(words["severity"]["error"], "bad", sentence_of(code), do, who, number, code, is_file=True)
        )
    for code, number in counted.items():
        severity, do, who = _about(code)
        found.append(
            FaultCount(
                words["severity"][severity],
                _TONES[severity],
                sentence_of(code),
                do,
                words["region_who"][who],
                number,
                code,
            )
        )
    order = ["bad", "mind", "quiet"]
    return sorted(found, key=lambda one: (order.index(one.tone), -one.count, one.code))


def _about(code: str) -> tuple[DossierSeverity, str, str]:
    """Return how bad a rule's breach is, what to do and who does it; a rule of an older book is an error."""
    try:
        sentence = rulebook.sentence(code)
        return rulebook.severity(code), sentence.do_nl if "…" not in sentence.do_nl else "", sentence.who
    except KeyError:
        return DossierSeverity.ERROR, "", "school"


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """Something that the school was told."""

    at: datetime
    says: str


def _notices(unit: UnitOfWork, round_id: str, school: str) -> list[NoticeLine]:
    """Return what the school was told by mail, or will be, the newest first."""
    kinds = texts("notices/kinds")
    words = texts("board/words")["told"]
    found = []
    for one in progress.told(unit, round_id, school):
        title = kinds[one.kind]["title"]["nl"] if one.kind in kinds else one.kind
        how = "refused" if one.is_refused else "sent" if one.sent_at else "waiting"
        says = f"{title.format_map(_Facts(one.facts))} ({words[how]['nl']})"
        found.append(NoticeLine(one.sent_at or one.noted_at, says))
    return found


@dataclass(frozen=True, slots=True)
class Feedback:
    """What one receiving school said of this school's pupils after its receipts.

    Args:
        name: the receiving school.
        said: outcome in words, and how many.
    """

    name: str
    said: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class AskedLine:
    """A question or correction of parents, without its words.

    Args:
        pseudonym: what its dossier is called on the board.
        kind: in words.
        state: in words.
        is_overdue: the school should have answered.
        at: when it was asked.
        until: until when the school has, or when it settled it.
        is_open: the school has not settled it.
        number: the version that it is about.
    """

    pseudonym: str
    kind: str
    state: str
    is_overdue: bool
    at: datetime
    until: datetime
    is_open: bool
    number: int


def _feedback(facts: Facts) -> list[Feedback]:
    words = texts("board/words")["outcomes"]
    found: dict[str, list[tuple[str, int]]] = {}
    for outcome in words:
        for _, to, what, count in facts.results:
            if what == outcome:
                found.setdefault(facts.names.get(to, to), []).append((words[outcome]["nl"], count))
    return [Feedback(name, said) for name, said in sorted(found.items())]


def _asked(unit: UnitOfWork, round_id: str, school: str) -> list[AskedLine]:
    """Return what parents asked and what became of it; the words are the school's and the family's alone."""
    words = texts("board/words")
    return [
        AskedLine(
            reference(one.dossier),
            words["asked"][one.kind]["nl"],
            words["asked_states"]["overdue" if one.is_overdue else one.state]["nl"],
            one.is_overdue,
            one.asked_at,
            one.settled_at or one.due_at,
            one.settled_at is None,
            one.number,
        )
        for one in outstanding.asked(unit, round_id, school)
    ]


class _Facts(dict[str, object]):
    """Facts of a sentence; one that is missing leaves a gap, since the page must not fail for it."""

    def __missing__(self, name: str) -> str:
        return "…"


def _history(moves: Sequence[progress.Move]) -> list[tuple[date, list[str]]]:
    """Return what happened on each day in words, the newest day first."""
    words = texts("board/words")["moves"]
    by_day: dict[date, Counter[str]] = {}
    for one in moves:
        kind = "renewed" if one.to_state == "supplied" and one.from_state else one.to_state
        by_day.setdefault(one.day, Counter())[kind] += one.count
    return [
        (day, [f"{counted[kind]} {words[kind]['nl'] if kind in words else kind}" for kind in known if counted[kind]])
        for day, counted in sorted(by_day.items(), reverse=True)
        for known in (list(dict.fromkeys([*words, *counted])),)
    ]


def _dossiers(unit: UnitOfWork, round_id: str, school: str) -> list[DossierRow]:
    """Return the school's dossiers by pseudonym, those that stand still first."""
    states = texts("board/words")["dossier_states"]
    stuck = ("rejected", "not_inspected", "no_receiver", "refused", "undelivered")
    found = [
        (
            one.state not in stuck,
            DossierRow(
                reference(one.dossier),
                states[one.state]["nl"] if one.state in states else one.state_name,
                one.version,
                one.closes_at if one.state == "in_review" else None,
                one.receivers,
                [f"{sentence_of(rule)} ({rule})" for rule in one.rules],
            ),
        )
        for one in school_dossiers.lines(unit, round_id, school)
    ]
    return [row for _, row in sorted(found, key=lambda pair: (pair[0], pair[1].state, pair[1].pseudonym))]
