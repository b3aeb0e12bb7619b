"""A school maps its own export in a browser, without a script: the file, the columns, what is wrong, supplied."""

from collections.abc import Callable, Iterator

import pytest
from mapped_export import as_csv, pupil
from playwright.sync_api import Browser, Page, expect
from school_service import ACCOUNT, PASSWORD, School, school_service

from overstap_tools.local.postgres import EmbeddedPostgres

from .school_pages import DESK, sound

ANSWERS = {
    "Naam van de school": "De Regenboog",
    "Telefoonnummer of e-mailadres": "info@regenboog.example",
    "Straat en huisnummer": "Schoolplein 1",
    "Postcode": "1234 AB",
    "Plaats": "Ons Dorp",
}


@pytest.fixture(scope="module")
def school(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("school")) as made:
        yield made


@pytest.mark.parametrize("scripts", [True, False], ids=["with-script", "without-script"])
def test_an_export_is_mapped_and_supplied(
    school: School, browser: Browser, serious: Callable[[Page], list[str]], scripts: bool
) -> None:
    context = browser.new_context(viewport=DESK, locale="nl-NL", java_script_enabled=scripts)
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto(school.address)
    page.get_by_label("Account").fill(ACCOUNT)
    page.get_by_label("Wachtwoord").fill(PASSWORD)
    page.get_by_role("button", name="Inloggen").click()
    page.goto(f"{school.address}/ronde/{school.review_round.round_id}/invullen")
    page.get_by_role("link", name="Export aanleveren").click()
    if scripts:
        sound(page, serious, "export")
    first = 0 if scripts else 20
    rows = [pupil(place) for place in range(first, first + 10)] + [pupil(first + 19, "123456780")]
    page.get_by_label("Bestand uit uw leerlingadministratie").set_input_files(
        {"name": "export.csv", "mimeType": "text/csv", "buffer": as_csv(rows)}
    )
    page.get_by_role("button", name="Bekijk wat ervan wordt").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Welke kolom is wat?")
    if scripts:
        sound(page, serious, "export-columns", is_long=True)
        phone = page.get_by_role("region", name="Telefoon")
        phone.get_by_label("Wat staat in deze kolom?").select_option(
            value="huidigeschool/leerling/verzorger[1]/communicatielijst/communicatie[1]/nummer"
        )
        group = page.get_by_role("region", name="Groepsnaam")
        group.get_by_text("Een ander veld zoeken").click()
        group.get_by_label("Typ een deel van de naam").fill("groep")
        page.get_by_label("plusstroom").select_option(value="61")
        for label, answer in (
            ("Adres is geheim", "Nee"),
            ("Verzorgers zijn aansprakelijk", "Ja"),
            ("Wettelijk vertegenwoordiger", "Ja"),
            ("Overleg gewenst", "Nee"),
        ):
            page.get_by_label(label, exact=True).select_option(label=answer)
        for name in page.locator('input[name^="school-"]').all():
            if name.input_value() == "":
                label = page.locator(f'label[for="{name.get_attribute("id")}"]').inner_text()
                name.fill(ANSWERS[label])
        page.get_by_role("button", name="Bekijk wat ervan wordt").first.click()
        expect(page.get_by_role("alert")).to_contain_text("Bij 1 kolom is niet duidelijk welk veld u bedoelt")
        sound(page, serious, "export-sought", is_long=True)
        group.get_by_label("Typ een deel van de naam").fill("Schoolloopbaan: Code van de groep")
        page.get_by_role("button", name="Bekijk wat ervan wordt").first.click()
    expect(page.get_by_text("Zo aan te leveren: 10 leerlingen, van 11 rijen.")).to_be_visible()
    expect(page.get_by_text("kolom BSN (B12): dit is geen BSN of onderwijsnummer")).to_be_visible()
    if scripts:
        sound(page, serious, "export-ready", is_long=True)
    page.get_by_role("button", name="Bewaren en aanleveren (10 leerlingen)").first.click()
    expect(page.get_by_role("status")).to_contain_text("Aangeleverd: 10 dossiers.")
    if scripts:
        sound(page, serious, "export-done")
    if scripts:
        with page.expect_download() as file:
            page.get_by_role("link", name="Toewijzing downloaden (YAML)").click()
        assert file.value.suggested_filename == f"school_{school.review_round.school.lower()}.yaml"
    page.get_by_role("link", name="Terug naar Zelf invullen").click()
    expect(page.get_by_role("row")).to_have_count(11 if scripts else 21)
    context.close()
