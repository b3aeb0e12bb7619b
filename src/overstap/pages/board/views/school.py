"""Page of one school in one round on the board; with single dossiers for accounts with that permission."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol

from overstap import errors
from overstap.ledger import contacts, guests
from overstap.ledger.dossiers import outstanding, school_dossiers
from overstap.ledger.dossiers.reference import find_by_reference, reference
from overstap.ledger.region_keys import BoardKeys
from overstap.ledger.rounds import progress
from overstap.ledger.session import UnitOfWork
from overstap.pages.board import formatting
from overstap.pages.board.airflow_port import RunRef, TaskRef
from overstap.pages.board.render import render
from overstap.pages.board.rounds import RoundView
from overstap.pages.board.schools import RoundFacts, SupplierRow
from overstap.pages.board.views import mappings, rosters, unresolved
from overstap.pages.board.views.contacts import LogLine, log_of, persons_shown
from overstap.pages.board.views.page_context import PageContext, PageNotFoundError, facts_of, rows_of_facts, sentence_of
from overstap.quality import report, rulebook
from overstap.quality.findings import DossierSeverity
from overstap.texts import texts

_TONES = {DossierSeverity.ERROR: "bad", DossierSeverity.WARNING: "mind", DossierSeverity.NOTE: "quiet"}


@dataclass(frozen=True, slots=True)
class FaultCount:
    """Number of findings of one code in a school's dossiers or files."""

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
    """Line of one dossier, without data of its pupil."""

    pseudonym: str
    state: str
    version: int
    closes_at: datetime | None
    receivers: Sequence[str]
    found: Sequence[str]


class CollectingPort(Protocol):
    """The part of Airflow that tells whether a school is being collected from."""

    def run(self, dag_id: str) -> RunRef | None:
        """Return the newest run of a DAG; None when there is none."""

    def collect_task(self, run: RunRef, school: str, *, is_guest: bool = False) -> TaskRef | None:
        """Return the task that collects from a school; of a guest school without one, the one that looks for guests."""


_BUSY = frozenset({"scheduled", "queued", "running", "restarting"})
"""States of the task while it collects, or is about to."""


@dataclass(frozen=True, slots=True)
class SchoolContact:
    """Whom to call at a school, and the latest calls and messages."""

    person: contacts.ContactPerson
    log: Sequence[LogLine]


def page(
    context: PageContext,
    round_id: str,
    school: str,
    confirmation: str,
    airflow: CollectingPort,
    keys_of: Callable[[str], BoardKeys | None],
) -> str:
    """Return the page as HTML.

    Args:
        context: context of the request.
        round_id: `<region>.<school year>.<kind>`.
        school: BRIN with branch of a primary school.
        confirmation: message of the action just done, Dutch.
        airflow: tells whether the school is being collected from.
        keys_of: returns the board's keys of a region, for contact with the school; None where there are none.

    Raises:
        PageNotFoundError: the account may not see it, or there is none.
    """
    with context.round(round_id) as (unit, view):
        if unit is None:
            raise PageNotFoundError(round_id)
        facts = facts_of(unit, view, context.now, school)
        row = _row(context, unit, view, facts, school)
        persons = persons_shown(context, unit, view.region, keys_of)
        invited = guests.ids(unit, round_id)
        return render(
            "school",
            base=context.base,
            now=context.now,
            person=context.person,
            view=view,
            row=row,
            guests=invited,
            confirmation=confirmation,
            is_collecting=_is_collecting(
                airflow, view, school, is_asked=bool(confirmation), is_guest=school in invited
            ),
            may_rerun=view.region in context.person.reruns,
            persons=persons,
            contact=(_contact(unit, view, school, keys_of, persons) if view.region in context.person.reruns else None),
            faults=_faults(unit, view, row),
            report_at=progress.reports_made(unit, round_id).get(school),
            notices=_notices(unit, round_id, school),
            test=facts.tested.get(school),
            sentence_of=sentence_of,
            feedback=_feedback(facts),
            asked=_requests(unit, round_id, school),
            left_over=unresolved.lines(replace(facts, uncollected={}), context.now),
            roster_lines=rosters.lines(facts),
            roster_words=texts("board/rosters"),
            mapping=mappings.line(unit, school, lambda moment: formatting.when(moment, context.now)),
            mapping_words=texts("board/mappings"),
            history=_history(progress.transitions(unit, round_id, school)),
            dossiers=_dossiers(unit, round_id, school) if context.person.sees_dossiers else None,
        )


def _contact(
    unit: UnitOfWork,
    view: RoundView,
    school: str,
    keys_of: Callable[[str], BoardKeys | None],
    persons: Mapping[str, contacts.ContactPerson],
) -> SchoolContact | None:
    keys = keys_of(view.region)
    if keys is None:
        return None
    return SchoolContact(persons.get(school, contacts.ContactPerson()), log_of(unit, keys, view.round_id, school))


