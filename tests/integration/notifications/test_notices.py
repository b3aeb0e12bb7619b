"""Tests of notices from a round's status to the mailbox: once, in a daily digest, without data of pupils."""

import smtplib
from datetime import datetime, timedelta

import pytest
from mail_server import MailServer
from owned import by_owner

from overstap.agreements import Agreement, RoundKind, load_agreement
from overstap.clock import NETHERLANDS, dutch_time, now
from overstap.errors import OverstapError
from overstap.ledger import Ledger, accounts
from overstap.ledger.notifications import notices
from overstap.ledger.notifications.notices import Notice
from overstap.ledger.rounds import rounds, task_failures
from overstap.ledger.rounds.task_failures import TaskInstanceRef
from overstap.notifications.outbox import send_due
from overstap.notifications.smtp import opened
from overstap.notifications.updating import update_notices
from overstap_tools.project import PROJECT

KIND = RoundKind.ADVICE


@pytest.fixture
def agreement(ledger: Ledger) -> Agreement:
    found = load_agreement(PROJECT / "include" / "regions" / "haaglanden" / "2026-2027.yaml")
    found = found.model_copy(
        update={"region": "demo", "schools": found.primary_schools[:2] + found.secondary_schools[:1]}
    )
    with ledger.unit("demo", "test") as unit:
        rounds.open_round(unit, found, KIND)
    return found


def morning(days: int = 0) -> datetime:
    """Half past seven on the next working day from today, or some working days later; the clock is an argument."""
    local = dutch_time(now()) + timedelta(days=1)
    while local.weekday() > 3:
        local += timedelta(days=1)
    return local.replace(hour=7, minute=30, second=0, microsecond=0, tzinfo=NETHERLANDS) + timedelta(days=days)


def told(ledger: Ledger, at: datetime, *endings: tuple[str, str, datetime]) -> dict[str, int]:
    board = "https://board.example/{}".format
    return dict(update_notices(ledger, "demo", at=at, expiring=endings, board=board, actor="tell"))


def send(ledger: Ledger, server: MailServer) -> dict[str, int]:
    def connect() -> smtplib.SMTP:
        return smtplib.SMTP("127.0.0.1", server.port, timeout=10)

    return dict(send_due(ledger, "demo", lambda: opened(connect, sender="o@regio.example"), actor="mail", clock=now))


def fail(ledger: Ledger, agreement: Agreement, index: int) -> TaskInstanceRef:
    school = agreement.primary_schools[index]
    place = TaskInstanceRef("round__demo__advice", "run", "collect", index, agreement.round_id(KIND), school.id)
    with ledger.unit("demo", "collect") as unit:
        error = OverstapError("INTAKE-050", school=school.label, contact=school.contact)
        task_failures.note(unit, place, error, will_retry=False)
    return place


def test_a_day_has_one_digest_per_person_and_the_next_day_another_only_with_news(
    ledger: Ledger, agreement: Agreement, mail_server: MailServer
) -> None:
    done = told(ledger, morning())
    assert done == {"noted": 4, "digests": 4}
    assert told(ledger, morning() + timedelta(hours=1)) == {"noted": 0}
    assert send(ledger, mail_server) == {"sent": 4}
    assert told(ledger, morning(1)) == {"noted": 0}
    person = agreement.coordinators[0]
    [mail] = mail_server.box(person.email)
    assert "De ronde is geopend" in mail["Subject"]
    assert f"https://board.example/{agreement.round_id(KIND)}" in mail.get_body(("plain",)).get_content()
    assert len(mail_server.box(agreement.primary_schools[0].contact)) == 1


