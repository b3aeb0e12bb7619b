"""The school's page of advice and test, and what another school or a stranger sees of it."""

import html
import re
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest
from school_service import OTHER, School, school_service, signed_in

from overstap.clock import now
from overstap.ledger.dossiers import pupil_tests
from overstap.ledger.dossiers.pupil_tests import PupilTest
from overstap.oso.advice_order import level_of_code
from overstap_tools.local.postgres import EmbeddedPostgres


@pytest.fixture(scope="module")
def school(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("school")) as made:
        yield made


def shown(client: httpx.Client, school: School) -> tuple[int, str]:
    answer = client.get(f"/ronde/{school.review_round.round_id}/advies")
    return answer.status_code, " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def test_a_school_sees_advice_beside_test_and_what_to_do(school: School) -> None:
    place = school.review_round
    mine = {number: one for number, one in place.made.items() if one.sender == place.school and one.pupil}
    given = {
        number: level_of_code(str(one.pupil.block("overstapadvies").text("advies"))) for number, one in mine.items()
    }
    number = next(each for each, level in given.items() if level is not None and level.rank < 70)
    with closing(signed_in(school)) as client:
        status, before = shown(client, school)
        assert status == 200
        assert all(str(one.surname) in before for one in mine.values())
        assert "Het toetsadvies is hoger" not in before
        for day in ("31-01-2027", "14-02-2027", "24-03-2027", "07-04-2027"):
            assert day in before
        with place.unit("registrations") as unit:
            test = PupilTest(unit.keys.lookup("pupil", number), place.school, "IEP", "vwo", "", now())
            assert pupil_tests.take(unit, place.agreement.school_year, [test]) == 1
        _, after = shown(client, school)
        assert "Bij 1 leerling moet nog iets gebeuren." in after
        assert f"{mine[number].surname}" in after.partition("Het toetsadvies is hoger")[0]
        assert number not in after


def test_nobody_else_sees_it(school: School) -> None:
    names = [str(one.surname) for one in school.review_round.made.values()]
    with closing(signed_in(school, OTHER)) as other:
        status, page = shown(other, school)
        assert status == 200
        assert not any(name in page for name in names)
        assert "nog geen dossiers aangeleverd" in page
    with httpx.Client(base_url=school.address) as stranger:
        status, page = shown(stranger, school)
        assert status in (303, 401, 403)
        assert not any(name in page for name in names)
