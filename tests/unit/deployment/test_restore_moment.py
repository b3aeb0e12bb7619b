"""How `deploy/restore moment` reads the moment, before it needs a container; the rest is in tests/deployment."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from overstap_tools.project import PROJECT


def said(place: Path, moment: str, zone: str) -> str:
    """What the script says of a moment for which there is no base backup, on a machine in a zone."""
    (place / "deploy").mkdir()
    script = Path(shutil.copy(PROJECT / "deploy" / "restore", place / "deploy"))
    done = subprocess.run(
        [str(script), "moment", "restore.key", str(place), moment],
        env=os.environ | {"TZ": zone},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    return done.stderr


@pytest.mark.parametrize(
    ("zone", "utc"),
    [("UTC0", "20270324T103100Z"), ("XST5", "20270324T153100Z"), ("XST-1", "20270324T093100Z")],
)
def test_the_moment_is_on_the_machines_own_clock(tmp_path: Path, zone: str, utc: str) -> None:
    assert f"was made before {utc}" in said(tmp_path, "2027-03-24 10:31", zone)


def test_summer_time_counts(tmp_path: Path) -> None:
    zone = "CET-1CEST,M3.5.0,M10.5.0/3"  # the Netherlands, without the machine's list of zones
    assert "was made before 20270524T083100Z" in said(tmp_path, "2027-05-24 10:31", zone)


def test_what_is_no_moment_is_refused(tmp_path: Path) -> None:
    assert "is no moment" in said(tmp_path, "half elf", "UTC0")
