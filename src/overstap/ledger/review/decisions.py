"""Parents' decisions on dossier versions, accepted while the review window is open by the database's clock."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.region_keys import EncryptedContent
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class ReviewDecision:
    """A decision on a pupil's dossier as a school states it.

    `pupil` is the LAS key or the pupil's number; it is not part of the representation.
    """

    pupil: str = field(repr=False)
    seen_on: date
    agreed: str
    view: str | None = field(repr=False)
    """The parents' view, which is delivered with the dossier."""
    person: str | None = None
    """Handle of the person who decided; None when the school records it for the family."""
    consent: str | None = None
    """`Ja`, `Nee` or `Onbekend` (code list 37); asked between secondary schools only."""
    note: str | None = field(repr=False, default=None)
    """Remark that is not delivered: why a school attests an inspection."""


@dataclass(frozen=True, slots=True)
class DecisionOutcomes:
    """Outcomes of a list of decisions, as positions in the list (from 0)."""

    recorded: tuple[int, ...]
    unknown: tuple[int, ...]
    not_open: tuple[int, ...]
    """Not released, or the window of that dossier has closed."""
    repeated: tuple[int, ...]
    """The same decision was recorded before."""
    ambiguous: tuple[int, ...]
    """The key matches more than one pupil of the school."""
    answered: tuple[int, ...]
    """The person decided with an own access code; only that person can replace that decision."""


# While the window is open and nothing is sealed a decision may be changed; the newest of each person counts.
_DECIDED = ("inspected", "no_receiver", "sealed", "confirmed", "refused", "undelivered")


def record(
    unit: UnitOfWork, round_id: str, primary_school: str, decisions: Sequence[ReviewDecision], *, ground: str
) -> DecisionOutcomes:
    """Record decisions that a school states, each while its dossier's review window is open. Idempotent.

    A decision that differs from all recorded before is recorded as the newest. One that was recorded before, such as
    in an older list that is supplied again, changes nothing. The database decides whether a decision is in time, at the
    moment of its row (trigger keep_window).

    Args:
        unit: the transaction.
        round_id: the round.
        primary_school: the pupils' school; pupils of another school are not found.
        decisions: the decisions, at most one per pupil.
        ground: a value of overstap.review_ground. "attested" is for the time after the window, where the region agreed
            on that.

    Returns:
        The positions in the list by outcome.
    """
    places: dict[bytes, int] = {}
    for place, decision in enumerate(decisions):
        places[unit.keys.lookup("las_key", f"{primary_school}\0{decision.pupil}")] = place
        places[unit.keys.lookup("pupil", decision.pupil)] = place
    found = unit.rows(
        "select d.dossier, d.version, d.state, d.las_key, d.pupil "
        "from overstap.dossier d where d.round_id = %(round)s and d.primary_school = %(school)s "
        "and (d.las_key = any(%(keys)b) or d.pupil = any(%(keys)b)) order by d.dossier for update",
        round=round_id,
        school=primary_school,
        keys=list(places),
    )
    meant = Counter(places[las_key if las_key in places else pupil] for *_, las_key, pupil in found)
    known = _recorded(unit, [row[0] for row in found if row[2] in _DECIDED])
    repeated: list[int] = []
    wanted: dict[VersionRef, int] = {}
    for dossier, number, _, las_key, pupil in found:
        place = places[las_key if las_key in places else pupil]
        decision = decisions[place]
        if meant[place] > 1:
            continue
        stated = (decision.seen_on, decision.agreed, decision.view or None, decision.person, decision.consent)
        if stated in known.get(VersionRef(dossier, number), ()):
            repeated.append(place)
        else:
            wanted[VersionRef(dossier, number)] = place
    taken = insert_decisions(unit, [(ref, decisions[place]) for ref, place in wanted.items()], ground=ground)
    recorded = [place for ref, place in wanted.items() if ref in taken]
    missed = {ref: place for ref, place in wanted.items() if ref not in taken}
    own = _answered(unit, [(ref, decisions[place].person) for ref, place in missed.items()])
    answered = [place for ref, place in missed.items() if ref in own]
    not_open = [place for ref, place in missed.items() if ref not in own]
    unknown = [place for place in range(len(decisions)) if place not in meant]
    ambiguous = [place for place, dossiers in meant.items() if dossiers > 1]
    return DecisionOutcomes(
        *(tuple(recorded), tuple(unknown), tuple(not_open), tuple(repeated), tuple(ambiguous), tuple(answered))
    )


