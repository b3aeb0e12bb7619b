import gc
import itertools
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from lxml import etree

from overstap.agreements.model import RegistrationStage
from overstap.oso import reading, structure
from overstap.oso.writing import to_bytes
from overstap.quality import rules
from overstap.quality.rules import DossierSeverity
from overstap.simulation.synthetic import SyntheticRegion, make_region
from overstap.simulation.synthetic.pupil import Quirk, SyntheticFault, SyntheticPupil
from overstap.simulation.synthetic.school import SchoolBehaviour, SupplySource
from overstap.simulation.synthetic.writing import dossier, dossiers

OFFICIAL = Path(__file__).resolve().parents[4] / "shared" / "oso" / "2019.1" / "OSO_gegevensset.xsd"
AUTUMN, SPRING = date(2026, 11, 23), date(2027, 4, 20)
# Parents have not seen these dossiers yet; everything else has to be right already.
BEFORE_INSPECTION = {"OVa.IZ02"}


@pytest.fixture(scope="module", params=[AUTUMN, SPRING, date(2026, 8, 1)], ids=str)
def region(request: pytest.FixtureRequest) -> SyntheticRegion:
    return make_region(3, 150, 8, 4, today=request.param, faulty=2)


def test_the_same_seed_gives_the_same_bytes() -> None:
    runs = [
        [to_bytes(made) for _, made in dossiers(make_region(5, 40, 4, 3, today=AUTUMN))],
        [to_bytes(made) for _, made in dossiers(make_region(5, 40, 4, 3, today=AUTUMN))],
        [to_bytes(made) for _, made in dossiers(make_region(6, 40, 4, 3, today=AUTUMN))],
    ]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_a_school_is_the_same_whether_made_alone_or_with_the_others(region: SyntheticRegion) -> None:
    assert list(region.pupils()) == [pupil for school in region.primary for pupil in region.pupils(school)]


@pytest.mark.parametrize(("pupils", "schools"), [(4, 4), (41, 4), (500, 37)])
def test_it_has_as_many_pupils_as_asked(pupils: int, schools: int) -> None:
    made = make_region(1, pupils, schools, 3, today=AUTUMN)
    assert sum(1 for _ in made.pupils()) == pupils
    assert len({pupil.number for pupil in made.pupils()}) == pupils
    assert len({pupil.las_key for pupil in made.pupils()}) == pupils
    assert min(school.size for school in made.primary) >= 1


def test_two_regions_need_not_share_numbers() -> None:
    first = make_region(1, 60, 4, 3, today=AUTUMN)
    second = make_region(1, 60, 4, 3, today=AUTUMN, name="elders", first_position=60)
    assert not {pupil.number for pupil in first.pupils()} & {pupil.number for pupil in second.pupils() if pupil.has_bsn}
    assert {pupil.quirk for pupil in first.pupils()} >= set(Quirk) <= {pupil.quirk for pupil in second.pupils()}


@pytest.mark.parametrize(
    "asked", [{"late": 5}, {"database": 2}, {"faulty": -1}, {"pupils": 3}, {"secondary_schools": 0}]
)
def test_numbers_that_do_not_fit_are_refused(asked: dict[str, int]) -> None:
    given = {"pupils": 20, "primary_schools": 4, "secondary_schools": 2, **asked}
    with pytest.raises(ValueError, match=r"fit|needs"):
        make_region(1, today=AUTUMN, **given)


@pytest.mark.skipif(
    not OFFICIAL.exists(), reason="the official OSO schema is not beside the repository (../shared/oso)"
)
def test_every_dossier_passes_the_official_schema(region: SyntheticRegion) -> None:
    schema = etree.XMLSchema(etree.parse(OFFICIAL))
    for pupil, made in dossiers(region):
        root = etree.fromstring(to_bytes(made))
        assert schema.validate(root), (pupil.position, pupil.quirk, pupil.fault, schema.error_log)


def test_every_dossier_reads_back_and_is_of_its_pupil(region: SyntheticRegion) -> None:
    for pupil, made in dossiers(region):
        back = reading.read(to_bytes(made))
        assert structure.check(back) == []
        assert (back.profile, back.sender, back.created_on) == ("POVO", pupil.school.id, region.today)
        assert (back.surname, back.birth_date) == (pupil.surname, pupil.birth_date)
        if pupil.fault is not SyntheticFault.WRONG_BSN:
            assert back.pupil_number == pupil.number
            assert (back.bsn is not None) == pupil.has_bsn


def test_good_dossiers_break_no_rule_but_the_inspection(region: SyntheticRegion) -> None:
    for pupil, made in dossiers(region):
        if pupil.fault is None:
            found = rules.judge(made, today=region.today)
            assert {one.rule for one in found if one.severity is not DossierSeverity.NOTE} <= BEFORE_INSPECTION, (
                pupil.quirk
            )


