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
from .conftest import Story
from .marks import FILE, FIRST_NAME, LITTER, STREET, SURNAME, VIEW, Found, Search, marks_of


@pytest.fixture(scope="module")
def search(story: Story) -> Search:
    return Search(marks_of(story.house))


def everywhere(story: Story, search: Search) -> Iterator[Found]:
    house = story.house
    yield from search.database(house.server.superuser_dsn(DATABASE))
    yield from search.database(house.owner_dsn)
    for folder in (story.airflow.home, story.airflow.temporary, house.reports, house.server.folder):
        yield from search.folder(folder)
    for log in (story.airflow.log, *(endpoint.log for endpoint in house.endpoints.values())):
        yield from search.data(str(log), log.read_bytes())


def test_no_mark_is_anywhere(story: Story, search: Search) -> None:
    assert story.complete.states["confirmed"] > 0
    assert (story.house.reports / "alfa").is_dir()
    assert "[DAG TEST] end task task_id=close" in story.airflow.log.read_text()
    assert list(everywhere(story, search)) == []


def test_marks_are_with_the_schools(story: Story, search: Search) -> None:
    """They went all the way: what was searched for is what was delivered."""
    received = [one.mark for school in story.house.endpoints for one in search.folder(story.house.store(school))]
    supplied = [one.mark for one in search.folder(story.house.drop)]
    assert {SURNAME, FIRST_NAME, STREET, VIEW} <= set(received)
    assert {SURNAME, FIRST_NAME, STREET, FILE, LITTER} <= set(supplied)
    assert {pupil.number for pupil in story.house.region.pupils()} & set(received)


def test_the_search_finds_what_is_planted(story: Story, search: Search) -> None:
    pupil = next(story.house.region.pupils())
    home = story.airflow.home
    plants = {
        home / "logs-of-today.log": f"collected {pupil.number}".encode(),
        home / f"{pupil.las_key}.txt": b"nothing",
        story.airflow.temporary / "frame.bin": SURNAME.encode("utf-16-le"),
        story.house.reports / "report.html": b"cnVpcw" + SURNAME.encode().hex().encode(),
    }
    for database in (story.house.server.superuser_dsn(DATABASE), story.house.owner_dsn):
        with psycopg.connect(database) as connection:
            connection.execute("create table public.planted (said text, bytes bytea)")
            connection.execute("insert into public.planted values (%s, %s)", [f"x{FIRST_NAME}", STREET.encode()])
    try:
        for path, content in plants.items():
            path.write_bytes(content)
        found = {(Path(one.place).name, one.mark) for one in everywhere(story, search)}
    finally:
        for path in plants:
            path.unlink()
        for database in (story.house.server.superuser_dsn(DATABASE), story.house.owner_dsn):
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
