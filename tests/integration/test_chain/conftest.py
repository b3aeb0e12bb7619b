"""Fixtures: a region with mandates of schools, their rosters, and a supplier of the test with its own certificates."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import doorstroomtoets
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from overstap.agreements import Agreement, RoundKind
from overstap.clock import now
from overstap.delivery.desk.desk import RegionDesk
from overstap.delivery.desk.server import Desks, server
from overstap.ledger import Ledger
from overstap.ledger.dossiers import test_registrations
from overstap.ledger.rosters import taking
from overstap.ledger.rosters.entries import RosterPerson
from overstap.ledger.rosters.taking import Leaver, SuppliedRoster
from overstap.ledger.rounds.rounds import open_round, secondary_schools
from overstap.pki import TrustStore, make_development_certificates
from overstap.pki.oin import development_oin_of_region
from overstap.simulation.synthetic.numbers import bsn
from overstap.test_chain.endpoint import ResultTaker, routes
from overstap.test_chain.registering import Registrar
from overstap.transport import mtls_server
from overstap.transport.mtls_server import authenticated_caller, body_of
from overstap.transport.server_limits import ServerLimits
from overstap.transport.worker_pool import WorkerPool
from overstap_tools.local.postgres import EmbeddedPostgres

REGION, SUPPLIER, OTHER = "alfa", "toetsbureau", "beta"
SUPPLIER_OIN = development_oin_of_region(SUPPLIER)
SCHOOL, SECOND, WITHOUT, BARE, VO = "99AB00", "99AC00", "99AD00", "99AE00", "98XA00"
"""Two schools with a mandate, one without, and one without a roster."""
KEYS = {SCHOOL: "0000000700099AB00900", SECOND: "0000000700099AC00900"}
YEAR = "2026-2027"
NUMBERS = [bsn(position) for position in range(1, 7)]
WAITS = 30


def mandate(school: str, **other: object) -> dict[str, Any]:
    codes = {"routing_key": KEYS[school], "provider": "123A123", "location": "123X123"}
    return {"school": school, **codes, "given_by": "A. Bakker (directeur)", "given_on": "2026-10-01", **other}


def agreement(url: str = "https://127.0.0.1:1/v1.1", region: str = REGION, **other: object) -> Agreement:
    at = now()
    order = ("opens", "data_due", "review_opens", "review_closes", "delivers", "receipts_due")
    moments = {name: at + timedelta(hours=place - 1) for place, name in enumerate(order)}
    supplier = {
        "name": "Toetsbureau",
        "oin": SUPPLIER_OIN,
        "url": url,
        "mandates": [mandate(SCHOOL, without_own_system=True), mandate(SECOND)],
    }
    ways = {SCHOOL: "drop_folder", SECOND: "typed", WITHOUT: "drop_folder", BARE: "typed"}
    stated: dict[str, Any] = {
        "region": region,
        "name": "Regio",
        "school_year": YEAR,
        "coordinators": [{"account": "coordinator", "name": "Co", "email": "co@example.org"}],
        "schools": [
            *(
                {"id": one, "name": f"School {one}", "kind": "PO", "contact": f"{one}@example.org",
                 "supplies": {"way": way}}
                for one, way in ways.items()
            ),
            {"id": VO, "name": "Het College", "kind": "VO", "contact": "vo@example.org", "receives": {"way": "pull"}},
        ],
        "rounds": {"pre_registration": {"receivers": "registered", "milestones": moments}},
        "test_suppliers": [supplier],
    }  # fmt: skip
    return Agreement.model_validate({**stated, **other})


def person(number: str, **facts: Any) -> RosterPerson:
    known = {"surname": f"Vis {number}", "prefix": "van der", "first_name": "Noor", "sex": "girl", "initials": "NA"}
    return RosterPerson(
        **{**known, "las_key": "", "birth_date": date(2015, 3, 30), "group": "8A", **facts, "number": number}
    )


@dataclass
class Supplier:
    """A supplier of the test: takes what the region sends, and holds it against the description where it is at hand.

    Args:
        trust: trust store with its certificates.
        answers: statuses of the next answers, in order; 202 when there are none.
        got: calls that came: path, query and body.
    """

    trust: TrustStore
    answers: list[int] = field(default_factory=list)
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    judge: doorstroomtoets.Judge | None = None
    identity: str = SUPPLIER

    async def take(self, request: Request) -> Response:
        body = await body_of(request, 10_000_000) or b""
        call, query = request.url.path.removeprefix("/v1.1"), dict(request.query_params)
        self.got.append((call, query, body))
        status = self.answers.pop(0) if self.answers else 202
        if self.judge is not None and status == 202:
            self.judge.request(call, query, body)
        # A careless supplier repeats the message in its answer: none of it may be told
        headers = {"Retry-After": "7"} if status in (429, 503) else None
        return JSONResponse({"melding": body.decode()[:400]}, status_code=status, headers=headers)

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Serve, and yield the address."""
        calls = ("/v1.1/registreren", "/v1.1/registreren-schooladviezen")
        ours = development_oin_of_region(REGION)
        server = mtls_server.server(
            Starlette(routes=[Route(call, self.take, methods=["POST"]) for call in calls]),
            identity=self.trust.conductor_desk(self.identity, at=now()),
            trust=self.trust,
            admit=lambda certificate, at: authenticated_caller(
                certificate, trust=self.trust, admits=lambda oin: oin == ours, at=at
            ),
            host="127.0.0.1",
            port=0,
            now=now,
        )
        with running(server) as port:
            yield f"https://127.0.0.1:{port}/v1.1"


