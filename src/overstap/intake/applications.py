"""Reading of applications, registrations and placements from a file or from the LAS database.

A row that is not valid is refused with its line, a code, and as much of it as identifies the pupil and the school; the
other rows are used. pandas is not used, since it drops leading zeros, reads the surname "NA" as missing, and pads short
rows silently.
"""

import contextlib
import errno
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from overstap import storage
from overstap.agreements.model import RegistrationStage
from overstap.clock import NETHERLANDS
from overstap.errors import OverstapError, system_fault
from overstap.intake.http_api import ApiFault, HttpApi
from overstap.intake.other_database import DatabaseFault, OtherDatabase, as_text
from overstap.intake.refusals import RefusedItem
from overstap.oso.identifiers import with_zeros
from overstap.school_numbers import school_id_in
from overstap.storage import Place, Stored, Unread, UnreadError
from overstap.tabular import Header, HeaderError, RefusedRow, read_table
from overstap.tabular.values import NumberFault, NumberFormatError, day, digits, moment

if TYPE_CHECKING:
    from overstap.intake.mappings.model import Mapping

HEADER = ("leerlingnummer", "geboortedatum", "basisschool", "vo_school", "fase", "vastgelegd_op")
"""The required columns, in any order."""
OPTIONAL = ("voorkeur", "status", "reden")
"""Columns that may be there as well; no others are permitted."""

_SCHEMA, _VIEW = "overstap_las", "oso_aanmelding"
_VIEW_COLUMNS = ("regio", *HEADER)
_STATUSES = {
    "aangemeld": "applied",
    "compleet": "complete",
    "ondersteuning in onderzoek": "support_examined",
    "toelaatbaar": "admissible",
    "ingeloot": "drawn",
    "uitgeloot": "not_drawn",
    "geplaatst": "placed",
    "geweigerd": "refused",
    "ingetrokken": "withdrawn",
}
_REASONS = {
    "vol": "full",
    "advies": "advice",
    "ondersteuning": "support",
    "niet compleet": "incomplete",
    "elders": "elsewhere",
    "anders": "other",
}
_ENDED = frozenset({"refused", "not_drawn", "withdrawn"})
"""States in which an application counts no longer, of which a reason may be stated."""
_MOST_PREFERENCES = 99
_LIMIT_BYTES = 50_000_000
_LIMIT_ROWS = 1_000_000
_STAGES = {
    "aangemeld": RegistrationStage.APPLIED,
    "ingeschreven": RegistrationStage.REGISTERED,
    "geplaatst": RegistrationStage.PLACED,
    **{stage.value: stage for stage in RegistrationStage},
}


@dataclass(frozen=True, slots=True)
class Application:
    """A pupil's application, registration or placement at a secondary school."""

    pupil_number: str = field(repr=False)
    """BSN or onderwijsnummer, 9 digits."""
    birth_date: date | None = field(repr=False)
    primary_school: str
    """BRIN and branch, "99AA00"."""
    secondary_school: str
    stage: RegistrationStage
    recorded_at: datetime
    """Moment of recording, aware."""
    preference: int | None = None
    """Place in the order of preference, from 1."""
    status: str | None = None
    """State, such as "complete" or "refused"; None when the source states none."""
    reason: str | None = None
    """Why it was refused, not drawn or withdrawn: a code."""
    restored_at_line: int | None = None
    """Line in which the number lacked its leading zeros, which came back by the check digit; None: it had them."""


class _InvalidRowError(Exception):
    """A row that is refused."""

    def __init__(self, code: str, **facts: Any) -> None:
        self.code, self.facts = code, facts
        super().__init__(code)


