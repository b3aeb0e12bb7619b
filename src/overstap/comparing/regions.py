"""Comparison of two regions of one deployment, each within its own unit of work, and the comparisons that are due."""

from dataclasses import dataclass
from datetime import UTC, datetime

from overstap.agreements import Agreement
from overstap.agreements.model import Comparison
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.comparisons.comparisons import answer, ask, parts, read
from overstap.ledger.rounds import rounds
from overstap.ledger.session import UnitOfWork
from overstap.progress import Advance, unwatched


@dataclass(frozen=True, slots=True)
class ComparedRegions:
    """What came of a comparison, as each region learned it.

    Args:
        partner: the other region.
        found: pupils of this region who applied there.
        found_there: pupils of the other region who applied here.
    """

    partner: str
    found: int
    found_there: int


def agreed(unit: UnitOfWork, school_year: str, partner: str) -> Comparison:
    """Return what a region agreed about comparing with another one, by the round that it opened last.

    Args:
        unit: a transaction in the region.
        school_year: the school year.
        partner: the other region.

    Raises:
        OverstapError: COMPARE-001 when it did not agree.
    """
    return agreement_of_year(unit, school_year, partner).comparison(partner)


def agreement_of_year(unit: UnitOfWork, school_year: str, partner: str) -> Agreement:
    """Return the agreement of the round of a year that a region opened last.

    Raises:
        OverstapError: COMPARE-001 when it does not name the other region, or no round was opened.
    """
    known = rounds.of_year(unit, school_year)
    if not known:
        raise OverstapError("COMPARE-001", region=unit.region, partner=partner)
    known[-1].agreement.comparison(partner)
    return known[-1].agreement


COMPARISON_STEPS = 6
"""Each region asks, is answered by the other, and reads the answer."""


def compare_regions(
    ledger: Ledger, region: str, partner: str, school_year: str, actor: str, advance: Advance = unwatched
) -> ComparedRegions:
    """Let two regions of this deployment ask each other and answer.

    Nothing is asked unless both agreed. What fails between two steps leaves a question that the next one ends.

    Args:
        ledger: the ledger, with the keys of both.
        region: one region.
        partner: the other.
        school_year: the school year.
        actor: step or account, for the audit chains.
        advance: is told of each of `COMPARISON_STEPS`.

    Raises:
        OverstapError: COMPARE-001 when one of them did not agree; COMPARE-004 when one asked too much; LEDGER-012 when
            another process compares them for longer than a minute.
    """
    with ledger.exclusive(_subject(region, partner, school_year)):
        return _compare(ledger, region, partner, school_year, actor, advance)


def compare_due(ledger: Ledger, region: str, school_year: str, *, actor: str, at: datetime) -> list[ComparedRegions]:
    """Compare with each region with which a comparison is due; return what came of it.

    Arguments and errors as of `due` and `compare_regions`.
    """
    found = []
    for partner in due(ledger, region, school_year, at=at):
        with ledger.exclusive(_subject(region, partner, school_year)):
            # The other region may have compared both while this process waited
            if partner in due(ledger, region, school_year, at=at):
                found.append(_compare(ledger, region, partner, school_year, actor, unwatched))
    return found


def _subject(region: str, partner: str, school_year: str) -> str:
    return "comparison." + ".".join((*sorted((region, partner)), school_year))


def _compare(
    ledger: Ledger, region: str, partner: str, school_year: str, actor: str, advance: Advance
) -> ComparedRegions:
    with ledger.unit(region, actor) as unit:
        here = agreed(unit, school_year, partner)
    try:
        with ledger.unit(partner, actor) as unit:
            there = agreed(unit, school_year, region)
    except OverstapError as problem:
        if problem.code not in ("LEDGER-001", "LEDGER-007"):  # a region that this deployment does not run
            raise
        raise OverstapError("COMPARE-001", region=partner, partner=region) from problem
    return ComparedRegions(
        partner,
        _ask(ledger, region, partner, school_year, actor, there.at_most, advance),
        _ask(ledger, partner, region, school_year, actor, here.at_most, advance),
    )


def due(ledger: Ledger, region: str, school_year: str, *, at: datetime) -> list[str]:
    """Return the regions with which a comparison is due: an agreed moment passed since the last one.

    Args:
        ledger: the ledger.
        region: the region.
        school_year: the school year.
        at: the present moment, aware.
    """
    with ledger.unit(region, "compare") as unit:
        known = rounds.of_year(unit, school_year)
        done = parts(unit, school_year)
    found = []
    for one in known[-1].agreement.comparisons if known else ():
        partner = one.region
        passed = [moment for moment in one.at if moment.astimezone(UTC) <= at.astimezone(UTC)]
        last = max((part.begun_at for part in done if part.partner == partner and part.found is not None), default=None)
        if passed and (last is None or last < max(moment.astimezone(UTC) for moment in passed)):
            found.append(partner)
    return found


def _ask(ledger: Ledger, asks: str, answers: str, school_year: str, actor: str, at_most: int, advance: Advance) -> int:
    with ledger.unit(asks, actor) as unit:
        question = ask(unit, school_year, answers)
    advance(1)
    with ledger.unit(answers, actor) as unit:
        answered = answer(unit, question, at_most=at_most)
    advance(1)
    with ledger.unit(asks, actor) as unit:
        found = read(unit, answered)
    advance(1)
    return found
