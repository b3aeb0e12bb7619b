"""Operations of the schools' pages for a receiving school that asks primary schools outside the region for dossiers."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from overstap.agreements import RoundId
from overstap.ledger import Ledger, guests
from overstap.ledger.accounts import SchoolAccount
from overstap.ledger.delivery import on_page
from overstap.ledger.guests import Applicants
from overstap.ledger.rounds import round_overview

_TRIES = 5


@dataclass(frozen=True, slots=True)
class OpenRound:
    """An open round of leavers in which the school receives."""

    round_id: str
    kind: str
    school_year: str


@dataclass(frozen=True, slots=True)
class InvitingPage:
    """What the page of a round shows.

    Args:
        is_open: whether the session showed a second factor; without it nothing is listed.
        round: the round.
        schools: the primary schools outside the region from which pupils applied with the school first.
    """

    is_open: bool
    round: OpenRound
    schools: Sequence[Applicants] = ()


class InvitingOperations:
    """Operations for the session's school.

    Args:
        borrow: lends a connection to the ledger.
    """

    def __init__(self, borrow: Callable[[], AbstractContextManager[Ledger]]) -> None:
        self._borrow = borrow

    def rounds(self, account: SchoolAccount) -> list[OpenRound]:
        """Return the open rounds of leavers in which the account's school receives, the newest first."""
        if account.only_round is not None:
            return []
        with self._borrow() as ledger, ledger.unit(account.region, account.actor) as unit:
            return [
                OpenRound(found, RoundId(found).kind.dutch, RoundId(found).school_year)
                for found in round_overview.receiving_leavers(unit, account.school)
            ]

    def page(self, account: SchoolAccount, session: bytes, round_id: str) -> InvitingPage | None:
        """Return what the page of a round shows; None when the school does not receive in it, or it is not open.

        Args:
            account: the account of the session.
            session: identifier of the session.
            round_id: the round.
        """
        known = next((one for one in self.rounds(account) if one.round_id == round_id), None)
        if known is None:
            return None
        with self._borrow() as ledger, ledger.unit(account.region, account.actor) as unit:
            if not on_page.is_open(unit, session):
                return InvitingPage(is_open=False, round=known)
            return InvitingPage(is_open=True, round=known, schools=guests.applicants(unit, round_id, account.school))

    def ask(
        self,
        account: SchoolAccount,
        session: bytes,
        round_id: str,
        school: str,
        *,
        name: str,
        email: str,
        pupils: Sequence[str],
    ) -> str:
        """Ask a primary school for pupils; result as of `guests.ask`, or "unknown" when none of its pupils applied.

        Args:
            account: the account of the session.
            session: identifier of the session.
            round_id: the round.
            school: BRIN and branch of the primary school.
            name: its name.
            email: address of somebody there.
            pupils: names of the pupils, each with birth date.
        """
        answer = "changed"
        for _ in range(_TRIES):  # another school can ask the same one at this moment
            with self._borrow() as ledger, ledger.unit(account.region, account.actor) as unit:
                known = {one.school: one for one in guests.applicants(unit, round_id, account.school)}.get(school)
                if known is None:
                    return "unknown"
                if known.state in guests.NEEDS_ADDRESS and not email:
                    return "email"
                answer = guests.ask(unit, session, round_id, known, name=name, email=email, pupils=pupils)
            if answer != "changed":
                break
        return answer

    def withdraw(self, account: SchoolAccount, session: bytes, round_id: str, school: str) -> str:
        """Withdraw what the school asked of a primary school; result as of `guests.unask`.

        Args:
            account: the account of the session.
            session: identifier of the session.
            round_id: the round.
            school: BRIN and branch of the primary school.
        """
        answer = "changed"
        for _ in range(_TRIES):  # another school can ask the same one at this moment
            with self._borrow() as ledger, ledger.unit(account.region, account.actor) as unit:
                known = {one.school: one for one in guests.applicants(unit, round_id, account.school)}.get(school)
                if known is None:
                    return "nothing"
                answer = guests.unask(unit, session, round_id, known)
            if answer != "changed":
                break
        return "nothing" if answer == "unknown" else answer
