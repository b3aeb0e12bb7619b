"""The regions that the project begins with: they load, they are lawful, and every date says where it comes from."""

from datetime import date

import pytest

from overstap.agreements import RoundKind, load_all
from overstap.agreements.checks import check_agreements
from overstap.agreements.load import agreement_paths, load_in_use
from overstap.simulation.synthetic.region import make_region
from overstap_tools.demo.building import REGION, Size
from overstap_tools.project import PROJECT

FOLDER = PROJECT / "include" / "regions"
REGIONS, BROKEN = load_all(FOLDER)


def test_they_load_and_are_lawful():
    assert not BROKEN
    assert len({agreement.region for agreement in REGIONS}) >= 8
    for checked in check_agreements(agreement_paths(FOLDER)):
        assert checked.errors == 0, checked.findings
        # Registration before the national week is lawful with a definitive advice, and worth a warning
        assert {finding.code for finding in checked.findings} <= {"AGREEMENT-126"}


@pytest.mark.parametrize("agreement", REGIONS, ids=lambda agreement: agreement.region)
def test_every_date_has_its_source(agreement):
    for kind, agreed in agreement.rounds.items():
        assert set(agreed.sources) == set(kind.milestones), kind
        assert all(agreed.sources.values())
    assert all(occasion.source for occasion in agreement.occasions)


@pytest.mark.parametrize("agreement", REGIONS, ids=lambda agreement: agreement.region)
def test_schools_are_plainly_synthetic(agreement):
    for school in agreement.schools:
        assert school.id.startswith({"PO": "99", "VO": "98", "SWV": "PO99"}[school.kind])
        assert "Voorbeeld" in school.name or agreement.region == "demo"
        assert school.contact.endswith("@example.org")
        if school.receives is not None:
            assert school.receives.url.split("/")[2].endswith(".example.org")
    assert all(person.email.endswith("@example.org") for person in agreement.coordinators)


def test_nothing_of_them_starts_in_production():
    assert all(agreement.example for agreement in REGIONS)
    assert load_in_use(FOLDER, production=True) == []
    assert load_in_use(FOLDER, production=False) == REGIONS


def test_the_demo_region_is_the_one_that_make_demo_plays():
    (demo,) = [agreement for agreement in REGIONS if agreement.region == "demo"]
    size = Size()
    day, further = date(2026, 11, 23), size.further
    made = make_region(size.seed, size.pupils, size.primary_schools, 2, today=day, name=REGION, further=further)
    played = {(school.id, school.name) for school in (*made.primary, *made.secondary)}
    assert {(school.id, school.name) for school in demo.schools if school.kind != "SWV"} == played
    assert set(demo.rounds) == set(RoundKind) - {RoundKind.FEEDBACK}


def test_no_school_is_in_two_regions():
    ids = [school.id for agreement in REGIONS for school in agreement.schools]
    assert len(set(ids)) == len(ids)


def test_the_folder_holds_agreements_only():
    for path in FOLDER.rglob("*"):
        assert path.is_dir() or path in agreement_paths(FOLDER) or path.name.endswith("-schools.csv"), path
