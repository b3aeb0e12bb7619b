"""Process of the schools' pages with two accounts, for tests with and without a browser."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
from families import REGION, Home, ReviewRound, home, open_review_round
from forked import Process, popen

from overstap.agreements import Milestones
from overstap.agreements.model import Invitations
from overstap.clock import now
from overstap.ledger import accounts
from overstap.ledger.dossiers import school_reports
from overstap.ledger.invariants import check
from overstap.pages.school.passwords import hash_password
from overstap.pki.authority import DevelopmentAuthority
from overstap.review.inviting import invite
from overstap_tools.local import ports
from overstap_tools.local.postgres import EmbeddedPostgres
from overstap_tools.local.waiting import wait_until

FAULTS = (
    "\ufeffDossier;Sleutel in uw administratie;Ernst;Waar;Wat is er mis;Wat te doen;Wie;Regel\r\n"
    "D-1;LN-1;Fout;Ouder of verzorger (2), Geboortedatum;Ontbreekt.;Vul in.;Uw school;OV-DT-08\r\n"
)
PASSWORD = "vier woorden op papier"
ACCOUNT, OTHER = "j.jansen@school.example", "ander@school.example"


@dataclass
class School:
    """The running service."""

    home: Home
    review_round: ReviewRound
    folder: Path
    dsn: str
    """The ledger, with the login of the schools' pages."""
    settings: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=ports.any_free)
    process: Process | None = None
    sockets: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="keys-")))
    """Folder with the key service's sockets, not in `folder`: the path of a socket has 107 characters at the most."""
    key_service: Process | None = None
    is_forked: bool = True
    """False where a test looks at the processes themselves: their environment, their memory."""

    @property
    def address(self) -> str:
        return f"http://localhost:{self.port}"  # a name, since passkeys are bound to one

    @property
    def log(self) -> str:
        return (self.folder / "school.log").read_text()

    @property
    def socket(self) -> Path:
        return self.sockets / "school" / "keys.sock"

    def start_key_service(self) -> None:
        self.socket.parent.mkdir(mode=0o700, exist_ok=True)
        self.socket.unlink(missing_ok=True)
        env = os.environ | {"OVERSTAP_KEYS": str(self.home.keys), "OVERSTAP_TRUST": str(self.folder / "trust")}
        with (self.folder / "keys.log").open("ab") as out:
            command = ["-m", "overstap", "keys", "serve", str(self.sockets)]
            self.key_service = process = popen(command, env=env, stdout=out, stderr=out, is_forked=self.is_forked)
        wait_until(lambda: process.poll() is not None or self.socket.exists(), "key service", 60)
        assert process.poll() is None, (self.folder / "keys.log").read_text()

    def start(self) -> None:
        """Start the pages as a deployment does: without keys and certificates, which the key service has."""
        if self.key_service is None:
            self.start_key_service()
        env = os.environ | {
            "OVERSTAP_LEDGER": self.dsn,
            "OVERSTAP_KEY_SERVICE": str(self.socket),
            "OVERSTAP_REVIEW_ADDRESS": "https://inzage.example.org",
            "OVERSTAP_SCHOOL_ADDRESS": self.address,
            **self.settings,
        }
        with (self.folder / "school.log").open("ab") as out:
            self.process = process = popen(
                ["-m", "overstap", "school", "serve", "--port", str(self.port)],
                env=env,
                stdout=out,
                stderr=out,
                is_forked=self.is_forked,
            )
        wait_until(lambda: process.poll() is not None or not ports.is_free(self.port), "school's pages", 60)
        assert process.poll() is None, self.log

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def kill_key_service(self) -> None:
        if self.key_service is not None:
            self.key_service.kill()
            self.key_service.wait()
            self.key_service = None


def agreed() -> dict[str, Any]:
    moments = {"opens": -5, "data_due": -4, "review_opens": -1, "review_closes": 48, "delivers": 49, "receipts_due": 90}
    return {
        "milestones": Milestones(**{name: now() + timedelta(hours=offset) for name, offset in moments.items()}),
        "invitations": Invitations(by=("letter", "email")),
        "not_inspected": "attest",
    }


@contextmanager
def school_service(
    postgres: EmbeddedPostgres, template: str, folder: Path, *, is_forked: bool = True, **settings: str
) -> Iterator[School]:
    """Serve the pages of a school whose round is open, until the end, with further settings where they are given."""
    DevelopmentAuthority(folder / "trust", at=now()).conductor(REGION)
    with home(postgres, folder, template) as found:
        review_round = open_review_round(found.ledger, 12, **agreed())
        invite(found.ledger, region=REGION, round_id=review_round.round_id, actor="invite", address="https://x.example")
        with review_round.unit("beheer") as unit:
            accounts.put_account(unit, ACCOUNT, review_round.school, "J. Jansen", hash_password(PASSWORD))
            accounts.put_account(unit, OTHER, review_round.region.secondary[0].id, "Een ander", hash_password(PASSWORD))
            school_reports.keep(
                unit, review_round.round_id, review_round.school, school_reports.SchoolReport("<p>lijst</p>", FAULTS)
            )
        dsn = postgres.dsn("overstap_school", found.database)
        made = School(found, review_round, folder, dsn, settings, is_forked=is_forked)
        made.start()
        try:
            yield made
        finally:
            made.kill()
            made.kill_key_service()
            shutil.rmtree(made.sockets)


def rows(school: School, statement: str, *values: Any) -> list[Any]:
    """Ask or change the ledger as its owner does, beside the pages."""
    with psycopg.connect(school.home.owner_dsn, autocommit=True) as owner:
        done = owner.execute(statement, values)
        return done.fetchall() if done.description else []


def sound(school: School) -> None:
    """Find nothing in the ledger that contradicts something else."""
    with school.review_round.unit() as unit:
        assert check(unit) == []


def attempt(school: School, account: str, password: str, client: httpx.Client | None = None) -> httpx.Response:
    """Try to sign in, at a browser that nobody has used before or at the one that is given."""
    client = client or httpx.Client(base_url=school.address, follow_redirects=False, timeout=120)
    key = client.get("/").text.partition('name="formulier" value="')[2].partition('"')[0]
    return client.post("/inloggen", data={"formulier": key, "account": account, "wachtwoord": password})


def signed_in(school: School, account: str = ACCOUNT) -> httpx.Client:
    client = httpx.Client(base_url=school.address, follow_redirects=False, timeout=60)
    key = client.get("/").text.partition('name="formulier" value="')[2].partition('"')[0]
    form = {"formulier": key, "account": account, "wachtwoord": PASSWORD}
    assert client.post("/inloggen", data=form).status_code == 303
    return client
