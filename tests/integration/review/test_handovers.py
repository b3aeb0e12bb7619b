"""Schools agree a warm handover on their pages: proposed, chosen, in both calendars, talked; and a class list."""

import csv
import io
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from types import SimpleNamespace

import httpx
import psycopg
import pytest
from collecting_school import deliver, enrol, press, receiver, token
from families import REGION
from icalendar import Calendar
from openpyxl import load_workbook
from owned import files_told
from school_service import ACCOUNT, OTHER, School, rows, school_service, signed_in, sound

from overstap.agreements.national import national_year
from overstap.clock import NETHERLANDS, dutch_time, now
from overstap.ledger.invariants import check
from overstap.ledger.notifications import outbox
from overstap.ledger.rosters import by_advice
from overstap.ledger.rosters.matching import RosterList
from overstap.notifications.message import compose
from overstap.notifications.updating import update_notices
from overstap.pages.school.handovers import CLASS_COLUMNS, _moments, _suggested
from overstap_tools.local.postgres import EmbeddedPostgres


@pytest.fixture(scope="module")
def school(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("school")) as made:
        deliver(made)
        rows(
            made,
            "insert into overstap.advice_flag (region, school_year, pupil, primary_school, flag, dossier) "
            "select d.region, o.school_year, d.pupil, d.primary_school, 'contact', d.dossier from overstap.dossier d "
            "join overstap.round o using (round_id) where d.primary_school = %s order by d.dossier limit 3",
            made.review_round.school,
        )
        yield made


@pytest.fixture(scope="module")
def sender(school: School) -> Iterator[httpx.Client]:
    with closing(enrol(school, ACCOUNT)) as made:
        yield made


def asked(school: School) -> list[str]:
    """The dossiers that ask for contact."""
    return [
        str(row[0])
        for row in rows(school, "select dossier from overstap.advice_flag where flag = 'contact' order by dossier")
    ]


def send(place: School, who: httpx.Client, path: str, dossier: str, **more: str) -> httpx.Response:
    form = {"formulier": token(who.get("/overdracht").text), "dossier": dossier, "school": receiver(place), **more}
    return who.post(f"/overdracht/{path}", data=form)


def a_school_day(school: School) -> date:
    national = national_year(school.review_round.agreement.school_year)
    day = dutch_time(now()).date() + timedelta(days=4)
    return national.next_school_day(day, school.review_round.agreement.holiday_region)


def not_talked(school: School) -> int:
    with school.review_round.unit() as unit:
        return sum(one.list is RosterList.NOT_TALKED for one in by_advice.listed(unit, school.review_round.round_id))


def test_without_a_second_factor_nothing_is_listed_or_said(school: School) -> None:
    with closing(signed_in(school, OTHER)) as weak:
        page = weak.get("/overdracht").text
        assert "Eerst een tweede stap" in page
        assert 'name="dossier"' not in page
        form = {"formulier": token(weak.get("/beveiliging").text), "dossier": asked(school)[0]}
        answer = weak.post("/overdracht/afronden", data={**form, "school": receiver(school), "uitkomst": "gesproken"})
        assert answer.status_code == 403
        assert weak.get("/overdracht/klassenlijst").text.count('name="dossier"') == 0
    assert rows(school, "select * from overstap.handover") == []


