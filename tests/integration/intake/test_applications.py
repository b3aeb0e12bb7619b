from pathlib import Path

import psycopg
import pytest

from overstap.errors import OverstapError
from overstap.intake import applications
from overstap.simulation.synthetic import SyntheticRegion
from overstap.simulation.synthetic.writing import write_applications


def test_the_database_and_the_csv_file_say_the_same(
    las: psycopg.Connection, region: SyntheticRegion, tmp_path: Path
) -> None:
    write_applications(region, tmp_path / "aanmeldingen.csv")
    from_csv, refused_csv = applications.read_file(tmp_path / "aanmeldingen.csv")
    from_database, refused_database = applications.read_database(las, region.name)
    assert (refused_csv, refused_database) == ([], [])
    assert set(from_database) == set(from_csv)
    assert len(from_database) == len(from_csv) > 100


def test_another_regions_applications_stay_where_they_are(las: psycopg.Connection) -> None:
    assert applications.read_database(las, "elders") == ([], [])


def test_a_bad_row_is_refused_and_the_others_are_taken(las: psycopg.Connection, region: SyntheticRegion) -> None:
    las.execute(
        "INSERT INTO las.aanmelding VALUES ('demo', '123456789', NULL, '00AA00', '98XA00', 'geplaatst', now()),"
        " ('demo', '999900006', NULL, '00AA00', '98XZ00', 'misschien', now())"
    )
    las.commit()
    good, refused = applications.read_database(las, region.name)
    assert [(one.label, one.code) for one in refused] == [("rij 1", "INTAKE-036"), ("rij 2", "INTAKE-039")]
    assert len(good) > 100


def test_a_view_with_other_columns_is_refused(las: psycopg.Connection, region: SyntheticRegion) -> None:
    las.execute("ALTER VIEW overstap_las.oso_aanmelding RENAME COLUMN fase TO stadium")
    with pytest.raises(OverstapError, match="INTAKE-042") as caught:
        applications.read_database(las, region.name)
    assert (caught.value.facts["missing"], caught.value.facts["extra"]) == ("fase", "stadium")


def test_a_missing_view_is_told_by_its_state(las: psycopg.Connection, region: SyntheticRegion) -> None:
    las.execute("DROP VIEW overstap_las.oso_aanmelding")
    with pytest.raises(OverstapError, match="INTAKE-041") as caught:
        applications.read_database(las, region.name)
    assert caught.value.facts["sqlstate"] == "42P01"
