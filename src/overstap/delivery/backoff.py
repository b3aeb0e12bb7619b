"""Waiting times between attempts: exponential with jitter, at most six hours.

Receivers that failed at the same moment (one data centre, one supplier) must not be retried at the same moment, so each
wait is drawn at random from the upper half of its bound.
"""

import random
from datetime import timedelta

FIRST = timedelta(minutes=1)
"""Bound of the wait after the first attempt of an envelope without an answer."""
FIRST_PAUSE = timedelta(minutes=5)
"""Bound of the first open period of a school's circuit breaker."""
LONGEST = timedelta(hours=6)
"""Upper bound of every wait: an endpoint repaired in the morning gets its dossiers in the afternoon."""
GIVES_UP_AFTER = 3
"""Consecutive attempts without an answer after which a school's circuit breaker opens."""

_MAX_DOUBLINGS = 20  # exponent at which LONGEST is certainly reached; avoids an overflow
_chance = random.SystemRandom()


def wait_after(attempts: int, *, first: timedelta = FIRST, chance: random.Random = _chance) -> timedelta:
    """Return how long to wait after a number of attempts without an answer.

    Args:
        attempts: consecutive attempts, at least one.
        first: bound of the first wait; it doubles with each attempt, up to `LONGEST`.
        chance: random source of the jitter.
    """
    bound = min(first * 2 ** min(max(attempts, 1) - 1, _MAX_DOUBLINGS), LONGEST)
    return bound * chance.uniform(0.5, 1)


def pause_after(rests: int, *, chance: random.Random = _chance) -> timedelta:
    """Return how long a school's circuit breaker stays open, by the number of consecutive open periods before."""
    return wait_after(rests + 1, first=FIRST_PAUSE, chance=chance)
