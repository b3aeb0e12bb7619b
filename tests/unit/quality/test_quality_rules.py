"""Every rule fires where it should and nowhere near, and says so without telling a pupil's data."""

import re

import pytest
import rule_examples as examples
from lxml import etree

from overstap.oso import structure
from overstap.oso.catalogue import catalogue
from overstap.oso.reading import from_element
from overstap.oso.writing import to_bytes
from overstap.quality import rulebook
from overstap.quality.findings import DossierFinding, DossierSeverity, JudgementStage
from overstap.quality.rules import judge

JUDGED = [rule.id for rule in rulebook.rules("2019.1").values() if rule.is_judged]
PLACES = {"dossier"} | {place.path for place in catalogue("2019.1").walk()}
PROFILES = ("POVO", "POPO", "VOVO", "BB", "POSWV", "VOSWV")


def found(example: examples.Example, profile: str | None = None) -> list[DossierFinding]:
    return judge(examples.made(*example), today=examples.TODAY, profile=profile)


def breaking(rule: str) -> list[DossierFinding]:
    if rule in examples.EXPECTED_PROFILE:
        profile, example = examples.EXPECTED_PROFILE[rule]
        return found(example, profile)
    if rule in examples.OWN_CODES:
        example, codes = examples.OWN_CODES[rule]
        return judge(examples.made(*example), today=examples.TODAY, own_codes=codes)
    return found(examples.BREAKING[rule])


def test_every_judged_rule_has_its_examples() -> None:
    assert {*examples.BREAKING, *examples.EXPECTED_PROFILE, *examples.OWN_CODES} == set(JUDGED)
    assert set(examples.NEAR) <= set(examples.BREAKING)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_good_dossier_has_no_findings(profile: str) -> None:
    dossier = examples.made(profile)
    assert dossier.profile == profile
    assert structure.check(dossier) == []
    assert judge(dossier, today=examples.TODAY, profile=profile) == []


@pytest.mark.fault("F60")
@pytest.mark.parametrize("rule", JUDGED)
def test_a_rule_fires_on_what_breaks_it(rule: str) -> None:
    findings = [finding for finding in breaking(rule) if finding.rule == rule]
    assert findings
    for finding in findings:
        assert finding.severity == rulebook.rules("2019.1")[rule].severity
        assert re.sub(r"\[\d+\]", "", finding.path) in PLACES


@pytest.mark.parametrize("rule", JUDGED)
def test_a_rule_is_silent_where_it_is_just_kept(rule: str) -> None:
    expected = examples.EXPECTED_PROFILE.get(rule, (None,))[0]
    assert rule not in {finding.rule for finding in found(examples.near(rule), expected)}


def test_an_own_code_of_the_region_is_a_note_in_place_of_an_error() -> None:
    example, codes = examples.OWN_CODES["OV-CL-01"]
    with_code = judge(examples.made(*example), today=examples.TODAY, own_codes=codes)
    assert [(one.rule, one.severity) for one in with_code] == [("OV-CL-01", "note")]
    other_list = judge(examples.made(*example), today=examples.TODAY, own_codes=frozenset({("43", "0017")}))
    assert [(one.rule, one.severity) for one in other_list] == [("CL42", "error")]


@pytest.mark.parametrize("rule", JUDGED)
def test_findings_never_tell_a_value(rule: str) -> None:
    """A message is the rule's own sentence to the letter, and a path is names and numbers."""
    for finding in breaking(rule):
        words = rulebook.sentence(finding.rule)
        assert finding.message_nl == words.message_nl
        assert finding.message_en == words.message_en
        assert re.fullmatch(r"[a-z0-9_T-]+(\[\d+\])?(/[a-z0-9_T-]+(\[\d+\])?)*", finding.path)


def test_the_book_has_all_official_rules() -> None:
    book = [rule for rule in rulebook.rules("2019.1").values() if not rule.is_own]
    by_status = {status: sum(rule.status is status for rule in book) for status in rulebook.RuleStatus}
    assert by_status == {"active": 136, "revived": 13, "withdrawn": 6, "structure": 2, "advice": 1}


@pytest.mark.parametrize("rule", rulebook.rules("2019.1"))
def test_every_rule_has_a_sentence(rule: str) -> None:
    words = rulebook.sentence(rule)
    assert words.who in ("school", "supplier", "region")
    for text in (words.nl, words.do_nl, words.en, words.do_en):
        assert text.endswith(".")
        assert "{" not in text


