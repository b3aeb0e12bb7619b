"""Every page and form of the schools' pages with ids of another school, by guests of either kind and a member.

The addresses are those of the application, so that a page that is added is tried as well, or stands in `_OWN`.
"""

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from families import REGION
from fastapi import FastAPI
from fastapi.routing import APIRoute
from guest_school import GUEST, another_round, browser, coordinator, exported, hidden, invited, let_in
from school_service import ACCOUNT, OTHER, PASSWORD, School, attempt, school_service, signed_in

from overstap.clock import now
from overstap.ledger import guests
from overstap.ledger.notifications import outbox
from overstap.ledger.rounds import registrations
from overstap.ledger.rounds.registrations import Registration
from overstap.notifications.updating import update_notices
from overstap.pages.school.app import build_app
from overstap_tools.local.postgres import EmbeddedPostgres

COLLECTOR = "97ZZ00"
_OWN = {
    "/": "signing in",
    "/inloggen": "signing in",
    "/uitloggen": "the session's own",
    "/gezond": "says ok",
    "/.well-known/security.txt": "says whom to tell",
    "/rondes": "the session's own rounds",
    "/code": "the session's own factor",
    "/code/passkey": "the session's own factor",
    "/beveiliging": "the account's own factors",
    "/beveiliging/app": "the account's own factors",
    "/beveiliging/app/bevestigen": "the account's own factors",
    "/beveiliging/herstelcodes": "the account's own factors",
    "/beveiliging/passkey": "the account's own factors",
    "/beveiliging/passkey/bevestigen": "the account's own factors",
    "/beveiliging/verwijderen/{factor}": "test_second_factor.py takes a factor of another",
    "/beveiliging/wachtwoord": "the account's own password",
    "/uitnodiging/{secret}": "its secret alone opens it: test_guest_school.py",
}
"""Pages that show nothing of pupils, with the reason."""
_HAS_ID = re.compile("{(dossier|draft|application)}")
SHUT = {400, 401, 403, 404, 405, 409, 422}


@dataclass
class Neighbours:
    """A school with pupils, a draft, an uploaded file; and three accounts that are none of its."""

    school: School
    dossier: UUID
    draft: UUID
    application: UUID
    """Of a pupil at a secondary school that is none of the three accounts'."""
    names: list[str]
    """Names of pupils of the neighbour."""
    other_round: str


@pytest.fixture(scope="module")
def neighbours(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Neighbours]:
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("apart")) as school:
        place = school.review_round
        neighbour = place.school
        with place.unit("look") as unit:
            [(dossier,)] = unit.rows(
                "select dossier from overstap.dossier where primary_school = %(s)s limit 1", s=neighbour
            )
        with closing(signed_in(school, ACCOUNT)) as client:
            listed = f"/ronde/{place.round_id}/invullen"
            sent = [("bestand", ("a.xml", exported(neighbour, 1)[0], "text/xml"))]
            data = {"formulier": hidden(client.get(listed).text, "formulier")}
            page = client.post(f"{listed}/oso", data=data, files=sent)
            assert page.status_code == 200, page.text
            draft = re.findall(r"/invullen/([0-9a-f-]{36})", page.text)[0]
            of_file = re.findall(r'/invullen/[0-9a-f-]{36}">([^<]+)</a>', page.text)[0]
        other = place.region.secondary[1].id
        applied = [Registration(number, neighbour, other, "applied", now()) for number in list(place.made)[:2]]
        with place.unit("collect") as unit:
            registrations.record_registrations(unit, place.agreement.school_year, applied)
            [(application,)] = unit.rows(
                "select application_event from overstap.application_event where secondary_school = %(s)s limit 1",
                s=other,
            )
        names = [str(one.surname) for one in place.made.values() if one.sender == neighbour]
        yield Neighbours(school, dossier, UUID(draft), application, [*names, of_file], another_round(school))


def every_address() -> list[tuple[str, str]]:
    """Return method and path of each route of the schools' pages."""
    app: Any = build_app(object(), is_secure=False)  # type: ignore[arg-type]
    while not isinstance(app, FastAPI):
        app = next(inner for inner in vars(app).values() if callable(inner) and hasattr(inner, "__dict__"))
    return [(verb, one.path) for one in app.routes if isinstance(one, APIRoute) for verb in one.methods]


def addresses(verb: str) -> list[str]:
    return [path for method, path in every_address() if method == verb.upper() and path not in _OWN]


def filled(path: str, it: Neighbours, round_id: str) -> str:
    values = {"round_id": round_id, "dossier": it.dossier, "draft": it.draft, "step": "leerling", "file": uuid4()}
    values["application"] = it.application
    return re.sub(r"{(\w+)}", lambda name: str(values.get(name[1], it.dossier)), path)


def of_others(it: Neighbours) -> list[tuple[object, ...]]:
    """What the ledger has of the neighbour."""
    found: list[tuple[object, ...]] = []
    with psycopg.connect(it.school.home.owner_dsn) as owner:
        for query in (
            "select to_jsonb(d) from overstap.dossier d where dossier = %(id)s",
            "select to_jsonb(t) from overstap.typed_dossier t where typed = %(draft)s",
            "select to_jsonb(s) from overstap.typed_step s where typed = %(draft)s",
            "select to_jsonb(r) from overstap.review_decision r where dossier = %(id)s",
            "select to_jsonb(p) from overstap.letter_print p where dossier = %(id)s",
            "select to_jsonb(c) from overstap.content_access c where dossier = %(id)s",
            "select to_jsonb(g) from overstap.guest_dossier g order by dossier",
            "select count(*) from overstap.page_collection",
            "select to_jsonb(e) from overstap.application_event e order by application_event",
            "select to_jsonb(m) from overstap.school_mapping m order by school, number",
            "select count(*) from overstap.roster_pupil",
            "select count(*) from overstap.offer",
        ):
            found += owner.execute(query, {"id": it.dossier, "draft": it.draft}).fetchall()  # type: ignore[arg-type]
    return found


