"""A supplier's HTTP API: a reference server by the published description, and answers that are wrong."""

import base64
import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlsplit

import pandas as pd
import psycopg
import pytest
import yaml
from airflow.sdk.bases.hook import BaseHook
from jsonschema import Draft202012Validator
from raw_server import OK, raw_server
from typer.testing import CliRunner, Result

from overstap.agreements import School
from overstap.cli import app
from overstap.errors import OverstapError
from overstap.intake import applications, http_api
from overstap.intake.candidates import Candidate
from overstap.intake.http_api import HttpApi
from overstap.intake.refusals import RefusedItem
from overstap.intake.rosters import database as rosters
from overstap.intake.sources import las_database
from overstap.intake.sources.http_api import KIND, from_http_api
from overstap.intake.sources.kit import check_source
from overstap.intake.sources.las_view import COLUMNS, NAMES, ColumnKind
from overstap.intake.sources.source import SourceContext
from overstap.orchestration import connections
from overstap.oso.writing import to_bytes
from overstap.resources import INCLUDE
from overstap.rounds import collection
from overstap.simulation.synthetic import SyntheticRegion
from overstap.simulation.synthetic.school import SupplySource

PAGE = 7
GZIP_HEAD = b"\x1f\x8b\x08\0\0\0\0\0\0\0"


@cache
def described() -> dict[str, Any]:
    found: dict[str, Any] = yaml.load((INCLUDE / "schemas" / "las" / "openapi.yaml").read_bytes(), yaml.CSafeLoader)
    return found


@cache
def bomb() -> bytes:
    return gzip.compress(gzip.compress(b" " * 100_000_000))


@dataclass
class ReferenceServer:
    """What a supplier builds: tokens, and pages of the columns of the view."""

    items: dict[str, list[dict[str, Any]]]
    rosters: dict[str, list[dict[str, Any]]] | None = None
    registrations: list[dict[str, Any]] | None = None
    token: str = "t" * 40
    page: Callable[[dict[str, Any]], bytes] = lambda page: json.dumps(page, ensure_ascii=False).encode()
    status: int = 200
    asked: list[str] = field(default_factory=list)
    address: str = ""

    @property
    def api(self) -> HttpApi:
        return HttpApi(self.address, f"{self.address}/token", "overstap", "geheim: €+%26")


