"""Mails that invite primary schools from outside the region, each with an address that serves once, for three days."""

from collections.abc import Callable

from overstap.agreements import Agreement, RoundId
from overstap.clock import format_moment
from overstap.ledger import guests
from overstap.ledger.guests import WaitingInvitation
from overstap.ledger.notifications import outbox
from overstap.ledger.notifications.outbox import Mail
from overstap.ledger.session import UnitOfWork
from overstap.notifications.coordinator_messages import author_of
from overstap.texts import texts, with_counts

KIND = "guest_invitation"


def queue_invitations(unit: UnitOfWork, agreement_of: Callable[[str], Agreement], school_page: str) -> int:
    """Put the mails of waiting invitations in the outbox, and their addresses into use; return their number.

    Args:
        unit: the transaction.
        agreement_of: returns the agreement of a round, by its id.
        school_page: address of the schools' pages.
    """
    made = 0
    for one in guests.waiting(unit):
        secret = guests.new_address(unit, one.guest)
        if secret is not None:
            address = f"{school_page.rstrip('/')}/uitnodiging/{secret}"
            made += outbox.queue(unit, [invitation_mail(agreement_of(one.round_id), one, address)])
    return made


def invitation_mail(agreement: Agreement, one: WaitingInvitation, address: str, *, language: str = "nl") -> Mail:
    """Return the mail of an invitation. It names no pupil: a mail passes many servers.

    Args:
        agreement: the agreement of the round.
        one: the invitation.
        address: the address that serves once.
        language: "nl" or "en".
    """
    words = texts("notices/guest")
    author = author_of(agreement, one.invited_by)
    kind = RoundId(one.round_id).kind
    facts = {
        "school": one.name,
        "round": kind.dutch if language == "nl" else kind.value.replace("_", " "),
        "year": agreement.school_year,
        "region": agreement.name,
        "name": author.name,
        "email": author.email,
        "address": address,
        "due": format_moment(agreement.round(kind).milestones.data_due),
        **with_counts({"pupils": len(one.what.pupils)}),
    }
    return Mail(
        meaning=f"guest/{one.guest}/{one.asked}",
        kind=KIND,
        to=one.what.email,
        subject=words["subject"][language].format(**facts),
        text=words["text"][language].format(**facts),
        round_id=one.round_id,
        urgent=True,
        reply_to=(author.email,),
    )
