"""Dossiers that a school types in on its pages: drafts, two people in one, other schools, what survives, what goes."""

import io
import os
import random
import re
import signal
import threading
import zipfile
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from families import CATEGORIES, REGION
from openpyxl import Workbook, load_workbook
from owned import files_told
from school_service import ACCOUNT, OTHER, PASSWORD, School, school_service, signed_in
from typed_pupil import NUMBER, plain_pupil, together
from typer.testing import CliRunner

from overstap.agreements import RoundId, RoundKind
from overstap.cli import app
from overstap.errors import OverstapError
from overstap.intake.sources.typed import TypedIn
from overstap.ledger import Ledger, accounts, retention
from overstap.ledger.dossiers import typed
from overstap.ledger.invariants import check
from overstap.ledger.migrate import add_region, migrate, set_password
from overstap.ledger.rounds import rounds
from overstap.oso.reading import read
from overstap.pages.school.passwords import hash_password
from overstap.pages.shared.turns import AT_ONCE, WAITING
from overstap.rounds import collection
from overstap.rounds.context import Context, RoundContext
from overstap.settings import Settings
from overstap.typed.workbook import columns_of
from overstap_tools.local.postgres import EmbeddedPostgres

COLLEAGUE, NEIGHBOUR = "collega@school.example", "buur@school.example"
NEXT_DOOR = "99ZZ00"
PDF = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"


@pytest.fixture(scope="module")
def school(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("school")) as made:
        more_people(made)
        yield made


def more_people(school: School) -> None:
    """Give the school a second person, and another primary school one."""
    with psycopg.connect(school.home.owner_dsn, autocommit=True) as owner:
        owner.execute(
            "insert into overstap.school (region, school, name, kind, contact) "
            "values ('alfa', %s, 'De Buren', 'PO', 'buren@example.org')",
            [NEXT_DOOR],
        )
    next_door_takes_part(school)
    with school.review_round.unit("beheer") as unit:
        accounts.put_account(unit, COLLEAGUE, school.review_round.school, "Een collega", hash_password(PASSWORD))
        accounts.put_account(unit, NEIGHBOUR, NEXT_DOOR, "De buurschool", hash_password(PASSWORD))


def next_door_takes_part(school: School) -> None:
    """Let the other primary school take part in every round that is open."""
    with psycopg.connect(school.home.owner_dsn, autocommit=True) as owner:
        owner.execute(
            "update overstap.round_agreement r set agreement = jsonb_set(agreement, '{schools}', "
            "agreement -> 'schools' || (select s || jsonb_build_object('id', %(id)s::text) "
            "from jsonb_array_elements(agreement -> 'schools') s where s ->> 'kind' = 'PO' limit 1)) "
            "where not exists (select from jsonb_array_elements(r.agreement -> 'schools') s where s ->> 'id' = %(id)s)",
            {"id": NEXT_DOOR},
        )


@pytest.fixture(scope="module")
def client(school: School) -> Iterator[httpx.Client]:
    with closing(signed_in(school)) as made:
        yield made


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, page[-2000:]
    return found[1]


def list_of(school: School) -> str:
    return f"/ronde/{school.review_round.round_id}/invullen"


def begun(school: School, client: httpx.Client) -> str:
    """Begin a draft; return its address."""
    key = hidden(client.get(list_of(school)).text, "formulier")
    answer = client.post(list_of(school), data={"formulier": key})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].rpartition("/stap/")[0]


def saved(client: httpx.Client, draft: str, step: str, answers: Mapping[str, str], **more: str) -> httpx.Response:
    """Save a step as it stands on the page now."""
    page = client.get(f"{draft}/stap/{step}").text
    data = {"formulier": hidden(page, "formulier"), "versie": hidden(page, "versie"), "doe": "verder"}
    return client.post(f"{draft}/stap/{step}", data=data | dict(answers) | more)


def typed_in(school: School, client: httpx.Client, number: str = NUMBER, surname: str = "Zonneveld") -> str:
    """Type a plain pupil in, without handing it in; return the address."""
    draft = begun(school, client)
    for step, answers in plain_pupil(number, surname).items():
        assert saved(client, draft, step, answers).status_code == 303
    return draft


def press(client: httpx.Client, draft: str, button: str, **more: str) -> httpx.Response:
    page = client.get(draft).text
    found = re.search(r'name="versie" value="([^"]*)"', page)
    data = {"formulier": hidden(page, "formulier")} | ({"versie": found[1]} if found else {}) | more
    return client.post(f"{draft}/{button}", data=data)


def collected(school: School, tmp_path: Path, way: str = "typed") -> tuple[RoundContext, collection.CollectionResult]:
    """Collect from the school as the round does."""
    place = school.review_round
    schools = [
        one.model_copy(update={"supplies": TypedIn()}) if one.id == place.school and way == "typed" else one
        for one in place.agreement.schools
    ]
    (tmp_path / "drop" / REGION / place.school).mkdir(parents=True, exist_ok=True)
    settings = Settings(drop=str(tmp_path / "drop"), virus_scanner=None)
    agreement = place.agreement.model_copy(update={"schools": tuple(schools)})
    context = Context(settings, place.ledger).of_round(RoundId(place.round_id), agreement)
    return context, collection.collect(context, place.school)


def id_in(draft: str) -> UUID:
    return UUID(draft.rpartition("/")[2])


