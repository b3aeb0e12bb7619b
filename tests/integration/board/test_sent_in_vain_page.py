"""The board's page of dossiers at schools to which their pupils do not go: by sign, withdrawn by a coordinator."""

# ruff: noqa: F401, F811 (fixtures of another module)

import re

import pytest
from fastapi.testclient import TestClient
from owned import by_owner

from overstap.ledger import Ledger
from overstap.ledger.delivery.sent_in_vain import sent_in_vain

from .conftest import VIEWER
from .test_deciding import FIRST, HERE, OF_BETA, ROUND, SAME, SECOND, Asking, airflow, filled, mark, said

PAGE = f"{HERE}/gaat-elders"


@pytest.fixture
def schools(board: object, ledger: Ledger) -> list[tuple[str, str]]:
    """Two dossiers at a school where the applications ended: one withdrawn, one refused; with dossier and school."""
    by_owner(
        ledger,
        "with two as (select distinct on (d.dossier) d.pupil, a.secondary_school, d.dossier from overstap.dossier d "
        "join overstap.application a on a.region = d.region and a.pupil = d.pupil and a.withdrawn_at is null "
        "where d.round_id = %(round)s and d.state = 'inspected' limit 2), ended as ("
        "update overstap.application a set withdrawn_at = overstap.clock(), "
        "status = case when a.pupil = (select min(pupil) from two) then 'withdrawn' else 'refused' end from two "
        "where a.pupil = two.pupil and a.secondary_school = two.secondary_school) "
        "insert into overstap.delivery (message_id, region, round_id, dossier, number, secondary_school, serial, "
        "envelope, envelope_digest, manifest_digest, files_digest, state, attempts) "
        "select gen_random_uuid(), 'alfa', %(round)s, two.dossier, 1, two.secondary_school, 0, 'x', sha256('x'), "
        "sha256('x'), sha256('x'), 'sealed', 1 from two",
        round=ROUND,
    )
    with ledger.unit("alfa", "test") as unit:
        return [(str(one.dossier), one.secondary_school) for one in sent_in_vain(unit, ROUND)]


def taken(ledger: Ledger) -> list[tuple[str, str, str]]:
    with ledger.unit("alfa", "test") as unit:
        return unit.rows("select dossier::text, secondary_school, decided_by from overstap.envelope_withdrawal")


def test_a_coordinator_sees_why_and_withdraws_at_that_school(
    client: TestClient, ledger: Ledger, schools: list[tuple[str, str]]
) -> None:
    assert len(schools) == 2
    assert PAGE in client.get(HERE).text
    page = client.get(PAGE)
    assert "ouders trokken de aanmelding in" in said(page)
    assert "geweigerd" in said(page)
    checked = re.findall(r'value="([0-9a-f-]{36})" checked', page.text)
    assert len(checked) == 1, "only what parents withdrew is ticked before"
    dossier, school = next(one for one in schools if one[0] == checked[0])
    form = {"mark": mark(page), "school": school, "dossier": [dossier], "zeker": "ja"}
    answer = client.post(PAGE, data=form, headers=SAME)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/rondes{PAGE}?ingetrokken=1")
    assert taken(ledger) == [(dossier, school, FIRST.account)]
    told = client.get(f"{PAGE}?ingetrokken=1")
    assert "1 dossier is bij die school ingetrokken" in said(told)
    assert dossier not in told.text
    assert client.post(PAGE, data=form, headers=SAME).status_code == 409, "a second press finds it gone"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"mark": "x"}, 422),
        ({"dossier": []}, 422),
        ({"zeker": ""}, 422),
        ({"school": "99ZZ00"}, 409),
        ({"dossier": ["x"]}, 409),
    ],
)
def test_what_is_not_right_withdraws_nothing_and_says_why(
    client: TestClient, ledger: Ledger, schools: list[tuple[str, str]], change: dict[str, object], status: int
) -> None:
    dossier, school = schools[0]
    form = {"mark": mark(client.get(PAGE)), "school": school, "dossier": [dossier], "zeker": "ja"}
    answer = client.post(PAGE, data={**form, **change}, headers=SAME)
    assert answer.status_code == status
    assert "Er is niets ingetrokken" in said(answer)
    assert taken(ledger) == []


def test_who_may_not_see_dossiers_or_not_decide(
    client: TestClient, airflow: Asking, ledger: Ledger, schools: list[tuple[str, str]]
) -> None:
    dossier, school = schools[0]
    form = {"mark": mark(client.get(PAGE)), "school": school, "dossier": [dossier], "zeker": "ja"}
    for who in (VIEWER, SECOND, OF_BETA):
        airflow.asks = who
        assert client.get(PAGE).status_code == 404
        assert client.post(PAGE, data=form, headers=SAME).status_code == 404
    airflow.asks = type(FIRST)("kijker", "77", FIRST.regions, frozenset(), sees_dossiers=True)
    page = client.get(PAGE)
    assert 'name="dossier"' not in page.text
    assert "Een coördinator van de regio trekt dossiers in." in said(page)
    assert taken(ledger) == []