def read_file(path: Place, mapping: "Mapping | None" = None) -> tuple[list[Application], list[RefusedItem]]:
    """Read a file of applications: CSV in any common dialect, or a workbook (.xlsx).

    Dates have the form 2015-03-30 or 30-3-2015; moments are a date with or without a time, in Dutch wall time unless
    they state a time zone.

    Args:
        path: the file.
        mapping: mapping of a platform's own export; None for a file with the documented columns.

    Returns:
        The applications in the order of the file, and the refused rows (TABLE-010 to TABLE-024, INTAKE-036 to
        INTAKE-043, INTAKE-115), each with its line and the values that could be read.

    Raises:
        OverstapError: INTAKE-030 to INTAKE-033 and TABLE-002 to TABLE-009, when the file as a whole is not valid.
    """
    try:
        stored = storage.read(path.parent, path.name, limit_bytes=_LIMIT_BYTES, follows_links=True)
    except UnreadError as problem:
        raise _unread(problem) from None
    except OSError as problem:
        code = "INTAKE-047" if storage.is_store_fault(problem) or problem.errno == errno.EBADMSG else "INTAKE-030"
        raise OverstapError(code, kind=system_fault(problem)) from None
    if mapping is not None:
        return _by_mapping(stored, mapping)
    try:
        table = read_table(stored.data, Header(HEADER, OPTIONAL), max_bytes=_LIMIT_BYTES, max_rows=_LIMIT_ROWS)
    except HeaderError as wrong:
        if wrong.is_empty:
            raise OverstapError("INTAKE-033", header=";".join(HEADER)) from None
        # The error does not contain the line: in a file without header it is a pupil's row
        raise OverstapError("INTAKE-032", header=";".join(HEADER), **wrong.facts) from None
    applications: list[Application] = []
    refused: list[RefusedItem] = []
    for row in table.rows:
        if isinstance(row, RefusedRow):
            refused.append(RefusedItem(row.label, row.code, {**row.facts, "line": row.line}))
            continue
        cells = [row.cells.get(name, "") for name in (*HEADER, *OPTIONAL)]
        try:
            applications.append(_application(cells, row.line))
        except _InvalidRowError as wrong:
            facts = {**wrong.facts, "line": row.line}
            refused.append(RefusedItem(f"regel {row.line}", wrong.code, facts, about=_about(cells)))
    return applications, refused


def _by_mapping(stored: Stored, mapping: "Mapping") -> tuple[list[Application], list[RefusedItem]]:
    from overstap.intake.mappings.registrations import registration_rows

    applications: list[Application] = []
    refused: list[RefusedItem] = []
    for row in registration_rows(stored.data, mapping, stored.modified_at.isoformat()):
        if isinstance(row, RefusedRow):
            refused.append(RefusedItem(row.label, row.code, {**row.facts, "line": row.line}))
            continue
        line, texts, is_restored = row
        cells = [texts.get(name, "") for name in (*HEADER, *OPTIONAL)]
        try:
            one = _application(cells, line)
            applications.append(replace(one, restored_at_line=line) if is_restored else one)
        except _InvalidRowError as wrong:
            refused.append(RefusedItem(f"regel {line}", wrong.code, {**wrong.facts, "line": line}, about=_about(cells)))
    return applications, refused


def _unread(problem: UnreadError) -> OverstapError:
    if problem.why is Unread.TOO_LARGE:
        megabytes, limit = problem.size_bytes // 1_000_000, _LIMIT_BYTES // 1_000_000
        return OverstapError("INTAKE-031", megabytes=megabytes, limit=limit)
    if problem.why is Unread.CHANGED:
        return OverstapError("INTAKE-047", kind="ECHANGED")
    return OverstapError("INTAKE-030", kind="EISDIR" if problem.why is Unread.SPECIAL else "ELOOP")


