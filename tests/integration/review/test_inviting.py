"""Tests of invitations: once per family, within hours, with handles only in ledger and mail."""

import io
import re
import smtplib
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pypdf
import pypdfium2
import pytest
import zxingcpp
from families import REGION, ReviewRound, open_review_round  # type: ignore[import-not-found]
from mail_server import MailServer  # type: ignore[import-not-found]
from owned import by_owner  # type: ignore[import-not-found]

from overstap.agreements.model import Invitations, Reminder
from overstap.clock import now
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.dossiers import dossiers
from overstap.ledger.invariants import check
from overstap.ledger.review import access_log, decisions, invitations
from overstap.notifications.bounces import Bounce, read_bounces
from overstap.notifications.outbox import send_due
from overstap.notifications.smtp import opened
from overstap.oso.facts import facts_of
from overstap.oso.reading import read
from overstap.review.code_keys import read_code
from overstap.review.inviting import invite
from overstap.review.printing_letters import PrintedLetters, letters_to_make, print_letters

ADDRESS = "https://inzage.example.org"
CODE = re.compile(r"\b(?:[0-9A-Z]{4}-){4}[0-9A-Z]{4}\b")
HOUR_AGO = now() - timedelta(hours=1)


def agreed(*, hours: float = -1) -> dict[str, Any]:
    moments = {"opens": -5, "data_due": -4, "review_opens": hours, "review_closes": 48, "delivers": 49}
    milestones = {name: now() + timedelta(hours=offset) for name, offset in moments.items()}
    from overstap.agreements import Milestones

    return {
        "milestones": Milestones(**milestones, receipts_due=now() + timedelta(hours=90)),
        "invitations": Invitations(by=("letter", "email")),
        "reminders": (Reminder(of="review_closes", days_before=1),),
    }


@pytest.fixture
def review_round(ledger: Ledger) -> ReviewRound:
    made = open_review_round(ledger, 12, **agreed())
    by_owner(ledger, "update overstap.dossier set review_closes_at = clock_timestamp() + interval '2 days'")
    return made


@pytest.fixture
def mail_server(tmp_path: Path) -> Iterator[MailServer]:
    server = MailServer(tmp_path / "mails")
    server.start()
    yield server
    server.stop()


