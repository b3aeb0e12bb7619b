"""Alarms about what is unusual: nights, much opened or printed at once, gaps in the evidence, clocks."""

import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from owned import by_owner

from overstap.clock import now
from overstap.ledger import Ledger
from overstap.ledger.alarms import FOUND_HERE, chain_fault, look_for_unusual
from overstap.ledger.audit import AuditLine
from overstap.ledger.notifications import outbox
from overstap.ledger.simulated_clock import set_clock
from overstap.rounds.context import Context
from overstap.rounds.notifying import tell_administrator
from overstap.settings import Settings
from overstap.texts import texts

REGION, SCHOOL, ACCOUNT = "alfa", "99AB00", "noor.bakker"
NIGHT = datetime(2027, 3, 9, 1, 30, tzinfo=UTC)
"""Half past two in Dutch winter."""


@pytest.fixture(autouse=True)
def account(ledger: Ledger) -> None:
    """An account of a school."""
    by_owner(ledger, f"insert into overstap.school values ('{REGION}', '{SCHOOL}', 'De Linde', 'PO', 'a@example.org')")  # noqa: S608
    by_owner(
        ledger,
        "insert into overstap.school_account (account, region, school, name, password, made_by) "  # noqa: S608
        f"values ('{ACCOUNT}', '{REGION}', '{SCHOOL}', 'Noor Bakker', 'x', 'test')",
    )


def look(ledger: Ledger, at: datetime | None = None) -> int:
    """Look once, in a transaction of its own."""
    with ledger.unit(REGION, "test") as unit:
        return look_for_unusual(unit, at=at or now(), fault=chain_fault(unit))


def line(ledger: Ledger) -> None:
    with ledger.unit(REGION, "test") as unit:
        unit.audit("test.line", AuditLine("x"))


def raised(ledger: Ledger, owner_dsn: str) -> list[tuple[str, str | None, int]]:
    with psycopg.connect(owner_dsn) as owner:
        return owner.execute("select kind, region, failed from overstap.alarm order by raised_at").fetchall()


def stays(ledger: Ledger, awaits: str | None) -> None:
    by_owner(
        ledger,
        "insert into overstap.school_stay (finds, account, awaits) values (%(finds)s, %(account)s, %(awaits)s)",
        finds=uuid4().bytes * 2,
        account=ACCOUNT,
        awaits=awaits,
    )


@pytest.mark.parametrize(
    ("at", "is_night"),
    [
        (NIGHT, True),
        (datetime(2027, 7, 9, 2, 59, tzinfo=UTC), True),  # 4.59 in summer
        (datetime(2027, 7, 9, 3, 0, tzinfo=UTC), False),
        (datetime(2027, 3, 9, 22, 59, tzinfo=UTC), False),
        (datetime(2027, 3, 9, 23, 0, tzinfo=UTC), True),  # midnight
    ],
)
def test_a_sign_in_at_night_is_told_once(ledger: Ledger, owner_dsn: str, at: datetime, is_night: bool) -> None:
    set_clock(owner_dsn, at)
    stays(ledger, None)
    stays(ledger, None)
    assert raised(ledger, owner_dsn) == ([("odd_hours", REGION, 1)] if is_night else [])


def test_a_sign_in_counts_when_its_second_factor_was_shown(ledger: Ledger, owner_dsn: str) -> None:
    set_clock(owner_dsn, NIGHT)
    stays(ledger, "factor")
    assert raised(ledger, owner_dsn) == []
    by_owner(ledger, "update overstap.school_stay set awaits = null")
    assert raised(ledger, owner_dsn) == [("odd_hours", REGION, 1)]
    set_clock(owner_dsn, NIGHT + timedelta(days=1))
    stays(ledger, None)
    assert len(raised(ledger, owner_dsn)) == 2, "another night"


def opened(owner_dsn: str, count: int, *, by: str, person: str | None = None, region: str = REGION) -> None:
    with psycopg.connect(owner_dsn) as owner:
        owner.execute("set session_replication_role = replica")  # no dossiers are needed to count them
        owner.cursor().executemany(
            "insert into overstap.content_access (region, dossier, number, purpose, opened_by, person) "
            "values (%s, %s, 1, %s, %s, %s)",
            [(region, uuid4(), "parent_page" if person else "school_page", by, person) for _ in range(count)],
        )


def test_many_dossiers_within_an_hour_are_told_by_account(ledger: Ledger, owner_dsn: str) -> None:
    """A hundred are a day's work; of parents, of two accounts and of two regions they are not added up."""
    opened(owner_dsn, 100, by="school:noor")
    opened(owner_dsn, 90, by="school:kees")
    opened(owner_dsn, 150, by="parent", person="p")
    opened(owner_dsn, 150, by="school:noor", region="beta")
    assert look(ledger) == 0
    opened(owner_dsn, 1, by="school:noor")
    assert look(ledger) == 1
    assert look(ledger) == 0, "once in an hour"
    assert raised(ledger, owner_dsn) == [("mass_opening", REGION, 101)]


def printed(owner_dsn: str, count: int, *, times: int) -> None:
    at = now() - timedelta(minutes=30)
    with psycopg.connect(owner_dsn) as owner:
        owner.execute("set session_replication_role = replica")
        for _ in range(count):
            dossier = uuid4()
            for number in range(times):
                owner.execute(
                    "insert into overstap.letter_print (region, dossier, number, person, printed_by, printed_at) "
                    "values (%s, %s, 1, 'p', 'school:noor', %s)",
                    [REGION, dossier, at + timedelta(minutes=number)],
                )


