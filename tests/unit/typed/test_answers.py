"""Answers of a form: what is kept, what is made of them, and two people in one step."""

from uuid import UUID

import pytest
from official_files import official_folder
from typed_pupil import NUMBER, plain_pupil, together

from overstap.clock import dutch_time, now
from overstap.oso import structure
from overstap.oso.building import build
from overstap.oso.reading import read
from overstap.oso.writing import to_bytes
from overstap.quality.region_rulebook import expected_in
from overstap.typed.answers import Clash, answers_of, count_of, merged, renumbered, taken_in, values_of, without
from overstap.typed.dossier import Maker, TypedFile, file_fault, judged, made_dossier, safe_name
from overstap.typed.form import Form, form_of
from overstap.typed.prefill import FormPupil, FormSchool, first_answers

CATEGORIES = frozenset(
    {
        "toetsresultaten",
        "onderwijsondersteuning",
        "handelingsplannen",
        "verzuim",
        "bijlagedocs",
        "eindtoetsbo",
        "cijferlijsten",
    }
)
FORM = form_of("2019.1", "POVO", CATEGORIES)
TODAY = dutch_time(now()).date()
MAKER = Maker("99AA00", UUID(int=7), TODAY)
PDF = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"


def taken(steps: dict[str, dict[str, str]], form: Form = FORM) -> dict[str, str]:
    found: dict[str, str] = {}
    for step in form.steps:
        found |= taken_in(form, step, steps.get(step.name, {}).items())
    return found


def errors(answers: dict[str, str], files: dict[str, TypedFile] | None = None) -> list[tuple[str, str, str]]:
    dossier, faults = made_dossier(FORM, answers, MAKER, files or {})
    found = judged(
        FORM, dossier, faults, today=TODAY, expected=expected_in("advice", CATEGORIES), own_codes=frozenset()
    )
    return [(one.step, one.path, one.message) for one in found if one.severity == "error"]


def test_a_plain_pupil_is_a_valid_dossier() -> None:
    dossier, faults = made_dossier(FORM, taken(plain_pupil()), MAKER, {})
    assert not faults
    assert not errors(taken(plain_pupil()))
    again = read(to_bytes(dossier))
    assert again.is_sound or not structure.check(again)
    assert again.bsn == NUMBER
    assert again.sender == "99AA00"
    assert again.profile == "POVO"
    pupil = again.pupil
    assert pupil is not None
    assert pupil.texts("voornaam") == ["Sanne", "Maria"]
    assert pupil.text("leerlingid") == "T000000000007", "made, since a school without a system has none"
    address = pupil.block("adreslijst").block("adres")  # type: ignore[union-attr]
    assert [address.text(name) for name in ("straat", "nummer", "toevoeging", "postcode")] == [  # type: ignore[union-attr]
        *("Dorpsstraat", "12", "a", "1234AB"),
    ]
    contacts = pupil.blocks("verzorger")[0].block("communicatielijst").blocks("communicatie")  # type: ignore[union-attr]
    assert [one.text("soort") for one in contacts] == ["telefoon", "e-mail"]


def test_the_official_schema_accepts_it() -> None:
    folder = official_folder()
    if folder is None:
        pytest.skip("the official files are not at hand")
    from lxml import etree

    dossier, _ = made_dossier(
        FORM, taken(plain_pupil() | {"bijlagedocs": FILES}), MAKER, {"f": TypedFile("a.pdf", PDF)}
    )
    schema = etree.XMLSchema(etree.parse(folder / "2019.1" / "OSO_gegevensset.xsd"))
    schema.assertValid(etree.fromstring(to_bytes(dossier)))


FILES = {
    "leerling/overigdocumentlijst/document[1]/omschrijving": "Verslag van het gesprek",
    "leerling/overigdocumentlijst/document[1]/bestandsinhoud": "f",
}