def test_progress_is_told_of_as_many_dossiers_as_were_counted_before(
    review_round: ReviewRound, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("overstap.review.inviting.GROUP", 5)
    told: list[int] = []
    with review_round.unit() as unit:
        total = invitations.count_without_people(unit, review_round.round_id)
    invite(
        review_round.ledger,
        region=REGION,
        round_id=review_round.round_id,
        actor="invite",
        address=ADDRESS,
        advance=told.append,
    )
    with review_round.unit() as unit:
        assert invitations.count_without_people(unit, review_round.round_id) == 0
    assert total == sum(told) == 12
    assert len(told) == 3


def call(review_round: ReviewRound) -> Counter[str]:
    return invite(review_round.ledger, region=REGION, round_id=review_round.round_id, actor="invite", address=ADDRESS)


def send(review_round: ReviewRound, server: MailServer) -> Counter[str]:
    def smtp_session() -> Any:
        return opened(lambda: smtplib.SMTP("127.0.0.1", server.port, timeout=10), sender="inzage@regio.example")

    return send_due(review_round.ledger, REGION, smtp_session, actor="mail", clock=now)


def write(review_round: ReviewRound, again: tuple[str, ...] = ()) -> tuple[PrintedLetters, list[bytes]]:
    files: list[bytes] = []
    printed = print_letters(
        review_round.ledger,
        region=REGION,
        round_id=review_round.round_id,
        school=review_round.school,
        actor="office",
        address=ADDRESS,
        keep=files.append,
        again=again,
    )
    return printed, files


def people(review_round: ReviewRound) -> list[Any]:
    with review_round.unit() as unit:
        return [
            one
            for content in dossiers.contents(unit, review_round.round_id, ["in_review", "inspected"])
            for one in facts_of(read(content.content)).entitled(date(2027, 3, 16), str)
        ]


def boxes(server: MailServer) -> dict[str, int]:
    return (
        {path.name: len(list(path.glob("*.eml"))) for path in server.folder.iterdir()} if server.folder.exists() else {}
    )


def rows(review_round: ReviewRound, sql: str) -> list[Any]:
    with review_round.unit() as unit:
        return unit.rows(sql)


def test_everybody_with_an_address_is_mailed_once(review_round: ReviewRound, mail_server: MailServer) -> None:
    known = Counter(one.email for one in people(review_round) if one.email)
    reach = Counter(one.email_is for one in people(review_round))
    first = call(review_round)
    assert (first["people"], first["mails"], first["secret"]) == (reach.total(), reach["known"], reach["secret"])
    assert reach["secret"] > 0
    assert call(review_round)["mails"] == 0
    send(review_round, mail_server)
    send(review_round, mail_server)
    assert boxes(mail_server) == known
    with review_round.unit() as unit:
        assert check(unit) == []


def test_a_mail_says_nothing_about_anybody(review_round: ReviewRound, mail_server: MailServer) -> None:
    call(review_round)
    send(review_round, mail_server)
    written = "".join(
        path.read_text(encoding="utf-8").split("\n\n", 1)[-1] for path in mail_server.folder.rglob("*.eml")
    )
    with review_round.unit() as unit:
        read_all = [read(content.content) for content in dossiers.contents(unit, review_round.round_id, ["in_review"])]
    school = review_round.agreement.school(review_round.school)
    for word in (
        review_round.school,
        school.name,
        *(str(one.surname) for one in read_all),
        *(str(one.bsn) for one in read_all),
    ):
        assert not re.search(rf"\b{re.escape(word)}\b", written), word
    assert not CODE.search(written)
    assert ADDRESS in written


def test_nothing_goes_before_the_agreed_hour(ledger: Ledger, mail_server: MailServer, owner_dsn: str) -> None:
    review_round = open_review_round(ledger, 6, **agreed(hours=1))
    assert call(review_round)["mails"] > 0
    assert send(review_round, mail_server) == {}
    assert boxes(mail_server) == {}
    with pytest.raises(OverstapError, match="REVIEW-026"):
        write(review_round)
    with psycopg.connect(owner_dsn) as connection:  # the hour comes, by the database's clock
        connection.execute("update overstap.mail set due_at = due_at - interval '1 hour'")
    assert send(review_round, mail_server)["sent"] > 0


def test_who_has_not_answered_is_reminded_once(
    review_round: ReviewRound, mail_server: MailServer, owner_dsn: str
) -> None:
    call(review_round)
    assert call(review_round)["reminders"] == 0
    family = review_round.families()[0]
    with review_round.unit("school") as unit:
        decisions.record(
            unit,
            review_round.round_id,
            review_round.school,
            [decisions.ReviewDecision(family.las_key, date(2027, 1, 12), "Ja", None)],
            ground="school_single",
        )
    with psycopg.connect(owner_dsn) as connection:
        connection.execute("update overstap.dossier set review_closes_at = clock_timestamp() + interval '20 hours'")
        assert call(review_round)["reminders"] == 0, (
            "who was invited after the moment of the reminder was told just now"
        )
        connection.execute("update overstap.invitation set made_at = made_at - interval '1 day'")
        connection.commit()
    waited = Counter(one.email for one in people(review_round) if one.email).total() - sum(
        1 for one in rows(review_round, "select i.person from overstap.review_decision r "
                                 "join overstap.invitation i on i.dossier = r.dossier "
                                 "where i.state = 'made'")
    )  # fmt: skip
    assert call(review_round)["reminders"] == waited > 0
    assert call(review_round)["reminders"] == 0


def test_a_newer_version_is_announced_and_the_code_goes_on(review_round: ReviewRound, mail_server: MailServer) -> None:
    call(review_round)
    _, files = write(review_round)
    family = review_round.families()[0]

    def change(pupil: dict[str, Any]) -> None:
        pupil["overstapadvies"][0]["argumentatie"] = ["Na het gesprek is het advies anders onderbouwd."]

    review_round.supply(review_round.changed(family, change))
    review_round.release("2")
    send(review_round, mail_server)
    before = sum(boxes(mail_server).values())
    again = call(review_round)
    assert 0 < again["mails"] <= len(family.persons)
    assert send(review_round, mail_server)["sent"] == again["mails"]
    assert sum(boxes(mail_server).values()) == before + again["mails"]
    assert write(review_round)[0].letters == 0, "the letter's code goes on"
    assert len(files) == 1


def test_a_letter_for_each_person_sorted_by_class_and_name(review_round: ReviewRound) -> None:
    call(review_round)
    printed, (content,) = write(review_round)
    pages = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages]
    expected = people(review_round)
    assert printed.letters == len(pages) == len(expected)
    codes = [CODE.findall(page) for page in pages]
    assert all(len(found) == 1 for found in codes)
    assert len({found[0] for found in codes}) == len(pages)
    groups = [re.search(r"Groep (.+?)\n", page) for page in pages]
    shown = [found[1].strip() if found else "" for found in groups]
    assert shown == sorted(shown, key=str.casefold)
    streets = sum("Meegegeven via school" in page for page in pages)
    assert streets == sum(1 for one in expected if not one.address) > 0, "a secret address stands on no letter"


def test_the_code_in_the_picture_is_the_printed_one(review_round: ReviewRound) -> None:
    call(review_round)
    _, (content,) = write(review_round)
    document = pypdfium2.PdfDocument(content)
    for number in (0, len(document) - 1):
        page = document[number]
        (found,) = zxingcpp.read_barcodes(page.render(scale=2).to_pil())
        printed = CODE.search(page.get_textpage().get_text_range())
        assert printed
        assert found.text == f"{ADDRESS}/#{printed[0]}"
        assert read_code(printed[0])


