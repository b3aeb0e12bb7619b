"""An agreement that was read before is not made again, and every change of what it is made of is seen."""

import os
import shutil
from pathlib import Path

import pytest
from agreement_files import GOOD, write

from overstap.agreements import load_agreement
from overstap.agreements.model import RoundKind
from overstap.agreements.national import FOLDER
from overstap.errors import OverstapError


def changed_unseen(path: Path, old: str, new: str) -> None:
    """Change a file so that its size and time stay."""
    before = path.stat()
    assert len(old) == len(new)
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_an_unchanged_file_gives_the_same_agreement(tmp_path: Path) -> None:
    path = write(tmp_path)
    assert load_agreement(path) is load_agreement(path)


def test_a_change_is_seen_whatever_the_time_of_the_file(tmp_path: Path) -> None:
    path = write(tmp_path)
    load_agreement(path)
    changed_unseen(path, "De Voorbeeldschool", "De Andereschoolxxx")
    assert load_agreement(path).schools[0].name == "De Andereschoolxxx"


def test_a_change_in_the_list_of_schools_is_seen(tmp_path: Path) -> None:
    start, end = GOOD.index("schools:"), GOOD.index("rounds:")
    path = write(tmp_path, GOOD[:start] + "schools: {file: scholen.csv}\n" + GOOD[end:])
    rows = path.parent / "scholen.csv"
    header = "id,name,kind,board,contact,supplies,receives\n"
    rows.write_text(f"{header}99ZZ00,De School,PO,,po@scholen-voorbeeld.nl,drop_folder,\n", encoding="utf-8")
    assert load_agreement(path).schools[0].name == "De School"
    changed_unseen(rows, "De School", "Een Ander")
    assert load_agreement(path).schools[0].name == "Een Ander"


def test_a_change_in_the_national_file_is_seen(tmp_path: Path) -> None:
    path = write(tmp_path / "regions", GOOD.replace("    receivers: registered\n", ""))
    national = tmp_path / "national"
    shutil.copytree(FOLDER, national)
    usual = load_agreement(path, national).round(RoundKind.ADVICE).receivers
    assert usual == "registered"
    file = national / "2026-2027.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("receivers: registered", "receivers: applied"), "utf-8")
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 1))
    assert load_agreement(path, national).round(RoundKind.ADVICE).receivers == "applied"


def test_a_file_that_became_invalid_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path)
    load_agreement(path)
    changed_unseen(path, "kind: PO", "kind: XX")
    with pytest.raises(OverstapError, match="AGREEMENT-001"):
        load_agreement(path)
    path.unlink()
    with pytest.raises(OverstapError, match="AGREEMENT-001"):
        load_agreement(path)
