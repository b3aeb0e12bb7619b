"""Schools of a synthetic region that cannot export OSO: their own export with its mapping, their rosters."""

from datetime import date
from pathlib import Path

import pytest

from overstap.agreements import RoundKind, load_agreement
from overstap.intake.mappings.dossiers import dossier_of, las_key_of
from overstap.intake.mappings.loading import load
from overstap.intake.mappings.reading import MappedRow, open_table, read_rows
from overstap.intake.rosters.roster import Roster
from overstap.intake.rosters.table import read_roster
from overstap.quality.examination import examine
from overstap.quality.region_rulebook import expected_in
from overstap.simulation.synthetic import export, rosters
from overstap.simulation.synthetic.region import SyntheticRegion, make_region
from overstap.simulation.synthetic.school import PrimarySchool, SupplySource
from overstap.simulation.synthetic.writing import write

TODAY = date(2027, 3, 1)
FURTHER = ((SupplySource.MAPPED_EXPORT, 12), (SupplySource.TYPED, 1), (SupplySource.WORKBOOK, 3))


@pytest.fixture(scope="module")
def region() -> SyntheticRegion:
    return make_region(2027, 40, 4, 2, today=TODAY, further=FURTHER)


def school_of(region: SyntheticRegion, way: SupplySource) -> PrimarySchool:
    [found] = [one for one in region.primary if one.source is way]
    return found


def test_further_schools_leave_the_others_as_they_were(region: SyntheticRegion) -> None:
    alone = make_region(2027, 40, 4, 2, today=TODAY)
    assert region.primary[:4] == alone.primary
    assert list(region.pupils(region.primary[0])) == list(alone.pupils(alone.primary[0]))
    assert [one.size for one in region.primary[4:]] == [12, 1, 3]
    numbers = [pupil.number for pupil in region.pupils()]
    assert len(set(numbers)) == len(numbers) == 40 + 16


def test_an_export_is_read_by_the_regions_mapping_and_breaks_no_rule(region: SyntheticRegion, tmp_path: Path) -> None:
    written = write(region, tmp_path)
    agreement = load_agreement(written.agreement)
    school = school_of(region, SupplySource.MAPPED_EXPORT)
    mapping = load(export.MAPPING, tmp_path / "regions", region.name)
    content = (written.drop / region.name / school.id / export.FILE).read_bytes()
    with pytest.raises(UnicodeDecodeError):
        content.decode()
    rows = [row for row in read_rows(open_table(content, mapping), mapping) if isinstance(row, MappedRow)]
    pupils = list(region.pupils(school))
    assert [las_key_of(row) for row in rows] == [pupil.las_key for pupil in pupils]
    expected = expected_in(RoundKind.ADVICE, agreement.round(RoundKind.ADVICE).categories)
    for row, pupil in zip(rows, pupils, strict=True):
        made = dossier_of(row, mapping, agreement.school(school.id), TODAY)
        assert made.surname == pupil.surname
        assert made.birth_date == pupil.birth_date
        found = examine(made, profile="POVO", today=TODAY, expected=expected).findings
        assert [one for one in found if one[1] == "error"] == []
        assert "niet voor een ander" not in str(made.tree)


def test_the_mapping_that_comes_with_it_fills_the_same_fields(tmp_path: Path) -> None:
    """So its dossiers break no rule either, which would have each of them rejected."""
    (tmp_path / "regio" / "mappings").mkdir(parents=True)
    (tmp_path / "regio" / "mappings" / f"{export.MAPPING}.yaml").write_text(export.mapping(), encoding="utf-8")
    own, shipped = load(export.MAPPING, tmp_path, "regio"), load("las_export", tmp_path, "regio")
    assert {rule.field for rule in shipped.columns.values()} == {rule.field for rule in own.columns.values()}
    assert shipped.constants == own.constants


@pytest.mark.parametrize("way", [SupplySource.WORKBOOK, SupplySource.MAPPED_EXPORT])
def test_a_roster_is_the_same_in_both_forms(region: SyntheticRegion, way: SupplySource) -> None:
    school = school_of(region, way)
    by_edexml, by_csv = read_roster(rosters.edexml_of(region, school)), read_roster(rosters.table_of(region, school))
    assert (by_edexml.brin, by_edexml.branch, by_edexml.school_year) == (school.brin, school.branch, "2026-2027")
    assert by_edexml.form == "EDEXML 2.1"
    assert facts(by_edexml) == facts(by_csv)
    pupils = list(region.pupils(school))
    assert [one.number for one in by_csv.leavers(TODAY)] == [pupil.number for pupil in pupils]
    assert [one.sex for one in by_edexml.pupils] == ["girl" if pupil.sex == 1 else "boy" for pupil in pupils]
    assert not by_edexml.skipped
    assert not any(one.problems for one in (*by_edexml.pupils, *by_csv.pupils))


def facts(roster: Roster) -> list[tuple[object, ...]]:
    return [
        (one.number, one.surname, one.prefix, one.first_name, one.birth_date, one.sex, one.las_key, one.group)
        for one in roster.pupils
    ]
