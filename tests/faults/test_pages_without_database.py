"""Tests of the parents' and schools' pages while the database ends sessions, or has none to give (F23, F28)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from school_service import School, school_service, signed_in
from served import Parent, Served

from overstap.ledger.invariants import check
from overstap_tools.local.postgres import EmbeddedPostgres


@pytest.fixture(scope="module")
def school(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("without")) as made:
        yield made


def end_sessions(school: School, login: str) -> int:
    """End the sessions of a login, as a restart of the server does; return how many there were."""
    with psycopg.connect(school.home.owner_dsn, autocommit=True) as owner:
        found = owner.execute(
            "select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity where datname = %s and usename = %s",
            [school.home.database, login],
        ).fetchone()
    assert found is not None
    return int(found[0])


@pytest.mark.fault("F23")
def test_a_schools_pages_go_on_after_the_sessions_ended(school: School) -> None:
    """No visitor sees an error for it: each connection is looked at before it is used."""
    with closing(signed_in(school)) as client, ThreadPoolExecutor(4) as pool:
        page = f"/ronde/{school.review_round.round_id}"
        assert {one.status_code for one in pool.map(client.get, [page] * 8)} == {200}
        assert end_sessions(school, "overstap_school") > 0
        assert {one.status_code for one in pool.map(client.get, [page] * 8)} == {200}


@pytest.mark.fault("F23")
def test_a_page_whose_session_ends_under_way_says_so(school: School) -> None:
    """HTTP 503 with a page that asks to come back, and never a bare error."""
    with (
        closing(signed_in(school)) as client,
        psycopg.connect(school.home.owner_dsn) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        other.execute("lock table overstap.dossier in access exclusive mode")
        asked = pool.submit(client.get, f"/ronde/{school.review_round.round_id}")
        with psycopg.connect(school.home.owner_dsn, autocommit=True) as owner:
            waits = "select from pg_stat_activity where usename = 'overstap_school' and wait_event_type = 'Lock'"
            while not asked.done() and owner.execute(waits).fetchone() is None:
                pass
        end_sessions(school, "overstap_school")
        answer = asked.result()
        other.rollback()
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "60"
        assert client.get(f"/ronde/{school.review_round.round_id}").status_code == 200


@pytest.mark.fault("F28")
def test_all_sessions_of_the_parents_pages_are_taken(school: School, tmp_path: Path) -> None:
    """Who cannot be served is told so in time, and is served as soon as there is a session again; no answer is lost."""
    pages = Served(school.home.review_dsn, tmp_path / "review.log").start()
    families = [family for family in school.review_round.families() if family.persons]
    school.review_round.give_codes(families)
    with psycopg.connect(school.home.owner_dsn) as other, ThreadPoolExecutor(len(families)) as pool:
        other.execute("lock table overstap.review_access in access exclusive mode")
        statuses = list(pool.map(lambda family: Parent(pages.address).enter(family).status_code, families))
        other.rollback()
        assert set(statuses) == {503}
        statuses = list(pool.map(lambda family: Parent(pages.address).enter(family).status_code, families))
        assert set(statuses) == {200}
    pages.stop()
    with school.review_round.unit() as unit:
        assert check(unit) == []
