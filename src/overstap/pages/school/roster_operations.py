"""Operations of the schools' pages on the school's roster."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from overstap.clock import now
from overstap.errors import OverstapError
from overstap.intake.rosters.collecting import take_file
from overstap.ledger import Ledger
from overstap.ledger.accounts import SchoolAccount
from overstap.ledger.rosters import matching, taking
from overstap.ledger.rosters.entries import RosterEntry, all_entries
from overstap.ledger.rosters.matching import IncompletePupil, ListCount, RosterList, RosterStatus
from overstap.ledger.rounds.rounds import get_round


@dataclass(frozen=True, slots=True)
class ListedLine:
    """A pupil on the school's roster, with what of them is missing in the round.

    Args:
        entry: the roster's entry.
        sign: pseudonym of the pupil on the board; empty when nothing is missing.
        list: list on which the pupil is; None when dossier and registration are there.
    """

    entry: RosterEntry
    sign: str
    list: RosterList | None


@dataclass(frozen=True, slots=True)
class SchoolRoster:
    """The school's roster, for one round.

    Args:
        round_id: the round.
        kind: its kind, Dutch.
        school_year: its school year.
        status: how the roster stands; None without one.
        lines: the pupils on it.
        asked: pupils whom somebody of the school took off and a later roster states again.
        off: the other pupils who were taken off.
        unlisted: registered pupils of the school who are not on it, by pseudonym.
        lists: number of pupils on each list, with who looks after it.
    """

    round_id: str
    kind: str
    school_year: str
    status: RosterStatus | None
    lines: list[ListedLine]
    asked: list[RosterEntry]
    off: list[RosterEntry]
    unlisted: list[IncompletePupil]
    lists: list[ListCount]

    @property
    def missing(self) -> list[RosterEntry]:
        """Pupils whom the newest roster does not state, and about whom the school has to decide."""
        return [one.entry for one in self.lines if one.entry.is_missing]


class RosterOperations:
    """Operations on the roster of the account's school.

    Args:
        ledger: lends a connection to the ledger.
    """

    def __init__(self, ledger: Callable[[], AbstractContextManager[Ledger]]) -> None:
        self._ledger = ledger

    def roster(self, account: SchoolAccount, round_id: str) -> SchoolRoster:
        """Return the roster of the account's school.

        Raises:
            OverstapError: LEDGER-009 without such a round; SCHOOL-004 in a round that is not of leavers.
        """
        with self._ledger() as ledger, ledger.unit(account.region, account.actor) as unit:
            found = get_round(unit, round_id)
            if not found.kind.is_of_leavers:
                raise OverstapError("SCHOOL-004")
            entries = all_entries(unit, found.school_year, account.school)
            listed = matching.listed(unit, round_id, account.school)
            by_entry = {one.entry: one for one in listed}
            lines = []
            for one in entries:
                if one.off_at is None:
                    what = by_entry.get(one.entry)
                    lines.append(ListedLine(one, what.sign if what else "", what.list if what else None))
            off = [one for one in entries if one.off_at is not None]
            return SchoolRoster(
                round_id=round_id,
                kind=found.kind.dutch,
                school_year=found.school_year,
                status=matching.statuses(unit, found.school_year, account.school).get(account.school),
                lines=lines,
                asked=[one for one in off if one.is_asked],
                off=[one for one in off if not one.is_asked],
                unlisted=[one for one in listed if one.list is RosterList.UNLISTED],
                lists=matching.list_counts(unit, round_id, account.school),
            )

    def entry(self, account: SchoolAccount, round_id: str, entry: UUID) -> tuple[SchoolRoster, RosterEntry]:
        """Return one pupil of the school's roster; raises as `roster`, and SCHOOL-004 without such a pupil."""
        found = self.roster(account, round_id)
        for one in [*(line.entry for line in found.lines), *found.asked, *found.off]:
            if one.entry == entry:
                return found, one
        raise OverstapError("SCHOOL-004")

    def upload(self, account: SchoolAccount, round_id: str, content: bytes, *, counts_now: bool) -> taking.Taken:
        """Take in a roster that the school uploads; raises as `roster` and `collecting.take_file`."""
        moment: datetime = now()
        school_year = self.roster(account, round_id).school_year
        with self._ledger() as ledger:
            return take_file(
                *(ledger, content),
                region=account.region,
                school_year=school_year,
                school=account.school,
                source="page",
                actor=account.actor,
                now=moment,
                moment=moment,
                counts_now=counts_now,
            )

    def settle_missing(self, account: SchoolAccount, round_id: str, *, have_left: bool) -> int:
        """Say whether the missing pupils have left; return their number; raises as `roster`."""
        with self._ledger() as ledger, ledger.unit(account.region, account.actor) as unit:
            found = get_round(unit, round_id)
            return taking.settle_missing(unit, found.school_year, account.school, have_left=have_left)

    def decide(self, account: SchoolAccount, round_id: str, entry: UUID, what: str) -> bool:
        """Decide about one pupil of the school's roster.

        Args:
            account: the account.
            round_id: the round.
            entry: key of the entry.
            what: `on`; `keep_off`; or a reason, with which the pupil is taken off.

        Returns:
            False when there is nothing to decide (any more).

        Raises:
            OverstapError: SCHOOL-004 when it is no pupil of the school; INTAKE-096 for another reason.
        """
        self.entry(account, round_id, entry)
        with self._ledger() as ledger, ledger.unit(account.region, account.actor) as unit:
            if what in ("on", "keep_off"):
                return taking.put_back(unit, account.school, entry, is_on=what == "on")
            return taking.take_off(unit, account.school, entry, what)
