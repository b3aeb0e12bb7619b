"""Operations of the schools' pages on decisions of a partnership: recorded by the partnership, read by the school."""

import io
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID, uuid4

from overstap.clock import now
from overstap.ledger import Ledger, downloads
from overstap.ledger.accounts import SchoolAccount
from overstap.ledger.delivery import on_page
from overstap.ledger.dossiers import support_decisions
from overstap.ledger.dossiers.support_decisions import SupportDecision, SupportDossier, statement_of
from overstap.pages.school.line_names import line_names
from overstap.review.proof import ProofSigning

KIND = "overstap support decision"
"""What the field `kind` of a statement says; the key service signs no other text than this and proofs."""
NUMBER_LENGTH, REASON_LENGTH = 60, 1_000


@dataclass(frozen=True, slots=True)
class GivenDecision:
    """A decision as a partnership gives it; fields as of `SupportDecision`."""

    measure: str
    is_granted: bool
    number: str = field(repr=False, default="")
    first_day: date | None = field(repr=False, default=None)
    last_day: date | None = field(repr=False, default=None)
    category: str = field(repr=False, default="")
    reason: str = field(repr=False, default="")


@dataclass(frozen=True, slots=True)
class SupportLine:
    """A dossier on the page.

    Args:
        dossier: the dossier.
        sign: its reference.
        name: the pupil's name; empty for a partnership that has not confirmed the dossier.
        other: name of the other party.
        partnership: name of the partnership.
        decisions: the decisions, the newest first.
    """

    dossier: SupportDossier
    sign: str
    name: str = field(repr=False)
    other: str
    partnership: str
    decisions: list[SupportDecision] = field(repr=False)


@dataclass(frozen=True, slots=True)
class SupportPage:
    """What the page shows.

    Args:
        is_open: whether the session showed a second factor; without it nothing is listed.
        is_partnership: whether the account is a partnership's, which records decisions.
        lines: the dossiers, those without a decision first.
    """

    is_open: bool
    is_partnership: bool = False
    lines: list[SupportLine] = field(default_factory=list)

    @property
    def open(self) -> int:
        """Number of dossiers without a decision."""
        return sum(not one.decisions for one in self.lines)


class SupportOperations:
    """Operations of the page.

    Args:
        borrow: lends a connection to the ledger.
        signing: returns what signs as a region's conductor.
    """

    def __init__(
        self, borrow: Callable[[], AbstractContextManager[Ledger]], signing: Callable[[], ProofSigning]
    ) -> None:
        self._borrow = borrow
        self._signing = signing

    def page(self, account: SchoolAccount, session: bytes) -> SupportPage:
        """Return the dossiers of support rounds of the account's partnership or school."""
        with self._borrow() as ledger, ledger.unit(account.region, account.actor) as unit:
            if not on_page.is_open(unit, session):
                return SupportPage(is_open=False)
            found = support_decisions.at_school(unit, account.school)
            names = line_names(unit, account.school, found, lambda one: one.partnership)
            decided = support_decisions.of_dossiers(unit, [one.ref.dossier for one in found])
        is_partnership = any(one.partnership == account.school for one in found)
        lines = [
            SupportLine(one, said.sign, said.name, said.other, said.receiver, decided.get(one.ref.dossier, []))
            for one, said in zip(found, names, strict=True)
        ]
        lines.sort(key=lambda one: (bool(one.decisions), one.name or "~", one.sign))
        return SupportPage(True, is_partnership, lines)

    def decide(self, account: SchoolAccount, session: bytes, dossier: UUID, given: GivenDecision) -> str | None:
        """Sign and keep a decision; result as of `support_decisions.decide`.

        Raises:
            OverstapError: TRUST-nnn or KEYS-nnn when it cannot be signed; nothing is then kept.
        """
        with self._borrow() as ledger, ledger.unit(account.region, account.actor) as unit:
            if not on_page.is_open(unit, session):
                return None
            mine = support_decisions.at_school(unit, account.school)
            if not any(one.ref.dossier == dossier and one.partnership == account.school for one in mine):
                return "unknown"
            said: str | None = "changed"
            while said == "changed":  # somebody else of the partnership recorded one in between
                told = support_decisions.of_dossiers(unit, [dossier]).get(dossier, [])
                if told and given == _given(told[0]):
                    return "same"
                decision = uuid4()
                statement = _statement(account, decision, dossier, given)
                signature = self._signing()(account.region)(statement)
                said = support_decisions.decide(unit, session, decision, dossier, statement, signature, len(told))
            return said

    def signed(self, account: SchoolAccount, session: bytes, decision: UUID) -> bytes | None:
        """Return a decision as a signed file: a ZIP with the statement and its signature; None where there is none."""
        for line in self.page(account, session).lines:
            for one in line.decisions:
                if one.decision == decision:
                    with self._borrow() as ledger, ledger.unit(account.region, account.actor) as unit:
                        downloads.note(unit, "support_decision", account.region, [line.sign], to=account.school)
                    out = io.BytesIO()
                    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
                        package.writestr("besluit.json", one.statement)
                        package.writestr("besluit.json.p7s", one.signature)
                    return out.getvalue()
        return None


def _statement(account: SchoolAccount, decision: UUID, dossier: UUID, given: GivenDecision) -> bytes:
    """Return the statement of a decision, for signing."""
    facts = {
        "region": account.region,
        "decision": str(decision),
        "dossier": str(dossier),
        "partnership": account.school,
        "account": account.account,
        "recorded_at": now().isoformat(timespec="seconds"),
        "measure": given.measure,
        "is_granted": given.is_granted,
        "number": given.number,
        "first_day": given.first_day.isoformat() if given.first_day else "",
        "last_day": given.last_day.isoformat() if given.last_day else "",
        "category": given.category,
        "reason": given.reason,
    }
    return statement_of(KIND, facts)


def _given(told: SupportDecision) -> GivenDecision:
    """Return a decision as it was given."""
    return GivenDecision(
        *(told.measure, told.is_granted, told.number, told.first_day, told.last_day, told.category, told.reason)
    )
