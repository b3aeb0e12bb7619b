"""Tests of the agreements of a played year."""

from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from overstap.agreements import RoundKind
from overstap_tools.bench.year_regions import KINDS, agree, make_regions
from overstap_tools.cli.bench import app

TODAY = date(2026, 11, 2)


@pytest.mark.parametrize("kinds", [(RoundKind.PLACEMENT,), (RoundKind.PRE_REGISTRATION, RoundKind.ADVICE), KINDS])
def test_a_region_agrees_on_the_rounds_that_are_asked_for(kinds: tuple[RoundKind, ...], tmp_path: Path) -> None:
    made = make_regions(2, 12, TODAY)
    addresses = {
        region.name: {school.id: f"https://127.0.0.1:8443/{region.name}/{school.id}/" for school in region.secondary}
        for region in made
    }
    country = agree(made, kinds, addresses, tmp_path / "regions", tmp_path / "last")
    assert [tuple(one.agreement.rounds) for one in country] == [kinds, kinds]


def test_an_unknown_round_is_an_error_before_anything_begins() -> None:
    ended = CliRunner().invoke(app, ["year", "--round", "placement", "--round", "feest"])
    assert ended.exit_code == 2
    assert "'feest' is no round of a year" in ended.output
