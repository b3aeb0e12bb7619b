"""Mails of the messages that coordinators write on the board to schools; answers go to that coordinator."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from overstap.agreements import Agreement
from overstap.ledger import contacts
from overstap.ledger.contacts import BOARD, WaitingMessage, mail_meaning
from overstap.ledger.notifications import outbox
from overstap.ledger.notifications.outbox import Mail
from overstap.ledger.session import UnitOfWork
from overstap.notifications.message import is_address
from overstap.texts import texts

KIND = "coordinator_message"


@dataclass(frozen=True, slots=True)
class MessageAuthor:
    """The coordinator who wrote a message."""

    name: str
    email: str = field(repr=False)
    region: str
    """The region's name."""


def author_of(agreement: Agreement, account: str) -> MessageAuthor:
    """Return the author of an account. One that the agreement no longer names gets no replies: its first one does."""
    for one in agreement.coordinators:
        if one.account == account:
            return MessageAuthor(one.name, one.email, agreement.name)
    return MessageAuthor(account, agreement.coordinators[0].email, agreement.name)


def message_text(sender: MessageAuthor, to: str, text: str, *, language: str = "nl") -> str:
    """Return the mail's text: greeting, the coordinator's words, and who wrote it.

    Args:
        sender: the coordinator.
        to: name of the school or school board.
        text: the coordinator's words; never read as a template.
        language: "nl" or "en".
    """
    words = texts("notices/message")
    hello = words["hello"][language].format(name=to)
    signed = words["signed"][language].format(name=sender.name, region=sender.region, email=sender.email)
    return f"{hello}\n\n{text}\n\n{signed}\n"


def queue_messages(unit: UnitOfWork, agreement_of: Callable[[str], Agreement]) -> int:
    """Put the mails of waiting messages in the outbox, once each; return their number.

    Args:
        unit: the transaction.
        agreement_of: returns the agreement of a round, by its id.
    """
    made = 0
    for message in contacts.waiting_messages(unit):
        mails, unreachable = mails_of(unit, agreement_of(message.round_id), message)
        made += outbox.queue(unit, mails)
        contacts.note_queued(unit, message.message, unreachable)
    return made


def mails_of(unit: UnitOfWork, agreement: Agreement, message: WaitingMessage) -> tuple[Sequence[Mail], Sequence[str]]:
    """Return a message's mails, and the parties that have no valid address."""
    sender = author_of(agreement, message.by)
    schools = {school.id: school for school in agreement.schools}
    mails, unreachable = [], []
    for party in message.parties:
        if party in schools:
            name, address = schools[party].name, schools[party].contact
        else:
            kept = contacts.persons(unit, unit.keys, party).get(party)
            name, address = party.removeprefix(BOARD), kept.email if kept else ""
        if not is_address(address):
            unreachable.append(party)
            continue
        mails.append(
            Mail(
                meaning=mail_meaning(message.message, party),
                kind=KIND,
                to=address,
                subject=message.subject,
                text=message_text(sender, name, message.text),
                round_id=message.round_id,
                urgent=True,
                reply_to=(sender.email,),
            )
        )
    return mails, unreachable
