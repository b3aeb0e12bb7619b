"""deploy/init takes the images of others by digest: run as it is, with a `docker` that answers as the real one does."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from overstap_tools.project import PROJECT

DIGEST = "postgres@sha256:" + "5" * 64
DOCKER = """#!/bin/bash
echo "$*" >> "$CALLS"
case "$*" in
"image inspect --format "*" postgres:18") [ -z "$DIGEST" ] || echo "$DIGEST" ;;
"pull "*) exit 1 ;;
esac
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "docker").write_text(DOCKER)
    (tmp_path / "bin" / "docker").chmod(0o755)
    (tmp_path / "project" / "deploy").mkdir(parents=True)
    shutil.copy(PROJECT / "deploy" / "init", tmp_path / "project" / "deploy" / "init")
    return tmp_path


def init(place: Path, *options: str, digest: str = DIGEST) -> tuple[str, str]:
    """Run it; return the last call of `docker`, and what was said."""
    (place / "calls").write_text("")
    env = os.environ | {
        "PATH": f"{place}/bin:{os.environ['PATH']}",
        "CALLS": str(place / "calls"),
        "DIGEST": digest,
        "CONFIGURATION": str(place / "etc"),
        "DATA": str(place / "data"),
    }
    command = [str(place / "project" / "deploy" / "init"), *options]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return (place / "calls").read_text().splitlines()[-1], done.stderr


def test_the_digest_is_taken(place: Path) -> None:
    called, said = init(place, "--trial")
    assert "overstap deploy init" in called
    assert f" --postgres-image {DIGEST} --trial" in called
    assert "by its tag" not in said


def test_an_image_without_a_digest_is_told(place: Path) -> None:
    called, said = init(place, digest="")
    assert "--postgres-image" not in called
    assert "postgres:18 has no digest on this machine" in said


@pytest.mark.parametrize("given", [("--postgres-image", "postgres:18"), ("--postgres-image=postgres:18",)])
def test_what_is_given_counts(place: Path, given: tuple[str, ...]) -> None:
    assert DIGEST not in init(place, *given)[0]


def test_what_was_chosen_stays(place: Path) -> None:
    (place / "project" / ".env").write_text("POSTGRES_IMAGE=postgres:18\n")
    called, said = init(place)
    assert "--postgres-image" not in called
    assert "by its tag" not in said


def test_redis_only_with_workers(place: Path) -> None:
    assert "redis" not in init(place)[1]
    assert "redis:8 has no digest" in init(place, "--workers", "2")[1]
