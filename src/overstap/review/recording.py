"""Recording of a school's list of decisions in the ledger, in groups."""

from collections import Counter
from dataclasses import dataclass

from overstap.errors import Bilingual, OverstapError
from overstap.ledger import Ledger
from overstap.ledger.review.decisions import ReviewDecision, record
from overstap.progress import Advance, unwatched
from overstap.review.decisions import DecisionList, RefusedLine
from overstap.texts import texts

GROUP = 500
GROUNDS = ("school_list", "school_single", "paper_list", "meeting", "paper_view", "attested")
"""Grounds on which a school records an inspection (overstap.review_ground)."""


def check_ground(ground: str) -> None:
    """Raise REVIEW-014 for a ground that is not a school's to state."""
    if ground not in GROUNDS:
        raise OverstapError("REVIEW-014", ground=ground, known=Bilingual(_grounds_in("nl"), _grounds_in("en")))


def _grounds_in(language: str) -> str:
    """Return the grounds as they are typed, each with what it means."""
    words = texts(f"review/{language}")["sentences"]["ground"]
    return ", ".join(f"{ground} ({words[ground]})" for ground in GROUNDS)


@dataclass(frozen=True, slots=True)
class RecordingOutcome:
    """Result of recording a school's list."""

    counts: Counter[str]
    """"recorded", "repeated", "unknown", "not_open", "ambiguous", "answered", "refused", in lines."""
    refused: list[RefusedLine]
    """Refused rows: TABLE-010 to TABLE-024, REVIEW-004 to REVIEW-009, REVIEW-010 unknown pupil, REVIEW-011 window not
    open, REVIEW-012 a key of several pupils, REVIEW-015 a person's own decision would be replaced."""


def record_list(
    ledger: Ledger,
    *,
    region: str,
    round_id: str,
    school: str,
    actor: str,
    listed: DecisionList,
    ground: str,
    advance: Advance = unwatched,
) -> RecordingOutcome:
    """Record a school's list of decisions. Idempotent.

    Args:
        ledger: the ledger.
        region: region id.
        round_id: the round.
        school: the pupils' school.
        actor: account that records it, written in audit lines.
        listed: the list.
        ground: one of `GROUNDS`.
        advance: is told of the lines of each group that was recorded.
    """
    counts: Counter[str] = Counter(refused=len(listed.refused))
    refused = list(listed.refused)
    for start in range(0, len(listed.decisions), GROUP):
        group: list[ReviewDecision] = listed.decisions[start : start + GROUP]
        with ledger.unit(region, actor) as unit:
            result = record(unit, round_id, school, group, ground=ground)
        advance(len(group))
        counts.update(
            recorded=len(result.recorded),
            repeated=len(result.repeated),
            unknown=len(result.unknown),
            not_open=len(result.not_open),
            ambiguous=len(result.ambiguous),
            answered=len(result.answered),
        )
        refused += [RefusedLine(listed.lines[start + place], "REVIEW-010") for place in result.unknown]
        refused += [RefusedLine(listed.lines[start + place], "REVIEW-011") for place in result.not_open]
        refused += [RefusedLine(listed.lines[start + place], "REVIEW-012") for place in result.ambiguous]
        refused += [RefusedLine(listed.lines[start + place], "REVIEW-015") for place in result.answered]
    return RecordingOutcome(counts, sorted(refused, key=lambda item: item.line))