def test_a_text_that_is_not_understood_is_said_at_its_field_once() -> None:
    answers = taken(plain_pupil()) | {
        "leerling/geboortedatum": "gisteren",
        "leerling/adreslijst/adres[1]/~straat": "Dorpsstraat",
        "leerling/adreslijst/adres[1]/postcode": "1234",
    }
    found = errors(answers)
    assert {path for _, path, _ in found} == {
        "leerling/geboortedatum",
        "leerling/adreslijst/adres[1]/~straat",
        "leerling/adreslijst/adres[1]/postcode",
    }
    assert len(found) == 3
    assert all(step == "leerling" for step, _, _ in found)


def test_what_is_missing_is_said_where_it_belongs() -> None:
    answers = {path: text for path, text in taken(plain_pupil()).items() if not path.endswith("/bsn")}
    answers["leerling/verzorger[2]/voornaam"] = "Jan"
    found = {(step, path): message for step, path, message in errors(answers)}
    assert ("leerling", "leerling/bsn") in found, "rule OVa.LL12 asks for one of two fields"
    assert found["oudersverzorgers", "leerling/verzorger[2]/achternaam"] == "Vul dit in."
    assert ("oudersverzorgers", "leerling/verzorger[2]/wettigevertegenwoordiger") in found
    for message in found.values():
        assert "leerlingadministratie" not in message, "a school that types has none"


def test_only_paths_of_the_form_are_kept() -> None:
    step = FORM.steps[0]
    given = {
        "leerling/achternaam": "Zonneveld",
        "leerling/geboorteplaats": "Verboden",
        "leerling/verzorger[1]/achternaam": "van een andere stap",
        "metadata/overstap": "VOVO",
        "brincode": "99ZZ",
        "leerling/../x": "y",
        "leerling/adreslijst/adres[1000]/plaats": "ver weg",
        "leerling/adreslijst/adres[0]/plaats": "nul",
        "formulier": "geheim",
        "#leerling/adreslijst/adres": "999",
        "#leerling/verzorger": "2",
    }
    assert taken_in(FORM, step, given.items()) == {
        "leerling/achternaam": "Zonneveld",
        "#leerling/adreslijst/adres": "60",
    }


def test_a_denied_field_does_not_come_in_by_a_draft_either() -> None:
    """A draft that was begun when the agreement allowed more gives a dossier of what it allows now."""
    narrow = form_of("2019.1", "POVO", frozenset())
    answers = taken(plain_pupil()) | {"leerling/verzuim/dagdelengeoorloofd": "3"}
    dossier, _ = made_dossier(narrow, answers, MAKER, {})
    assert dossier.pupil is not None
    assert "verzuim" not in dossier.pupil
    wide, _ = made_dossier(FORM, answers, MAKER, {})
    assert wide.pupil is not None
    assert "verzuim" in wide.pupil


def test_a_secret_address_stays_at_home() -> None:
    answers = taken(plain_pupil()) | {"leerling/adresgeheim": "true"}
    dossier, _ = made_dossier(FORM, answers, MAKER, {})
    assert b"Dorpsstraat" not in to_bytes(dossier)
    assert not errors(answers)


def test_repeated_blocks_have_no_gaps_and_move_up() -> None:
    answers = {
        "leerling/verzorger[2]/achternaam": "Bos",
        "leerling/verzorger[5]/achternaam": "Dijk",
        "leerling/verzorger[5]/communicatielijst/communicatie[3]/nummer": "0101234567",
        "#leerling/verzorger[5]/communicatielijst/communicatie": "3",
        "#leerling/verzorger": "5",
    }
    once = renumbered(answers)
    assert once == {
        "leerling/verzorger[1]/achternaam": "Bos",
        "leerling/verzorger[2]/achternaam": "Dijk",
        "leerling/verzorger[2]/communicatielijst/communicatie[1]/nummer": "0101234567",
        "#leerling/verzorger[2]/communicatielijst/communicatie": "3",
        "#leerling/verzorger": "5",
    }
    assert count_of(once, "leerling/verzorger") == 5
    left = without(once, "leerling/verzorger[1]")
    assert left["leerling/verzorger[1]/achternaam"] == "Dijk"
    assert "leerling/verzorger[2]/achternaam" not in left
    assert left["#leerling/verzorger"] == "4"


