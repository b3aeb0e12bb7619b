"""Fixtures: a shared region with families and its pages; each test takes families of its own (`review_round.take`)."""

from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest
from collecting_school import enrol
from families import Home, ReviewRound, home, open_review_round
from school_service import School
from served import Served

from overstap_tools.local.postgres import EmbeddedPostgres

IMMATERIAL = frozenset({"communicatie/nummer"})


@pytest.fixture(scope="session")
def at_home(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Home]:
    with home(postgres, tmp_path_factory.mktemp("parents"), ledger_template) as found:
        yield found


@pytest.fixture(scope="session")
def review_round(at_home: Home) -> ReviewRound:
    return open_review_round(at_home.ledger, 30, immaterial=IMMATERIAL)


@pytest.fixture(scope="session")
def served(at_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    found = Served(at_home.review_dsn, tmp_path_factory.mktemp("served") / "review.log").start()
    yield found
    found.kill()


@pytest.fixture(scope="module")
def person(school: School) -> Iterator[httpx.Client]:
    """Somebody of a secondary school, who showed a second factor at the pages of the module's `school`."""
    with closing(enrol(school)) as made:
        yield made