def test_a_pupil_is_typed_handed_in_collected_corrected_and_collected_again(
    school: School, client: httpx.Client, tmp_path: Path
) -> None:
    draft = typed_in(school, client, "999990007", "Ochtend")
    with pytest.raises(OverstapError, match="INTAKE-050"):
        collected(school, tmp_path)
    answer = press(client, draft, "aanleveren")
    assert answer.status_code == 200
    assert "Het dossier is aangeleverd" in answer.text
    _, found = collected(school, tmp_path)
    assert (found.stored.new, dict(found.refused)) == (1, {})
    with school.review_round.unit() as unit:
        rows = unit.rows(
            "select v.source, v.number, t.handed_in_by, d.dossier from overstap.typed_dossier t "
            "join overstap.dossier d on d.round_id = t.round_id and d.pupil = t.pupil "
            "join overstap.dossier_version v using (dossier) where t.typed = %(id)s",
            id=id_in(draft),
        )
        assert [row[:3] for row in rows] == [("typed", 1, f"school:{ACCOUNT}")]
        lines = unit.rows(
            "select payload::jsonb #>> '{detail,by}' from overstap.audit_line "
            "where payload::jsonb ->> 'action' = 'typed.hand_in' and payload::jsonb ->> 'subject' = %(id)s",
            id=str(id_in(draft)),
        )
        assert lines == [(f"school:{ACCOUNT}",)]
        assert check(unit) == []
    _, again = collected(school, tmp_path, way="drop_folder")  # the folder is empty: what was typed counts there too
    assert (again.stored.new, again.stored.changed, again.stored.unchanged) == (0, 0, 1)

    assert press(client, draft, "verbeteren").status_code == 200
    _, meanwhile = collected(school, tmp_path)
    assert meanwhile.stored.unchanged == 1, "what was handed in counts until it is handed in again"
    assert press(client, draft, "aanleveren").status_code == 200
    _, same = collected(school, tmp_path)
    assert same.stored.unchanged == 1, "nothing was changed, so parents are not asked again"
    assert press(client, draft, "verbeteren").status_code == 200
    assert saved(client, draft, "overstapadvies", plain_pupil()["overstapadvies"] | ADVICE).status_code == 303
    assert press(client, draft, "aanleveren").status_code == 200
    _, corrected = collected(school, tmp_path)
    assert corrected.stored.changed == 1
    with school.review_round.unit() as unit:
        [(number, source)] = unit.rows(
            "select number, source from overstap.dossier_version where dossier = %(id)s order by number desc limit 1",
            id=rows[0][3],
        )
        assert (number, source) == (2, "typed")
        assert check(unit) == []


ADVICE = {"leerling/overstapadvies/argumentatie": "Werkt <b>graag</b> & goed {{ 7 * 7 }}."}


def test_what_is_wrong_stands_beside_its_field_and_nothing_is_lost(school: School, client: httpx.Client) -> None:
    draft = begun(school, client)
    answer = saved(client, draft, "leerling", {"leerling/achternaam": "Bos", "leerling/geboortedatum": "gisteren"})
    assert answer.status_code == 303
    assert answer.headers["location"].endswith("?bewaard")
    page = client.get(answer.headers["location"]).text
    at = page.index('id="v-leerling/geboortedatum"')
    assert "Dit is geen datum." in page[at - 600 : at]
    assert 'value="gisteren"' in page
    assert 'value="Bos"' in page
    assert press(client, draft, "aanleveren", versie="1").status_code == 409, "not with faults, whatever is sent"
    assert saved(client, draft, "leerling", {"leerling/achternaam": "Bos"}, doe="later").status_code == 303


def test_what_somebody_types_is_text(school: School, client: httpx.Client) -> None:
    draft = begun(school, client)
    hostile = "<script>alert(1)</script>{{ 7 * 7 }}${x}"
    saved(client, draft, "leerling", {"leerling/achternaam": hostile, "leerling/roepnaam": '"><img src=x onerror=y>'})
    for page in (draft, f"{draft}/stap/leerling", f"{draft}/ouders", list_of(school)):
        answer = client.get(page)
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert "<img" not in answer.text
        assert "&lt;script&gt;" in answer.text
        assert (
            "49"
            not in answer.text.replace(draft, "").partition("</h1>")[2].partition("</footer>")[0].replace(draft, "")
            or "{{ 7 * 7 }}" in answer.text
        )
        assert answer.headers["cache-control"] == "no-store"
        assert "script-src 'self'" in answer.headers["content-security-policy"]


def test_two_people_in_one_step_see_each_other_and_lose_nothing(school: School, client: httpx.Client) -> None:
    draft = begun(school, client)
    with closing(signed_in(school, COLLEAGUE)) as other:
        mine, theirs = (one.get(f"{draft}/stap/leerling").text for one in (client, other))

        def send(who: httpx.Client, page: str, **answers: str) -> httpx.Response:
            data = {f"leerling/{name}": text for name, text in answers.items()}
            form = {"formulier": hidden(page, "formulier"), "versie": hidden(page, "versie"), "doe": "blijf"}
            return who.post(f"{draft}/stap/leerling", data=form | data)

        assert send(other, theirs, achternaam="Bos", roepnaam="Jo").status_code == 303
        # Other fields: both are kept, and each is told of the other
        answer = send(client, mine, voornaam="Johanna")
        assert answer.status_code == 303
        page = client.get(answer.headers["location"]).text
        assert COLLEAGUE in page
        for text in ("Bos", "Jo", "Johanna"):
            assert f'value="{text}"' in page
        # The same field: both are shown, theirs stays saved, and the one who looks decides
        again = other.get(f"{draft}/stap/leerling").text
        assert send(other, again, achternaam="Dijk", voornaam="Johanna", roepnaam="Jo").status_code == 303
        answer = send(client, page, achternaam="Bosch", voornaam="Johanna", roepnaam="Jo", geboortedatum="3 mei 2014")
        assert answer.status_code == 409
        assert "Twee mensen vulden hetzelfde in" in answer.text
        assert 'value="Bosch"' in answer.text
        assert "Intussen bewaard: Dijk" in answer.text
        there = client.get(f"{draft}/stap/leerling").text
        assert 'value="Dijk"' in there
        assert 'value="03-05-2014"' in there, "what nobody else touched is saved all the same"
        over = {"over:leerling/achternaam": "ja", "hun:leerling/achternaam": "Dijk"}
        form = {"formulier": hidden(answer.text, "formulier"), "versie": hidden(answer.text, "versie"), "doe": "blijf"}
        fields = {"leerling/achternaam": "Bosch", "leerling/voornaam": "Johanna", "leerling/roepnaam": "Jo"}
        taken = client.post(f"{draft}/stap/leerling", data=form | fields | over)
        assert taken.status_code == 303
        assert 'value="Dijk"' in client.get(f"{draft}/stap/leerling").text
        # Handed in by one while the other types: nothing is thrown away without a word
        with school.review_round.unit() as unit:
            versions = unit.rows(
                "select count(*) from overstap.typed_step where typed = %(id)s and step = 'leerling'", id=id_in(draft)
            )
        assert versions[0][0] >= 4, "each saved version is kept"


