"""Refused rows of test advices and places: collected from real files, shown on the board until they are mended."""

import html
import os
import re
import time
from pathlib import Path

import psycopg
import pytest
from fastapi.testclient import TestClient

from overstap.agreements import RoundId
from overstap.clock import now
from overstap.intake import places, pupil_tests
from overstap.ledger import Ledger
from overstap.ledger.rounds import refused_lists, rounds
from overstap.ledger.rounds.refused_lists import MOST_LINES, RefusedRows, RegionList
from overstap.notifications.updating import update_notices
from overstap.rounds import advice_tests
from overstap.rounds.context import Context, RoundContext
from overstap.settings import Settings
from overstap.simulation.synthetic.numbers import bsn

from .conftest import VIEWER, Alone

TESTS, PLACES = ";".join(pupil_tests.HEADER), ";".join(places.HEADER)


@pytest.fixture
def context(client: TestClient, ledger: Ledger, tmp_path: Path) -> RoundContext:
    with ledger.unit("alfa", "test") as unit:
        row = rounds.get_round(unit, str(unit.one("select round_id from overstap.round")[0]))
    (tmp_path / "drop" / "alfa").mkdir(parents=True)
    settings = Settings(drop=str(tmp_path / "drop"), regions=tmp_path)
    return Context(settings, ledger).of_round(RoundId(row.round_id), row.agreement)


def put(context: RoundContext, name: str, *rows: str) -> None:
    """Put a file into the region's drop folder, as if it stood there for a minute."""
    path = Path(str(context.settings.drop)) / "alfa" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\r\n".join(rows))
    os.utime(path, (time.time() - 60,) * 2)


def collect(context: RoundContext) -> None:
    advice_tests.collect_tests(context)
    advice_tests.collect_places(context)


def kept(context: RoundContext) -> list[tuple[str, str, int, str, int, tuple[int, ...]]]:
    with context.unit("test") as unit:
        found = refused_lists.refused(unit, context.agreement.school_year)
    return [(one.list, one.school, one.file, one.code, one.count, one.lines) for one in found]


def page(client: TestClient, context: RoundContext) -> str:
    answer = client.get(f"/ronde/{context.round_id}")
    assert answer.status_code == 200
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def test_refused_rows_stand_on_the_board_until_they_are_mended(client: TestClient, context: RoundContext) -> None:
    school = context.agreement.primary_schools[0].id
    vo = context.agreement.secondary_schools[0].id
    good = f"{bsn(1)};{school};havo"
    put(context, "toetsadviezen.csv", TESTS, good, f"123456789;{school};havo", f"{bsn(2)};{school};x", "1;2;3")
    put(context, "plaatsen.csv", PLACES, f"{vo};Plein;havo;30", f"{vo};Plein;vwo;veel")
    assert "aandacht vragen" not in page(client, context)
    collect(context)
    assert kept(context) == [
        ("tests", "", 1, "INTAKE-120", 2, (3, 5)),
        ("tests", "", 1, "INTAKE-122", 1, (4,)),
        ("places", "", 1, "INTAKE-130", 1, (3,)),
    ]
    told = page(client, context)
    assert "Regels in lijsten van de regio die aandacht vragen" in told
    assert "Toetsadviezen : Regel 3: in kolom leerlingnummer staat geen geldig" in told
    assert "(Regel 3, 5.) Neem het nummer over" in told
    assert "Plaatsen : Lijst met plaatsen, regel 3: in kolom plaatsen" in told
    assert not [number for number in ("123456789", bsn(1), bsn(2)) if number in told]
    put(context, "toetsadviezen.csv", TESTS, good)
    collect(context)
    assert [one[0] for one in kept(context)] == ["places"]
    (Path(str(context.settings.drop)) / "alfa" / "plaatsen.csv").unlink()
    collect(context)
    assert "aandacht vragen" not in page(client, context)


