"""Tests of the outbox with a real mail server: once per meaning, audit line first, encrypted at rest."""

import json
import os
import smtplib
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import psycopg
import pytest
from mail_server import MailServer

from overstap.clock import now
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.notifications.outbox import (
    Mail,
    MailStatus,
    claim,
    due,
    queue,
    statuses,
)
from overstap.notifications.outbox import send_due
from overstap.notifications.smtp import SmtpSession, opened

TEXT = "Beste collega,\n\nDe ronde is open. Groet, Café Ōkāmi\n"


def mail(name: str, **changes: object) -> Mail:
    given = {"to": f"{name}@school.example", "subject": "Ronde geopend – Advies", "text": TEXT, "html": "<p>Open</p>"}
    return Mail(meaning=f"opened/demo/{name}", kind="opened", **(given | changes))


def put(ledger: Ledger, *mails: Mail) -> int:
    with ledger.unit("demo", "test") as unit:
        return queue(unit, mails)


def stand(ledger: Ledger) -> dict[str, MailStatus]:
    with ledger.unit("demo", "test") as unit:
        return {one.meaning.rsplit("/")[-1]: one for one in statuses(unit)}


def session_with(server: MailServer) -> Callable[[], AbstractContextManager[SmtpSession]]:
    return lambda: opened(lambda: smtplib.SMTP("127.0.0.1", server.port, timeout=10), sender="overstap@regio.example")


def send(ledger: Ledger, server: MailServer) -> dict[str, int]:
    return dict(send_due(ledger, "demo", session_with(server), actor="mail", clock=now))


def retry_now(owner_dsn: str) -> None:
    with psycopg.connect(owner_dsn) as connection:
        connection.execute("update overstap.mail set next_attempt_at = clock_timestamp() - interval '1 second'")


def actions(ledger: Ledger) -> list[tuple[str, dict]]:
    with ledger.unit("demo", "test") as unit:
        lines = [json.loads(row[0]) for row in unit.rows("select payload from overstap.audit_line order by seq")]
    return [(line["action"], line["detail"]) for line in lines]


def test_a_mail_goes_once_by_its_meaning(ledger: Ledger, mail_server: MailServer) -> None:
    assert put(ledger, mail("a"), mail("a"), mail("b")) == 2
    assert put(ledger, mail("a", subject="Anders")) == 0
    assert send(ledger, mail_server) == {"sent": 2}
    assert send(ledger, mail_server) == {}
    assert put(ledger, mail("a")) == 0
    [got] = mail_server.box("a@school.example")
    assert got["Subject"] == "Ronde geopend – Advies"
    assert got["To"] == "a@school.example"
    assert got["Auto-Submitted"] == "auto-generated"
    assert got.get_body(("plain",)).get_content().replace("\r\n", "\n") == TEXT
    assert "<p>Open</p>" in got.get_body(("html",)).get_content()


def test_nothing_of_it_is_readable_and_it_is_erased_when_settled(
    ledger: Ledger, mail_server: MailServer, owner_dsn: str
) -> None:
    put(ledger, mail("a"))

    def stored() -> tuple:
        with psycopg.connect(owner_dsn) as connection:
            return connection.execute("select m::text, content from overstap.mail m").fetchone()

    text, content = stored()
    assert content is not None
    assert "school.example" not in text
    assert b"school.example" not in content
    send(ledger, mail_server)
    assert stored()[1] is None
    said = actions(ledger)
    assert [action for action, _ in said] == ["mail.send", "mail.settle"]
    assert "school.example" not in json.dumps(said)


def test_a_server_that_is_down_loses_nothing(ledger: Ledger, mail_server: MailServer) -> None:
    put(ledger, mail("a"))
    mail_server.stop()
    with pytest.raises(OverstapError, match="MAIL-001"):
        send(ledger, mail_server)
    assert stand(ledger)["a"].attempts == 0
    mail_server.start()
    assert send(ledger, mail_server) == {"sent": 1}


def test_no_for_good_and_no_for_now(ledger: Ledger, mail_server: MailServer, owner_dsn: str) -> None:
    put(ledger, mail("gone"), mail("full"), mail("fine"), mail("odd", to="geen adres\nBcc: x@y.example"))
    mail_server.moods.answers = {"gone@school.example": "550 gone", "full@school.example": "452 full"}
    assert send(ledger, mail_server) == {"refused": 2, "later": 1, "sent": 1}
    found = stand(ledger)
    assert (found["gone"].state, found["gone"].code, found["gone"].reply) == ("refused", "MAIL-003", 550)
    assert (found["full"].state, found["full"].code, found["full"].reply) == ("waiting", "MAIL-002", 452)
    assert (found["odd"].state, found["odd"].code) == ("refused", "MAIL-004")
    assert send(ledger, mail_server) == {}, "not at once again"
    mail_server.moods.answers = {}
    retry_now(owner_dsn)
    assert send(ledger, mail_server) == {"sent": 1}
    assert len(mail_server.box("full@school.example")) == 1


def test_a_connection_that_breaks_after_the_mail_was_taken(
    ledger: Ledger, mail_server: MailServer, owner_dsn: str
) -> None:
    """Nobody can know whether it went: it goes again as the same mail, which a mail box keeps once."""
    put(ledger, *(mail(name) for name in "abc"))
    mail_server.moods.hangs_up_after = 1
    with pytest.raises(OverstapError, match="MAIL-001"):
        send(ledger, mail_server)
    assert sorted(one.state for one in stand(ledger).values()) == ["sent", "waiting", "waiting"]
    retry_now(owner_dsn)
    assert send(ledger, mail_server) == {"sent": 2}
    assert {len(mail_server.box(f"{name}@school.example")) for name in "abc"} == {1}
    assert mail_server.moods.taken == 4


def test_a_sender_that_was_killed_in_the_middle(ledger: Ledger, mail_server: MailServer) -> None:
    put(ledger, mail("a"))
    with ledger.unit("demo", "killed") as unit:
        claim(unit, due(unit)[0])
    assert stand(ledger)["a"].state == "sending"
    assert send(ledger, mail_server) == {"sent": 1}
    assert stand(ledger)["a"].attempts == 2


def test_two_senders_at_once_send_once(app_dsn: str, keys_folder: os.PathLike, mail_server: MailServer) -> None:
    ledgers = [Ledger(app_dsn, keys_folder) for _ in range(2)]
    put(ledgers[0], *(mail(str(number)) for number in range(20)))
    sent: list[int] = []
    threads = [
        threading.Thread(target=lambda one=one: sent.append(send(one, mail_server).get("sent", 0))) for one in ledgers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(sent) == 20
    assert mail_server.moods.taken == 20
    for one in ledgers:
        one.close()


def test_mails_wait_for_their_moment_and_urgent_ones_go_first(ledger: Ledger, mail_server: MailServer) -> None:
    put(ledger, mail("later", not_before=now() + timedelta(hours=1)), mail("usual"), mail("urgent", urgent=True))
    with ledger.unit("demo", "test") as unit:
        first, second = (claim(unit, one).to for one in due(unit))
    assert (first, second) == ("urgent@school.example", "usual@school.example")


def test_another_region_sees_no_mail(ledger: Ledger, mail_server: MailServer) -> None:
    put(ledger, mail("a"))
    with ledger.unit("alfa", "test") as unit:
        assert statuses(unit) == []
        assert due(unit) == []
        assert queue(unit, [mail("a")]) == 1, "the same meaning in another region is another mail"