def _is_collecting(airflow: CollectingPort, view: RoundView, school: str, *, is_asked: bool, is_guest: bool) -> bool:
    """Tell whether Airflow collects from a school at this moment, or is about to after somebody asked for it."""
    run = airflow.run(view.dag_id)
    task = airflow.collect_task(run, school, is_guest=is_guest) if run else None
    # A task that was cleared has no state until the scheduler sees it; one that never ran has none either
    return task is not None and (task.state in _BUSY or (is_asked and task.state is None))


def row_of(context: PageContext, unit: UnitOfWork, view: RoundView, school: str) -> SupplierRow:
    """Return the row of a primary school in a round.

    Raises:
        PageNotFoundError: there is no such school.
    """
    return _row(context, unit, view, facts_of(unit, view, context.now, school), school)


def school_of_reference(context: PageContext, round_id: str, typed: str) -> str | None:
    """Return the school of the dossier with a reference; None without one, or when the account may not see dossiers."""
    if not typed:
        return None
    with context.round(round_id) as (unit, _):
        if unit is None or not context.person.sees_dossiers:
            return None
        found = find_by_reference(unit, typed, round_id)
        return found[0].school if found else None


def _row(context: PageContext, unit: UnitOfWork, view: RoundView, facts: RoundFacts, school: str) -> SupplierRow:
    rows = rows_of_facts(unit, view, facts, context.now)
    for row in rows:
        if row.school == school:
            return row
    raise PageNotFoundError(school)


def _faults(unit: UnitOfWork, view: RoundView, row: SupplierRow) -> list[FaultCount]:
    """Return the counts of findings, errors first and then the most frequent."""
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
    """Return a rule's severity, remedy and who applies it; a rule that is no longer known is an error."""
    try:
        sentence = rulebook.sentence(code)
        return rulebook.severity(code), sentence.do_nl if "…" not in sentence.do_nl else "", sentence.who
    except KeyError:
        return DossierSeverity.ERROR, "", "school"


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """Line of one notice to the school."""

    at: datetime
    says: str


def _notices(unit: UnitOfWork, round_id: str, school: str) -> list[NoticeLine]:
    """Return the notices by mail to the school, waiting ones included, the newest first."""
    kinds = texts("notices/kinds")
    words = texts("board/words")["told"]
    found = []
    for one in progress.notices_of_school(unit, round_id, school):
        title = kinds[one.kind]["title"]["nl"] if one.kind in kinds else one.kind
        how = "refused" if one.is_refused else "sent" if one.sent_at else "waiting"
        says = f"{title.format_map(_Facts(one.facts))} ({words[how]['nl']})"
        found.append(NoticeLine(one.sent_at or one.noted_at, says))
    return found


@dataclass(frozen=True, slots=True)
class ReceiverFeedback:
    """Results that one receiving school reported on this school's pupils after its receipts.

    Args:
        name: the receiving school.
        outcomes: Dutch word of each outcome, with its number.
    """

    name: str
    outcomes: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class RequestLine:
    """Line of a question or correction of parents, without its text.

    Args:
        pseudonym: reference of its dossier on the board.
        kind: its kind, Dutch.
        state: its state, Dutch.
        is_overdue: whether the school's deadline has passed.
        at: moment of the request.
        until: the school's deadline, or the moment at which it settled the request.
        is_open: whether the school has not settled it.
        number: number of the dossier's version concerned.
    """

    pseudonym: str
    kind: str
    state: str
    is_overdue: bool
    at: datetime
    until: datetime
    is_open: bool
    number: int


def _feedback(facts: RoundFacts) -> list[ReceiverFeedback]:
    words = texts("board/words")["outcomes"]
    found: dict[str, list[tuple[str, int]]] = {}
    for outcome in words:
        for _, to, what, count in facts.results:
            if what == outcome:
                found.setdefault(facts.names.get(to, to), []).append((words[outcome]["nl"], count))
    return [ReceiverFeedback(name, outcomes) for name, outcomes in sorted(found.items())]


def _requests(unit: UnitOfWork, round_id: str, school: str) -> list[RequestLine]:
    """Return the requests of parents and their state; the text is visible to school and family only."""
    words = texts("board/words")
    return [
        RequestLine(
            reference(one.dossier),
            words["asked"][one.kind]["nl"],
            words["asked_states"]["overdue" if one.is_overdue else one.state]["nl"],
            one.is_overdue,
            one.asked_at,
            one.settled_at or one.due_at,
            one.settled_at is None,
            one.number,
        )
        for one in outstanding.parent_requests(unit, round_id, school)
    ]


class _Facts(dict[str, object]):
    """Values of a sentence; a missing one leaves a gap, since the page must not fail on it."""

    def __missing__(self, name: str) -> str:
        return "…"


def _history(moves: Sequence[progress.StateTransition]) -> list[tuple[date, list[str]]]:
    """Return the transitions of each day in words, the newest day first."""
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
    """Return the school's dossiers by pseudonym, blocked ones first."""
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
