"""Finding of a check: subject, level, observation and remedy."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """Level of a finding."""

    GOOD = "good"
    UNSEEN = "unseen"
    """Not visible to this process."""
    MIND = "mind"
    """Works, but needs attention."""
    WRONG = "wrong"
    """Does not work, or soon will not."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of a check for one subject.

    Args:
        subject: the thing that was checked, such as "certificates noordoost".
        level: its level.
        says: the observation; ids, counts, dates and codes only.
        do: the remedy; empty when there is none.
    """

    subject: str
    level: Level
    says: str
    do: str = ""


def good(subject: str, says: str) -> Finding:
    """Return a finding without fault."""
    return Finding(subject, Level.GOOD, says)


def unseen(subject: str, says: str) -> Finding:
    """Return a finding that this process cannot make."""
    return Finding(subject, Level.UNSEEN, says)


def mind(subject: str, says: str, do: str) -> Finding:
    """Return a finding that needs attention."""
    return Finding(subject, Level.MIND, says, do)


def wrong(subject: str, says: str, do: str) -> Finding:
    """Return a finding that something does not work."""
    return Finding(subject, Level.WRONG, says, do)
