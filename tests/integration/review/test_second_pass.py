"""Attacks of a second tester on newer pages of schools: forms at once, forms of others, odd values, GETs that act."""

import io
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from time import monotonic
from typing import Any

import httpx
import psycopg
import pytest
from collecting_school import deliver, receiver, token
from families import REGION
from mapped_export import as_csv, pupil
from openpyxl import Workbook
from psycopg import sql
from school_service import ACCOUNT, School, rows, school_service, signed_in, sound
from test_application_pages import found, numbers, say, year_of
from test_every_school_page_apart import addresses
from test_mapping_page import chosen, in_order, sent

from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.accounts import SchoolAccount
from overstap.pages.school import mapping_operations
from overstap.pages.school.mapping_operations import MappingOperations
from overstap.tabular import workbook
from overstap_tools.local.postgres import EmbeddedPostgres

AT_ONCE = 8
_MOVES = {"school_stay", "school_device", "school_attempt", "mail", "audit_line"}
"""Tables that sign-in and tasks write; audit lines are looked at one by one."""


@pytest.fixture(scope="module")
def school(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("school")) as made:
        deliver(made)
        yield made


def at_once(do: Callable[[], httpx.Response]) -> list[int]:
    """Do the same from several connections at the same moment; return the statuses."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [one.status_code for one in pool.map(lambda _: do(), range(AT_ONCE))]


def browser(school: School, person: httpx.Client) -> httpx.Client:
    """A further connection of the same browser."""
    return httpx.Client(base_url=school.address, cookies=dict(person.cookies), timeout=120)


def everything(school: School) -> dict[str, tuple[Any, ...]]:
    """How many rows, and in which state, each table of the ledger has."""
    query = "select count(*), coalesce(sum(hashtext(to_jsonb(t)::text)::bigint), 0) from overstap.{} t"
    found: dict[str, tuple[Any, ...]] = {}
    with psycopg.connect(school.home.owner_dsn, autocommit=True) as owner:
        for (name,) in owner.execute("select tablename from pg_tables where schemaname = 'overstap'").fetchall():
            if name not in _MOVES:
                [found[name]] = owner.execute(sql.SQL(query).format(sql.Identifier(name))).fetchall()
    return found


def test_no_address_that_is_opened_or_linked_to_changes_anything(school: School, person: httpx.Client) -> None:
    round_id = school.review_round.round_id
    [(dossier,)] = rows(school, "select dossier from overstap.dossier limit 1")
    with closing(signed_in(school, ACCOUNT)) as primary:
        before = everything(school)  # signing in is kept, and at night an alarm
        [(last,)] = rows(school, "select max(seq) from overstap.audit_line")
        for client in (primary, person):
            for path in addresses("get"):
                filled = re.sub(r"{(\w+)}", lambda name: round_id if name[1] == "round_id" else str(dossier), path)
                for address in (filled, f"{filled}?stand=withdrawn&jaar=2026-2027&doe=neem&zeker=ja&dossier={dossier}"):
                    assert client.get(address).status_code in (200, 303, 403, 404, 409), address
                    assert client.head(address).status_code in (200, 303, 403, 404, 405, 409), address
    assert everything(school) == before
    lines = rows(school, "select payload::jsonb ->> 'action' from overstap.audit_line where seq > %s", last)
    assert {action for (action,) in lines} <= {"download.take"}, "a file about pupils was taken, and that is told"


def test_a_state_that_is_sent_eight_times_at_once_is_given_once(school: School, person: httpx.Client) -> None:
    [one], _ = found(person, numbers(school)[0], year=year_of(school))
    key = token(person.get("/aanmeldingen").text)
    form = {"formulier": key, "jaar": year_of(school), "aanmelding": [one], "stand": "complete", "reden": ""}
    before = rows(school, "select count(*) from overstap.application_event where source = 'page'")[0][0]
    with closing(browser(school, person)) as client:
        assert set(at_once(lambda: client.post("/aanmeldingen/stand", data=form))) == {200}
    assert rows(school, "select count(*) from overstap.application_event where source = 'page'")[0][0] == before + 1
    sound(school)


def test_nobody_writes_states_without_end(school: School, person: httpx.Client) -> None:
    """Each is a row that stays; a compromised account could fill the disk of all regions."""
    [one], _ = found(person, numbers(school)[1], year=year_of(school))
    key = token(person.get("/aanmeldingen").text)
    said = []
    for number in range(103):
        form = {"formulier": key, "jaar": year_of(school), "aanmelding": [one], "reden": ""}
        form["stand"] = ("complete", "admissible")[number % 2]
        said.append(person.post("/aanmeldingen/stand", data=form).status_code)
    assert set(said) == {200}
    kept = rows(
        school,
        "select count(*) from overstap.application_event e "
        "join overstap.application_event f using (pupil, secondary_school) "
        "where f.application_event = %s and e.source = 'page'",
        one,
    )
    assert kept[0][0] == 100
    sound(school)


@pytest.mark.parametrize(
    "year", ["", "2026-2027'--", "{{ 7171*7171 }}", "9" * 50_000, "2026-2027\x00", "\u202e7202", "\ud83d"]
)
def test_another_year_or_an_application_elsewhere_changes_nothing(
    school: School, person: httpx.Client, year: str
) -> None:
    [one], _ = found(person, numbers(school)[2], year=year_of(school))
    elsewhere = rows(
        school,
        "select application_event::text from overstap.application_event where secondary_school <> %s limit 1",
        receiver(school),
    )
    before = everything(school)
    key = token(person.get("/aanmeldingen").text)
    body = {
        "formulier": key,
        "jaar": year.encode("utf-8", "surrogatepass"),
        "aanmelding": [one],
        "stand": "refused",
        "reden": "full",
    }
    if year != year_of(school):
        answer = person.post("/aanmeldingen/stand", data=body)
        assert answer.status_code in (200, 400, 413, 422), answer.status_code
        assert "51423241" not in answer.text
    for (other,) in elsewhere:
        assert say(school, person, [other], "refused", "full").status_code == 200
    assert person.get(
        "/aanmeldingen", params={"jaar": year[:2000].encode("utf-8", "replace").decode(), "blad": "١"}
    ).status_code in (200, 404)
    if year.strip("\x00") != year_of(school):
        assert everything(school) == before


def test_a_form_of_an_earlier_session_or_of_somebody_else_does_nothing(school: School, person: httpx.Client) -> None:
    with closing(signed_in(school, ACCOUNT)) as primary:
        foreign = token(primary.get("/beveiliging").text)
    before = everything(school)
    for key in (foreign, "", "{{ 7*7 }}", "x" * 60_000):
        for path, form in (
            ("/plaatsen", {"locatie": "Markt", "soort": "havo", "plaatsen": "3", "geplaatst": "0"}),
            (
                "/plaatsen/loting",
                {"aanbod": "Markt/havo", "datum": "18-3-2027", "ingeloot": "1", "uitgeloot": "1", "door": "x"},
            ),
            ("/aanmeldingen/stand", {"aanmelding": "x", "stand": "complete"}),
            ("/aanmeldingen/zoek", {"nummers": "999990019"}),
        ):
            with closing(browser(school, person)) as client:  # whose cookie is taken back
                assert client.post(path, data={"formulier": key, **form}).status_code in (401, 403, 413), path
    own = token(person.get("/plaatsen").text)
    crossed = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    form = {"formulier": own, "locatie": "Markt", "soort": "havo", "plaatsen": "3", "geplaatst": "0"}
    assert person.post("/plaatsen", data=form, headers=crossed).status_code == 403
    assert everything(school) == before


def test_places_and_draws_that_are_sent_at_once_or_without_end(school: School, person: httpx.Client) -> None:
    key = token(person.get("/plaatsen").text)
    place = {"formulier": key, "locatie": "Markt", "soort": "havo", "plaatsen": "30", "geplaatst": "0"}
    drawn = {
        "formulier": key,
        "aanbod": "Markt/havo",
        "datum": "18-3-2027",
        "ingeloot": "3",
        "uitgeloot": "1",
        "door": "N.",
    }
    with closing(browser(school, person)) as client:
        assert set(at_once(lambda: client.post("/plaatsen", data=place))) == {200}
        assert set(at_once(lambda: client.post("/plaatsen/loting", data=drawn))) == {200}
        assert rows(school, "select (select count(*) from overstap.offer), (select count(*) from overstap.draw)") == [
            (1, 1)
        ]
        for number in range(1, 200):
            answer = client.post("/plaatsen", data=place | {"locatie": f"Plek {number}"})
            assert answer.status_code == 200, answer.text
        refused = at_once(lambda: client.post("/plaatsen", data=place | {"locatie": "Nog een"}))
        assert set(refused) == {422}
        assert client.post("/plaatsen", data=place | {"plaatsen": "31"}).status_code == 200  # one that is there changes
        for number in range(49):
            assert client.post("/plaatsen/loting", data=drawn | {"ingeloot": str(number + 4)}).status_code == 200
        assert client.post("/plaatsen/loting", data=drawn | {"ingeloot": "999"}).status_code == 422
    assert rows(school, "select (select count(*) from overstap.offer), (select count(*) from overstap.draw)") == [
        (200, 50)
    ]
    sound(school)


def test_a_mapped_file_that_is_handed_in_eight_times_at_once_is_there_once(school: School) -> None:
    with closing(signed_in(school)) as client:
        page = in_order(client, school, as_csv([pupil(number) for number in range(5)]))
        with closing(browser(school, client)) as other:
            statuses = at_once(lambda: sent(other, school, page, "neem"))
    assert set(statuses) <= {200, 409}, statuses
    assert 200 in statuses
    kept = rows(school, "select count(*), count(distinct pupil) from overstap.typed_dossier")
    assert kept == [(5, 5)]
    assert rows(school, "select count(*) from overstap.school_mapping") == [(1,)]
    sound(school)


def large(sheets: int, rows: int, columns: int) -> bytes:
    book = Workbook(write_only=True)
    for sheet in range(sheets):
        made = book.create_sheet(f"blad {sheet}")
        made.append([f"kolom {column}" for column in range(columns)])
        for row in range(rows):
            made.append([row * column % 97 for column in range(columns)])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_workbook_of_half_a_million_cells_is_refused_at_once(school: School) -> None:
    """Two megabytes in eight sheets were opened twenty-seven times: minutes of processor, with a connection held."""
    content = large(8, 300, 200)
    with closing(signed_in(school)) as client:
        began = monotonic()
        answer = chosen(client, school, content, "export.xlsx")
        assert answer.status_code == 422
        assert "te veel cellen" in answer.text
        assert monotonic() - began < 45


def test_a_workbook_is_opened_once_and_without_a_connection(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, held = [], []
    lent = 0

    class Lending:
        def __enter__(self) -> Ledger:
            nonlocal lent
            lent += 1
            return school.review_round.ledger

        def __exit__(self, *_: object) -> None:
            nonlocal lent
            lent -= 1

    load = workbook.load_workbook

    def noted(*given: Any, **more: Any) -> Any:
        opened.append(more)
        held.append(lent)
        return load(*given, **more)

    monkeypatch.setattr(workbook, "load_workbook", noted)
    who = SchoolAccount(ACCOUNT, REGION, school.review_round.school, "J. Jansen")
    operations = MappingOperations(Lending)
    operations.look(who, school.review_round.round_id, large(8, 20, 30), None)
    assert len(opened) == 1
    assert held == [0]
    with pytest.raises(OverstapError, match="TABLE-003"):
        operations.look(who, school.review_round.round_id, large(3, 400, 200), None)
    assert len(opened) == 1
    assert mapping_operations.MOST_CELLS < workbook.MAX_CELLS