def test_a_code_list_rule_tells_the_values_allowed() -> None:
    assert "01, 10, 20, 21" in rulebook.sentence("CL2").do_nl


def test_rules_that_are_not_judged_have_no_severity_and_no_check() -> None:
    for rule in rulebook.rules("2019.1").values():
        assert (rule.severity is not None) is rule.is_judged
        assert bool(rule.check) is rule.is_judged


@pytest.mark.parametrize("rule", ["OVa.IZ01", "OVa.IZ02", "OVa.IZ03", "OVa.IZ04", "OVa.IZ05", "OV-IZ-01"])
def test_inspection_is_judged_when_the_dossier_is_complete(rule: str) -> None:
    dossier = examples.made(*examples.BREAKING[rule])
    before = judge(dossier, today=examples.TODAY, stage=JudgementStage.BEFORE_INSPECTION)
    assert before == []


def test_a_dossier_comes_in_without_inspection_block() -> None:
    dossier = examples.made("POVO", {"inzage": None})
    assert judge(dossier, today=examples.TODAY, stage=JudgementStage.BEFORE_INSPECTION) == []
    assert {each.rule for each in judge(dossier, today=examples.TODAY)} == {"OVa.IZ01", "OS.cat02"}


def test_paths_count_what_repeats() -> None:
    findings = found(("POVO", {"late/overleden": False, "support/diagnose/0/code": ["F81.0", "F99"]}))
    assert {(each.rule, each.path) for each in findings} == {
        ("OG.04", "dossier/huidigeschool/leerling/verzorger[2]/overlijdensdatum"),
        ("CL23", "dossier/huidigeschool/leerling/onderwijsondersteuning/diagnose[1]/code[2]"),
    }


def test_a_dossier_with_a_broken_structure_is_judged_as_far_as_it_can_be() -> None:
    root = etree.fromstring(to_bytes(examples.made("POVO", {"pupil/bsn": "999990018"})))
    school = root.find("{*}huidigeschool")
    school.remove(school.find("{*}naam"))
    etree.SubElement(school.find("{*}leerling"), "unheard").text = "x"
    assert "OV-ID-01" in {each.rule for each in judge(from_element(root, "2019.1"), today=examples.TODAY)}


@pytest.mark.parametrize("left", ["metadata", "huidigeschool", "overdrachtsoort", "inzage"])
def test_missing_main_blocks_do_not_stop_the_judge(left: str) -> None:
    judge(examples.made("POVO", {left: None}), today=examples.TODAY)


@pytest.mark.parametrize(
    "edits",
    [
        {"pupil/gba": None},
        {"career/1/schooljaar": "dit jaar"},
        {"career/1/begindatum": None},
        {"pupil/geboortedatum": None, "pupil/geboortemaand": "2015-03"},
        {"metadata/datum": "gisteren"},
        {"inzage/inzagedatum": "31-02-2027"},
        {"test/deelgenomen": None},
    ],
)
def test_what_is_missing_or_no_date_is_for_others_to_say(edits: dict[str, str | None]) -> None:
    assert not {each.rule for each in found(("POVO", edits))} & {
        *("OV-ID-05", "OV-DT-01", "OV-DT-10", "OV-IZ-01", "OV-ET-04")
    }


@pytest.mark.parametrize(
    ("address", "is_good"), [("a@bc", True), ("a@b", False), (f"a@{'b' * 254}", True), (f"a@{'b' * 255}", False)]
)
def test_an_e_mail_address_has_four_to_256_characters(address: str, is_good: bool) -> None:
    rules = {each.rule for each in found(("POVO", {"pupil/communicatielijst/communicatie/0/nummer": address}))}
    assert ("OG.01" not in rules) is is_good


@pytest.mark.parametrize(("iban", "is_good"), [
    ("NL91 ABNA 0417 1643 00", True), ("nl91abna0417164300", True), ("BE68539007547034", True),
    ("NL91ABNA0417164é00", False), ("NL91ABNA041716430!", False), ("NL91", False), ("", False), ("9" * 500, False),
])  # fmt: skip
def test_a_bank_account_number_passes_its_check_or_not(iban: str, is_good: bool) -> None:
    assert ("OV-VZ-07" not in {each.rule for each in found(("POVO", {"carer/iban": iban}))}) is is_good


