"""Tests of the board's own keys: `overstap ledger board-keys` derives them, and `overstap doctor` checks them."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from overstap.agreements import Milestones, RoundKind
from overstap.cli import app
from overstap.clock import now
from overstap.doctor import Level, examine
from overstap.doctor.finding import Finding
from overstap.ledger.region_keys import create_keys, destroy_key
from overstap.settings import Settings
from overstap.simulation.synthetic.region import make_region
from overstap.simulation.synthetic.writing import write

Subjects = Callable[[], dict[str, Finding]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    no = {"late": 0, "faulty": 0, "littered": 0, "database": 0}
    region = make_region(1, 8, 1, 1, today=now().date(), name="alfa", title="Regio Alfa", **no)
    moments = {name: now() + timedelta(days=number + 1) for number, name in enumerate(Milestones.model_fields)}
    written = write(region, tmp_path / "region", {RoundKind.ADVICE: Milestones(**moments)})
    create_keys(tmp_path / "keys", "alfa", "1")
    for name in ("keys", "board"):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name).chmod(0o700)
    return Settings(regions=written.agreement.parents[1], keys=tmp_path / "keys", board_keys=tmp_path / "board")


@pytest.fixture
def found(settings: Settings) -> Subjects:
    return lambda: {one.subject: one for one in examine(settings, ["regions", "folders"])}


def derive(settings: Settings, monkeypatch: pytest.MonkeyPatch, *regions: str) -> str:
    for name in ("keys", "board_keys", "regions"):
        monkeypatch.setenv(f"OVERSTAP_{name.upper()}", str(getattr(settings, name)))
    done = CliRunner().invoke(app, ["ledger", "board-keys", *regions], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_doctor_says_what_the_board_misses_and_the_command_mends_it(
    settings: Settings, found: Subjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = found()["board's keys alfa"]
    assert (wrong.level, wrong.do) == (Level.WRONG, "overstap ledger board-keys alfa")
    assert derive(settings, monkeypatch) == "board's keys alfa: 1~contacts\n"
    assert found()["board's keys alfa"].level is Level.GOOD
    assert found()["folder board_keys"].level is Level.GOOD
    assert derive(settings, monkeypatch, "alfa") == "board's keys alfa: there\n"

    create_keys(tmp := settings.need_path("keys"), "alfa", "2")
    wrong = found()["board's keys alfa"]
    assert (wrong.level, wrong.says) == (Level.WRONG, "1 are not there, such as 2~contacts")
    derive(settings, monkeypatch)
    destroy_key(tmp, "alfa", "1")
    assert "1~contacts" in found()["board's keys alfa"].says
    derive(settings, monkeypatch)
    assert found()["board's keys alfa"] == Finding("board's keys alfa", Level.GOOD, "1, the newest is 2~contacts")


def test_doctor_knows_keys_of_another_installation(
    settings: Settings, found: Subjects, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    derive(settings, monkeypatch)
    shutil.rmtree(tmp_path / "keys" / "alfa")
    create_keys(tmp_path / "keys", "alfa", "1")
    wrong = found()["board's keys alfa"]
    assert wrong.level is Level.WRONG
    assert wrong.says.startswith("1 are not of this region's content keys")


def test_doctor_minds_who_may_read_them(settings: Settings, found: Subjects, monkeypatch: pytest.MonkeyPatch) -> None:
    derive(settings, monkeypatch)
    board = settings.need_path("board_keys")
    (board / "alfa" / "1~contacts.key").chmod(0o644)
    assert found()["board's keys alfa"].says.startswith("LEDGER-005")
    board.chmod(0o755)
    assert found()["folder board_keys"].says == "others may enter it"


def test_where_there_is_no_setting_doctor_says_that_it_cannot_look(settings: Settings) -> None:
    for one in examine(settings.model_copy(update={"board_keys": None}), ["regions", "folders"]):
        if "board" in one.subject:
            assert one.level is Level.UNSEEN
