"""Tests of the creation of the Python environment, through the Makefile, on machines where it fails."""

import hashlib
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from overstap_tools.local import bootstrap
from overstap_tools.project import PROJECT

OLD_PYTHON = """#!/bin/sh
# Answers as a Python 3.9 would: -c checks fail for the version and succeed for "some Python 3".
case "$*" in *"(3, 11)"*) exit 1;; *"-c"*) exit 0;; esac
exec {real} -I -c 'import runpy, sys
sys.version_info = type("V", (tuple,), {{}})((3, 9, 0, "final", 0))
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")' "$@"
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What `make` needs of the repository, without an environment."""
    for name in ("Makefile", "requirements.txt", "requirements-dev.txt", "pyproject.toml"):
        shutil.copy(PROJECT / name, tmp_path)
    shutil.copytree(PROJECT / "include" / "texts" / "bootstrap", tmp_path / "include" / "texts" / "bootstrap")
    (tmp_path / "tools" / "overstap_tools" / "local").mkdir(parents=True)
    shutil.copy(PROJECT / "tools" / "pyproject.toml", tmp_path / "tools")
    shutil.copy(bootstrap.__file__, tmp_path / "tools" / "overstap_tools" / "local")
    return tmp_path


def make(clone: Path, *words: str, path: Path, **env: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("make")
    assert program is not None
    return subprocess.run(
        [program, "SHELL=/bin/sh", *words], cwd=clone, env={"PATH": str(path), **env}, capture_output=True, text=True
    )


@pytest.fixture
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PATH with the few tools that the recipes use, and no Python."""
    folder = tmp_path_factory.mktemp("bin")
    for name in ("cat", "touch", "rm"):
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    return folder


def test_make_alone_lists_what_it_can_do(clone: Path, tools: Path) -> None:
    done = make(clone, path=tools)
    assert done.returncode == 0
    assert {line.split()[1] for line in done.stdout.splitlines()} == {
        *("demo", "stop", "test", "check", "bench", "faults", "lock", "deploy", "bundle", "clean", "sbom", "advisories")
    }


def test_no_python_is_said_in_two_languages(clone: Path, tools: Path) -> None:
    done = make(clone, "demo", path=tools)
    assert done.returncode != 0
    assert "Geen Python gevonden" in done.stderr
    assert "No Python was found" in done.stderr
    assert not (clone / ".venv").exists()


def test_an_old_python_is_named(clone: Path, tools: Path) -> None:
    old = tools / "python3"
    old.write_text(OLD_PYTHON.format(real=sys.executable))
    old.chmod(old.stat().st_mode | stat.S_IXUSR)
    done = make(clone, "demo", path=tools)
    assert done.returncode != 0
    assert "Python 3.9 wordt niet ondersteund" in done.stderr
    assert "Python 3.9 is not supported" in done.stderr
    assert not (clone / ".venv").exists()


def test_a_python_of_any_name_is_found(clone: Path, tools: Path) -> None:
    (tools / "python3").symlink_to(sys.executable)
    (clone / "tools" / "overstap_tools" / "local" / "bootstrap.py").write_text("print('found')")
    done = make(clone, ".venv/.ready", path=tools)
    assert "found" in done.stdout


def test_no_network_is_said_and_nothing_counts_as_ready(clone: Path, tools: Path) -> None:
    (tools / "python3").symlink_to(os.path.realpath(sys.executable))
    # Nothing answers there, and pip is told not to try again and again.
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull}
    done = make(clone, ".venv/.ready", path=tools, HOME=str(clone), **nowhere)
    assert done.returncode != 0
    assert "pakketregister is niet bereikbaar" in done.stderr
    assert not (clone / ".venv" / ".ready").exists()


def test_what_pip_refuses_for_another_reason_points_to_its_log(clone: Path) -> None:
    bad = clone / "bad.txt"
    bad.write_text("this is == no requirement\n")
    with pytest.raises(bootstrap.SetupRefusedError) as caught:
        bootstrap.install(_environment(clone), [bad])
    assert caught.value.name == "pip"
    assert "no requirement" in Path(str(caught.value.facts["log"])).read_text()


@pytest.mark.parametrize("locked", ["small==1 --hash=sha256:" + "0" * 64, "small==1"])
def test_a_file_that_is_not_the_locked_one_is_refused(
    clone: Path, monkeypatch: pytest.MonkeyPatch, locked: str
) -> None:
    wheel = clone / "small-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("small-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: small\nVersion: 1\n")
        archive.writestr("small-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("small-1.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(clone))
    monkeypatch.setenv("PIP_TARGET", str(clone / "installed"))  # if it were not refused: not in this Python
    lock = clone / "lock.txt"
    lock.write_text(f"{locked}\n")
    with pytest.raises(bootstrap.SetupRefusedError) as caught:
        bootstrap.install(_environment(clone), [lock])
    assert caught.value.name == "pip"
    assert hashlib.sha256(wheel.read_bytes()).hexdigest() in Path(str(caught.value.facts["log"])).read_text()


def test_a_python_without_venv_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(bootstrap.SetupRefusedError) as caught:
        bootstrap.check_python(sys.version_info[:2])
    assert caught.value.name == "venv"
    said = bootstrap.sentence(caught.value.name, **caught.value.facts)
    assert "ensurepip" in said
    assert f"apt-get install python3.{sys.version_info[1]}-venv" in said


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    with pytest.raises(bootstrap.SetupRefusedError) as caught:
        bootstrap.check_disk(tmp_path, 2**40)
    assert str(tmp_path) in bootstrap.sentence(caught.value.name, **caught.value.facts)


def test_an_environment_whose_python_is_gone_is_not_sound(tmp_path: Path) -> None:
    assert bootstrap.is_sound(Path(sys.prefix))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to("/nowhere/python3.11")
    assert not bootstrap.is_sound(tmp_path)


def _environment(folder: Path) -> Path:
    """An environment's bare shape around this test's own Python, for pip to be run by."""
    made = folder / "env"
    (made / "bin").mkdir(parents=True)
    (made / "bin" / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (made / "bin" / "python").chmod(0o755)
    return made
