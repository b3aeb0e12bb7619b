"""Calendars: iCalendar files read back by a reader of their own, the page, the terminal."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import ical_reading
import pytest
from agreement_files import GOOD, write
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import html
from typer.testing import CliRunner

from overstap.agreements import load_agreement, load_all
from overstap.agreements.calendar_entries import Audience, CalendarEntry, EntryKind, entries, entries_for
from overstap.agreements.calendar_file import icalendar
from overstap.agreements.national import national_year
from overstap.agreements.overview import overview
from overstap.cli import app
from overstap_tools.project import PROJECT

MADE = datetime(2026, 11, 23, 12, tzinfo=UTC)
FIRST = int((MADE - datetime(2020, 1, 1, tzinfo=UTC)).total_seconds()) // 60
REGIONS = PROJECT / "include" / "regions"


@pytest.fixture
def agreement(tmp_path):
    return load_agreement(write(tmp_path))


@pytest.fixture
def of_region(agreement):
    return entries(agreement, national_year(agreement.school_year))


def test_the_file_reads_back(of_region):
    calendar = ical_reading.read(icalendar("Voorbeeld; regio, a\\b", of_region, MADE))
    assert calendar.value("NAME") == "Voorbeeld; regio, a\\b"
    events = {event.value("UID"): event for event in calendar.inside}
    assert len(events) == len(of_region)
    due = events["voorbeeld.2026-2027.advice.data_due@overstap"]
    assert due.value("DTSTART") == "20270316T110000Z"  # 12:00 in winter
    assert not due.has("DTEND")
    assert [alarm.value("TRIGGER") for alarm in due.inside] == ["20270309T110000Z"]
    receipts = events["voorbeeld.2026-2027.advice.receipts_due@overstap"]
    assert receipts.value("DTSTART") == "20270406T150000Z"  # 17:00 in summer
    holiday = events["voorbeeld.2026-2027.holiday.voorjaarsvakantie@overstap"]
    assert (holiday.value("DTSTART"), holiday.value("DTEND")) == ("20270220", "20270301")  # the day after the last
    registration = events["voorbeeld.2026-2027.occasion.aanmelding@overstap"]
    assert registration.value("DTEND") == "20270331T215900Z"


def test_the_same_agreement_gives_the_same_file(of_region):
    assert icalendar("x", of_region, MADE) == icalendar("x", of_region, MADE)


def test_a_date_that_moves_keeps_its_uid(agreement, of_region, tmp_path):
    text = GOOD.replace("data_due: 2027-03-16 12:00", "data_due: 2027-03-16 10:00")
    text = text.replace("occasions:\n", "occasions:\n  - {name: Nieuw, starts: 2027-02-02 12:00}\n")
    moved = entries(load_agreement(write(tmp_path / "new", text)), national_year("2026-2027"))
    assert {entry.uid for entry in moved} - {entry.uid for entry in of_region} == {
        "voorbeeld.2026-2027.occasion.nieuw@overstap"
    }
    assert {entry.uid for entry in of_region} <= {entry.uid for entry in moved}


def test_what_moved_has_a_higher_sequence_and_what_is_gone_is_cancelled(agreement, of_region, tmp_path):
    first = icalendar("x", of_region, MADE)
    later = MADE + timedelta(days=1)
    assert {event.value("SEQUENCE") for event in ical_reading.read(first).inside} == {str(FIRST)}
    same = ical_reading.read(icalendar("x", of_region, later, first))
    assert {(event.value("SEQUENCE"), event.value("LAST-MODIFIED")) for event in same.inside} == {
        (str(FIRST), "20261123T120000Z")
    }
    text = GOOD.replace("data_due: 2027-03-16 12:00", "data_due: 2027-03-16 10:00")
    moved = [
        entry
        for entry in entries(load_agreement(write(tmp_path / "new", text)), national_year("2026-2027"))
        if entry.uid != "voorbeeld.2026-2027.occasion.aanmelding@overstap"
    ]
    second = icalendar("x", moved, later, first)
    events = {event.value("UID"): event for event in ical_reading.read(second).inside}
    due = events["voorbeeld.2026-2027.advice.data_due@overstap"]
    assert (due.value("SEQUENCE"), due.value("LAST-MODIFIED")) == (str(FIRST + 1), "20261124T120000Z")
    assert due.value("DTSTART") == "20270316T090000Z"
    gone = events["voorbeeld.2026-2027.occasion.aanmelding@overstap"]
    assert (gone.value("STATUS"), gone.value("SEQUENCE")) == ("CANCELLED", str(FIRST + 1))
    others = [event for uid, event in events.items() if event not in (due, gone)]
    assert {(event.value("SEQUENCE"), event.has("STATUS")) for event in others} == {(str(FIRST), False)}
    # It stays cancelled as it is, comes back with a higher number, and goes when it would have been over for long
    third = icalendar("x", moved, later, second)
    assert third == second
    back = {e.value("UID"): e for e in ical_reading.read(icalendar("x", of_region, later, third)).inside}
    again = back["voorbeeld.2026-2027.occasion.aanmelding@overstap"]
    assert (again.has("STATUS"), again.value("SEQUENCE")) == (False, str(FIRST + 2))
    over = ical_reading.read(icalendar("x", moved, later + timedelta(days=365), third))
    assert gone.value("UID") not in {event.value("UID") for event in over.inside}


@pytest.mark.parametrize("earlier", [b"", b"BEGIN:VCALENDAR", b"\xff\x00", b"BEGIN:VEVENT\r\nEND:VCALENDAR\r\n", b"{}"])
def test_an_earlier_file_that_is_none_tells_nothing(of_region, earlier):
    assert icalendar("x", of_region, MADE, earlier) == icalendar("x", of_region, MADE)


def test_a_number_grows_though_the_file_before_was_lost(of_region):
    """Programs take a lower SEQUENCE for an older state, and keep what they have."""
    moved = icalendar("x", of_region, MADE + timedelta(hours=1), icalendar("y", of_region, MADE))
    lost = ical_reading.read(icalendar("x", of_region, MADE + timedelta(days=1)))
    known = {event.value("UID"): int(event.value("SEQUENCE")) for event in ical_reading.read(moved).inside}
    assert all(int(event.value("SEQUENCE")) > known[event.value("UID")] for event in lost.inside)


def test_a_file_from_before_there_were_numbers(of_region):
    first = re.sub(rb"(?:SEQUENCE|LAST-MODIFIED):[^\r]*\r\n", b"", icalendar("x", of_region, MADE))
    again = ical_reading.read(icalendar("x", of_region, MADE + timedelta(days=1), first))
    assert {event.value("SEQUENCE") for event in again.inside} == {"0"}
    text = first.replace(b"DTSTART:20270316T110000Z", b"DTSTART:20270316T100000Z")
    assert text != first
    moved = {e.value("UID"): e for e in ical_reading.read(icalendar("x", of_region, MADE, text)).inside}
    assert moved["voorbeeld.2026-2027.advice.data_due@overstap"].value("SEQUENCE") == "1"


@pytest.mark.parametrize("field", ["SUMMARY", "DESCRIPTION", "DTEND"])
def test_whatever_changes_in_an_event_raises_its_number(of_region, field):
    earlier = icalendar("x", of_region, MADE)
    changed = re.sub(rb"(\r\n" + field.encode() + rb"[^\r]*[0-9a-z])", rb"\g<1>0", earlier)
    raised = [e for e in ical_reading.read(icalendar("x", of_region, MADE, changed)).inside if e.has(field)]
    assert raised
    assert {event.value("SEQUENCE") for event in raised} <= {str(FIRST), str(FIRST + 1)}
    assert any(event.value("SEQUENCE") == str(FIRST + 1) for event in raised) or field == "DTEND"


@given(
    st.lists(st.tuples(st.integers(0, 9_999), st.sampled_from([*b"\0;:\r\nTZ0x"]) | st.integers(0, 255)), max_size=4),
    st.sampled_from(
        [b"", b"SEQUENCE:9\r\n", b"LAST-MODIFIED:x\r\n", b"UID:a\r\n", b"DTEND;VALUE=DATE:1\r\n", b"END:VEVENT\r\n"]
    ),
    st.integers(0, 40),
)  # fmt: skip
def test_no_damaged_earlier_file_is_a_traceback(changes, line, at):
    entry = CalendarEntry("a@b", EntryKind.OCCASION, "Open dag", "tekst", date(2027, 1, 1), None, tuple(Audience))
    other = CalendarEntry("c@d", EntryKind.OCCASION, "Weg", "", date(2027, 2, 1), None, tuple(Audience))
    lines = icalendar("x", [entry, other], MADE).splitlines(keepends=True)
    earlier = bytearray(b"".join([*lines[: at % len(lines)], line, *lines[at % len(lines) :]]))
    for place, put in changes:
        earlier[place % len(earlier)] = put
    made = ical_reading.read(icalendar("x", [entry], MADE + timedelta(days=1), bytes(earlier)))
    assert "a@b" in {event.value("UID") for event in made.inside}


def test_a_school_sees_what_is_for_it(agreement, of_region):
    primary = {entry.milestone for entry in entries_for(agreement.school("99ZZ00"), of_region)} - {None}
    secondary = {entry.milestone for entry in entries_for(agreement.school("98ZZ00"), of_region)} - {None}
    assert primary == {"opens", "data_due", "review_opens", "review_closes"}
    assert secondary == {"delivers", "receipts_due"}
    for school in agreement.schools:
        kinds = {entry.kind for entry in entries_for(school, of_region)}
        assert kinds == set(EntryKind)


def test_entries_come_in_the_order_of_time(of_region):
    assert [entry.first_day for entry in of_region] == sorted(entry.first_day for entry in of_region)
    for entry in of_region:
        assert entry.first_day <= entry.last_day


def test_a_uid_may_come_once(of_region):
    with pytest.raises(ValueError, match="UID"):
        icalendar("x", [*of_region, of_region[0]], MADE)


@settings(deadline=None)
@given(st.text(max_size=200), st.text(max_size=300))
@example("\\N", "a\\N")
def test_any_text_survives(title, text):
    entry = CalendarEntry("a@b", EntryKind.OCCASION, title, text, date(2027, 1, 1), None, tuple(Audience))
    (event,) = ical_reading.read(icalendar("x", [entry], MADE)).inside

    def kept(value):
        # icalendar takes a backslash with N for a line break, as RFC 5545 (3.3.11) writes one
        value = value.replace("\\N", "\n").replace("\r\n", "\n").replace("\r", "\n")
        return re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "", value)

    assert event.value("SUMMARY") == kept(title)
    assert (event.value("DESCRIPTION") if text else "") == kept(text)


@pytest.mark.parametrize("region", sorted(path.name for path in REGIONS.iterdir() if path.is_dir()))
def test_every_region_has_a_calendar_and_a_page(region, tmp_path, monkeypatch):
    told = CliRunner().invoke(app, ["calendar", "write", "--region", region, "--out", str(tmp_path)])
    assert told.exit_code == 0, told.output
    (agreement,) = [each for each in load_all(REGIONS)[0] if each.region == region]
    folder = tmp_path / region / agreement.school_year
    expected = {f"{region}.ics", f"{region}.html", *(f"{school.id}.ics" for school in agreement.schools)}
    assert {path.name for path in folder.iterdir()} == expected
    for path in folder.glob("*.ics"):
        assert ical_reading.read(path.read_bytes()).inside


def test_the_page_tells_every_moment_and_loads_nothing(agreement):
    page = overview(agreement, national_year("2026-2027"), date(2026, 11, 23))
    tree = html.fromstring(page)
    told = " ".join(tree.text_content().split())
    for part in ("Voorbeeldregio", "Vooraanmelding", "Advies", "C. Jansen", "21 apr 15:30", "Tweede paasdag"):
        assert part in told
    assert "zondag 28 maart 2027" in told
    rows = tree.xpath("//tbody/tr")
    assert [len(row.xpath("td")) for row in rows] == [8, 8]
    assert re.sub(r"\s+", " ", rows[1].xpath("td[2]")[0].text_content()).startswith("di 16 mrt")
    assert not tree.xpath("//script | //link | //img | //@src | //@href")
    assert len(tree.xpath("//*[name()='rect' and @class='supply']")) == 3  # two rounds and the key
    assert tree.xpath("/html/@lang") == ["nl"]


def test_names_cannot_become_markup(tmp_path):
    path = write(tmp_path, GOOD.replace("name: Uitslag", "name: <b>Uitslag</b>"))
    page = overview(load_agreement(path), national_year("2026-2027"), date(2026, 11, 23))
    assert "<b>" not in page


def test_the_terminal_shows_what_is_ahead(tmp_path, monkeypatch):
    write(tmp_path)
    monkeypatch.setenv("OVERSTAP_REGIONS", str(tmp_path))
    told = CliRunner().invoke(app, ["calendar", "--region", "voorbeeld", "--from", "2027-03-24", "--days", "9"])
    assert told.exit_code == 0
    assert "vandaag" in told.stdout
    assert "do 25 mrt 08:00" in told.stdout
    assert "1 mrt" not in told.stdout.replace("31 mrt", "")
    assert "6 apr" not in told.stdout
    of_school = CliRunner().invoke(app, ["calendar", "--school", "98ZZ00", "--from", "2027-03-24", "--days", "9"])
    assert "de levering begint" in " ".join(of_school.stdout.split())
    assert "inzage" not in of_school.stdout
    later = CliRunner().invoke(app, ["calendar", "--from", "2030-01-01"])
    assert "Er staat niets meer op de kalender" in later.stdout


def test_files_are_where_the_command_says(tmp_path: Path, monkeypatch):
    write(tmp_path / "regions")
    monkeypatch.setenv("OVERSTAP_REGIONS", str(tmp_path / "regions"))
    told = CliRunner().invoke(app, ["calendar", "write", "--out", str(tmp_path / "out")])
    files = list((tmp_path / "out" / "voorbeeld" / "2026-2027").iterdir())
    assert told.stdout.split()[-1] == str(len(files)) == "4"
    assert (tmp_path / "out" / "voorbeeld" / "2026-2027" / "99ZZ00.ics").is_file()


def test_a_partnership_sees_its_own_round_and_secondary_schools_do_not():
    demo = load_agreement(PROJECT / "include" / "regions" / "demo" / "2026-2027.yaml")
    of_region = entries(demo, national_year("2026-2027"))
    seen = {
        school.kind.value: {
            (entry.round.value, entry.milestone)
            for entry in entries_for(school, of_region)
            if entry.round and entry.milestone
        }
        for school in demo.schools
    }
    assert seen["SWV"] == {("support", "delivers"), ("support", "receipts_due")}
    assert {name for kind, name in seen["PO"] if kind == "support"} == {"opens", "data_due"}
    assert not [name for kind, name in seen["VO"] if kind == "support"]


def test_a_control_character_in_an_earlier_uid_makes_no_second_event_of_it():
    entry = CalendarEntry("a@b", EntryKind.OCCASION, "Open dag", "tekst", date(2027, 1, 1), None, tuple(Audience))
    earlier = icalendar("x", [entry], MADE).replace(b"UID:a@b\r\n", b"UID:a@b\0\n")
    assert b"\0" in earlier
    [event] = ical_reading.read(icalendar("x", [entry], MADE + timedelta(days=1), earlier)).inside
    assert event.value("UID") == "a@b"
