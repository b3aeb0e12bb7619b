"""Source `mapped_export`: a supplier's own CSV or workbook with a row per pupil, read by a mapping."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from overstap.agreements import School
from overstap.agreements.kinds import SourceKind
from overstap.agreements.model.supplying import SupplyingPart
from overstap.clock import dutch_time
from overstap.errors import OverstapError
from overstap.intake.candidates import Candidate
from overstap.intake.mappings.dossiers import dossier_of, las_key_of
from overstap.intake.mappings.loading import load
from overstap.intake.mappings.model import NAME, About, Mapping
from overstap.intake.mappings.reading import LIMIT_BYTES, open_table, read_rows
from overstap.intake.refusals import RefusedItem
from overstap.intake.sources.drop_folder import SETTLE_SECONDS, DropLimits, DroppedFile, scan
from overstap.intake.sources.source import SourceContext
from overstap.resources import INCLUDE
from overstap.storage import Place
from overstap.tabular import RefusedRow

_ENDINGS = (".csv", ".txt", ".xlsx", ".xlsm")
_LIMITS = DropLimits(file_bytes=LIMIT_BYTES, files=100)


class MappedExport(SupplyingPart):
    """The school's system exports a CSV file or workbook with a row per pupil into the school's folder."""

    way: Literal["mapped_export"]
    mapping: Annotated[str, Field(pattern=NAME)]
    """Name of the mapping that says which column is which field (docs/mappings.md)."""


def from_exports(
    folder: Place, mapping: Mapping, school: School, *, now: datetime, label_key: bytes
) -> Iterator[Candidate | RefusedItem]:
    """Yield the pupils of the exports in a school's folder. Of a file that cannot be read as a whole, nobody is taken.

    Args:
        folder: the school's folder.
        mapping: the mapping.
        school: the supplying school.
        now: the present moment, aware.
        label_key: key of the digest of file names in labels.

    Raises:
        OverstapError: INTAKE-001 when the folder is missing or cannot be listed; INTAKE-109 for a mapping of
            registrations.
    """
    if mapping.about is not About.DOSSIERS:
        raise OverstapError("INTAKE-109", mapping=mapping.name)
    found = scan(
        folder,
        now=now,
        settle_seconds=SETTLE_SECONDS,
        label_key=label_key,
        limits=_LIMITS,
        endings=_ENDINGS,
        other_code="INTAKE-112",
    )
    today = dutch_time(now).date()
    for entry in found:
        if isinstance(entry, RefusedItem):
            yield entry
            continue
        try:
            rows = list(_pupils(entry, mapping, school, today))
        except OverstapError as problem:
            yield RefusedItem(entry.label, problem.code, dict(problem.facts), file_name=entry.file_name)
            continue
        yield from rows


def _pupils(file: DroppedFile, mapping: Mapping, school: School, today: date) -> Iterator[Candidate | RefusedItem]:
    for row in read_rows(open_table(file.data, mapping), mapping):
        label = f"{file.label}, regel {row.line}"
        if isinstance(row, RefusedRow):
            yield RefusedItem(label, row.code, {**row.facts, "line": row.line}, file_name=file.file_name)
            continue
        las_key = las_key_of(row)
        try:
            yield Candidate(label, las_key, dossier_of(row, mapping, school, today))
        except (ValueError, OverstapError):
            # A character that XML does not allow; the cause can quote personal data
            yield RefusedItem(label, "INTAKE-108", {"line": row.line}, file_name=file.file_name)


@contextmanager
def _open(supplies: MappedExport, context: SourceContext) -> Iterator[Iterator[Candidate | RefusedItem]]:
    mapping = load(supplies.mapping, context.regions, context.region)
    folder = context.drop() / context.region / context.school.id
    yield from_exports(folder, mapping, context.school, now=context.now, label_key=context.label_key())


KIND = SourceKind(
    model=MappedExport,
    help=INCLUDE / "texts" / "sources" / "mapped_export.yaml",
    open=_open,
    cell=lambda rest: {"mapping": rest} if rest else {},
)
