"""A secondary school tells how pupils fare, typed or by a list; their primary school reads it and has it as a file."""

import csv
import io
from collections.abc import Iterator
from contextlib import closing

import httpx
import psycopg
import pytest
from collecting_school import enrol, receiver, token
from families import REGION
from openpyxl import load_workbook
from owned import files_told
from school_service import ACCOUNT, PASSWORD, School, rows, school_service, signed_in, sound

from overstap.clock import now
from overstap.ledger import accounts, downloads
from overstap.ledger.invariants import check
from overstap.ledger.rounds import registrations
from overstap.ledger.rounds.registrations import Registration
from overstap.oso.progress_fields import left_in, permitted_fields, permitted_years
from overstap.pages.school.passwords import hash_password
from overstap.pages.school.progress import COLUMNS, this_year
from overstap.simulation.synthetic.numbers import bsn
from overstap_tools.local.postgres import EmbeddedPostgres

ELSEWHERE, COLLEAGUE = "elders@vo.example", "collega@vo.example"
LEFT = left_in(this_year(), 1)


@pytest.fixture(scope="module")
def school(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("school")) as made:
        with made.review_round.unit("beheer") as unit:
            other = made.review_round.region.secondary[1].id
            accounts.put_account(unit, ELSEWHERE, other, "Een andere school", hash_password(PASSWORD))
            accounts.put_account(unit, COLLEAGUE, receiver(made), "Een collega", hash_password(PASSWORD))
            stated = [
                Registration(number, str(one.sender), receiver(made), "placed", now())
                for number, one in made.review_round.made.items()
            ]
            registrations.record_registrations(unit, LEFT, stated)
        yield made


@pytest.fixture(scope="module")
def primary(school: School) -> Iterator[httpx.Client]:
    with closing(enrol(school, ACCOUNT)) as made:
        yield made


def mine(school: School) -> list[str]:
    """Numbers of pupils of the primary school of ACCOUNT."""
    return [number for number, one in school.review_round.made.items() if one.sender == school.review_round.school]


def state(who: httpx.Client, number: str, **changed: str) -> httpx.Response:
    key = token(who.get("/terugkoppeling").text) or token(who.get("/beveiliging").text)
    form = {"leerlingnummer": number, "leerjaar": "1", "niveau": "havo", "profiel": "", "nog_op_school": "ja"}
    return who.post("/terugkoppeling/opgeven", data={"formulier": key, "vertrokken": LEFT, **form, **changed})


def test_without_a_second_factor_or_for_others_pupils_nothing_is_kept(school: School, person: httpx.Client) -> None:
    with closing(signed_in(school, COLLEAGUE)) as weak:
        assert "Eerst een tweede stap" in weak.get("/terugkoppeling").text
        assert state(weak, mine(school)[0]).status_code == 403
    with closing(enrol(school, ELSEWHERE)) as elsewhere:
        answer = state(elsewhere, mine(school)[0])
        assert (answer.status_code, "niet opgeslagen: 1 leerling" in answer.text) == (404, True)
    assert state(person, bsn(9000)).status_code == 404
    assert rows(school, "select 1 from overstap.pupil_progress") == []


@pytest.mark.parametrize(
    "change",
    [
        {"leerlingnummer": "123"},
        {"leerjaar": "0"},
        {"leerjaar": "7"},
        {"niveau": "gymnastiek"},
        {"profiel": "xx"},
        {"nog_op_school": "misschien"},
        {"vertrokken": left_in(this_year(), 2)},
        {"vertrokken": "x"},
    ],
)
def test_what_is_not_permitted_or_not_right_is_not_kept(
    school: School, person: httpx.Client, change: dict[str, str]
) -> None:
    answer = state(person, mine(school)[0], **change)
    assert answer.status_code == 422, school.log[-3000:]
    assert (answer.status_code, "Er is niets opgeslagen" in answer.text) == (422, True)
    assert rows(school, "select 1 from overstap.pupil_progress") == []


