"""I6 and F70: no personal data outside the ledger, the drop folders and the receivers' stores.

The region of the played round has marks in every kind of personal data. They are looked for in Airflow's whole database
(XCom and rendered templates are tables of it), its folder, everything that its process said, its temporary folder, the
reports, the logs of the endpoints and of PostgreSQL, and in the ledger as whoever stole the disk would read it.
"""

import base64
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from .airflow_home import DATABASE
from .conftest import PlayedRound
from .marks import FILE, FIRST_NAME, LITTER, STREET, SURNAME, VIEW, Found, Search, marks_of


@pytest.fixture(scope="module")
def search(played_round: PlayedRound) -> Search:
    return Search(marks_of(played_round.deployment))


def everywhere(played_round: PlayedRound, search: Search) -> Iterator[Found]:
    deployment = played_round.deployment
    yield from search.database(deployment.server.superuser_dsn(DATABASE))
    yield from search.database(deployment.owner_dsn)
    for folder in (
        played_round.airflow.home,
        played_round.airflow.temporary,
        deployment.reports,
        deployment.server.folder,
    ):
        yield from search.folder(folder)
    for log in (played_round.airflow.log, *(endpoint.log for endpoint in deployment.endpoints.values())):
        yield from search.data(str(log), log.read_bytes())


@pytest.mark.fault("F70")
def test_no_mark_is_anywhere(played_round: PlayedRound, search: Search) -> None:
    assert played_round.complete.states["confirmed"] > 0
    assert (played_round.deployment.reports / "alfa").is_dir()
    assert "[DAG TEST] end task task_id=close" in played_round.airflow.log.read_text()
    assert list(everywhere(played_round, search)) == []


def test_marks_are_with_the_schools(played_round: PlayedRound, search: Search) -> None:
    """They went all the way: what was searched for is what was delivered."""
    received = [
        one.mark
        for school in played_round.deployment.endpoints
        for one in search.folder(played_round.deployment.store(school))
    ]
    supplied = [one.mark for one in search.folder(played_round.deployment.drop)]
    assert {SURNAME, FIRST_NAME, STREET, VIEW} <= set(received)
    assert {SURNAME, FIRST_NAME, STREET, FILE, LITTER} <= set(supplied)
    assert {pupil.number for pupil in played_round.deployment.region.pupils()} & set(received)


@pytest.mark.fault("F70")
def test_the_search_finds_what_is_planted(played_round: PlayedRound, search: Search) -> None:
    pupil = next(played_round.deployment.region.pupils())
    home = played_round.airflow.home
    plants = {
        home / "logs-of-today.log": f"collected {pupil.number}".encode(),
        home / f"{pupil.las_key}.txt": b"nothing",
        played_round.airflow.temporary / "frame.bin": SURNAME.encode("utf-16-le"),
        played_round.deployment.reports / "report.html": b"cnVpcw" + SURNAME.encode().hex().encode(),
    }
    for database in (played_round.deployment.server.superuser_dsn(DATABASE), played_round.deployment.owner_dsn):
        with psycopg.connect(database) as connection:
            connection.execute("create table public.planted (said text, bytes bytea)")
            connection.execute("insert into public.planted values (%s, %s)", [f"x{FIRST_NAME}", STREET.encode()])
    try:
        for path, content in plants.items():
            path.write_bytes(content)
        found = {(Path(one.place).name, one.mark) for one in everywhere(played_round, search)}
    finally:
        for path in plants:
            path.unlink()
        for database in (played_round.deployment.server.superuser_dsn(DATABASE), played_round.deployment.owner_dsn):
            with psycopg.connect(database) as connection:
                connection.execute("drop table public.planted")
    assert found == {
        ("public.planted", FIRST_NAME),
        ("public.planted", STREET),
        ("logs-of-today.log", pupil.number),
        (home.name, pupil.las_key),
        ("frame.bin", SURNAME),
        ("report.html", SURNAME),
    }


def test_the_search_sees_through_base64(search: Search) -> None:
    for before in (b"", b"a", b"ab"):
        coded = base64.b64encode(before + b"naam: " + SURNAME.encode() + b"!")
        assert [one.mark for one in search.data("x", coded)] == [SURNAME]
