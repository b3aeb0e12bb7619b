"""Conversion of a mapped row to the columns of registrations."""

from collections.abc import Iterator

from overstap.errors import OverstapError
from overstap.intake.mappings.model import About, Mapping
from overstap.intake.mappings.reading import MappedRow, open_table, read_rows
from overstap.tabular import RefusedRow

_WITHOUT = ("leerlingnummer", "basisschool", "vo_school", "fase")
"""Columns without which a registration is none."""


def registration_rows(
    data: bytes, mapping: Mapping, stated_at: str
) -> Iterator[tuple[int, dict[str, str], bool] | RefusedRow]:
    """Yield the rows of a platform's export: line, texts per column of registrations, and whether zeros came back.

    Args:
        data: content of the file.
        mapping: its mapping.
        stated_at: moment of the file, used where the mapping has no column `vastgelegd_op`.

    Raises:
        OverstapError: INTAKE-109 for a mapping of dossiers, or one without a column that is required; INTAKE-102 and
            TABLE-nnn for a file that cannot be read as a whole.
    """
    targets = {rule.field for rule in mapping.rules()} | set(mapping.constants)
    if mapping.about is not About.REGISTRATIONS or not set(_WITHOUT) <= targets:
        raise OverstapError("INTAKE-109", mapping=mapping.name)
    for row in read_rows(open_table(data, mapping), mapping):
        yield row if isinstance(row, RefusedRow) else (row.line, _cells(row, stated_at), bool(row.restored))


def _cells(row: MappedRow, stated_at: str) -> dict[str, str]:
    found = {name: text if isinstance(text, str) else " ".join(text) for name, text in row.texts.items()}
    return {"vastgelegd_op": stated_at, **found}
