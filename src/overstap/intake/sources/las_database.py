"""Source `las_database`: the database of a school administration system, read through the documented view.

The connection is psycopg 3, as returned by Airflow's PostgresHook (postgres provider 7.1.1 with SQLAlchemy 2) or opened
by a command or a test; or that of another database, through the provider that the Airflow connection names. Rows are
read in batches, from PostgreSQL with a server-side cursor, so that memory use is bounded.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from overstap.agreements.kinds import SourceKind
from overstap.agreements.model.supplying import SupplyingPart
from overstap.errors import OverstapError
from overstap.intake.candidates import Candidate
from overstap.intake.http_api import HttpApi
from overstap.intake.other_database import DatabaseFault, OtherDatabase, as_flag, as_text
from overstap.intake.refusals import RefusedItem
from overstap.intake.sources.las_view import COLUMNS, NAMES, POVO_FRAME, ColumnKind, ViewColumn
from overstap.intake.sources.source import SourceContext
from overstap.oso import building
from overstap.oso.model import Dossier
from overstap.resources import INCLUDE

if TYPE_CHECKING:  # not installed with the extras that only read agreements
    import pandas as pd
    import psycopg

_SCHEMA, _VIEW = "overstap_las", "oso_dossier"


def read(
    connection: "psycopg.Connection[Any] | OtherDatabase", *, school_id: str, batch_rows: int = 500
) -> "Iterator[pd.DataFrame]":
    """Read a school's pupils from the view, in batches.

    It runs in its own read-only transaction, which ends with the iteration.

    Args:
        connection: psycopg 3 connection, idle (no open transaction), such as `PostgresHook.get_conn()`; or another
            database.
        school_id: BRIN and branch, "99AA00".
        batch_rows: rows per frame.

    Yields:
        Frames of at most `batch_rows` rows with the columns `las_view.NAMES`, all of pandas' string type: dates as
        YYYY-MM-DD, booleans as true and false, jsonb as text, NULL as missing. "NA" and leading zeros are kept.

    Raises:
        OverstapError: INTAKE-020 when the view cannot be read, INTAKE-021 when its columns are not the documented ones.
    """
    import pandas as pd
    import psycopg
    from psycopg import sql
    from psycopg.rows import tuple_row

    if isinstance(connection, OtherDatabase):
        for texts in _read_other(connection, school_id, batch_rows):
            yield pd.DataFrame(texts, columns=list(NAMES), dtype="string")
        return
    view = sql.Identifier(_SCHEMA, _VIEW)
    columns = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in NAMES)
    query = sql.SQL('SELECT {} FROM {} WHERE brincode = %s AND vestigingscode = %s ORDER BY leerlingid COLLATE "C"')
    try:
        with connection.transaction():
            # The text of a date depends on the server's DateStyle, so the transaction sets it
            connection.execute("SET TRANSACTION READ ONLY")
            connection.execute("SET LOCAL datestyle TO 'ISO, YMD'")
            _check_columns(connection, school_id)
            # The name makes it a server-side cursor; the row factory is set because a hook can have set another
            with connection.cursor(name="overstap_las", row_factory=tuple_row) as cursor:
                cursor.itersize = batch_rows
                cursor.execute(query.format(columns, view), (school_id[:4], school_id[4:]))
                while rows := cursor.fetchmany(batch_rows):
                    yield pd.DataFrame(rows, columns=list(NAMES), dtype="string")
    except psycopg.Error as problem:
        # The server's message can quote a value, so only the class of the error and its SQLSTATE are passed on
        raise OverstapError(
            "INTAKE-020", school=school_id, kind=type(problem).__name__, sqlstate=problem.sqlstate or "-"
        ) from None


def _read_other(database: OtherDatabase, school_id: str, batch_rows: int) -> Iterator[list[tuple[str | None, ...]]]:
    view = f"{_SCHEMA}.{_VIEW}"
    where = {"brincode": school_id[:4], "vestigingscode": school_id[4:]}
    forms = [as_flag if column.kind is ColumnKind.FLAG else as_text for column in COLUMNS]
    try:
        _compare_columns(database.columns(view), school_id)
        for batch in database.rows(view, NAMES, where, ("leerlingid",), batch_rows=batch_rows):
            yield [tuple(form(value) for form, value in zip(forms, row, strict=True)) for row in batch]
    except DatabaseFault as fault:
        raise OverstapError("INTAKE-020", school=school_id, kind=fault.kind, sqlstate=fault.state) from None
    except UnicodeDecodeError:
        raise OverstapError("INTAKE-020", school=school_id, kind="UnicodeDecodeError", sqlstate="-") from None


def _check_columns(connection: "psycopg.Connection[Any]", school_id: str) -> None:
    from psycopg import sql
    from psycopg.rows import tuple_row

    with connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(sql.Identifier(_SCHEMA, _VIEW)))
        found = [column.name for column in cursor.description or ()]
    _compare_columns(found, school_id)


def _compare_columns(found: list[str], school_id: str) -> None:
    missing = [name for name in NAMES if name not in found]
    extra = [name for name in found if name not in NAMES]
    if missing or extra:
        raise OverstapError(
            "INTAKE-021", school=school_id, missing=", ".join(missing) or "-", extra=", ".join(extra) or "-"
        )


def dossiers(frame: "pd.DataFrame") -> Iterator[tuple[str, Dossier | RefusedItem]]:
    """Convert the rows of a frame to OSO 2019.1 dossiers with profile POVO.

    Args:
        frame: a frame as yielded by `read`.

    Yields:
        The LAS key of each row with its dossier, or with a refusal, so that one row does not stop the others:
        INTAKE-022 without a key, INTAKE-023 when a jsonb column has another form than documented, INTAKE-024 when the
        row cannot be written as XML.
    """
    for position, row in enumerate(frame.itertuples(index=False, name=None), start=1):
        key = row[0]
        label = f"rij {position}"
        if not isinstance(key, str) or not key.strip():
            yield "", RefusedItem(label, "INTAKE-022")
            continue
        try:
            yield key, building.build(_values(row))
        except _WrongShapeError as wrong:
            yield key, RefusedItem(label, "INTAKE-023", {"column": wrong.column})
        except OverstapError as error:
            yield key, RefusedItem(label, error.code, error.facts)
        except (TypeError, ValueError, AttributeError, RecursionError):
            # A character that XML does not allow, or a text instead of a block. The cause can quote personal data.
            yield key, RefusedItem(label, "INTAKE-024")


class _WrongShapeError(Exception):
    def __init__(self, column: str) -> None:
        self.column = column
        super().__init__(column)


def _values(row: tuple[Any, ...]) -> dict[str, Any]:
    """Return the nested values of one row, without missing ones, since OSO has no empty elements."""
    values: dict[str, Any] = json.loads(POVO_FRAME)
    for column, value in zip(COLUMNS, row, strict=True):
        if not isinstance(value, str) or value == "":  # None or pandas.NA
            continue
        if column.kind in (ColumnKind.BLOCK, ColumnKind.ITEMS):
            value = _parsed(column, value)
            if not value:
                continue
        block_values = values
        *blocks, last = column.path.split("/")
        for block in blocks:
            block_values = block_values.setdefault(block, {})
        block_values[last] = value
    return values


def _parsed(column: ViewColumn, text: str) -> Any:
    try:
        # Numbers keep their written form: 6.30 does not become 6.3
        parsed = json.loads(text, parse_float=str, parse_int=str)
        if parsed is None:
            return None
        if not isinstance(parsed, list if column.kind is ColumnKind.ITEMS else dict):
            raise _WrongShapeError(column.name)
        return _texts(parsed)
    except (ValueError, RecursionError):  # no JSON, or nested without end
        raise _WrongShapeError(column.name) from None


def _texts(value: Any) -> Any:
    """Convert JSON values to element texts: true to "true"; empty and null values are omitted."""
    if isinstance(value, dict):
        made = {name: _texts(inner) for name, inner in value.items()}
        # The XSD requires the element onderdelen in the final test of an exempt pupil, even when it is empty
        return {name: inner for name, inner in made.items() if inner or name == "onderdelen"}
    if isinstance(value, list):
        return [made for inner in value if (made := _texts(inner))]
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


class LasDatabase(SupplyingPart):
    """The school's administration system has a database with the documented view (docs/sources.md)."""

    way: Literal["las_database"]
    connection: str
    """Name of the Airflow connection."""


def from_las_database(
    connection: "psycopg.Connection[Any] | OtherDatabase", school_id: str
) -> Iterator[Candidate | RefusedItem]:
    """Yield a school's pupils from its administration system's database.

    Args:
        connection: psycopg 3 connection, idle, or another database.
        school_id: BRIN and branch.

    Raises:
        OverstapError: INTAKE-020 when the view cannot be read; INTAKE-021 when its columns are not the documented ones.
    """
    position = 0
    for frame in read(connection, school_id=school_id):
        for las_key, found in dossiers(frame):
            position += 1
            label = f"rij {position}"
            if isinstance(found, RefusedItem):
                yield RefusedItem(label, found.code, found.facts, file_name=las_key)
            else:
                yield Candidate(label, las_key, found)


@contextmanager
def _open(supplies: LasDatabase, context: SourceContext) -> Iterator[Iterator[Candidate | RefusedItem]]:
    with context.database(supplies.connection) as connection:
        if isinstance(connection, HttpApi):
            raise OverstapError("INTAKE-060", connection=supplies.connection, kind="http")
        yield from_las_database(connection, context.school.id)


KIND = SourceKind(model=LasDatabase, help=INCLUDE / "texts" / "sources" / "las_database.yaml", open=_open)
