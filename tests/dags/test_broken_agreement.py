"""A region whose agreement is broken is seen, and takes no other region down with it."""

import shutil
from pathlib import Path
from typing import Any

import pytest

DAMAGE = {
    "no YAML": lambda text: text.replace("\nregion:", "\nregion: [", 1),
    "unknown key": lambda text: text + "\nholidays: yes\n",
    "out of order": lambda text: text.replace("delivers: '2027-02-02", "delivers: '2027-01-01"),
    "empty": lambda text: "",
    "not text": None,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_other_regions_run_on(damage: str, regions: Path, read_dags: Any, tmp_path: Path) -> None:
    folder = tmp_path / "regions"
    shutil.copytree(regions, folder)
    path = folder / "beta" / "2026-2027.yaml"
    change = DAMAGE[damage]
    text = path.read_text(encoding="utf-8")
    if change is None:
        path.write_bytes(b"\xff\xfe\x00region")
    else:
        assert change(text) != text
        path.write_text(change(text), encoding="utf-8")
    bag = read_dags(folder)
    assert {dag_id.split("__")[1] for dag_id in bag.dags} == {"alfa"}
    [(file, problem)] = bag.import_errors.items()
    assert Path(file).name == "broken_agreements.py"
    assert "AGREEMENT-" in problem
    assert "2026-2027.yaml" in problem
