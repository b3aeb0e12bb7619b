import csv
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from overstap.agreements import RoundKind, load_agreement
from overstap.cli.synth import app
from overstap.errors import OverstapError
from overstap.intake import applications
from overstap.intake.sources.drop_folder import DroppedFile, scan
from overstap.intake.sources.las_database import LasDatabase
from overstap.oso import reading
from overstap.oso.writing import content_digest
from overstap.simulation.synthetic import SyntheticRegion, make_region
from overstap.simulation.synthetic.agreement import agreement_of, compressed_milestones, write_agreement
from overstap.simulation.synthetic.reviews import HEADER, reviews_of
from overstap.simulation.synthetic.school import SchoolBehaviour, SupplySource
from overstap.simulation.synthetic.writing import WrittenRegion, dossier, write

TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def region() -> SyntheticRegion:
    return make_region(4, 120, 8, 4, today=TODAY)


@pytest.fixture(scope="module")
def written(region: SyntheticRegion, tmp_path_factory: pytest.TempPathFactory) -> WrittenRegion:
    return write(region, tmp_path_factory.mktemp("region"))


def found_in(folder: Path) -> list[DroppedFile]:
    looked = scan(folder, now=NOW, settle_seconds=30, label_key=b"key")
    return [one for one in looked if isinstance(one, DroppedFile)]


def digests(folder: Path) -> Counter[bytes]:
    return Counter(content_digest(reading.read(one.data)) for one in found_in(folder))


def test_drop_folders_hold_the_dossiers(region: SyntheticRegion, written: WrittenRegion) -> None:
    for school in region.primary:
        folder = written.drop / region.name / school.id
        expected = Counter(content_digest(dossier(region, pupil)) for pupil in region.pupils(school))
        if school.source is SupplySource.LAS_DATABASE:
            assert not folder.exists()
        elif school.behaviour is SchoolBehaviour.LATE:
            assert list(folder.iterdir()) == []
            assert digests(written.late / region.name / school.id) == expected
        elif school.behaviour is not SchoolBehaviour.LITTERED:
            assert digests(folder) == expected


def test_the_littered_school_has_its_dossiers_and_one_twice(region: SyntheticRegion, written: WrittenRegion) -> None:
    school = next(school for school in region.primary if school.behaviour is SchoolBehaviour.LITTERED)
    codes: Counter[str] = Counter()
    pupils: Counter[str | None] = Counter()
    for one in found_in(written.drop / region.name / school.id):
        try:
            pupils[reading.read(one.data).pupil_number] += 1
        except OverstapError as error:
            codes[error.code] += 1
    assert pupils == Counter(pupil.number for pupil in region.pupils(school)) + Counter(
        [next(region.pupils(school)).number]
    )
    assert sum(codes.values()) == 6
    assert len(codes) >= 3


def test_mended_files_take_the_place_of_the_faulty_ones(region: SyntheticRegion, written: WrittenRegion) -> None:
    school = next(school for school in region.primary if school.behaviour is SchoolBehaviour.FAULTY)
    mended = {path.name for path in (written.mended / region.name / school.id).iterdir()}
    assert digests(written.mended / region.name / school.id) == Counter(
        content_digest(dossier(region, pupil.mended())) for pupil in region.pupils(school) if pupil.fault is not None
    )
    assert len(mended) == written.mended_dossiers == sum(pupil.fault is not None for pupil in region.pupils(school))
    assert mended <= {path.name for path in (written.drop / region.name / school.id).iterdir()}


def test_the_agreement_loads_and_says_what_each_school_does(region: SyntheticRegion, written: WrittenRegion) -> None:
    agreement = load_agreement(written.agreement)
    assert [school.id for school in agreement.primary_schools] == [school.id for school in region.primary]
    for made, agreed in zip(region.primary, agreement.primary_schools, strict=True):
        assert isinstance(agreed.supplies, LasDatabase) == (made.source is SupplySource.LAS_DATABASE)
    # The rounds between primary and secondary schools; those of a partnership are no part of a synthetic region
    assert set(agreement.rounds) == {RoundKind.PRE_REGISTRATION, RoundKind.ADVICE, RoundKind.PLACEMENT}
    assert agreement == agreement_of(region)