def test_six_who_save_one_step_at_the_same_moment_lose_nothing(school: School, client: httpx.Client) -> None:
    draft = begun(school, client)
    page = client.get(f"{draft}/stap/overstapadvies").text
    form = {"formulier": hidden(page, "formulier"), "versie": hidden(page, "versie"), "doe": "blijf"}
    names = ("advies", "wensouders", "wensleerling", "herzienadvies", "argumentatie", "contactpersoon")
    fields = {f"leerling/overstapadvies/{name}": "61" for name in names}

    def send(one: tuple[str, str]) -> int:
        return client.post(f"{draft}/stap/overstapadvies", data=form | {one[0]: one[1]}).status_code

    with ThreadPoolExecutor(len(fields)) as pool:
        assert set(pool.map(send, fields.items())) == {303}
    with school.review_round.unit() as unit:
        assert dict(typed.steps(unit, id_in(draft))["overstapadvies"].answers) == fields


def test_handed_in_while_a_colleague_types(school: School, client: httpx.Client) -> None:
    draft = typed_in(school, client, "999990020", "Middag")
    with closing(signed_in(school, COLLEAGUE)) as other:
        page = other.get(f"{draft}/stap/overstapadvies").text
        stale = press_data(other.get(draft).text)
        assert press(client, draft, "aanleveren").status_code == 200
        form = {"formulier": hidden(page, "formulier"), "versie": hidden(page, "versie"), "doe": "verder"}
        answer = other.post(f"{draft}/stap/overstapadvies", data=form | plain_pupil()["overstapadvies"] | ADVICE)
        assert answer.status_code == 409
        assert "is niet bewaard" in answer.text
        assert "Werkt &lt;b&gt;graag" in answer.text, "what was typed is still on the page"
        assert other.post(f"{draft}/aanleveren", data=stale).status_code == 409
        second = typed_in(school, other, "999990020", "Middag")
        twice = press(other, second, "aanleveren")
        assert twice.status_code == 409
        assert "al een ander dossier aangeleverd" in twice.text
        assert press(other, second, "weggooien").status_code == 422, "not without being sure"
        assert press(other, second, "weggooien", zeker="ja").status_code == 200
        assert other.get(second).status_code == 404
        assert press(client, draft, "weggooien", zeker="ja").status_code == 409, "what was handed in stays"


def press_data(page: str) -> dict[str, str]:
    return {"formulier": hidden(page, "formulier"), "versie": hidden(page, "versie")}


def test_what_was_read_is_what_is_handed_in(school: School, client: httpx.Client) -> None:
    draft = typed_in(school, client, "999990032", "Avond")
    read_before = press_data(client.get(draft).text)
    with closing(signed_in(school, COLLEAGUE)) as other:
        changed = plain_pupil()["overstapadvies"] | {"leerling/overstapadvies/advies": "20"}
        assert saved(other, draft, "overstapadvies", changed).status_code == 303
    assert client.post(f"{draft}/aanleveren", data=read_before).status_code == 409
    assert press(client, draft, "aanleveren").status_code == 200


def test_attachments_go_through_the_checks_and_into_the_dossier(school: School, client: httpx.Client) -> None:
    draft = typed_in(school, client, "999990044", "Bijlage")
    step = next(one for one in ("bijlagedocs", "handelingsplannen") if f"/stap/{one}" in client.get(draft).text)
    block = {
        "bijlagedocs": "leerling/overigdocumentlijst/document[1]",
        "handelingsplannen": "leerling/onderwijsondersteuning/handelingsplan[1]/document",
    }[step]
    plan = "leerling/onderwijsondersteuning/handelingsplan[1]"
    answers = {f"{plan}/startdatum": "1-9-2025", f"{plan}/isgerichtop": "lezen"} if step == "handelingsplannen" else {}
    page = client.get(f"{draft}/stap/{step}").text
    form = {"formulier": hidden(page, "formulier"), "versie": hidden(page, "versie"), "doe": "verder"} | answers
    refused = client.post(
        f"{draft}/stap/{step}", data=form, files={f"bestand:{block}/bestandsinhoud": ("a.exe", b"MZ\x90\x00\x03\x01")}
    )
    assert refused.status_code == 422
    assert "Dit soort bestand is niet toegestaan" in refused.text
    assert refused.text.count('type="file"') == 1, "the question stays open"
    page = client.get(f"{draft}/stap/{step}").text
    form["versie"] = hidden(page, "versie")
    sent = client.post(
        f"{draft}/stap/{step}",
        data=form | {f"{block}/omschrijving": "Verslag"},
        files={f"bestand:{block}/bestandsinhoud": ("../../verslag <x>.pdf", PDF)},
    )
    assert sent.status_code == 303, sent.text
    page = client.get(f"{draft}/stap/{step}").text
    assert "Toegevoegd: verslag x.pdf" in page
    file = hidden(page, re.escape(f"{block}/bestandsinhoud"))
    got = client.get(f"{draft}/bestand/{file}")
    assert got.content == PDF
    assert got.headers["content-disposition"] == 'attachment; filename="bijlage.pdf"'
    assert files_told(school.home.owner_dsn)[-1]["detail"]["file"] == "typed_attachment"
    assert "sandbox" in got.headers["content-security-policy"]
    assert "Verslag" in client.get(f"{draft}/ouders").text
    assert press(client, draft, "aanleveren").status_code == 200
    with school.review_round.unit() as unit:
        assert b"bestandsinhoud" in typed.content_of(unit, id_in(draft))
        dossier = read(typed.content_of(unit, id_in(draft)))
    assert dossier.surname == "Bijlage"
    # A file of one draft is not in another, whatever a page is made to send
    second = begun(school, client)
    assert client.get(f"{second}/bestand/{file}").status_code == 404
    saved(client, second, step, answers | {f"{block}/bestandsinhoud": file, f"{block}/omschrijving": "Gestolen"})
    assert file not in client.get(f"{second}/stap/{step}").text
    with school.review_round.unit() as unit:
        assert file not in typed.steps(unit, id_in(second))[step].answers.values()
    too_large = client.post(
        f"{second}/stap/{step}",
        data={"formulier": form["formulier"], "versie": "0", "doe": "verder"},
        files={f"bestand:{block}/bestandsinhoud": ("groot.txt", b"x" * 8_000_000)},
    )
    assert too_large.status_code == 422
    assert "te groot" in too_large.text
    endless = client.post(
        f"{second}/stap/{step}",
        data={"formulier": form["formulier"], "versie": "0"},
        files={f"bestand:{block}/bestandsinhoud": ("groot.txt", b"x" * 30_000_000)},
    )
    assert endless.status_code == 413


