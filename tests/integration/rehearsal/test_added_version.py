"""A version of the standard that an administrator added goes from file to receipt without a line of code."""

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import edited_standard as edit
import pytest
from official_files import official_folder

from overstap.agreements import RoundKind, load_agreement
from overstap.agreements.national import national_year
from overstap.agreements.rehearsal import RehearsalAssumptions
from overstap.oso.version_cache import forget_versions
from overstap.simulation.rehearsal.play import RehearsalEvent, RehearsalWays, RoundRehearsal
from overstap.simulation.rehearsal.year import rehearse_year
from overstap.simulation.synthetic.writing import write_school
from overstap.standards.adding import LIST_FILE, OfficialFiles, add_version, fill_version
from overstap_tools.local.temporary import temporary_server
from overstap_tools.project import PROJECT

PUPILS = 8


@pytest.fixture(scope="module")
def standards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the next version, in which one of the two new fields was filled in."""
    official = official_folder()
    if official is None:
        pytest.skip("the official OSO files are not at hand; set OVERSTAP_OFFICIAL to the folder that holds 2019.1/")
    place = tmp_path_factory.mktemp("added")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OVERSTAP_STANDARDS", str(place / "standards"))
        forget_versions()
        schema, sheets = edit.make(official, place / "files")
        folder = add_version(OfficialFiles(schema, tuple(sheets))).folder
        with (folder / LIST_FILE).open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, delimiter=";"))
        for row in rows:
            if row["path"] == edit.ADDED:
                words = {"label": "Voorlopig advies", "help": "Advies in januari.", "category": "overstapadvies"}
                row.update(words, group="okr")
        with (place / "filled.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
        fill_version(edit.NEW, place / "filled.csv")
        yield place / "standards"
    forget_versions()


@pytest.fixture(scope="module")
def played(standards: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[RehearsalEvent], Path]:
    """The events of a round in which every school supplies the next version, and what the receivers stored."""
    received = tmp_path_factory.mktemp("received") / "stores"
    close = RoundRehearsal._close

    def write_next_version(region: Any, school: Any, folder: Path) -> None:
        write_school(region, school, folder)
        for path in sorted((folder / "drop").rglob(f"{school.id}/*.xml")):
            path.write_bytes(edit.dossier(path.read_bytes(), provisional="60", test=edit.CODE[1]))

    def close_and_keep(rehearsal: RoundRehearsal) -> Iterator[RehearsalEvent]:
        yield from close(rehearsal)
        shutil.copytree(rehearsal._made.parent / "received", received)

    agreement = load_agreement(PROJECT / "include" / "regions" / "utrecht" / "2026-2027.yaml")
    agreement = agreement.model_copy(update={"rounds": {RoundKind.ADVICE: agreement.round(RoundKind.ADVICE)}})
    with pytest.MonkeyPatch.context() as patch, temporary_server() as server:
        patch.setattr(RoundRehearsal, "_close", close_and_keep)
        who: dict[str, Any] = {"seed": 4, "pupils": PUPILS, "schools": 2}
        who |= {
            "assumptions": RehearsalAssumptions(late=0, silent=0),
            "ways": RehearsalWays(hand_in=write_next_version),
        }
        events = list(rehearse_year(agreement, national_year("2026-2027"), server=server, **who))
    return events, received


def test_it_goes_from_file_to_receipt(played: tuple[list[RehearsalEvent], Path]) -> None:
    events, received = played
    [closed] = [one for one in events if one.what == "closed"]
    assert closed.facts["breaches"] == 0
    # A pupil who is registered at two schools has one dossier, which both received
    pupils = {path.read_bytes() for path in received.rglob("dossier.xml")}
    assert closed.facts["confirmed"] == len(pupils) > 0


def test_what_was_filled_in_arrives_and_what_nobody_classified_does_not(
    played: tuple[list[RehearsalEvent], Path],
) -> None:
    _, received = played
    dossiers = [path.read_text(encoding="utf-8") for path in received.rglob("dossier.xml")]
    for text in dossiers:
        assert f'xmlns="{edit.NAMESPACE}"' in text
        assert "<voorlopigadvies>60</voorlopigadvies>" in text
        assert "<nnca>" not in text
    stated = [json.loads(path.read_bytes()) for path in received.rglob("withheld.json")]
    assert len(stated) == len(dossiers)
    assert all(each["paths"] == [edit.MOVED] for each in stated)