def try_all(it: Neighbours, client: httpx.Client, rounds: list[str]) -> int:
    tried, before = 0, of_others(it)
    key = hidden(client.get("/beveiliging").text, "formulier")
    for round_id in rounds:
        for path in addresses("get"):
            answer = client.get(filled(path, it, round_id))
            assert answer.status_code in SHUT | {200, 303}, (path, answer.status_code)
            assert not [one for one in it.names if one in answer.text], path
            if _HAS_ID.search(path):
                assert answer.status_code in SHUT, path
            tried += 1
        for path in addresses("post"):
            form = {
                "formulier": key,
                "versie": "1",
                "zeker": "ja",
                "doe": "verder",
                "vorm": "xml",
                "uitkomst": "placed",
                "dossier": str(it.dossier),
                "eerder": str(it.dossier),
                "leerling": str(it.dossier),
                "school": GUEST,
                "naam": "X",
                "email": "a@b.example",
                "leerlingen": "X",
                "antwoord": "Ja",
                "aanmelding": str(it.application),
                "stand": "placed",
                "jaar": round_id.split(".")[1] if "." in round_id else "",
            }
            answer = client.post(filled(path, it, round_id), data=form)
            assert answer.status_code in SHUT | {200, 303}, (path, answer.status_code)
            assert not [one for one in it.names if one in answer.text], path
            if _HAS_ID.search(path) or path.endswith("/invullen"):
                assert answer.status_code in SHUT, path
            tried += 1
    assert of_others(it) == before
    return tried


def test_each_page_is_tried_or_has_a_reason_not_to_be() -> None:
    routes = every_address()
    assert len(routes) > 60
    paths = {path for _, path in routes}
    assert set(_OWN) <= paths, "a page that is no more"
    assert not [path for path in _OWN if re.search("/ronde/|/ophalen|/aanmeldingen|/plaatsen", path)]
    tried = {(verb.upper(), path) for verb in ("get", "post") for path in addresses(verb)}
    assert {one for one in routes if one[1] not in _OWN} == tried, "each route is a GET or a POST that is tried"


def test_a_guest_school(neighbours: Neighbours) -> None:
    _, client = let_in(neighbours.school, invited(neighbours.school))
    with closing(client):
        rounds = [neighbours.school.review_round.round_id, neighbours.other_round]
        assert try_all(neighbours, client, rounds) > 60
        for path in addresses("get"):
            if "{round_id}" in path:
                assert client.get(filled(path, neighbours, neighbours.other_round)).status_code == 404, path


def test_a_secondary_school_from_outside(neighbours: Neighbours) -> None:
    school, place = neighbours.school, neighbours.school.review_round
    with place.unit("look") as unit:
        own = unit.rows("select dossier from overstap.dossier where dossier <> %(id)s limit 1", id=neighbours.dossier)
    with place.unit(coordinator(school)) as unit:
        done = guests.invite_collector(
            *(unit, unit.keys, place.round_id, uuid4(), COLLECTOR, "Verre"), email="a@b.example", dossiers=own[0]
        )
    assert done == "invited"
    update_notices(place.ledger, REGION, at=now(), expiring=(), board=str, actor="tell", school_page=school.address)
    with place.unit("test") as unit:
        waiting = unit.rows("select mail from overstap.mail where kind = 'guest_invitation' and state = 'waiting'")
        mails = [outbox.claim(unit, one[0]) for one in waiting]
    [text] = [one.text for one in mails if one.to == "a@b.example"]
    address = re.search(rf"{re.escape(school.address)}(/uitnodiging/\S+)", text)
    assert address is not None
    login, client = let_in(school, address[1])
    client.close()
    with closing(browser(school)) as client:
        assert attempt(school, login, PASSWORD, client).status_code == 303
        with psycopg.connect(school.home.owner_dsn, autocommit=True) as owner:
            owner.execute("update overstap.school_stay set has_shown = true where account = %s", [login])
        assert try_all(neighbours, client, [place.round_id, neighbours.other_round]) > 60


def test_a_member_school(neighbours: Neighbours) -> None:
    """A secondary school of the region, to which none of these dossiers was delivered."""
    with closing(signed_in(neighbours.school, OTHER)) as client:
        assert try_all(neighbours, client, [neighbours.school.review_round.round_id]) > 30


def test_without_a_session(neighbours: Neighbours, tmp_path: Path) -> None:
    with closing(browser(neighbours.school)) as client:
        for path in addresses("get"):
            answer = client.get(filled(path, neighbours, neighbours.school.review_round.round_id))
            assert answer.status_code in (303, 401, 403), path
        for path in addresses("post"):
            answer = client.post(filled(path, neighbours, neighbours.school.review_round.round_id))
            assert answer.status_code in (303, 401, 403), path