def test_a_draft_opens_for_its_own_school_alone(school: School, client: httpx.Client) -> None:
    draft = typed_in(school, client, "999990056", "Verborgen")
    mine = {path: client.get(path).status_code for path in pages_of(draft)}
    assert set(mine.values()) == {200}
    with closing(signed_in(school, NEIGHBOUR)) as neighbour, closing(signed_in(school, OTHER)) as receiver:
        key = hidden(neighbour.get(list_of(school)).text, "formulier")
        assert "Verborgen" not in neighbour.get(list_of(school)).text
        for path in pages_of(draft):
            answer = neighbour.get(path)
            assert answer.status_code == 404, path
            assert "Verborgen" not in answer.text
        version = {"versie": "1", "formulier": key, "zeker": "ja", "doe": "verder", "leerling/achternaam": "Gekaapt"}
        for path in (
            *(f"{draft}/{one}" for one in ("aanleveren", "verbeteren", "weggooien")),
            f"{draft}/stap/leerling",
        ):
            assert neighbour.post(path, data=version).status_code == 404, path
        assert receiver.get(list_of(school)).status_code == 409, "a school that supplies nothing types nothing"
        key = hidden(receiver.get(f"/ronde/{school.review_round.round_id}").text, "formulier")
        assert receiver.post(list_of(school), data={"formulier": key}).status_code == 409
        sheet = receiver.post(
            f"{list_of(school)}/werkmap", data={"formulier": key}, files={"bestand": ("a.xlsx", b"PK")}
        )
        assert sheet.status_code == 409
        assert receiver.get(f"{list_of(school)}/werkmap.xlsx").status_code == 409
        assert receiver.get(draft).status_code in (404, 409)
    for round_id in ("beta.2026-2027.advice", "alfa.2026-2027.placement", "..", "%00", "{{7*7}}"):
        wrong = draft.replace(school.review_round.round_id, round_id)
        assert client.get(wrong).status_code in (404, 400), round_id
    assert 'value="Verborgen"' in client.get(f"{draft}/stap/leerling").text


def pages_of(draft: str) -> tuple[str, ...]:
    return (draft, f"{draft}/ouders", *(f"{draft}/stap/{step}" for step in plain_pupil()))


def test_no_function_of_drafts_reaches_another_school_or_region(school: School, client: httpx.Client) -> None:
    draft = id_in(typed_in(school, client, "999990068", "Elders"))
    neighbour = NEXT_DOOR
    ledger = Ledger(school.dsn, school.home.keys)
    with closing(ledger), ledger.unit(REGION, "school:x") as unit:
        assert typed.save(unit, draft, neighbour, "leerling", 1, {}, "x") is typed.TypedAnswer.SETTLED
        assert typed.save(unit, draft, school.review_round.school, "leerling", 0, {}, "x") is typed.TypedAnswer.CHANGED
        assert typed.drop(unit, draft, neighbour, "x") is typed.TypedAnswer.SETTLED
        assert typed.reopen(unit, draft, neighbour, "x") is typed.TypedAnswer.SETTLED
        assert typed.add_file(unit, draft, neighbour, "a", b"a", "x")[0] is typed.TypedAnswer.SETTLED
        with pytest.raises(OverstapError, match="SCHOOL-004"):
            typed.find(unit, school.review_round.round_id, neighbour, draft)
    with psycopg.connect(school.dsn, autocommit=True) as login:
        for region, seen in (("alfa", True), ("beta", False)):
            with login.transaction():
                login.execute(f"set local role overstap_school_{region}")
                for table in ("typed_dossier", "typed_step"):
                    found = login.execute(f"select count(*) from overstap.{table} where typed = %s", [draft]).fetchone()  # noqa: S608
                    assert (found != (0,)) == seen
                answer = login.execute(
                    "select overstap.save_typed(%s, %s, 'leerling', 1, '1', 'x', 'x')", [draft, "99ZZ00"]
                ).fetchone()
                assert answer == ("settled",)
        for statement in (
            "update overstap.typed_dossier set state = 'open'",
            "delete from overstap.typed_step",
            "insert into overstap.typed_file (file, region, typed, key_id, content, added_by) "
            "select gen_random_uuid(), region, typed, '1', '', 'x' from overstap.typed_dossier",
            "select overstap.erase_typed('{}')",
            "select overstap.hold_typed(null, null)",
            "select overstap.audit('typed.hand_in', '{x}', '{{}}')",
        ):
            login.execute("set role overstap_school_alfa")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                login.execute(statement)


def test_forms_of_others_change_nothing(school: School) -> None:
    client = signed_in(school)
    draft = typed_in(school, client, "999990081", "Formulier")
    key = hidden(client.get(draft).text, "formulier")
    other_site = {"origin": "https://kwaad.example"}
    for path in ("aanleveren", "weggooien", "stap/leerling"):
        assert client.post(f"{draft}/{path}", data={"formulier": key}, headers=other_site).status_code == 403
    for path in ("aanleveren", "weggooien", "stap/leerling"):
        for form in ({"versie": "5", "zeker": "ja"}, {"formulier": "0" * 64, "zeker": "ja"}):
            with closing(signed_in(school)) as forged:  # a form without the stay's own token ends the stay
                assert forged.post(f"{draft}/{path}", data=form).status_code == 403
    with closing(signed_in(school)) as forged:
        assert forged.post(list_of(school), data={}).status_code == 403
    assert 'value="Formulier"' in client.get(f"{draft}/stap/leerling").text
    for path in pages_of(draft):
        before = versions_of(school, draft)
        client.get(path)
        assert versions_of(school, draft) == before, "a GET changes nothing"