def _answered(unit: UnitOfWork, wanted: Sequence[tuple[VersionRef, str | None]]) -> set[VersionRef]:
    """Return the current versions that the person decided on with an own code; without a person: all entitled ones."""
    return {
        VersionRef(dossier, number)
        for dossier, number in unit.rows(
            "select t.dossier, t.number from unnest(%(ids)b::uuid[], %(numbers)b::int[], %(persons)b::text[]) "
            "as t (dossier, number, person) join overstap.dossier d on d.dossier = t.dossier and d.version = t.number "
            "where d.state in ('in_review', 'inspected', 'no_receiver') and d.review_closes_at > overstap.clock() "
            "and overstap.answered_already(t.dossier, t.number, t.person)",
            ids=[ref.dossier for ref, _ in wanted],
            numbers=[ref.number for ref, _ in wanted],
            persons=[person for _, person in wanted],
        )
    }


def insert_decisions(
    unit: UnitOfWork, decisions: Sequence[tuple[VersionRef, ReviewDecision]], *, ground: str
) -> set[VersionRef]:
    """Write decisions on versions, each if it is in time by the database's clock at that moment.

    Args:
        unit: the transaction.
        decisions: pairs of version and decision; no version twice.
        ground: a value of overstap.review_ground.

    Returns:
        The versions whose decision is recorded; the others are no current versions, or their window is not open.
    """
    rows = []
    readable = _keys_of_persons(unit, [ref.dossier for ref, decision in decisions if decision.view and decision.person])
    for ref, decision in decisions:
        key = readable.get((ref.dossier, decision.person or ""))
        view = unit.keys.encrypt(decision.view.encode(), f"view/{ref.bound_to}", key) if decision.view else None
        note = unit.keys.encrypt(decision.note.encode(), f"note/{ref.bound_to}") if decision.note else None
        rows.append(
            (
                *(ref.dossier, ref.number, decision.seen_on, decision.agreed),
                *((view.key_id, view.data) if view else (None, None)),
                *(decision.person, decision.consent),
                *((note.key_id, note.data) if note else (None, None)),
            )
        )
    if not rows:
        return set()
    columns = [list(column) for column in zip(*rows, strict=True)]
    names = ("ids", "numbers", "days", "answers", "view_keys", "views", "persons", "consents", "note_keys", "notes")
    return {
        VersionRef(dossier, number)
        for dossier, number in unit.rows(
            """
            select dossier, number from overstap.record_decisions(
                   %(ground)s, %(ids)b::uuid[], %(numbers)b::int[], %(days)b::date[], %(answers)b::text[],
                   %(view_keys)b::text[], %(views)b::bytea[], %(persons)b::text[], %(consents)b::text[],
                   %(note_keys)b::text[], %(notes)b::bytea[])
            """,
            ground=ground,
            **dict(zip(names, columns, strict=True)),
        )
    }


def _keys_of_persons(unit: UnitOfWork, dossiers: Sequence[UUID]) -> dict[tuple[UUID, str], str]:
    """Return per dossier and person the key of their code, with which they can read what a school recorded for them."""
    if not dossiers:
        return {}
    return {
        (dossier, person): f"{key_id}~{access}"
        for dossier, person, key_id, access in unit.rows(
            "select dossier, person, held_key_id, access from overstap.review_access "
            "where dossier = any(%(ids)s) and ended_at is null",
            ids=list(dossiers),
        )
    }


DecisionValues = tuple[date, str, str | None, str | None, str | None]
"""Date, decision, view, person, consent."""


