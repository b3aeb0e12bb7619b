"""Open matters on a round's page: test messages, dossiers without owner, uncollected envelopes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from overstap.ledger.delivery.test_messages import SchoolResult
from overstap.ledger.rounds.registrations import by_cause
from overstap.pages.board.formatting import number, when
from overstap.pages.board.schools import Facts
from overstap.texts import plural, texts


@dataclass(frozen=True, slots=True)
class TestLine:
    """A school whose test did not go well.

    Args:
        school: BRIN with branch.
        name: its name.
        says: why, in Dutch.
        contact: where it is reached.
    """

    school: str
    name: str
    says: str
    contact: str


@dataclass(frozen=True, slots=True)
class Tests:
    """How test messages went before a round.

    Args:
        passed: schools whose last test went well.
        untried: schools that were not tried.
        failed: the others, by name.
    """

    passed: int
    untried: int
    failed: Sequence[TestLine]


@dataclass(frozen=True, slots=True)
class UnresolvedLine:
    """Something left over, in a sentence.

    Args:
        kind: key of include/texts/board/left_over.yaml.
        tone: "bad", "mind" or "good".
        school: the primary school that it is about; empty when it is about a receiving school.
        name: that school's name.
        says: the sentence, Dutch.
        contact: whom to call; empty for nobody.
    """

    kind: str
    tone: str
    school: str
    name: str
    says: str
    contact: str


def tests(facts: Facts, sentence_of: Callable[[str], str]) -> Tests | None:
    """Return how test messages went; None when none were sent.

    Args:
        facts: what the ledger says.
        sentence_of: gives the Dutch sentence of an error code.
    """
    if not facts.tested:
        return None
    every = facts.tested.values()
    failed = [_failed(one, facts, sentence_of) for one in every if one.code is not None]
    passed = sum(one.has_passed for one in every)
    return Tests(passed, len(every) - passed - len(failed), failed)


def lines(facts: Facts, now: datetime) -> list[UnresolvedLine]:
    """Return what is left over: of registrations, of nobody, what lies uncollected, then what was told undelivered.

    Args:
        facts: what the ledger says.
        now: the present moment, aware.
    """
    return [*_registrations(facts), *_ownerless(facts, now), *_uncollected(facts, now), *_told(facts, now)]


def _failed(one: SchoolResult, facts: Facts, sentence_of: Callable[[str], str]) -> TestLine:
    return TestLine(one.school, one.name, sentence_of(one.code or ""), facts.contacts.get(one.school, ""))


def _registrations(facts: Facts) -> list[UnresolvedLine]:
    words = texts("board/left_over")
    name = words["registrations"]["nl"]
    found = []
    gone = facts.unstated
    if gone is not None and gone.missing:
        figures = {"standing": gone.standing, "left": gone.standing - gone.missing, "missing": gone.missing}
        says = words["many_unstated"]["nl"].format(**{key: number(value) for key, value in figures.items()})
        found.append(UnresolvedLine("many_unstated", "bad", "", name, says, ""))
    for error, lines in by_cause(facts.refused_registrations):
        also = words["also_lines"]["nl"].format(lines=", ".join(map(str, lines[1:]))) if len(lines) > 1 else ""
        says = " ".join(filter(None, (error.message_nl, also, error.do_nl)))
        found.append(UnresolvedLine("refused_registrations", "bad", "", name, says, ""))
    return found


def _ownerless(facts: Facts, now: datetime) -> list[UnresolvedLine]:
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
        for one in facts.ownerless
    ]


def _uncollected(facts: Facts, now: datetime) -> list[UnresolvedLine]:
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


def _told(facts: Facts, now: datetime) -> list[UnresolvedLine]:
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
            told=when(one.told_at, now),
            stands=since[one.state]["nl"],
        )
        for one in facts.told
    ]


def _line(
    kind: str,
    tone: str,
    facts: Facts,
    school: str,
    *,
    contact: str,
    count: int,
    is_receiver: bool = False,
    **said: str,
) -> UnresolvedLine:
    words = texts("board/left_over")[kind]["nl"][plural(count)]
    says = words.format(count=number(count), **said)
    return UnresolvedLine(kind, tone, "" if is_receiver else school, facts.names.get(school, school), says, contact)
