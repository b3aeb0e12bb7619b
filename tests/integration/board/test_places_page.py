"""The board's page of places and its files: who sees them, and what they hold."""

# ruff: noqa: F401, F811 (fixtures of another module)

import pytest
from fastapi.testclient import TestClient

from overstap.clock import now
from overstap.ledger import Ledger
from overstap.ledger.rounds import offers, rounds
from overstap.ledger.rounds.offers import StatedOffer

from .conftest import HOSTILE
from .test_deciding import FIRST, OF_BETA, ROUND, Asking, airflow, filled

PAGE = f"/ronde/{ROUND}/plaatsen"
FILES = ("plaatsen.csv", "plaatsen.xlsx", "vrij.csv", "vrij.xlsx", "vrij.pdf", "vrij.html")


@pytest.fixture
def stated(board: object, ledger: Ledger) -> None:
    with ledger.unit("alfa", "test") as unit:
        agreement = rounds.get_round(unit, ROUND).agreement
        school = agreement.secondary_schools[0].id
        found = [
            StatedOffer(school, HOSTILE[:80], "havo", 30, 28, now()),
            StatedOffer(school, "Plein", "vwo", 20, 20, now()),
        ]
        assert offers.take(unit, agreement.school_year, found) == 2


def test_a_coordinator_sees_places_and_takes_the_files(stated: None, airflow: Asking, client: TestClient) -> None:
    airflow.asks = FIRST
    shown = client.get(PAGE)
    assert shown.status_code == 200
    assert "Vrije plaatsen in de regio: 2." in shown.text
    assert HOSTILE[:80] not in shown.text, "it is escaped"
    for name in FILES:
        answer = client.get(f"{PAGE}/{name}")
        assert answer.status_code == 200, name
        assert "attachment" in answer.headers["content-disposition"]
    free = client.get(f"{PAGE}/vrij.html").text
    assert "havo" in free
    assert "vwo" not in free
    assert HOSTILE[:80] not in free
    for name in ("plaatsen.pdf", "vrij.exe", "x.csv", "..%2fx"):
        assert client.get(f"{PAGE}/{name}").status_code == 404, name


def test_another_region_sees_neither_page_nor_file(stated: None, airflow: Asking, client: TestClient) -> None:
    airflow.asks = OF_BETA
    for path in (PAGE, *(f"{PAGE}/{name}" for name in FILES)):
        assert client.get(path).status_code == 404, path
