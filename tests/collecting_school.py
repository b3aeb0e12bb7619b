"""A secondary school without a system, whose dossiers stand on the schools' pages, for tests of its pages."""

import re
from datetime import timedelta

import httpx
import psycopg
import pyotp
from school_service import OTHER, School, signed_in

from overstap.agreements import Agreement, RoundKind
from overstap.clock import dutch_time, now
from overstap.delivery.channels.page import OnPage
from overstap.delivery.sealing import seal_round
from overstap.delivery.sending import send_school
from overstap.ledger.review import decisions
from overstap.ledger.rounds import registrations
from overstap.pki import TrustStore
from overstap.pki.authority import DevelopmentAuthority


def receiver(school: School) -> str:
    """The secondary school of the account OTHER."""
    return str(school.review_round.region.secondary[0].id)


def agreement_with_page(school: School) -> Agreement:
    agreement = school.review_round.agreement
    schools = [
        one.model_copy(update={"receives": OnPage(way="page")}) if one.id == receiver(school) else one
        for one in agreement.schools
    ]
    return agreement.model_copy(update={"schools": tuple(schools)})


def deliver(school: School) -> None:
    """Record every inspection and registration, and put every dossier on the page of the school of OTHER."""
    place, agreement = school.review_round, agreement_with_page(school)
    authority = DevelopmentAuthority(school.folder / "trust", at=now())
    for one in place.region.primary:
        authority.school(one.id)
    with psycopg.connect(school.home.owner_dsn, autocommit=True) as owner:  # the agreed moment has come
        past = now() - timedelta(minutes=5)
        owner.execute("update overstap.round set delivers_at = %s", [past])
        owner.execute("update overstap.round_agreement set delivers_at = %s", [past])
    with place.unit("registrations") as unit:
        stated = [
            registrations.Registration(number, str(dossier.sender), receiver(school), "placed", now())
            for number, dossier in place.made.items()
        ]
        registrations.record_registrations(unit, agreement.school_year, stated)
    with place.unit("school") as unit:
        for one in place.region.primary:
            keys = [
                str(each.pupil.text("leerlingid"))
                for each in place.made.values()
                if each.sender == one.id and each.pupil
            ]
            said = [decisions.ReviewDecision(key, dutch_time(now()).date(), "Ja", None) for key in keys]
            decisions.record(unit, place.round_id, one.id, said, ground="school_list")
    trust = TrustStore(school.folder / "trust", production=False)
    agreed = agreement.round(RoundKind.ADVICE)
    seal_round(
        place.ledger, trust, agreement=agreement, agreed=agreed, round_id=place.round_id, actor="seal", clock=now
    )
    send_school(
        place.ledger,
        trust,
        agreement=agreement,
        round_id=place.round_id,
        school=agreement.school(receiver(school)),
        actor="deliver",
        clock=now,
    )


def enrol(school: School, account: str = OTHER) -> httpx.Client:
    """Sign in and set a second factor up."""
    person = signed_in(school, account)
    person.post("/beveiliging/app", data={"formulier": token(person.get("/beveiliging").text), "naam": "Telefoon"})
    page = person.get("/beveiliging/app").text
    secret = page.partition('class="secret">')[2].partition("<")[0].replace(" ", "")
    done = person.post("/beveiliging/app/bevestigen", data={"formulier": token(page), "code": pyotp.TOTP(secret).now()})
    assert done.status_code == 200, done.text
    return person


def token(page: str) -> str:
    return page.partition('name="formulier" value="')[2].partition('"')[0]


def on_page(person: httpx.Client) -> list[str]:
    """The ids of the deliveries on the page, in its order."""
    return list(dict.fromkeys(re.findall(r'name="dossier" value="([0-9a-f-]{36})"', person.get("/ophalen").text)))


def press(person: httpx.Client, button: str, ids: list[str], **fields: str) -> httpx.Response:
    form = {"formulier": token(person.get("/ophalen").text), "dossier": ids, **fields}
    return person.post(f"/ophalen/{button}", data=form)
