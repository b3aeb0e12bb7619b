"""A secondary school states its places and the result of a draw on its page; what the board makes of it."""

import io
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import httpx
import psycopg
import pytest
from collecting_school import enrol, receiver, token
from families import REGION
from openpyxl import load_workbook
from school_service import ACCOUNT, OTHER, PASSWORD, School, school_service, signed_in, sound

from overstap.clock import now
from overstap.intake.places import read_places
from overstap.ledger import accounts
from overstap.ledger.invariants import check
from overstap.ledger.rounds import offers, registrations
from overstap.ledger.rounds.registrations import Registration
from overstap.pages.board import free_places
from overstap.pages.school.passwords import hash_password
from overstap.tabular.writing import csv_of, workbook_of
from overstap_tools.local.postgres import EmbeddedPostgres

ELSEWHERE = "elders@vo.example"


@pytest.fixture(scope="module")
def school(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("school")) as made:
        with made.review_round.unit("beheer") as unit:
            other = made.review_round.region.secondary[1].id
            accounts.put_account(unit, ELSEWHERE, other, "Een andere school", hash_password(PASSWORD))
            stated = [
                Registration(number, str(one.sender), receiver(made), "applied", now(), preference=1 + place % 3)
                for place, (number, one) in enumerate(made.review_round.made.items())
            ]
            registrations.record_registrations(unit, made.review_round.agreement.school_year, stated)
        yield made


def press(person: httpx.Client, path: str = "/plaatsen", **fields: str) -> httpx.Response:
    key = token(person.get("/plaatsen").text) or token(person.get("/beveiliging").text)
    return person.post(path, data={"formulier": key, **fields})


def state(
    person: httpx.Client, kind: str = "havo", places: str = "30", placed: str = "", location: str = "Markt 1"
) -> httpx.Response:
    return press(person, locatie=location, soort=kind, plaatsen=places, geplaatst=placed)


def standing(school: School) -> list[tuple[Any, ...]]:
    with school.review_round.unit() as unit:
        found = offers.all_offers(unit, school.review_round.agreement.school_year)
    return [(one.secondary_school, one.location, one.kind, one.places, one.placed, one.free) for one in found]


def test_without_a_second_factor_or_as_a_primary_school_nothing_is_stated(school: School) -> None:
    with closing(signed_in(school, OTHER)) as weak:
        assert "Eerst een tweede stap" in weak.get("/plaatsen").text
        assert state(weak).status_code == 403
    with closing(signed_in(school, ACCOUNT)) as primary:
        assert primary.get("/plaatsen").status_code == 404
        assert state(primary).status_code == 404
    assert standing(school) == []


def test_places_are_stated_changed_and_shown_with_what_is_free(school: School, person: httpx.Client) -> None:
    for fields, said in (
        ({"places": "veel"}, "hele getallen"),
        ({"places": "-1"}, "hele getallen"),
        ({"places": "10000"}, "hele getallen"),
        ({"kind": "gymnastiek"}, "Kies een soort"),
        ({"location": " "}, "Vul een locatie in"),
        ({"location": "x" * 81}, "Vul een locatie in"),
    ):
        answer = state(person, **fields)
        assert (answer.status_code, said in answer.text) == (422, True), fields
    assert standing(school) == []
    assert "opgeslagen" in state(person).text
    assert "Er is niets veranderd" in state(person).text
    state(person, "kb", "20", "25", "<b>{{ 7*7 }}</b>")
    page = state(person, "havo", "30", "28").text
    assert "&lt;b&gt;{{ 7*7 }}&lt;/b&gt;" in page
    assert standing(school) == [
        (receiver(school), "<b>{{ 7*7 }}</b>", "kb", 20, 25, 0),
        (receiver(school), "Markt 1", "havo", 30, 28, 2),
    ]
    assert "eerste voorkeur 4, tweede voorkeur 4, verder 4" in page
    sound(school)


def test_the_result_of_a_draw_is_kept_with_who_made_it(school: School, person: httpx.Client) -> None:
    state(person)
    good = {
        "aanbod": "Markt 1/havo",
        "datum": "18-3-2027",
        "ingeloot": "28",
        "uitgeloot": "7",
        "door": "Notaris De Wit",
    }
    for wrong, said in (
        ({"datum": "31-2-2027"}, "Vul een datum in"),
        ({"uitgeloot": ""}, "hele getallen"),
        ({"door": " "}, "wie de loting deed"),
        ({"aanbod": "Markt 1/vwo"}, "bestaat niet"),
    ):
        answer = press(person, "/plaatsen/loting", **(good | wrong))
        assert (answer.status_code, said in answer.text) == (422, True), wrong
    assert "vastgelegd" in press(person, "/plaatsen/loting", **good).text
    page = press(person, "/plaatsen/loting", **(good | {"ingeloot": "29", "uitgeloot": "6"})).text
    assert "18-03-2027: 29 ingeloot, 6 uitgeloot, door Notaris De Wit" in page
    with psycopg.connect(school.home.owner_dsn) as owner:
        assert owner.execute("select count(*), min(noted_by) from overstap.draw").fetchone() == (2, f"school:{OTHER}")
    sound(school)


