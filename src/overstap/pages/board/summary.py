"""Headline of a round: one sentence, its tone, and the schools to act on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from overstap.pages.board.formatting import left, when
from overstap.pages.board.rounds import Phase, RoundView
from overstap.pages.board.schools import SupplierRow, held_up
from overstap.texts import plural, texts, with_counts

OPENING = timedelta(minutes=20)
"""A round that is not open this long after its moment has a problem: Airflow takes some minutes on a busy machine."""
SHOWN = 3
"""Schools that are named; the table has them all."""


@dataclass(frozen=True, slots=True)
class Headline:
    """The sentence.

    Args:
        tone: "bad", "mind", "busy" or "good".
        says: the sentence, Dutch.
        explains: the sentence behind it.
        worst: the schools to act on first.
    """

    tone: str
    says: str
    explains: str
    worst: Sequence[SupplierRow] = ()


def headline(view: RoundView, rows: Sequence[SupplierRow], now: datetime) -> Headline:
    """Return the headline of a round.

    Args:
        view: the round with its funnel.
        rows: its primary schools.
        now: the present moment, aware.
    """
    worst = held_up(rows)
    phase = view.phase(now)
    facts: dict[str, object] = {"count": len(worst), "schools": len(rows), "opens": when(view.milestones.opens, now)}
    coming = view.next_milestone(now)
    words = texts("orchestration/documentation")["milestones"]
    facts["coming"] = f"{words[coming[0]]['nl'].lower()} {left(coming[1], now)}" if coming else ""
    supplied = sum(row.counts.supplied for row in rows)
    done = sum(row.is_done for row in rows)
    at_risk = sum(row.outlook.is_bad for row in rows)
    facts |= {"done": done, "risk": at_risk, "left": len(rows) - done}
    facts |= {"expected": sum(row.counts.expected for row in rows)}
    facts |= {"confirmed": sum(row.counts.at_least("confirmed") for row in rows)}
    if phase is Phase.PLANNED:
        opens = view.milestones.opens
        kind = "planned" if now < opens else "opening" if now < opens + OPENING else "should_open"
        return _told("busy", kind, facts)
    if not rows:
        return _told("mind", "no_schools", facts)
    if done == len(rows):
        return _told("good", "all_done", facts)
    if phase is Phase.CLOSED:  # over, whatever it came to: no alarm
        return _told("mind", "closed" if done else "closed_none", facts, worst)
    if not supplied and not any(row.counts.refused_files for row in rows):
        late = now >= view.milestones.data_due
        return _told("bad" if late else "busy", "nothing_came" if late else "first_day", facts)
    if len(worst) * 2 > len(rows) > 1:
        cause, alike = Counter((row.blockers[0].kind, row.blockers[0].says) for row in worst).most_common(1)[0]
        if alike * 2 > len(worst):
            alike_first = sorted(worst, key=lambda row: row.blockers[0].says != cause[1])
            return _told("bad", "same_cause", {**facts, "count": alike, "says": cause[1]}, alike_first)
        return _told("bad", "disaster", facts, worst)
    if worst:
        return _told("bad", "one_holds" if plural(len(worst)) == "one" else "some_hold", facts, worst)
    if at_risk:
        return _told("mind", "risk", facts)
    return _told("good", "on_course", facts)


def _told(tone: str, kind: str, facts: dict[str, object], worst: Sequence[SupplierRow] = ()) -> Headline:
    words = texts("board/headlines")[kind]
    return Headline(
        tone, words["nl"].format(**with_counts(facts)), words["explains_nl"].format(**with_counts(facts)), worst[:SHOWN]
    )