def read_database(
    connection: psycopg.Connection[Any] | OtherDatabase | HttpApi, region: str
) -> tuple[list[Application], list[RefusedItem]]:
    """Read a region's applications from the view `overstap_las.oso_aanmelding`, or from a platform's HTTP API.

    Args:
        connection: psycopg 3 connection, idle, such as `PostgresHook.get_conn()`; another database; or an HTTP API.
        region: id of the region.

    Returns:
        The applications, and the refused rows (INTAKE-036 to INTAKE-043), each with its position in the result.

    Raises:
        OverstapError: INTAKE-041 when the view cannot be read, INTAKE-042 when its columns are not the documented ones.
    """
    if isinstance(connection, HttpApi):
        return _read_api(connection, region)
    if isinstance(connection, OtherDatabase):
        return _read_other(connection, region)
    view = sql.Identifier(_SCHEMA, _VIEW)
    query = sql.SQL("SELECT {} FROM {} WHERE regio = %s ORDER BY basisschool, leerlingnummer, vo_school")
    applications: list[Application] = []
    refused: list[RefusedItem] = []
    try:
        with connection.transaction():
            connection.execute("SET TRANSACTION READ ONLY")
            there = _check_columns(connection, view, region)
            with connection.cursor(name="overstap_applications", row_factory=tuple_row) as cursor:
                cursor.itersize = 2_000
                cursor.execute(
                    query.format(sql.SQL(", ").join(map(sql.Identifier, (*HEADER, *there))), view), (region,)
                )
                for position, row in enumerate(cursor, start=1):
                    more = dict(zip(there, row[len(HEADER) :], strict=True))
                    cells = (*row[: len(HEADER)], *(more.get(name) for name in OPTIONAL))
                    _take_row(position, cells, applications, refused)
    except psycopg.Error as problem:
        raise OverstapError(
            "INTAKE-041", region=region, kind=type(problem).__name__, sqlstate=problem.sqlstate or "-"
        ) from None
    return applications, refused


def _take_row(position: int, row: tuple[Any, ...], good: list[Application], refused: list[RefusedItem]) -> None:
    try:
        good.append(_application(row, position))
    except _InvalidRowError as wrong:
        facts = {**wrong.facts, "line": position}
        refused.append(RefusedItem(f"rij {position}", wrong.code, facts, about=_about(row)))


def _read_api(api: HttpApi, region: str) -> tuple[list[Application], list[RefusedItem]]:
    applications: list[Application] = []
    refused: list[RefusedItem] = []
    position = 0
    try:
        for page in api.items("/aanmeldingen", {"regio": region}, most=_LIMIT_ROWS):
            for item in page:
                position += 1
                # The names of what is extra are the API's own, and could be anything
                extra = [str(place) for place, name in enumerate(item, 1) if name not in (*_VIEW_COLUMNS, *OPTIONAL)]
                missing = [name for name in _VIEW_COLUMNS if name not in item]
                if missing or extra or item["regio"] != region:
                    said = ", ".join(missing) or "-" if missing or extra else "regio"
                    raise OverstapError("INTAKE-042", region=region, missing=said, extra=", ".join(extra) or "-")
                cells = (None if item.get(name) is None else str(item[name]) for name in (*HEADER, *OPTIONAL))
                _take_row(position, tuple(cells), applications, refused)
    except ApiFault as fault:
        raise OverstapError("INTAKE-041", region=region, kind=fault.kind, sqlstate="-") from None
    return applications, refused


def _read_other(database: OtherDatabase, region: str) -> tuple[list[Application], list[RefusedItem]]:
    view = f"{_SCHEMA}.{_VIEW}"
    applications: list[Application] = []
    refused: list[RefusedItem] = []
    position = 0
    try:
        there = _compare_columns(database.columns(view), region)
        order = ("basisschool", "leerlingnummer", "vo_school")
        for batch in database.rows(view, (*HEADER, *there), {"regio": region}, order, batch_rows=2_000):
            for row in batch:
                position += 1
                number, born, primary, secondary, stage, recorded_at, *rest = row
                more = {name: as_text(value) for name, value in zip(there, rest, strict=True)}
                day_of_birth = born.date() if isinstance(born, datetime) else born
                texts = (as_text(number), day_of_birth, as_text(primary), as_text(secondary), as_text(stage))
                others = (more.get(name) for name in OPTIONAL)
                _take_row(position, (*texts, recorded_at, *others), applications, refused)
    except DatabaseFault as fault:
        raise OverstapError("INTAKE-041", region=region, kind=fault.kind, sqlstate=fault.state) from None
    except UnicodeDecodeError:
        raise OverstapError("INTAKE-041", region=region, kind="UnicodeDecodeError", sqlstate="-") from None
    return applications, refused


