"""Mails to schools from outside the region: an invitation, with an address that serves once, and what changed since."""

from collections.abc import Callable, Sequence
from uuid import UUID

from overstap.agreements import Agreement, RoundId
from overstap.clock import format_moment
from overstap.ledger import guests
from overstap.ledger.guests import ChangedGuest, WaitingInvitation
from overstap.ledger.notifications import outbox
from overstap.ledger.notifications.outbox import Mail
from overstap.ledger.session import UnitOfWork
from overstap.notifications.coordinator_messages import author_of
from overstap.texts import texts, with_counts

KIND, CHANGE = "guest_invitation", "guest_change"
BY_SCHOOL = "school:"
"""Begin of who invited, when it was an account of a secondary school."""


def queue_invitations(unit: UnitOfWork, agreement_of: Callable[[str], Agreement], school_page: str) -> int:
    """Put the mails of waiting invitations in the outbox, and their addresses into use; return their number.

    Args:
        unit: the transaction.
        agreement_of: returns the agreement of a round, by its id.
        school_page: address of the schools' pages.
    """
    made = 0
    asks: dict[str, dict[UUID, list[tuple[str, int]]]] = {}
    for one in guests.waiting(unit):
        if one.round_id not in asks:
            asks[one.round_id] = guests.asked_by_receivers(unit, one.round_id)
        asking = [name for name, _ in asks[one.round_id].get(one.guest, ())]
        secret = guests.new_address(unit, one.guest)
        if secret is not None:
            address = f"{school_page.rstrip('/')}/uitnodiging/{secret}"
            made += outbox.queue(unit, [invitation_mail(agreement_of(one.round_id), one, address, asking)])
    return made


def queue_changes(unit: UnitOfWork, agreement_of: Callable[[str], Agreement], school_page: str) -> int:
    """Put the mails to guests whose list of pupils or dossiers changed after they made their account in the outbox.

    Args:
        unit: the transaction.
        agreement_of: returns the agreement of a round, by its id.
        school_page: address of the schools' pages.

    Returns:
        Their number.
    """
    made = 0
    for one in guests.changed(unit):
        if guests.note_told(unit, one):
            made += outbox.queue(unit, [change_mail(agreement_of(one.round_id), one, school_page)])
    return made


def change_mail(agreement: Agreement, one: ChangedGuest, school_page: str, *, language: str = "nl") -> Mail:
    """Return the mail that says that the list of pupils, or of dossiers to collect, changed; it names no pupil.

    Args:
        agreement: the agreement of the round.
        one: the guest.
        school_page: address of the schools' pages.
        language: "nl" or "en".
    """
    words = texts("notices/guest")
    author = author_of(agreement, agreement.coordinators[0].account)
    moments = agreement.round(RoundId(one.round_id).kind).milestones
    sort = "collect_" if one.collects else ""
    facts = {
        "school": one.name,
        "region": agreement.name,
        "name": author.name,
        "email": author.email,
        "address": school_page.rstrip("/"),
        "due": format_moment(moments.data_due),
        "delivers": format_moment(moments.delivers),
        **with_counts({"pupils": len(one.what.everybody), "dossiers": one.number}),
    }
    return Mail(
        meaning=f"guest_change/{one.guest}/{one.change}",
        kind=CHANGE,
        to=one.what.email,
        subject=words[f"{sort}change_subject"][language].format(**facts),
        text=words[f"{sort}change_text"][language].format(**facts),
        round_id=one.round_id,
        urgent=True,
        reply_to=(author.email,),
    )


def invitation_mail(
    agreement: Agreement, one: WaitingInvitation, address: str, asking: Sequence[str] = (), *, language: str = "nl"
) -> Mail:
    """Return the mail of an invitation. It names no pupil: a mail passes many servers.

    Args:
        agreement: the agreement of the round.
        one: the invitation.
        address: the address that serves once.
        asking: names of the secondary schools that asked for it; none: a coordinator did.
        language: "nl" or "en".
    """
    words = texts("notices/guest")
    first = agreement.coordinators[0].account
    author = author_of(agreement, first if one.invited_by.startswith(BY_SCHOOL) else one.invited_by)
    kind, sort = RoundId(one.round_id).kind, "collect_" if one.collects else ""
    facts = {
        "school": one.name,
        "round": kind.dutch if language == "nl" else kind.value.replace("_", " "),
        "year": agreement.school_year,
        "region": agreement.name,
        "name": author.name,
        "email": author.email,
        "address": address,
        "asked": words["asked"][language].format(schools=", ".join(asking)) if asking else "",
        "delivers": format_moment(agreement.round(kind).milestones.delivers),
        "due": format_moment(agreement.round(kind).milestones.data_due),
        **with_counts({"pupils": len(one.what.everybody), "dossiers": one.number}),
    }
    return Mail(
        meaning=f"guest/{one.guest}/{one.asked}",
        kind=KIND,
        to=one.what.email,
        subject=words[f"{sort}subject"][language].format(**facts),
        text=words[f"{sort}text"][language].format(**facts),
        round_id=one.round_id,
        urgent=True,
        reply_to=(author.email,),
    )
