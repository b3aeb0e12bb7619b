"""A school's page of its roster: upload, what is missing, decisions, and what nobody else may do with it."""

import re
from collections.abc import Iterator
from uuid import uuid4

import httpx
import psycopg
import pytest
from school_service import OTHER, School, school_service, signed_in

from overstap.ledger.rosters import taking
from overstap.ledger.rosters.entries import all_entries
from overstap.simulation.synthetic.numbers import bsn
from overstap_tools.local.postgres import EmbeddedPostgres

NUMBERS = [bsn(position) for position in range(5001, 5013)]
HEADER = "leerlingnummer;achternaam;geboortedatum;roepnaam;groep"


@pytest.fixture(scope="module")
def service(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("school")) as made:
        yield made


@pytest.fixture
def school(service: School) -> School:
    with psycopg.connect(service.home.owner_dsn) as owner:
        owner.execute("truncate overstap.roster_pupil, overstap.roster, overstap.refused_roster cascade")
        owner.execute("delete from overstap.school_attempt")
    return service


def address(school: School) -> str:
    return f"/ronde/{school.review_round.round_id}/leerlingenlijst"


def key(client: httpx.Client, school: School) -> str:
    return client.get(address(school)).text.partition('name="formulier" value="')[2].partition('"')[0]


def upload(client: httpx.Client, school: School, content: bytes, **form: str) -> httpx.Response:
    data = {"formulier": key(client, school), **form}
    return client.post(address(school), data=data, files={"bestand": ("lijst.csv", content)})


def table(*numbers: str, first: str = "Noor") -> bytes:
    rows = [f"{one};O'Brien {place};2015-03-30;{first};8A" for place, one in enumerate(numbers)]
    return "\n".join((HEADER, *rows)).encode()


def test_a_roster_is_supplied_and_shown_with_what_is_missing(school: School) -> None:
    client = signed_in(school)
    assert "nog geen leerlingenlijst" in client.get(address(school)).text
    shown = upload(client, school, table(*NUMBERS, first="<b>{{ 7*7 }}</b>")).text
    assert "12 leerlingen verlaten de school dit jaar" in shown
    assert "&lt;b&gt;{{ 7*7 }}&lt;/b&gt; O&#39;Brien 0" in shown
    assert "<b>{{" not in shown
    assert "12 leerlingen hebben geen dossier en geen aanmelding" in shown
    assert "30-03-2015" in shown
    assert not any(number in shown for number in NUMBERS)
    assert "gold al" in upload(client, school, table(*NUMBERS, first="<b>{{ 7*7 }}</b>")).text
    again = upload(client, school, table(*NUMBERS, "10464554")).text
    assert "Bij 1 nummer stonden de nullen vooraan er niet meer" in again
    assert "(regel 14)" in again
    assert "Bij 1 nummer stonden de nullen vooraan er niet meer" in client.get(address(school)).text, "also later"


def test_what_is_wrong_with_a_list_is_said_and_nothing_changes(school: School) -> None:
    client = signed_in(school)
    upload(client, school, table(*NUMBERS))
    for content, said in (
        (b"", "Kies eerst een bestand"),
        (b"naam;klas\nVis;8\n", "mist kolommen"),
        (b"PK\x03\x04 geen werkmap", "werkmap"),
        (b"<EDEX><school><brincode>99ZZ</brincode></school></EDEX>", "van een andere school"),
        (b'<!DOCTYPE EDEX [<!ENTITY e "x">]><EDEX>&e;</EDEX>', "DOCTYPE"),
    ):
        answer = upload(client, school, content)
        assert (answer.status_code, said.lower() in answer.text.lower()) == (422, True), said
    assert client.get(address(school)).text.count('<th scope="row">') == 12


