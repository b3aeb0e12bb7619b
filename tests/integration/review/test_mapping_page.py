"""The page on which a school maps its own export: dry run, choices, saving, taking in, other schools, what goes."""

import re
import urllib.parse
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import httpx
import mapped_export
import psycopg
import pytest
from families import REGION
from mapped_export import REMARK, SURNAME, as_csv, as_workbook, pupil, saved
from openpyxl.worksheet.dimensions import ColumnDimension
from school_service import ACCOUNT, OTHER, School, school_service, signed_in
from test_typed_pages import COLLEAGUE, NEIGHBOUR, NEXT_DOOR, collected, hidden, more_people

from overstap.clock import now
from overstap.intake.candidates import Candidate
from overstap.intake.mappings.loading import load
from overstap.intake.mappings.writing import to_yaml
from overstap.intake.sources.mapped_export import from_exports
from overstap.ledger import Ledger, retention, school_mappings
from overstap.ledger.dossiers import typed
from overstap.ledger.invariants import check
from overstap.oso.identifiers import is_bsn
from overstap.oso.minimisation import minimise
from overstap.oso.model import Dossier
from overstap.oso.reading import read
from overstap.oso.writing import to_bytes
from overstap.simulation.synthetic.numbers import bsn
from overstap_tools.local.postgres import EmbeddedPostgres

ABOUT_SCHOOL = {
    "school-naam": "De Regenboog",
    "school-adreslijst/adres[1]/~straat": "Schoolplein 1",
    "school-adreslijst/adres[1]/postcode": "1234 AB",
    "school-adreslijst/adres[1]/plaats": "Ons Dorp",
    "school-communicatielijst/communicatie[1]/nummer": "info@regenboog.example",
}
CONSTANTS = {
    "vast-huidigeschool/leerling/adresgeheim": "false",
    "vast-huidigeschool/leerling/verzorgersaansprakelijk": "true",
    "vast-huidigeschool/leerling/verzorger[1]/wettigevertegenwoordiger": "true",
    "vast-huidigeschool/leerling/overstapadvies/contactnodig": "false",
}
PHONE = "huidigeschool/leerling/verzorger[1]/communicatielijst/communicatie[1]/nummer"
GROUP = "huidigeschool/leerling/schoolloopbaanlijst/schoolloopbaan[1]/groepscode"


@pytest.fixture(scope="module")
def service(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("school")) as made:
        more_people(made)
        yield made


@pytest.fixture
def school(service: School) -> School:
    with psycopg.connect(service.home.owner_dsn) as owner:
        owner.execute("truncate overstap.school_mapping")
        owner.execute("truncate overstap.typed_dossier, overstap.typed_step, overstap.typed_file")
        owner.execute("delete from overstap.school_attempt")
    return service


