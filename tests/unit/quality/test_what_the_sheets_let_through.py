"""What the official sheets let through by accident, told at supply while the school can mend it."""

import pytest
import rule_examples as examples

from overstap.oso.building import build
from overstap.oso.catalogue import catalogue
from overstap.quality.findings import JudgementStage
from overstap.quality.rules import judge

CARER = examples._CONTACTS["carer"]


def rules(profile: str, changes: dict, *, expected: str | None = None, stage=JudgementStage.COMPLETE) -> set[str]:
    made = examples.made(profile, changes)
    return {each.rule for each in judge(made, today=examples.TODAY, profile=expected, stage=stage)}


@pytest.mark.parametrize(
    "address",
    [
        *(
            "a@voorbeeld.nl;b@voorbeeld.nl",
            "mailto:a@voorbeeld.nl",
            " a@voorbeeld.nl",
            "a@voorbeeld.nl ",
            "<a@voorbeeld.nl>",
        ),
        *(
            "zoë@voorbeeld.nl",
            "a@voorbeeld.nl, b@voorbeeld.nl",
            "A Vis <a@voorbeeld.nl>",
            "a b@voorbeeld.nl",
            "a@voorbeeld.nl.",
            "a..b@voorbeeld.nl",
            "a.@voorbeeld.nl",
            "a@10.0.0.1",
        ),
    ],
)
def test_an_address_that_cannot_be_sent_to_is_told_at_supply(address):
    changes = {f"{CARER}/soort": "e-mail", f"{CARER}/nummer": address}
    assert "OV-VZ-08" in rules("POVO", changes, stage=JudgementStage.BEFORE_INSPECTION)


@pytest.mark.parametrize("address", ["a@voorbeeld.nl", "a.b+c@post.voorbeeld.nl", "A_B@voorbeeld.museum"])
def test_an_address_that_can_be_sent_to_is_none_of_it(address):
    assert not {"OV-VZ-08", "OG.01"} & rules("POVO", {f"{CARER}/soort": "e-mail", f"{CARER}/nummer": address})


@pytest.mark.parametrize("reason", [None, "", "  ", "\n"])
def test_a_no_without_a_reason_is_told(reason):
    changes = {"inzage/akkoord": "Nee", "inzage/redennietakkoord": reason}
    assert "OV-IZ-03" in rules("POVO", changes)


@pytest.mark.parametrize("kind", ["swv-dossier", "overdrachtbinnenbrin", "overstapdosier", "Overstapdossier"])
def test_a_wrong_kind_of_hand_over_is_named_and_not_judged_by_another_profile(kind):
    tree = dict(examples.made("POVO").tree) | {"overdrachtsoort": [kind]}
    found = {
        each.rule: each.path
        for each in judge(build(tree), today=examples.TODAY, profile="POVO", stage=JudgementStage.BEFORE_INSPECTION)
    }
    assert found.get("OV-RF-05") == "dossier/overdrachtsoort" or "CL29" in found
    assert not [rule for rule in found if rule.startswith(("PaO", "OVb"))]


@pytest.mark.parametrize(
    ("kind", "transfer", "agrees"),
    [
        ("overstapdossier", "POVO", True),
        ("overstapdossier", "POSWV", False),
        ("swv-dossier", "POVO", False),
        ("swv-dossier", "VOSWV", True),
        ("overdrachtbinnenbrin", "POVO", True),
        ("overdrachtbinnenbrin", "VOVO", True),
    ],
)
def test_what_a_dossier_says_twice_of_its_kind_agrees(kind, transfer, agrees):
    found = rules("POVO", {"overdrachtsoort": kind, "metadata/overstap": transfer})
    assert ("OV-RF-06" in found) is not agrees


@pytest.mark.parametrize("blank", [" ", "   ", "\n", "\u00a0", "\u200b", " \ufeff "])
@pytest.mark.parametrize(
    ("place", "official"),
    [
        ("pupil/voornaam", "OVa.LL01"),
        ("pupil/leerlingid", "OVa.LL13"),
        ("advice/contactpersoon", "OVa.OA04"),
        ("result/toets_advies", "OVa.EB04"),
        ("pupil/adreslijst/adres/0/straat", "OVa.LL05"),
        ("huidigeschool/adreslijst/adres/0/plaats", "OVa.SL01"),
    ],
)
def test_a_mandatory_text_of_blanks_is_told(place, official, blank):
    found = rules("POVO", {place: [blank] if place.endswith("voornaam") else blank})
    assert official not in found
    assert "OV-LE-01" in found


def test_one_first_name_is_enough():
    assert "OV-LE-01" not in rules("POVO", {"pupil/voornaam": [" ", "Sanne"]})


@pytest.mark.parametrize(
    ("score", "told"),
    [
        ({"waarde": " "}, True),
        ({"waarde": " ", "kwalificatie": "\t"}, True),
        ({"waarde": " ", "kwalificatie": "goed"}, False),
        ({"kwalificatie": "goed"}, False),
    ],
)
def test_a_mark_of_blanks_is_told(score, told):
    found = rules("POVO", {"mark/cijferlijstTypelijst": {"naam": "Rapport", "score": [score]}})
    assert "OVa.CL01" not in found
    assert ("OV-LE-01" in found) is told


@pytest.mark.parametrize(
    "more", [{"referentiescore": examples._RESULT["referentiescore"]}, {"toetsscore": {"tijd": "3"}}]
)
def test_a_score_with_an_outcome_beside_the_number_of_questions_is_good(more):
    assert "OV-LE-02" not in rules("POVO", {"toets/resultaat": {"toetsscore": {"aantalopgaven": 20}} | more})


@pytest.mark.parametrize("profile", ["POSWV", "VOSWV"])
@pytest.mark.parametrize("key", ["999990019", " 999990019 ", "100000004"])
def test_a_national_number_as_key_is_told_where_the_number_itself_is_forbidden(profile, key):
    found = rules(profile, {"pupil/leerlingid": key})
    assert not {"PaO.LL12", "OV-ID-04"} & found
    assert "OV-ID-09" in found


@pytest.mark.parametrize("version", ["2017.1", "2018.1"])
def test_a_block_that_an_older_dossier_itself_calls_forbidden_is_told(version):
    edits = {
        "metadata/standaardversie": version,
        "metadata/validatieversie": catalogue(version).validation,
        "words/cat_onderwijsondersteuning": None,
        "words/cat_zorgenbegeleiding": "OPTIONEEL",
        "pupil/onderwijsondersteuning": None,
        "pupil/huisarts": None,
        "pupil/verzorger": None,
    }

    def found(word):
        made = examples.made("POVO", edits | {"words/cat_verzuim": word}, version)
        return {each.rule for each in judge(made, today=examples.TODAY)} & {"OS.cat10", "OV-CA-06"}

    assert found("VERBODEN") == {"OV-CA-06"}
    assert found("OPT-UIT") == {"OS.cat10"}
    assert found("OPTIONEEL") == set()


@pytest.mark.parametrize("profile", ["POSWV", "VOSWV"])
def test_an_account_number_for_a_partnership_is_told_under_its_present_name_too(profile):
    found = rules(profile, {"carer/iban": "NL91ABNA0417164300"})
    assert "PaO.OV05" not in found
    assert "OV-VZ-09" in found
