"""Benchmark of the parents' pages: whole visits over loopback, with a national number of families in the ledger.

A visit is: start page, sign-in, overview, dossier, decision, receipt. The peer is a FastAPI page with a fixed text,
under the same server and the same load.
"""

import asyncio
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import psutil
import psycopg
import uvicorn
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from rich.console import Console
from rich.table import Table

from overstap.agreements import RoundKind
from overstap.clock import now
from overstap.ledger.migrate import set_review_password
from overstap.ledger.region_keys import bound, sha256
from overstap.ledger.rounds.rounds import open_round
from overstap.pages.shared.bounds import BoundedProtocol
from overstap.review.code_keys import code_keys, new_code, read_code
from overstap.review.copies import FrozenVersion, encrypt_copy, person_copy
from overstap.simulation.sandbox import Sandbox
from overstap.simulation.synthetic.agreement import agreement_of
from overstap.simulation.synthetic.writing import dossiers
from overstap_tools.bench.sandbox import region_of
from overstap_tools.bench.together import ProcessShare, Stopwatch, together
from overstap_tools.local import ports
from overstap_tools.local.waiting import wait_until

REGION = "review"
FAMILIES = 175_000
BUDGET = 300
"""Requests per second that one process must do, with 99 of 100 answered within 100 ms."""
_SPENT = ("CPU ms per request: pages", "PostgreSQL", "visitors")
_BORN = date(2015, 3, 31)
_GROUP = 5_000
_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Visits:
    """Measurement of visits.

    Args:
        requests: how many were answered.
        seconds: in how long.
        waits: of each, in milliseconds.
        cpu_seconds: what the serving process took.
        visitors_seconds: what the process of the visitors took.
        database_seconds: what PostgreSQL took.
    """

    requests: int
    seconds: float
    waits: tuple[float, ...] = field(repr=False)
    cpu_seconds: float
    visitors_seconds: float
    database_seconds: float

    def at(self, share: float) -> float:
        """Return the wait that this share of the requests stayed under, in milliseconds."""
        return sorted(self.waits)[min(len(self.waits) - 1, int(len(self.waits) * share))]


def fill(sandbox: Sandbox, families: int, visiting: int) -> list[str]:
    """Put families with codes into the ledger; return the codes of those who visit.

    Args:
        sandbox: the sandbox.
        families: how many.
        visiting: of how many the codes are returned.
    """
    today = now().date()
    region = region_of(REGION, 40, today)
    agreement = agreement_of(region)
    ledger = sandbox.ledger()
    with ledger.unit(REGION, "bench") as unit:
        open_round(unit, agreement, RoundKind.ADVICE)
        keys = unit.keys
    ledger.close()
    round_id, school = agreement.round_id(RoundKind.ADVICE), agreement.primary_schools[0].id
    dossier = next(dossiers(region))[1]
    carer = "dossier/huidigeschool/leerling/verzorger[1]"
    copy = person_copy(FrozenVersion(dossier, 1, b"\0" * 32, None, None, {}), own_path=carer, asks_changes_only=False)
    copy |= {
        "person": "K. Dijkstra",
        "kind": "carer",
        "answer": {"key_id": "1~bench", "key": keys.derived("bench")[1].hex()},
    }
    key, access = os.urandom(32), uuid4()
    packed = AESGCM(key)
    whole = encrypt_copy(copy, key, REGION, access)
    plain = packed.decrypt(whole[:_NONCE_BYTES], whole[_NONCE_BYTES:], bound(REGION, f"showing/{access}"))
    codes: list[str] = []
    with psycopg.connect(sandbox.owner_dsn) as connection:
        connection.execute(
            "insert into overstap.gate_decision (region, round_id, gate, approved, decided_by, reason, answer_key, "
            "dossiers) values (%s, %s, 'release_for_review', true, 'bench', '', 'bench', 0)",
            [REGION, round_id],
        )
        connection.execute("alter table overstap.dossier disable trigger user")
        closes = now() + timedelta(hours=12)
        done = 0
        while done < families:
            size = min(_GROUP, families - done)
            names = [(uuid4(), uuid4(), uuid4()) for _ in range(size)]
            with connection.cursor() as cursor:
                with cursor.copy(
                    "copy overstap.dossier (dossier, region, round_id, primary_school, pupil, state, review_closes_at) "
                    "from stdin"
                ) as out:
                    for one, _, _ in names:
                        out.write_row((one, REGION, round_id, school, os.urandom(32), "in_review", closes))
                with cursor.copy(
                    "copy overstap.dossier_version (dossier, number, region, key_id, content, content_digest, "
                    "oso_version, source) from stdin"
                ) as out:
                    for one, _, _ in names:
                        out.write_row((one, 1, REGION, "1", b"x", bytes(32), "2019.1", "bench"))
                with cursor.copy(
                    "copy overstap.review_frozen (frozen, region, dossier, number, digest) from stdin"
                ) as out:
                    for one, frozen, _ in names:
                        out.write_row((frozen, REGION, one, 1, bytes(32)))
                with cursor.copy(
                    "copy overstap.review_access (access, region, dossier, person, finds, proves, held_key_id, held, "
                    "frozen, showing, opens_at, issued_by) from stdin"
                ) as out:
                    for one, frozen, access in names:
                        code = new_code()
                        if len(codes) < visiting:
                            codes.append(code)
                        out.write_row(_access(one, frozen, access, code, plain, closes))
            done += size
        connection.execute(
            "update overstap.dossier_version set released_by = (select gate_decision from overstap.gate_decision)"
        )
        connection.execute("alter table overstap.dossier enable trigger user")
    with psycopg.connect(sandbox.owner_dsn, autocommit=True) as connection:
        connection.execute("vacuum analyze")
    return codes