class Fields(HTMLParser):
    """What a browser would send of a form: hidden fields, texts, and what is selected."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.sent: dict[str, str] = {}
        self._select = ""
        self.feed(page.partition('<input type="hidden" name="inhoud"')[1] and page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: text or "" for name, text in attrs}
        if tag == "input" and said.get("type") in ("hidden", "text") and "name" in said:
            self.sent[said["name"]] = said.get("value", "")
        elif tag == "select":
            self._select = said["name"]
        elif tag == "option" and ("selected" in said or self._select not in self.sent):
            self.sent[self._select] = said["value"]


def address(school: School) -> str:
    return f"/ronde/{school.review_round.round_id}/export"


def chosen(client: httpx.Client, school: School, content: bytes, name: str = "export.csv") -> httpx.Response:
    """Choose a file on the page."""
    key = hidden(client.get(address(school)).text, "formulier")
    return client.post(
        address(school), data={"formulier": key, "doe": "kijk"}, files={"bestand": (name, content)}, timeout=60
    )


def sent(client: httpx.Client, school: School, page: httpx.Response, what: str, **changes: str) -> httpx.Response:
    """Press a button of the page, with some fields changed."""
    fields = Fields(page.text).sent
    assert set(changes) <= set(fields) | {"blad"}, set(changes) - set(fields)
    return client.post(address(school), data=fields | changes | {"doe": what}, timeout=60)


def column(page: httpx.Response, name: str) -> int:
    """Return the number of a column on the page."""
    found = re.search(rf'id="k([0-9]+)"><bdi>{re.escape(name)}</bdi>', page.text)
    assert found is not None, f"no column {name}"
    return int(found[1])


def card(page: httpx.Response, name: str) -> str:
    """Return what the page says of a column."""
    return page.text.partition(f'id="k{column(page, name)}"')[2].partition("</section>")[0]


def in_order(client: httpx.Client, school: School, content: bytes) -> httpx.Response:
    """Choose a file and all that is needed to supply it; return the page after the dry run."""
    page = chosen(client, school, content)
    assert page.status_code == 200, page.text[-3000:]
    changes = {
        f"kolom-{column(page, 'Telefoon')}": PHONE,
        f"kolom-{column(page, 'Groepsnaam')}": GROUP,
        f"kolom-{column(page, 'BSN')}": "huidigeschool/leerling/bsn",
        f"kolom-{column(page, 'Geb.datum')}": "huidigeschool/leerling/geboortedatum",
    }
    value = re.search(r'for="(waarde-[0-9]+-[0-9]+)"><bdi>plusstroom', page.text)
    if value is not None:
        changes[value[1]] = "60"
    return sent(client, school, page, "kijk", **changes, **CONSTANTS, **ABOUT_SCHOOL)


def stored(school: School) -> tuple[int, int, int]:
    with psycopg.connect(school.home.owner_dsn) as owner:
        row = owner.execute(
            "select (select count(*) from overstap.school_mapping), (select count(*) from overstap.typed_dossier), "
            "(select count(*) from overstap.audit_line)"
        ).fetchone()
    assert row is not None
    return row


def test_a_file_is_shown_in_counts_and_nothing_is_stored(school: School) -> None:
    with closing(signed_in(school)) as client:
        assert "Export aanleveren" in client.get(address(school).replace("/export", "/invullen")).text
        before = stored(school)
        page = chosen(client, school, as_csv([pupil(place) for place in range(6)]))
        assert page.status_code == 200
        assert "20 kolommen" in page.text
        assert "Zo aan te leveren: 0 leerlingen, van 6 rijen" in page.text
        assert "Gevuld: 6 cellen. Bruikbaar: 6." in card(page, "BSN")
        assert 'value="huidigeschool/leerling/bsn" selected' in card(page, "BSN")
        assert "wordt niet gelezen" in card(page, "Notities juf")
        assert "nog kiezen" in card(page, "Telefoon")
        advice = card(page, "Advies")
        assert "Gevuld: 6 cellen. Bruikbaar: 4." in advice
        assert "bij deze waarde is nog geen keuze gemaakt" in advice
        assert "<bdi>plusstroom</bdi>" in advice
        assert "Wettelijk vertegenwoordiger" in page.text.partition("Nog geen kolom voor")[2]
        assert "<li>Vul dit in." not in page.text, "it is told of which field"
        assert "Kies bij die kolom wat de waarde betekent" in page.text
        assert REMARK not in page.text, "what is not read is not shown either"
        assert stored(school) == before


def test_choices_are_corrected_saved_and_the_file_is_taken_in(school: School, tmp_path: Path) -> None:
    with closing(signed_in(school)) as client:
        page = in_order(client, school, as_csv([pupil(place) for place in range(6)]))
        assert "Zo aan te leveren: 6 leerlingen, van 6 rijen" in page.text, page.text
        assert stored(school)[:2] == (0, 0)
        done = sent(client, school, page, "neem")
        assert done.status_code == 200
        assert "Aangeleverd: 6 dossiers. Ongewijzigd: 0. Uw toewijzing is bewaard als versie 1." in done.text
        assert "18 velden worden gelezen, 1 kolom niet" in done.text or "19 velden worden gelezen" in done.text
        # The same file again is read by the mapping that was saved, and changes nothing
        again = chosen(client, school, as_csv([pupil(place) for place in range(6)]))
        assert "Zo aan te leveren: 6 leerlingen, van 6 rijen" in again.text
        done = sent(client, school, again, "neem")
        assert "Aangeleverd: 0 dossiers. Ongewijzigd: 6. Uw toewijzing is bewaard als versie 1." in done.text
    with school.review_round.unit() as unit:
        ids = typed.handed_in(unit, school.review_round.round_id, school.review_round.school)
        dossiers = [read(typed.content_of(unit, one)) for one in ids]
        lines = unit.rows(
            "select payload::jsonb ->> 'action', payload::jsonb ->> 'actor', payload::jsonb -> 'detail' from "
            "overstap.audit_line where payload::jsonb ->> 'action' ~ '^mapping' order by seq"
        )
        assert check(unit) == []
    assert sorted(one.pupil_number or "" for one in dossiers) == sorted(bsn(6000 + place) for place in range(6))
    first = next(one for one in dossiers if one.pupil_number == bsn(6002)).pupil
    assert first is not None
    advice = first.block("overstapadvies")
    assert advice is not None
    assert advice.text("advies") == "60"
    assert first.text("geboortedatum") == f"{mapped_export.YEAR - 11}-05-05"
    assert [line[0] for line in lines] == ["mapping.save", "mapping.use", "mapping.use"]
    assert lines[0][2]["version"] == 1
    assert "huidigeschool/leerling/bsn" in lines[0][2]["fields"]
    assert (lines[1][2]["handed_in"], lines[1][2]["refused"]) == (6, 0)
    assert REMARK not in str(lines)
    _, result = collected(school, tmp_path)
    assert (result.stored.new, len(result.refused)) == (6, 0)


def test_what_is_wrong_comes_back_and_the_rest_goes_on(school: School) -> None:
    short = bsn(6100).lstrip("0")
    rows = [
        pupil(0),
        pupil(1, "123456780"),  # no BSN
        pupil(2, **{"Geb.datum": "31-2-2015"}),
        pupil(3, Achternaam=""),  # the rules refuse it
        pupil(4, bsn(6000)),  # twice in the file
    ]
    with closing(signed_in(school)) as client:
        page = in_order(client, school, as_csv(rows))
        assert "Zo aan te leveren: 0 leerlingen, van 5 rijen" in page.text
        assert "Regel 3, kolom BSN (B3): dit is geen BSN of onderwijsnummer; de elfproef klopt niet." in page.text
        assert re.search(r"Regel 4, kolom Geb.datum \(G4\): dit is geen datum", page.text)
        assert "1 cel: dit is geen BSN" in " ".join(card(page, "BSN").split())
        done = sent(client, school, page, "neem")
        assert "Niet gelezen: 2 rijen." in done.text
        assert "Niet aangeleverd omdat er iets mis is: 3 leerlingen." in done.text
        assert "leerlingen-met-fouten.xlsx" in done.text
        assert "Er is geen leerling aangeleverd" in done.text
        assert short not in done.text
        page = in_order(client, school, as_csv([*rows[1:4], pupil(7)]))
        done = sent(client, school, page, "neem")
        assert "Aangeleverd: 1 dossier. Ongewijzigd: 0." in done.text
    assert stored(school)[1] == 1


def test_with_nobody_to_supply_it_says_so_and_saves_the_mapping_alone(school: School) -> None:
    """Of the only pupil something is wrong: no button that says "supply", and a sentence that nobody was."""
    with closing(signed_in(school)) as client:
        page = in_order(client, school, as_csv([pupil(0, "123456780")]))
        assert "Zo aan te leveren: 0 leerlingen, van 1 rij" in page.text
        assert "Nog geen leerling kan zo worden aangeleverd" in page.text
        assert "Bewaren en aanleveren" not in page.text
        assert page.text.count("Alleen uw toewijzing bewaren") == 2
        saved_before, typed_before, _ = stored(school)
        done = sent(client, school, page, "neem")
    assert "Er is geen leerling aangeleverd" in done.text
    assert "Het bestand is verwerkt" not in done.text
    assert "bewaard als versie 1" in done.text
    assert stored(school)[:2] == (saved_before + 1, typed_before)


def test_nothing_is_supplied_that_was_not_shown(school: School) -> None:
    with closing(signed_in(school)) as client:
        page = in_order(client, school, as_csv([pupil(0)]))
        changed = sent(client, school, page, "neem", **{f"kolom-{column(page, 'Roepnaam')}": ""})
        assert changed.status_code == 409
        assert "U hebt iets veranderd" in changed.text
        assert stored(school)[:2] == (0, 0)
        done = sent(client, school, changed, "neem")
        assert "Aangeleverd: 1 dossier." in done.text
        with closing(signed_in(school, COLLEAGUE)) as colleague:
            hers = in_order(colleague, school, as_csv([pupil(0)]))
            mine = in_order(client, school, as_csv([pupil(0)]))
            assert "versie 2" in sent(colleague, school, hers, "neem").text
            # What is saved by now is the same as what I chose: no other version is made of it
            assert "versie 2" in sent(client, school, mine, "neem").text
    assert stored(school)[0] == 2


def test_columns_for_one_field_are_joined(school: School) -> None:
    rows = [[*pupil(0), "Kerkweg", "achter"]]
    content = as_csv(rows).replace(b"Notities juf", b"Notities juf;Weg;Weg vervolg")
    with closing(signed_in(school)) as client:
        page = chosen(client, school, content)
        street = "huidigeschool/leerling/adreslijst/adres[1]/straat"
        page = sent(
            *(client, school, page, "kijk"),
            **{
                f"kolom-{column(page, 'Straat')}": "",
                f"kolom-{column(page, 'Weg')}": street,
                f"kolom-{column(page, 'Weg vervolg')}": street,
            },
        )
        assert "Samen één tekst: Weg + Weg vervolg." in page.text


def test_dates_in_another_order_and_as_numbers(school: School) -> None:
    serial = as_csv([pupil(0, **{"Geb.datum": "42127"})])
    american = as_csv([pupil(0, **{"Geb.datum": "5/13/2015"})])
    for content, order in ((serial, "serial"), (american, "mdy")):
        with closing(signed_in(school)) as client:
            page = chosen(client, school, content)
            place = column(page, "Geb.datum")
            if f'name="datum-{place}"' not in page.text:  # the values say that it may be another field
                page = sent(client, school, page, "kijk", **{f"kolom-{place}": "huidigeschool/leerling/geboortedatum"})
            assert "1 cel: dit is geen datum" in " ".join(card(page, "Geb.datum").split())
            page = sent(client, school, page, "kijk", **{f"datum-{place}": order})
            assert "Gevuld: 1 cel. Bruikbaar: 1." in card(page, "Geb.datum")


def test_leading_zeros_that_a_spreadsheet_ate_are_told(school: School) -> None:
    zero = next(f"{place:09}" for place in range(10_000_000, 10_000_099) if is_bsn(f"{place:09}"))
    book = as_workbook([pupil(0), pupil(1)])
    assert book.active is not None
    book.active["B2"] = int(zero)
    book.active["B3"] = 12345678
    with closing(signed_in(school)) as client:
        page = chosen(client, school, saved(book), "export.xlsx")
        assert "nog kiezen" in card(page, "BSN"), "half of it is no BSN: a person decides"
        page = sent(client, school, page, "kijk", **{f"kolom-{column(page, 'BSN')}": "huidigeschool/leerling/bsn"})
        said = card(page, "BSN")
        assert "Bij 1 nummer stonden de nullen vooraan er niet meer" in said, said
        assert "ook met nullen ervoor klopt de elfproef niet" in page.text


def test_hidden_rows_and_columns_are_told(school: School) -> None:
    book = as_workbook([pupil(0), pupil(1), pupil(2)])
    sheet = book.active
    assert sheet is not None
    sheet.row_dimensions[3].hidden = True
    sheet.column_dimensions["S"] = ColumnDimension(sheet, index="S", hidden=True)
    with closing(signed_in(school)) as client:
        page = chosen(client, school, saved(book), "export.xlsx")
        assert "Regel 3 is verborgen in de werkmap." in page.text
        assert "Deze kolom is verborgen in de werkmap" in card(page, "Telefoon")
        assert "Deze kolom is verborgen in de werkmap" not in card(page, "BSN")


def test_another_sheet_is_chosen(school: School) -> None:
    book = as_workbook([["De Regenboog", "lijst van dit jaar"]], header=("Toelichting", "Over"), sheet="Voorblad")
    book.create_sheet("Leerlingen")
    for row in (mapped_export.HEADER, pupil(0)):
        book["Leerlingen"].append(row)
    with closing(signed_in(school)) as client:
        page = chosen(client, school, saved(book), "export.xlsx")
        assert "20 kolommen" in page.text, "the sheet that is most like pupils"
        assert "Alleen dit blad wordt gelezen" in page.text
        page = sent(client, school, page, "blad", blad="Voorblad")
        assert "2 kolommen" in page.text
        page = sent(client, school, page, "blad", blad="Leerlingen")
        assert "Gevuld: 1 cel." in card(page, "BSN")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "Kies eerst een bestand"),
        (b"naam", "staan niet de namen van de kolommen"),
        (b"naam;naam\nJan;Piet\n", "of een naam staat er twee keer"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "TABLE-005"),
        (b"%PDF-1.4", "TABLE-006"),
        (b"<html><table>", "TABLE-007"),
        (b"PK\x03\x04nothing", "TABLE-002"),
        (b"a;b\n" * 1 + b"x;y\n" * 800_000, "groter dan 3 MB"),
        (b";".join(b"k%d" % place for place in range(201)), "Dit bestand heeft 201 kolommen"),
    ],
    ids=["empty", "one-cell", "double", "ole", "pdf", "html", "zip", "large", "wide"],
)
def test_what_cannot_be_read_as_a_whole_is_told_with_a_cure(school: School, content: bytes, says: str) -> None:
    from overstap.errors import OverstapError

    before = stored(school)
    with closing(signed_in(school)) as client:
        page = chosen(client, school, content)
        assert page.status_code in (413, 422)
        wanted = OverstapError(says, label="x").message_nl if says.startswith("TABLE") else says
        assert wanted in page.text, page.text[-2500:]
    assert stored(school) == before
    assert "Traceback" not in school.log


def test_a_field_is_found_by_a_part_of_its_name(school: School) -> None:
    with closing(signed_in(school)) as client:
        page = chosen(client, school, as_csv([pupil(0)]))
        place = column(page, "Notities juf")
        page = sent(client, school, page, "kijk", **{f"zoek-{place}": "ouder 2 bankreken"})
        assert "2 velden lijken op wat u typte" in card(page, "Notities juf")
        assert "Ouder of verzorger 2: Bankrekeningnummer" in card(page, "Notities juf")
        assert "nog kiezen" in card(page, "Notities juf")
        assert "Bij 1 kolom is niet duidelijk welk veld u bedoelt" in page.text
        again = sent(client, school, page, "neem")
        assert again.status_code == 409, "nothing is supplied while something is sought"
        for text in ("Ouder of verzorger 2: Oud bankrekeningnummer", " ouder of VERZORGER 2:  oud bankrekeningnummer"):
            page = sent(client, school, again, "kijk", **{f"zoek-{place}": text})
            account = "huidigeschool/leerling/verzorger[2]/banknummer"
            assert f'value="{account}" selected' in card(page, "Notities juf")
            assert (
                f'name="zoek-{place}" type="text" list="velden" maxlength="200" autocomplete="off" value=""'
                in page.text
            )
        page = sent(client, school, page, "kijk", **{f"zoek-{place}": "xyzzy <b>"})
        assert "Geen veld lijkt op wat u typte" in card(page, "Notities juf")
        assert "<b>" not in card(page, "Notities juf").replace("<bdi>", "")
    assert stored(school)[:2] == (0, 0)


def test_each_field_can_be_found_by_what_the_list_calls_it(school: School) -> None:
    with closing(signed_in(school)) as client:
        page = chosen(client, school, as_csv([pupil(0)]))
        offered = re.findall('<option value="([^"]+)">', page.text.partition('<datalist id="velden">')[2])
        assert len(offered) > 150
        assert len(set(offered)) == len(offered)
        found = set()
        for place in range(0, len(offered), 19):
            typed_in = {f"zoek-{number}": text for number, text in enumerate(offered[place : place + 19])}
            answer = sent(client, school, page, "kijk", **typed_in)
            assert "niet duidelijk" not in answer.text
            found |= set(re.findall('<option value="[^"]+" selected>([^<]+: [^<]+)</option>', answer.text))
        assert set(offered) <= found


def test_the_page_stays_light(school: School) -> None:
    with closing(signed_in(school)) as client:
        content = as_csv([pupil(0)])
        page = chosen(client, school, content)
        assert len(page.content) - len(content) * 4 / 3 < 120_000
        assert page.text.count("Ouder of verzorger 2: Bankrekeningnummer") == 1


def said_by(dossier: Dossier) -> str:
    """Return what a dossier says of school and pupil, without the delivery point, which each way fills in itself."""
    return re.sub("<aanleverpunt>[^<]*</aanleverpunt>", "", to_bytes(dossier).decode().partition("<huidigeschool>")[2])


def test_a_mapping_becomes_a_file_of_the_region_that_gives_the_same_dossiers(school: School, tmp_path: Path) -> None:
    content = as_csv([pupil(place) for place in range(6)])
    place = school.review_round
    with closing(signed_in(school)) as client:
        assert client.get(f"{address(school)}/toewijzing.yaml").status_code == 404
        done = sent(client, school, in_order(client, school, content), "neem")
        assert f"{address(school)}/toewijzing.yaml" in client.get(address(school)).text
        assert "Aangeleverd: 6 dossiers." in done.text
        file = client.get(f"{address(school)}/toewijzing.yaml")
        assert file.status_code == 200, school.log[-3000:]
    with closing(signed_in(school, NEIGHBOUR)) as neighbour, closing(signed_in(school, OTHER)) as receiver:
        assert neighbour.get(f"{address(school)}/toewijzing.yaml").status_code == 404
        assert receiver.get(f"{address(school)}/toewijzing.yaml").status_code == 409
    name = re.search('filename="([^"]+)"', file.headers["content-disposition"])
    assert name is not None
    (tmp_path / REGION / "mappings").mkdir(parents=True)
    (tmp_path / REGION / "mappings" / name[1]).write_bytes(file.content)
    mapping = load(name[1].removesuffix(".yaml"), tmp_path, REGION)
    assert mapping.version == 1
    assert to_yaml(mapping).encode() == file.content
    with place.unit() as unit:
        opened = school_mappings.newest(unit, place.school)
        assert opened is not None
        saved_one = opened.content["mapping"]
        on_page = [read(typed.content_of(unit, one)) for one in typed.handed_in(unit, place.round_id, place.school)]
    made = mapping.model_dump(mode="json", by_alias=True)
    assert {**made, "version": 1, "constants": {}} == {**saved_one, "constants": {}}
    assert saved_one["constants"].items() <= made["constants"].items()
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "export.csv").write_bytes(content)
    found = list(
        from_exports(
            *(folder, mapping, place.agreement.school(place.school)),
            now=now() + timedelta(days=1),
            label_key=b"k",
        )
    )
    dossiers = [one.content for one in found if isinstance(one, Candidate) and isinstance(one.content, Dossier)]
    assert len(dossiers) == len(found) == 6
    by_number = {one.pupil_number: said_by(one) for one in on_page}
    agreed = place.agreement.round(place.kind)
    for one in dossiers:
        assert said_by(minimise(one, agreed.profile, agreed.categories)) == by_number[one.pupil_number]


def test_two_hundred_columns_are_chosen_from(school: School) -> None:
    names = ";".join(f"Kolom {place}" for place in range(185))
    content = as_csv([pupil(0)]).replace(b"Notities juf", names.encode())
    content = content.replace(REMARK.encode(), ";".join("x" for _ in range(185)).encode())
    with closing(signed_in(school)) as client:
        page = chosen(client, school, content)
        assert page.status_code == 422  # 204
        content = content.replace(b";Kolom 181;Kolom 182;Kolom 183;Kolom 184", b"").replace(b";x;x;x;x\r", b"\r")
        page = chosen(client, school, content.removesuffix(b";x;x;x;x"))
        assert page.status_code == 200
        assert "200 kolommen" in page.text
        assert len(page.content) < 500_000
        assert sent(client, school, page, "kijk").status_code == 200


def test_a_mapping_and_a_file_open_for_their_own_school_alone(school: School) -> None:
    with closing(signed_in(school)) as client:
        page = in_order(client, school, as_csv([pupil(0)]))
        sent(client, school, page, "neem")
        assert "Versie 1, bewaard" in client.get(address(school)).text
    with closing(signed_in(school, NEIGHBOUR)) as neighbour, closing(signed_in(school, OTHER)) as receiver:
        there = neighbour.get(address(school))
        assert there.status_code == 200
        assert "Versie 1" not in there.text
        hers = chosen(neighbour, school, as_csv([pupil(1)]))
        assert "60" not in Fields(hers.text).sent.get("waarde-14-0", ""), "what another school chose is not proposed"
        assert receiver.get(address(school)).status_code == 409
        key = hidden(receiver.get(f"/ronde/{school.review_round.round_id}").text, "formulier")
        answer = receiver.post(
            address(school), data={"formulier": key}, files={"bestand": ("a.csv", as_csv([pupil(0)]))}
        )
        assert answer.status_code == 409
        for other in ("beta.2026-2027.advice", "alfa.2026-2027.placement", "x", "%00"):
            assert neighbour.get(f"/ronde/{other}/export").status_code in (400, 404)
    with httpx.Client(base_url=school.address) as nobody:
        assert nobody.get(address(school)).headers["location"] == "/"
        assert nobody.post(address(school), content=b"x" * 2_000_000).status_code in (400, 403, 413)
    with closing(signed_in(school)) as forged:
        answer = forged.post(address(school), data={"formulier": "0" * 64}, files={"bestand": ("a.csv", b"a;b\n1;2")})
        assert answer.status_code == 403


def test_no_function_of_mappings_reaches_another_school_or_region(school: School) -> None:
    with closing(signed_in(school)) as client:
        sent(client, school, in_order(client, school, as_csv([pupil(0)])), "neem")
    with psycopg.connect(school.dsn, autocommit=True) as login:
        for region, seen in (("alfa", 1), ("beta", 0)):
            with login.transaction():
                login.execute(f"set local role overstap_school_{region}")
                assert login.execute("select count(*) from overstap.school_mapping").fetchone() == (seen,)
        login.execute("set role overstap_school_beta")
        with pytest.raises(psycopg.errors.CheckViolation):
            login.execute(
                "select overstap.save_mapping(%s, 0, '1', 'x', array['x'], 0, 'x')", [school.review_round.school]
            )
        for statement in (
            "update overstap.school_mapping set unread = 0",
            "delete from overstap.school_mapping",
            "insert into overstap.school_mapping select * from overstap.school_mapping",
            "select overstap.erase_mappings('x')",
            "select overstap.audit('mapping.save', '{x}', '{{}}')",
        ):
            login.execute("set role overstap_school_alfa")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                login.execute(statement)
    ledger = Ledger(school.dsn, school.home.keys)
    with closing(ledger), ledger.unit(REGION, "school:x") as unit:
        assert not school_mappings.save(unit, school.review_round.school, 0, {}, ["x"], 0, "x"), "version 1 is there"
    with psycopg.connect(school.home.owner_dsn) as owner:
        row = owner.execute("select content, fields::text from overstap.school_mapping").fetchone()
        assert row is not None
        assert b"Stamnummer" not in bytes(row[0])
        assert "Stamnummer" not in row[1]


def test_a_mapping_changed_by_the_owner_is_found(school: School) -> None:
    with closing(signed_in(school)) as client:
        sent(client, school, in_order(client, school, as_csv([pupil(0)])), "neem")
    with psycopg.connect(school.home.owner_dsn) as owner:
        owner.execute("update overstap.school_mapping set fields = array['huidigeschool/leerling/bsn']")
    with school.review_round.unit() as unit:
        assert "a mapping of a school differs from its audit line" in {one.why for one in check(unit)}


def test_what_no_browser_sends_is_no_fault_of_ours(school: School) -> None:
    with closing(signed_in(school)) as client:
        page = chosen(client, school, as_csv([pupil(0)]))
        fields = Fields(page.text).sent
        for odd in (
            {"inhoud": "%%%"},
            {"inhoud": "é"},
            {"inhoud": ""},
            {"gezien": "x", "doe": "neem"},
            {"doe": "weg"},
            {"kolom-0": "../../etc/passwd"},
            {"kolom-0": "huidigeschool/leerling/verzorger[99]/achternaam"},
            {"kolom-0": "metadata/pakketnaam"},
            {"datum-6": "x"},
            {"vast-huidigeschool/leerling/adresgeheim": "misschien"},
            {"vast-metadata/datum": "2020-01-01"},
            {"school-naam": "x" * 200_000},
            {"school-leerling/bsn": "123"},
            {"blad": "bestaat niet"},
            {"kolom-0": "\x00\ud7ff"},
            *({f"x{place}": "1" for place in range(9_500)},),
        ):
            answer = client.post(address(school), data=fields | {"doe": "kijk"} | odd, timeout=60)
            assert answer.status_code in (200, 400, 409, 422), odd
    assert "Traceback" not in school.log
    assert stored(school)[:2] == (0, 0)


def test_the_log_names_nobody(school: School) -> None:
    with closing(signed_in(school)) as client:
        page = in_order(client, school, as_csv([pupil(0), pupil(1, "123456780")]))
        sent(client, school, page, "neem")
    for text in (SURNAME, bsn(6000), "123456780", "Stamnummer", REMARK):
        assert text not in school.log
        assert urllib.parse.quote(text) not in school.log


def test_it_is_erased_with_the_rounds_pupils(postgres: EmbeddedPostgres, ledger_template: str, tmp_path: Path) -> None:
    with school_service(postgres, ledger_template, tmp_path) as school:
        more_people(school)
        place = school.review_round
        for account in (ACCOUNT, NEIGHBOUR):
            with closing(signed_in(school, account)) as client:
                sent(client, school, in_order(client, school, as_csv([pupil(0)])), "neem")
        past = "set {0} = {0} - interval '101 days'"
        with psycopg.connect(school.home.owner_dsn, autocommit=True) as owner:
            owner.execute("update overstap.round set closed_at = clock_timestamp() - interval '100 days'")
            owner.execute("update overstap.school_mapping " + past.format("saved_at"))
            owner.execute(
                "update overstap.school_mapping " + past.format("used_at") + " where school = %s", [place.school]
            )
        retention.retain(place.ledger, REGION, actor="retention", content_days=90, traces_days=730)
        with place.unit() as unit:
            left = unit.rows("select school from overstap.school_mapping")
            assert [one for one in check(unit) if "mapping" in one.why] == []
        assert left == [(NEXT_DOOR,)], "what was used since stays, for the next round"
