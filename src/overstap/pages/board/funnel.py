"""Funnel of a round: the number of dossiers that reached each stage, its change since yesterday, and its history."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from overstap.ledger.rounds.progress import StateTransition


class FunnelLayer(StrEnum):
    """Layers of the funnel, the widest first."""

    EXPECTED = "expected"
    SUPPLIED = "supplied"
    ACCEPTED = "accepted"
    INSPECTED = "inspected"
    DELIVERED = "delivered"
    CONFIRMED = "confirmed"


CONFIRMED = frozenset({"confirmed"})
DELIVERED = CONFIRMED | {"sealed", "refused", "undelivered"}
INSPECTED = DELIVERED | {"inspected", "no_receiver"}
ACCEPTED = INSPECTED | {"accepted", "in_review", "not_inspected"}
SUPPLIED = ACCEPTED | {"supplied", "rejected"}
GONE = frozenset({"withdrawn"})
"""States of a dossier that no longer belongs to the round: withdrawn, and not expected either."""
REACHED: Mapping[FunnelLayer, frozenset[str]] = {
    FunnelLayer.SUPPLIED: SUPPLIED,
    FunnelLayer.ACCEPTED: ACCEPTED,
    FunnelLayer.INSPECTED: INSPECTED,
    FunnelLayer.DELIVERED: DELIVERED,
    FunnelLayer.CONFIRMED: CONFIRMED,
}
"""States that count for each layer. A state that is in none of these counts as supplied."""


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """Count of one layer.

    Args:
        layer: the layer.
        count: number of dossiers (of pupils, for the expected ones) that reached it.
        change: difference with the end of yesterday; None where it is not counted.
    """

    layer: FunnelLayer
    count: int
    change: int | None


def count(states: Mapping[str, int], layer: FunnelLayer) -> int:
    """Return the number of dossiers that reached a layer.

    Args:
        states: dossiers per state.
        layer: any but `EXPECTED`.
    """
    return sum(number for state, number in states.items() if _reached(state, layer))


def funnel(
    states: Mapping[str, int], expected: int, moved: Iterable[tuple[str | None, str, int]] = ()
) -> tuple[FunnelStep, ...]:
    """Return the layers of a round now.

    Args:
        states: dossiers per state.
        expected: number of pupils whose dossier is expected (see `ledger.counts`).
        moved: transitions since the end of yesterday (state before, state after, number of dossiers).
    """
    changes = changed(moved)
    return (
        FunnelStep(FunnelLayer.EXPECTED, expected, None),
        *(FunnelStep(layer, count(states, layer), changes[layer]) for layer in REACHED),
    )


def changed(moved: Iterable[tuple[str | None, str, int]]) -> Counter[FunnelLayer]:
    """Return the change of each layer, in dossiers, through transitions between states."""
    found: Counter[FunnelLayer] = Counter()
    for before, after, number in moved:
        for layer in REACHED:
            found[layer] += number * (_reached(after, layer) - (before is not None and _reached(before, layer)))
    return found


def _reached(state: str, layer: FunnelLayer) -> bool:
    """Tell whether a dossier in a state reached a layer; an unknown state counts as supplied."""
    return state not in GONE if layer is FunnelLayer.SUPPLIED else state in REACHED[layer]


@dataclass(frozen=True, slots=True)
class FunnelDay:
    """Funnel at the end of a day."""

    day: date
    counts: Mapping[FunnelLayer, int]


def days(moves: Iterable[StateTransition], until: date) -> list[FunnelDay]:
    """Return the funnel at the end of each day from the first transition on, days without a transition included.

    Args:
        moves: all transitions.
        until: the last day to return.
    """
    by_day: dict[date, list[tuple[str | None, str, int]]] = {}
    for one in moves:
        by_day.setdefault(one.day, []).append((one.from_state, one.to_state, one.count))
    if not by_day:
        return []
    found: list[FunnelDay] = []
    stands: Counter[FunnelLayer] = Counter()
    day = min(by_day)
    while day <= max(until, max(by_day)):
        stands.update(changed(by_day.get(day, ())))
        found.append(FunnelDay(day, {layer: stands[layer] for layer in REACHED}))
        day += timedelta(days=1)
    return found
