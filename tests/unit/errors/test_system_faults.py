"""What the operating system says of a file reaches nobody by its own name for it: a page tells it in words."""

import errno
from pathlib import Path

import pytest

from overstap.errors import OverstapError, system_fault
from overstap.texts import texts


@pytest.mark.parametrize("name", list(texts("system")))
@pytest.mark.parametrize("code", ["INTAKE-001", "INTAKE-010", "INTAKE-030", "DOSSIER-016"])
def test_a_sentence_tells_it_in_words(code: str, name: str) -> None:
    error = OverstapError(code, kind=name, label="bestand 1")
    assert error.facts["kind"] == name, "kept as it is, so that it can be told anew"
    assert name not in str(error)
    assert texts("system")[name]["nl"] in error.message_nl
    assert texts("system")[name]["en"] in error.message_en


def test_a_fault_has_a_name_that_is_known(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file") as missing:
        (tmp_path / "nothing").read_bytes()
    assert system_fault(missing.value) == "ENOENT"
    assert system_fault(OSError("no number")) == "EOTHER"
    assert system_fault(OSError(errno.EXDEV, "never told of")) == "EOTHER"


def test_other_kinds_stay_as_they_are() -> None:
    assert "(ValueError)" in OverstapError("TASK-001", kind="ValueError").message_nl
