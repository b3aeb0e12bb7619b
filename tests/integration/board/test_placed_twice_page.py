"""The board's page of pupils placed at several schools: who they are by sign, which placement holds, who may say so."""

# ruff: noqa: F401, F811 (fixtures of another module)

from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from overstap.agreements import Milestones, RoundKind
from overstap.agreements.model import RegistrationStage
from overstap.clock import now
from overstap.ledger import Ledger
from overstap.ledger.dossiers import dossiers
from overstap.ledger.region_keys import sha256
from overstap.ledger.rosters import by_application
from overstap.ledger.rounds import placements, registrations, rounds
from overstap.simulation.synthetic.numbers import bsn

from .conftest import HOSTILE
from .test_deciding import FIRST, OF_BETA, ROUND, SAME, SECOND, VIEWER, Asking, airflow, filled, mark, said

PLACING = ROUND.replace("advice", "placement")
HERE = f"/ronde/{PLACING}"
PAGE = f"{HERE}/dubbel-geplaatst"
YEAR = ROUND.split(".")[1]
ONE, TWO = bsn(8001), bsn(8002)


@pytest.fixture
def schools(board: object, ledger: Ledger) -> list[str]:
    """A placement round with two pupils who are placed at both secondary schools, one of them without a dossier."""
    with ledger.unit("alfa", "test") as unit:
        known = rounds.get_round(unit, ROUND).agreement
        agreed = known.rounds[RoundKind.ADVICE]
        at = now()
        moments = Milestones(
            **{name: at + timedelta(days=place - 5) for place, name in enumerate(Milestones.model_fields)}
        )
        made = agreed.model_copy(update={"receivers": RegistrationStage.PLACED, "milestones": moments})
        agreement = known.model_copy(update={"rounds": {**known.rounds, RoundKind.PLACEMENT: made}})
        rounds.open_round(unit, agreement, RoundKind.PLACEMENT)
        primary = next(one.id for one in agreement.schools if one.kind == "PO")
        secondary = sorted(one.id for one in agreement.schools if one.kind == "VO")
        text = b"<dossier/>"
        item = dossiers.IncomingDossier(ONE, "geheim-17", text, sha256(text), "2019.1", "drop_folder")
        dossiers.store(unit, PLACING, primary, [item])
        stated = [
            registrations.Registration(pupil, primary, school, "placed", at)
            for pupil in (ONE, TWO)
            for school in secondary
        ]
        registrations.record_registrations(unit, YEAR, stated)
    return secondary


def signs(ledger: Ledger) -> list[str]:
    with ledger.unit("alfa", "test") as unit:
        return [one.sign for one in placements.placed_twice(unit, PLACING)]


def answers(ledger: Ledger) -> dict[str, tuple[str, ...]]:
    with ledger.unit("alfa", "test") as unit:
        found = placements.placed_twice(unit, PLACING)
    return {one.sign: one.answer.holds for one in found if one.answer}


def test_the_count_is_told_and_the_coordinator_says_which_placement_holds(
    client: TestClient, ledger: Ledger, schools: list[str]
) -> None:
    assert "Van 2 leerlingen moet u nog zeggen welke plaatsing geldt." in said(client.get(HERE))
    assert "Ook te beslissen" in said(client.get("/"))
    assert "Van 2 leerlingen moet u nog zeggen welke plaatsing geldt." in said(client.get("/"))
    page = client.get(PAGE)
    first, second = signs(ledger)
    assert all(f"Leerling {sign}" in said(page) for sign in (first, second))
    assert "Er is in deze ronde nog geen dossier." in said(page)
    assert not any(secret in page.text for secret in (ONE, TWO, "geheim-17"))
    form = {"mark": mark(page), "sign": first, "seen": " ".join(schools), "holds": schools[1], "reason": "Ouders kozen"}
    answer = client.post(PAGE, data=form, headers=SAME)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/rondes{PAGE}?gedaan=vastgelegd")
    assert answers(ledger) == {first: (schools[1],)}
    told = said(client.get(f"{PAGE}?gedaan=vastgelegd"))
    assert "Uw keuze staat vast." in told
    assert "Coördinator Regio Alfa koos op" in told
    assert "Reden: Ouders kozen" in told
    both = {**form, "sign": second, "holds": "all", "reason": "<script>alert(1)</script> {{ 7 * 7 }}"}
    assert client.post(PAGE, data=both, headers=SAME).status_code == 303
    assert answers(ledger)[second] == tuple(schools)
    assert "Ook te beslissen" not in said(client.get("/"))
    page = client.get(PAGE)
    assert "<script>alert(1)" not in page.text
    assert "{{ 7 * 7 }}" in said(page)
    assert "Van 2 leerlingen is gezegd welke plaatsing geldt." in said(client.get(HERE))


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"mark": "x"}, 422),
        ({"holds": ""}, 422),
        ({"holds": "99ZZ00"}, 422),
        ({"reason": "  "}, 422),
        ({"reason": "x" * 501}, 422),
        ({"reason": "a\x00b"}, 422),
        ({"sign": "0000-0000"}, 409),
        ({"sign": "\x00"}, 409),
        ({"seen": "98XA00"}, 409),
        ({"seen": ""}, 409),
    ],
)
def test_what_is_not_right_records_nothing_and_says_why(
    client: TestClient, ledger: Ledger, schools: list[str], change: dict[str, str], status: int
) -> None:
    page = client.get(PAGE)
    form = {"mark": mark(page), "sign": signs(ledger)[0], "seen": " ".join(schools), "holds": "all", "reason": "x"}
    answer = client.post(PAGE, data={**form, **change}, headers=SAME)
    assert answer.status_code == status
    assert "Er is niets vastgelegd" in said(answer)
    assert answers(ledger) == {}