def test_letters_are_made_once_and_again_only_where_asked(review_round: ReviewRound) -> None:
    call(review_round)
    first, (content,) = write(review_round)
    assert first.letters > 0
    assert write(review_round) == (PrintedLetters(0, Counter()), [])
    family = review_round.families()[0]
    once_more, (copy,) = write(review_round, (family.las_key,))
    assert once_more.letters == len(family.persons)
    old, new = (set(CODE.findall("".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(file)).pages)))
                for file in (content, copy))  # fmt: skip
    assert not old & new
    counted = rows(
        review_round, "select count(*) filter (where ended_at is null), count(*) from overstap.review_access"
    )
    assert counted == [(first.letters, first.letters + len(family.persons))]


def test_letters_tell_how_far_they_have_come(review_round: ReviewRound) -> None:
    call(review_round)
    told: list[int] = []
    about = {"region": REGION, "round_id": review_round.round_id, "school": review_round.school, "actor": "office"}
    wanted = letters_to_make(review_round.ledger, **about)
    printed = print_letters(review_round.ledger, **about, address=ADDRESS, keep=lambda _: None, advance=told.append)
    assert wanted == printed.letters + printed.without.total() > 0
    assert sum(told) == wanted + printed.letters, "a code for each, and then a letter"
    assert letters_to_make(review_round.ledger, **about) == printed.without.total()


def test_a_file_that_cannot_be_kept_makes_no_codes(review_round: ReviewRound) -> None:
    call(review_round)

    def full(_: bytes) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        print_letters(
            review_round.ledger,
            region=REGION,
            round_id=review_round.round_id,
            school=review_round.school,
            actor="office",
            address=ADDRESS,
            keep=full,
        )
    assert rows(review_round, "select count(*) from overstap.review_access") == [(0,)]
    assert write(review_round)[0].letters > 0


def test_a_code_stands_nowhere_in_the_ledger(review_round: ReviewRound, owner_dsn: str) -> None:
    call(review_round)
    _, (content,) = write(review_round)
    codes = CODE.findall("".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages))
    with psycopg.connect(owner_dsn) as connection:
        tables = connection.execute(
            "select relname from pg_class where relnamespace = 'overstap'::regnamespace and relkind = 'r'"
        ).fetchall()
        everything = "".join(
            row[0]
            for (name,) in tables
            for row in connection.execute(
                psycopg.sql.SQL("select to_jsonb(t)::text from {} t").format(psycopg.sql.Identifier("overstap", name))
            ).fetchall()
        )
    assert str(review_round.families()[0].dossier) in everything
    for code in codes:
        assert code not in everything
        assert code.replace("-", "") not in everything


def test_who_printed_letters_is_in_the_log_of_the_dossier(review_round: ReviewRound) -> None:
    call(review_round)
    write(review_round)
    with review_round.unit() as unit:
        seen = access_log.opened(unit, review_round.families()[0].dossier)
    assert {(one.purpose, one.opened_by) for one in seen} == {("letter", "office")}


REPORT = """From: MAILER-DAEMON@mail.example
To: inzage@regio.example
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=b"

--=b
Content-Type: text/plain

I am sorry.
--=b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example

Final-Recipient: rfc822; x@example.org
Action: {action}
Status: {status}

--=b
Content-Type: {kind}

{header}

--=b--
"""


@pytest.mark.parametrize("kind", ["message/rfc822", "text/rfc822-headers"])
def test_what_comes_back_is_listed_for_the_school(
    review_round: ReviewRound, mail_server: MailServer, tmp_path: Path, kind: str
) -> None:
    call(review_round)
    sent = rows(review_round, "select mail, meaning from overstap.mail order by mail")
    refused = next(one.email for one in people(review_round) if one.email)
    mail_server.moods.answers[refused] = "550 5.1.1 no such user"
    send(review_round, mail_server)
    states = dict(rows(review_round, "select meaning, state from overstap.mail"))
    came_back = next((mail, meaning) for mail, meaning in sent if states[meaning] == "sent")
    box = tmp_path / "Maildir"
    for folder in ("cur", "new", "tmp"):
        (box / folder).mkdir(parents=True)
    header = f"Message-ID: <{came_back[0]}@regio.example>\nSubject: x"
    for serial, (action, status) in enumerate([("failed", "5.1.1"), ("delayed", "4.4.1"), ("failed", "9")]):
        (box / "new" / f"{serial}.host").write_text(
            REPORT.format(action=action, status=status, kind=kind, header=header)
        )
    (box / "cur" / "spam").write_bytes(b"\xff\xfenonsense" * 50)
    found = [one for one in read_bounces(box) if isinstance(one, Bounce)]
    # A status that is none (RFC 3463) makes a failure no less one
    assert [(one.mail, one.status) for one in found] == [(came_back[0], "5.1.1"), (came_back[0], "5.0.0")]
    with review_round.unit() as unit:
        assert invitations.note_bounce(unit, found[0].mail, found[0].status)
    with review_round.unit() as unit:
        reached = invitations.person_inspections(unit, review_round.round_id, review_round.school)
    counted = Counter((one.email, one.email_reason) for one in reached)
    assert counted[("bounced", "5.1.1")] == 1
    assert counted[("refused", "550")] == sum(1 for one in people(review_round) if one.email == refused)
    assert counted[("unreachable", "secret")] > 0
