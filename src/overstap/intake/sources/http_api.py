"""Source `http_api`: a supplier's HTTP API that gives the columns of the documented view as JSON."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from overstap.agreements.kinds import SourceKind
from overstap.agreements.model.supplying import SupplyingPart
from overstap.errors import OverstapError
from overstap.intake.candidates import Candidate
from overstap.intake.http_api import ApiFault, HttpApi
from overstap.intake.refusals import RefusedItem
from overstap.intake.sources.las_database import dossiers
from overstap.intake.sources.las_view import COLUMNS, NAMES, ColumnKind
from overstap.intake.sources.source import SourceContext
from overstap.resources import INCLUDE


class HttpApiPart(SupplyingPart):
    """The school's administration system has an HTTP API by the published description (docs/sources.md)."""

    way: Literal["http_api"]
    connection: str
    """Name of the Airflow connection: address, client id and secret."""


def from_http_api(api: HttpApi, school_id: str) -> Iterator[Candidate | RefusedItem]:
    """Yield a school's pupils from an API.

    Args:
        api: the API.
        school_id: BRIN and branch.

    Raises:
        OverstapError: INTAKE-113 when it does not answer as it should; INTAKE-021 when an item has other columns.
    """
    import pandas as pd

    position = 0
    try:
        for page in api.items("/dossiers", {"brincode": school_id[:4], "vestigingscode": school_id[4:]}):
            rows = [_row(item, school_id) for item in page]
            for las_key, found in dossiers(pd.DataFrame(rows, columns=list(NAMES), dtype="string")):
                position += 1
                label = f"rij {position}"
                if isinstance(found, RefusedItem):
                    yield RefusedItem(label, found.code, found.facts, file_name=las_key)
                else:
                    yield Candidate(label, las_key, found)
    except ApiFault as fault:
        raise OverstapError("INTAKE-113", school=school_id, kind=fault.kind) from None


def _row(item: dict[str, Any], school_id: str) -> tuple[str | None, ...]:
    missing, extra = [name for name in NAMES if name not in item], [name for name in item if name not in NAMES]
    if missing or extra:
        # The names of what is extra are the API's own, and could be anything
        raise OverstapError("INTAKE-021", school=school_id, missing=", ".join(missing) or "-", extra=str(len(extra)))
    return tuple(_text(item[column.name], column.kind) for column in COLUMNS)


def _text(value: Any, kind: ColumnKind) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if kind in (ColumnKind.BLOCK, ColumnKind.ITEMS) or isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


@contextmanager
def _open(supplies: HttpApiPart, context: SourceContext) -> Iterator[Iterator[Candidate | RefusedItem]]:
    with context.database(supplies.connection) as api:
        if not isinstance(api, HttpApi):
            raise OverstapError("INTAKE-060", connection=supplies.connection, kind=type(api).__name__)
        yield from_http_api(api, context.school.id)


KIND = SourceKind(model=HttpApiPart, help=INCLUDE / "texts" / "sources" / "http_api.yaml", open=_open)
