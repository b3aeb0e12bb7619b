"""Between secondary schools: a pupil of sixteen inspects alone, a guardian for a younger one, and consent is asked."""

from datetime import date

import psycopg
import pytest
from families import Family, Home, Place, open_between_secondary_schools
from served import Parent, Served, title

from overstap.clock import now, wall
from overstap.ledger import counts


@pytest.fixture(scope="module")
def between(place: Place) -> Place:
    """One pupil of seventeen; the others are fifteen, and the first of those has a guardian alone."""
    seen: list[str] = []

    def change(pupil) -> None:
        seen.append(pupil["leerlingid"][0])
        today = wall(now()).date()
        years = 17 if len(seen) == 1 else 15
        pupil["geboortedatum"] = [date(today.year - years, 1, 1).isoformat()]
        if len(seen) == 2:
            pupil["verzorger"] = pupil["verzorger"][:1]
            pupil["verzorger"][0]["relatietotkind"] = ["3"]
            pupil["verzorger"][0]["wettigevertegenwoordiger"] = ["true"]

    return open_between_secondary_schools(place, change, consent="required")


def aged(between: Place, years: int) -> list[Family]:
    return [one for one in between.families() if one.born.year == wall(now()).date().year - years]


def test_a_pupil_of_sixteen_signs_in_alone_and_is_asked_for_consent(between: Place, served: Served) -> None:
    [family] = aged(between, 17)
    between.give_codes([family])
    assert len(family.persons) == 1, "the pupil, and no parent beside"
    pupil = Parent(served.address)
    page = pupil.enter(family)
    assert page.url.path == "/nl/overzicht"
    assert f"{family.surname}." in page.text.partition("Ingelogd als ")[2][:80]
    form = pupil.get("antwoord").text
    assert "Geeft u toestemming om het dossier te versturen?" in form
    refused = pupil.decide("eens")
    assert refused.status_code == 422
    assert "Kies of u toestemming geeft." in refused.text
    assert title(pupil.decide("eens", toestemming="nee")) == "Uw antwoord is ontvangen"
    assert title(pupil.decide("eens", toestemming="ja")) == "Uw antwoord is ontvangen"
    with between.unit() as unit:
        said = unit.rows(
            "select person, consent from overstap.review_decision where dossier = %(d)s order by recorded_at",
            d=family.dossier,
        )
    assert said == [(family.persons[0], "Nee"), (family.persons[0], "Ja")]


def test_a_guardian_signs_in_for_a_younger_pupil(between: Place, served: Served) -> None:
    family = next(one for one in aged(between, 15) if len(one.persons) == 1)
    between.give_codes([family])
    guardian = Parent(served.address)
    assert guardian.enter(family).url.path == "/nl/overzicht"
    assert "Voogd" in guardian.get("dossier").text
    assert title(guardian.decide("oneens", "De voogd ziet het anders.", toestemming="nee")) == (
        "Uw antwoord is ontvangen"
    )
    with between.unit() as unit:
        assert sum(one.without_consent for one in counts.primary_schools(unit, between.round_id)) == 0, "not yet"


def test_without_required_consent_it_is_counted_when_the_window_ends(between: Place, at_home: Home) -> None:
    with psycopg.connect(at_home.owner_dsn, autocommit=True) as owner:
        owner.execute(
            "update overstap.dossier set review_closes_at = clock_timestamp() where round_id = %s", [between.round_id]
        )
    with between.unit() as unit:
        per_school = {one.school: one.without_consent for one in counts.primary_schools(unit, between.round_id)}
        going = unit.one(
            "select count(*) from overstap.dossier where round_id = %(r)s and state = 'inspected'", r=between.round_id
        )[0]
    assert per_school[between.school] == 1, "the guardian's; the pupil of seventeen consented in the end"
    assert going == 2
