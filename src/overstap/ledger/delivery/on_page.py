"""Dossiers that a receiving school collects and confirms on the schools' pages.

Collecting, confirming and removing are functions of the database that take the session: they act for its account and
its school only, and only after a second factor (include/schemas/ledger/code/24_collected_on_page.sql).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.region_keys import EncryptedContent
from overstap.ledger.session import UnitOfWork


def bound_to_page(message_id: UUID) -> str:
    """Return what the encryption of a dossier for a page is bound to."""
    return f"page/{message_id}"


@dataclass(frozen=True, slots=True)
class PageDelivery:
    """A dossier on a school's page.

    Args:
        round_id: the round.
        message_id: id of the delivery.
        ref: the version.
        offered_at: when it was put ready.
        confirmed_at: when it was confirmed; None: not yet.
        confirmed_by: the account that confirmed it.
        collected: when somebody of the school collected it, and by which account, oldest first.
    """

    round_id: str
    message_id: UUID
    ref: VersionRef
    offered_at: datetime
    confirmed_at: datetime | None
    confirmed_by: str | None
    collected: tuple[tuple[datetime, str], ...]


@dataclass(frozen=True, slots=True)
class RevokedOnPage:
    """A dossier that the school collected and that was taken back since.

    Args:
        message_id: id of the delivery.
        ref: the version.
        decided_at: when it was taken back.
    """

    message_id: UUID
    ref: VersionRef
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class CollectedPackage:
    """A package that was collected, encrypted with a key of the region."""

    message_id: UUID
    ref: VersionRef
    content: EncryptedContent = field(repr=False)

    @property
    def bound_to(self) -> str:
        """What its encryption is bound to."""
        return bound_to_page(self.message_id)


def receives(unit: UnitOfWork, school: str) -> bool:
    """Tell whether a school of the region is no primary school, so that it may receive."""
    found = unit.one(
        "select exists (select from overstap.school where school = %(school)s and kind <> 'PO')", school=school
    )
    return bool(found[0])


def senders(unit: UnitOfWork, dossiers: Sequence[UUID]) -> dict[UUID, str]:
    """Return the name of the school that supplied each dossier."""
    return dict(
        unit.rows(
            "select d.dossier, s.name from overstap.dossier d join overstap.school s "
            "on s.region = d.region and s.school = d.primary_school where d.dossier = any(%(ids)s)",
            ids=list(dossiers),
        )
    )


def size(unit: UnitOfWork, secondary_school: str, message_ids: Sequence[UUID]) -> int:
    """Return the bytes of a school's packages."""
    found = unit.one(
        "select coalesce(sum(octet_length(envelope)), 0) from overstap.delivery "
        "where message_id = any(%(ids)s) and secondary_school = %(school)s and key_id is not null",
        ids=list(message_ids),
        school=secondary_school,
    )
    return int(found[0])


def ready(unit: UnitOfWork, secondary_school: str) -> list[PageDelivery]:
    """Return the dossiers on a school's page, of all rounds."""
    return [
        PageDelivery(
            round_id,
            message_id,
            VersionRef(dossier, number),
            offered_at,
            confirmed_at,
            by,
            tuple(zip(moments, accounts, strict=True)),
        )
        for round_id, message_id, dossier, number, offered_at, confirmed_at, by, moments, accounts in unit.rows(
            """
            select p.round_id, p.message_id, p.dossier, p.number, p.offered_at, f.confirmed_at, f.account,
                   array(select c.collected_at from overstap.page_collection c where c.message_id = p.message_id
                          order by c.collected_at, c.page_collection),
                   array(select c.account from overstap.page_collection c where c.message_id = p.message_id
                          order by c.collected_at, c.page_collection)
              from overstap.on_page p left join overstap.page_confirmation f using (message_id)
             where p.secondary_school = %(school)s order by p.round_id desc, p.message_id
            """,
            school=secondary_school,
        )
    ]


