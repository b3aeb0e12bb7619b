"""Tests of a pupil's number that a command reads from a file: as papers and spreadsheets write it, and no other."""

from pathlib import Path

import pytest

from overstap.cli._pupil_number import asked_number
from overstap.errors import OverstapError
from overstap.privacy.number_file import refuse_wrong_number


def kept(folder: Path, text: str) -> Path:
    path = folder / "number"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("written", ["012345672", "12345672", "0123.45.672"])
def test_the_usual_forms_are_one_number(written: str, tmp_path: Path) -> None:
    assert asked_number(kept(tmp_path, written)) == "012345672"


@pytest.mark.parametrize("written", ["12", "12345678", "0123456720", "leerling"])
def test_what_is_no_number_is_refused_without_repeating_it(written: str, tmp_path: Path) -> None:
    with pytest.raises(OverstapError) as refused:
        asked_number(kept(tmp_path, written))
    assert refused.value.code == "PRIVACY-004"
    assert written not in str(refused.value)


def test_a_number_that_fails_the_check_is_looked_for_and_then_refused(tmp_path: Path) -> None:
    assert asked_number(kept(tmp_path, "012345673")) == "012345673"
    with pytest.raises(OverstapError, match="PRIVACY-004"):
        refuse_wrong_number("012345673")