def test_red_tasks_come_at_once_and_together_and_not_when_they_are_mended_first(
    ledger: Ledger, agreement: Agreement, mail_server: MailServer
) -> None:
    told(ledger, morning())
    send(ledger, mail_server)
    first, second = (fail(ledger, agreement, index) for index in (0, 1))
    ten = morning() + timedelta(hours=2, minutes=30)
    assert told(ledger, ten) == {"noted": 2, "urgent": 1}
    third = fail(ledger, agreement, 0)
    assert told(ledger, ten + timedelta(minutes=5)) == {"noted": 1}, "no second mail within the hour"
    with ledger.unit("demo", "collect") as unit:
        for place in (first, second, third):
            task_failures.end(unit, place)
    assert told(ledger, ten + timedelta(hours=1)) == {"noted": 0}, "mended before anybody was told"
    send(ledger, mail_server)
    [_, mail] = sorted(mail_server.box(agreement.coordinators[0].email), key=lambda one: "INTAKE" in one.as_string())
    text = mail.get_body(("plain",)).get_content()
    assert text.count("INTAKE-050") == 2
    assert "2 berichten" in mail["Subject"]


def test_at_night_everything_waits(ledger: Ledger, agreement: Agreement) -> None:
    fail(ledger, agreement, 0)
    night = morning().replace(hour=22)
    assert told(ledger, night) == {"noted": 5}
    assert told(ledger, morning(1)) == {"noted": 0, "digests": 4}


def test_a_question_that_was_answered_at_once_is_not_mailed(ledger: Ledger, agreement: Agreement) -> None:
    told(ledger, morning())
    account = f"coordinator:{agreement.coordinators[0].account}"
    subjects = {"subject_nl": "Vrijgeven?", "subject_en": "Release?"}
    asked = [Notice("gate", f"release/{n}/run", account, subjects, agreement.round_id(KIND), True) for n in (1, 2)]
    with ledger.unit("demo", "gate") as unit:
        notices.note(unit, asked)
        notices.drop_settled(unit, asked[0].meaning)
    assert told(ledger, morning() + timedelta(hours=3)) == {"noted": 0, "urgent": 1}
    with ledger.unit("demo", "test") as unit:
        rows = unit.rows("select meaning, mail is not null from overstap.notice where kind = 'gate' order by meaning")
    assert [is_told for _, is_told in rows] == [False, True]


def test_schools_get_nothing_where_the_region_wants_none(ledger: Ledger, agreement: Agreement) -> None:
    quiet = agreement.notices.model_copy(update={"schools": False})
    changed = agreement.model_copy(update={"notices": quiet, "school_year": "2027-2028"})
    with ledger.unit("demo", "test") as unit:
        rounds.open_round(unit, changed, KIND)
    assert told(ledger, morning())["digests"] == len(agreement.coordinators)


def test_no_address_stands_readable_in_the_ledger(ledger: Ledger, agreement: Agreement, owner_dsn: str) -> None:
    import psycopg

    told(ledger, morning(), ("99DA00 signing-1", agreement.primary_schools[0].id, morning(9)))
    with psycopg.connect(owner_dsn) as connection:
        for table in ("notice", "mail"):
            rows = connection.execute(f"select t::text from overstap.{table} t").fetchall()  # noqa: S608 (two names)
            assert rows
            assert not [row for (row,) in rows if "@" in row]


@pytest.mark.parametrize("is_open", [True, False], ids=["while a round runs", "between rounds"])
def test_a_school_is_told_of_its_accounts_also_when_it_gets_no_other_mail(
    ledger: Ledger, agreement: Agreement, mail_server: MailServer, is_open: bool
) -> None:
    quiet = agreement.model_copy(update={"notices": agreement.notices.model_copy(update={"schools": False})})
    school = agreement.primary_schools[0]
    by_owner(
        ledger,
        "update overstap.round_agreement set agreement = %(agreement)s::jsonb",
        agreement=quiet.model_dump_json(),
    )
    if not is_open:
        by_owner(ledger, "update overstap.round set closed_at = now() - interval '200 days'")
    with ledger.unit("demo", "c.jansen") as unit:
        accounts.put_account(unit, "juf@school.example", school.id, "Juf", "scrypt$x")
        assert accounts.recover(unit, "juf@school.example")
    told(ledger, morning() + timedelta(hours=1))
    send(ledger, mail_server)
    [mail] = mail_server.box(school.contact)
    text = mail.get_body(("plain",)).get_content()
    assert "account van uw school hersteld" in mail["Subject"]
    assert "juf@school.example" in text
    assert told(ledger, morning(1)).get("urgent") is None, "once"
