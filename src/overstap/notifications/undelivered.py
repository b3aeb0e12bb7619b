"""Telling coordinator and sender of undelivered dossiers when receipts were due, once."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby

from overstap.agreements import Agreement, RoundKind
from overstap.clock import format_moment
from overstap.errors import sentences
from overstap.ledger.delivery.non_delivery import Undelivered, give_up
from overstap.ledger.notifications.outbox import Mail, queue
from overstap.ledger.session import UnitOfWork
from overstap.texts import texts, with_counts


def tell_undelivered(unit: UnitOfWork, agreement: Agreement, kind: RoundKind) -> list[Undelivered]:
    """Mark what is unsettled undelivered and queue its mails, in one transaction. Safe to repeat; call it when due.

    Args:
        unit: the transaction.
        agreement: the agreement that the round started with.
        kind: which round.

    Returns:
        What was told now.
    """
    round_id = agreement.round_id(kind)
    found = give_up(unit, round_id)
    queue(unit, mails(agreement, kind, found))
    return found


def mails(agreement: Agreement, kind: RoundKind, found: Sequence[Undelivered], *, language: str = "nl") -> list[Mail]:
    """Return the mails that say so: one per coordinator, one per sending school. Counts and schools, no pupils.

    Args:
        agreement: the agreement that holds for the round.
        kind: which round.
        found: what was told undelivered now.
        language: "nl" or "en".
    """
    if not found:
        return []
    words = texts("delivery/non_delivery")
    round_id = agreement.round_id(kind)
    facts = {
        "region": agreement.name,
        "round": kind.dutch,
        "due": format_moment(agreement.round(kind).milestones.receipts_due),
    }
    total = sum(one.count for one in found)
    lines = "\n".join(_line(agreement, one, words["coordinator"]["line"], words, language) for one in found)
    made = [
        Mail(
            meaning=f"non_delivery/{round_id}/coordinator/{person.account}",
            kind="non_delivery",
            round_id=round_id,
            to=person.email,
            subject=words["coordinator"]["subject"][language].format(**with_counts({"count": total}), **facts),
            text=words["coordinator"]["text"][language].format(
                name=person.name, lines=lines, **with_counts({"count": total}), **facts
            ),
            urgent=True,
        )
        for person in agreement.coordinators
    ]
    for sender, group in groupby(sorted(found, key=lambda one: one.primary_school), lambda one: one.primary_school):
        mine = list(group)
        school = agreement.school(sender)
        count = sum(one.count for one in mine)
        lines = "\n".join(_line(agreement, one, words["sender"]["line"], words, language) for one in mine)
        text = words["sender"]["text"][language]
        made.append(
            Mail(
                meaning=f"non_delivery/{round_id}/sender/{sender}",
                kind="non_delivery",
                round_id=round_id,
                to=school.contact,
                subject=words["sender"]["subject"][language].format(**with_counts({"count": count})),
                text=text.format(sender=school.label, lines=lines, **with_counts({"count": count}), **facts),
                reply_to=tuple(person.email for person in agreement.coordinators),
            )
        )
    return made


def _line(
    agreement: Agreement, one: Undelivered, form: dict[str, str], words: dict[str, dict[str, str]], language: str
) -> str:
    receiver = agreement.school(one.secondary_school).label
    said = defaultdict(lambda: "-", school=receiver)
    why = "; ".join(
        sentences()[code][language].format_map(said) if code else words["no_attempt"][language]
        for code in sorted(one.problems)
        if not code or code in sentences()
    )
    sender = agreement.school(one.primary_school).label
    return form[language].format(**with_counts({"count": one.count}), sender=sender, receiver=receiver, why=why or "-")