def item(row: tuple[Any, ...]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for column, value in zip(COLUMNS, row, strict=True):
        if pd.isna(value):
            made[column.name] = None
        elif column.kind is ColumnKind.FLAG:
            made[column.name] = value == "true"
        elif column.kind is ColumnKind.TEXT:
            made[column.name] = value
        else:
            made[column.name] = json.loads(value, parse_float=str, parse_int=str)
    return made


@pytest.fixture
def server(las: psycopg.Connection[Any], region: SyntheticRegion) -> Iterator[ReferenceServer]:
    schools = [school.id for school in region.primary if school.source is SupplySource.LAS_DATABASE][:2]
    rows = {
        school: [
            item(row)
            for frame in las_database.read(las, school_id=school)
            for row in frame.itertuples(index=False, name=None)
        ]
        for school in schools
    }
    made = ReferenceServer(rows)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def _send(self, status: int, data: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            if status in (301, 302):
                self.send_header("Location", f"{made.address}/elders")
            self.end_headers()
            self.wfile.write(data)

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            login = base64.b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode("ascii")
            account = [unquote_plus(part) for part in login.split(":")]  # RFC 6749, section 2.3.1
            if (
                self.path != "/token"
                or account != ["overstap", "geheim: €+%26"]
                or form["grant_type"] != ["client_credentials"]
            ):
                self._send(401, b"{}")
            else:
                said = {"access_token": made.token, "token_type": "Bearer", "expires_in": 300}
                self._send(200, json.dumps(said).encode())

        def do_GET(self) -> None:
            made.asked.append(self.path)
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if self.headers["Authorization"] != f"Bearer {'t' * 40}":
                self._send(401, b"{}")
                return
            school = f"{query.get('brincode')}{query.get('vestigingscode')}"
            if parts.path == "/leerlingenlijst":
                found = made.rosters.get(school, []) if made.rosters is not None else None
            elif parts.path == "/aanmeldingen":
                found = made.registrations
            else:
                found = made.items.get(school, [])
            if found is None:
                self._send(404, b"{}")
                return
            start = int(query.get("cursor", 0))
            following = str(start + PAGE) if start + PAGE < len(found) else None
            self._send(made.status, made.page({"items": found[start : start + PAGE], "next": following}))

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.address = f"http://127.0.0.1:{running.server_port}"
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield made
    running.shutdown()
    running.server_close()
    thread.join()


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": described()["components"]})


def test_the_description_has_the_columns_of_the_view(server: ReferenceServer) -> None:
    stated = described()["components"]["schemas"]["Dossier"]
    assert tuple(stated["required"]) == tuple(stated["properties"]) == NAMES
    for found in server.items.values():
        validator("Page").validate({"items": found[:PAGE], "next": None})
    with pytest.raises(Exception, match="Additional properties"):
        validator("Dossier").validate({**next(iter(server.items.values()))[0], "extra": 1})


def test_the_api_gives_the_same_dossiers_as_the_view(server: ReferenceServer, las: psycopg.Connection[Any]) -> None:
    for school in server.items:
        theirs = list(from_http_api(server.api, school))
        ours = list(las_database.from_las_database(las, school))
        assert len(theirs) == len(ours) > PAGE
        assert [(one.label, one.file_name) for one in theirs] == [(one.label, one.file_name) for one in ours]
        contents = [[to_bytes(one.content) for one in run if isinstance(one, Candidate)] for run in (theirs, ours)]  # type: ignore[arg-type]
        assert contents[0] == contents[1]
    assert list(from_http_api(server.api, "99ZZ00")) == []


def stated(las: psycopg.Connection[Any], view: str, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows of a view as a supplier writes them into JSON."""
    names = ", ".join(columns)
    made = []
    for row in las.execute(f"select {names} from overstap_las.{view} order by {names}").fetchall():  # noqa: S608
        texts = (
            None if value is None else value.isoformat() if isinstance(value, date) else str(value) for value in row
        )
        made.append(dict(zip(columns, texts, strict=True)))
    return made


def test_the_api_gives_the_same_roster_as_the_view(server: ReferenceServer, las: psycopg.Connection[Any]) -> None:
    rows = stated(las, "oso_leerlingenlijst", rosters.COLUMNS)
    schools = {f"{row['brincode']}{row['vestigingscode']}" for row in rows}
    assert schools
    assert rosters.read_view(server.api, min(schools)) is None, "a supplier need not offer one"
    server.rosters = {
        school: [row for row in rows if f"{row['brincode']}{row['vestigingscode']}" == school] for school in schools
    }
    shape = validator("RosterPage")
    for school in schools:
        shape.validate({"items": server.rosters[school], "next": None})
        theirs, ours = rosters.read_view(server.api, school), rosters.read_view(las, school)
        assert theirs is not None
        assert ours is not None
        assert len(theirs.roster.pupils) > PAGE
        assert {one.number for one in theirs.roster.pupils} == {one.number for one in ours.roster.pupils}
        assert theirs.roster.problems() == ours.roster.problems()
    again = rosters.read_view(server.api, school)
    assert again is not None
    assert theirs is not None
    assert again.content == theirs.content
    server.rosters[school][0]["extra"] = "Noor"
    with pytest.raises(OverstapError, match="INTAKE-099") as told:
        rosters.read_view(server.api, school)
    assert "Noor" not in str(told.value)
    server.status = 500
    with pytest.raises(OverstapError, match="INTAKE-113"):
        rosters.read_view(server.api, school)


def test_the_api_gives_the_same_registrations_as_the_view(
    server: ReferenceServer, las: psycopg.Connection[Any], region: SyntheticRegion
) -> None:
    rows = stated(las, "oso_aanmelding", ("regio", *applications.HEADER))
    server.registrations = [row for row in rows if row["regio"] == region.name]
    validator("RegistrationPage").validate({"items": server.registrations[:500], "next": None})
    theirs, refused = applications.read_database(server.api, region.name)
    ours, _ = applications.read_database(las, region.name)
    assert refused == []
    assert len(theirs) > PAGE
    assert {(one.pupil_number, one.secondary_school, one.stage, one.recorded_at) for one in theirs} == {
        (one.pupil_number, one.secondary_school, one.stage, one.recorded_at) for one in ours
    }
    before = dict(server.registrations[3])
    server.registrations[3]["leerlingnummer"] = "12"
    found, refused = applications.read_database(server.api, region.name)
    assert (len(found), [(one.label, one.code) for one in refused]) == (len(theirs) - 1, [("rij 4", "INTAKE-115")])
    for change, missing in (
        (lambda row: row.update(regio="elders"), "regio"),
        (lambda row: row.pop("fase"), "fase"),
        (lambda row: row.update(naam="Noor"), "-"),
    ):
        server.registrations[3] = dict(before)
        change(server.registrations[3])
        with pytest.raises(OverstapError, match="INTAKE-042") as told:
            applications.read_database(server.api, region.name)
        assert told.value.facts["missing"] == missing
        assert "Noor" not in str(told.value)
    server.registrations = None
    with pytest.raises(OverstapError, match="INTAKE-041"):
        applications.read_database(server.api, region.name)


def test_the_roster_of_an_api_is_taken_in_at_a_collection(
    server: ReferenceServer, las: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def collect_roster(*_: Any, database: Any, **__: Any) -> None:
        asked.append(database is not None)

    monkeypatch.setattr(collection, "collect_roster", collect_roster)
    for way, is_read in (("http_api", True), ("las_database", True), ("drop_folder", False)):
        school = SimpleNamespace(id="99AA00", supplies=SimpleNamespace(way=way, connection="las"))
        context = SimpleNamespace(
            kind=SimpleNamespace(is_of_leavers=True),
            place=lambda _: None,
            ledger=None,
            region="alfa",
            agreement=SimpleNamespace(school_year="2026-2027"),
            clock=lambda: datetime.now(UTC),
            database=None,
        )
        collection._take_roster(context, school)  # type: ignore[arg-type]
        assert asked.pop() is is_read, way


def page_with(change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], bytes]:
    def made(page: dict[str, Any]) -> bytes:
        page = json.loads(json.dumps(page))
        change(page)
        return json.dumps(page).encode()

    return made


@pytest.mark.parametrize(
    ("page", "kind"),
    [
        (lambda page: b"<html>", "page"),
        (lambda page: b"[" * 100_000, "page"),
        (lambda page: b"[]", "page"),
        (lambda page: b'{"items": 1, "next": null}', "page"),
        (lambda page: b"\xff\xfe", "page"),
        (page_with(lambda page: page.update(next="7")), "page"),  # a page that comes back for ever
        (page_with(lambda page: page.update(next=7)), "page"),
        (lambda page: b" " * 200_000, "too large"),
    ],
)
def test_an_answer_of_another_form_is_refused(
    server: ReferenceServer, monkeypatch: pytest.MonkeyPatch, page: Callable[[dict[str, Any]], bytes], kind: str
) -> None:
    monkeypatch.setattr(http_api, "MAX_PAGE_BYTES", 150_000)
    server.items = {school: found[:2] for school, found in server.items.items()}
    server.page = page
    with pytest.raises(OverstapError, match="INTAKE-113") as told:
        list(from_http_api(server.api, next(iter(server.items))))
    assert told.value.facts["kind"] == kind


@pytest.mark.parametrize("status", [302, 401, 404, 500, 503])
def test_another_status_is_told_and_no_redirect_is_followed(server: ReferenceServer, status: int) -> None:
    server.status = status
    with pytest.raises(OverstapError, match="INTAKE-113") as told:
        list(from_http_api(server.api, next(iter(server.items))))
    assert told.value.facts["kind"] == f"HTTP {status}"
    assert len(server.asked) == 1


def token_and(page: Iterator[bytes]) -> Callable[[bytes], Iterator[bytes]]:
    """Return a server's answers: a token, then this page."""
    token = b'{"access_token": "t", "token_type": "Bearer"}'

    def answer(request: bytes) -> Iterator[bytes]:
        if request.startswith(b"POST"):
            yield OK + b"Content-Length: %d\r\n\r\n" % len(token) + token
        else:
            yield from page

    return answer


def dripping(start: bytes, piece: bytes) -> Iterator[bytes]:
    yield start
    while True:
        yield piece
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("page", "kind"),
    [
        # a hundred megabytes in three hundred bytes, packed twice
        (lambda: iter([OK, b"Content-Encoding: gzip, gzip\r\n\r\n", bomb()]), "compressed"),
        (lambda: iter([OK, b"Content-Encoding: gzip\r\n\r\n", gzip.compress(b'{"items": []}')]), "compressed"),
        # a packed answer of which nothing ever comes out
        (lambda: dripping(OK + b"Content-Encoding: gzip\r\n\r\n" + GZIP_HEAD, b"\0\0\0\xff\xff"), "compressed"),
        (lambda: dripping(b"HTTP/1.1 200 OK\r\n", b"X-A: 1\r\n"), "too slow"),
        (lambda: dripping(OK + b"\r\n", b" "), "too slow"),
        (lambda: dripping(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"), "too slow"),
    ],
)
def test_an_answer_without_end_ends(
    monkeypatch: pytest.MonkeyPatch, page: Callable[[], Iterator[bytes]], kind: str
) -> None:
    monkeypatch.setattr(http_api, "PAGE_SECONDS", 2.0)
    with raw_server(token_and(page())) as address, pytest.raises(OverstapError, match="INTAKE-113") as told:
        list(from_http_api(HttpApi(address, f"{address}/token", "overstap", "geheim"), "99AA00"))
    assert told.value.facts["kind"] == kind


def test_a_page_of_very_many_small_values_is_not_read() -> None:
    """Three bytes of it are ninety in memory: the largest page of these would be two gigabytes."""
    page = b'{"items": [{"a": [' + b",".join([b"[]"] * 1_000_100) + b"]}]}"
    answer = iter([OK + b"Content-Length: %d\r\n\r\n" % len(page), page])
    with raw_server(token_and(answer)) as address, pytest.raises(OverstapError, match="INTAKE-113") as told:
        list(from_http_api(HttpApi(address, f"{address}/token", "overstap", "geheim"), "99AA00"))
    assert told.value.facts["kind"] == "too many"


def test_pages_without_end_end(server: ReferenceServer) -> None:
    """Each page in time, each with another cursor, none with an item."""
    numbers = iter(range(1, 10_000))
    server.page = lambda page: json.dumps({"items": [], "next": str(next(numbers) * 1_000)}).encode()
    moments = iter(range(0, 10**7, 600))
    with pytest.raises(http_api.ApiFault, match="too slow"):
        list(server.api.items("/dossiers", {"brincode": "99AA", "vestigingscode": "00"}, clock=lambda: next(moments)))
    assert len(server.asked) == 7


def test_secrets_are_not_told_and_go_nowhere_without_https(server: ReferenceServer) -> None:
    school = next(iter(server.items))
    for api, kind in (
        (replace(server.api, client_secret="verkeerd"), "HTTP 401"),
        (replace(server.api, base="http://las.example.org"), "https"),
        (replace(server.api, token_url="ftp://x"), "https"),
        (replace(server.api, token_url="http://127.0.0.1:1/token"), "unreachable"),
    ):
        with pytest.raises(OverstapError, match="INTAKE-113") as told:
            list(from_http_api(api, school))
        assert told.value.facts["kind"] == kind
        assert not any(secret in f"{told.value} {api!r}" for secret in ("verkeerd", "geheim"))
    assert server.asked == []
    server.token = "t\r\nX-Other: 1"
    with pytest.raises(OverstapError, match="INTAKE-113"):
        list(from_http_api(server.api, school))


def test_other_columns_are_refused_and_one_bad_item_is_not_the_others(server: ReferenceServer) -> None:
    school, found = next(iter(server.items.items()))
    server.items[school] = [{**found[0], "verzorgers": "geen lijst"}, *found[1:4]]
    made = list(from_http_api(server.api, school))
    assert [type(one) for one in made] == [RefusedItem, Candidate, Candidate, Candidate]
    deep: Any = "x"
    for _ in range(600):  # each level takes two of the thousand frames that Python has
        deep = [deep]
    server.items[school] = [{**found[0], "verzorgers": deep}, *found[1:4]]
    made = list(from_http_api(server.api, school))
    assert [type(one) for one in made] == [RefusedItem, Candidate, Candidate, Candidate]
    server.items[school] = [{**found[0], "Jan de Vries": 1}]
    with pytest.raises(OverstapError, match="INTAKE-021") as told:
        list(from_http_api(server.api, school))
    assert "Jan" not in str(told.value)


def test_a_supplier_tries_its_api_before_a_region_connects(
    server: ReferenceServer, las: psycopg.Connection[Any]
) -> None:
    school, found = next(iter(server.items.items()))
    asked = ["intake", "api", server.address, "--token-url", f"{server.address}/token", "--client", "overstap"]
    asked += ["--school", f"{school[:4].lower()} {school[4:]}", "--today", "2027-01-12"]

    def tried(secret: str = server.api.client_secret, *more: str) -> Result:
        return CliRunner().invoke(app, [*asked, *more], input=f"{secret}\n")

    server.items[school] = found[:9]
    done = tried()
    assert (done.exit_code, f"{school}: 9 leerlingen, goedgekeurd: 9" in done.stdout) == (0, True), done.output
    assert "leerlingenlijst: wordt niet aangeboden" in done.stdout
    server.rosters = {school: stated(las, "oso_leerlingenlijst", rosters.COLUMNS)[:3]}
    wrong = [{**found[0], "advies": "99"}, {**found[1], "verzorgers": "geen"}, *found[2:4]]
    wrong[2] = {**found[2], "schoolloopbaan": [{**found[2]["schoolloopbaan"][0], "leerjaar": "8"}]}
    server.items[school] = wrong
    done = tried()
    assert (done.exit_code, f"{school}: 4 leerlingen, goedgekeurd: 1" in done.stdout) == (1, True), done.output
    assert "leerlingenlijst: 3 leerlingen" in done.stdout
    assert "rij 1 (dossier/huidigeschool/leerling/overstapadvies/advies)" in done.stdout
    assert "rij 2 (verzorgers)" in done.stdout
    assert "rij 3 (schoolloopbaanlijst/schoolloopbaan/leerjaar)" in done.stdout
    names = {str(one["achternaam"]) for one in wrong} | {str(one["bsn"]) for one in wrong}
    assert not [name for name in names if name in done.output], "no pupil is shown"
    told = json.loads(tried(server.api.client_secret, "--json").stdout)
    assert (told["dossiers"], told["accepted"], told["roster"]) == (4, 1, 3)
    server.items[school] = []
    assert tried().exit_code == 1, "nothing supplied is not good"
    done = tried("verkeerd")
    assert (done.exit_code, type(done.exception)) == (1, OverstapError)
    assert "INTAKE-113" in str(done.exception)
    assert "verkeerd" not in f"{done.output}{done.exception}"


def test_the_source_is_one_like_any_other(server: ReferenceServer, tmp_path: Path) -> None:
    supplies = {"way": "http_api", "connection": "las_api"}
    stated = {
        "id": next(iter(server.items)),
        "name": "x",
        "kind": "PO",
        "contact": "x@example.org",
        "supplies": supplies,
    }
    school = School.model_validate(stated)
    context = SourceContext(
        school, "demo", datetime.now(UTC), lambda: tmp_path, lambda: b"k", lambda name: nullcontext(server.api)
    )
    assert len(check_source(KIND, school.supplies, context)) > PAGE  # type: ignore[arg-type]
    other = replace(context, database=lambda name: nullcontext(None))
    with pytest.raises(OverstapError, match="INTAKE-060"), KIND.open(school.supplies, other):
        pass


def test_a_connection_of_airflow_names_the_api(monkeypatch: pytest.MonkeyPatch) -> None:
    stated = SimpleNamespace(
        conn_type="http",
        schema="https",
        host="las.example.org/overstap/",
        port=None,
        login="overstap",
        password="geheim",
        extra_dejson={"token_url": "https://las.example.org/token", "scope": "dossiers"},
    )
    monkeypatch.setattr(BaseHook, "get_connection", lambda name: stated)
    with connections.las_connection("las_api") as api:
        assert api == HttpApi(
            "https://las.example.org/overstap", "https://las.example.org/token", "overstap", "geheim", "dossiers"
        )
