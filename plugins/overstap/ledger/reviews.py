"""What parents decided in the review window. The database's clock says whether a decision was in time."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from overstap.ledger.audit import AuditLine
from overstap.ledger.door import Unit
from overstap.ledger.dossiers import VersionRef
from overstap.ledger.secrets import Sealed


@dataclass(frozen=True, slots=True)
class Decision:
    """One pupil's inspection as a school recorded it. `pupil` is the LAS key or the pupil's number; it never shows."""

    pupil: str = field(repr=False)
    seen_on: date
    agreed: str
    view: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a list of decisions, by place in the list (from 0)."""

    recorded: tuple[int, ...]
    unknown: tuple[int, ...]
    not_open: tuple[int, ...]
    """Not released, or the window of that dossier has closed."""
    repeated: tuple[int, ...]
    """The same decision stands there already."""
    ambiguous: tuple[int, ...]
    """The key stands for more than one pupil of the school: nobody's decision."""


# Until it is sealed, a decision may be changed while the window is open: the newest goes along.
_CHANGEABLE = ("inspected", "no_receiver")
_DECIDED = (*_CHANGEABLE, "sealed", "confirmed", "refused", "undelivered")


def record(unit: Unit, round_id: str, primary_school: str, decisions: Sequence[Decision], *, ground: str) -> Recorded:
    """Record decisions that a school states, each only while its dossier's window is open. Safe to repeat.

    Parents who change their mind in time are heard: a decision that differs from all recorded before is recorded as the
    newest. One that was recorded before, an older list supplied again, changes nothing.

    Args:
        unit: the transaction.
        round_id: the round.
        primary_school: whose pupils they are; another school's are not found.
        decisions: what the school states, at most one per pupil.
        ground: "school_list" or "school_single".

    Returns:
        The places in the list by what became of them.
    """
    places: dict[bytes, int] = {}
    for place, decision in enumerate(decisions):
        places[unit.keys.lookup("las_key", f"{primary_school}\0{decision.pupil}")] = place
        places[unit.keys.lookup("pupil", decision.pupil)] = place
    found = unit.rows(
        "select d.dossier, d.version, d.state, d.las_key, d.pupil, d.review_closes_at > clock_timestamp() "
        "from overstap.dossier d where d.round_id = %(round)s and d.primary_school = %(school)s "
        "and (d.las_key = any(%(keys)s) or d.pupil = any(%(keys)s)) order by d.dossier for update",
        round=round_id,
        school=primary_school,
        keys=list(places),
    )
    meant = Counter(places[las_key if las_key in places else pupil] for *_, las_key, pupil, _ in found)
    standing = _standing(unit, [row[0] for row in found if row[2] in _DECIDED])
    recorded: list[int] = []
    repeated: list[int] = []
    not_open: list[int] = []
    rows: list[tuple[int, UUID, int]] = []
    for dossier, number, state, las_key, pupil, is_in_time in found:
        place = places[las_key if las_key in places else pupil]
        decision = decisions[place]
        if meant[place] > 1:
            continue
        if (decision.seen_on, decision.agreed, decision.view or None) in standing.get(VersionRef(dossier, number), ()):
            repeated.append(place)
        elif is_in_time and state in ("in_review", *_CHANGEABLE):
            rows.append((place, dossier, number))
            recorded.append(place)
        else:
            not_open.append(place)
    unit.audit(
        "review.record",
        *(
            AuditLine(f"{dossier}/{number}", {"agreed": decisions[place].agreed, "ground": ground})
            for place, dossier, number in rows
        ),
    )
    inserted = []
    for place, dossier, number in rows:
        decision = decisions[place]
        view = unit.keys.encrypt(decision.view.encode(), f"view/{dossier}/{number}") if decision.view else None
        inserted.append(
            (
                unit.region,
                dossier,
                number,
                decision.seen_on,
                decision.agreed,
                view.key_id if view else None,
                view.data if view else None,
                unit.actor,
                ground,
            )
        )
    columns = {"region": "text", "dossier": "uuid", "number": "int4", "seen_on": "date", "agreed": "text"}
    columns |= {"key_id": "text", "view": "bytea", "recorded_by": "text", "ground": "text"}
    unit.insert("review_decision", columns, inserted)
    unit.run(
        "update overstap.dossier set state = 'inspected' where dossier = any(%(ids)s) and state = 'in_review'",
        ids=[dossier for _, dossier, _ in rows],
    )
    unknown = [place for place in range(len(decisions)) if place not in meant]
    ambiguous = [place for place, dossiers in meant.items() if dossiers > 1]
    return Recorded(tuple(recorded), tuple(unknown), tuple(not_open), tuple(repeated), tuple(ambiguous))


def _standing(unit: Unit, dossiers: Sequence[UUID]) -> dict[VersionRef, set[tuple[date, str, str | None]]]:
    """Return every decision on the current versions of dossiers: date, answer, view."""
    standing: dict[VersionRef, set[tuple[date, str, str | None]]] = {}
    for dossier, number, seen_on, agreed, key_id, view in unit.rows(
        "select r.dossier, r.number, r.seen_on, r.agreed, r.key_id, r.view from overstap.review_decision r "
        "join overstap.dossier d on d.dossier = r.dossier and d.version = r.number where r.dossier = any(%(ids)s)",
        ids=list(dossiers),
    ):
        ref = VersionRef(dossier, number)
        plain = unit.keys.decrypt(Sealed(key_id, view), f"view/{ref.bound_to}").decode() if view is not None else None
        standing.setdefault(ref, set()).add((seen_on, agreed, plain))
    return standing


@dataclass(frozen=True, slots=True)
class WindowState:
    """How far a round's review is."""

    waiting: int
    """Dossiers whose parents have not decided and still can."""
    closes_at: datetime | None
    """When the last of those closes; none when nobody is waited for."""


def window(unit: Unit, round_id: str) -> WindowState:
    """Return how many dossiers are still waited for, and until when."""
    waiting, closes_at = unit.one(
        "select count(*), max(review_closes_at) from overstap.dossier where round_id = %(round)s "
        "and state = 'in_review' and review_closes_at > clock_timestamp()",
        round=round_id,
    )
    return WindowState(waiting, closes_at)


def lapse(unit: Unit, round_id: str) -> int:
    """End the review of those whose window has closed without a decision: they are not delivered.

    Returns:
        How many.
    """
    lapsed = unit.rows(
        "update overstap.dossier set state = 'not_inspected' where round_id = %(round)s and state = 'in_review' "
        "and review_closes_at <= clock_timestamp() returning dossier, version",
        round=round_id,
    )
    unit.audit("review.lapse", *(AuditLine(f"{dossier}/{number}") for dossier, number in lapsed))
    return len(lapsed)
