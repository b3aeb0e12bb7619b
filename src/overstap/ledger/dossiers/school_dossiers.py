"""Dossiers of one primary school in a round by id, with state and broken rules, without data of pupils."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class DossierLine:
    """One dossier of a school.

    Args:
        dossier: its id.
        state: as in the state machine.
        state_name: the state in Dutch.
        version: number of its current version.
        closes_at: when its review closes; None when it is in no review.
        receivers: names of the schools for which it was sealed, sorted.
        rules: broken rules of its current version other than notes, sorted.
    """

    dossier: UUID
    state: str
    state_name: str
    version: int
    closes_at: datetime | None
    receivers: Sequence[str]
    rules: Sequence[str]


def broken_rules(unit: UnitOfWork, round_id: str, primary_school: str) -> Counter[str]:
    """Return the number of a school's dossiers that break each rule.

    Args:
        unit: the transaction.
        round_id: the round.
        primary_school: BRIN with branch.
    """
    return Counter(
        dict(
            unit.rows(
                "select f.rule, count(distinct d.dossier) from overstap.dossier d "
                "join overstap.finding f on f.dossier = d.dossier and f.number = d.version "
                "where d.round_id = %(round)s and d.primary_school = %(school)s group by 1",
                round=round_id,
                school=primary_school,
            )
        )
    )


def lines(unit: UnitOfWork, round_id: str, primary_school: str) -> list[DossierLine]:
    """Return a school's dossiers in a round; arguments as of `broken_rules`."""
    rules: dict[UUID, list[str]] = {}
    for dossier, rule in unit.rows(
        "select distinct d.dossier, f.rule from overstap.dossier d "
        "join overstap.finding f on f.dossier = d.dossier and f.number = d.version "
        "where d.round_id = %(round)s and d.primary_school = %(school)s and f.severity <> 'note' order by 2",
        round=round_id,
        school=primary_school,
    ):
        rules.setdefault(dossier, []).append(rule)
    return [
        DossierLine(dossier, state, name, version, closes_at, receivers or (), rules.get(dossier, ()))
        for dossier, state, name, version, closes_at, receivers in unit.rows(
            "select d.dossier, d.state, s.dutch, d.version, d.review_closes_at, "
            "(select array_agg(distinct v.name order by v.name) from overstap.delivery l "
            "  join overstap.school v on v.school = l.secondary_school where l.dossier = d.dossier) "
            "from overstap.dossier d join overstap.state s on s.state = d.state "
            "where d.round_id = %(round)s and d.primary_school = %(school)s",
            round=round_id,
            school=primary_school,
        )
    ]
