from pathlib import Path

import pytest

from overstap.errors import OverstapError
from overstap_tools.local import bootstrap, preflight


@pytest.mark.parametrize("version", [(3, 10), (3, 14), (2, 7)])
def test_a_wrong_python_is_named(version: tuple[int, int], tmp_path: Path) -> None:
    with pytest.raises(OverstapError, match=rf"LOCAL-003.*{version[0]}\.{version[1]}"):
        preflight.check(tmp_path, version=version)


def test_too_little_disk_is_named_before_anything_is_written(tmp_path: Path) -> None:
    state = tmp_path / "not" / "there"
    with pytest.raises(OverstapError) as caught:
        preflight.check(state, needed_mib=2**40)
    assert caught.value.code == "LOCAL-002"
    assert caught.value.facts["folder"] == str(tmp_path)
    assert not state.parent.exists()


def test_this_machine_will_do(tmp_path: Path) -> None:
    preflight.check(tmp_path)
    assert preflight.SUPPORTED == bootstrap.SUPPORTED
