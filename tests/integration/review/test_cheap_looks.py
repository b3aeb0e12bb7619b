"""Tests of what a page of the parents costs the ledger, in scans of tables and in plans, not in seconds."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import psycopg
from families import Family, Home, ReviewRound
from test_parents_codes import look, sign_in

from overstap.ledger.review.parents_functions import ParentsFunctions

TABLES = ("dossier", "entitled", "review_decision")


def scans_of_a_look(home: Home, family: Family, person: str, answers: int) -> dict[str, int]:
    """Return how often a look that shows so many answers scans the tables of answers, by their index or whole."""
    scanned = (
        "select relname, coalesce(idx_scan, 0) + seq_scan from pg_stat_xact_user_tables "
        "where schemaname = 'overstap' and relname = any(%s)"
    )
    with psycopg.connect(home.review_dsn, autocommit=True) as connection:
        _, stay = sign_in(connection, family.codes[person], family.born)
        with connection.transaction():
            before: dict[str, int] = dict(connection.execute(scanned, [list(TABLES)]).fetchall())
            assert len(look(connection, stay)[13] or []) == answers
            after: dict[str, int] = dict(connection.execute(scanned, [list(TABLES)]).fetchall())
    return {table: after[table] - before[table] for table in TABLES}


def answer(home: Home, family: Family, person: str) -> None:
    """Let a person agree."""
    with psycopg.connect(home.review_dsn, autocommit=True) as connection:
        _, stay = sign_in(connection, family.codes[person], family.born)
        found = connection.execute(
            "select status from overstap.review_decide(%s, gen_random_uuid(), 'Ja', null, null, null)", [stay.token]
        )
        assert found.fetchall() == [("recorded",)]


def test_before_an_answer_nobody_asks_what_counts(review_round: ReviewRound, at_home: Home) -> None:
    """Pages are asked for more often before the answer, and the views of what counts were the dearest part of one."""
    family = review_round.take()
    person = family.persons[0]
    found = scans_of_a_look(at_home, family, person, 0)
    assert (found["entitled"], found["review_decision"]) == (0, 1)


def test_of_a_first_version_nobody_asks_what_came_before(review_round: ReviewRound, at_home: Home) -> None:
    family = review_round.take()
    person = family.persons[0]
    before = scans_of_a_look(at_home, family, person, 0)
    answer(at_home, family, person)
    found = scans_of_a_look(at_home, family, person, 1)
    assert found["review_decision"] == 3  # is there one, what counts, what it says
    assert found["dossier"] == before["dossier"]


def test_functions_of_the_pages_are_planned_once_per_connection(at_home: Home) -> None:
    async def mode() -> str:
        functions = ParentsFunctions(at_home.review_dsn)
        await functions.open()
        try:
            return str(await functions._value("show plan_cache_mode", []))
        finally:
            await functions.close()

    with ThreadPoolExecutor(1) as pool:  # a browser's driver leaves a loop running in the test's own thread
        assert pool.submit(asyncio.run, mode()).result() == "force_generic_plan"