def test_an_empty_dossier_does_not_stop_the_judge() -> None:
    from overstap.oso.building import build

    rules = {each.rule for each in judge(build({}), today=examples.TODAY)}
    assert "CL33" in rules


def test_official_findings_come_first_and_errors_are_told_once() -> None:
    findings = found(("POVO", {"pupil/bsn": "999990018", "pupil/voornaam": None}))
    assert [each.rule for each in findings] == ["OVa.LL01", "OV-ID-01"]
    assert len({(each.rule, each.path) for each in findings}) == len(findings)


def test_severities_are_known() -> None:
    assert {each.severity for each in rulebook.rules("2019.1").values() if each.is_judged} == set(DossierSeverity)


def test_attachments_are_judged_in_the_same_words() -> None:
    document = {"bestandsnaam": "verslag.pdf", "bestandsinhoud": "geen base64!"}
    findings = found(("POVO", {"support/opp/document": [document]}))
    assert [(each.rule, each.severity) for each in findings] == [("ATTACHMENT-001", DossierSeverity.ERROR)]
    assert findings[0].path.endswith("onderwijsondersteuning/opp/document[1]")
    words = rulebook.sentence("ATTACHMENT-001")
    assert findings[0].message_nl == words.message_nl
    assert words.do_nl


@pytest.mark.parametrize(("rule", "edits", "fires"), [
    ("OVa.EB03", {"result/toetssoort": None, "result/wettelijke_ontheffing": "J"}, True),
    ("OVa.EB03", {"result/toetssoort": None}, False),
    ("OVa.TR04", {"metadata/datum": "2026-08-01", "toets/afname/afnamedatum": "2024-07-31"}, True),
    ("OVa.TR04", {"metadata/datum": "2026-08-01", "toets/afname/afnamedatum": "2024-08-01"}, False),
    ("OVa.TR04", {"metadata/datum": "2026-07-31", "toets/afname/afnamedatum": "2023-08-01"}, False),
    ("OV-DT-02", {"metadata/datum": "2026-02-28"}, False),
    ("OV-DT-11", {"support/diagnose/0/datum": "2027-02-15"}, False),
    ("OV-DT-06", {"support/opp/opp_einddatum": "0000"}, False),
    ("OV-ID-05", {"pupil/gba/gbageboortedatum": "00-03-2015"}, False),
    ("OV-ID-05", {"pupil/gba/gbageboortedatum": "00-00-2014"}, True),
    ("OV-ID-05", {"pupil/gba/gbageboortedatum": "x-03-2015"}, False),
    ("OV-ET-01", {"result/toetssoort": "0011", "result/datum_afname": "2023-07-31"}, False),
])  # fmt: skip
def test_a_rule_changes_its_mind_exactly_at_its_border(rule: str, edits: dict[str, str | None], fires: bool) -> None:
    assert (rule in {each.rule for each in found(("POVO", edits))}) is fires


@pytest.mark.parametrize(("text", "fires"), [
    ("Met dhr. van den Berg gesproken.", True),
    ("Bij oom Jan", True), ("Zoom Jan", False), ("Volgens mr. Jansens", True),
    ("Zie het verslag van drs. P. de Vries.", True),
    ("Mevrouw Özdemir begeleidt haar.", True), ("mw Jansens", True), ("Zij werkt met mevr. A.B. Smit", True),
    ("Dokter Dokter was erbij.", True), ("Zij wil dokter worden. Later.", False), ("Juf van de klas", False),
    ("Sanne leest graag.", False), ("Met haar moeder afgesproken.", False), ("juf" + " van" * 50_000, False),
])  # fmt: skip
def test_a_name_is_known_by_its_form_of_address(text: str, fires: bool) -> None:
    found = {each.rule for each in found_in("advice/argumentatie", text)}
    assert ("OV-FT-06" in found) is fires


@pytest.mark.parametrize("place", ["advice/aandachtspunten", "inzage/redennietakkoord"])
def test_a_carer_or_doctor_is_known_by_the_dossier(place: str) -> None:
    carer = {"carer/roepnaam": "Marjolein", "pupil/huisarts/achternaam": "Zomer"}
    for text, fires in (("Marjolein belt.", True), ("Naar Zomer verwezen.", True), ("In de zomer gezien.", False)):
        assert ("OV-FT-06" in {each.rule for each in found_in(place, text, carer)}) is fires


def found_in(place: str, text: str, more: dict[str, str] | None = None) -> list[DossierFinding]:
    return found(("POVO", {place: text, **(more or {})}))
