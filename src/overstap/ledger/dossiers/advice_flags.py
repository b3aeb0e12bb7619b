"""Lists of pupils whose advice or test asks for something, by keyed hash, for whoever has no key."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class AdviceFlag:
    """An entry of a list.

    Args:
        pupil: keyed hash of the pupil's number.
        primary_school: BRIN and branch.
        flag: the list.
        dossier: the dossier that it is about; None: about none.
    """

    pupil: bytes = field(repr=False)
    primary_school: str
    flag: str
    dossier: UUID | None


def replace_flags(unit: UnitOfWork, school_year: str, flags: Sequence[AdviceFlag]) -> None:
    """Replace the lists of a school year. What stays keeps its moment: an entry is as old as what it says.

    Args:
        unit: the transaction.
        school_year: school year.
        flags: all entries from now on.
    """
    unit.run(
        "with now as (select * from unnest(%(pupils)s::bytea[], %(schools)s::text[], %(flags)s::text[], "
        "%(dossiers)s::uuid[]) as t (pupil, school, flag, dossier)), gone as ("
        "delete from overstap.advice_flag f where f.school_year = %(year)s and not exists (select from now n "
        "where n.pupil = f.pupil and n.school = f.primary_school and n.flag = f.flag "
        "and n.dossier is not distinct from f.dossier)) "
        "insert into overstap.advice_flag (region, school_year, pupil, primary_school, flag, dossier) "
        "select %(region)s, %(year)s, n.pupil, n.school, n.flag, n.dossier from now n on conflict do nothing",
        year=school_year,
        region=unit.region,
        pupils=[one.pupil for one in flags],
        schools=[one.primary_school for one in flags],
        flags=[one.flag for one in flags],
        dossiers=[one.dossier for one in flags],
    )