def test_many_missing_pupils_are_asked_about(school: School) -> None:
    client = signed_in(school)
    upload(client, school, table(*NUMBERS))
    shown = upload(client, school, table(*NUMBERS[:4])).text
    assert "Hebben deze leerlingen uw school verlaten?" in shown
    assert shown.count('<th scope="row">') == 12
    form = {"formulier": key(client, school)}
    assert client.post(f"{address(school)}/ontbreekt", data=form).status_code == 422
    shown = client.post(f"{address(school)}/ontbreekt", data={**form, "weg": "ja"}).text
    assert ("Vastgelegd." in shown, shown.count('<th scope="row">')) == (True, 4)
    assert "al beslist" in client.post(f"{address(school)}/ontbreekt", data={**form, "weg": "ja"}).text


def test_a_pupil_is_taken_off_with_a_reason_and_comes_back_by_a_person(school: School) -> None:
    client = signed_in(school)
    shown = upload(client, school, table(*NUMBERS)).text
    entry = re.findall(r'leerlingenlijst/([0-9a-f-]{36})"', shown)[0]
    page = client.get(f"{address(school)}/{entry}").text
    assert "naar een andere basisschool" in page
    form = {"formulier": key(client, school)}
    assert client.post(f"{address(school)}/{entry}", data={**form, "wat": "not_stated"}).status_code == 422
    shown = client.post(f"{address(school)}/{entry}", data={**form, "wat": "moved"}).text
    assert ("Vastgelegd." in shown, shown.count('<th scope="row">')) == (True, 11)
    assert "al beslist" in client.post(f"{address(school)}/{entry}", data={**form, "wat": "moved"}).text
    shown = upload(client, school, table(*NUMBERS, bsn(5020))).text
    assert "weer op de lijst?" in shown
    assert shown.count('<th scope="row">') == 12
    shown = client.post(f"{address(school)}/{entry}", data={**form, "wat": "on"}).text
    assert shown.count('<th scope="row">') == 13


def test_nobody_else_reaches_a_schools_roster(school: School) -> None:
    mine, other = signed_in(school), signed_in(school, OTHER)
    shown = upload(mine, school, table(*NUMBERS)).text
    entry = re.findall(r'leerlingenlijst/([0-9a-f-]{36})"', shown)[0]
    assert "O&#39;Brien" not in other.get(address(school)).text
    form = {"formulier": key(other, school)}
    assert other.get(f"{address(school)}/{entry}").status_code == 404
    assert other.post(f"{address(school)}/{entry}", data={**form, "wat": "moved"}).status_code == 404
    stranger = httpx.Client(base_url=school.address, timeout=60)
    for path in (address(school), f"{address(school)}/{entry}", f"{address(school)}/ontbreekt"):
        for given in ({}, form):
            assert stranger.post(path, data=given).status_code == 403
            # Signed in, with another session's token
            assert mine.post(path, data=given).status_code == 403
    mine = signed_in(school)  # whoever sends a wrong token is signed out
    for path in (f"{address(school)}/{uuid4()}", f"{address(school)}/%00", address(school).replace("alfa", "beta")):
        assert mine.get(path).status_code in (400, 404)
    with school.review_round.unit("test") as unit:
        year = school.review_round.round_id.split(".")[1]
        assert {one.off_at for one in all_entries(unit, year, school.review_round.school)} == {None}


def test_two_of_a_school_at_once_lose_nothing(school: School) -> None:
    """The roster is uploaded while a colleague takes a pupil off."""
    client = signed_in(school)
    upload(client, school, table(*NUMBERS))
    year = school.review_round.round_id.split(".")[1]
    with school.review_round.unit("collega") as unit:
        entry = all_entries(unit, year, school.review_round.school)[0].entry
        assert taking.take_off(unit, school.review_round.school, entry, "moved")
    upload(client, school, table(*NUMBERS, bsn(5030)))
    shown = client.get(address(school)).text
    assert (shown.count('<th scope="row">'), "weer op de lijst?" in shown) == (12, True)
    assert "verhuisd" in shown


def test_the_log_names_no_pupil(school: School) -> None:
    client = signed_in(school)
    upload(client, school, table(*NUMBERS))
    assert not any(said in school.log for said in ("O'Brien", *NUMBERS))