@contextmanager
def running(server: Any) -> Iterator[int]:
    """Run a server in a thread, and yield its port."""
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        for _ in range(WAITS * 100):
            if server.started:
                break
            threading.Event().wait(0.01)
        else:
            raise AssertionError("the server did not start")
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(WAITS)
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def trust_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trust")
    regions = [REGION, OTHER, SUPPLIER, "vreemd"]
    make_development_certificates(folder, schools=[VO, SCHOOL], regions=regions, at=now())
    return folder


@pytest.fixture(scope="session")
def trust(trust_folder: Path) -> TrustStore:
    return TrustStore(trust_folder, production=False)


@pytest.fixture(scope="session")
def judge() -> doorstroomtoets.Judge:
    return doorstroomtoets.Judge(doorstroomtoets.described())


@pytest.fixture
def supplier(trust: TrustStore) -> Supplier:
    return Supplier(trust)


@pytest.fixture
def url(supplier: Supplier) -> Iterator[str]:
    with supplier.serving() as address:
        yield address


Roster = Callable[..., None]


@pytest.fixture
def opened(ledger: Ledger, url: str) -> Ledger:
    with ledger.unit(REGION, "test") as unit:
        open_round(unit, agreement(url), RoundKind.PRE_REGISTRATION)
    for school, numbers in ((SCHOOL, NUMBERS[:3]), (SECOND, NUMBERS[3:5]), (WITHOUT, NUMBERS[5:])):
        take_roster(ledger, school, [Leaver(person(one), "group_8") for one in numbers])
    return ledger


def take_roster(ledger: Ledger, school: str, leavers: list[Leaver], at: datetime | None = None) -> None:
    said = str([(one.person.as_json(), one.kind) for one in leavers])
    with ledger.unit(REGION, "test") as unit:
        taking.take(unit, YEAR, school, SuppliedRoster("page", "EDEXML 2.1", said, at or now(), leavers, is_whole=True))


@pytest.fixture
def registrar(opened: Ledger, trust: TrustStore) -> Registrar:
    return Registrar(opened, REGION, YEAR, trust, "c.jansen", now, deadline_seconds=WAITS, wait=lambda seconds: None)


def client_context(trust_folder: Path, name: str) -> ssl.SSLContext:
    """TLS settings of a caller with one of the certificates."""
    context = ssl.create_default_context(cafile=None)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(trust_folder / f"{name}.crt", trust_folder / f"{name}.key")
    return context


@pytest.fixture
def desk_ledger(
    opened: Ledger, postgres: EmbeddedPostgres, ledger_database: str, keys_folder: Path
) -> Iterator[Callable[[], Ledger]]:
    """Make ledgers by the desk's own login, which reads no test and no registration."""
    with ExitStack() as stack:

        def make() -> Ledger:
            found = Ledger(postgres.dsn("overstap_desk", ledger_database), keys_folder)
            stack.callback(found.close)
            return found

        yield make


@pytest.fixture
def endpoint(desk_ledger: Callable[[], Ledger], trust: TrustStore) -> Iterator[int]:
    """The region's desk with the endpoint beside it, as `overstap deliver serve` makes it."""
    callers, alone = desk_ledger(), threading.Lock()

    def schools() -> frozenset[str]:
        with alone, callers.unit(REGION, "desk") as unit:
            return secondary_schools(unit)

    def suppliers() -> frozenset[str]:
        with alone:
            return frozenset(one.oin for one in ResultTaker(callers, REGION).suppliers())

    takers = WorkerPool(lambda: ResultTaker(desk_ledger(), REGION), 2, name="results")
    made = server(
        Desks(lambda: RegionDesk(desk_ledger(), REGION, trust=trust), 1),
        region=REGION,
        trust=trust,
        schools=schools,
        host="127.0.0.1",
        port=0,
        limits=ServerLimits(body_seconds=1),
        others=suppliers,
        beside=routes(takers),
    )
    with running(made) as port:
        yield port


@pytest.fixture
def keys(registrar: Registrar, opened: Ledger) -> list[str]:
    """Keys of the registered pupils of the first school."""
    registrar.register(SCHOOL)
    with opened.unit(REGION, "test") as unit:
        return [str(one.registration) for one in test_registrations.known(unit, YEAR, SCHOOL)]
