"""Erasure after the agreed retention period, of content first and of identifying traces later.

The database decides what may be erased (include/schemas/ledger/code/12_retention.sql). Each group is a transaction with
its audit lines, so a kill leaves whole groups, and the next run continues. States, counts, digests, receipts and the
audit chain are kept.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from overstap.errors import OverstapError
from overstap.ledger.session import Ledger, UnitOfWork
from overstap.progress import Advance, unwatched

GROUP = 100
"""Dossiers per transaction whose content is erased."""
TRACES_GROUP = 500
"""Those whose traces are: small rows, and a line for each group over all registrations that are left in the year."""


@dataclass(frozen=True, slots=True)
class DueErasures:
    """Due erasures of one round, in numbers of dossiers.

    Args:
        round_id: the round.
        content: dossiers whose content is due.
        traces: dossiers whose traces are due.
        held: dossiers that are kept because of a hold.
        under_way: dossiers that are kept because an envelope or its revocation waits for an answer.
        days_left: days until the content of this round is due; None when the round is not closed, 0 when it is due.
    """

    round_id: str
    content: int
    traces: int
    held: int
    under_way: int
    days_left: int | None


def due(unit: UnitOfWork, *, content_days: int, traces_days: int) -> list[DueErasures]:
    """Return the due erasures of every round of the region, oldest first. Changes nothing.

    Args:
        unit: the transaction.
        content_days: days after a round's close that content is kept.
        traces_days: days after a round's close that traces are kept.
    """
    rows = unit.rows(
        """
        select o.round_id,
               count(*) filter (where t.erased_at is null and not t.is_held and not t.is_under_way
                                  and o.closed_at <= overstap.clock() - make_interval(days => %(content)s)),
               count(*) filter (where t.forgotten_at is null and not t.is_held and not t.is_under_way
                                  and o.closed_at <= overstap.clock() - make_interval(days => %(traces)s)),
               count(*) filter (where t.is_held and t.forgotten_at is null),
               count(*) filter (where t.is_under_way and t.erased_at is null),
               greatest(0, ceil(extract(epoch from o.closed_at + make_interval(days => %(content)s) - overstap.clock())
                                / 86400))::int
          from overstap.round o left join overstap.retention t on t.round_id = o.round_id
         group by o.round_id, o.closed_at, o.opened_at order by o.opened_at, o.round_id
        """,
        content=content_days,
        traces=traces_days,
    )
    return [DueErasures(*row) for row in rows]


def retain(
    ledger: Ledger,
    region: str,
    *,
    actor: str,
    content_days: int,
    traces_days: int,
    advance: Advance = unwatched,
) -> Counter[str]:
    """Erase due data in all rounds of a region. Idempotent; may be interrupted.

    Args:
        ledger: the ledger.
        region: region id.
        actor: step or account, recorded in audit lines.
        content_days: days after a round's close that content is kept, at least 30.
        traces_days: days after a round's close that traces are kept, not less.
        advance: is told of the erasures of each committed group.

    Returns:
        Counts: "content" and "traces" of dossiers, "of_rounds" for rows that belong to no dossier.
    """
    with ledger.unit(region, actor) as unit:
        rounds = due(unit, content_days=content_days, traces_days=traces_days)
    done: Counter[str] = Counter()
    for one in rounds:
        for step, days, are_any in (("content", content_days, one.content), ("traces", traces_days, one.traces)):
            done[step] += _in_groups(ledger, region, actor, one.round_id, step, days, advance) if are_any else 0
        done["of_rounds"] += _of_round(ledger, region, actor, one.round_id, content_days, traces_days)
    return done


def erase(ledger: Ledger, region: str, dossier: UUID, *, actor: str, reason: str) -> None:
    """Erase one dossier on request (AVG art. 17), content and traces at once. Idempotent.

    Args:
        ledger: the ledger.
        region: region id.
        dossier: id of the dossier.
        actor: account that decided it.
        reason: ground of the request, without a name.

    Raises:
        OverstapError: LEDGER-015 when it may not be erased: held, under way, in an open round, or missing; LEDGER-021
            when it waits for a second person.
    """
    with ledger.unit(region, actor) as unit:
        done = unit.one("select overstap.erase_asked(%(id)s, %(reason)s)", id=dossier, reason=reason)[0]
    if done is None:
        raise OverstapError("LEDGER-015", dossier=str(dossier))
    if done == "asked":
        raise OverstapError("LEDGER-021")


def erase_notes(ledger: Ledger, region: str, number: str, *, actor: str, reason: str) -> int:
    """Erase the notes of coordinators about one pupil on request (AVG art. 17); return how many there were. Idempotent.

    They need no dossier: notes about a pupil with one go with its content too (`erase`).

    Args:
        ledger: the ledger; it needs the region's keys.
        region: region id.
        number: BSN or onderwijsnummer of the pupil, which is hashed and kept nowhere.
        actor: account that decided it.
        reason: ground of the request, without a name.

    Raises:
        OverstapError: LEDGER-026 when a round of their school years, or a dossier of the pupil, is held.
    """
    with ledger.unit(region, actor) as unit:
        pupil = unit.keys.lookup("pupil", number)
        [erased] = unit.one("select overstap.erase_notes_asked(%(pupil)s, %(why)s)", pupil=pupil, why=reason)
    if erased is None:
        raise OverstapError("LEDGER-026")
    return int(erased)


def hold(unit: UnitOfWork, round_id: str, *, reason: str, dossier: UUID | None = None) -> UUID:
    """Exclude a round or one of its dossiers from erasure; return the hold's id.

    Args:
        unit: the transaction; its actor is recorded as the holder.
        round_id: the round.
        reason: reason of the hold, without a name.
        dossier: one dossier; None: all of the round.
    """
    [held] = unit.one(
        "select overstap.hold_back(%(round)s, %(dossier)s, %(reason)s)", round=round_id, dossier=dossier, reason=reason
    )
    return UUID(str(held))


def lift(unit: UnitOfWork, retention_hold: UUID) -> None:
    """End a hold.

    Raises:
        OverstapError: LEDGER-016 when there is no such hold, or it was lifted before.
    """
    lifted = unit.one("select overstap.lift_hold(%(id)s)", id=retention_hold)[0]
    if not lifted:
        raise OverstapError("LEDGER-016", hold=str(retention_hold))


def idle_keys(unit: UnitOfWork) -> list[str]:
    """Return the ids of content keys that encrypt nothing any more, without the newest.

    Destroying them makes erased content unreadable in backups too.
    """
    used: set[str] = {
        row[0].partition("~")[0]
        for row in unit.rows(
            "select key_id from overstap.dossier_version where content <> '' "
            "union select key_id from overstap.review_decision where view is not null "
            "union select note_key_id from overstap.review_decision where octet_length(note) > 0 "
            "union select key_id from overstap.review_request where text <> '' "
            "union select answer_key_id from overstap.review_request where octet_length(answer) > 0 "
            "union select held_key_id from overstap.review_access "
            "union select key_id from overstap.refused_input union select key_id from overstap.school_report "
            "union select key_id from overstap.mail where content is not null "
            "union select key_id from overstap.contact_person "
            "union select key_id from overstap.contact_call where content is not null "
            "union select key_id from overstap.contact_message where content is not null "
            "union select key_id from overstap.guest_school where content is not null "
            "union select key_id from overstap.comparison where secret is not null "
            "union select key_id from overstap.board_note where content is not null "
            "union select key_id from overstap.pupil_test union select key_id from overstap.pupil_progress "
            "union select key_id from overstap.handover where note is not null "
            "union select key_id from overstap.support_decision where content is not null "
            "union select key_id from overstap.dossier_record union select key_id from overstap.roster_pupil "
            "union select key_id from overstap.typed_step "
            "union select key_id from overstap.typed_file union select key_id from overstap.school_mapping "
            "union select key_id from overstap.delivery where key_id is not null and envelope <> '' "
            "union select key_id from overstap.typed_dossier where content <> '' "
            "union select * from overstap.factor_keys()"
        )
    }
    return sorted(unit.keys.ids - used - {unit.keys.newest})


def announce_keys(unit: UnitOfWork, keys: Sequence[str]) -> bool:
    """Write the audit lines of keys that are about to be destroyed; commit before destroying them.

    Returns:
        False when it waits for a second person: nothing may be destroyed yet.
    """
    return bool(unit.one("select overstap.announce_keys(%(keys)s)", keys=list(keys))[0])


_STEPS = {"content": "overstap.erase_content", "traces": "overstap.forget_traces"}
_GONE = {"content": "erased_at", "traces": "forgotten_at"}


def _in_groups(ledger: Ledger, region: str, actor: str, round_id: str, step: str, days: int, advance: Advance) -> int:
    """Erase a round's dossiers in the order of their ids; return how many. Each group begins behind the one before.

    What another run holds at this moment is left to it, or to the next run.
    """
    done = 0
    last = UUID(int=0)
    while True:
        with ledger.unit(region, actor) as unit:
            group = _group_after(unit, round_id, step, last, GROUP if step == "content" else TRACES_GROUP)
            if not group:
                return done
            last = group[-1]
            found = unit.one("select overstap.may_erase(%(ids)s, %(days)s, false)", ids=group, days=days)[0]
            if not found:  # held, or under way
                continue
            gone = unit.one(f"select {_STEPS[step]}(%(ids)s, %(days)s)", ids=found, days=days)[0]
            if gone != len(found):
                raise RuntimeError(f"{gone} of {len(found)} dossiers were erased: the others changed in between")
        done += len(found)
        advance(len(found))


def _group_after(unit: UnitOfWork, round_id: str, step: str, last: UUID, limit: int) -> list[UUID]:
    """Return the next dossiers of a round that have what a step erases, whether they may be erased or not.

    Beside nothing else: joined with what tells whether they may be, each group read all dossiers of the round.
    """
    return [
        row[0]
        for row in unit.rows(
            f"select dossier from overstap.dossier where round_id = %(round)s and dossier > %(last)s "  # noqa: S608
            f"and {_GONE[step]} is null order by dossier limit %(limit)s for update skip locked",
            round=round_id,
            last=last,
            limit=limit,
        )
    ]


def _of_round(ledger: Ledger, region: str, actor: str, round_id: str, content_days: int, traces_days: int) -> int:
    with ledger.unit(region, actor) as unit:
        gone = 0
        for days, with_traces in ((content_days, False), (traces_days, True)):
            gone += int(
                unit.one(
                    "select overstap.erase_of_round(%(round)s, %(days)s, %(traces)s)",
                    round=round_id,
                    days=days,
                    traces=with_traces,
                )[0]
            )
    return gone
