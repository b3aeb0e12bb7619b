"""Test of an upgrade in the middle of a round, and of the way back, by the commands of docs/upgrading.md."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import yaml
from deployed import KIND, REGION, Deployed, build_options, new_place

from overstap_tools.demo.people import CoordinatorClient
from overstap_tools.local.waiting import wait_until
from overstap_tools.project import PROJECT

PREVIOUS = "15f0bb86"
"""It lacks the ledger's migration 0005, and all services but the parents' pages sign in to the ledger as one."""
DAG = f"round__{REGION}__{KIND}"
PATIENCE = 900
"""Seconds that a busy machine may take for one step."""


@dataclass(frozen=True)
class Filled:
    """A deployment of the previous version whose round waits for its release, and what its ledger held."""

    deployed: Deployed
    run_id: str
    held: str


@pytest.fixture(scope="module")
def filled(request: pytest.FixtureRequest) -> Iterator[Filled]:
    """Started with the previous version, a round opened and collected, and backed up."""
    known = subprocess.run(["git", "-C", str(PROJECT), "cat-file", "-e", PREVIOUS], capture_output=True)
    if known.returncode:
        pytest.skip(f"upgrade: the previous version, commit {PREVIOUS}, is not in this repository's history")
    with new_place(request.config, "upgrade", previous=PREVIOUS) as deployed:
        if deployed.stage("filled") is None:
            options = ["--trial", "--project", deployed.project, "--network", deployed.network]
            options += [f"--{name}-port {deployed.ports[name]}" for name in ("board", "review", "school")]
            first = f"{deployed.documented('install', 'deploy/init --address')} {' '.join(options)}"
            deployed.run(first, BUILD_OPTIONS=build_options())
            deployed.write_region(deployed.make_region(12))
            _as_agreed_then(deployed)
            deployed.do("install", "deploy/init --address")
            deployed.supply(deployed.agreement())
            deployed.do("install", "docker compose up")
            run_id = _waits_for_release(deployed)
            deployed.do("backup", "age-keygen")
            deployed.do("backup", "deploy/backup")
            deployed.passed("filled", f"{run_id}\n{_held(deployed)}")
        run_id, _, held = (deployed.stage("filled") or "").partition("\n")
        yield Filled(deployed, run_id, held)


def _as_agreed_then(deployed: Deployed) -> None:
    """Take out of the agreement what the previous version does not know; all of it has a default since."""
    path = next((deployed.place / "etc" / "regions" / REGION).glob("[0-9]*.yaml"))
    agreed = yaml.safe_load(path.read_text())
    del agreed["registrations"]["mapping"]
    for one in agreed["rounds"].values():
        del one["older_advice"]
    path.write_text(yaml.safe_dump(agreed))


def _waits_for_release(deployed: Deployed) -> str:
    """Wait until the round's first question waits for an answer; return its run."""
    with deployed.api() as api:
        asks = CoordinatorClient(api, DAG)
        wait_until(lambda: DAG in {dag["dag_id"] for dag in api.dags()}, DAG, PATIENCE)
        wait_until(lambda: bool(api.runs(DAG)), f"a run of {DAG}", PATIENCE)
        run_id = str(api.runs(DAG)[0]["dag_run_id"])
        wait_until(lambda: asks.question(run_id) is not None, "the question to release", PATIENCE)
    return run_id


def _held(deployed: Deployed) -> str:
    """Return what the ledger holds, as far as no background work changes it."""
    return deployed.psql(
        "select state || ' ' || count(*) from overstap.dossier group by state union all "
        "select 'versions ' || count(*) from overstap.dossier_version order by 1"
    )


@pytest.fixture(scope="module")
def upgraded(filled: Filled) -> Filled:
    """Brought to this checkout."""
    if filled.deployed.stage("upgraded") is None:
        filled.deployed.publish()
        filled.deployed.do("upgrading", "git pull")
        filled.deployed.passed("upgraded")
    return filled


def test_a_filled_ledger_is_carried_over_and_the_round_goes_on(upgraded: Filled) -> None:
    deployed = upgraded.deployed
    assert "accepted" in upgraded.held
    assert _held(deployed) == upgraded.held
    assert f"{REGION}: I1-I13 hold" in deployed.admin("overstap ledger check")
    assert "good    ledger schema" in deployed.admin("overstap doctor --only ledger", check=False)
    assert deployed.psql("select name from public.overstap_migration where name ~ '^0005'")
    with deployed.coordinator() as api:
        asks = CoordinatorClient(api, DAG)

        def is_released() -> bool:
            question = asks.question(upgraded.run_id)
            if question is not None:
                asks.answer(upgraded.run_id, question)
            return api.states(DAG, upgraded.run_id).get(("invite", -1)) == "success"

        wait_until(is_released, "the round to go on", PATIENCE)


def test_back_to_the_previous_version_with_its_backup(upgraded: Filled) -> None:
    deployed = upgraded.deployed
    said = deployed.do("upgrading", "docker compose down")
    assert re.search(rf"{REGION}: I1-I\d+ hold", said)  # as many as that version knows
    assert _held(deployed) == upgraded.held
    assert not deployed.psql("select name from public.overstap_migration where name ~ '^0005'")
    assert _waits_for_release(deployed) == upgraded.run_id
