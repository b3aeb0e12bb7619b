"""Passed milestones of a round, each with the schools that were behind at that moment."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from overstap.errors import OverstapError
from overstap.ledger import database_clock, guests
from overstap.ledger.audit import AuditLine
from overstap.ledger.rounds.counts import expected
from overstap.ledger.rounds.rounds import RoundRow, get_round
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class PassedMilestone:
    """A milestone that has passed.

    Args:
        milestone: its name.
        moment: the agreed moment.
        behind: number of missing dossiers per school at that moment; 0 for a school that supplied nothing. Of a
            school that supplied some, dossiers are missing at `data_due` by its roster alone.
    """

    milestone: str
    moment: datetime
    behind: Mapping[str, int]


def note_passed(unit: UnitOfWork, round_id: str) -> list[PassedMilestone]:
    """Record the milestones that have passed by the ledger's clock, each once. Idempotent.

    Args:
        unit: the transaction.
        round_id: the round; it is open.

    Returns:
        The newly passed ones.
    """
    found = get_round(unit, round_id)
    milestones = found.agreement.round(found.kind).milestones
    at = database_clock.present(unit)
    new = []
    for name in found.kind.milestones:
        moment = getattr(milestones, name)
        if moment > at:
            break
        behind = _behind(unit, found, name)
        kept = unit.run(
            "insert into overstap.milestone_passed (region, round_id, milestone, moment, behind) "
            "values (%(region)s, %(round)s, %(name)s, %(moment)s, %(behind)s::jsonb) on conflict do nothing",
            region=unit.region,
            round=round_id,
            name=name,
            moment=moment,
            behind=json.dumps(behind),
        )
        if kept:
            new.append(PassedMilestone(name, moment, behind))
            unit.audit(f"milestone.{name}", AuditLine(round_id, {"moment": moment.isoformat(), "behind": len(behind)}))
    return new


def passed(unit: UnitOfWork, round_id: str) -> list[PassedMilestone]:
    """Return the passed milestones of a round in order of time."""
    rows = unit.rows(
        "select milestone, moment, behind from overstap.milestone_passed where round_id = %(round)s "
        "order by moment, noted_at",
        round=round_id,
    )
    return [PassedMilestone(*row) for row in rows]


def seconds_until(unit: UnitOfWork, round_id: str, milestone: str) -> float:
    """Return the seconds until a milestone of a round by the ledger's clock; negative when it has passed.

    Reads this moment only, so that a process without keys can use it.

    Args:
        unit: the transaction.
        round_id: the round; it is open.
        milestone: name of the milestone.

    Raises:
        OverstapError: LEDGER-009 when the region has no such round.
    """
    rows = unit.rows(
        "select extract(epoch from (a.agreement #>> array['rounds', o.kind, 'milestones', %(name)s])::timestamptz "
        "- overstap.clock()) from overstap.round o "
        "join overstap.round_agreement a on a.round_id = o.round_id and a.number = o.agreement_number "
        "where o.round_id = %(round)s",
        round=round_id,
        name=milestone,
    )
    if not rows:
        raise OverstapError("LEDGER-009", round=round_id)
    return float(rows[0][0])


def _behind(unit: UnitOfWork, found: RoundRow, milestone: str) -> dict[str, int]:
    """Return the schools that are behind: nothing supplied, dossiers not inspected, or receipts missing."""
    if milestone == "data_due" and not found.kind.is_inspected:
        return {}  # a school need not have a pupil for the partnership
    if milestone == "data_due":
        supplied: dict[str, int] = dict(
            unit.rows(
                "select primary_school, count(*) filter (where state <> 'withdrawn') from overstap.dossier "
                "where round_id = %(round)s group by 1",
                round=found.round_id,
            )
        )
        suppliers = [school.id for school in found.agreement.suppliers(found.kind)]
        suppliers += [school for _, school, _ in guests.expected(unit, found.round_id)]
        late = {school: 0 for school in suppliers if school not in supplied}
        return late | _short_of_roster(unit, found, supplied)
    if milestone == "review_closes":
        query = (
            "select primary_school, count(*) from overstap.dossier where round_id = %(round)s and state = 'in_review' "
            "group by 1"
        )
    elif milestone == "receipts_due":
        query = (
            "select secondary_school, count(*) from overstap.delivery where round_id = %(round)s and state = 'sealed' "
            "group by 1"
        )
    else:
        return {}
    return dict(unit.rows(query, round=found.round_id))


def _short_of_roster(unit: UnitOfWork, found: RoundRow, supplied: Mapping[str, int]) -> dict[str, int]:
    """Return how many dossiers are missing of each school that supplied some, by its roster; without one, none are."""
    with_roster = {
        row[0]
        for row in unit.rows(
            "select distinct school from overstap.roster where school_year = %(year)s", year=found.school_year
        )
    }
    if not found.kind.is_of_leavers:
        return {}
    wanted: Mapping[str, int] = expected(unit, found.round_id).get(found.round_id, {})
    return {
        school: count - supplied[school]
        for school, count in wanted.items()
        if school in with_roster and count > supplied.get(school, count)
    }
