"""Counts per stage of a round, and their change."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from overstap.ledger.rounds.progress import Move


class Layer(StrEnum):
    """The layers of the funnel, widest first."""

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
"""States of a dossier that is of the round no longer: taken back, and not waited for either."""
REACHED: Mapping[Layer, frozenset[str]] = {
    Layer.SUPPLIED: SUPPLIED,
    Layer.ACCEPTED: ACCEPTED,
    Layer.INSPECTED: INSPECTED,
    Layer.DELIVERED: DELIVERED,
    Layer.CONFIRMED: CONFIRMED,
}
"""The states of a dossier that has come as far as a layer. A state that is in none of these counts as supplied."""


@dataclass(frozen=True, slots=True)
class Step:
    """One layer.

    Args:
        layer: which.
        count: dossiers (or pupils, for what is expected) that came this far.
        change: how many more than at the end of yesterday; None where nobody counts it.
    """

    layer: Layer
    count: int
    change: int | None


def count(states: Mapping[str, int], layer: Layer) -> int:
    """Return how many dossiers came as far as a layer.

    Args:
        states: dossiers per state.
        layer: any but `EXPECTED`.
    """
    return sum(number for state, number in states.items() if _reached(state, layer))


def funnel(
    states: Mapping[str, int], expected: int, moved: Iterable[tuple[str | None, str, int]] = ()
) -> tuple[Step, ...]:
    """Return the layers of a round as it stands.

    Args:
        states: dossiers per state.
        expected: pupils whose dossier is waited for (see `ledger.counts`).
        moved: what moved since the end of yesterday (state before, state after, how many).
    """
    changes = changed(moved)
    return (
        Step(Layer.EXPECTED, expected, None),
        *(Step(layer, count(states, layer), changes[layer]) for layer in REACHED),
    )


def changed(moved: Iterable[tuple[str | None, str, int]]) -> Counter[Layer]:
    """Return by how many dossiers each layer grew, or shrank, through moves between states."""
    found: Counter[Layer] = Counter()
    for before, after, number in moved:
        for layer in REACHED:
            found[layer] += number * (_reached(after, layer) - (before is not None and _reached(before, layer)))
    return found


def _reached(state: str, layer: Layer) -> bool:
    """Tell whether a dossier in a state came as far as a layer; a state that this page does not know is supplied."""
    return state not in GONE if layer is Layer.SUPPLIED else state in REACHED[layer]


@dataclass(frozen=True, slots=True)
class Day:
    """How the funnel stood at the end of a day."""

    day: date
    counts: Mapping[Layer, int]


def days(moves: Iterable[Move], until: date) -> list[Day]:
    """Return the funnel at the end of each day from the first on which anything moved, also of days without a move.

    Args:
        moves: everything that moved.
        until: the last day to tell of.
    """
    by_day: dict[date, list[tuple[str | None, str, int]]] = {}
    for one in moves:
        by_day.setdefault(one.day, []).append((one.from_state, one.to_state, one.count))
    if not by_day:
        return []
    told: list[Day] = []
    stands: Counter[Layer] = Counter()
    day = min(by_day)
    while day <= max(until, max(by_day)):
        stands.update(changed(by_day.get(day, ())))
        told.append(Day(day, {layer: stands[layer] for layer in REACHED}))
        day += timedelta(days=1)
    return told
