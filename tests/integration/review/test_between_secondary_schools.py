"""Tests of transfers between secondary schools: pupils of sixteen, guardians, and consent."""

from datetime import date
from pathlib import Path

import psycopg
import pytest
from families import Family, Home, ReviewRound, home, open_between_secondary_schools, open_review_round
from served import Parent, Served, title

from overstap.clock import dutch_time, now
from overstap.delivery.sealing import seal_round
from overstap.envelope.envelope import DOSSIER_FILE, open_envelope
from overstap.ledger.review import decisions
from overstap.ledger.review.decisions import ReviewDecision
from overstap.ledger.rounds import counts, registrations
from overstap.oso.reading import read
from overstap.pki import DevelopmentAuthority, TrustStore
from overstap_tools.local.postgres import EmbeddedPostgres


@pytest.fixture(scope="module")
def between(review_round: ReviewRound) -> ReviewRound:
    """One pupil of seventeen; the others are fifteen, and the first of those has a guardian alone."""
    seen: list[str] = []

    def change(pupil) -> None:
        seen.append(pupil["leerlingid"][0])
        today = dutch_time(now()).date()
        years = 17 if len(seen) == 1 else 15
        pupil["geboortedatum"] = [date(today.year - years, 1, 1).isoformat()]
        if len(seen) == 2:
            pupil["verzorger"] = pupil["verzorger"][:1]
            pupil["verzorger"][0]["relatietotkind"] = ["3"]
            pupil["verzorger"][0]["wettigevertegenwoordiger"] = ["true"]

    return open_between_secondary_schools(review_round, change, consent="required")


def aged(between: ReviewRound, years: int) -> list[Family]:
    return [one for one in between.families() if one.born.year == dutch_time(now()).date().year - years]


def test_a_pupil_of_sixteen_signs_in_alone_and_is_asked_for_consent(between: ReviewRound, served: Served) -> None:
    [family] = aged(between, 17)
    between.give_codes([family])
    assert len(family.persons) == 1, "the pupil, and no parent beside"
    pupil = Parent(served.address)
    page = pupil.enter(family)
    assert page.url.path == "/nl/overzicht"
    assert f"{family.surname}." in page.text.partition("Ingelogd als ")[2][:80]
    form = pupil.get("antwoord").text
    assert "Geeft u toestemming om het dossier te versturen?" in form
    assert "Zonder toestemming gaat het dossier niet naar de nieuwe school." in form
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


def test_a_guardian_signs_in_for_a_younger_pupil(between: ReviewRound, served: Served) -> None:
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


def test_without_required_consent_it_is_counted_when_the_window_ends(between: ReviewRound, at_home: Home) -> None:
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


def test_consent_that_is_asked_is_in_the_dossier_and_stops_nothing(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path: Path
) -> None:
    """DOMAIN 3.5: the sources disagree on consent, so it is kept as data; `asked` sends either way."""
    with home(postgres, tmp_path, ledger_template) as at_home:
        asked = open_between_secondary_schools(open_review_round(at_home.ledger, 10), grown_up, consent="asked")
        yes, no, on_paper = asked.families()
        served = Served(at_home.review_dsn, tmp_path / "review.log").start()
        try:
            asked.give_codes([yes, no])
            for family, consent in ((yes, "ja"), (no, "nee")):
                pupil = Parent(served.address)
                pupil.enter(family)
                form = pupil.get("antwoord").text
                assert "Het dossier gaat ook naar de nieuwe school als u geen toestemming geeft" in form
                assert "Zonder toestemming gaat het dossier niet naar de nieuwe school" not in form
                assert "U geeft dit antwoord zelf" in form
                assert "andere ouder" not in form + pupil.get("dossier").text
                assert "uw kind" not in form + pupil.get("dossier").text + pupil.get("overzicht").text
                assert "Kies of u toestemming geeft." in pupil.decide("eens").text
                receipt = pupil.decide("eens", toestemming=consent)
                assert title(receipt) == "Uw antwoord is ontvangen"
                assert f"<dt>Toestemming</dt><dd>{consent.title()}</dd>" in receipt.text
        finally:
            served.stop()
        with asked.unit("school") as unit:
            seen = ReviewDecision(on_paper.las_key, dutch_time(now()).date(), "Ja", None)
            assert decisions.record(unit, asked.round_id, asked.school, [seen], ground="school_single").recorded
        said = sealed_consents(asked, at_home, tmp_path / "trust")
    assert said == {yes.pupil_number: "Ja", no.pupil_number: "Nee", on_paper.pupil_number: "Onbekend"}


def grown_up(pupil) -> None:
    pupil["geboortedatum"] = [date(dutch_time(now()).date().year - 17, 1, 1).isoformat()]


def sealed_consents(review_round: ReviewRound, at_home: Home, folder: Path) -> dict[str, str | None]:
    """Seal a round whose window is over, open it as the receiving school does; return `toestemming` by pupil number."""
    receiver = review_round.agreement.receivers(review_round.kind)[0].id
    authority = DevelopmentAuthority(folder, at=now())
    authority.conductor("alfa")
    for school in review_round.agreement.schools:
        authority.school(school.id)
    trust = TrustStore(folder, production=False)
    with review_round.unit() as unit:
        registered = [
            registrations.Registration(family.pupil_number, receiver, review_round.school, "placed", now())
            for family in review_round.families()
        ]
        registrations.record_registrations(unit, review_round.agreement.school_year, registered)
    with psycopg.connect(at_home.owner_dsn) as owner:
        owner.execute("update overstap.dossier set review_closes_at = clock_timestamp()")
        owner.execute("update overstap.round set delivers_at = clock_timestamp()")
    seal_round(
        *(review_round.ledger, trust),
        agreement=review_round.agreement,
        agreed=review_round.agreement.round(review_round.kind),
        round_id=review_round.round_id,
        actor="seal",
        clock=now,
    )
    with review_round.unit() as unit:
        envelopes = [row[0] for row in unit.rows("select envelope from overstap.delivery")]
    keyring = trust.keyring(receiver, at=now())
    found = {}
    for envelope in envelopes:
        opened = open_envelope(envelope, keyring=keyring, trust=trust, school=receiver, at=now())
        dossier = read(opened.files[DOSSIER_FILE])
        inspection = dossier.tree.block("inzage")
        assert inspection is not None
        found[str(dossier.pupil_number)] = inspection.text("toestemming")
    return found
