"""Storage of school reports, encrypted because they name pupils by the key of the school's system."""

from dataclasses import dataclass, field

from overstap.errors import OverstapError
from overstap.ledger.region_keys import EncryptedContent
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class SchoolReport:
    """One school's report on one round."""

    html: str = field(repr=False)
    csv: str = field(repr=False)


def keep(unit: UnitOfWork, round_id: str, school: str, report: SchoolReport) -> None:
    """Store a school's newest report, replacing the one before."""
    html = unit.keys.encrypt(report.html.encode(), f"report/{round_id}/{school}/html")
    table = unit.keys.encrypt(report.csv.encode(), f"report/{round_id}/{school}/csv")
    unit.run(
        "insert into overstap.school_report (region, round_id, school, key_id, html, csv) "
        "values (%(region)s, %(round)s, %(school)s, %(key)s, %(html)s, %(csv)s) on conflict (round_id, school) "
        "do update set key_id = excluded.key_id, html = excluded.html, csv = excluded.csv, made_at = overstap.clock()",
        region=unit.region,
        round=round_id,
        school=school,
        key=html.key_id,
        html=html.data,
        csv=table.data,
    )


def is_there(unit: UnitOfWork, round_id: str, school: str) -> bool:
    """Tell whether a school has a report on a round."""
    query = "select 1 from overstap.school_report where round_id = %(round)s and school = %(school)s"
    return bool(unit.rows(query, round=round_id, school=school))


def get(unit: UnitOfWork, round_id: str, school: str) -> SchoolReport:
    """Return a school's newest report.

    Raises:
        OverstapError: LEDGER-011 when there is none yet.
    """
    rows = unit.rows(
        "select key_id, html, csv from overstap.school_report where round_id = %(round)s and school = %(school)s",
        round=round_id,
        school=school,
    )
    if not rows:
        raise OverstapError("LEDGER-011", school=school, round=round_id)
    key_id, html, table = rows[0]
    return SchoolReport(
        unit.keys.decrypt(EncryptedContent(key_id, html), f"report/{round_id}/{school}/html").decode(),
        unit.keys.decrypt(EncryptedContent(key_id, table), f"report/{round_id}/{school}/csv").decode(),
    )
