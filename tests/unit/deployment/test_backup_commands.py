"""What the commands of docs/backup.md say where something is missing: one sentence, and nothing is made."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from overstap_tools.project import PROJECT


def said(tmp_path: Path, command: str, *words: str, recipients: str = "age1abc\n") -> str:
    """Return what a command says in a folder without a deployment, with an `age` and a `docker` that do nothing."""
    project, tools = tmp_path / "project", tmp_path / "bin"
    (project / "deploy").mkdir(parents=True)
    shutil.copy(PROJECT / "deploy" / command, project / "deploy" / command)
    tools.mkdir()
    for name in ("age", "docker"):
        (tools / name).write_text("#!/bin/sh\n")
        (tools / name).chmod(0o755)
    (tmp_path / "recipients").write_text(recipients)
    env = os.environ | {"PATH": f"{tools}:{os.environ['PATH']}", "RECIPIENTS": str(tmp_path / "recipients")}
    done = subprocess.run(
        [str(project / "deploy" / command), *words], env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1, done
    assert {path.name for path in tmp_path.iterdir()} <= {"project", "bin", "recipients", "kept"}
    return done.stderr


@pytest.mark.parametrize(
    ("command", "words", "why"),
    [
        ("backup", ("{out}", "{out}-keys"), "deploy/backup: there is no .env in"),
        ("archive", ("{out}",), "deploy/archive: there is no .env in"),
        ("restore-drill", ("restore.key", "{kept}"), "deploy/restore-drill: no backup of the ledger in"),
        ("restore", ("keys", "restore.key", "{kept}"), "deploy/restore: no backup of keys in"),
        ("restore", ("databases", "restore.key", "{kept}"), "deploy/restore: no backup of ledger in"),
    ],
)
def test_what_is_missing_is_said_in_one_line(tmp_path: Path, command: str, words: tuple[str, ...], why: str) -> None:
    (tmp_path / "kept").mkdir()
    given = (word.format(out=tmp_path / "out", kept=tmp_path / "kept") for word in words)
    lines = said(tmp_path, command, *given).splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith(why)


def test_where_the_units_look_for_the_software_is_in_the_guide() -> None:
    units = [path.read_text() for path in (PROJECT / "deploy" / "systemd").glob("*.service")]
    [place] = {found for unit in units for found in re.findall(r"^WorkingDirectory=(.*)$", unit, re.MULTILINE)}
    assert len(units) > 3
    assert f"`{place}`" in (PROJECT / "docs" / "install.md").read_text(encoding="utf-8")
