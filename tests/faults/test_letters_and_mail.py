"""Tests of SIGKILL during invitations: no family left out, no mail twice, no letter with an invalid code.

Each process kills itself at a chosen step, so the moment is the same each time.
"""

import os
import re
import signal
import smtplib
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pypdf
import pytest
from families import REGION, Home, ReviewRound, home, open_review_round
from mail_server import MailServer
from typer.testing import CliRunner

from overstap.agreements import Milestones
from overstap.agreements.model import Invitations
from overstap.cli import app
from overstap.clock import now
from overstap.ledger.invariants import check
from overstap.notifications.outbox import send_due
from overstap.notifications.smtp import opened
from overstap.review.code_keys import code_keys, read_code
from overstap.review.inviting import invite
from overstap_tools.local.postgres import EmbeddedPostgres

CODE = re.compile(r"\b(?:[0-9A-Z]{4}-){4}[0-9A-Z]{4}\b")
ADDRESS = "https://inzage.example.org"
LETTERS = """
import os, signal, sys
from pathlib import Path
from overstap.review import letter_file
from overstap.cli import app

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def die_after(done):
    def both(self, content):
        done(self, content)
        die()
    return both

at = sys.argv.pop(1)
if at == "before the commit":
    letter_file.LetterFile.write = die_after(letter_file.LetterFile.write)
else:
    letter_file.LetterFile.publish = die
app()
"""
MAIL = """
import os, signal, smtplib, sys
from pathlib import Path
from overstap.clock import now
from overstap.ledger import Ledger
from overstap.notifications.smtp import opened
from overstap.notifications.outbox import send_due
from overstap.review import inviting
from overstap.review.inviting import invite

dsn, keys, round_id, port, at = sys.argv[1:]
ledger, left = Ledger(dsn, Path(keys)), 3

def die_at_third(done, before):
    def counted(*args, **more):
        global left
        left -= 1
        if left == 0 and before:
            os.kill(os.getpid(), signal.SIGKILL)
        found = done(*args, **more)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return found
    return counted

if at == "queueing":
    inviting.GROUP = 3
    inviting._invite = die_at_third(inviting._invite, before=False)
    invite(ledger, region="alfa", round_id=round_id, actor="invite", address="https://inzage.example.org")
smtplib.SMTP.sendmail = die_at_third(smtplib.SMTP.sendmail, before=at == "before sending")
server = lambda: smtplib.SMTP("127.0.0.1", int(port), timeout=10)
send_due(ledger, "alfa", lambda: opened(server, sender="inzage@regio.example"), actor="mail", clock=now)
"""


@pytest.fixture(scope="module")
def at_home(postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory):
    with home(postgres, tmp_path_factory.mktemp("invited"), ledger_template) as found:
        yield found


@pytest.fixture(scope="module")
def review_round(at_home: Home) -> ReviewRound:
    moments = {"opens": -5, "data_due": -4, "review_opens": -1, "review_closes": 48, "delivers": 49, "receipts_due": 90}
    milestones = Milestones(**{name: now() + timedelta(hours=offset) for name, offset in moments.items()})
    return open_review_round(at_home.ledger, 14, milestones=milestones, invitations=Invitations(by=("letter", "email")))


def killed(*command: str, env: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        [sys.executable, "-c", *command], env=os.environ | (env or {}), capture_output=True, timeout=120, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]


def run_mail(at_home: Home, review_round: ReviewRound, server: MailServer, at: str) -> None:
    killed(MAIL, at_home.ledger._dsn, str(at_home.keys), review_round.round_id, str(server.port), at)


@pytest.mark.fault("F03")
def test_everybody_is_mailed_once_whenever_it_is_killed(
    at_home: Home, review_round: ReviewRound, tmp_path: Path
) -> None:
    server = MailServer(tmp_path / "mails")
    server.start()
    try:
        run_mail(at_home, review_round, server, "queueing")
        invite(at_home.ledger, region=REGION, round_id=review_round.round_id, actor="invite", address=ADDRESS)
        run_mail(at_home, review_round, server, "before sending")
        # The server took it, and nobody wrote that down: it goes again, and its Message-ID says that it is the same.
        run_mail(at_home, review_round, server, "after sending")

        def smtp_session():
            return opened(lambda: smtplib.SMTP("127.0.0.1", server.port, timeout=10), sender="inzage@regio.example")

        send_due(at_home.ledger, REGION, smtp_session, actor="mail", clock=now)
        boxes = {box.name: server.box(box.name) for box in server.folder.iterdir()}
    finally:
        server.stop()
    with review_round.unit() as unit:
        invited = unit.one("select count(*) from overstap.invitation where channel = 'email' and state = 'made'")[0]
        stand = Counter(row[0] for row in unit.rows("select state from overstap.mail"))
        assert unit.one("select count(*) from overstap.entitled")[0] >= invited > 6
        assert check(unit) == []
    assert stand == {"sent": invited}
    ids = [mail["Message-ID"] for box in boxes.values() for mail in box]
    assert len(set(ids)) == invited
    assert len(ids) == invited, "a mailbox keeps a Message-ID once"
    assert server.moods.taken == invited + 1, "only the one whose fate was unknown came twice"


@pytest.mark.fault("F03")
@pytest.mark.parametrize("at", ["before the commit", "after the commit"])
def test_no_paper_holds_a_code_that_is_none(
    at: str, at_home: Home, review_round: ReviewRound, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    invite(at_home.ledger, region=REGION, round_id=review_round.round_id, actor="invite", address=ADDRESS)
    with review_round.unit() as unit:  # as if nobody had had a letter
        before = unit.one("select count(*) from overstap.letter_print")[0]
    out = tmp_path / "brieven.pdf"
    env = {
        "OVERSTAP_LEDGER": at_home.ledger._dsn,
        "OVERSTAP_KEYS": str(at_home.keys),
        "OVERSTAP_REVIEW_ADDRESS": ADDRESS,
    }
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    asked = ["review", "letters", "--region", REGION, "--round", review_round.round_id, "--school", review_round.school]
    asked += ["--by", "kantoor", "--out", str(out)]
    if before:
        asked.append("--lost")
    killed(LETTERS, at, *asked, env=env)
    assert not out.exists(), "a file that nobody can take for letters that count"
    with review_round.unit() as unit:
        counted = unit.one("select count(*) from overstap.letter_print")[0]
    assert (counted > before) == (at == "after the commit")
    done = CliRunner().invoke(app, asked, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    codes = [CODE.search(page.extract_text()) for page in pypdf.PdfReader(out).pages]
    with review_round.unit() as unit:
        finds = {bytes(row[0]) for row in unit.rows("select finds from overstap.review_access where ended_at is null")}
    assert len(finds) == len(codes) > 6
    from overstap.ledger.region_keys import sha256

    born = review_round.families()[0].born
    assert {sha256(code_keys(read_code(code[0]) or "", born).lookup_token) for code in codes if code} == finds
    assert not out.with_name("brieven.pdf.part").exists()
