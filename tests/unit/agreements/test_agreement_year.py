"""Dates over many years: holidays, both changes of the clock, leap days. Nothing here knows one particular year."""

from datetime import UTC, date, datetime, timedelta

import pytest
from agreement_files import write
from hypothesis import given, settings
from hypothesis import strategies as st

from overstap.agreements import load_agreement
from overstap.agreements.calendar_entries import EntryKind, entries, reminder_moment
from overstap.agreements.calendar_file import icalendar
from overstap.agreements.checks import check_agreements
from overstap.agreements.model import HolidayRegion, Milestones, wall_time_exists, wall_time_is_ambiguous
from overstap.agreements.national import FOLDER, assumed, easter, national_year, public_holidays
from overstap.agreements.overview import summer_time_begins
from overstap.clock import NETHERLANDS, dutch_time

YEARS = range(2024, 2041)
years = st.sampled_from([f"{year - 1}-{year}" for year in YEARS])
parts = st.sampled_from(HolidayRegion)


def test_easter_is_where_the_church_puts_it():
    # United States Naval Observatory, "The Date of Easter"; 2038 is the latest that can be
    known = {2024: "03-31", 2025: "04-20", 2026: "04-05", 2027: "03-28", 2030: "04-21", 2035: "03-25", 2038: "04-25"}
    assert {year: f"{easter(year):%m-%d}" for year in known} == known


@pytest.mark.parametrize("year", YEARS)
def test_public_holidays(year):
    found = {name: day for day, names in public_holidays(f"{year - 1}-{year}").items() for name in names.split(" en ")}
    assert len(found) == 11
    assert found["tweede paasdag"].weekday() == 0
    assert found["Hemelvaartsdag"].weekday() == 3
    assert found["Koningsdag"].weekday() != 6
    assert found["tweede pinksterdag"] - found["tweede paasdag"] == timedelta(days=49)


def test_working_days_in_the_national_week():
    # DOMAIN 4.3, Good Friday and Easter Monday counted off
    known = {2024: 4, 2025: 5, 2026: 5, 2027: 3, 2028: 5, 2029: 4, 2030: 5}
    for year, days in known.items():
        week = assumed(f"{year - 1}-{year}").statutory.registration
        national = national_year(f"{year - 1}-{year}")
        assert len(national.school_days(week.first, week.last, HolidayRegion.MIDDLE)) == days, year


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_national_files_hold_the_law(path):
    national = national_year(path.stem)
    assert national.public_holidays == public_holidays(path.stem)
    computed = assumed(path.stem)
    for name in ("provisional_advice", "test_results", "definitive_advice", "registration", "admission_decision"):
        stated, by_law = getattr(national.statutory, name), getattr(computed.statutory, name)
        assert (stated.first, stated.last) == (by_law.first, by_law.last)
    for holiday in national.school_holidays:
        for part in HolidayRegion:
            assert holiday.of(part).first.weekday() == 5
            assert holiday.of(part).last.weekday() == 6
            assert holiday.of(part).source


@pytest.mark.fault("F37")
@settings(deadline=None)
@given(years, parts, st.integers(0, 330), st.integers(0, 40))
def test_school_days_are_days_on_which_schools_are_open(school_year, part, start, length):
    national = assumed(school_year)
    first = national.first_day + timedelta(days=start)
    last = min(first + timedelta(days=length), national.last_day)
    days = national.school_days(first, last, part)
    assert days == sorted(set(days))
    for serial in range((last - first).days + 1):
        day = first + timedelta(days=serial)
        closed = (
            day.weekday() >= 5
            or day in national.public_holidays
            or any(holiday.of(part).first <= day <= holiday.of(part).last for holiday in national.school_holidays)
        )
        assert (day in days) == (not closed)
        assert bool(national.closed_reason(day, part)) == closed
    following = national.next_school_day(first, part)
    assert following >= first
    assert not national.school_days(first, following - timedelta(days=1), part)
    before = national.last_school_day(first, part)
    assert before <= first
    assert not national.school_days(before + timedelta(days=1), first, part)


@pytest.mark.fault("F31", "F32")
@pytest.mark.parametrize("year", YEARS)
def test_the_clock_changes_in_the_registration_week_every_year(year):
    forward = summer_time_begins(year)
    week = assumed(f"{year - 1}-{year}").statutory.registration
    assert week.first <= forward <= week.last
    at_half_past_two = datetime.combine(forward, datetime.min.time()).replace(hour=2, minute=30)
    assert not wall_time_exists(at_half_past_two)
    assert wall_time_exists(at_half_past_two - timedelta(days=1))
    october = date(year, 10, 31)
    back = october - timedelta(days=(october.weekday() + 1) % 7)
    assert wall_time_is_ambiguous(datetime(year, 10, back.day, 2, 30))  # noqa: DTZ001 (a wall time has no zone)
    assert not wall_time_is_ambiguous(datetime(year, 10, back.day, 3, 0))  # noqa: DTZ001


wall_times = st.datetimes(datetime(2024, 1, 1), datetime(2040, 12, 31)).filter(wall_time_exists)  # noqa: DTZ001


@settings(deadline=None)
@given(wall_times, st.integers(1, 60))
def test_a_reminder_comes_at_the_same_wall_time(due, days):
    moment = reminder_moment(due.replace(tzinfo=NETHERLANDS), days)
    meant = due - timedelta(days=days)
    shown = dutch_time(moment).replace(tzinfo=None)
    if wall_time_exists(meant):
        assert shown == meant
    else:
        assert shown == meant + timedelta(hours=1)
    assert moment < due.replace(tzinfo=NETHERLANDS).astimezone(UTC)


