"""Tests of Dutch formatting of moments, durations and numbers."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from overstap.ledger.dossiers.reference import reference
from overstap.pages.board import addresses, formatting, health
from overstap.pages.board.csrf import form_token, is_valid
from overstap.pages.board.person import BoardUser
from overstap.tabular.writing import csv_of, safe_text

NOW = datetime(2027, 3, 10, 11, tzinfo=UTC)  # 12:00 on a Dutch wall


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (timedelta(days=3), "nog 3 dagen"),
        (timedelta(days=1), "morgen 12:00"),
        (timedelta(hours=4), "vandaag 16:00"),
        (timedelta(hours=-1), "vandaag voorbij"),
        (timedelta(days=-1), "1 dag te laat"),
        (timedelta(days=-5), "5 dagen te laat"),
    ],
)
def test_what_is_left(after: timedelta, told: str) -> None:
    assert formatting.time_left(NOW + after, NOW) == told


def test_days_are_counted_by_the_calendar_over_the_change_of_clocks() -> None:
    before = datetime(2027, 3, 27, 23, tzinfo=UTC)  # midnight, the night in which an hour is skipped
    assert formatting.time_left(datetime(2027, 3, 28, 22, tzinfo=UTC), before) == "morgen 00:00"


def test_words() -> None:
    assert formatting.when(NOW, NOW) == "vandaag 12:00"
    assert formatting.when(NOW + timedelta(days=2), NOW) == "vr 12 mrt 12:00"
    assert formatting.when(NOW + timedelta(days=300), NOW) == "di 4 jan 2028 12:00"
    assert [formatting.signed(number) for number in (1234, 0, -5)] == ["+1.234", "0", "−5"]
    assert formatting.share(999, 1000) == "99 %"
    assert formatting.number(1234567) == "1.234.567"


@pytest.mark.parametrize(
    ("span", "told"),
    [
        (timedelta(seconds=59), "minder dan een minuut"),
        (timedelta(minutes=1), "1 minuut"),
        (timedelta(minutes=20), "20 minuten"),
        (timedelta(hours=1), "1 uur"),
        (timedelta(hours=23), "23 uur"),
        (timedelta(days=1), "1 dag"),
        (timedelta(days=20), "20 dagen"),
        (timedelta(days=400), "400 dagen"),
    ],
)
def test_spans_are_told_in_their_largest_unit_up_to_days(span: timedelta, told: str) -> None:
    assert formatting.period(span) == told


@pytest.mark.parametrize(("part", "whole", "told"), [(0, 0, "–"), (0, 3, "0 %"), (1, 3, "33 %"), (29, 50, "58 %")])
def test_shares(part: int, whole: int, told: str) -> None:
    assert formatting.share(part, whole) == told
    assert formatting.share(99_999, 100_000) == "99 %"
    assert formatting.share(7, 7) == "100 %"


@pytest.mark.fault("F65")
@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "|x", "%x", "＝1", " =1", "\n=1", "\x00=1"]
)
def test_no_cell_is_a_formula(text: str) -> None:
    assert safe_text(text).startswith("'")
    assert csv_of(["x"], [[text]]).decode("utf-8-sig").splitlines()[1].lstrip('"').startswith("'")


def test_a_usual_cell_stays_as_it_is() -> None:
    assert safe_text("De Regenboog") == "De Regenboog"
    assert safe_text("a\x07b") == "ab"
    assert csv_of(["x"], [[-3]]).decode("utf-8-sig").splitlines() == ["x", "-3"]


def test_a_mark_is_of_one_person_and_one_form() -> None:
    anna, bob = BoardUser("anna", "1", frozenset()), BoardUser("bob", "2", frozenset())
    given = form_token("s" * 32, anna, "ronde/school")
    assert is_valid("s" * 32, anna, "ronde/school", given)
    assert not is_valid("s" * 32, bob, "ronde/school", given)
    assert not is_valid("s" * 32, anna, "ronde/other", given)
    assert not is_valid("t" * 32, anna, "ronde/school", given)
    assert not is_valid("s" * 32, anna, "ronde/school", "")


def test_a_pseudonym_tells_nothing_of_when() -> None:
    one, other = UUID("0198a0b0-1111-7abc-8123-00000000abcd"), UUID("0298a0b0-2222-7abc-8123-00000000abcd")
    assert reference(one) == reference(other)
    assert len(reference(one)) == 9
    assert reference(one) != reference(UUID(int=one.int + 1))


def test_addresses_are_quoted() -> None:
    path = addresses.school_page("alfa.2026-2027.advice", "99AB00")
    assert addresses.framed("https://x.nl/", path) == f"https://x.nl/plugin/rondes{path}"
    assert addresses.school_page("a/b", "c?d") == "/rondes/ronde/a/b/school/c%3Fd"


def test_what_is_paused_is_told_in_red_by_name() -> None:
    assert health.paused([]).tone == "good"
    found = health.paused(["notices__alfa", "round__beta__advice"])
    assert found.tone == "bad"
    assert "2 onderdelen staan uit" in found.says
    assert "round__beta__advice" in found.says
    assert "1 onderdeel staat uit" in health.paused(["notices__alfa"]).says
    assert found.do


def test_health_is_judged() -> None:
    fresh = {kind: NOW - timedelta(hours=3) for kind in health.BACKUPS}
    assert health.backups(fresh, NOW).tone == "good"
    assert health.backups(fresh | {"keys": NOW - timedelta(days=2)}, NOW).tone == "mind"
    assert health.backups(fresh | {"keys": NOW - timedelta(days=9)}, NOW).tone == "bad"
    assert "sleutels" in health.backups({"ledger": NOW, "airflow": NOW}, NOW).says
    assert health.queue(0, None, 2, NOW).tone == "good"
    assert health.queue(3, NOW - timedelta(hours=1), 2, NOW).tone == "bad"
    assert health.certificates({"a": NOW + timedelta(days=3)}, NOW).tone == "bad"
    assert health.certificates({"a": NOW + timedelta(days=300)}, NOW).tone == "good"
    assert health.certificates(None, NOW).tone == "mind"
    assert health.component("scheduler", NOW - timedelta(seconds=4), True, NOW).tone == "good"
    assert health.component("scheduler", None, False, NOW).tone == "bad"
    assert health.database("ledger", None, None).tone == "bad"
    assert health.checkpoint(0, None, NOW).tone == "good"
    assert health.checkpoint(7, None, NOW).tone == "mind"
