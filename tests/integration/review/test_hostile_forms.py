"""Forms of applications, places, handovers, support and progress with what an attacker or a broken browser sends."""

from collections.abc import Iterator
from contextlib import closing

import httpx
import psycopg
import pytest
from collecting_school import deliver, enrol, receiver, token
from school_service import ACCOUNT, School, school_service

from overstap.ledger.invariants import check
from overstap_tools.local.postgres import EmbeddedPostgres

STRANGE = {
    "template": "{{ 7*7 }}${7*7}#{7*7}",
    "format": "{0.__class__} {said} %s %(x)s",
    "markup": "<script>alert(1)</script><b onclick=x>",
    "quotes": "' or 1=1; drop table overstap.handover; --\"",
    "nul": "a\x00b\x1b[31m",
    "surrogate": "\ud800",
    "number": "9" * 400,
    "negative": "-1",
    "float": "1e309",
    "moment": "9999-12-31T23:59:59.999999-23:59",
    "first_moment": "0001-01-01T00:00:00+23:59",
    "path": "../../../etc/passwd",
    "formula": "=cmd|' /C calc'!A0",
    "digits": "٣٤٥",
    "long": "ü" * 60_000,
}
FORMS = {
    "/aanmeldingen/zoek": ("nummers", "jaar"),
    "/aanmeldingen/stand": ("aanmelding", "stand", "reden", "jaar"),
    "/aanmeldingen/lijst": ("jaar", "stand", "vorm"),
    "/plaatsen": ("locatie", "soort", "plaatsen", "geplaatst"),
    "/plaatsen/loting": ("aanbod", "dag", "ingeloot", "uitgeloot", "door"),
    "/overdracht/voorstel": ("dossier", "school", "moment1", "moment2", "moment3"),
    "/overdracht/afspreken": ("dossier", "school", "moment"),
    "/overdracht/afronden": ("dossier", "school", "uitkomst", "notitie"),
    "/overdracht/klassenlijst": ("dossier", "klas", "vorm"),
    "/ondersteuning/besluit": ("dossier", "maatregel", "uitkomst", "nummer", "vanaf", "tot", "categorie", "reden"),
    "/ondersteuning/bestand": ("besluit",),
    "/terugkoppeling/opgeven": ("vertrokken", "leerlingnummer", "nog_op_school", "leerjaar", "niveau", "profiel"),
    "/terugkoppeling/lijst": ("vorm",),
}
KEPT = ("handover", "support_decision", "pupil_progress", "offer", "draw", "application_event")


@pytest.fixture(scope="module")
def school(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("school")) as made:
        deliver(made)
        yield made


@pytest.fixture(scope="module")
def secondary(school: School) -> Iterator[httpx.Client]:
    with closing(enrol(school)) as made:
        yield made


@pytest.fixture(scope="module")
def primary(school: School) -> Iterator[httpx.Client]:
    with closing(enrol(school, ACCOUNT)) as made:
        yield made


def kept(school: School) -> dict[str, int]:
    with psycopg.connect(school.home.owner_dsn) as owner:
        return {
            table: owner.execute(f"select count(*) from overstap.{table}").fetchone()[0]  # type: ignore[index] # noqa: S608
            for table in KEPT
        }


def usual(school: School, path: str) -> dict[str, str]:
    """A form that is right but for one field, so that the strange one is reached."""
    with psycopg.connect(school.home.owner_dsn) as owner:
        dossier = str(owner.execute("select min(dossier::text) from overstap.delivery").fetchone()[0])  # type: ignore[index]
    return {
        "dossier": dossier,
        "school": receiver(school),
        "uitkomst": "gesproken" if path.startswith("/overdracht") else "toegekend",
        "maatregel": "tlv",
        "nummer": "B-1",
        "vanaf": "1-8-2027",
        "klas": "1A",
        "vorm": "csv",
        "stand": "placed",
        "locatie": "Markt 1",
        "soort": "havo",
        "plaatsen": "",
        "leerjaar": "1",
    }


@pytest.mark.parametrize("path", FORMS)
def test_what_is_strange_is_refused_or_shown_as_text(
    school: School, secondary: httpx.Client, primary: httpx.Client, path: str
) -> None:
    before = kept(school)
    for who in (secondary, primary):
        key = token(who.get("/beveiliging").text)
        for name in FORMS[path]:
            for kind, value in STRANGE.items():
                said = value.encode("utf-8", "surrogatepass").decode("latin-1") if kind == "surrogate" else value
                form = {"formulier": key, **usual(school, path), name: said}
                answer = who.post(path, data=form)
                at = f"{path} {name} {kind}"
                assert answer.status_code < 500, at
                assert "<script>alert" not in answer.text, at
                assert "onclick=x" not in answer.text or "&lt;b onclick" in answer.text, at
                assert "49$" not in answer.text, at
                assert "<class" not in answer.text, at
    # A note, a class or a number may be any text; whatever has a form of its own was not kept
    after = kept(school)
    assert {name: after[name] - before[name] for name in KEPT if name != "handover"} == dict.fromkeys(
        (name for name in KEPT if name != "handover"), 0
    )
    assert "Traceback" not in school.log
    with school.review_round.unit() as unit:
        assert check(unit) == []


@pytest.mark.parametrize("path", FORMS)
def test_a_form_without_its_token_is_not_carried_out(
    school: School, secondary: httpx.Client, primary: httpx.Client, path: str
) -> None:
    before = kept(school)
    other = token(primary.get("/beveiliging").text)
    for given in ("", "x" * 64, other):
        answer = secondary.post(path, data={"formulier": given, **usual(school, path)})
        assert answer.status_code in (401, 403), given
    assert kept(school) == before
