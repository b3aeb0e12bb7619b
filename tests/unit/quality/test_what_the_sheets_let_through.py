"""What the official sheets let through by accident, told at supply while the school can mend it."""

import pytest
import rule_examples as examples

from overstap.oso.building import build
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
