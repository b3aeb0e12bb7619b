"""Taking in of a school's roster from its folder, its database, an upload or a command."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from overstap.errors import OverstapError
from overstap.intake.rosters.database import read_view
from overstap.intake.rosters.folder import newest_roster
from overstap.intake.rosters.supplied import supplied
from overstap.intake.rosters.table import read_roster
from overstap.ledger import Ledger
from overstap.ledger.rosters import taking
from overstap.ledger.rosters.taking import SuppliedRoster, Taken
from overstap.storage import Place

if TYPE_CHECKING:
    import psycopg


def take_file(
    ledger: Ledger,
    data: bytes,
    *,
    region: str,
    school_year: str,
    school: str,
    source: str,
    actor: str,
    now: datetime,
    moment: datetime,
    counts_now: bool = False,
) -> Taken:
    """Take in a roster that somebody supplies by hand.

    Args:
        ledger: the ledger.
        data: content of the file: EDEXML, CSV or a workbook.
        region: region id.
        school_year: school year of the agreement.
        school: BRIN and branch.
        source: page or command.
        actor: account, recorded in audit lines.
        now: the present moment, aware.
        moment: of which moment the roster is when it does not say so itself, aware.
        counts_now: whether this roster counts although a newer one was taken in before.

    Raises:
        OverstapError: INTAKE-08n, INTAKE-09n or TABLE-nnn when it cannot be used; INTAKE-098 when it is an older one.

    Returns:
        What became of it.
    """
    found = read_roster(data)
    roster = supplied(found, data, school=school, school_year=school_year, source=source, now=now, moment=moment)
    with ledger.unit(region, actor) as unit:
        taken = taking.take(unit, school_year, school, roster, counts_now=counts_now)
    if taken.outcome == "older":
        raise OverstapError("INTAKE-098")
    return taken


def collect_roster(
    ledger: Ledger,
    *,
    region: str,
    school_year: str,
    school: str,
    actor: str,
    now: datetime,
    folder: Place | None,
    database: Callable[[], "AbstractContextManager[psycopg.Connection[Any]]"] | None,
) -> Taken | None:
    """Take in what a school supplies by itself: the view of its database, else the file in its drop folder.

    A roster that cannot be used stops nothing: why is kept, and told on the board and on the school's page.

    Args:
        ledger: the ledger.
        region: region id.
        school_year: school year of the agreement.
        school: BRIN and branch.
        actor: step, recorded in audit lines.
        now: the present moment, aware.
        folder: the school's drop folder; None without one.
        database: opens the school's database; None without one.

    Returns:
        What became of it; None without a roster, and when it could not be used.

    Raises:
        OverstapError: LEDGER-nnn when the ledger cannot be reached; INTAKE-060 when the database cannot.
    """
    source = "database" if database is not None else "folder"
    try:
        found = _from_database(database, school, school_year, now) if database is not None else None
        if found is None and folder is not None:
            source = "folder"
            found = _from_folder(folder, school, school_year, now)
    except OverstapError as problem:
        if problem.code == "INTAKE-060":
            raise
        with ledger.unit(region, actor) as unit:
            taking.note_refused(unit, school_year, school, source, problem)
        return None
    if found is None:
        return None
    with ledger.unit(region, actor) as unit:
        return taking.take(unit, school_year, school, found)


def _from_database(
    database: Callable[[], "AbstractContextManager[psycopg.Connection[Any]]"],
    school: str,
    school_year: str,
    now: datetime,
) -> SuppliedRoster | None:
    with database() as connection:
        found = read_view(connection, school)
    if found is None:
        return None
    return supplied(
        found.roster,
        found.content,
        school=school,
        school_year=school_year,
        source="database",
        now=now,
        moment=now,
    )


def _from_folder(folder: Place, school: str, school_year: str, now: datetime) -> SuppliedRoster | None:
    file = newest_roster(folder, now=now)
    if file is None:
        return None
    roster = read_roster(file.data)
    return supplied(
        roster, file.data, school=school, school_year=school_year, source="folder", now=now, moment=file.modified_at
    )