@pytest.mark.fault("F60")
def test_faulty_dossiers_break_the_rule_of_their_fault_and_mended_ones_do_not(region: SyntheticRegion) -> None:
    faulty = [pupil for pupil in region.pupils() if pupil.fault is not None]
    assert len(faulty) >= 5
    for pupil in faulty:
        assert pupil.school.behaviour is SchoolBehaviour.FAULTY
        assert pupil.fault is not None
        broken = {one.rule for one in rules.judge(dossier(region, pupil), today=region.today)} - BEFORE_INSPECTION
        if pupil.fault is not SyntheticFault.WRONG_BSN:  # a check over the region's frames, not a rule per dossier
            assert broken == {pupil.fault.value}
        mended = {one.rule for one in rules.judge(dossier(region, pupil.mended()), today=region.today)}
        assert mended <= BEFORE_INSPECTION


def test_every_quirk_is_there_and_is_what_it_says(region: SyntheticRegion) -> None:
    found = {pupil.quirk: pupil for pupil in region.pupils() if pupil.quirk is not None}
    assert set(found) == set(Quirk)
    assert not found[Quirk.NO_BSN].has_bsn
    assert found[Quirk.SURNAME_NA].surname == "NA"
    assert found[Quirk.APOSTROPHE].surname == "O'Brien"
    assert len(found[Quirk.LONG_NAME].surname) == 200
    assert (found[Quirk.LEAP_DAY].birth_date.month, found[Quirk.LEAP_DAY].birth_date.day) == (2, 29)
    assert found[Quirk.GUARDIAN].carers[0].relation == 3
    assert found[Quirk.LEFT_OUT].choices == ()


def test_twins_share_what_twins_share(region: SyntheticRegion) -> None:
    pairs = [
        (one, other)
        for one, other in itertools.pairwise(region.pupils())
        if one.quirk is other.quirk is Quirk.TWINS and one.school == other.school and one.birth_date == other.birth_date
    ]
    assert pairs
    for one, other in pairs:
        assert (one.surname, one.carers, one.address) == (other.surname, other.carers, other.address)
        assert one.number != other.number
        assert one.first_names[0] != other.first_names[0]


def test_secret_addresses_are_nowhere_in_the_dossier(region: SyntheticRegion) -> None:
    secret = [pupil for pupil in region.pupils() if pupil.is_secret and pupil.fault is None]
    assert secret
    for pupil in secret:
        written = to_bytes(dossier(region, pupil)).decode()
        assert pupil.address.street not in written
        assert pupil.address.postcode not in written
        assert all(carer.phone not in written and carer.email not in written for carer in pupil.carers)
        assert "9999999999" in written


def test_nothing_shows_a_pupil(region: SyntheticRegion) -> None:
    for pupil in itertools.islice(region.pupils(), 40):
        shown = f"{pupil!r} {pupil.carers!r}"
        assert pupil.number not in shown
        assert pupil.surname not in shown or len(pupil.surname) < 4  # "NA" and "Bos" stand in other words
        assert str(pupil.birth_date) not in shown
        assert pupil.las_key not in shown


def test_nothing_in_a_dossier_is_later_than_its_export(region: SyntheticRegion) -> None:
    tags = {"afnamedatum", "datum_afname", "datuminschrijving", "begindatum", "startdatum", "lwoo_ingangdatum"}
    for _, made in itertools.islice(dossiers(region), 60):
        for element in etree.fromstring(to_bytes(made)).iter():
            if etree.QName(element).localname in tags:
                assert date.fromisoformat(element.text) <= region.today


def test_the_test_of_february_is_there_in_spring_only() -> None:
    for today, expected in ((AUTUMN, 0), (SPRING, 20)):
        made = make_region(1, 20, 4, 2, today=today)
        assert (
            sum("eindtoets" in to_bytes(one).decode().split("</metadata>")[1] for _, one in dossiers(made)) == expected
        )


def test_applications_are_at_schools_of_the_region_that_take_the_level(region: SyntheticRegion) -> None:
    schools = {school.id: school for school in region.secondary}
    stages = Counter()
    for pupil in region.pupils():
        assert len({choice.school_id for choice in pupil.choices}) == len(pupil.choices)
        for choice in pupil.choices:
            assert pupil.advice in schools[choice.school_id].advices
            assert choice.recorded_at.date() < region.today
            stages[choice.stage] += 1
        assert sum(choice.stage is RegistrationStage.PLACED for choice in pupil.choices) <= 1
    assert set(stages) == set(RegistrationStage)
    assert stages[RegistrationStage.PLACED] > stages[RegistrationStage.APPLIED]


def test_schools_have_names_of_their_own() -> None:
    made = make_region(1, 2_000, 800, 40, today=AUTUMN)
    names = [school.name for school in (*made.primary, *made.secondary)]
    assert len(set(names)) == len(names)
    assert Counter(school.source for school in made.primary)[SupplySource.LAS_DATABASE] == 200


def test_a_country_is_made_one_pupil_at_a_time() -> None:
    made = make_region(1, 175_000, 6_000, 600, today=AUTUMN)
    for serial, _ in enumerate(dossiers(made)):
        if serial == 100:
            break
    gc.collect()
    # One in hand, its twin waiting.
    assert sum(type(one) is SyntheticPupil for one in gc.get_objects()) <= 3
