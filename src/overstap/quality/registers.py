"""The national registers of schools and partnerships, out of the lists that DUO publishes as CSV.

Any lists will do that have one of the columns below: DUO has renamed columns before, and publishes primary, secondary
and special schools apart. What a folder holds no list of is not judged.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

from overstap.decoding import decoded
from overstap.errors import OverstapError
from overstap.oso.identifiers import is_brin, is_partnership, is_school_id


@dataclass(frozen=True, slots=True)
class Registers:
    """The numbers that were given out; an empty set where there is no list.

    Args:
        institutions: BRINs, such as `99AB`.
        branches: BRINs with branch, such as `99AB00`.
        partnerships: numbers of partnerships (samenwerkingsverbanden), such as `PO9901`.
    """

    institutions: frozenset[str] = frozenset()
    branches: frozenset[str] = frozenset()
    partnerships: frozenset[str] = frozenset()


NONE = Registers()
_COLUMNS = {
    "institutions": ("BRIN NUMMER", "BRINNUMMER", "INSTELLINGSCODE"),
    "branches": ("VESTIGINGSNUMMER", "VESTIGINGSCODE"),
    "partnerships": ("ADMINISTRATIENUMMER",),
}
_FORMS: dict[str, Callable[[str], bool]] = {
    "institutions": is_brin,
    "branches": is_school_id,
    "partnerships": is_partnership,
}


def load(folder: Path | None) -> Registers:
    """Read every list in a folder.

    Args:
        folder: where the lists are, as `*.csv`; None for no registers.

    Raises:
        OverstapError: QUALITY-002 when a list cannot be read or has none of the columns, or the folder has no list: a
            register that silently is not there would judge nothing.
    """
    if folder is None:
        return NONE
    found: dict[str, set[str]] = {each.name: set() for each in fields(Registers)}
    lists = sorted(folder.glob("*.csv"))
    if not lists:
        raise OverstapError("QUALITY-002", file=folder.name)
    for path in lists:
        if not _read(path, found):
            raise OverstapError("QUALITY-002", file=path.name)
    return Registers(**{name: frozenset(numbers) for name, numbers in found.items()})


def _read(path: Path, found: dict[str, set[str]]) -> bool:
    """Add a list's numbers, and say whether there were any."""
    try:
        data = path.read_bytes()
    except OSError:
        return False
    lines = decoded(data).splitlines()
    separator = ";" if lines and ";" in lines[0] else ","
    any_found = False
    for row in csv.DictReader(lines, delimiter=separator):
        cells = {(name or "").strip().upper(): value for name, value in row.items() if isinstance(value, str)}
        for kind, names in _COLUMNS.items():
            for name in names:
                number = cells.get(name, "").strip().upper()
                if _FORMS[kind](number):
                    found[kind].add(number)
                    any_found = True
    return any_found
