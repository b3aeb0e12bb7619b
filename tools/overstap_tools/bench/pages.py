"""Benchmark of all pages of coordinators and schools: each route that shows one, over a filled ledger of 5,000 pupils.

Routes are those of the two applications, so that a page that is added is measured as well, or stands in `LEFT_OUT`.
"""

import asyncio
import re
import secrets
import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx
import psutil
import psycopg
import pyotp
from fastapi import FastAPI
from fastapi.routing import APIRoute
from psycopg.conninfo import make_conninfo
from rich.console import Console
from rich.table import Table

from overstap.agreements import Agreement, RoundKind
from overstap.agreements.model.people import Coordinator
from overstap.clock import now
from overstap.ledger import Ledger, accounts, open_ledger
from overstap.ledger.dossiers import school_reports
from overstap.ledger.dossiers.school_reports import SchoolReport
from overstap.ledger.migrate import set_password
from overstap.oso.facts import record_of
from overstap.oso.writing import canonical
from overstap.pages.board import addresses
from overstap.pages.board.app import Board, make_app
from overstap.pages.school.app import build_app
from overstap.pages.school.operations import SchoolOperations
from overstap.pages.school.passwords import hash_password
from overstap.simulation.sandbox import Sandbox
from overstap.simulation.synthetic.agreement import agreement_of, write_agreement
from overstap.simulation.synthetic.region import SyntheticRegion, punctual_region
from overstap.simulation.synthetic.writing import dossiers
from overstap_tools.bench.board import _StubAirflow
from overstap_tools.bench.filling import UNDER_WAY, Filling, fill, milestones_around
from overstap_tools.bench.sandbox import SEED

REGION = "pages"
PUPILS, PRIMARY, SECONDARY = 5_000, 120, 25
BUDGET_MS = 300
KINDS = (RoundKind.ADVICE, RoundKind.PLACEMENT)
LEFT_OUT = {
    "/ronde/{round_id}/besluit/{gate}/{number}": "is about a question that waits in Airflow",
    "/ronde/{round_id}/opnieuw-vragen/{gate}": "is about a question that waited in Airflow",
    "/afspraken/{region}/{draft_id}": "is about a draft, without pupils",
    "/beheer/controle": "runs the checks of `overstap doctor`",
    "/code": "is about a session without its second factor",
    "/uitnodiging/{secret}": "opens by a secret of an invitation",
    "/ronde/{round_id}/invullen/{draft}": "is about one dossier that a school types",
    "/ronde/{round_id}/invullen/{draft}/{step}": "is about one dossier that a school types",
    "/ronde/{round_id}/invullen/{draft}/ouders": "is about one dossier that a school types",
    "/inloggen/school": "leads to a school's identity provider",
    "/inloggen/school/terug": "comes from a school's identity provider",
    "/.well-known/security.txt": "is a file",
    "/gezond": "says ok",
}
"""Routes that show a page of another kind, with the reason."""
_ACCOUNTS = {"basisschool": "po@bench.example", "vo-school": "vo@bench.example"}
_NOTHING = UUID(int=0)
"""Id of nothing: the page says that there is no such thing."""
_PASSWORD = "vier woorden op papier"  # noqa: S105 (of a sandbox)


@dataclass(frozen=True, slots=True)
class RouteTiming:
    """Response times of a route.

    Args:
        who: "bord", "basisschool" or "vo-school".
        path: the route, or an address of it where there are several.
        status: status of the answers.
        milliseconds: of each request after the first.
        size_bytes: of the answer.
        processor_ms: time of a processor for one request, of the pages and of PostgreSQL together; other work on the
            machine does not change it.
    """

    who: str
    path: str
    status: int
    milliseconds: Sequence[float]
    size_bytes: int
    processor_ms: float

    @property
    def is_kept(self) -> bool:
        """Whether the quickest request keeps the budget."""
        return min(self.milliseconds) <= BUDGET_MS