@pytest.mark.fault("F31", "F35")
def test_a_reminder_over_the_change_of_the_clock():
    due = datetime(2027, 3, 29, 17, tzinfo=NETHERLANDS)
    assert dutch_time(reminder_moment(due, 2)).isoformat() == "2027-03-27T17:00:00+01:00"
    leap = datetime(2028, 3, 1, 9, tzinfo=NETHERLANDS)
    assert dutch_time(reminder_moment(leap, 1)).isoformat() == "2028-02-29T09:00:00+01:00"


@pytest.mark.fault("F32")
def test_moments_in_the_hour_that_comes_twice_keep_their_order():
    """02:50 summer time is before 02:10 winter time, although a clock on the wall shows it later."""
    first = datetime(2026, 10, 25, 0, 50, tzinfo=UTC)
    stones = {
        name: (first + serial * timedelta(minutes=20)).astimezone(NETHERLANDS)
        for serial, name in enumerate(Milestones.model_fields)
    }
    assert (stones["opens"].minute, stones["data_due"].minute) == (50, 10)
    assert Milestones(**stones).data_due - first == timedelta(minutes=20)
    with pytest.raises(ValueError, match="before"):
        Milestones(**{**stones, "opens": stones["receipts_due"]})


def agreement_text(school_year, part, moments):
    stones = "".join(
        f"      {name}: {moment:%Y-%m-%d %H:%M}\n"
        for name, moment in zip(Milestones.model_fields, moments, strict=True)
    )
    return f"""region: voorbeeld
name: Voorbeeldregio
school_year: {school_year}
holiday_region: {part}
coordinators: [{{account: a, name: A, email: a@scholen-voorbeeld.nl}}]
schools:
  - {{id: 99ZZ00, name: P, kind: PO, contact: p@scholen-voorbeeld.nl, supplies: {{way: drop_folder}}}}
  - {{id: 98ZZ00, name: V, kind: VO, contact: v@scholen-voorbeeld.nl, receives: {{way: push, url: "https://v.example.org"}}}}
rounds:
  advice:
    receivers: registered
    reminders: [{{of: data_due, days_before: 7}}, {{of: data_due, days_before: 7}}, {{of: data_due, days_before: 1}}]
    milestones:
{stones}"""


@settings(max_examples=60, deadline=None)
@given(data=st.data(), school_year=years, part=parts)
def test_milestones_keep_their_order_and_wall_time_and_nothing_comes_twice(tmp_path_factory, data, school_year, part):
    """Any moments in any order: they load exactly when they are in order, and everything made of them agrees."""
    year = int(school_year[5:])
    stated = data.draw(
        st.lists(
            st.datetimes(datetime(year, 1, 1), datetime(year, 7, 31)).map(  # noqa: DTZ001 (wall times)
                lambda moment: moment.replace(second=0, microsecond=0)
            ),
            min_size=6,
            max_size=6,
        )
    )
    moments = sorted(stated) if data.draw(st.booleans()) else stated
    folder = tmp_path_factory.mktemp("year")
    path = write(folder, agreement_text(school_year, part, moments), school_year=school_year)
    (checked,) = check_agreements([path])
    codes = {finding.code for finding in checked.findings}
    is_possible = all(map(wall_time_exists, moments))
    assert ("AGREEMENT-112" in codes) == (not is_possible)
    if not is_possible:
        return
    assert ("AGREEMENT-110" in codes) == (moments != sorted(moments))
    if moments != sorted(moments):
        return
    agreement = load_agreement(path)
    national = national_year(school_year)
    agreed = agreement.round("advice").milestones
    assert [dutch_time(getattr(agreed, name)).replace(tzinfo=None) for name in Milestones.model_fields] == moments
    instants = [getattr(agreed, name).astimezone(UTC) for name in Milestones.model_fields]
    assert instants == sorted(instants)
    found = entries(agreement, national)
    assert len({entry.uid for entry in found}) == len(found)
    (due,) = [entry for entry in found if entry.milestone == "data_due"]
    assert due.reminders == (7, 1)  # said twice, reminded once
    dated = [entry for entry in found if entry.kind is EntryKind.MILESTONE]
    assert [entry.starts.astimezone(UTC) for entry in dated] == instants
    assert icalendar("x", found, instants[0]).count(b"BEGIN:VALARM") == 2


@pytest.mark.fault("F37")
@settings(deadline=None)
@given(years, parts)
def test_a_window_counts_its_school_days(school_year, part):
    """From Monday morning to Friday afternoon of any week there are as many school days as the calendar says."""
    from overstap.agreements.checks.context import CheckContext
    from overstap.agreements.checks.moments import school_days_between
    from overstap.agreements.source_positions import AgreementSource

    national = assumed(school_year)
    context = CheckContext(AgreementSource(FOLDER, {"holiday_region": part.value}), national)
    monday = date(int(school_year[5:]), 3, 1)
    monday += timedelta(days=-monday.weekday() % 7)
    opens = datetime.combine(monday, datetime.min.time(), NETHERLANDS).replace(hour=8)
    closes = opens + timedelta(days=4, hours=9)
    expected = len(national.school_days(monday, monday + timedelta(days=4), part))
    assert school_days_between(context, opens, closes) == expected
    is_open = national.is_school_day(monday, part)
    assert school_days_between(context, opens.replace(hour=14), closes) == expected - is_open