def _access(dossier: UUID, frozen: UUID, access: UUID, code: str, plain: bytes, closes: Any) -> tuple[Any, ...]:
    made = code_keys(read_code(code) or "", _BORN)
    nonce = os.urandom(_NONCE_BYTES)
    copy = nonce + AESGCM(made.copy_key).encrypt(nonce, plain, bound(REGION, f"showing/{access}"))
    hashes = (sha256(made.lookup_token), sha256(made.proof_token))
    return (access, REGION, dossier, "person", *hashes, "1", b"x", frozen, copy, closes - timedelta(days=1), "bench")


class _Line:
    """HTTP/1.1 connection of one visitor, with the minimum that the pages need, so that it costs little time."""

    def __init__(self, port: int, waits: list[float]) -> None:
        self.port = port
        self.waits = waits
        self.cookies: dict[str, str] = {}
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, path: str, form: dict[str, str] | None = None) -> tuple[int, str]:
        """Send a request; return status and text."""
        if self.streams is None:
            self.streams = await asyncio.open_connection(ports.LOOPBACK, self.port)
        reader, writer = self.streams
        body = urlencode(form).encode() if form is not None else b""
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        head = f"{'GET' if form is None else 'POST'} {path} HTTP/1.1\r\nHost: x\r\nCookie: {cookies}\r\n"
        if form is not None:
            head += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
        begin = time.perf_counter()
        writer.write(head.encode() + b"\r\n" + body)
        answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = int(found[1]) if (found := re.search(r"(?i)content-length: (\d+)", answer)) else 0
        text = (await reader.readexactly(length)).decode()
        self.waits.append((time.perf_counter() - begin) * 1000)
        for name, value in re.findall(r"(?i)set-cookie: ([^=]+)=([^;]*)", answer):
            self.cookies[name] = value
        return int(answer[9:12]), text

    def close(self) -> None:
        """Hang up."""
        if self.streams is not None:
            self.streams[1].close()


async def _visit(line: _Line, code: str) -> None:
    _, page = await line.ask("/nl/")
    form = {"formulier": _hidden(page, "formulier"), "code": code}
    status, _ = await line.ask("/nl/inloggen", form | {"dag": "31", "maand": "3", "jaar": "2015"})
    if status != 303:
        raise RuntimeError(f"signing in gave {status}")
    for path in ("overzicht", "dossier", "uitleg"):
        status, _ = await line.ask(f"/nl/{path}")
        if status != 200:
            raise RuntimeError(f"{path} gave {status}")
    _, page = await line.ask("/nl/antwoord")
    answer = {"formulier": _hidden(page, "formulier"), "keer": _hidden(page, "keer"), "antwoord": "eens"}
    status, _ = await line.ask("/nl/antwoord", answer)
    if status != 303:
        raise RuntimeError(f"answering gave {status}")
    await line.ask("/nl/ontvangstbewijs?ontvangen")


def _hidden(page: str, name: str) -> str:
    found = re.findall(rf'name="{name}" value="([^"]*)"', page)
    return str(found[-1]) if found else ""


