"""Building of the wheel, and of environments with only the wheel installed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from overstap_tools.project import PROJECT

_OWN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "OVERSTAP_")
"""Beginnings of environment variables that would bring this checkout back in."""


def bare_environment(**more: str) -> dict[str, str]:
    """Return this process's environment without what leads to the checkout."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OWN)} | more


def build(folder: Path) -> Path:
    """Build the wheel from the checkout, as anybody would, and return it."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    done = subprocess.run(command, cwd=PROJECT, env=bare_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [wheel] = folder.glob("*.whl")
    return wheel


def install(wheel: Path, folder: Path, *, extras: str = "") -> Path:
    """Install the wheel with its dependencies into an empty environment; return its folder of programs.

    Skips the test where the package index cannot be reached; a dependency that cannot be met is an error.
    """
    uv = [sys.executable, "-m", "uv"]

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*uv, *words], cwd=folder, env=bare_environment(), capture_output=True, text=True, check=False
        )

    made = run("venv", "--quiet", "--python", sys.executable, str(folder / "environment"))
    assert made.returncode == 0, made.stderr
    programs = folder / "environment" / "bin"
    into = ("pip", "install", "--quiet", "--python", str(programs / "python"))
    if run(*into, "--dry-run", "pyyaml").returncode != 0:
        pytest.skip("the package index cannot be reached from here")
    done = run(*into, f"overstap{extras} @ {wheel.as_uri()}")
    assert done.returncode == 0, done.stderr
    return programs