class _Processors:
    """Processor time of this process and of the sandbox's connections to PostgreSQL."""

    def __init__(self, owner_dsn: str) -> None:
        self._owner = psycopg.connect(owner_dsn, autocommit=True)

    def seconds(self) -> dict[int, float]:
        """Return the seconds so far, by process id."""
        found = {0: time.process_time()}
        for (pid,) in self._owner.execute(
            "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        ):
            with suppress(psutil.NoSuchProcess):
                spent = psutil.Process(pid).cpu_times()
                found[pid] = spent.user + spent.system
        return found

    def since(self, before: Mapping[int, float]) -> float:
        """Return the seconds since."""
        return sum(spent - before.get(pid, 0) for pid, spent in self.seconds().items())

    def close(self) -> None:
        """Close the connection."""
        self._owner.close()


def run(console: Console, sandbox: Sandbox, *, runs: int) -> list[RouteTiming]:
    """Fill the ledger, ask for each route, print how long each took, and return that.

    Args:
        console: where to print.
        sandbox: the sandbox; its ledger knows `REGION`.
        runs: how often each page is asked for.
    """
    begin = time.monotonic()
    region = punctual_region(
        *(SEED, PRIMARY, PRIMARY, SECONDARY),
        today=now().date(),
        name=REGION,
    )
    agreement = agreement_of(region, {kind: milestones_around(now()) for kind in KINDS})
    people = (Coordinator(account="bench", name="Anna de Wit", email="anna@bench.example"),)
    agreement = agreement.model_copy(update={"coordinators": people})
    write_agreement(agreement, sandbox.regions)
    ledger = sandbox.ledger()
    for kind in KINDS:
        fill(ledger, sandbox.owner_dsn, agreement, kind, Filling(PUPILS, UNDER_WAY))
    subject = _enrich(ledger, sandbox, region, agreement)
    ledger.close()
    console.print(f"{PUPILS:,} pupils in {len(KINDS)} rounds were filled in {time.monotonic() - begin:.0f} s")
    processors = _Processors(sandbox.owner_dsn)
    at = (sandbox, processors, agreement, subject, runs)
    found = [*_board(*at), *_schools(*at)]
    processors.close()
    _show(console, found)
    return found


def _enrich(ledger: Ledger, sandbox: Sandbox, region: SyntheticRegion, agreement: Agreement) -> dict[str, Any]:
    """Add what pages of schools read: records, applications with a history, places, flags, and two accounts."""
    made = next(dossiers(region))[1]
    record, content = record_of(made), canonical(made)
    values = {"region": REGION, "year": agreement.school_year, "schools": [s.id for s in agreement.secondary_schools]}
    school = agreement.primary_schools[4].id
    with ledger.unit(REGION, "bench") as unit:
        keys = unit.keys
        for kind in KINDS:
            report = SchoolReport("<p>lijst</p>", "\ufeffDossier;Regel\r\nD-1;OV-DT-08\r\n")
            school_reports.keep(unit, agreement.round_id(kind), school, report)
        refs = unit.rows("select dossier, version, primary_school from overstap.dossier")
        accounts.put_account(unit, _ACCOUNTS["basisschool"], school, "Juf", hash_password(_PASSWORD))
        accounts.put_account(
            unit, _ACCOUNTS["vo-school"], agreement.secondary_schools[0].id, "Mentor", hash_password(_PASSWORD)
        )
    with psycopg.connect(sandbox.owner_dsn) as owner:
        owner.execute("set session_replication_role = replica")
        owner.execute("delete from overstap.dossier_record")
        with owner.cursor().copy(
            "copy overstap.dossier_record (dossier, number, region, key_id, record) from stdin"
        ) as rows:
            for dossier, number, _ in refs:
                sealed = keys.encrypt(record, f"record/{dossier}/{number}")
                rows.write_row((dossier, number, REGION, sealed.key_id, sealed.data))
        for dossier, number, of in refs:
            if of == school:
                sealed = keys.encrypt(content, f"{dossier}/{number}")
                owner.execute(
                    "update overstap.dossier_version set key_id = %s, content = %s where dossier = %s and number = %s",
                    [sealed.key_id, sealed.data, dossier, number],
                )
        for statement in _STATEMENTS:
            owner.execute(statement, values)
        owner.commit()
        owner.execute("set session_replication_role = origin")
        subject = owner.execute(
            "select dossier from overstap.dossier where primary_school = %s and state = 'in_review' and round_id = %s "
            "limit 1",
            [school, agreement.round_id(RoundKind.ADVICE)],
        ).fetchone()
        application = owner.execute(
            "select min(application_event::text) from overstap.application_event where secondary_school = %s",
            [agreement.secondary_schools[0].id],
        ).fetchone()
    with psycopg.connect(sandbox.owner_dsn, autocommit=True) as owner:
        owner.execute("vacuum analyze")
    assert subject is not None and application is not None  # noqa: S101, PT018 (of a filled ledger)
    return {"dossier": subject[0], "school": school, "application": application[0]}


_STATEMENTS = (
    # Three further applications of each pupil, and one pupil in fifty placed at two schools
    """
    insert into overstap.application (region, school_year, pupil, primary_school, secondary_school, stage, recorded_at,
                                      preference, status)
    select a.region, a.school_year, a.pupil, a.primary_school,
           (%(schools)s::text[])[1 + (array_position(%(schools)s::text[], a.secondary_school) - 1 + k)
                                 %% cardinality(%(schools)s::text[])],
           case when k = 1 and get_byte(a.pupil, 0) < 5 then 'placed' else 'applied' end,
           now() - make_interval(days => 5 + get_byte(a.pupil, k) %% 40), k + 1,
           case when k = 1 and get_byte(a.pupil, 0) < 5 then 'placed' else 'admissible' end
      from overstap.application a, generate_series(1, 3) k where a.region = %(region)s
    on conflict do nothing
    """,
    """
    insert into overstap.application_event (region, school_year, pupil, secondary_school, stage, status, preference,
                                            is_withdrawn, stated_at, source, noted_by)
    select region, school_year, pupil, secondary_school, stage, status, preference, false, recorded_at, 'file', 'bench'
      from overstap.application where region = %(region)s
    """,
    """
    insert into overstap.advice_flag (region, school_year, pupil, primary_school, flag, dossier)
    select d.region, %(year)s, d.pupil, d.primary_school,
           (array['contact', 'reconsider', 'no_test', 'older_advice'])[1 + get_byte(d.pupil, 1) %% 4], d.dossier
      from overstap.dossier d where d.region = %(region)s and get_byte(d.pupil, 0) %% 4 = 0
    on conflict do nothing
    """,
)


def _login(sandbox: Sandbox, login: str) -> str:
    password = secrets.token_urlsafe(24)
    set_password(sandbox.owner_dsn, login, password)
    return make_conninfo(sandbox.owner_dsn, user=login, password=password)


def _get_routes(app: Any) -> list[str]:
    while not isinstance(app, FastAPI):  # middlewares hold the application
        app = next(inner for inner in vars(app).values() if callable(inner) and hasattr(inner, "__dict__"))
    return [one.path for one in app.routes if isinstance(one, APIRoute) and "GET" in one.methods]


def _filled(path: str, values: Mapping[str, object]) -> str:
    return re.sub(r"{(\w+)(:\w+)?}", lambda name: quote(str(values.get(name[1], _NOTHING)), safe=""), path)


def _board(
    sandbox: Sandbox, processors: _Processors, agreement: Agreement, subject: Mapping[str, Any], runs: int
) -> list[RouteTiming]:
    settings = sandbox.settings().model_copy(update={"ledger": _login(sandbox, "overstap_board")})
    board = Board(_StubAirflow([REGION], coordinates=True), lambda: settings)
    board.prepare()
    inner = make_app(board)
    app = FastAPI()
    app.mount(addresses.PREFIX, inner)
    values = {
        "region": REGION,
        "school_id": subject["school"],
        "party": subject["school"],
        "subject": subject["dossier"],
        "school_year": agreement.school_year,
        "dag_id": f"round__{REGION}__{RoundKind.ADVICE}",
    }
    files = {
        "/ronde/{round_id}/plaatsen/{name}": ("plaatsen.csv", "plaatsen.xlsx", "vrij.csv", "vrij.pdf", "vrij.html"),
        "/jaarcijfers/{region}/{name}": ("jaarcijfers.csv", "jaarcijfers.xlsx", "aanmeldingen.csv"),
        "/agenda/{region}/{school_year}/{name}.ics": (REGION, subject["school"]),
        "/ronde/{round_id}/scholen.{kind}": ("csv", "xlsx"),
        "/ronde/{round_id}/rondeverslag.{kind}": ("html", "csv"),
        "/ronde/{round_id}/school/{school_id}/foutenlijst.{kind}": ("html", "csv"),
    }

    async def ask() -> list[RouteTiming]:
        found = []
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://bench") as client:
            for route in _get_routes(inner):
                if route in LEFT_OUT:
                    continue
                names = files.get(route, ("",))
                rounds = [agreement.round_id(kind) for kind in KINDS] if "{round_id}" in route else [""]
                for round_id in rounds:
                    for name in names:
                        path = _filled(route, {**values, "round_id": round_id, "name": name, "kind": name})
                        found.append(await _timed(client, processors, "bord", f"{addresses.PREFIX}{path}", runs))
        return found

    try:
        return asyncio.run(ask())
    finally:
        board.read_only_ledger.close()


def _schools(
    sandbox: Sandbox, processors: _Processors, agreement: Agreement, subject: Mapping[str, Any], runs: int
) -> list[RouteTiming]:
    settings = sandbox.settings().model_copy(update={"ledger": _login(sandbox, "overstap_school")})
    operations = SchoolOperations(
        lambda: open_ledger(settings),
        signing=None,
        address="https://inzage.bench.example",
        workbook=lambda text, title: b"",
        needs_factor=False,
        origin="http://bench",
    )
    app = build_app(operations, is_secure=False)
    # Of what an id in an address is: one that the account may open, else the pages say that there is none
    values = {**subject, "round_id": agreement.round_id(RoundKind.ADVICE)}

    async def ask() -> list[RouteTiming]:
        found = []
        for who, account in _ACCOUNTS.items():
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://bench") as client:
                await _sign_in(client, account)
                for route in _get_routes(app):
                    if route not in LEFT_OUT:
                        found.append(await _timed(client, processors, who, _filled(route, values), runs))
        return found

    return asyncio.run(ask())


def _token(page: str) -> str:
    return page.partition('name="formulier" value="')[2].partition('"')[0]


async def _sign_in(client: httpx.AsyncClient, account: str) -> None:
    """Sign in by password, and set a second factor up, without which pages about single pupils are closed."""
    form = {"formulier": _token((await client.get("/")).text), "account": account, "wachtwoord": _PASSWORD}
    answer = await client.post("/inloggen", data=form)
    if answer.status_code != httpx.codes.SEE_OTHER:
        raise RuntimeError(f"signing in: {answer.status_code}")
    form = {"formulier": _token((await client.get("/beveiliging")).text), "naam": "Telefoon"}
    await client.post("/beveiliging/app", data=form)
    page = (await client.get("/beveiliging/app")).text
    secret = page.partition('class="secret">')[2].partition("<")[0].replace(" ", "")
    form = {"formulier": _token(page), "code": pyotp.TOTP(secret).now()}
    answer = await client.post("/beveiliging/app/bevestigen", data=form)
    if answer.status_code != httpx.codes.OK:
        raise RuntimeError(f"a second factor: {answer.status_code}")


async def _timed(client: httpx.AsyncClient, processors: _Processors, who: str, path: str, runs: int) -> RouteTiming:
    took: list[float] = []
    before: Mapping[int, float] = {}
    for place in range(runs + 1):
        before = processors.seconds() if place == 1 else before  # the first opens connections
        begin = time.perf_counter()
        answer = await client.get(path)
        took.append((time.perf_counter() - begin) * 1000)
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise RuntimeError(f"{path}: {answer.status_code}")
    spent = processors.since(before) * 1000 / runs
    return RouteTiming(who, path, answer.status_code, took[1:], len(answer.content), spent)


def _show(console: Console, found: Sequence[RouteTiming]) -> None:
    """Print the routes, the dearest first; those that show no page here at the end."""
    table = Table(title=f"Pages over {PUPILS:,} pupils, on the server, ms", title_justify="left")
    table.add_column("who")
    table.add_column("address")
    for name in ("status", "quickest", "median", "processor", "kB"):
        table.add_column(name, justify="right")
    table.add_column("")
    shown = [one for one in found if one.status < httpx.codes.BAD_REQUEST]
    for one in sorted(shown, key=lambda each: -each.processor_ms):
        quickest, median = min(one.milliseconds), statistics.median(one.milliseconds)
        kept = "" if one.is_kept else f"OVER {BUDGET_MS}"
        size = f"{one.size_bytes / 1000:,.0f}"
        spent = f"{one.processor_ms:,.0f}"
        table.add_row(one.who, one.path, str(one.status), f"{quickest:,.0f}", f"{median:,.0f}", spent, size, kept)
    console.print(table)
    none = sorted({f"{one.who} {one.path} ({one.status})" for one in found if one not in shown})
    console.print(f"no page for this account or round: {'; '.join(none)}")
    for path, why in sorted(LEFT_OUT.items()):
        console.print(f"not measured: {path}: it {why}")