def visiting(stopwatch: Stopwatch, port: int, codes: Sequence[str], at_once: int, hello: int) -> ProcessShare:
    """Let families visit, some at once; or, with `hello`, ask a bare page that often."""
    waits: list[float] = []

    async def all_of_them() -> None:
        queue = list(codes)

        async def visitor() -> None:
            while queue:
                line = _Line(port, waits)
                await _visit(line, queue.pop())
                line.close()

        async def greeter() -> None:
            line = _Line(port, waits)
            for _ in range(hello // at_once):
                await line.ask("/")
            line.close()

        await asyncio.gather(*(greeter() if hello else visitor() for _ in range(at_once)))

    stopwatch.ready()
    asyncio.run(all_of_them())
    stopwatch.more = {f"{index:06}": wait for index, wait in enumerate(waits)}
    return stopwatch.stop(len(waits))


def bare(port: int) -> None:
    """Serve a page that says hello."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/", response_class=HTMLResponse)
    async def hello() -> str:
        return "<!doctype html><title>Hello</title><h1>Hello</h1>"

    uvicorn.run(app, host=ports.LOOPBACK, port=port, http=BoundedProtocol, access_log=False, log_level="warning")


def _measure(
    command: Sequence[str],
    env: dict[str, str],
    port: int,
    codes: Sequence[str],
    at_once: int,
    hello: int,
    database: psutil.Process,
) -> Visits:
    quiet = subprocess.DEVNULL
    serving = subprocess.Popen(  # noqa: S603
        [sys.executable, *command], env=os.environ | env, stdout=quiet, stderr=quiet
    )
    try:
        wait_until(lambda: not ports.is_free(port), "pages", 60)
        warm = min(10, len(codes))
        together(visiting, [(port, codes[:warm], 2, 20 if hello else 0)])
        process = psutil.Process(serving.pid)
        before = _spent(process), _spent(database)
        found = together(visiting, [(port, codes[warm:], at_once, hello)])
        visitors = found.parts[0]
        spent = _spent(process) - before[0], visitors.cpu_seconds, _spent(database) - before[1]
        return Visits(found.counted, found.seconds, tuple(visitors.more.values()), *spent)
    finally:
        serving.terminate()
        serving.wait(20)


def _spent(process: psutil.Process) -> float:
    """Return the processor seconds of a process and its children, those that have ended too."""
    times = process.cpu_times()
    own = times.user + times.system + times.children_user + times.children_system
    return float(own + sum(_spent(child) for child in process.children()))


def run(console: Console, sandbox: Sandbox, *, families: int, visits: int, at_once: Sequence[int]) -> list[Visits]:
    """Print the rates, and return them.

    Args:
        console: where to print.
        sandbox: the sandbox; its ledger knows the region `REGION`.
        families: how many are in the ledger.
        visits: how many families visit, of eight requests each.
        at_once: how many at the same moment, for each measurement.
    """
    begin = time.monotonic()
    codes = fill(sandbox, families, visits * len(at_once) + 10 * len(at_once))
    console.print(f"{families:,} families in the ledger, put there in {time.monotonic() - begin:.0f} s")
    password = os.urandom(24).hex()
    set_review_password(sandbox.owner_dsn, password)
    dsn = psycopg.conninfo.make_conninfo(sandbox.owner_dsn, user="overstap_review", password=password)
    table = Table(title="Parents' pages, whole visits, one process")
    for name in ("what", "at once", "requests/s", "per CPU second", "median ms", "p99 ms", *_SPENT):
        table.add_column(name, justify="left" if name == "what" else "right")
    results = []
    with psycopg.connect(sandbox.owner_dsn) as connection:
        backend = psutil.Process(connection.info.backend_pid)
        database = backend.parent() or backend
    for turn, count in enumerate(at_once):
        port = ports.any_free()
        mine = codes[turn * (visits + 10) : (turn + 1) * (visits + 10)]
        env = {"OVERSTAP_REVIEW": dsn, "OVERSTAP_REVIEW_ADDRESS": f"http://{ports.LOOPBACK}:{port}"}
        serve = ["-m", "overstap", "review", "serve", "--port", str(port)]
        found = _measure(serve, env, port, mine, count, 0, database)
        results.append(found)
        _row(table, "visits of families", count, found)
    port = ports.any_free()
    code = f"from overstap_tools.bench.review import bare; bare({port})"
    peer = _measure(["-c", code], {}, port, codes[:1], at_once[-1], visits * 8, database)
    _row(table, "bare FastAPI page (peer)", at_once[-1], peer)
    console.print(table)
    console.print(f"Budget: {BUDGET} requests/s with a p99 under 100 ms. The visitors share the machine's cores.")
    console.print(_wrong_answers(sandbox, dsn, codes[0]))
    return [*results, peer]


def _row(table: Table, what: str, at_once: int, found: Visits) -> None:
    spent = (found.cpu_seconds, found.database_seconds, found.visitors_seconds)
    table.add_row(
        *(what, str(at_once), f"{found.requests / found.seconds:,.0f}", f"{found.requests / found.cpu_seconds:,.0f}"),
        *(f"{statistics.median(found.waits):.1f}", f"{found.at(0.99):.1f}"),
        *(f"{1000 * seconds / found.requests:.2f}" for seconds in spent),
    )


def _wrong_answers(sandbox: Sandbox, dsn: str, code: str) -> str:
    """Say how long a wrong code and a wrong birth date take in the ledger, turn about."""
    seconds: dict[str, list[float]] = {"code": [], "date": []}
    with (
        psycopg.connect(dsn, autocommit=True) as review,
        psycopg.connect(sandbox.owner_dsn, autocommit=True) as owner,
    ):
        for turn in range(400):
            owner.execute("delete from overstap.review_attempt")
            owner.execute("update overstap.review_access set wrong_dates = 0")
            kind = ("code", "date")[turn % 2]
            typed, born = (new_code(), _BORN) if kind == "code" else (code, _BORN + timedelta(days=1))
            begin = time.perf_counter()
            keys = code_keys(read_code(typed) or "", born)
            review.execute(
                "select * from overstap.review_sign_in(%s, %s, '203.0.113.1', '203.0.113.0/24', %s, %s)",
                [keys.lookup_token, keys.proof_token, os.urandom(32), b"x" * 60],
            )
            seconds[kind].append(time.perf_counter() - begin)
    said = {kind: f"{statistics.median(times) * 1000:.2f} ms" for kind, times in seconds.items()}
    return f"median of a wrong code {said['code']}, of a wrong birth date {said['date']}"
