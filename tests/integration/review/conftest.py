"""A region with families and the pages before it, shared: each test takes families of its own (`place.take`)."""

from collections.abc import Iterator

import pytest
from families import Home, Place, home, open_place
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
def place(at_home: Home) -> Place:
    return open_place(at_home.ledger, 30, immaterial=IMMATERIAL)


@pytest.fixture(scope="session")
def served(at_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    found = Served(at_home.review_dsn, tmp_path_factory.mktemp("served") / "review.log").start()
    yield found
    found.kill()
