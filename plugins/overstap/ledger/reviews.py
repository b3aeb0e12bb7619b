"""What parents decided in the review window. The database's clock says whether a decision was in time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from overstap.ledger.audit import AuditLine
from overstap.ledger.door import Unit


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


def record(unit: Unit, round_id: str, primary_school: str, decisions: Sequence[Decision], *, ground: str) -> Recorded:
    """Record decisions that a school states, each only while its dossier's window is open. Safe to repeat.

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
        "select d.dossier, d.version, d.state, d.las_key, d.pupil, d.state = 'in_review' "
        "and d.review_closes_at > clock_timestamp() from overstap.dossier d "
        "where d.round_id = %(round)s and d.primary_school = %(school)s "
        "and (d.las_key = any(%(keys)s) or d.pupil = any(%(keys)s)) for update",
        round=round_id,
        school=primary_school,
        keys=list(places),
    )
    recorded: list[int] = []
    repeated: list[int] = []
    not_open: list[int] = []
    rows: list[tuple[int, UUID, int]] = []
    for dossier, number, state, las_key, pupil, is_open in found:
        place = places[las_key if las_key in places else pupil]
        if is_open:
            rows.append((place, dossier, number))
            recorded.append(place)
        elif state not in ("supplied", "accepted", "rejected", "in_review", "not_inspected"):
            repeated.append(place)
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
        "update overstap.dossier set state = 'inspected' where dossier = any(%(ids)s)",
        ids=[dossier for _, dossier, _ in rows],
    )
    matched = {*recorded, *repeated, *not_open}
    unknown = [place for place in range(len(decisions)) if place not in matched]
    return Recorded(tuple(recorded), tuple(unknown), tuple(not_open), tuple(repeated))


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
