"""What may lie in a drop folder: each thing is refused by its code and name, says what to do, and stops no other."""

import os
import re
import resource
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from overstap.clock import dutch_time, now
from overstap.errors import OverstapError
from overstap.intake.collect import CollectionResult, collect_school
from overstap.intake.sources.drop_folder import from_drop_folder
from overstap.ledger.dossiers.dossiers import RefusedFile, refused_files
from overstap.ledger.rounds.rounds import open_round
from overstap.simulation.synthetic.region import make_region
from overstap_tools.local.postgres import EmbeddedPostgres

from .deployment import KIND, RegionDeployment, build

OTHER = "Dossier van een andere school.xml"
GROWING = "groeit nog.xml"
NO_NUMBER = "zonder nummer.xml"
EXPECTED = {
    "leeg.xml": "INTAKE-011",
    "geen xml.xml": "DOSSIER-009",
    "afgebroken.xml": "DOSSIER-002",
    "oude versie.xml": "DOSSIER-001",
    "ander bericht.xml": "DOSSIER-010",
    "doctype.xml": "DOSSIER-003",
    "lachsalvo.xml": "DOSSIER-003",
    "te groot.xml": "INTAKE-006",
    "overzicht groep 8.xlsx": "INTAKE-005",
    "export.zip": "INTAKE-005",
    "map.xml": "INTAKE-002",
    "verwijzing.xml": "INTAKE-003",
    "bezig.xml.part": "INTAKE-004",
    "~$overzicht.xml": "INTAKE-004",
    ".verborgen.xml": "INTAKE-004",
    OTHER: "INTAKE-052",
    GROWING: "INTAKE-007",
    NO_NUMBER: "INTAKE-054",
}


@pytest.fixture
def deployment(server: EmbeddedPostgres, tmp_path: Path) -> Iterator[RegionDeployment]:
    region = make_region(
        7, 16, 2, 1, today=dutch_time(now()).date(), name="alfa", late=0, faulty=0, littered=1, database=0
    )
    found = build(tmp_path, server, region, review=timedelta(hours=1), las=False)
    with found.ledger() as ledger, ledger.unit("alfa", "test") as unit:
        open_round(unit, found.agreement, KIND)
    yield found
    found.close()


def folder_of(deployment: RegionDeployment, place: int) -> Path:
    return deployment.drop / "alfa" / deployment.region.primary[place].id


def collect(deployment: RegionDeployment, place: int = 1) -> CollectionResult:
    school = deployment.agreement.primary_schools[place]
    with deployment.ledger() as ledger:
        return collect_school(
            ledger,
            agreement=deployment.agreement,
            agreed=deployment.round,
            round_id=deployment.round_id,
            school=school,
            source="drop_folder",
            candidates=from_drop_folder(folder_of(deployment, place), now=now(), label_key=b"label"),
            actor="collect",
        )


def refused(deployment: RegionDeployment, place: int = 1) -> list[RefusedFile]:
    with deployment.ledger() as ledger, ledger.unit("alfa", "test") as unit:
        return refused_files(unit, deployment.round_id, deployment.region.primary[place].id)


def copied(path: Path, target: Path) -> Path:
    shutil.copy2(path, target)
    return target


@pytest.mark.fault("F54", "F55", "F67")
def test_each_is_refused_by_its_code_and_the_rest_goes_on(deployment: RegionDeployment) -> None:
    folder = folder_of(deployment, 1)
    good = sorted(folder.glob("OSO_*.xml")) or sorted(folder.glob("Dossier*.xml"))
    copied(next(folder_of(deployment, 0).glob("*.xml")), folder / OTHER)
    shutil.copy(good[1], folder / GROWING)  # written this very moment
    nameless = copied(good[1], folder / NO_NUMBER)
    nameless.write_bytes(re.sub(rb"<(bsn|onderwijsnummer)>\d+</\1>", b"", nameless.read_bytes()))
    os.utime(nameless, (good[1].stat().st_mtime,) * 2)

    found = collect(deployment)

    codes = {item.file_name: item.code for item in refused(deployment)}
    twice = {name: code for name, code in codes.items() if code == "INTAKE-053"}
    assert {name: code for name, code in codes.items() if name not in twice} == EXPECTED
    assert len(twice) == 2  # both files of one pupil: nobody but the school knows which is right
    assert found.stored.new == len(good) - 1
    assert found.waiting == 4
    assert deployment.states() == {"supplied": len(good) - 1}
    for item in refused(deployment):
        told = OverstapError(item.code, **{"label": item.label} | dict(item.facts))
        assert told.do_nl
        assert item.file_name not in str(told)


@pytest.mark.fault("F67")
def test_the_growing_file_is_taken_in_next_time_and_mended_ones_leave_the_list(deployment: RegionDeployment) -> None:
    folder = folder_of(deployment, 1)
    collect(deployment)
    before = deployment.count("dossier")
    [double] = folder.glob("nogmaals*")
    double.unlink()
    for name in EXPECTED:
        path = folder / name
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)
    found = collect(deployment)
    assert refused(deployment) == []
    assert found.stored.new == 1
    assert found.stored.unchanged == before
    assert deployment.breaches() == []


def test_a_folder_with_nothing_usable_fails_by_a_sentence(deployment: RegionDeployment) -> None:
    folder = folder_of(deployment, 1)
    for path in folder.glob("*_*.xml"):
        path.unlink()
    for path in folder.glob("*[0-9].xml"):
        path.unlink()
    with pytest.raises(OverstapError, match="INTAKE-051") as told:
        collect(deployment)
    school = deployment.agreement.primary_schools[1]
    assert school.label in told.value.message_nl
    assert len(refused(deployment)) == told.value.facts["files"]
    for path in folder.iterdir():
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    with pytest.raises(OverstapError, match="INTAKE-050"):
        collect(deployment)
    assert refused(deployment) == []


def test_two_hundred_megabytes_take_no_memory(deployment: RegionDeployment) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    collect(deployment)
    assert (folder_of(deployment, 1) / "te groot.xml").stat().st_size == 200_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB
