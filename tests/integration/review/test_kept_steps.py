"""A step that is sent after its session has ended: kept, and saved after signing in again, for its account alone."""

import contextlib
import os
import re
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import psycopg
import pytest
from families import REGION
from school_service import ACCOUNT, PASSWORD, School, school_service, signed_in
from test_typed_pages import COLLEAGUE, NEIGHBOUR, PDF, begun, hidden, more_people, saved

from overstap.ledger.migrate import add_region, migrate, set_password
from overstap_tools.local.postgres import EmbeddedPostgres


@pytest.fixture(scope="module")
def school(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("school")) as made:
        more_people(made)
        yield made


def let_sessions_end(school: School) -> None:
    """Let the half hour without a request pass for everybody who is signed in."""
    with psycopg.connect(school.home.owner_dsn, autocommit=True) as owner:
        owner.execute("update overstap.school_stay set used_at = used_at - interval '31 minutes'")


def sign_in_again(school: School, client: httpx.Client, account: str = ACCOUNT) -> None:
    """Sign in with the same browser."""
    form = {"formulier": hidden(client.get("/").text, "formulier"), "account": account, "wachtwoord": PASSWORD}
    assert client.post("/inloggen", data=form).status_code == 303


def sent_too_late(school: School, client: httpx.Client, draft: str, surname: str) -> httpx.Response:
    """Send a step whose session ended while it was filled in."""
    page = client.get(f"{draft}/stap/leerling").text
    form = {name: hidden(page, name) for name in ("formulier", "versie", "zegel")} | {"doe": "verder"}
    let_sessions_end(school)
    return client.post(f"{draft}/stap/leerling", data=form | {"leerling/achternaam": surname})


def test_a_step_that_was_sent_too_late_is_saved_after_signing_in_again(school: School) -> None:
    with closing(signed_in(school)) as client:
        draft = begun(school, client)
        kept = sent_too_late(school, client, draft, "Telaat-Verzonden")
        assert kept.status_code == 403
        assert "wat u invulde is er nog" in kept.text
        assert "Telaat" not in kept.text, "the page holds it sealed"
        assert "Telaat" not in "".join(f"{one.name}{one.value}" for one in client.cookies.jar)
        sealed = {"bewaard": hidden(kept.text, "bewaard")}
        after_all = f"{draft}/stap/leerling/alsnog"
        waiting = client.post(after_all, data=sealed)
        assert waiting.status_code == 403
        assert "U bent nog niet ingelogd" in waiting.text
        assert hidden(waiting.text, "bewaard") == sealed["bewaard"]
        for account in (COLLEAGUE, NEIGHBOUR):  # on the same computer
            sign_in_again(school, client, account)
            other = client.post(after_all, data=sealed)
            assert other.status_code == 403
            assert "een ander account" in other.text
        sign_in_again(school, client)
        with closing(signed_in(school)) as elsewhere:  # the same account without the browser's key
            assert elsewhere.post(after_all, data=sealed).status_code == 403
        for wrong in (sealed["bewaard"][:-8] + "AAAAAAA=", "", "x", "AAAA"):
            with closing(signed_in(school)) as forged:
                forged.cookies.set("schoolbewaard", client.cookies["schoolbewaard"], domain="localhost.local")
                assert forged.post(after_all, data={"bewaard": wrong}).status_code == 403, wrong
        assert client.post(f"{draft}/stap/school/alsnog", data=sealed).status_code == 403, "sealed for one step"
        sign_in_again(school, client)
        assert client.post(after_all, data=sealed, headers={"origin": "https://kwaad.example"}).status_code == 403
        assert "Telaat" not in client.get(f"{draft}/stap/leerling").text, "nothing was saved yet"
        done = client.post(after_all, data=sealed)
        assert done.status_code == 303
        assert 'value="Telaat-Verzonden"' in client.get(done.headers["location"]).text
    assert "Telaat" not in school.log
    assert "ERROR" not in school.log


