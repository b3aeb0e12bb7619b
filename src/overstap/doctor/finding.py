"""What a check found: one subject, how it stands, and what to do."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How a subject stands."""

    GOOD = "good"
    UNSEEN = "unseen"
    """This process has no part in it."""
    MIND = "mind"
    """It works, and somebody has to look at it."""
    WRONG = "wrong"
    """Something does not work, or will not."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line.

    Args:
        subject: what was looked at, such as "certificates noordoost".
        level: how it stands.
        says: what was seen; ids, counts, dates and codes only.
        do: what to do; empty when nothing.
    """

    subject: str
    level: Level
    says: str
    do: str = ""


def good(subject: str, says: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(subject, Level.GOOD, says)


def unseen(subject: str, says: str) -> Finding:
    """Return a finding that this process has no part in it."""
    return Finding(subject, Level.UNSEEN, says)


def mind(subject: str, says: str, do: str) -> Finding:
    """Return a finding to look at."""
    return Finding(subject, Level.MIND, says, do)


def wrong(subject: str, says: str, do: str) -> Finding:
    """Return a finding that something does not work."""
    return Finding(subject, Level.WRONG, says, do)