def versions_of(school: School, draft: str) -> list[tuple[object, ...]]:
    with school.review_round.unit() as unit:
        return unit.rows(
            "select t.version, t.state, count(s.*) from overstap.typed_dossier t "
            "join overstap.typed_step s using (typed) where t.typed = %(id)s group by 1, 2",
            id=id_in(draft),
        )


def test_what_no_browser_sends_is_no_fault_of_ours(school: School, client: httpx.Client) -> None:
    draft = begun(school, client)
    key = hidden(client.get(draft).text, "formulier")
    form = {"formulier": key, "doe": "verder"}
    for odd in (
        {"versie": "-1"},
        {"versie": "9" * 400},
        {"versie": "x", "leerling/adreslijst/adres[99999999999999999999]/plaats": "x"},
        {"doe": "weg:leerling/verzorger[1]"},
        {"doe": "weg:../../etc"},
        {"doe": "erbij:leerling/adreslijst/adres[60]"},
        {"doe": "erbij:"},
        {"#leerling/adreslijst/adres": "-5"},
        {"#leerling/adreslijst/adres": "\u0665"},
        {"over:leerling/achternaam": "ja"},
        {"leerling/achternaam": "x" * 200_000},
        {"leerling/achternaam": "\x00\ud7ff\ufffe"},
        {"leerling/geslacht": "9"},
        {"leerling/adresgeheim": "misschien"},
    ):
        answer = client.post(f"{draft}/stap/leerling", data=form | odd)
        assert answer.status_code in (303, 409, 422), odd
    for path in ("stap/metadata", "stap/vve", "stap/x", f"bestand/{uuid4()}", "bestand/x", "stap/ouderinzage"):
        assert client.get(f"{draft}/{path}").status_code == 404, path
    assert client.get(f"{list_of(school)}/{uuid4()}").status_code == 404
    assert client.get(f"{list_of(school)}/x").status_code == 404
    many = client.post(f"{draft}/stap/leerling", data=form | {f"x{number}": "1" for number in range(5_000)})
    assert many.status_code == 400
    assert client.get(draft).status_code == 200
    assert "ERROR" not in school.log


def test_the_log_names_nobody(school: School, client: httpx.Client) -> None:
    typed_in(school, client, "999990093", "Logboek")
    assert "Logboek" not in school.log
    assert "999990093" not in school.log


def test_a_draft_begins_with_the_earlier_dossier_of_the_pupil(school: School, client: httpx.Client) -> None:
    """In the next round of the year only what is new is typed."""
    place = school.review_round
    family = place.families()[0]
    agreed = place.agreement.round(RoundKind.ADVICE)
    agreement = place.agreement.model_copy(update={"rounds": {RoundKind.ADVICE: agreed, RoundKind.PLACEMENT: agreed}})
    with place.unit() as unit:
        assert rounds.open_round(unit, agreement, RoundKind.PLACEMENT)
    next_door_takes_part(school)
    there = "/ronde/alfa.2026-2027.placement/invullen"
    page = client.get(there).text
    assert f'value="{family.dossier}"' in page
    answer = client.post(there, data={"formulier": hidden(page, "formulier"), "eerder": str(family.dossier)})
    assert answer.status_code == 303
    draft = answer.headers["location"].rpartition("/stap/")[0]
    assert f'value="{family.surname}"' in client.get(f"{draft}/stap/leerling").text
    assert family.pupil_number in client.get(f"{draft}/stap/leerling").text
    with place.unit() as unit:
        opened = unit.rows(
            "select opened_by, purpose from overstap.content_access where dossier = %(id)s", id=family.dossier
        )
    assert (f"school:{ACCOUNT}", "school_page") in opened, "the parents see who opened it"
    with closing(signed_in(school, NEIGHBOUR)) as neighbour:
        theirs = neighbour.get(there).text
        assert str(family.dossier) not in theirs
        form = {"formulier": hidden(theirs, "formulier"), "eerder": str(family.dossier)}
        assert neighbour.post(there, data=form).status_code == 404


def test_a_draft_begins_with_a_pupil_on_the_roster(school: School) -> None:
    client = signed_in(school)
    number = "999990147"
    roster = f"leerlingnummer;achternaam;geboortedatum;roepnaam;groep\n{number};Lijst;2015-03-30;Noor;8A\n"
    place = f"/ronde/{school.review_round.round_id}/leerlingenlijst"
    key = hidden(client.get(place).text, "formulier")
    assert client.post(place, data={"formulier": key}, files={"bestand": ("l.csv", roster)}).status_code == 200
    page = client.get(list_of(school)).text
    found = re.search(r'<option value="([0-9a-f-]{36})">Noor Lijst \(8A\)', page)
    assert found is not None
    assert number not in page
    answer = client.post(list_of(school), data={"formulier": hidden(page, "formulier"), "leerling": found[1]})
    draft = answer.headers["location"].rpartition("/stap/")[0]
    page = client.get(f"{draft}/stap/leerling").text
    for text in ("Lijst", "Noor", "30-03-2015", number):
        assert f'value="{text}"' in page
    assert "Vul dit in" not in page, "nobody typed yet, so nothing is said to be missing"
    assert 'value="8A"' in client.get(f"{draft}/stap/schoolloopbaan").text
    assert found[1] not in client.get(list_of(school)).text, "who has a draft is not offered again"
    with closing(signed_in(school, NEIGHBOUR)) as neighbour:
        form = {"formulier": hidden(neighbour.get(list_of(school)).text, "formulier"), "leerling": found[1]}
        assert neighbour.post(list_of(school), data=form).status_code == 404


