"""Advice and test of pupils side by side: what is there, what is due, and which dossier has an advice of before.

Advices are read from the records of dossiers, as they were collected, and tests from what sources stated; both are
encrypted. The lists that follow are kept by keyed hash, for the board, which has no key.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from overstap.agreements import RoundId, RoundKind
from overstap.agreements.national import NationalYear, national_year
from overstap.ledger.dossiers import advice_flags, pupil_tests, records
from overstap.ledger.dossiers.advice_flags import AdviceFlag
from overstap.ledger.dossiers.pupil_tests import PupilTest
from overstap.ledger.session import UnitOfWork
from overstap.oso.advice_order import AdviceLevel, level_of_code, level_of_text, levels
from overstap.oso.facts import AdviceFacts, ContactFacts

_MADE = "1"
"""Goes up when the lists are made otherwise of the same dossiers, so that all are made anew."""


@dataclass(frozen=True, slots=True)
class _Stated:
    """What a dossier says."""

    dossier: UUID
    kind: RoundKind
    stored_at: datetime
    facts: AdviceFacts
    asks_for_contact: bool

    @property
    def is_provisional(self) -> bool:
        return self.facts.is_provisional or self.kind is RoundKind.PRE_REGISTRATION

    @property
    def counts(self) -> str:
        """Code of the advice that counts: the revised one where there is one."""
        return self.facts.revised or self.facts.advice


@dataclass(frozen=True, slots=True)
class AdviceStanding:
    """Advice and test of one pupil.

    Args:
        pupil: keyed hash of the pupil's number.
        primary_school: BRIN and branch.
        dossier: the newest dossier of the pupil.
        provisional: the provisional advice; None without one.
        definitive: the definitive advice; None without one.
        revised: the revised advice; None without one.
        tested: the advice of the test; None without one.
        no_test: why there is no test: "prevented", "exempt" or "other"; empty when there is one, or nothing is known.
        reconsideration: "due", "raised" or "motivated"; empty when none is due.
        older: dossiers with another advice than the newest.
        contact: dossiers that ask the next school to talk with the sending one.
    """

    pupil: bytes = field(repr=False)
    primary_school: str
    dossier: UUID
    provisional: AdviceLevel | None = field(repr=False)
    definitive: AdviceLevel | None = field(repr=False)
    revised: AdviceLevel | None = field(repr=False)
    tested: AdviceLevel | None = field(repr=False)
    no_test: str
    reconsideration: str
    older: tuple[UUID, ...]
    contact: tuple[UUID, ...] = ()

    def flags(self, national: NationalYear, today: date) -> Iterator[tuple[str, UUID | None]]:
        """Yield what asks for attention on a day, with the dossier that it is of; None: of the pupil.

        Args:
            national: the national school year, with the days by which something is there.
            today: the Dutch day.
        """
        statutory = national.statutory
        has_advice = self.definitive is not None or self.revised is not None
        if today > statutory.definitive_advice.last and not has_advice:
            yield "no_definitive", None
        if today > statutory.provisional_advice.last and not has_advice and self.provisional is None:
            yield "no_provisional", None
        if today > statutory.test_results.last and self.tested is None and not self.no_test:
            yield "no_test", None
        if self.reconsideration == "due":
            yield "reconsider", None
        for dossier in self.older:
            yield "older_advice", dossier


def standings(
    unit: UnitOfWork, school_year: str, school: str | None = None, pupils: Sequence[bytes] | None = None
) -> list[AdviceStanding]:
    """Return advice and test of each pupil with a dossier in a round of leavers of a school year.

    A record of before advices were kept in it says nothing, until the school supplies the dossier anew. A damaged one
    is left out; `overstap ledger check` names it.

    Args:
        unit: the transaction, with the region's keys.
        school_year: school year, such as "2026-2027".
        school: of this primary school only.
        pupils: keyed hashes of the pupils; None: of all.
    """
    tests = {one.pupil: one for one in pupil_tests.known(unit, school_year, school, pupils)}
    found: dict[tuple[bytes, str], list[_Stated]] = defaultdict(list)
    for one in records.of_leavers(unit, school_year, school, pupils):
        facts, contact = AdviceFacts.from_record(one.record), ContactFacts.from_record(one.record)
        stated = _Stated(
            one.ref.dossier, RoundId(one.round_id).kind, one.stored_at, facts, asks_for_contact=contact.is_wanted
        )
        found[one.pupil, one.primary_school].append(stated)
    return [_standing(pupil, of, said, tests.get(pupil)) for (pupil, of), said in found.items()]


def _standing(pupil: bytes, school: str, said: Sequence[_Stated], test: PupilTest | None) -> AdviceStanding:
    """Return the standing of one pupil from what the dossiers say, oldest first, and from a source's statement."""
    provisional = definitive = revised = tested = None
    is_motivated, no_test = False, ""
    for one in said:
        level = level_of_code(one.facts.advice)
        if level is not None and one.is_provisional:
            provisional = level
        elif level is not None:
            definitive = level
        revised = level_of_code(one.facts.revised) or revised
        is_motivated = is_motivated or one.facts.is_motivated
        tested = level_of_text(one.facts.test_advice) or tested
        if one.facts.is_exempt:
            no_test = "exempt"
        elif one.facts.took_test is False:
            no_test = "other"
    if test is not None:
        tested, no_test = levels().get(test.level) or tested, test.reason or no_test
    given = definitive or provisional
    outcome = ""
    if tested is not None and given is not None and tested.rank > given.rank:
        # A higher test advice raises the advice, or the school motivates why not (DOMAIN 4.1)
        is_raised = revised is not None and revised.rank > given.rank
        outcome = "raised" if is_raised else "motivated" if is_motivated else "due"
    with_advice = [one for one in said if one.facts.is_known and one.counts]
    newest = with_advice[-1] if with_advice else None
    older = tuple(one.dossier for one in with_advice if newest is not None and one.counts != newest.counts)
    return AdviceStanding(
        *(pupil, school, said[-1].dossier, provisional, definitive, revised, tested),
        no_test=no_test if tested is None else "",
        reconsideration=outcome,
        older=older,
        contact=tuple(one.dossier for one in said if one.asks_for_contact),
    )


def update(unit: UnitOfWork, school_year: str, today: date) -> int:
    """Make the lists of a school year anew for pupils of whom something changed; return how many those are. Idempotent.

    Only records and tests of those pupils are opened: the others say what they said. When a day of the calendar is
    past since, all are.

    Args:
        unit: the transaction, with the region's keys.
        school_year: school year.
        today: the Dutch day.
    """
    national = national_year(school_year)
    statutory = national.statutory
    days = (statutory.definitive_advice.last, statutory.provisional_advice.last, statutory.test_results.last)
    made_of = f"{_MADE} {' '.join(f'{day}{today > day:d}' for day in days)}"
    found = advice_flags.changed(unit, school_year, made_of)
    if not found:
        return 0
    known = standings(unit, school_year, pupils=[one.pupil for one in found])
    wanted = {(one.pupil, one.primary_school) for one in found}
    flags = [
        AdviceFlag(one.pupil, one.primary_school, flag, dossier)
        for one in known
        if (one.pupil, one.primary_school) in wanted
        for flag, dossier in (*one.flags(national, today), *(("contact", dossier) for dossier in one.contact))
    ]
    advice_flags.replace_flags(unit, school_year, found, flags)
    return len(found)
