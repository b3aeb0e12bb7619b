"""Warm handover: what the sending and the receiving school of a delivered dossier say about talking it over.

A function of the database keeps it, by the session of an account with a second factor
(include/schemas/ledger/code/29_handovers.sql). A note is encrypted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid4

from overstap.errors import OverstapError
from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.region_keys import EncryptedContent
from overstap.ledger.session import UnitOfWork


class HandoverState(StrEnum):
    """What was said last."""

    PROPOSED = "proposed"
    AGREED = "agreed"
    DONE = "done"
    NOT_DONE = "not_done"


@dataclass(frozen=True, slots=True)
class Handover:
    """What was said last of a dossier between two schools.

    Args:
        handover: its id.
        state: the state.
        moments: the proposed moments, or the one that was agreed.
        said_by_school: BRIN and branch of the school that said it.
        said_at: when.
        note: a note; empty without one.
    """

    handover: UUID
    state: HandoverState
    moments: tuple[datetime, ...]
    said_by_school: str
    said_at: datetime
    note: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class HandoverPupil:
    """A dossier at a receiving school.

    Args:
        ref: the version that the school was sent.
        round_id: the round.
        primary_school: BRIN and branch of the sending school.
        secondary_school: BRIN and branch of the receiving school.
        is_confirmed: whether the receiving school has it.
        is_wanted: whether the dossier asks for contact.
        handover: what was said last; None: nothing yet.
    """

    ref: VersionRef
    round_id: str
    primary_school: str
    secondary_school: str
    is_confirmed: bool
    is_wanted: bool
    handover: Handover | None

    @property
    def is_open(self) -> bool:
        """Whether it is not said that they talked, or that they do not."""
        return self.handover is None or self.handover.state in (HandoverState.PROPOSED, HandoverState.AGREED)


def at_school(unit: UnitOfWork, school: str, *, only_asked: bool = True) -> list[HandoverPupil]:
    """Return the dossiers of the newest school year that a school sent or received.

    Args:
        unit: the transaction; it needs keys where a note is kept.
        school: BRIN and branch of the sending or receiving school.
        only_asked: only those that ask for contact, or of which something was said.
    """
    found = []
    for row in unit.rows(
        """
        select distinct on (l.dossier, l.secondary_school) l.dossier, l.number, l.round_id, d.primary_school,
               l.secondary_school, l.state = 'confirmed', f.dossier is not null,
               h.handover, h.state, h.moments, h.said_by_school, h.said_at, h.key_id, h.note
          from overstap.delivery l
          join overstap.dossier d on d.dossier = l.dossier and d.state <> 'withdrawn' and d.erased_at is null
          join overstap.round o on o.round_id = l.round_id and overstap.is_of_leavers(o.kind)
          left join (select distinct dossier from overstap.advice_flag where flag = 'contact') f
            on f.dossier = l.dossier
          left join overstap.current_handover h on h.dossier = l.dossier and h.secondary_school = l.secondary_school
         where %(school)s in (l.secondary_school, d.primary_school)
           and (l.state = 'confirmed' or l.state = 'sealed' and l.attempts > 0)
           and not exists (select from overstap.envelope_withdrawal w where w.message_id = l.message_id)
           and o.school_year = (select max(x.school_year) from overstap.round x)
           and (not %(asked)s or f.dossier is not null or h.handover is not null)
         order by l.dossier, l.secondary_school, l.number desc
        """,
        school=school,
        asked=only_asked,
    ):
        handover = None
        if row[7] is not None:
            handover = Handover(row[7], HandoverState(row[8]), tuple(row[9]), row[10], row[11], _note(unit, row))
        ref, is_confirmed, is_wanted = VersionRef(row[0], row[1]), row[5], row[6]
        found.append(HandoverPupil(ref, row[2], row[3], row[4], is_confirmed, is_wanted, handover))
    return found


def _note(unit: UnitOfWork, row: Sequence[object]) -> str:
    key_id, note = row[12], row[13]
    if not isinstance(note, bytes) or not isinstance(key_id, str):
        return ""
    return unit.keys.decrypt(EncryptedContent(key_id, note), f"handover/{row[7]}").decode()


def say(
    unit: UnitOfWork,
    session: bytes,
    dossier: UUID,
    secondary_school: str,
    state: HandoverState,
    *,
    moments: Sequence[datetime] = (),
    note: str = "",
) -> str | None:
    """Keep what the session's school says.

    Args:
        unit: the transaction.
        session: identifier of the session.
        dossier: the dossier.
        secondary_school: BRIN and branch of the school that was sent it.
        state: what is said.
        moments: proposed moments, or the one that is agreed; aware.
        note: a note; it is encrypted.

    Returns:
        "kept"; "unknown" without such a dossier between the two; "changed" when the moments are not proposed by the
        other school (any more); None without a second factor.

    Raises:
        OverstapError: SCHOOL-004 where the database refuses the moments.
    """
    import psycopg

    made = uuid4()
    sealed = unit.keys.encrypt(note.encode(), f"handover/{made}") if note else None
    try:
        said: str | None = unit.one(
            "select overstap.say_handover(%(stay)s, %(id)s, %(dossier)s, %(at)s, %(state)s, "
            "%(moments)s::timestamptz[], %(key)s, %(note)s)",
            stay=session,
            id=made,
            dossier=dossier,
            at=secondary_school,
            state=state.value,
            moments=list(moments),
            key=sealed.key_id if sealed else None,
            note=sealed.data if sealed else None,
        )[0]
    except psycopg.errors.CheckViolation as problem:
        raise OverstapError("SCHOOL-004") from problem
    return said