def test_a_workbook_hands_pupils_in_and_comes_back_with_its_faults(school: School, tmp_path: Path) -> None:
    client = signed_in(school)
    there = f"{list_of(school)}/werkmap"
    made = client.get(f"{there}.xlsx")
    assert made.headers["content-disposition"] == 'attachment; filename="leerlingen.xlsx"'
    book = load_workbook(io.BytesIO(made.content))
    heads = {str(cell.value).removesuffix(" *"): cell.column for cell in book["Leerlingen"][1]}
    typed_pupils = [together(plain_pupil(number, name)) for number, name in SHEET]
    for line, answers in enumerate(typed_pupils, 2):
        for one in columns_of(*FORM):
            if answers.get(one.path):
                book["Leerlingen"].cell(line, heads[one.head]).value = answers[one.path]
    wrong = book["Leerlingen"]
    wrong.cell(3, heads["Leerling: Geboortedatum"]).value = "gisteren"
    wrong.cell(3, heads["Leerling: Voornaam"]).value = None
    wrong.cell(4, heads["Leerling: Burgerservicenummer"]).value = 9999019
    for line in book["School"].iter_rows(min_row=2):
        line[1].value = together({"s": plain_pupil()["school"]}).get(SCHOOL_PATHS[str(line[0].value).rstrip(" *")])

    def supply(content: bytes, key: str | None = None) -> httpx.Response:
        key = key or hidden(client.get(list_of(school)).text, "formulier")
        return client.post(there, data={"formulier": key}, files={"bestand": ("leerlingen.xlsx", content)})

    answer = supply(saved_book(book))
    assert answer.status_code == 200, answer.text
    assert "Aangeleverd: 1 dossier. Ongewijzigd: 0." in answer.text
    assert "Niet aangeleverd: 2 leerlingen" in answer.text
    copy = re.search(r'base64,([^"]+)"', answer.text)
    assert copy is not None
    back = load_workbook(io.BytesIO(b64decode(copy[1])))
    sheet = back["Leerlingen"]
    assert sheet.max_row >= 3
    assert sheet.cell(2, heads["Leerling: Achternaam"]).value == SHEET[1][1]
    born = sheet.cell(2, heads["Leerling: Geboortedatum"])
    assert born.value == "gisteren"
    assert "geen datum" in born.comment.text
    assert "De voornaam" in sheet.cell(2, heads["Leerling: Voornaam"]).comment.text
    assert "elfproef" in sheet.cell(3, heads["Leerling: Burgerservicenummer"]).comment.text
    assert "geen datum" in sheet.cell(2, 1).value
    # Mended in the copy and supplied again
    sheet.cell(2, heads["Leerling: Geboortedatum"]).value = "3 mei 2015"
    sheet.cell(2, heads["Leerling: Voornaam"]).value = "Sanne"
    sheet.cell(3, heads["Leerling: Burgerservicenummer"]).value = SHEET[2][0]
    again = supply(saved_book(back))
    assert "Aangeleverd: 2 dossiers. Ongewijzigd: 0." in again.text
    assert "Aangeleverd: 0 dossiers. Ongewijzigd: 2." in supply(saved_book(back)).text
    _, found = collected(school, tmp_path)
    assert not found.refused
    with school.review_round.unit() as unit:
        assert check(unit) == []
    for content, said in (
        (b"", "Kies eerst een werkmap"),
        (b"PK\x03\x04 kapot", "werkmap"),
        (b"leerling;klas\nVis;8\n", "niet de werkmap"),
        (with_macros(saved_book(back)), "macro"),
        (b"x" * 10_000_001, "groot"),
    ):
        answer = supply(content)
        assert (answer.status_code, said in answer.text) == (422, True), (said, answer.text[-3000:])
    assert client.post(there, data={}).status_code == 403


def test_a_workbook_leaves_what_it_does_not_say_as_it_was_typed(school: School) -> None:
    """Tests and support in its columns; attachments, a fifth test and whole optional parts stay as they are."""
    with closing(signed_in(school)) as client:
        there = f"{list_of(school)}/werkmap"
        book = load_workbook(io.BytesIO(client.get(f"{there}.xlsx").content))
        sheet = book["Leerlingen"]
        heads = {str(cell.value).removesuffix(" *"): cell.column for cell in sheet[1]}
        number, name = "999990184", "Rij Toetsen"
        test = {"Toetscode": "RW8", "Leergebied": "Rekenen", "Naam van de toets": "Rekenen M8"}
        test |= {"Datum van afname": "20-1-2026", "Aantal opgaven": "50", "Aantal goed": "31"}
        for one in columns_of(*WITH_TESTS):
            if text := together(plain_pupil(number, name)).get(one.path):
                sheet.cell(2, heads[one.head]).value = text
        for line in book["School"].iter_rows(min_row=2):
            line[1].value = together({"s": plain_pupil()["school"]}).get(SCHOOL_PATHS[str(line[0].value).rstrip(" *")])
        for head, text in test.items():
            sheet.cell(2, heads[f"Toets 1: {head}"]).value = text
        sheet.cell(2, heads["Ondersteuning: Medicijngebruik"]).value = "Ja"
        sheet.cell(2, heads["Handelingsplan: Begin van het plan"]).value = "1-9-2025"
        sheet.cell(2, heads["Handelingsplan: Gericht op"]).value = "Lezen"

        def supply(content: bytes) -> str:
            key = hidden(client.get(list_of(school)).text, "formulier")
            return client.post(there, data={"formulier": key}, files={"bestand": ("w.xlsx", content)}).text

        first = supply(saved_book(book))
        assert "Aangeleverd: 1 dossier. Ongewijzigd: 0." in first, first[-4000:]
        page = client.get(list_of(school)).text
        assert "Bijlagen, diagnoses en meer dan vier toetsen voegt u daarna per leerling toe" in page
        draft = re.search(rf'href="({list_of(school)}/[^"/]+)">[^<]*{name}', page)
        assert draft is not None
        assert press(client, draft[1], "verbeteren").status_code == 200
        plan = client.get(f"{draft[1]}/stap/handelingsplannen").text
        assert "Lezen" in plan
        tests = f"{draft[1]}/stap/toetsresultaten"
        assert 'value="RW8"' in client.get(tests).text
        more = {
            f"leerling/toetslijst/toets[{place}]/{field}": text
            for place in range(1, 6)
            for field, text in (
                ("toetsidentificatie/eldtoetscode", "RW8"),
                ("afname/afnamedatum", f"{place}-2-2026"),
                ("resultaat/toetsscore/aantalgoed", f"{30 + place}"),
            )
        }
        assert saved(client, draft[1], "toetsresultaten", more).status_code == 303
        assert press(client, draft[1], "aanleveren").status_code == 200
        for head in test:
            sheet.cell(2, heads[f"Toets 1: {head}"]).value = None
        sheet.cell(2, heads["Leerling: Plaats"]).value = "Elders"
        assert "Aangeleverd: 1 dossier. Ongewijzigd: 0." in supply(saved_book(book))
        assert client.get(tests).text.count('value="RW8"') == 5, "a workbook without tests takes none away"
        for head, text in test.items():
            sheet.cell(2, heads[f"Toets 2: {head}"]).value = text
        assert "Aangeleverd: 1 dossier. Ongewijzigd: 0." in supply(saved_book(book))
        now_there = client.get(tests).text
        assert now_there.count('value="RW8"') == 2, "its own test, and the fifth that it has no column for"
        assert 'name="leerling/toetslijst/toets[3]' not in now_there


