"""Unresolved items on a round's page: failed test messages, dossiers without a receiver, uncollected envelopes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from overstap.ledger.delivery.test_messages import SchoolResult
from overstap.ledger.rounds.registrations import NotedRows, by_cause
from overstap.pages.board.formatting import number, when
from overstap.pages.board.schools import RoundFacts
from overstap.texts import plural, texts


@dataclass(frozen=True, slots=True)
class TestLine:
    """Line of a school whose test failed.

    Args:
        school: BRIN with branch.
        name: its name.
        says: the cause, Dutch.
        contact: its contact address.
    """

    school: str
    name: str
    says: str
    contact: str


@dataclass(frozen=True, slots=True)
class TestSummary:
    """Results of test messages before a round.

    Args:
        passed: number of schools whose last test passed.
        untried: number of schools that were not tested.
        failed: the schools whose last test failed, by name.
    """

    passed: int
    untried: int
    failed: Sequence[TestLine]


@dataclass(frozen=True, slots=True)
class UnresolvedLine:
    """Line of an unresolved item.

    Args:
        kind: key of include/texts/board/left_over.yaml.
        tone: "bad", "mind" or "good".
        school: the primary school concerned; empty when it is a receiving school.
        name: that school's name.
        says: the sentence, Dutch.
        contact: name and address to call; empty for nobody.
    """

    kind: str
    tone: str
    school: str
    name: str
    says: str
    contact: str

    @property
    def is_of_list(self) -> bool:
        """Whether it is about a list that the region supplies, not about dossiers on their way."""
        return self.kind in _OF_LISTS


_OF_LISTS = frozenset({"many_unstated", "refused_registrations", "noted_registrations", "refused_lists", "noted_lists"})


def tests(facts: RoundFacts, sentence_of: Callable[[str], str]) -> TestSummary | None:
    """Return the results of test messages; None when none were sent.

    Args:
        facts: facts of the ledger.
        sentence_of: returns the Dutch sentence of an error code.
    """
    if not facts.tested:
        return None
    every = facts.tested.values()
    failed = [_failed(one, facts, sentence_of) for one in every if one.code is not None]
    passed = sum(one.has_passed for one in every)
    return TestSummary(passed, len(every) - passed - len(failed), failed)


def lines(facts: RoundFacts, now: datetime) -> list[UnresolvedLine]:
    """Return unresolved items: lists of the region, dossiers without a receiver, uncollected and undelivered envelopes.

    Args:
        facts: facts of the ledger.
        now: the present moment, aware.
    """
    return [
        *_registrations(facts),
        *_lists(facts),
        *_without_receiver(facts, now),
        *_uncollected(facts, now),
        *_reported_undelivered(facts, now),
    ]


def _failed(one: SchoolResult, facts: RoundFacts, sentence_of: Callable[[str], str]) -> TestLine:
    return TestLine(one.school, one.name, sentence_of(one.code or ""), facts.contacts.get(one.school, ""))


def _registrations(facts: RoundFacts) -> list[UnresolvedLine]:
    words = texts("board/left_over")
    name = words["registrations"]["nl"]
    found = []
    gone = facts.unstated
    if gone is not None and gone.missing:
        figures = {"standing": gone.in_force, "left": gone.in_force - gone.missing, "missing": gone.missing}
        says = words["many_unstated"]["nl"].format(**{key: number(value) for key, value in figures.items()})
        found.append(UnresolvedLine("many_unstated", "bad", "", name, says, ""))
    for error, lines in by_cause(facts.refused_registrations):
        also = words["also_lines"]["nl"].format(lines=", ".join(map(str, lines[1:]))) if len(lines) > 1 else ""
        says = " ".join(filter(None, (error.message_nl, also, error.do_nl)))
        found.append(UnresolvedLine("refused_registrations", "bad", "", name, says, ""))
    for one in facts.noted_registrations:
        says = " ".join((one.error.message_nl, _where(one.first, one.count), one.error.do_nl))
        found.append(UnresolvedLine("noted_registrations", "mind", "", name, says, ""))
    return found


def _lists(facts: RoundFacts) -> list[UnresolvedLine]:
    """Return a line per cause for which rows of test advices or places were refused, or are told of."""
    words = texts("board/left_over")
    several = {one.list for one in facts.refused_lists if one.file > 1}
    found = []
    for one in facts.refused_lists:
        name = words[one.list.value]["nl"]
        if one.school:
            name = words["messages"]["nl"].format(list=name, school=facts.names.get(one.school, one.school))
        elif one.list in several:
            name = words["file"]["nl"].format(list=name, number=one.file)
        error = one.error
        where = _where(one.lines, one.count) if one.lines and (one.count > 1 or one.is_note or one.school) else ""
        says = " ".join(filter(None, (error.message_nl, where, error.do_nl)))
        kind, tone = ("noted_lists", "mind") if one.is_note else ("refused_lists", "bad")
        found.append(UnresolvedLine(kind, tone, "", name, says, ""))
    return found


def _where(lines: Sequence[int], count: int) -> str:
    """Return on which lines it is, the first twenty of them, in brackets."""
    shown = lines[: NotedRows.FEW]
    key = "noted_more" if count > len(shown) else "noted_lines"
    return str(texts("board/left_over")[key]["nl"].format(lines=", ".join(map(str, shown)), count=number(count)))


def _without_receiver(facts: RoundFacts, now: datetime) -> list[UnresolvedLine]:
    return [
        _line(
            "owned" if one.owner else "of_nobody",
            "mind" if one.owner else "bad",
            facts,
            one.primary_school,
            contact="",
            count=one.count,
            since=when(one.since, now),
            owner=one.owner or "",
        )
        for one in facts.without_receiver
    ]


def _uncollected(facts: RoundFacts, now: datetime) -> list[UnresolvedLine]:
    return [
        _line(
            "expired" if one.is_expired else "uncollected",
            "bad" if one.is_due else "mind",
            facts,
            one.school,
            contact=facts.contacts.get(one.school, ""),
            count=one.count,
            since=when(one.since, now),
            is_receiver=True,
        )
        for one in facts.uncollected.values()
    ]


def _reported_undelivered(facts: RoundFacts, now: datetime) -> list[UnresolvedLine]:
    since = texts("board/words")["undelivered_since"]
    return [
        _line(
            "told",
            "bad" if one.is_open else "good",
            facts,
            one.primary_school,
            contact=facts.contacts.get(one.secondary_school, "") if one.is_open else "",
            count=one.count,
            receiver=facts.names.get(one.secondary_school, one.secondary_school),
            told=when(one.reported_at, now),
            stands=since[one.state]["nl"],
        )
        for one in facts.reported_undelivered
    ]


def _line(
    kind: str,
    tone: str,
    facts: RoundFacts,
    school: str,
    *,
    contact: str,
    count: int,
    is_receiver: bool = False,
    **values: str,
) -> UnresolvedLine:
    words = texts("board/left_over")[kind]["nl"][plural(count)]
    says = words.format(count=number(count), **values)
    return UnresolvedLine(kind, tone, "" if is_receiver else school, facts.names.get(school, school), says, contact)