def test_the_primary_school_reads_what_was_typed_and_listed(
    school: School, person: httpx.Client, primary: httpx.Client
) -> None:
    first, second = mine(school)[:2]
    assert "Opgeslagen: 1 leerling." in state(person, first, profiel="em").text
    assert "Ongewijzigd: 1 leerling." in state(person, first, profiel="em").text
    listed = f"leerlingnummer;leerjaar;niveau;nog_op_school\n{second};;;nee\n{first};2;vwo;ja\n13;1;havo;ja\n"
    key = token(person.get("/terugkoppeling").text)
    form, file = {"formulier": key, "vertrokken": LEFT}, {"bestand": ("lijst.csv", listed)}
    answer = person.post("/terugkoppeling/bestand", data=form, files=file)
    assert (answer.status_code, "Opgeslagen: 2 leerlingen." in answer.text) == (200, True)
    assert "Overgeslagen: 1 regel." in answer.text
    assert "nullen vooraan" not in answer.text
    short = {"bestand": ("lijst.csv", "leerlingnummer;leerjaar;niveau\n12345672;2;vwo\n")}
    told = person.post("/terugkoppeling/bestand", data=form, files=short).text
    assert "Bij 1 leerlingnummer stonden de nullen vooraan er niet." in told
    assert "Het gaat om regel 2." in told
    typed = state(person, "12345672").text
    assert "Bij 1 leerlingnummer stonden de nullen vooraan er niet." in typed
    assert "Het gaat om regel" not in typed
    wrong = person.post("/terugkoppeling/bestand", data=form, files={"bestand": ("x.csv", "naam\nJan\n")})
    assert (wrong.status_code, "Nodig: leerlingnummer" in wrong.text) == (422, True)
    year = rows(school, "select school_year from overstap.round")[0][0]
    rows(school, "update overstap.pupil_progress set school_year = %s", year)  # as a year later: dossiers are of then
    page = primary.get("/terugkoppeling").text
    rows(school, "update overstap.pupil_progress set school_year = %s", LEFT)
    names = [str(school.review_round.made[number].surname) for number in (first, second)]
    assert all(name in page for name in names)
    assert "niet meer op deze school" in page
    assert not any(number in page for number in (first, second))
    key = token(page)
    table = primary.post("/terugkoppeling/lijst", data={"formulier": key, "vorm": "csv"}).content.decode("utf-8-sig")
    head, *lines = csv.reader(io.StringIO(table), delimiter=";")
    assert tuple(head) == COLUMNS
    found = {tuple(line[7:13]) for line in lines}
    assert found == {("ja", "2", "vwo", "vwo", "", ""), ("nee", "", "", "", "", "")}
    book = primary.post("/terugkoppeling/lijst", data={"formulier": key, "vorm": "xlsx"})
    assert [cell.value for cell in load_workbook(io.BytesIO(book.content)).active[1]] == list(COLUMNS)
    taken = [line["detail"] for line in files_told(school.home.owner_dsn)]
    assert [detail["file"] for detail in taken] == ["progress", "progress"]
    assert taken[0]["pupils"] == len(lines)
    with school.review_round.unit() as unit:
        assert taken[0]["signs"] == downloads.recorded_as(unit, {line[0] for line in lines})
    assert all(name not in person.get("/terugkoppeling").text for name in names), "the secondary school sees signs here"
    [stored] = {bytes(row[0]) for row in rows(school, "select content from overstap.pupil_progress limit 1")}
    assert b"vwo" not in stored
    assert first not in school.log
    sound(school)


def test_each_year_and_field_has_its_ground_on_the_page(primary: httpx.Client) -> None:
    page = primary.get("/terugkoppeling").text
    assert [one.after for one in permitted_years()] == [1]
    of_years = [(one.ground, one.source) for one in permitted_years()]
    of_fields = [(one.ground, one.source) for one in permitted_fields().values()]
    for ground, source in (*of_years, *of_fields):
        assert ground in page
        assert source in page


def test_what_is_said_beside_the_function_is_refused_or_found(school: School) -> None:
    with psycopg.connect(school.dsn) as login:
        login.execute(f"set local role overstap_school_{REGION}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            login.execute("delete from overstap.pupil_progress")
    sound(school)
    [(kept,)] = rows(school, "select to_jsonb(p)::text from overstap.pupil_progress p limit 1")
    rows(school, "delete from overstap.pupil_progress where progress = (select (%s::jsonb ->> 'progress')::uuid)", kept)
    with school.review_round.unit() as unit:
        assert "what is known of progress differs" in " ".join(breach.why for breach in check(unit))