def test_the_command_makes_the_same_workbook(school: School, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVERSTAP_LEDGER", school.review_round.ledger._dsn)
    monkeypatch.setenv("OVERSTAP_KEYS", str(school.home.keys))
    out = tmp_path / "school.xlsx"
    words = ["intake", "workbook", "--round", school.review_round.round_id, "--school", school.review_round.school]
    made = CliRunner().invoke(app, [*words, "--by", "beheer", "--out", str(out)])
    assert made.exit_code == 0, made.output
    assert "werkmap gemaakt: school.xlsx" in made.output
    book = load_workbook(out)
    assert [sheet.title for sheet in book.worksheets] == ["Leerlingen", "School", "Uitleg", "Keuzes"]
    told = files_told(school.home.owner_dsn)[-1]
    assert (told["detail"]["file"], told["detail"]["to"]) == ("typed_workbook", school.review_round.school)
    again = CliRunner().invoke(app, [*words, "--by", "beheer", "--out", str(out)])
    assert again.exit_code != 0, "what is there is not written over"


SHEET = (("999990159", "Rij Een"), ("999990160", "Rij Twee"), ("999990172", "Rij Drie"))
SCHOOL_PATHS = {
    "School: Naam van de school": "naam",
    "School: Straat en huisnummer": "adreslijst/adres[1]/~straat",
    "School: Postcode": "adreslijst/adres[1]/postcode",
    "School: Plaats": "adreslijst/adres[1]/plaats",
    "School: Telefoonnummer of e-mailadres": "communicatielijst/communicatie[1]/nummer",
}
FORM = ("2019.1", "POVO", frozenset[str]())
WITH_TESTS = ("2019.1", "POVO", CATEGORIES)


def saved_book(book: Workbook) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def with_macros(content: bytes) -> bytes:
    out = io.BytesIO(content)
    with zipfile.ZipFile(out, "a") as package:
        package.writestr("xl/vbaProject.bin", b"x")
    return out.getvalue()


def test_what_is_over_is_erased(postgres: EmbeddedPostgres, ledger_template: str, tmp_path: Path) -> None:
    with school_service(postgres, ledger_template, tmp_path) as school:
        more_people(school)
        place = school.review_round
        with closing(signed_in(school)) as client:
            given = typed_in(school, client, "999990093", "Geweest")
            left = typed_in(school, client, "999990007", "Blijven liggen")
            assert press(client, given, "aanleveren").status_code == 200
            _, found = collected(school, tmp_path)
            assert found.stored.new == 1
            with psycopg.connect(school.home.owner_dsn, autocommit=True) as owner:
                owner.execute("update overstap.round set closed_at = clock_timestamp() - interval '100 days'")
            for draft in (left, given):
                late = saved_late(client, draft)
                assert late.status_code == 409
                assert "de ronde is afgesloten" in late.text
            assert press(client, left, "aanleveren").status_code in (409, 422)
            retention.retain(place.ledger, REGION, actor="retention", content_days=90, traces_days=730)
            with place.unit() as unit:
                counts = unit.rows(
                    "select (select count(*) from overstap.typed_step), (select count(*) from overstap.typed_file), "
                    "(select count(*) from overstap.typed_dossier where content <> '' or pupil is not null)"
                )
                assert counts == [(0, 0, 0)]
                assert retention.idle_keys(unit) == []
                assert [one for one in check(unit) if "typed" in one.why] == []
            page = client.get(given)
            assert page.status_code == 200
            assert "Geweest" not in page.text


def saved_late(client: httpx.Client, draft: str) -> httpx.Response:
    """Save a step, and a file of it, as they stand on the page now."""
    return saved(client, draft, "leerling", {"leerling/achternaam": "Te laat", "leerling/bsn": NUMBER})


def test_nothing_is_added_to_a_draft_of_a_closed_round(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path: Path
) -> None:
    """What is typed after the close, or after the erasing, would be there for ever."""
    with school_service(postgres, ledger_template, tmp_path) as school, closing(signed_in(school)) as client:
        draft = typed_in(school, client, "999990007", "Blijven liggen")
        with psycopg.connect(school.home.owner_dsn, autocommit=True) as owner:
            count = "select (select count(*) from overstap.typed_step), (select count(*) from overstap.typed_file)"
            [before] = owner.execute(count).fetchall()
            owner.execute("update overstap.round set closed_at = clock_timestamp() - interval '100 days'")
            assert saved_late(client, draft).status_code == 409
            with school.review_round.unit() as unit:
                number = typed.steps(unit, id_in(draft))["leerling"].number
            with closing(Ledger(school.dsn, school.home.keys)) as pages, pages.unit(REGION, "school:x") as unit:
                at = school.review_round.school
                answer = typed.save(unit, id_in(draft), at, "leerling", number, {"leerling/bsn": "1"}, "x")
                assert answer is typed.TypedAnswer.SETTLED
                assert typed.add_file(unit, id_in(draft), at, "a", b"a", "x")[0] is typed.TypedAnswer.SETTLED
            assert owner.execute(count).fetchall() == [before]
            retention.retain(school.review_round.ledger, REGION, actor="retention", content_days=90, traces_days=730)
            assert saved_late(client, draft).status_code == 409
            assert owner.execute(count).fetchall() == [(0, 0)]


def test_one_draft_does_not_fill_the_disk(school: School, client: httpx.Client) -> None:
    draft = typed_in(school, client, "999990044", "Vol")
    signs = random.Random(1).choices([chr(sign) for sign in range(0x4E00, 0x9000)], k=20_000 * 80)  # does not shrink
    names = [f"leerling/verzorger[{n}]/{name}" for n in range(1, 41) for name in ("achternaam", "voornaam")]
    texts = {name: "".join(signs[n * 20_000 :][:20_000]) for n, name in enumerate(names)}
    refused = saved(client, draft, "oudersverzorgers", texts)
    assert refused.status_code == 409
    assert "meer tekst" in refused.text
    assert "Traceback" not in school.log
    assert (
        saved(client, draft, "leerling", {"leerling/achternaam": "Leeg"} | plain_pupil()["leerling"]).status_code == 303
    )
    # Versions that each are small enough, one after the other
    at, said = school.review_round.school, []
    with closing(Ledger(school.dsn, school.home.keys)) as pages:
        for number in range(1, 40):
            text = {"leerling/overstapadvies/toelichting": "".join(signs[number : number + 600_000])}
            with pages.unit(REGION, "school:x") as unit:
                said.append(typed.save(unit, id_in(draft), at, "overstapadvies", number, text, "x"))
    assert said[0] is typed.TypedAnswer.SAVED
    assert 20 < said.index(typed.TypedAnswer.FULL) < 39
    assert set(said[said.index(typed.TypedAnswer.FULL) :]) == {typed.TypedAnswer.FULL}
    assert saved(client, draft, "leerling", plain_pupil(surname="Voller")["leerling"]).status_code == 303
    press(client, draft, "weggooien", zeker="ja")


def test_one_school_does_not_fill_the_disk(school: School, client: httpx.Client) -> None:
    """The attachments of all its drafts in a round count together."""
    first, second = (typed_in(school, client, number, "Schijf") for number in ("999990068", "999990081"))
    at = school.review_round.school
    limit = "create or replace function overstap.most_typed_bytes() returns bigint language sql immutable return {}"
    with psycopg.connect(school.home.owner_dsn, autocommit=True) as owner:
        row = owner.execute("select sum(octet_length(content)) from overstap.typed_file").fetchone()
        owner.execute(limit.format(int(row[0] or 0) + 25_000 if row else 0))
        try:
            with closing(Ledger(school.dsn, school.home.keys)) as pages, pages.unit(REGION, "school:x") as unit:
                answers = [
                    typed.add_file(unit, id_in(draft), at, "a", os.urandom(10_000), "x")[0]
                    for draft in (first, second, first, second)
                ]
            assert answers == ["saved", "saved", "full", "full"]
        finally:
            owner.execute(limit.format(4_000_000_000))


def test_one_account_does_not_keep_the_others_waiting(school: School, client: httpx.Client) -> None:
    """Sixty requests of an account that all wait for something: they took every thread of the pages."""
    draft = typed_in(school, client, "999990056", "Druk")
    page = client.get(draft).text
    form = {"formulier": hidden(page, "formulier"), "versie": hidden(page, "versie")}
    refused, all_refused = [], threading.Event()

    def press_it(_: int) -> int:
        with httpx.Client(base_url=school.address, cookies=client.cookies, timeout=300) as one:
            answer = one.post(f"{draft}/aanleveren", data=form)
        if answer.status_code == 429:
            assert "niet uitgevoerd" in answer.text
            refused.append(answer)
            if len(refused) == 60 - AT_ONCE - WAITING:
                all_refused.set()
        return answer.status_code

    with psycopg.connect(school.home.owner_dsn) as owner, ThreadPoolExecutor(60) as several:
        owner.execute("select from overstap.typed_dossier where typed = %s for update", [id_in(draft)])
        told = several.map(press_it, range(60))
        try:
            assert all_refused.wait(240)
            with closing(signed_in(school, NEIGHBOUR)) as neighbour:
                assert neighbour.get(list_of(school)).status_code == 200
        finally:
            owner.rollback()
        counts = Counter(told)
    assert counts == {200: 1, 409: AT_ONCE + WAITING - 1, 429: 60 - AT_ONCE - WAITING}
    assert client.get(draft).status_code == 200, "and every turn ended"


def test_a_draft_survives_the_end_of_the_page_and_of_the_database(tmp_path: Path) -> None:
    """SIGKILL to both: what was saved is there again, on another computer."""
    server = EmbeddedPostgres(tmp_path / "postgres", is_durable=True)
    server.start()
    try:
        server.create_database("template_here", "postgres")
        dsn = server.superuser_dsn("template_here")
        migrate(dsn)
        add_region(dsn, REGION)
        for login in ("overstap_app", "overstap_review", "overstap_school"):
            set_password(dsn, login, server.password(login))
        with school_service(server, "template_here", tmp_path / "school") as school:
            with closing(signed_in(school)) as client:
                draft = begun(school, client)
                first = plain_pupil(surname="Overleeft")["leerling"]
                assert saved(client, draft, "leerling", first).status_code == 303
                assert school.process is not None
                os.kill(school.process.pid, signal.SIGKILL)
                school.process.wait()
                os.kill(server_pid(server), signal.SIGKILL)
            server.stop()
            server.start()
            school.home.ledger.close()
            school.start()
            with closing(signed_in(school)) as elsewhere:
                page = elsewhere.get(f"{draft}/stap/leerling").text
                for text in ("Overleeft", "Sanne Maria", "Dorpsstraat 12a", NUMBER):
                    assert f'value="{text}"' in page
                assert 'value="1234 AB"' in page
    finally:
        server.destroy()


def server_pid(server: EmbeddedPostgres) -> int:
    with psycopg.connect(server.superuser_dsn(), autocommit=True) as connection:
        row = connection.execute("select pg_read_file('postmaster.pid')").fetchone()
    assert row is not None
    return int(row[0].split()[0])