def _check_columns(connection: psycopg.Connection[Any], view: sql.Identifier, region: str) -> tuple[str, ...]:
    """Return the optional columns that a view has."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(view))
        found = [column.name for column in cursor.description or ()]
    return _compare_columns(found, region)


def _compare_columns(found: list[str], region: str) -> tuple[str, ...]:
    """Return the optional columns that a view has, after comparing all with the documented ones."""
    missing = [name for name in _VIEW_COLUMNS if name not in found]
    extra = [name for name in found if name not in (*_VIEW_COLUMNS, *OPTIONAL)]
    if missing or extra:
        raise OverstapError(
            "INTAKE-042", region=region, missing=", ".join(missing) or "-", extra=", ".join(extra) or "-"
        )
    return tuple(name for name in OPTIONAL if name in found)


def _application(row: Iterable[Any], line: int) -> Application:
    """Convert fields in the order of `HEADER` and `OPTIONAL` to an application: texts, or values of a database."""
    number, birth_date, primary, secondary, stage, recorded_at, preference, status, reason = row
    state = _one_of("status", status, _STATUSES)
    full, is_restored = _pupil_number(number)
    return Application(
        pupil_number=full,
        birth_date=_date("geboortedatum", birth_date),
        primary_school=_school("basisschool", primary),
        secondary_school=_school("vo_school", secondary),
        stage=_stage(stage),
        recorded_at=_moment("vastgelegd_op", recorded_at),
        preference=_preference(preference),
        status=state,
        reason=_one_of("reden", reason, _REASONS if state in _ENDED else {}),
        restored_at_line=line if is_restored else None,
    )


def _about(row: Iterable[Any]) -> tuple[str | None, str | None]:
    """Return the pupil's number and the secondary school of a refused row, each None where it cannot be read."""
    number, _, _, secondary, *_ = row
    found: list[str | None] = []
    for read in (lambda: _pupil_number(number)[0], lambda: _school("vo_school", secondary)):
        try:
            found.append(read())
        except _InvalidRowError:
            found.append(None)
    return found[0], found[1]


def _pupil_number(value: Any) -> tuple[str, bool]:
    """Return the number, and whether leading zeros came back that a spreadsheet had taken away."""
    try:
        text = digits(str(value or ""))
    except NumberFormatError as wrong:
        raise _InvalidRowError({NumberFault.DECIMAL: "INTAKE-043"}.get(wrong.cause, "INTAKE-036")) from None
    full = with_zeros(text)
    if full is None:
        raise _InvalidRowError("INTAKE-115" if 0 < len(text) < len("012345672") else "INTAKE-036")
    return full, full != text


def _date(column: str, value: Any) -> date | None:
    if value is None or value == "":
        return None
    if isinstance(value, date):
        return value
    try:
        return day(str(value))
    except ValueError:
        raise _InvalidRowError("INTAKE-037", column=column, example="2015-03-30, 30-3-2015") from None


def _moment(column: str, value: Any) -> datetime:
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = moment(value)
    if not isinstance(value, datetime):
        raise _InvalidRowError("INTAKE-037", column=column, example="2027-03-26 14:05, 26-3-2027 14:05, 26-3-2027")
    return value if value.tzinfo else value.replace(tzinfo=NETHERLANDS)


def _school(column: str, value: Any) -> str:
    found = school_id_in(str(value or ""))
    if found is None:
        raise _InvalidRowError("INTAKE-038", column=column)
    return found


def _one_of(column: str, value: Any, words: dict[str, str]) -> str | None:
    """Return the code of a word, in Dutch or as code; None for an empty cell."""
    text = " ".join(str(value or "").split()).lower()
    if not text:
        return None
    found = words.get(text) or next((code for code in words.values() if code == text), None)
    if found is None:
        raise _InvalidRowError("INTAKE-048", column=column, words=", ".join(words) or "-")
    return found


def _preference(value: Any) -> int | None:
    text = str("" if value is None else value).strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 2 and 1 <= int(text) <= _MOST_PREFERENCES):
        raise _InvalidRowError("INTAKE-049")
    return int(text)


def _stage(value: Any) -> RegistrationStage:
    try:
        return _STAGES[str(value or "").strip().lower()]
    except KeyError:
        raise _InvalidRowError("INTAKE-039") from None