def test_another_school_and_a_list_state_their_own(school: School, person: httpx.Client) -> None:
    state(person, "havo", "30", "28")
    with closing(enrol(school, ELSEWHERE)) as other:
        assert "U hebt nog geen plaatsen opgegeven" in other.get("/plaatsen").text
        state(other, "vwo", "10", "1", "Plein")
    assert [row[:3] for row in standing(school)][-1:] != [(receiver(school), "Plein", "vwo")]
    with school.review_round.unit("registrations") as unit:
        year = school.review_round.agreement.school_year
        old = datetime(2026, 9, 1, tzinfo=UTC)
        data = f"vo_school;locatie;soort;plaatsen;geplaatst\r\n{receiver(school)};Markt 1;havo;99;0\r\n".encode()
        found, refused = read_places(data, old)
        assert (offers.take(unit, year, found), refused) == (0, []), "the school said so later"
        assert offers.take(unit, year, read_places(data, now())[0]) == 1
        assert offers.take(unit, year, read_places(data, now())[0]) == 0
    assert (receiver(school), "Markt 1", "havo", 99, 0, 99) in standing(school)
    sound(school)


def test_bad_rows_of_a_list_are_refused_with_their_line() -> None:
    rows = ("98XA00;Markt;vmbo-kb;12", "x;Markt;havo;1", "98XA00;;havo;1", "98XA00;M;toverles;1", "98XA00;M;havo;1,5")
    data = "\r\n".join(("vo_school;locatie;soort;plaatsen", *rows, "")).encode()
    found, refused = read_places(data, now())
    assert [(one.secondary_school, one.location, one.kind, one.places) for one in found] == [
        ("98XA00", "Markt", "kb", 12)
    ]
    assert [(one.label, one.facts["column"]) for one in refused] == [
        ("regel 3", "vo_school"),
        ("regel 4", "locatie"),
        ("regel 5", "soort"),
        ("regel 6", "plaatsen"),
    ]


def test_the_lists_have_stable_columns_and_only_free_places_go_to_parents(school: School, person: httpx.Client) -> None:
    state(person, "havo", "30", "28")
    state(person, "kb", "20", "25", "=1+1")
    with school.review_round.unit() as unit:
        year = school.review_round.agreement.school_year
        found, demand = offers.all_offers(unit, year, receiver(school)), offers.demand(unit, year)
    every = free_places.rows(found, year, demand, free_places.ALL)
    assert free_places.ALL[:9] == (
        *("schooljaar", "school", "brin", "locatie", "soort", "soort_code", "plaatsen", "geplaatst", "vrij"),
    )
    assert len({len(row) for row in every} | {len(free_places.ALL)}) == 1
    csv = csv_of(free_places.ALL, every).decode("utf-8-sig")
    assert "'=1+1" in csv
    assert csv.splitlines()[0] == ";".join(free_places.ALL)
    book = load_workbook(io.BytesIO(workbook_of(free_places.ALL, every, "plaatsen")))
    cells = [cell for row in book.active.iter_rows() for cell in row]
    assert [cell.value for cell in cells[: len(free_places.ALL)]] == list(free_places.ALL)
    assert not [cell for cell in cells if cell.data_type == "f"]
    page = free_places.to_page(found, "Alfa <b>", year, now()).decode()
    assert "havo" in page
    assert "vmbo-kb" not in page, "it has no free places"
    assert "Alfa &lt;b&gt;" in page
    assert free_places.to_pdf(found, "Alfa", year, now()).startswith(b"%PDF")
    assert "geen vrije plaatsen" in free_places.to_page([], "Alfa", year, now()).decode()


def test_what_is_said_beside_the_functions_is_refused_or_found(school: School, person: httpx.Client) -> None:
    state(person, "havo", "30", "28")
    for statement in (
        "update overstap.offer set places = 0",
        "delete from overstap.draw",
        "select overstap.put_offers('x', '{}', '{}', '{}', '{}', '{}', '{}', 'page', 'x')",
        "select overstap.take_offers('x', '{}', '{}', '{}', '{}', '{}', '{}')",
        "select overstap.audit('offers.put', array['x'], array['{}'])",
    ):
        with psycopg.connect(school.dsn) as login:
            login.execute(f"set local role overstap_school_{REGION}")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                login.execute(statement)
    with psycopg.connect(school.dsn) as login:
        login.execute(f"set local role overstap_school_{REGION}")
        said = login.execute("select overstap.state_offer(%s, '2026-2027', 'x', 'havo', 1, 0)", [b"x" * 32]).fetchone()
        assert said == (None,)
    sound(school)
    with psycopg.connect(school.home.owner_dsn, autocommit=True) as owner:
        owner.execute("update overstap.offer set places = places + 1")
    with school.review_round.unit() as unit:
        assert any("places or draws" in breach.why for breach in check(unit))
