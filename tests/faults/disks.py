"""Small disks that can be full: a tmpfs mounted for one test."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, megabytes: int, *, owner: tuple[int, int] | None = None) -> Iterator[Path]:
    """Mount a disk of a few megabytes at a folder; what was in the folder lies on it, and stays there afterwards.

    Skips the test where nobody may mount: it takes root on Linux.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("a full disk takes a mount, which takes root")
    aside = folder.with_name(f"{folder.name}.aside")
    _copy(folder, aside)
    uid, gid = owner or (0, 0)
    options = f"size={megabytes}m,mode=0700,uid={uid},gid={gid}"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "overstap-faults", str(folder)], capture_output=True, text=True
    )
    if done.returncode != 0:
        shutil.rmtree(aside)
        pytest.skip(f"a full disk takes a mount: {done.stderr.strip()}")
    try:
        _copy(aside, folder)
        shutil.rmtree(aside)
        yield folder
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        _copy(folder, aside)
        subprocess.run(["umount", str(folder)], check=True)
        _copy(aside, folder)
        shutil.rmtree(aside)


def grow(folder: Path, megabytes: int) -> None:
    """Give a mounted disk more room."""
    subprocess.run(["mount", "-o", f"remount,size={megabytes}m", str(folder)], check=True)


def _copy(source: Path, target: Path) -> None:
    """Copy with owners and modes, as `cp -a` does."""
    target.mkdir(exist_ok=True)
    subprocess.run(["cp", "-a", f"{source}/.", str(target)], check=True)
