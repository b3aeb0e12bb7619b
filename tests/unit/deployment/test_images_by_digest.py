"""deploy/init takes the images of others by digest: run as it is, with a `docker` that answers as the real one does."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from overstap.deployment.choices import Choices
from overstap_tools.project import PROJECT

DIGEST = "postgres@sha256:" + "5" * 64
DOCKER = """#!/bin/bash
echo "$*" >> "$CALLS"
case "$*" in
"image inspect overstap:local") [ -z "${UNBUILT:-}" ] ;;
"image inspect --format "*" postgres:18") [ -z "$DIGEST" ] || echo "$DIGEST" ;;
"image inspect --format "*) [ -z "$DIGEST" ] || echo "${@: -1}" | sed "s/:[^:]*$/@sha256:${DIGEST##*:}/" ;;
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
    shutil.copy(PROJECT / "Dockerfile", tmp_path / "project" / "Dockerfile")
    return tmp_path


def init(place: Path, *options: str, digest: str = DIGEST, **more: str) -> tuple[str, str]:
    """Run it; return the last call of `docker`, and what was said."""
    (place / "calls").write_text("")
    env = os.environ | {
        "PATH": f"{place}/bin:{os.environ['PATH']}",
        "CALLS": str(place / "calls"),
        "DIGEST": digest,
        "CONFIGURATION": str(place / "etc"),
        "DATA": str(place / "data"),
        **more,
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
    assert "--redis-image redis@sha256:" in init(place, "--workers", "2")[0]
    assert "redis:8 has no digest" in init(place, "--workers", "2", digest="")[1]


def test_what_watches_is_by_digest_once_it_is_used(place: Path) -> None:
    assert "prometheus" not in init(place)[0]
    env = place / "project" / ".env"
    env.write_text(
        "PROMETHEUS_IMAGE=prom/prometheus:v3.5.0\nGRAFANA_IMAGE=grafana/grafana:12.2.0\n"
        "COMPOSE_FILE=docker-compose.yaml:deploy/compose.monitoring.yaml\n"
    )
    called, _ = init(place)
    assert "--prometheus-image prom/prometheus@sha256:" in called
    assert "--grafana-image grafana/grafana@sha256:" in called
    env.write_text(env.read_text().replace("grafana:12.2.0", "grafana@sha256:" + "6" * 64))
    called, _ = init(place)
    assert "--grafana-image" not in called  # as it was chosen
    assert "--prometheus-image" in called


def test_our_own_image_is_built_upon_a_digest(place: Path) -> None:
    init(place, UNBUILT="1")
    [built] = [one for one in (place / "calls").read_text().splitlines() if one.startswith("build ")]
    assert "--build-arg BASE=apache/airflow@sha256:" in built
    assert "--label overstap.base=apache/airflow@sha256:" in built
    init(place, UNBUILT="1", BUILD_OPTIONS="--build-arg BASE=apache/airflow:own")
    [built] = [one for one in (place / "calls").read_text().splitlines() if one.startswith("build ")]
    assert built.count("BASE=") == 1


def test_help_pulls_and_builds_nothing_and_makes_no_folder(place: Path) -> None:
    called, _ = init(place, "--help")
    assert called == "run --rm --network none overstap:local overstap deploy init --help"
    with pytest.raises(AssertionError, match="docker build --tag overstap:local"):
        init(place, "--help", UNBUILT="1")
    assert not [one for one in (place / "calls").read_text().splitlines() if one.startswith(("pull", "build", "run"))]
    assert not (place / "etc").exists()
    assert not (place / "data").exists()


def test_a_docker_that_does_not_answer_is_told_before_anything_is_made(place: Path) -> None:
    (place / "bin" / "docker").write_text(DOCKER.replace('"pull "*)', '"pull "*|info)'))
    with pytest.raises(AssertionError, match="Docker does not answer"):
        init(place, "--trial")
    assert not (place / "etc").exists()


def test_a_bundle_takes_no_option_for_a_folder(place: Path) -> None:
    shutil.copy(PROJECT / "deploy" / "bundle", place / "project" / "deploy" / "bundle")
    words = [str(place / "project" / "deploy" / "bundle"), "--help"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr.partition(":")[0]) == (2, "# deploy/bundle [FOLDER]")


def test_the_tags_are_those_that_are_used_without() -> None:
    said = (PROJECT / "deploy" / "init").read_text()
    usual = (PROJECT / "deploy" / "compose.monitoring.yaml").read_text()
    fields = Choices.__dataclass_fields__
    for name in ("postgres_image", "redis_image", "prometheus_image", "grafana_image"):
        assert f" {fields[name].default} " in said, name
    for name in ("prometheus_image", "grafana_image"):
        assert f"${{{name.upper()}:-{fields[name].default}}}" in usual, name
