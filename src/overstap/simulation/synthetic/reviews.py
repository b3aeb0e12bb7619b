"""Synthetic decisions of parents, as a school records them in bulk: one CSV file per primary school."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from random import Random

from overstap.simulation.synthetic.pupil import SyntheticPupil
from overstap.simulation.synthetic.region import SyntheticRegion
from overstap.simulation.synthetic.school import PrimarySchool
from overstap.simulation.synthetic.words import words

HEADER = ("leerlingid", "inzagedatum", "akkoord", "zienswijze")


@dataclass(frozen=True, slots=True)
class SyntheticDecision:
    """Decision of one pupil's parents."""

    las_key: str = field(repr=False)
    seen_on: date
    agreed: str
    """OSO list 37: Ja, Nee, Onbekend."""
    view: str | None = field(default=None, repr=False)


def reviews_of(region: SyntheticRegion, school: PrimarySchool, seen_on: date) -> Iterator[SyntheticDecision]:
    """Make the decisions of a school: 3 in 100 disagree with a view, 1 is unknown, 3 did not inspect.

    In each school with ten pupils or more, at least one disagrees and one did not inspect.
    """
    for serial, pupil in enumerate(region.pupils(school)):
        if (review := _review(region, pupil, serial, seen_on)) is not None:
            yield review


def _review(region: SyntheticRegion, pupil: SyntheticPupil, serial: int, seen_on: date) -> SyntheticDecision | None:
    random = Random(f"{region.seed}:{pupil.position}:review")  # noqa: S311 - synthetic data, no secrets
    chance = random.random()
    if serial == 7 or chance < 0.03:
        return None
    if serial == 4 or chance < 0.06:
        return SyntheticDecision(pupil.las_key, seen_on, "Nee", random.choice(words()["views"]))
    return SyntheticDecision(pupil.las_key, seen_on, "Onbekend" if chance < 0.07 else "Ja")


def write_reviews(region: SyntheticRegion, folder: Path, seen_on: date) -> list[Path]:
    """Write `review-<school>.csv` for every primary school, with a byte order mark, as a spreadsheet saves it.

    Args:
        region: the region.
        folder: where the files go.
        seen_on: the day on which parents saw the dossiers.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for school in region.primary:
        path = folder / f"review-{school.id}.csv"
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file, delimiter=";")
            writer.writerow(HEADER)
            for review in reviews_of(region, school, seen_on):
                writer.writerow((review.las_key, review.seen_on.isoformat(), review.agreed, review.view or ""))
        paths.append(path)
    return paths
