"""Headline of a round's page: one sentence on its state, its tone, and the schools that need action first."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from overstap.pages.board.formatting import time_left, when
from overstap.pages.board.rounds import RoundPhase, RoundView
from overstap.pages.board.schools import SupplierRow, held_up
from overstap.texts import plural, texts, with_counts

OPENING = timedelta(minutes=20)
"""A round that is not open this long after its milestone has a problem: Airflow may take minutes on a busy machine."""
SHOWN = 3
"""Number of schools that are named; the table has them all."""


@dataclass(frozen=True, slots=True)
class Headline:
    """Headline of a round.

    Args:
        tone: "bad", "mind", "busy" or "good".
        says: the sentence, Dutch.
        explains: the explanation after it, Dutch.
        worst: the schools that need action first.
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
    facts["coming"] = f"{words[coming[0]]['nl'].lower()} {time_left(coming[1], now)}" if coming else ""
    supplied = sum(row.counts.supplied for row in rows)
    done = sum(row.is_done for row in rows)
    at_risk = sum(row.outlook.is_bad for row in rows)
    facts |= {"done": done, "risk": at_risk, "left": len(rows) - done}
    facts |= {"expected": sum(row.counts.expected for row in rows)}
    facts |= {"confirmed": sum(row.counts.at_least("confirmed") for row in rows)}
    if phase is RoundPhase.PLANNED:
        opens = view.milestones.opens
        kind = "planned" if now < opens else "opening" if now < opens + OPENING else "should_open"
        return _headline("busy", kind, facts)
    if not rows:
        return _headline("mind", "no_schools", facts)
    if done == len(rows):
        return _headline("good", "all_done", facts)
    if phase is RoundPhase.CLOSED:  # over, whatever it came to: no alarm
        return _headline("mind", "closed" if done else "closed_none", facts, worst)
    if not supplied and not any(row.counts.refused_files for row in rows):
        late = now >= view.milestones.data_due
        return _headline("bad" if late else "busy", "nothing_came" if late else "first_day", facts)
    if len(worst) * 2 > len(rows) > 1:
        cause, alike = Counter((row.blockers[0].kind, row.blockers[0].says) for row in worst).most_common(1)[0]
        if alike * 2 > len(worst):
            alike_first = sorted(worst, key=lambda row: row.blockers[0].says != cause[1])
            return _headline("bad", "same_cause", {**facts, "count": alike, "says": cause[1]}, alike_first)
        return _headline("bad", "disaster", facts, worst)
    if worst:
        return _headline("bad", "one_holds" if plural(len(worst)) == "one" else "some_hold", facts, worst)
    if at_risk:
        return _headline("mind", "risk", facts)
    return _headline("good", "on_course", facts)


def _headline(tone: str, kind: str, facts: dict[str, object], worst: Sequence[SupplierRow] = ()) -> Headline:
    words = texts("board/headlines")[kind]
    return Headline(
        tone, words["nl"].format(**with_counts(facts)), words["explains_nl"].format(**with_counts(facts)), worst[:SHOWN]
    )