def test_which_of_several_files_and_which_message_is_told(client: TestClient, context: RoundContext) -> None:
    school = context.agreement.primary_schools[0]
    put(context, "toetsadviezen-a.csv", TESTS, f"{bsn(1)};{school.id};havo")
    put(context, "toetsadviezen-b.csv", "wrong;header", "1;2")
    put(context, "toetsadviezen-c.csv", TESTS, f"12345672;{school.id};vwo")
    put(context, f"doorstroomtoets/{school.id}/1.json", "{}")
    put(context, f"doorstroomtoets/{school.id}/2.json", "[]")
    collect(context)
    assert kept(context) == [
        ("tests", "", 2, "INTAKE-123", 1, ()),
        ("tests", "", 3, "INTAKE-117", 1, (2,)),
        ("tests", school.id, 0, "INTAKE-124", 2, (1, 2)),
    ]
    told = page(client, context)
    assert "Toetsadviezen, bestand 2 op alfabet : De eerste regel van het bestand" in told
    assert "Bij 1 toetsadvies ontbraken de nullen" in told
    assert "(Regel 2.)" in told
    assert f"Toetsadviezen, berichten op alfabet, van {' '.join(school.name.split())} : Het bestand is geen" in told
    assert "12345672" not in told


def test_a_file_that_is_still_written_is_told_in_words(client: TestClient, context: RoundContext) -> None:
    path = Path(str(context.settings.drop)) / "alfa" / "plaatsen.csv"
    path.write_text(PLACES)
    collect(context)
    told = page(client, context)
    assert "Een bestand met plaatsen kan niet worden gelezen (is misschien nog niet helemaal geschreven)." in told


def test_of_very_many_rows_the_first_lines_and_the_number_are_kept(client: TestClient, context: RoundContext) -> None:
    put(context, "toetsadviezen.csv", TESTS, *("1;2;3" for _ in range(250)))
    collect(context)
    [one] = kept(context)
    assert one == ("tests", "", 1, "INTAKE-120", 250, tuple(range(2, 2 + MOST_LINES)))
    assert "20, 21; samen 250.)" in page(client, context)


def test_coordinators_are_told_once_and_others_see_no_more_than_on_the_board(
    client: TestClient, context: RoundContext, airflow: Alone
) -> None:
    put(context, "toetsadviezen.csv", TESTS, "1;2;3")
    collect(context)
    airflow.asks = VIEWER
    assert "in kolom leerlingnummer" in page(client, context), "it is of no pupil, as refused registrations"

    def told() -> int:
        update_notices(context.ledger, "alfa", at=now(), expiring=(), board=str, actor="notify")
        with context.unit("notify") as unit:
            return int(unit.one("select count(*) from overstap.notice where kind = 'refused_lists'")[0])

    first = told()
    assert first == len(context.agreement.gate_accounts(context.kind))
    assert told() == first
    put(context, "toetsadviezen.csv", TESTS, "1;2;3", "1;2;3")
    collect(context)
    assert told() == 2 * first, "what is refused now is something else"


def test_another_region_neither_sees_nor_writes_them(context: RoundContext, ledger: Ledger) -> None:
    put(context, "plaatsen.csv", PLACES, "x;y;z;1")
    collect(context)
    year = context.agreement.school_year
    with ledger.unit("beta", "test") as unit:
        assert refused_lists.refused(unit, year) == []
        unit.run("delete from overstap.refused_list_row")
    assert len(kept(context)) == 1
    one = RefusedRows(RegionList.PLACES, "", 1, "INTAKE-130", 1, (2,), {})
    with ledger.unit("beta", "test") as unit:
        refused_lists.note(unit, year, RegionList.PLACES, [one])
    assert len(kept(context)) == 1
    with pytest.raises(psycopg.errors.InsufficientPrivilege), ledger.unit("beta", "test") as unit:
        unit.run(
            "insert into overstap.refused_list_row "
            "(region, school_year, list, school, file, code, table_column, count, lines, facts) "
            "values ('alfa', %(year)s, 'tests', '', 1, 'X', '', 1, '{}', '{}')",
            year=year,
        )


def test_two_rounds_of_a_year_that_read_at_once_do_not_fail(
    context: RoundContext, ledger: Ledger, app_dsn: str, keys_folder: Path
) -> None:
    year = context.agreement.school_year
    rows = [RefusedRows(RegionList.TESTS, "", 1, "INTAKE-120", count, (2,), {}) for count in (1, 3)]
    other = Ledger(app_dsn, keys_folder)

    def take(wait: str) -> None:
        with other.unit("alfa", "two") as second:
            second.run(f"set local lock_timeout = '{wait}'")
            refused_lists.note(second, year, RegionList.TESTS, rows[1:])

    with ledger.unit("alfa", "one") as first:
        refused_lists.note(first, year, RegionList.TESTS, rows[:1])
        with pytest.raises(psycopg.errors.LockNotAvailable):
            take("50ms")
    take("10s")
    other.close()
    assert [one[4] for one in kept(context)] == [3]