def test_only_a_coordinator_of_the_region_answers_and_only_who_may_see_dossiers_looks(
    client: TestClient, airflow: Asking, ledger: Ledger, schools: list[str]
) -> None:
    page = client.get(PAGE)
    form = {"mark": mark(page), "sign": signs(ledger)[0], "seen": " ".join(schools), "holds": "all", "reason": "x"}
    assert client.post(PAGE, data=form, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 422
    for who in (VIEWER, SECOND, OF_BETA):
        airflow.asks = who
        assert client.get(PAGE).status_code == 404
        assert client.post(PAGE, data=form, headers=SAME).status_code == 404
    airflow.asks = VIEWER
    told = client.get(HERE)
    assert "Van 2 leerlingen moet u nog zeggen" in said(told)
    assert "dubbel-geplaatst" not in told.text
    airflow.asks = FIRST
    assert client.get(f"/ronde/{ROUND}/dubbel-geplaatst").status_code == 404
    assert answers(ledger) == {}
    assert HOSTILE.split()[0] not in page.text or "<script>alert(1)</script>" not in page.text


def test_an_account_that_may_look_and_not_decide_sees_who_may(
    client: TestClient, airflow: Asking, ledger: Ledger, schools: list[str]
) -> None:
    airflow.asks = type(FIRST)("iemand", "77", FIRST.regions, FIRST.reruns, sees_dossiers=True)
    page = client.get(PAGE)
    assert "Deze vraag beantwoordt Coördinator Regio Alfa" in said(page)
    assert 'name="holds"' not in page.text


def test_lists_by_application_have_counts_owners_and_signs(
    client: TestClient, airflow: Asking, ledger: Ledger, schools: list[str]
) -> None:
    nowhere, gone = bsn(8003), bsn(8004)
    with ledger.unit("alfa", "test") as unit:
        primary = next(one.id for one in rounds.get_round(unit, PLACING).agreement.schools if one.kind == "PO")
        at = now()
        stated = [registrations.Registration(pupil, primary, schools[0], "applied", at) for pupil in (nowhere, gone)]
        registrations.record_registrations(unit, YEAR, stated)
        others = [(row.pupil_number, row.secondary_school) for row in stated if row.pupil_number != gone]
        keep = [*others, *((pupil, school) for pupil in (ONE, TWO) for school in schools)]
        registrations.mark_unstated(unit, YEAR, keep)
        registrations.withdraw_unstated(unit, YEAR)
        counts = {
            (one.school, one.list.value): one.count
            for one in by_application.all_counts(unit, PLACING, primary)
            if one.list.value in ("placed_twice", "admitted_nowhere", "withdrawn_everywhere")
        }
        mine = by_application.listed(unit, PLACING, primary)
        assert [one.list.value for one in by_application.listed(unit, ROUND, primary)].count("admitted_nowhere") == 0
    assert counts[primary, "placed_twice"] == 2
    assert counts[primary, "admitted_nowhere"] >= 1
    assert counts[primary, "withdrawn_everywhere"] >= 1
    page = client.get(HERE)
    assert "2 leerlingen zijn bij meer dan één school geplaatst, en niemand heeft gezegd" in said(page)
    form = {"mark": mark(page), "school": primary, "lijst": "withdrawn_everywhere"}
    taken = client.post(f"{HERE}/lijst-oppakken", data=form, headers=SAME)
    assert taken.headers["location"] == f"/rondes{HERE}?gedaan=taken_up#leerlingen"
    table = client.get(f"{HERE}/leerlingenlijst.csv").text
    assert {one.sign for one in mine} <= {line.split(";")[3] for line in table.splitlines()[1:]}
    [owned] = {line.split(";")[5] for line in table.splitlines() if primary in line and "ingetrokken" in line}
    assert owned == "Coördinator Regio Alfa"
    assert not any(number in table for number in (ONE, TWO, nowhere, gone))
    first = next(one for one in mine if one.list.value == "placed_twice")
    token = mark(client.get(PAGE))
    answer = {"mark": token, "sign": first.sign, "seen": " ".join(schools), "holds": schools[0], "reason": "x"}
    client.post(PAGE, data=answer, headers=SAME)
    with ledger.unit("alfa", "test") as unit:
        left = [one for one in by_application.listed(unit, PLACING, primary) if one.list.value == "placed_twice"]
    assert len(left) == 1
