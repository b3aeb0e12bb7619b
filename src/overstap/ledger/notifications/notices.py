"""Notices to coordinators and schools, each recorded once per meaning, and the mail that told each."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice to a coordinator or school.

    Args:
        kind: key of its sentences in include/texts/notices/kinds.yaml.
        about: its subject within the kind, in ids; part of the meaning, so that it is mailed once.
        recipient: "coordinator:<account>" or "school:<BRIN and branch>".
        facts: values for its sentences: counts, moments, names of schools; no pupil.
        round_id: the round that it is about; None: of the whole region.
        is_urgent: mailed at once, not in the day's digest.
    """

    kind: str
    about: str
    recipient: str
    facts: dict[str, Any]
    round_id: str | None = None
    is_urgent: bool = False

    @property
    def meaning(self) -> str:
        """Idempotency key: kind, round and subject."""
        return "/".join(part for part in (self.kind, self.round_id, self.about) if part)


@dataclass(frozen=True, slots=True)
class WaitingNotice:
    """A notice that was not mailed yet."""

    notice: UUID
    content: Notice
    noted_at: datetime


def note(unit: UnitOfWork, found: Sequence[Notice]) -> int:
    """Record notices, once per meaning and recipient; return the number of new ones. Idempotent."""
    return sum(
        unit.run(
            "insert into overstap.notice (region, round_id, meaning, kind, recipient, facts, is_urgent) values "
            "(%(region)s, %(round)s, %(meaning)s, %(kind)s, %(recipient)s, %(facts)s::jsonb, %(urgent)s) "
            "on conflict (region, meaning, recipient) do nothing",
            region=unit.region,
            round=one.round_id,
            meaning=one.meaning,
            kind=one.kind,
            recipient=one.recipient,
            facts=json.dumps({"about": one.about, **one.facts}, ensure_ascii=False),
            urgent=one.is_urgent,
        )
        for one in found
    )


def waiting(unit: UnitOfWork) -> dict[str, list[WaitingNotice]]:
    """Return the notices that were not mailed yet, by recipient, the oldest first."""
    found: dict[str, list[WaitingNotice]] = {}
    for notice, kind, recipient, facts, round_id, is_urgent, noted_at in unit.rows(
        "select notice, kind, recipient, facts, round_id, is_urgent, noted_at from overstap.notice "
        "where mail is null and dropped_at is null order by noted_at, notice for update"
    ):
        about = facts.pop("about")
        content = Notice(kind, about, recipient, facts, round_id, is_urgent)
        found.setdefault(recipient, []).append(WaitingNotice(notice, content, noted_at))
    return found


def counts(unit: UnitOfWork) -> Counter[str]:
    """Return the number of notices that were not mailed yet: "urgent", and "digest" for the others."""
    return Counter(
        dict(
            unit.rows(
                "select case when is_urgent then 'urgent' else 'digest' end, count(*) from overstap.notice "
                "where mail is null and dropped_at is null group by 1"
            )
        )
    )


def note_mail(unit: UnitOfWork, found: Sequence[WaitingNotice], mail: str) -> None:
    """Record the mail in which notices were sent."""
    unit.run(
        "update overstap.notice set mail = %(mail)s where notice = any(%(ids)s)",
        mail=mail,
        ids=[one.notice for one in found],
    )


def drop(unit: UnitOfWork, found: Sequence[WaitingNotice]) -> None:
    """Record that notices no longer applied before they were mailed."""
    unit.run(
        "update overstap.notice set dropped_at = clock_timestamp() where notice = any(%(ids)s)",
        ids=[one.notice for one in found],
    )


def drop_settled(unit: UnitOfWork, meaning: str) -> None:
    """Drop a notice that was settled before it was mailed, such as that of a gate that was answered at once."""
    unit.run(
        "update overstap.notice set dropped_at = clock_timestamp() where meaning = %(meaning)s and mail is null "
        "and dropped_at is null",
        meaning=meaning,
    )


def last_mail(unit: UnitOfWork, prefix: str) -> datetime | None:
    """Return the moment of the newest mail whose meaning is a prefix and a moment (ISO 8601, UTC)."""
    found = unit.one(
        "select max(substr(meaning, length(%(prefix)s) + 1)) from overstap.mail where starts_with(meaning, %(prefix)s)",
        prefix=prefix,
    )[0]
    return datetime.fromisoformat(found) if found else None
