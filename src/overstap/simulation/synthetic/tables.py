"""Tables of a synthetic region beside its applications: test advices, and places of secondary schools."""

import csv
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from overstap.oso.advice_order import level_of_code, levels
from overstap.simulation.synthetic.region import SyntheticRegion

TEST_HEADER = ("leerlingnummer", "basisschool", "toetsadvies", "toets", "reden")
PLACES_HEADER = ("vo_school", "locatie", "soort", "plaatsen", "geplaatst")
_HIGHER_EVERY, _PREVENTED_EVERY = 7, 23
"""One of so many pupils has a higher test advice than the school's; one of so many was prevented."""


def write_tests(region: SyntheticRegion, path: Path) -> int:
    """Write a test advice of each pupil, or why there is none, as CSV; return the number of rows."""
    order = [one.dutch for one in levels().values()]
    rows = []
    for position, pupil in enumerate(region.pupils()):
        given = level_of_code(pupil.advice)
        if position % _PREVENTED_EVERY == _PREVENTED_EVERY - 1 or given is None:
            rows.append((pupil.number, pupil.school.id, "", "", "verhinderd"))
            continue
        step = 1 if position % _HIGHER_EVERY == 0 else 0
        said = order[min(order.index(given.dutch) + step, len(order) - 1)]
        rows.append((pupil.number, pupil.school.id, said, "Leerling in beeld", ""))
    return _write(path, TEST_HEADER, rows)


def write_places(region: SyntheticRegion, path: Path) -> int:
    """Write places of each secondary school as CSV (docs/places.md); return the number of rows."""
    each = max(1, region.size // len(region.secondary))
    rows = [
        (school.id, f"Locatie {1 + place % 2}", kind, each // 3 + place, each // 3)
        for school in region.secondary
        for place, kind in enumerate(("bb", "kb", "gltl", "havo", "vwo"))
    ]
    return _write(path, PLACES_HEADER, rows)


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    made = list(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(header)
        writer.writerows(made)
    written = path.stat().st_mtime - 60  # so that it does not count as still being written
    os.utime(path, (written, written))
    return len(made)