def test_a_handover_from_proposal_to_note_is_in_both_calendars_and_off_the_list(
    school: School, person: httpx.Client, sender: httpx.Client
) -> None:
    first = asked(school)[0]
    message = str(rows(school, "select message_id from overstap.delivery where dossier = %s", first)[0][0])
    page = person.get("/overdracht").text
    assert page.count("De naam ziet u als u het dossier hebt bevestigd.") == 3
    assert not_talked(school) == 0, "no school has one yet"
    press(person, "bestand", [message], vorm="xml")
    press(person, "bevestigen", [message], zeker="ja")
    assert person.get("/overdracht").text.count("De naam ziet u als u het dossier hebt bevestigd.") == 2
    assert not_talked(school) == 1
    day = a_school_day(school)
    saturday = day + timedelta(days=(5 - day.weekday()) % 7)
    for wrong in (f"{saturday}T15:30", "2020-01-07T15:30", f"{day}T03:00", "morgen", ""):
        assert send(school, person, "voorstel", first, moment1=wrong).status_code == 422
    done = send(school, person, "voorstel", first, moment1=f"{day}T15:30", moment2=f"{day}T16:15")
    assert (done.status_code, "De momenten zijn voorgesteld" in done.text) == (200, True)
    [moment, other] = [f"{day}T15:30", f"{day}T16:15"]
    chosen = datetime.fromisoformat(other).replace(tzinfo=NETHERLANDS)
    assert send(school, person, "afspreken", first, moment=chosen.isoformat()).status_code == 409, "not the own one"
    page = sender.get("/overdracht").text
    assert "stelde deze momenten voor. Kies er één." in page
    shown = re.findall(r'name="moment" value="([^"]+)"', page)
    assert [datetime.fromisoformat(one) for one in shown] == [
        datetime.fromisoformat(each).replace(tzinfo=NETHERLANDS) for each in (moment, other)
    ]
    strange = (chosen + timedelta(hours=1)).isoformat()
    assert send(school, sender, "afspreken", first, moment=strange).status_code == 409
    agreed = send(school, sender, "afspreken", first, moment=shown[1])
    assert "Het moment is afgesproken" in agreed.text
    assert send(school, sender, "afspreken", first, moment=shown[1]).status_code == 409, "no longer a proposal"
    for who in (person, sender):
        key = token(who.get("/overdracht").text)
        answer = who.post("/overdracht/agenda", data={"formulier": key})
        [event] = Calendar.from_ical(answer.content).walk("VEVENT")
        assert event.decoded("dtstart") == chosen
        assert str(event["summary"]).startswith("Warme overdracht, leerling ")
    told = mailed(school)
    assert len({one.to for one in told}) == 2, "both schools"
    assert {one.starts for one in told} == {chosen}
    name = str(next(iter(school.review_round.made.values())).surname)
    assert all(name not in one.text for one in told)
    assert "Schrijf waarom" in send(school, sender, "afronden", first, uitkomst="niet").text
    assert "Kies of u elkaar sprak" in send(school, sender, "afronden", first).text
    assert (
        "Het is vastgelegd"
        in send(school, sender, "afronden", first, uitkomst="gesproken", notitie="Fijn gesprek <b>").text
    )
    assert "Fijn gesprek &lt;b&gt;" in person.get("/overdracht").text
    assert not_talked(school) == 0
    [(note, states)] = rows(
        school,
        "select (array_agg(note) filter (where note is not null))[1], array_agg(state order by place) "
        "from overstap.handover where dossier = %s",
        first,
    )
    assert states == ["proposed", "agreed", "done"]
    assert b"gesprek" not in note
    sound(school)
    assert "gesprek" not in school.log


def mailed(school: School) -> list[SimpleNamespace]:
    """The mails with a calendar: recipient, moment and text."""
    day = dutch_time(now()).date() + timedelta(days=1)
    while day.weekday() >= 5:
        day += timedelta(days=1)
    update_notices(
        *(school.review_round.ledger, REGION),
        at=datetime.combine(day, time(11), tzinfo=NETHERLANDS),
        expiring=(),
        board=lambda round_id: round_id,
        actor="notices",
        school_page="https://scholen.example",
    )
    found = []
    with school.review_round.unit("mail") as unit:
        for mail in outbox.due(unit):
            taken = outbox.claim(unit, mail)
            if not taken.calendar:
                continue
            message = compose(taken, sender="overstap@example.org", sender_name="Overstap", at=now())
            [part] = [one for one in message.walk() if one.get_content_type() == "text/calendar"]
            [event] = Calendar.from_ical(bytes(part.get_payload(decode=True))).walk("VEVENT")
            found.append(SimpleNamespace(to=taken.to, starts=event.decoded("dtstart"), text=message.as_string()))
    return found