@pytest.mark.parametrize(
    ("count", "times", "found"), [(500, 1, None), (501, 1, 501), (50, 2, None), (51, 2, 102), (25, 3, None)]
)
def test_many_letters_or_many_in_place_of_earlier_ones_are_told(
    ledger: Ledger, owner_dsn: str, count: int, times: int, found: int | None
) -> None:
    printed(owner_dsn, count, times=times)
    look(ledger)
    assert raised(ledger, owner_dsn) == ([("mass_printing", REGION, found)] if found else [])


@pytest.mark.parametrize(("off", "is_told"), [(119, False), (-119, False), (600, True), (-600, True)])
def test_clocks_that_are_apart_are_told(ledger: Ledger, owner_dsn: str, off: int, is_told: bool) -> None:
    look(ledger, now() + timedelta(seconds=off))
    found = raised(ledger, owner_dsn)
    assert [kind for kind, _, _ in found] == (["clock_jump"] if is_told else [])
    assert all(590 <= seconds <= 660 for _, _, seconds in found)


def test_a_clock_that_jumped_back_is_told_by_the_evidence(ledger: Ledger, owner_dsn: str) -> None:
    set_clock(owner_dsn, NIGHT)
    line(ledger)
    set_clock(owner_dsn, NIGHT - timedelta(hours=1))
    look(ledger, NIGHT - timedelta(hours=1))
    [(kind, _, seconds)] = raised(ledger, owner_dsn)
    assert kind == "clock_jump"
    assert 3500 < seconds <= 3600


@pytest.mark.parametrize("damage", ["changed", "removed", "cut off"])
def test_gaps_in_the_evidence_are_told_with_their_line(ledger: Ledger, owner_dsn: str, damage: str) -> None:
    with ledger.unit(REGION, "test") as unit:
        unit.audit("test.line", *(AuditLine(f"subject {number}") for number in range(5)))
    assert look(ledger) == 0
    with psycopg.connect(owner_dsn) as owner:
        owner.execute("set session_replication_role = replica")
        match damage:
            case "changed":
                owner.execute("update overstap.audit_line set payload = replace(payload, 'ject 2', 'ject 9')")
            case "removed":
                owner.execute("delete from overstap.audit_line where seq = 3")
            case _:  # which only a checkpoint tells
                owner.execute(
                    "insert into overstap.audit_checkpoint (region, up_to, payload, signature, certificate) "
                    "values (%s, 5, '{}', '', '')",
                    [REGION],
                )
                owner.execute("delete from overstap.audit_line where seq > 2")
    assert look(ledger) == 1
    assert raised(ledger, owner_dsn) == [("evidence_gap", REGION, 3)]


def test_nobody_looks_in_another_region_or_raises_what_they_like(ledger: Ledger, owner_dsn: str) -> None:
    opened(owner_dsn, 150, by="school:noor", region="beta")
    assert look(ledger) == 0
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        ledger.unit(REGION, "test") as unit,
    ):
        unit.one("select overstap.raise_alarm('clock_jump', 'alfa', 'x', 1)")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ledger.without_region("select overstap.look_for_unusual(now(), null)")


def test_the_administrator_is_mailed_and_the_log_has_a_line_without_a_name(
    ledger: Ledger, owner_dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Of a region without any open round as well; the account, the school and its region's pupils are in neither."""
    line(ledger)
    set_clock(owner_dsn, NIGHT)
    stays(ledger, None)
    by_owner(ledger, "delete from overstap.audit_line")
    opened(owner_dsn, 120, by=f"school:{ACCOUNT}")
    context = Context(Settings(alarm_mail="beheer@example.org"), ledger, lambda: NIGHT + timedelta(minutes=10))
    with caplog.at_level(logging.WARNING, "overstap.alarm"):
        done = tell_administrator(context, REGION, evidence=True)
        assert tell_administrator(context, REGION, evidence=True)["alarms"] == 0
    assert done["alarms"] == 3
    lines = [json.loads(one.getMessage()) for one in caplog.records if one.name == "overstap.alarm"]
    assert sorted(one["event.action"] for one in lines) == ["clock_jump", "mass_opening", "odd_hours"]
    assert {one["overstap.region"] for one in lines if "overstap.region" in one} == {REGION}
    with ledger.unit(REGION, "test") as after:
        mails = [outbox.claim(after, one) for one in outbox.due(after)]
    assert {one.to for one in mails} == {"beheer@example.org"}
    everything = caplog.text + "".join(one.subject + one.text for one in mails)
    for name in (ACCOUNT, "Noor", SCHOOL, "Linde"):
        assert name not in everything
    assert "120 dossiers" in everything


def test_each_kind_that_the_database_finds_has_its_words() -> None:
    assert set(texts("notices/alarms")) > FOUND_HERE
    code = Path(__file__).parents[3] / "include/schemas/ledger/code"
    raised_there = "".join(path.read_text() for path in sorted(code.glob("*.sql")))
    assert all(f"raise_alarm('{kind}'" in raised_there for kind in FOUND_HERE)
