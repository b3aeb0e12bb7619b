"""Waiting times between attempts: exponential with jitter, at most six hours.

Receivers whose lines broke at one moment (a data centre, a supplier) must not be called at one moment again, so each
wait is drawn by chance from the upper half of its bound.
"""

import random
from datetime import timedelta

FIRST = timedelta(minutes=1)
"""Bound of the wait behind the first answerless attempt of an envelope."""
FIRST_PAUSE = timedelta(minutes=5)
"""Bound of a school's first rest."""
LONGEST = timedelta(hours=6)
"""No wait and no rest is longer: a school that is repaired in the morning has its dossiers in the afternoon."""
GIVES_UP_AFTER = 3
"""Answerless attempts in a row after which a school rests."""

_MOST_DOUBLINGS = 20  # more than it takes to reach LONGEST
_chance = random.SystemRandom()


def wait_after(attempts: int, *, first: timedelta = FIRST, chance: random.Random = _chance) -> timedelta:
    """Return how long to wait after a number of answerless attempts.

    Args:
        attempts: in a row, at least one.
        first: bound of the first wait; each next is twice the one before, up to `LONGEST`.
        chance: where the part of the bound is drawn from.
    """
    bound = min(first * 2 ** min(max(attempts, 1) - 1, _MOST_DOUBLINGS), LONGEST)
    return bound * chance.uniform(0.5, 1)


def pause_after(rests: int, *, chance: random.Random = _chance) -> timedelta:
    """Return how long a school rests that rested a number of times in a row already."""
    return wait_after(rests + 1, first=FIRST_PAUSE, chance=chance)