def test_milestones_minutes_apart_survive_the_file(region: SyntheticRegion, tmp_path: Path) -> None:
    # In this hour the clock goes back: half past two comes twice.
    opens = datetime(2026, 10, 25, 0, 20, tzinfo=UTC)
    asked = {RoundKind.ADVICE: compressed_milestones(opens, timedelta(minutes=17))}
    agreement = agreement_of(region, asked, review_minimum=timedelta(minutes=1))
    loaded = load_agreement(write_agreement(agreement, tmp_path))
    moments = loaded.rounds[RoundKind.ADVICE].milestones
    assert [moment.astimezone(UTC) for moment in vars(moments).values()] == [
        opens + step * timedelta(minutes=17) for step in range(6)
    ]
    assert loaded.rounds[RoundKind.ADVICE].review_minimum == timedelta(minutes=1)


def test_applications_read_back(region: SyntheticRegion, written: WrittenRegion) -> None:
    good, refused = applications.read_file(written.applications)
    assert refused == []
    assert len(good) == written.application_rows
    wanted = {(pupil.number, choice.school_id, choice.stage) for pupil in region.pupils() for choice in pupil.choices}
    assert {(one.pupil_number, one.secondary_school, one.stage) for one in good} == wanted


def test_answers_of_parents(region: SyntheticRegion, written: WrittenRegion) -> None:
    answers: Counter[str] = Counter()
    for school in region.primary:
        path = written.reviews / f"review-{school.id}.csv"
        assert path.read_bytes().startswith(b"\xef\xbb\xbf")
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, delimiter=";"))
        keys = {pupil.las_key for pupil in region.pupils(school)}
        assert {row["leerlingid"] for row in rows} <= keys
        if school.size >= 10:
            assert len(rows) < school.size
            assert any(row["akkoord"] == "Nee" for row in rows)
        for row in rows:
            assert tuple(row) == HEADER
            assert (row["zienswijze"] != "") == (row["akkoord"] == "Nee")
            assert row["inzagedatum"] == "2026-11-23"
            answers[row["akkoord"]] += 1
    assert answers["Ja"] > 0.8 * sum(answers.values())


def test_three_in_a_hundred_disagree() -> None:
    made = make_region(2, 3_000, 10, 4, today=TODAY)
    answers = Counter(one.agreed for school in made.primary for one in reviews_of(made, school, TODAY))
    assert 60 < answers["Nee"] < 150
    assert 2_800 < sum(answers.values()) < 2_960


def test_a_second_region_of_the_same_name_is_not_mixed_in(region: SyntheticRegion, written: WrittenRegion) -> None:
    with pytest.raises(FileExistsError):
        write(region, written.drop.parent)


def test_the_command_writes_the_same_files_twice(tmp_path: Path) -> None:
    runs = []
    for folder in ("first", "second"):
        asked = ["--region", "proef", "--pupils", "30", "--seed", "9", "--primary", "4", "--today", "2026-11-23"]
        result = CliRunner().invoke(app, [*asked, "--out", str(tmp_path / folder)])
        assert result.exit_code == 0, result.output
        files = sorted(path for path in (tmp_path / folder).rglob("*") if path.is_file() and not path.is_symlink())
        runs.append({str(path.relative_to(tmp_path / folder)): path.read_bytes()[:100_000] for path in files})
    assert runs[0] == runs[1]
    assert any(name.startswith("drop/proef/99AA00/") for name in runs[0])


def test_the_command_says_what_does_not_fit(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--pupils", "3", "--out", str(tmp_path)])
    assert result.exit_code == 2
    assert "pupil for each primary school" in " ".join(result.output.replace("│", " ").split())


@pytest.mark.parametrize("region", ["g", "Noord", "../noord"])
def test_the_command_says_that_an_id_does_not_fit_and_writes_nothing(tmp_path: Path, region: str) -> None:
    result = CliRunner().invoke(app, ["--region", region, "--pupils", "24", "--out", str(tmp_path / "out")])
    assert result.exit_code == 2, result.output
    assert "region:" in result.output
    assert list(tmp_path.iterdir()) == []
