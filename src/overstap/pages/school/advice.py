"""Operations of the schools' pages on advice and test of the school's pupils."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date

from overstap.agreements.national import NationalYear, national_year
from overstap.clock import dutch_time, now
from overstap.ledger import Ledger
from overstap.ledger.accounts import SchoolAccount
from overstap.ledger.dossiers import records
from overstap.ledger.dossiers.current_versions import numbers_of
from overstap.ledger.dossiers.reference import reference
from overstap.ledger.rounds.rounds import get_round
from overstap.oso.facts import DossierFacts
from overstap.quality.advice_standing import AdviceStanding, standings


@dataclass(frozen=True, slots=True)
class AdviceLine:
    """A pupil of the school with advice and test.

    Args:
        name: the pupil's name.
        reference: the reference of the newest dossier.
        standing: advice and test.
        flags: what asks for attention, as `AdviceStanding.flags`.
    """

    name: str = field(repr=False)
    reference: str
    standing: AdviceStanding
    flags: frozenset[str]


@dataclass(frozen=True, slots=True)
class SchoolAdvices:
    """Advice and test of the school's pupils.

    Args:
        round_id: the round from which the page was opened.
        school_year: its school year.
        lines: the pupils, those that ask for attention first.
        national: the days of the calendar.
    """

    round_id: str
    school_year: str
    lines: list[AdviceLine]
    national: NationalYear

    @property
    def attention(self) -> int:
        """Number of pupils of whom something asks for attention."""
        return sum(bool(one.flags) for one in self.lines)


class AdviceOperations:
    """Operations of the page.

    Args:
        borrow: lends a connection to the ledger.
    """

    def __init__(self, borrow: Callable[[], AbstractContextManager[Ledger]]) -> None:
        self._borrow = borrow

    def advices(self, account: SchoolAccount, round_id: str) -> SchoolAdvices | None:
        """Return advice and test of the school's pupils; None in a round that is not of leavers.

        Raises:
            OverstapError: LEDGER-009 without such a round.
        """
        today: date = dutch_time(now()).date()
        with self._borrow() as ledger, ledger.unit(account.region, account.actor) as unit:
            found = get_round(unit, round_id)
            if not found.kind.is_of_leavers:
                return None
            known = standings(unit, found.school_year, account.school)
            refs = numbers_of(unit, [one.dossier for one in known])
            facts = records.of(unit, list(refs.values()), DossierFacts)
        national = national_year(found.school_year)
        lines = [
            AdviceLine(
                facts[refs[one.dossier]].name,
                reference(one.dossier),
                one,
                frozenset(flag for flag, _ in one.flags(national, today)),
            )
            for one in known
            if refs[one.dossier] in facts
        ]
        lines.sort(key=lambda line: (not line.flags, line.name, line.reference))
        return SchoolAdvices(round_id, found.school_year, lines, national)