def test_another_school_and_a_dossier_that_was_taken_back_are_not_there(
    school: School, person: httpx.Client, sender: httpx.Client
) -> None:
    second = asked(school)[1]
    assert send(school, sender, "afronden", second, uitkomst="gesproken", school="99ZZ00").status_code == 404
    strange = "00000000-0000-4000-8000-000000000000"
    assert send(school, sender, "afronden", strange, uitkomst="gesproken").status_code == 404
    assert send(school, sender, "afronden", "x", uitkomst="gesproken").status_code == 404
    assert send(school, person, "afronden", second, uitkomst="niet", notitie="x" * 2001).status_code == 422
    assert rows(school, "select 1 from overstap.handover where dossier = %s", second) == []
    sound(school)


def test_a_class_list_has_what_the_school_confirmed_and_nothing_else(
    school: School, person: httpx.Client, sender: httpx.Client
) -> None:
    page = person.get("/overdracht/klassenlijst").text
    ids = re.findall(r'name="dossier" value="([0-9a-f-]{36})"', page)
    assert ids == asked(school)[:1], "the one that was confirmed"
    key = token(page)
    form = {"formulier": key, "dossier": [*ids, asked(school)[1]], "klas": "=1A"}
    answer = person.post("/overdracht/klassenlijst", data={**form, "vorm": "csv"})
    [head, line] = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))
    assert tuple(head) == CLASS_COLUMNS
    assert line[0] == "'=1A"
    assert line[12] == "gesproken"
    number = rows(school, "select count(*) from overstap.handover")[0][0]
    book = person.post("/overdracht/klassenlijst", data={**form, "vorm": "xlsx"})
    sheet = load_workbook(io.BytesIO(book.content)).active
    assert [cell.value for cell in sheet[1]] == list(CLASS_COLUMNS)
    assert sheet.cell(2, 1).value == "=1A"
    printed = person.post("/overdracht/klassenlijst", data={**form, "vorm": "afdruk"}).text
    assert f">{line[1]}" in printed
    year, month, day = line[3].split("-")
    assert f"<td>{day}-{month}-{year}</td>" in printed, "in files as other systems read it, on paper day first"
    assert line[3] not in printed
    assert person.post("/overdracht/klassenlijst", data={"formulier": key, "klas": "1A"}).status_code == 422
    assert rows(school, "select count(*) from overstap.handover")[0][0] == number
    for told in files_told(school.home.owner_dsn)[-3:]:
        detail = told["detail"]
        assert (detail["file"], detail["to"]) == ("class_list", receiver(school))
        assert (detail["pupils"], detail["signs"]) == (1, [line[13]]), "those who were listed alone"
        assert line[1] not in str(told)
    assert sender.get("/overdracht/klassenlijst").status_code == 404


def test_what_is_said_beside_the_function_is_refused_or_found(school: School) -> None:
    with psycopg.connect(school.dsn) as login:
        login.execute(f"set local role overstap_school_{REGION}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            login.execute("delete from overstap.handover")
    sound(school)
    rows(school, "update overstap.handover set state = 'not_done' where state = 'done'")
    with school.review_round.unit() as unit:
        assert "handover.say" in " ".join(breach.why for breach in check(unit))
    rows(school, "update overstap.handover set state = 'done' where state = 'not_done'")
    sound(school)


def test_moments_are_proposed_on_school_days_alone() -> None:
    national = national_year("2026-2027")
    region = None
    before_christmas = datetime(2026, 12, 16, 9, tzinfo=UTC)
    found = [date.fromisoformat(one[:10]) for one in _suggested(national, region, before_christmas)]
    assert all(national.is_school_day(day, region) for day in found)
    assert len(found) == 3
    assert _moments(national, region, ["2026-12-25T10:00"], before_christmas) is None
    assert _moments(national, region, ["2027-01-12T10:00", "2027-01-12T10:00"], before_christmas) == [
        datetime(2027, 1, 12, 10, tzinfo=NETHERLANDS)
    ]
