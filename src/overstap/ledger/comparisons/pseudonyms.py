"""Pseudonyms of applicants for a comparison: kept when applications come in, since a number is not kept after that."""

from collections.abc import Iterable

from overstap.ledger.comparisons.blinding import Exponent, point_of
from overstap.ledger.session import UnitOfWork

_AT_ONCE = 1_000


def keep_pseudonyms(unit: UnitOfWork, school_year: str, numbers: Iterable[str]) -> int:
    """Keep the pseudonym of each pupil who has none yet; return how many were made. Idempotent.

    Args:
        unit: the transaction; it needs the region's keys.
        school_year: school year of the applications.
        numbers: BSN or onderwijsnummer of pupils who applied.
    """
    by_hash = {unit.keys.lookup("pupil", number): number for number in numbers}
    missing = [
        bytes(pupil)
        for (pupil,) in unit.rows(
            "select x.p from unnest(%(pupils)s::bytea[]) x (p) "
            "where not exists (select from overstap.comparison_pseudonym k "
            "where k.region = %(region)s and k.school_year = %(year)s and k.pupil = x.p)",
            pupils=list(by_hash),
            region=unit.region,
            year=school_year,
        )
    ]
    if not missing:
        return 0
    own = Exponent(unit.keys.exponent())
    columns = {"region": "text", "school_year": "text", "pupil": "bytea", "point": "bytea"}
    for first in range(0, len(missing), _AT_ONCE):
        group = missing[first : first + _AT_ONCE]
        unit.insert(
            "comparison_pseudonym",
            columns,
            [(unit.region, school_year, pupil, own.apply(point_of(by_hash[pupil]))) for pupil in group],
        )
    return len(missing)


def without_pseudonym(unit: UnitOfWork, school_year: str) -> int:
    """Return how many pupils with an application in force have none: the list came before the regions agreed."""
    [count] = unit.one(
        "select count(distinct a.pupil) from overstap.application a where a.school_year = %(year)s "
        "and a.withdrawn_at is null and not exists (select from overstap.comparison_pseudonym k "
        "where (k.region, k.school_year, k.pupil) = (a.region, a.school_year, a.pupil))",
        year=school_year,
    )
    return int(count)