def revoked(unit: UnitOfWork, secondary_school: str) -> list[RevokedOnPage]:
    """Return the collected dossiers that were taken back and of which the school has not said that they are removed."""
    return [
        RevokedOnPage(message_id, VersionRef(dossier, number), decided_at)
        for message_id, dossier, number, decided_at in unit.rows(
            """
            select l.message_id, l.dossier, l.number, coalesce(e.decided_at, w.decided_at)
              from overstap.delivery l
              join overstap.revocation r using (message_id)
              left join overstap.withdrawal w on w.dossier = l.dossier
              left join overstap.envelope_withdrawal e on e.message_id = l.message_id
             where l.secondary_school = %(school)s and l.key_id is not null and r.state = 'open'
             order by 4, l.message_id
            """,
            school=secondary_school,
        )
    ]


def is_open(unit: UnitOfWork, session: bytes) -> bool:
    """Tell whether a session showed a second factor.

    Args:
        unit: the transaction, in the region of the session's account.
        session: identifier of the session (SHA-256, 32 bytes).
    """
    return bool(unit.one("select overstap.page_is_open(%(stay)s)", stay=session)[0])


def collect(unit: UnitOfWork, session: bytes, message_ids: Sequence[UUID], form: str) -> list[CollectedPackage]:
    """Return packages, each with its record and audit line; commit before anything is shown.

    Args:
        unit: the transaction, in the region of the session's account.
        session: identifier of the session.
        message_ids: ids of deliveries; those of other schools, and those that are not on the page, are left out.
        form: "xml", "pdf", "both" or "sheet".
    """
    return [
        CollectedPackage(message_id, VersionRef(dossier, number), EncryptedContent(key_id, content))
        for message_id, dossier, number, key_id, content in unit.rows(
            "select message_id, dossier, number, key_id, content "
            "from overstap.page_collect(%(stay)s, %(ids)s::uuid[], %(form)s)",
            stay=session,
            ids=list(message_ids),
            form=form,
        )
    ]


def confirm(unit: UnitOfWork, session: bytes, message_ids: Sequence[UUID]) -> int | None:
    """Confirm what was collected; return how many were confirmed now, None without a second factor.

    Args:
        unit: the transaction, in the region of the session's account.
        session: identifier of the session.
        message_ids: ids of deliveries; those that were not collected, or were confirmed before, are left out.
    """
    found: int | None = unit.one(
        "select overstap.page_confirm(%(stay)s, %(ids)s::uuid[])", stay=session, ids=list(message_ids)
    )[0]
    return found


def say_removed(unit: UnitOfWork, session: bytes, message_ids: Sequence[UUID]) -> int | None:
    """Record that the school removed dossiers that were taken back; arguments and result as of `confirm`."""
    found: int | None = unit.one(
        "select overstap.page_removed(%(stay)s, %(ids)s::uuid[])", stay=session, ids=list(message_ids)
    )[0]
    return found


def say_result(unit: UnitOfWork, session: bytes, message_ids: Sequence[UUID], outcome: str) -> int | None:
    """Keep what a school says later of confirmed dossiers; return how many were said now, None without a factor.

    Args:
        unit: the transaction, in the region of the session's account.
        session: identifier of the session.
        message_ids: ids of deliveries; those that are not confirmed, or were said before, are left out.
        outcome: "imported", "placed", "not_placed" or "not_shown_up".
    """
    found: int | None = unit.one(
        "select overstap.page_say(%(stay)s, %(ids)s::uuid[], %(said)s)",
        stay=session,
        ids=list(message_ids),
        said=outcome,
    )[0]
    return found


def said_results(unit: UnitOfWork, message_ids: Sequence[UUID]) -> dict[UUID, list[str]]:
    """Return the present results of deliveries, that of reading in first."""
    found: dict[UUID, list[str]] = {}
    for message_id, outcome in unit.rows(
        "select message_id, outcome from overstap.current_result where message_id = any(%(ids)s) order by kind",
        ids=list(message_ids),
    ):
        found.setdefault(message_id, []).append(outcome)
    return found


def confirmed_by_account(unit: UnitOfWork, round_id: str | None = None) -> dict[str, int]:
    """Return the number of deliveries that were confirmed by account, per receiving school.

    Args:
        unit: the transaction.
        round_id: of this round only; None: of all rounds.
    """
    return dict(
        unit.rows(
            "select l.secondary_school, count(*) from overstap.page_confirmation p "
            "join overstap.delivery l using (message_id) "
            "where %(round)s::text is null or l.round_id = %(round)s group by 1",
            round=round_id,
        )
    )
