"""A copy of the project in a temporary folder, in which a recipe of CONTRIBUTING.md is done and counted."""

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from overstap_tools.project import PROJECT

_IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc")


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@dataclass
class Copy:
    """The project, copied."""

    folder: Path
    before: dict[str, str]
    beside: Path
    """Where packages of others are installed."""

    def write(self, name: str, text: str) -> None:
        """Write a file of the project."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def change(self, name: str, old: str, new: str) -> None:
        """Change a file of the project in one place."""
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, (name, old)
        path.write_text(text.replace(old, new), encoding="utf-8")

    def touched(self) -> list[str]:
        """Return the files that were added or changed."""
        now = _digests(self.folder)
        return sorted(name for name in {*now, *self.before} if now.get(name) != self.before.get(name))

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run Python in it."""
        path = os.pathsep.join(str(one) for one in (self.folder / "src", self.folder / "tools", self.beside))
        return subprocess.run(
            [sys.executable, *words],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    def tried(self, code: str, *words: str) -> str:
        """Run code in it that has to work; return what it printed."""
        done = self.run("-c", code, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout


def copied(folder: Path) -> Copy:
    """Copy the project."""
    target = folder / "project"
    for name in ("src", "tools", "include"):
        shutil.copytree(PROJECT / name, target / name, ignore=_IGNORED)
    shutil.copy(PROJECT / "CONTRIBUTING.md", target)
    (folder / "beside").mkdir()
    return Copy(target, _digests(target), folder / "beside")


def install_package(copy: Copy, name: str, files: dict[str, str], entry_points: str) -> None:
    """Install a supplier's package beside the copy, as pip would: its files, and what it declares."""
    for path, text in files.items():
        (copy.beside / path).parent.mkdir(parents=True, exist_ok=True)
        (copy.beside / path).write_text(text, encoding="utf-8")
    declared = copy.beside / f"{name}-1.0.dist-info"
    declared.mkdir()
    (declared / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    (declared / "entry_points.txt").write_text(entry_points, encoding="utf-8")
