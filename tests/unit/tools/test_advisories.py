"""Tests of the look-up of locked packages in a folder of advisories."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.utils import canonicalize_name

from overstap_tools.project import PROJECT
from overstap_tools.supply.advisories import KnownVulnerability, findings, locked


def record(folder: Path, name: str, number: str, **affected: object) -> None:
    """Write a record as the PyPA advisory database has them."""
    path = folder / "vulns" / name / f"{number}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    package = {"name": name, "ecosystem": "PyPI"}
    path.write_text(yaml.safe_dump({"id": number, "aliases": ["CVE-1"], "affected": [{"package": package} | affected]}))


def events(*given: dict[str, str]) -> list[dict[str, object]]:
    return [{"type": "ECOSYSTEM", "events": list(given)}]


def test_a_lock_is_read_with_markers_hashes_and_extras() -> None:
    text = (
        "# a comment\nJinja2==3.1.6 --hash=sha256:00\n    # via flask\n"
        'uvicorn[standard]==0.38.0 ; sys_platform != "win32" --hash=sha256:00\ntyping_extensions==4.15.0\n'
    )
    assert locked(text) == {("jinja2", "3.1.6"), ("uvicorn", "0.38.0"), ("typing-extensions", "4.15.0")}


def test_every_package_of_the_locks_is_looked_up() -> None:
    for name in ("requirements.txt", "requirements-cluster.txt", "requirements-dev.txt"):
        text = (PROJECT / name).read_text()
        assert len(locked(text)) == sum("==" in line.split("#")[0] for line in text.splitlines()) > 5


@pytest.mark.parametrize(
    ("version", "found"),
    [("0.9", False), ("1.0", True), ("1.4.9", True), ("1.5", False), ("2.0rc1", True), ("2.1", True), ("2.2", False)],
)
def test_ranges_say_which_versions_are_affected(tmp_path: Path, version: str, found: bool) -> None:
    given = events({"introduced": "1.0"}, {"fixed": "1.5"}, {"introduced": "2.0a1"}, {"last_affected": "2.1"})
    record(tmp_path, "Some.Package", "PYSEC-1", ranges=given)
    assert bool(findings({(canonicalize_name("Some.Package"), version)}, tmp_path)) == found


def test_a_list_of_versions_counts_too_and_names_the_cure(tmp_path: Path) -> None:
    record(tmp_path, "one", "PYSEC-2", versions=["3.0"], ranges=events({"introduced": "0"}, {"fixed": "1.0"}))
    record(tmp_path, "two", "PYSEC-3", ranges=events({"introduced": "0"}))
    assert findings(locked("one==3.0\ntwo==1\nthree==1"), tmp_path) == [
        KnownVulnerability("one", "3.0", "PYSEC-2", ("1.0",), ("CVE-1",)),
        KnownVulnerability("two", "1", "PYSEC-3", (), ("CVE-1",)),
    ]


def test_withdrawn_records_and_other_ecosystems_say_nothing(tmp_path: Path) -> None:
    record(tmp_path, "one", "PYSEC-4", ranges=events({"introduced": "0"}))
    path = tmp_path / "vulns" / "one" / "PYSEC-4.yaml"
    content = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump(content | {"withdrawn": "2026-01-01T00:00:00Z"}))
    assert findings(locked("one==1"), tmp_path) == []
    content["affected"][0]["package"]["ecosystem"] = "npm"
    path.write_text(yaml.safe_dump(content))
    assert findings(locked("one==1"), tmp_path) == []


def test_the_command_tells_found_from_nothing_from_not_looked_up(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text("one==1.0\n")

    def run() -> tuple[int, str]:
        command = [sys.executable, "-m", "overstap_tools.supply.advisories", lock, "--database", tmp_path / "database"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    code, said = run()
    assert code == 3
    assert "NOT LOOKED UP" in said
    record(tmp_path / "database", "one", "PYSEC-5", ranges=events({"introduced": "0"}, {"fixed": "1.0"}))
    assert run() == (0, "Advisories: 1 packages, 0 findings\n")
    lock.write_text("one==0.9\n")
    code, said = run()
    assert code == 1
    assert "one 0.9: PYSEC-5 CVE-1 (mended in 1.0)" in said
