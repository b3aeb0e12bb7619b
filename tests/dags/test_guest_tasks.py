"""The tasks that look for schools from outside the region and collect from them, called as a worker calls them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from guest_school import GUEST, invited
from school_service import School, school_service

from overstap.agreements import RoundId
from overstap_tools.local.postgres import EmbeddedPostgres


@pytest.fixture
def school(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path / "school") as made:
        monkeypatch.setenv("OVERSTAP_LEDGER", postgres.dsn("overstap_app", made.home.database))
        monkeypatch.setenv("OVERSTAP_KEYS", str(made.home.keys))
        monkeypatch.setenv("OVERSTAP_REGIONS", str(tmp_path / "regions"))
        monkeypatch.setenv("OVERSTAP_DROP", str(tmp_path / "drop"))
        yield made


def test_one_square_for_nobody_and_then_one_for_the_guest(school: School) -> None:
    from overstap.orchestration import tasks

    ref = RoundId(school.review_round.round_id)
    about = {"region": ref.region, "school_year": ref.school_year, "kind": ref.kind.value}
    [nobody] = tasks.plan_guests(**about)
    assert nobody["label"] == "geen school uitgenodigd"
    assert tasks.collect_guests(**about, **nobody) == {}, "a success: what follows a skipped task is skipped as well"
    invited(school)
    [guest] = tasks.plan_guests(**about)
    assert guest["school"] == GUEST
    assert guest["label"].endswith(f"({GUEST})")
    with pytest.raises(Exception, match="INTAKE-050") as late:
        tasks.collect_guests(**about, **guest)
    assert "verre.example" not in str(late.value)