def test_a_form_of_an_earlier_session_is_saved_for_its_account_alone(school: School) -> None:
    """Somebody signs in again in another window, and goes on in the first."""
    with closing(signed_in(school)) as client:
        draft = begun(school, client)
        page = client.get(f"{draft}/stap/leerling").text
        form = {name: hidden(page, name) for name in ("formulier", "versie", "zegel")} | {"doe": "blijf"}
        let_sessions_end(school)
        sign_in_again(school, client, COLLEAGUE)
        mine = form | {"leerling/achternaam": "Eerder"}
        assert client.post(f"{draft}/stap/leerling", data=mine).status_code == 403, "another account"
        sign_in_again(school, client)
        assert client.post(f"{draft}/stap/school", data=form | {"naam": "x"}).status_code == 403, "another step"
        sign_in_again(school, client)
        assert client.post(f"{draft}/stap/leerling", data=mine).status_code == 303
        assert 'value="Eerder"' in client.get(f"{draft}/stap/leerling").text


def test_a_kept_step_loses_nothing_that_a_colleague_saved_meanwhile(school: School) -> None:
    with closing(signed_in(school)) as client, closing(signed_in(school, COLLEAGUE)) as colleague:
        draft = begun(school, client)
        sealed = {"bewaard": hidden(sent_too_late(school, client, draft, "Van mij").text, "bewaard")}
        sign_in_again(school, colleague, COLLEAGUE)
        assert saved(colleague, draft, "leerling", {"leerling/achternaam": "Van haar"}).status_code == 303
        sign_in_again(school, client)
        both = client.post(f"{draft}/stap/leerling/alsnog", data=sealed)
        assert both.status_code == 409
        assert "Intussen bewaard: Van haar" in both.text
        assert 'value="Van mij"' in both.text


def test_attachments_of_a_step_that_was_sent_too_late_are_saved_with_it(school: School) -> None:
    """Also a scan of some megabytes, and one that is none is told beside its field."""
    scan = PDF + os.urandom(2_500_000)
    with closing(signed_in(school)) as client:
        draft = begun(school, client)
        step = next(one for one in ("bijlagedocs", "handelingsplannen") if f"/stap/{one}" in client.get(draft).text)
        plan = "leerling/onderwijsondersteuning/handelingsplan[1]"
        block = f"{plan}/document" if step == "handelingsplannen" else "leerling/overigdocumentlijst/document[1]"
        answers = {f"{plan}/startdatum": "1-9-2025", f"{plan}/isgerichtop": "lezen"} if plan in block else {}
        for content, name, status in ((scan, "scan é.pdf", 303), (b"MZ\x90\x00\x03\x01", "a.exe", 422)):
            page = client.get(f"{draft}/stap/{step}").text
            form = {one: hidden(page, one) for one in ("formulier", "versie", "zegel")} | {"doe": "verder"} | answers
            form[f"{block}/omschrijving"] = "Verslag van gisteren"
            let_sessions_end(school)
            files = {f"bestand:{block}/bestandsinhoud": (name, content)}
            kept = client.post(f"{draft}/stap/{step}", data=form, files=files)
            assert kept.status_code == 403
            assert "Ook wat u als bijlage koos, zit in dit venster: 1 bestand." in kept.text
            assert name not in kept.text, "sealed"
            sealed = {"bewaard": hidden(kept.text, "bewaard")}
            waiting = client.post(f"{draft}/stap/{step}/alsnog", data=sealed)
            assert waiting.status_code == 403, "it still has it when nobody signed in yet"
            assert hidden(waiting.text, "bewaard") == sealed["bewaard"]
            sign_in_again(school, client)
            done = client.post(f"{draft}/stap/{step}/alsnog", data=sealed)
            assert done.status_code == status, done.text[-2000:]
            if status == 303:
                page = client.get(f"{draft}/stap/{step}").text
                assert "Toegevoegd: scan é.pdf" in page
                file = hidden(page, re.escape(f"{block}/bestandsinhoud"))
                assert client.get(f"{draft}/bestand/{file}").content == scan
        assert "Dit soort bestand is niet toegestaan" in done.text
    assert "Traceback" not in school.log


