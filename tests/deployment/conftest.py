"""Fixtures of deployment tests, which are skipped with a reason without a container engine."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from deployed import Deployed, new_place


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what is here unless it was asked for and can be."""
    mine = [item for item in items if Path(__file__).parent in item.path.parents]
    reason = _why_not(config) if mine else None
    if reason:
        for item in mine:
            item.add_marker(pytest.mark.skip(reason=reason))


def _why_not(config: pytest.Config) -> str | None:
    if not config.getoption("--deployment"):
        return "deployment in containers: only with `make test-deployment`"
    for name in ("docker", "age", "nginx", "openssl"):
        if shutil.which(name) is None:
            return f"deployment in containers: {name} is not on this machine"
    asked = ["docker", "compose", "version"], ["docker", "info"]
    if any(subprocess.run(words, capture_output=True).returncode for words in asked):
        return "deployment in containers: no container engine answers (docker info)"
    return None


@pytest.fixture(scope="module")
def deployed(request: pytest.FixtureRequest) -> Iterator[Deployed]:
    """A deployment in a folder of its own; everything of it goes at the end."""
    with new_place(request.config, "round") as made:
        yield made
