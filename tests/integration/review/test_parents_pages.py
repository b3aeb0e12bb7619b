"""Tests of the parents' pages over HTTP, with the mistakes that people make."""

import io
import re
import shutil
from datetime import UTC, datetime
from html import escape
from pathlib import Path

import psycopg
import pytest
from families import Home, ReviewRound
from psycopg.types.json import Jsonb
from pypdf import PdfReader
from served import Parent, Served, title

from overstap.clock import now
from overstap.errors import OverstapError
from overstap.family_languages import FOLDER, languages
from overstap.ledger.rounds import registrations
from overstap.oso.labels import labels


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def test_a_family_signs_in_reads_and_decides(review_round: ReviewRound, served: Served) -> None:
    family = review_round.take()
    parent = Parent(served.address)
    page = parent.enter(family)
    assert page.status_code == 200, (page.text, served.log.read_text())
    assert page.url.path == "/nl/overzicht"
    assert family.surname in page.text
    assert family.surname in parent.get("dossier").text
    done = parent.decide("oneens", "Wij zien het <b>anders</b>.")
    assert title(done) == "Uw antwoord is ontvangen"
    assert "Wij zien het &lt;b&gt;anders&lt;/b&gt;." in done.text
    assert parent.get("dossier.pdf").content.startswith(b"%PDF")
    assert parent.get("ontvangstbewijs.pdf").content.startswith(b"%PDF")
    asked = parent.ask("Klopt het adres?")
    assert "Uw bericht is verstuurd" in asked.text
    assert "U bent uitgelogd" in parent.send("overzicht", "uitloggen").text
    print(served.log.read_text())


def test_who_receives_it_and_the_attachments_that_go_along(review_round: ReviewRound, served: Served) -> None:
    receiver = review_round.agreement.secondary_schools[0]
    families = [review_round.take() for _ in range(6)]
    with review_round.unit() as unit:
        registered = [
            registrations.Registration(family.pupil_number, review_round.school, receiver.id, "registered", now())
            for family in families
        ]
        registrations.record_registrations(unit, review_round.agreement.school_year, registered)
    kinds = set()
    for family in families:
        parent = Parent(served.address)
        assert receiver.name in parent.enter(family).text
        links = re.findall(r'href="(/nl/bijlage/\d+)"', parent.get("dossier").text)
        for link in links:
            answer = parent.http.get(link)
            assert answer.status_code == 200
            assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
            assert re.fullmatch(
                r'(attachment|inline); filename="bijlage-\d+\.\w+"', answer.headers["content-disposition"]
            )
            kinds.add(answer.headers["content-type"])
            stranger = Parent(served.address)
            assert stranger.http.get(link).url.path == "/nl/"
    assert kinds, "no synthetic dossier has an attachment"


def test_english_pages_call_everything_in_english_and_leave_what_school_wrote(
    review_round: ReviewRound, served: Served
) -> None:
    family = review_round.take()
    parent = Parent(served.address, "en")
    parent.enter(family)
    shown = parent.get("dossier").text
    for place_ in ("leerling/achternaam", "leerling/overstapadvies", "leerling/verzorger", "toetslijst/toets"):
        english, dutch = labels("en").of(place_)[0], labels("nl").of(place_)[0]
        assert re.search(rf">{english}( 1)?<", shown), english
        assert not re.search(rf">{dutch}( 1)?<", shown), dutch
    assert '<span class="help">Without the prefix.</span>' in shown
    assert f'<dd lang="nl">{escape(family.surname)}</dd>' in shown
    withheld = parent.get("overzicht").text.partition("What is not sent?")[2]
    assert "<dt>Absence</dt>" in withheld or "<dt>Early childhood education</dt>" in withheld
    text = text_of(parent.get("dossier.pdf").content)
    assert "Surname" in text
    assert "Achternaam" not in text
    assert family.surname in text


def test_a_language_is_a_file(tmp_path: Path) -> None:
    for path in FOLDER.glob("*.yaml"):
        shutil.copy(path, tmp_path)
    text = (tmp_path / "en.yaml").read_text().replace("name: English", "name: Türkçe").replace("dir: ltr", "dir: rtl")
    (tmp_path / "tr.yaml").write_text(text)
    found = languages(tmp_path)
    assert list(found) == ["nl", "en", "tr"]
    assert found["tr"].name == "Türkçe"
    assert found["tr"].day(datetime(2027, 3, 12, 15, tzinfo=UTC)) == "Cuma 12 Mart 2027"
    (tmp_path / "tr.yaml").write_text(text.replace("    button: Open the file\n", ""))
    languages.cache_clear()
    with pytest.raises(OverstapError, match=r"REVIEW-051.*start\.button"):
        languages(tmp_path)
    (tmp_path / "tr.yaml").rename(tmp_path / "xx.yaml")
    languages.cache_clear()
    with pytest.raises(OverstapError, match=r"REVIEW-051.*unknown locale 'xx'"):
        languages(tmp_path)
    languages.cache_clear()


def test_the_overview_says_which_registration_counts_in_this_round(
    review_round: ReviewRound, served: Served, at_home: Home
) -> None:
    """From which stage on a school may receive is agreed per round, and the ledger applies it (`may_receive`)."""
    family = review_round.take()
    agreed_to = (
        "update overstap.round set agreement = jsonb_set(agreement, array['rounds', kind, 'receivers'], %(stage)s)"
    )
    stages = {
        "applied": ("aangemeld, ingeschreven of geplaatst", "applied, is registered or is placed"),
        "registered": ("ingeschreven of geplaatst", "is registered or is placed"),
        "placed": ("geplaatst", "is placed"),
    }
    parents = {language: Parent(served.address, language) for language in ("nl", "en")}
    for parent in parents.values():
        parent.enter(family)
    before = review_round.agreement.round(review_round.kind).receivers
    for stage, (dutch, english) in [*stages.items(), (before, stages[before])]:
        with psycopg.connect(at_home.owner_dsn) as owner:
            owner.execute(agreed_to, {"stage": Jsonb(stage)})
        assert f"alleen naar een school waar uw kind is {dutch}." in parents["nl"].get("overzicht").text
        assert f"only to a school where your child {english}." in parents["en"].get("overzicht").text