def test_only_a_browser_with_a_key_sends_a_long_step_without_a_session(school: School) -> None:
    with closing(signed_in(school)) as client:
        draft = begun(school, client)
        long = "Lang " * 30_000
        page = client.get(f"{draft}/stap/onderwijsondersteuning").text
        form = {name: hidden(page, name) for name in ("formulier", "versie", "zegel")}
        let_sessions_end(school)
        address = f"{draft}/stap/onderwijsondersteuning"
        assert client.post(address, data=form | {"x": "x" * 4_100_000}).status_code == 413
        kept = client.post(address, data=form | {"x": long})
        assert kept.status_code == 403
        assert "wat u invulde is er nog" in kept.text
        client.cookies.delete("schoolbewaard")
        assert client.post(address, data=form | {"x": long}).status_code == 413
        assert "uitgelogd" in client.post(address, data=form).text


def test_a_step_that_comes_while_the_ledger_is_away_is_kept(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres", is_durable=True)
    server.start()
    try:
        server.create_database("template_here", "postgres")
        dsn = server.superuser_dsn("template_here")
        migrate(dsn)
        add_region(dsn, REGION)
        for login in ("overstap_app", "overstap_review", "overstap_school"):
            set_password(dsn, login, server.password(login))
        with (
            school_service(server, "template_here", tmp_path / "school") as school,
            closing(signed_in(school)) as client,
        ):
            draft = begun(school, client)
            page = client.get(f"{draft}/stap/leerling").text
            form = {name: hidden(page, name) for name in ("formulier", "versie", "zegel")} | {"doe": "verder"}
            server.stop()
            for size in (10, 90_000):
                away = client.post(
                    f"{draft}/stap/leerling", data=form | {"leerling/achternaam": "Weg", "x": "x" * size}
                )
                assert away.status_code == 503
                assert away.headers["retry-after"]
                assert "even niet bereikbaar, wat u invulde is er nog" in away.text
            sealed = {"bewaard": hidden(away.text, "bewaard")}
            assert client.post(f"{draft}/stap/leerling/alsnog", data=sealed).status_code == 503
            server.start()
            done = client.post(f"{draft}/stap/leerling/alsnog", data=sealed)
            assert done.status_code == 303, done.text
            assert 'value="Weg"' in client.get(f"{draft}/stap/leerling").text
    finally:
        server.destroy()


def test_the_end_of_the_page_in_the_middle_of_saving_loses_nothing_that_was_saved(school: School) -> None:
    """SIGKILL at twelve moments while somebody saves again and again: the newest answer that came back is there."""
    with closing(signed_in(school)) as client:
        draft = begun(school, client)
        for round_of in range(12):
            told = ""
            page = client.get(f"{draft}/stap/leerling").text
            form = {name: hidden(page, name) for name in ("formulier", "versie", "zegel")} | {"doe": "blijf"}
            assert school.process is not None
            threading.Timer(0.05 + 0.11 * round_of, school.process.kill).start()
            with contextlib.suppress(httpx.TransportError):
                for number in range(1_000):
                    sent = f"Poging {round_of}-{number}"
                    done = client.post(f"{draft}/stap/leerling", data=form | {"leerling/achternaam": sent})
                    assert done.status_code == 303
                    told = sent
                    form["versie"] = hidden(client.get(f"{draft}/stap/leerling").text, "versie")
            school.process.wait()
            school.start()
            after = client.get(f"{draft}/stap/leerling").text
            shown = re.search(r'value="(Poging [^"]*)"', after)
            kept = shown[1] if shown is not None else ""
            assert kept in (told, sent), "what was answered is there, or the one that was on its way"
