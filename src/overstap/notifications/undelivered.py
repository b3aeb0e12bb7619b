"""Report of undelivered dossiers to coordinators and senders, by mail, once when receipts were due."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby

from overstap.agreements import Agreement, RoundKind
from overstap.clock import format_moment
from overstap.errors import sentences
from overstap.ledger.delivery.non_delivery import Undelivered, mark_undelivered
from overstap.ledger.notifications.outbox import Mail, queue
from overstap.ledger.session import UnitOfWork
from overstap.texts import texts, with_counts


def report_undelivered(unit: UnitOfWork, agreement: Agreement, kind: RoundKind) -> list[Undelivered]:
    """Mark unsettled deliveries undelivered and queue the mails about them, in one transaction. Idempotent.

    Args:
        unit: the transaction, after `receipts_due`.
        agreement: the agreement of the round.
        kind: kind of the round.

    Returns:
        The newly reported dossiers.
    """
    round_id = agreement.round_id(kind)
    found = mark_undelivered(unit, round_id)
    queue(unit, undelivered_mails(agreement, kind, found))
    return found


def undelivered_mails(
    agreement: Agreement, kind: RoundKind, found: Sequence[Undelivered], *, language: str = "nl"
) -> list[Mail]:
    """Return the mails about undelivered dossiers, one per coordinator and per sending school, without pupils.

    Args:
        agreement: the agreement of the round.
        kind: kind of the round.
        found: the newly reported dossiers.
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
    facts = defaultdict(lambda: "-", school=receiver)
    why = "; ".join(
        sentences()[code][language].format_map(facts) if code else words["no_attempt"][language]
        for code in sorted(one.problems)
        if not code or code in sentences()
    )
    sender = agreement.school(one.primary_school).label
    return form[language].format(**with_counts({"count": one.count}), sender=sender, receiver=receiver, why=why or "-")