def test_lists_of_marks_and_tests_are_built_as_the_standard_has_them() -> None:
    extra = {
        "cijferlijsten": {
            "leerling/cijferlijstlijst/cijferlijst[1]/cijferlijstTypelijst[1]/naam": "Rekenen",
            "leerling/cijferlijstlijst/cijferlijst[1]/cijferlijstTypelijst[1]/score[1]/waarde": "7,5",
            "leerling/cijferlijstlijst/cijferlijst[1]/cijferlijstTypelijst[2]/naam": "Taal",
            "leerling/cijferlijstlijst/cijferlijst[1]/cijferlijstTypelijst[2]/score[1]/waarde": "8",
            "leerling/cijferlijstlijst/cijferlijst[1]/jaargroep": "8",
        },
        "toetsresultaten": {
            "leerling/toetslijst/toets[1]/toetsidentificatie/eldtoetscode": "REK",
            "leerling/toetslijst/toets[1]/afname/afnamedatum": "1 feb 2026",
            "leerling/toetslijst/toets[1]/resultaat/toetsscore/vaardigheidsscore": "251,5",
        },
        "onderwijsondersteuning": {
            "leerling/onderwijsondersteuning/diagnose[1]/code": "1",
        },
        "handelingsplannen": {
            "leerling/onderwijsondersteuning/handelingsplan[1]/startdatum": "1-9-2025",
            "leerling/onderwijsondersteuning/handelingsplan[1]/isgerichtop": "lezen",
        },
    }
    answers = taken(plain_pupil() | extra)
    dossier, faults = made_dossier(FORM, answers, MAKER, {})
    assert not faults
    assert not structure.check(read(to_bytes(dossier)))
    back = answers_of(FORM, dossier.school or {})
    for path, text in answers.items():
        if path.endswith(("waarde", "naam", "vaardigheidsscore", "startdatum", "isgerichtop")):
            assert back[path].replace(".", ",") == text.replace(".", ","), path


def test_a_dossier_becomes_answers_and_the_same_dossier_again() -> None:
    answers = taken(plain_pupil())
    dossier, _ = made_dossier(FORM, answers, MAKER, {})
    back = answers_of(FORM, dossier.school or {})
    again, faults = made_dossier(FORM, back, MAKER, {})
    assert not faults
    assert to_bytes(again) == to_bytes(dossier)


def test_any_dossier_of_the_standard_survives_the_form() -> None:
    """What a school's system supplied can be corrected by hand: the form loses nothing that it may ask."""
    from overstap.oso.minimisation import minimise
    from overstap.simulation.synthetic.writing import dossiers as synthetic
    from overstap_tools.bench.sandbox import region_of

    for _, supplied in synthetic(region_of("alfa", 30, TODAY)):
        kept = minimise(supplied, "POVO", CATEGORIES)
        answers = answers_of(FORM, kept.school or {})
        values, faults = values_of(FORM, answers)
        assert not faults
        for block, values_before in (("leerling", kept.pupil), ("", kept.school)):
            made = build({"huidigeschool": values | {"brincode": "99AA", "vestigingscode": "00", "aanleverpunt": "1"}})
            after = made.pupil if block else made.school
            assert after is not None
            assert values_before is not None
            differing = {
                name
                for name in set(after) | set(values_before)
                if name not in ("leerling", "brincode", "vestigingscode") and after.get(name) != values_before.get(name)
            }
            assert not _but_for_files(differing, after, values_before), differing


def _but_for_files(differing, after, before):  # type: ignore[no-untyped-def]
    """Names of files are no answers: a page asks the file itself."""
    import json

    def plain(node):  # type: ignore[no-untyped-def]
        if isinstance(node, dict):
            return {
                name: [plain(one) for one in values]
                for name, values in node.items()
                if name != "bestandsnaam" and name != "?"
            }
        return node

    return {
        name
        for name in differing
        if json.dumps([plain(one) for one in after.get(name, [])], sort_keys=True)
        != json.dumps([plain(one) for one in before.get(name, [])], sort_keys=True)
    }


