"""Mails to families: invitations, renewed invitations, reminders, and alerts about their code or decision.

They contain no name of the pupil or school, no content of the dossier, and no code.
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
    """A mail to one person of a family.

    Args:
        meaning: idempotency key, in ids; the same meaning is mailed once.
        kind: key of its text in include/texts/invitations/mail.yaml.
        to: the person's address.
        moments: moments in the text, by name.
        not_before: earliest moment of sending; None: at the next run.
    """

    meaning: str
    kind: str
    to: str = field(repr=False)
    moments: Mapping[str, datetime]
    not_before: datetime | None = None


def queue_for_families(unit: UnitOfWork, round_id: str, mails: Sequence[FamilyMail], *, address: str) -> int:
    """Compose mails to families and put them in the outbox, each once per meaning. Idempotent.

    Args:
        unit: the transaction.
        round_id: the round.
        mails: the mails.
        address: address of the parents' pages.

    Returns:
        Number of new mails.
    """
    return queue(unit, [compose_for_family(one, round_id, address=address) for one in mails])


def compose_for_family(mail: FamilyMail, round_id: str, *, address: str) -> Mail:
    """Return a mail in Dutch with an English translation below; arguments as of `queue_for_families`."""
    words = texts("invitations/mail")[mail.kind]
    plain = {
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
        text=f"{plain['nl']}\nEnglish\n\n{plain['en']}",
        not_before=mail.not_before,
    )
