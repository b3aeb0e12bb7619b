"""Writing of a synthetic region to disk: agreement, drop folders, applications, parents' decisions, LAS database."""

import csv
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from overstap.agreements.model import Milestones, RoundKind
from overstap.clock import NETHERLANDS
from overstap.oso import building
from overstap.oso.model import Dossier
from overstap.oso.writing import to_bytes
from overstap.progress import Advance, unwatched
from overstap.simulation.synthetic import export, las, litter
from overstap.simulation.synthetic.agreement import agreement_of, write_agreement
from overstap.simulation.synthetic.applications import APPLICATION_HEADER, ListMoment, write_list
from overstap.simulation.synthetic.pupil import SyntheticPupil
from overstap.simulation.synthetic.region import SyntheticRegion
from overstap.simulation.synthetic.reviews import write_reviews
from overstap.simulation.synthetic.school import PrimarySchool, SchoolBehaviour, SupplySource
from overstap.simulation.synthetic.tables import write_places, write_tests


@dataclass(frozen=True, slots=True)
class WrittenRegion:
    """Numbers and places of the files written."""

    agreement: Path
    drop: Path
    """`<drop>/<region>/<school>/`: the setting OVERSTAP_DROP."""
    late: Path
    """Same form: files of late schools, to be moved to the drop folder when the school supplies at last."""
    mended: Path
    """Same form: the faulty dossiers again, without their faults and under the same file names."""
    applications: Path
    reviews: Path
    las: Path
    dossiers: int
    late_dossiers: int
    mended_dossiers: int
    application_rows: int


def write(
    region: SyntheticRegion,
    folder: Path,
    milestones: Mapping[RoundKind, Milestones] | None = None,
    *,
    advance: Advance = unwatched,
    **agreed: object,
) -> WrittenRegion:
    """Write everything of a region.

    Args:
        region: the region.
        folder: where it goes; made when it is not there.
        milestones: moments per round; `agreement.usual_milestones` when left out.
        advance: is told of the pupils of each school that was written.
        agreed: what else `agreement.agreement_of` takes: `receives_at`, `las_connection`, `review_minimum`.

    Raises:
        FileExistsError: the folder holds a region of this name already; pupils of two regions would get mixed.
    """
    if (folder / "drop" / region.name).exists():
        raise FileExistsError(f"{folder / 'drop' / region.name} is there already")
    agreement = agreement_of(region, milestones, **agreed)  # type: ignore[arg-type]
    path = write_agreement(agreement, folder / "regions")
    places = {name: folder / name for name in ("drop", "late", "mended")}
    counts = dict.fromkeys(places, 0)
    for school in region.primary:
        if school.source is SupplySource.DROP_FOLDER:
            for name, count in write_school(region, school, folder).items():
                counts[name] += count
        elif school.source is SupplySource.MAPPED_EXPORT:
            _write_export(region, school, folder)
        advance(school.size)
    application_rows = write_applications(region, folder / "applications" / f"{region.name}.csv")
    for moment in ListMoment:
        write_list(region, folder / "applications" / f"{region.name}-{moment}.csv", moment)
    write_tests(region, folder / "tests" / f"{region.name}.csv")
    write_places(region, folder / "places" / f"{region.name}.csv")
    write_reviews(region, folder / "reviews" / region.name, seen_on=region.today)
    las.write_las(region, folder / "las" / "las.sql")
    return WrittenRegion(
        agreement=path,
        **places,
        applications=folder / "applications" / f"{region.name}.csv",
        reviews=folder / "reviews" / region.name,
        las=folder / "las" / "las.sql",
        dossiers=counts["drop"],
        late_dossiers=counts["late"],
        mended_dossiers=counts["mended"],
        application_rows=application_rows,
    )


def write_school(region: SyntheticRegion, school: PrimarySchool, folder: Path) -> dict[str, int]:
    """Write the files of one school that uses a drop folder; return their number in `drop`, `late` and `mended`.

    The folder of a late school is there, and empty.
    """
    counts = {"drop": 0, "late": 0, "mended": 0}
    # The files are as old as the export, so that they do not count as still being written.
    modified_at = _made_at(region)
    homes = {name: folder / name / region.name / school.id for name in counts}
    homes["drop"].mkdir(parents=True, exist_ok=True)
    for pupil in region.pupils(school):
        name = "late" if school.behaviour is SchoolBehaviour.LATE else "drop"
        _write_file(homes[name] / file_name(pupil), to_bytes(dossier(region, pupil)), modified_at)
        counts[name] += 1
        if pupil.fault is not None:
            content = to_bytes(dossier(region, pupil.mended()))
            _write_file(homes["mended"] / file_name(pupil), content, modified_at)
            counts["mended"] += 1
    if school.behaviour is SchoolBehaviour.LITTERED:
        litter.write_litter(homes["drop"], modified_at)
        twice = next(region.pupils(school))
        # Two files of one pupil: the school exported again and let the first file stand.
        _write_file(homes["drop"] / f"nogmaals {twice.las_key}.xml", to_bytes(dossier(region, twice)), modified_at)
    return counts


def _write_export(region: SyntheticRegion, school: PrimarySchool, folder: Path) -> None:
    """Write the export of a school's own system, and the region's mapping that reads it."""
    mappings = folder / "regions" / region.name / "mappings"
    mappings.mkdir(exist_ok=True)
    (mappings / f"{export.MAPPING}.yaml").write_text(export.mapping(), encoding="utf-8")
    content = export.export_of(school, region.pupils(school), region.first_year)
    _write_file(folder / "drop" / region.name / school.id / export.FILE, content, _made_at(region))


def dossier(region: SyntheticRegion, pupil: SyntheticPupil) -> Dossier:
    """Return a pupil's OSO 2019.1 dossier, as the school's system exports it before inspection."""
    return building.build(region.values(pupil))


def dossiers(region: SyntheticRegion, school: PrimarySchool | None = None) -> Iterator[tuple[SyntheticPupil, Dossier]]:
    """Make the dossiers of one school, or of the whole region, one at a time."""
    for pupil in region.pupils(school):
        yield pupil, dossier(region, pupil)


def file_name(pupil: SyntheticPupil) -> str:
    """Return what the school's system calls the exported file; some put the pupil's name in it."""
    if not pupil.school.names_in_file_names:
        return f"OSO_POVO_{pupil.las_key}.xml"
    name = f"{pupil.first_names[0]} {pupil.prefix} {pupil.surname}".replace("/", "-")
    # 255 bytes is the most that a file system takes, and a name may be longer.
    short = " ".join(name.split()).encode()[:120].decode(errors="ignore")
    return f"Dossier {short} {pupil.las_key}.xml"


def write_applications(region: SyntheticRegion, path: Path) -> int:
    """Write the region's applications as CSV (docs/sources.md); return the number of rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(APPLICATION_HEADER)
        for pupil in region.pupils():
            for choice in pupil.choices:
                writer.writerow(
                    (
                        *(pupil.number, pupil.birth_date.isoformat(), pupil.school.id, choice.school_id),
                        *(las.PHASES[choice.stage], choice.recorded_at.isoformat()),
                    )
                )
                count += 1
    written = path.stat().st_mtime - 60  # so that it does not count as still being written
    os.utime(path, (written, written))
    return count


def _made_at(region: SyntheticRegion) -> float:
    """Return when files of a region were made, in seconds since 1970: at the beginning of the day of the export."""
    return datetime.combine(region.today, datetime.min.time(), NETHERLANDS).timestamp()


def _write_file(path: Path, content: bytes, modified_at: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (modified_at, modified_at))
