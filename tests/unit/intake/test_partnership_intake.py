"""A dossier for a partnership: known by school and leerlingid, and never by a number that stands in it all the same."""

from datetime import date

import pytest

from overstap.agreements import RoundKind
from overstap.errors import OverstapError
from overstap.intake.collect import prepare
from overstap.oso import building, read
from overstap.simulation.synthetic.agreement import agreement_of, compressed_milestones
from overstap.simulation.synthetic.region import make_region
from overstap.simulation.synthetic.support import support_dossier, supported

REGION = make_region(1, 8, 2, 1, today=date(2026, 11, 23), name="alfa", late=0, faulty=0, littered=0, database=0)
SCHOOL = REGION.primary[0]


def prepared(change=lambda leerling: None):
    from datetime import UTC, datetime, timedelta

    stones = compressed_milestones(datetime(2026, 11, 24, tzinfo=UTC), timedelta(days=1))
    agreement = agreement_of(REGION, {RoundKind.SUPPORT: stones})
    tree = support_dossier(REGION, supported(REGION, SCHOOL)[0]).tree
    change(tree["huidigeschool"][0]["leerling"][0])
    return prepare(building.build(tree), agreement.round("support"), agreement.school(SCHOOL.id), "drop_folder")


def test_it_is_known_by_leerlingid() -> None:
    found = prepared()
    assert found.pupil_number is None
    assert found.las_key == supported(REGION, SCHOOL)[0].las_key


def test_a_number_in_the_file_is_taken_out() -> None:
    found = prepared(lambda leerling: leerling.update(bsn=["999990019"]))
    assert found.pupil_number is None
    assert b"999990019" not in found.content
    assert read(found.content).pupil_number is None


def test_without_leerlingid_it_is_nobodys() -> None:
    with pytest.raises(OverstapError) as refused:
        prepared(lambda leerling: leerling.pop("leerlingid"))
    assert refused.value.code == "INTAKE-055"


def test_moments_of_the_review_follow_from_the_rest() -> None:
    from datetime import UTC, datetime, timedelta

    stones = compressed_milestones(datetime(2026, 11, 24, tzinfo=UTC), timedelta(days=1))
    agreed = agreement_of(REGION, {RoundKind.SUPPORT: stones}).round("support").milestones
    assert agreed.review_opens == agreed.review_closes == agreed.data_due == stones.data_due