def test_two_people_lose_nothing() -> None:
    before = {"a": "1", "b": "1", "c": "1", "d": "1"}
    theirs = {"a": "2", "b": "1", "c": "2", "e": "x"}
    mine = {"a": "1", "b": "3", "c": "3", "d": "1", "f": "y"}
    found, clashes = merged(before, theirs, mine)
    assert found == {"a": "2", "b": "3", "c": "3", "e": "x", "f": "y"}, "d was cleared by them alone"
    assert clashes == [Clash("c", "3", "2")]
    assert merged(before, theirs, theirs)[1] == []
    assert merged({"a": "1"}, {}, {"a": "2"})[1] == [Clash("a", "2", "")], "cleared and changed"


def test_attachments_are_packed_as_the_standard_has_them() -> None:
    answers = taken(plain_pupil()) | FILES
    dossier, _ = made_dossier(FORM, answers, MAKER, {"f": TypedFile("verslag.pdf", PDF)})
    from overstap.oso.attachments import unpack
    from overstap.oso.traversal import documents

    [(path, node)] = list(documents(dossier))
    assert node.text("bestandsnaam") == "verslag.pdf"
    assert unpack(path, node.text("bestandsinhoud") or "").file.data == PDF
    assert not [one for one in errors(answers, {"f": TypedFile("verslag.pdf", PDF)}) if "document" in one[1]]


def test_files_that_are_no_attachments() -> None:
    assert file_fault(PDF) is None
    assert file_fault(b"") == "ATTACHMENT-010"
    assert file_fault(b"MZ\x90\x00\x03") == "ATTACHMENT-012"
    assert file_fault(b"%PDF-1.4\n1 0 obj\n<< /S /JavaScript /JS (x) >>\nendobj\n") == "ATTACHMENT-015"
    assert safe_name("../../etc/pass\x00wd", b"tekst") == "passwd.txt"
    assert safe_name('C:\\Jan "Klaas".PDF', PDF) == "Jan Klaas.PDF"
    assert safe_name("...", PDF) == "bijlage.pdf"


def test_prefilled_from_the_roster_and_from_an_earlier_dossier() -> None:
    school = FormSchool("99AA00", "De Regenboog", "info@regenboog.example")
    pupil = FormPupil(first_names="Sanne Maria", surname="Zonneveld", birth_date=TODAY, sex="1", number=NUMBER)
    steps = first_answers(FORM, school, school_year="2026-2027", pupil=pupil)
    assert steps["leerling"]["leerling/achternaam"] == "Zonneveld"
    assert steps["leerling"]["leerling/bsn"] == NUMBER
    assert steps["school"] == {
        "naam": "De Regenboog",
        "communicatielijst/communicatie[1]/nummer": "info@regenboog.example",
    }
    career = "leerling/schoolloopbaanlijst/schoolloopbaan[1]/"
    assert steps["schoolloopbaan"][f"{career}brincode"] == "99AA"
    assert "leerling/roepnaam" not in steps["leerling"]
    earlier = together(plain_pupil(surname="Bos"))
    earlier |= {f"leerling/schoolloopbaanlijst/schoolloopbaan[{n}]/schooljaar": f"202{n}-202{n + 1}" for n in (1, 2)}
    again = first_answers(FORM, school, school_year="2026-2027", pupil=pupil, earlier=earlier)
    assert again["leerling"]["leerling/achternaam"] == "Bos", "an earlier dossier counts before the roster"
    assert again["schoolloopbaan"][f"{career}schooljaar"] == "2021-2022"
    partnership = first_answers(form_of("2019.1", "POSWV", frozenset()), school, school_year="2026-2027", pupil=pupil)
    assert "leerling/bsn" not in partnership["leerling"], "no number goes to a partnership"
