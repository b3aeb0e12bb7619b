"""Notices to coordinators and schools, once per meaning, and the mail in which each was sent."""

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
        about: what it is about within its kind, in ids: the same is told once.
        recipient: "coordinator:<account>" or "school:<BRIN and branch>".
        facts: what fills its sentences: counts, moments, names of schools. No pupil.
        round_id: the round, where it is about one.
        is_urgent: told at once, not in the day's digest.
    """

    kind: str
    about: str
    recipient: str
    facts: dict[str, Any]
    round_id: str | None = None
    is_urgent: bool = False

    @property
    def meaning(self) -> str:
        """What it says, in ids."""
        return "/".join(part for part in (self.kind, self.round_id, self.about) if part)


@dataclass(frozen=True, slots=True)
class WaitingNotice:
    """A notice that was not mailed yet."""

    notice: UUID
    told: Notice
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
        told = Notice(kind, about, recipient, facts, round_id, is_urgent)
        found.setdefault(recipient, []).append(WaitingNotice(notice, told, noted_at))
    return found


def counted(unit: UnitOfWork) -> Counter[str]:
    """Return the number of notices that were not mailed yet: "urgent", and "digest" for the others."""
    return Counter(
        dict(
            unit.rows(
                "select case when is_urgent then 'urgent' else 'digest' end, count(*) from overstap.notice "
                "where mail is null and dropped_at is null group by 1"
            )
        )
    )


def told_in(unit: UnitOfWork, found: Sequence[WaitingNotice], mail: str) -> None:
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


def forget(unit: UnitOfWork, meaning: str) -> None:
    """Record that a notice was settled before it was mailed, such as a question that was answered at once."""
    unit.run(
        "update overstap.notice set dropped_at = clock_timestamp() where meaning = %(meaning)s and mail is null "
        "and dropped_at is null",
        meaning=meaning,
    )


def last_mail(unit: UnitOfWork, prefix: str) -> datetime | None:
    """Return the moment of the newest mail whose meaning is some words and a moment (ISO 8601, UTC)."""
    found = unit.one(
        "select max(substr(meaning, length(%(prefix)s) + 1)) from overstap.mail where starts_with(meaning, %(prefix)s)",
        prefix=prefix,
    )[0]
    return datetime.fromisoformat(found) if found else None
