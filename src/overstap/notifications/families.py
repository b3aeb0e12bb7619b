"""Mails to families: the invitation, what changed, the reminder, and what somebody else did in their name.

Nothing in them says whose dossier it is, at which school, or what is in it; and no code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from overstap.family_languages import languages
from overstap.ledger.notifications.outbox import Mail, queue
from overstap.ledger.session import UnitOfWork
from overstap.texts import texts


@dataclass(frozen=True, slots=True)
class FamilyMail:
    """What one person is told.

    Args:
        meaning: what it says to whom, in ids; the same meaning is mailed once.
        kind: which of the texts in include/texts/invitations/mail.yaml.
        to: the person's address.
        moments: the moments in the text, by name.
        not_before: waits until then; None: goes at the next chance.
    """

    meaning: str
    kind: str
    to: str = field(repr=False)
    moments: Mapping[str, datetime]
    not_before: datetime | None = None


def queue_for_families(unit: UnitOfWork, round_id: str, mails: Sequence[FamilyMail], *, address: str) -> int:
    """Compose mails to families and put them in the outbox, each once per meaning. Safe to repeat.

    Args:
        unit: the transaction.
        round_id: the round.
        mails: who is told what.
        address: of the parents' pages.

    Returns:
        How many were new.
    """
    return queue(unit, [compose_for_family(one, round_id, address=address) for one in mails])


def compose_for_family(mail: FamilyMail, round_id: str, *, address: str) -> Mail:
    """Return a mail in Dutch, with the same in English below; arguments as of `queue_for_families`."""
    words = texts("invitations/mail")[mail.kind]
    said = {
        language: words["text"][language].format(
            address=address, **{name: languages()[language].moment(moment) for name, moment in mail.moments.items()}
        )
        for language in ("nl", "en")
    }
    return Mail(
        meaning=mail.meaning,
        kind=mail.kind,
        round_id=round_id,
        to=mail.to,
        subject=words["subject"]["nl"],
        text=f"{said['nl']}\nEnglish\n\n{said['en']}",
        not_before=mail.not_before,
    )
