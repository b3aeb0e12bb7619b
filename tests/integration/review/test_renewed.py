"""Tests of a dossier that changes after inspection: new version, description of the changes, renewed request."""

from datetime import timedelta

import psycopg
import pytest
from families import Family, ReviewRound, open_review_round
from served import Parent, Served, title

from overstap.ledger import Ledger
from overstap.ledger.invariants import check
from overstap.oso.model import Dossier
from overstap.oso.tree import Node
from overstap.review.renewal import renew_after_release


@pytest.fixture
def family(review_round: ReviewRound) -> Family:
    """Two carers with codes, whose first telephone number is not secret: it stands in the dossier, and can change."""
    return review_round.take(2, is_listed)


def is_listed(dossier: Dossier) -> bool:
    carer = (dossier.pupil or Node()).blocks("verzorger")[0]
    contact = carer.blocks("communicatielijst")[0].blocks("communicatie")[0]
    return contact.text("geheim") != "true" and carer.text("adresgeheim") != "true"


def renew(review_round: ReviewRound, family: Family, change) -> dict[str, int]:
    review_round.supply(review_round.changed(family, change))
    review_round.release()
    return dict(renew_after_release(review_round.ledger, "alfa", review_round.round_id, "release"))


def another_advice(pupil) -> None:
    advice = pupil["overstapadvies"][0]
    advice["advies"] = ["61" if advice["advies"] == ["60"] else "60"]


def another_phone(pupil) -> None:
    contact = pupil["verzorger"][0]["communicatielijst"][0]["communicatie"][0]
    contact["nummer"] = ["0612345678"]


def test_a_changed_advice_is_shown_and_asked_again(review_round: ReviewRound, family: Family, served: Served) -> None:
    parent, other = Parent(served.address), Parent(served.address)
    parent.enter(family)
    assert title(parent.decide("eens")) == "Uw antwoord is ontvangen"
    review_round.supply(review_round.changed(family, another_advice))
    assert title(parent.get("overzicht")) == "De school past het dossier aan"
    late = parent.http.post("/nl/antwoord", data={"antwoord": "oneens", "zienswijze": "Toch niet"})
    assert late.status_code == 409
    assert "Toch niet" in late.text
    review_round.release()
    assert renew_after_release(review_round.ledger, "alfa", review_round.round_id, "release") == {
        "codes": 2,
        "carried": 0,
    }
    page = parent.get("overzicht")
    assert "U zag eerder versie 1. Dit is versie 2." in page.text
    assert "Wij vragen u nu alleen naar deze veranderingen." in page.text
    assert "Nog geen antwoord" in page.text
    assert "<h3>Schooladvies</h3>" in page.text
    assert "<h3>Toetsen</h3>" not in page.text
    in_english = parent.http.get("/en/overzicht").text
    assert "<h3>School advice</h3>" in in_english
    assert "<strong>School advice</strong>" in in_english
    assert '<dd lang="nl">Vwo</dd>' in in_english or '<dd lang="nl">' in in_english
    assert title(parent.get("antwoord")) == "Uw antwoord over de veranderingen"
    # Who had not answered is asked about all of it, with the same code.
    page = other.enter(family, 1)
    assert "Dit is veranderd" in page.text
    assert "alleen naar deze veranderingen" not in page.text
    assert title(other.get("antwoord")) == "Uw antwoord"
    assert renew_after_release(review_round.ledger, "alfa", review_round.round_id, "release").total() == 0


def test_what_the_region_calls_immaterial_keeps_the_inspection_and_says_so(
    review_round: ReviewRound, family: Family, served: Served
) -> None:
    parent = Parent(served.address)
    parent.enter(family)
    parent.decide("oneens", "Wij zien het anders.")
    assert renew(review_round, family, another_phone) == {"codes": 2, "carried": 1}
    page = parent.get("overzicht")
    assert "Uw eerdere antwoord geldt nog" in page.text
    assert "De veranderingen zijn klein." in page.text
    assert "kleine verandering" in page.text
    receipt = parent.get("ontvangstbewijs").text
    assert "Dit is het antwoord op de vorige versie" in receipt
    assert "Wij zien het anders." in receipt
    with review_round.unit() as unit:
        assert unit.rows("select state, version from overstap.dossier where dossier = %(d)s", d=family.dossier) == [
            ("inspected", 2)
        ]
        [(agreed, ground)] = unit.rows(
            "select agreed, ground from overstap.review_decision where dossier = %(d)s and number = 2", d=family.dossier
        )
        assert (agreed, ground) == ("Nee", "carried")
        assert check(unit) == []


def test_what_matters_is_never_carried(review_round: ReviewRound, family: Family, served: Served) -> None:
    parent = Parent(served.address)
    parent.enter(family)
    parent.decide("eens")

    def both(pupil) -> None:
        another_phone(pupil)
        another_advice(pupil)

    assert renew(review_round, family, both) == {"codes": 2, "carried": 0}
    assert "Nog geen antwoord" in parent.get("overzicht").text


def test_what_parents_saw_is_what_is_sealed(ledger: Ledger, owner_dsn: str) -> None:
    """Content that was changed behind the ledger's back is not shown."""
    review_round = open_review_round(ledger, 2)
    family = review_round.families()[0]
    with psycopg.connect(owner_dsn) as connection:
        connection.execute(
            "update overstap.dossier_version set content_digest = sha256('x') where dossier = %s", [family.dossier]
        )
    with pytest.raises(Exception, match="REVIEW-050"):
        review_round.give_codes([family])


def test_a_removed_person_no_longer_sees_anything(review_round: ReviewRound, family: Family, served: Served) -> None:
    parent = Parent(served.address)
    parent.enter(family, 1)

    def without(pupil) -> None:
        pupil["verzorger"] = pupil["verzorger"][:1]

    assert renew(review_round, family, without)["codes"] == 1
    assert title(parent.get("overzicht")) == "De school past het dossier aan"


def test_a_late_school_gets_its_own_window(review_round: ReviewRound, family: Family, served: Served) -> None:
    parent = Parent(served.address)
    parent.enter(family)
    review_round.supply(review_round.changed(family, another_advice))
    review_round.release(closes_in=timedelta(seconds=-1))
    renew_after_release(review_round.ledger, "alfa", review_round.round_id, "release")
    assert title(parent.get("overzicht")) == "De inzagetermijn is voorbij"