def _recorded(unit: UnitOfWork, dossiers: Sequence[UUID]) -> dict[VersionRef, set[DecisionValues]]:
    """Return every decision on the current versions of dossiers."""
    recorded: dict[VersionRef, set[DecisionValues]] = {}
    for dossier, number, seen_on, agreed, key_id, view, person, consent in unit.rows(
        "select r.dossier, r.number, r.seen_on, r.agreed, r.key_id, r.view, r.person, r.consent "
        "from overstap.review_decision r "
        "join overstap.dossier d on d.dossier = r.dossier and d.version = r.number where r.dossier = any(%(ids)b)",
        ids=list(dossiers),
    ):
        ref = VersionRef(dossier, number)
        plain = (
            unit.keys.decrypt(EncryptedContent(key_id, view), f"view/{ref.bound_to}").decode()
            if view is not None
            else None
        )
        recorded.setdefault(ref, set()).add((seen_on, agreed, plain, person, consent))
    return recorded


def carry(unit: UnitOfWork, before: VersionRef, after: VersionRef) -> int:
    """Carry the counting decisions on one version over to a later one, unchanged. Idempotent.

    Args:
        unit: the transaction.
        before: the version that was inspected.
        after: the current version, on which nobody has decided yet.

    Returns:
        1 when decisions were carried, 0 when the later version has decisions already or its window is not open.
    """
    unit.rows("select from overstap.dossier where dossier = %(dossier)s for update", dossier=after.dossier)
    if unit.rows(
        "select from overstap.review_decision where dossier = %(dossier)s and number = %(number)s limit 1",
        dossier=after.dossier,
        number=after.number,
    ):
        return 0
    # In their order, so that the newest decision of each person stays the newest
    counted = unit.rows(
        "select review_decision, key_id, view from overstap.counted_decision "
        "where dossier = %(dossier)s and number = %(number)s and (decides or travels) "
        "order by recorded_at, review_decision",
        dossier=before.dossier,
        number=before.number,
    )
    if not counted:
        return 0
    sealed: list[bytes | None] = []
    for _, key_id, view in counted:
        if view is None:
            sealed.append(None)
            continue
        # Bound to its version, and under the same key, so that its writer can still read it
        plain = unit.keys.decrypt(EncryptedContent(key_id, view), f"view/{before.bound_to}")
        sealed.append(unit.keys.encrypt(plain, f"view/{after.bound_to}", key_id).data)
    (carried,) = unit.one(
        "select overstap.carry_decisions(%(dossier)s, %(before)s, %(after)s, %(ids)s::uuid[], %(views)b::bytea[])",
        dossier=after.dossier,
        before=before.number,
        after=after.number,
        ids=[decision for decision, *_ in counted],
        views=sealed,
    )
    return int(carried > 0)


def deciders(unit: UnitOfWork, ref: VersionRef) -> frozenset[str]:
    """Return the handles of the persons who decided on a version themselves."""
    return frozenset(
        person
        for (person,) in unit.rows(
            "select distinct person from overstap.review_decision where dossier = %(dossier)s and number = %(number)s "
            "and person is not null",
            dossier=ref.dossier,
            number=ref.number,
        )
    )


@dataclass(frozen=True, slots=True)
class WindowState:
    """State of a round's review windows."""

    waiting: int
    """Dossiers with an entitled person who has not decided and still can."""
    closes_at: datetime | None
    """When the last of their windows closes; None when none waits."""


def window(unit: UnitOfWork, round_id: str) -> WindowState:
    """Return the number of dossiers that wait for a decision, and until when."""
    waiting, closes_at = unit.one(
        "select count(*), max(review_closes_at) from overstap.awaiting_family where round_id = %(round)s",
        round=round_id,
    )
    return WindowState(waiting, closes_at)


def lapse(unit: UnitOfWork, round_id: str) -> int:
    """Mark dossiers whose window closed without a decision as not inspected, so that they are not delivered.

    Returns:
        Number of dossiers.
    """
    return int(unit.one("select overstap.lapse_review(%(round)s)", round=round_id)[0])
