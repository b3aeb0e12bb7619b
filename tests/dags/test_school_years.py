"""Tests of two school years at once: next year's agreement beside this year's rounds."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from overstap.agreements import Agreement, load_all


def years(regions: Path, folder: Path) -> list[Agreement]:
    """This year's agreement of a region, and next year's beside it."""
    shutil.copytree(regions / "alfa", folder / "alfa")
    text = (folder / "alfa" / "2026-2027.yaml").read_text(encoding="utf-8")
    for year in (2027, 2026):
        text = text.replace(str(year), str(year + 1))
    (folder / "alfa" / "2027-2028.yaml").write_text(text, encoding="utf-8")
    good, broken = load_all(folder)
    assert not broken
    return good


@pytest.mark.fault("F36")
def test_a_running_year_is_followed_to_its_end(regions: Path, tmp_path: Path) -> None:
    from overstap.orchestration.schedule import LINGERS, current

    both = years(regions, tmp_path / "regions")
    last = max(agreed.milestones.receipts_due for agreed in both[0].rounds.values())

    def followed(at: datetime) -> list[str]:
        return [agreement.school_year for agreement in current(both, at)]

    assert followed(datetime(2026, 11, 23, tzinfo=UTC)) == ["2026-2027"]
    assert followed(last + LINGERS - timedelta(seconds=1)) == ["2026-2027"]
    assert followed(last + LINGERS + timedelta(seconds=1)) == ["2027-2028"]


@pytest.mark.fault("F36")
def test_each_dag_is_there_once_and_of_the_running_year(regions: Path, tmp_path: Path, read_dags: Any) -> None:
    years(regions, tmp_path / "regions")
    bag = read_dags(tmp_path / "regions")
    assert not bag.import_errors
    assert {"schooljaar:2026-2027"} == {tag for dag in bag.dags.values() for tag in dag.tags if "schooljaar" in tag}
