"""Tests of the daily retention task: erasure after the agreed period, and not a day earlier."""

import shutil
from collections.abc import Callable

import psycopg
from integration.round.deployment import RegionDeployment
from owned import tell_closed

from .conftest import PUPILS, RunTask


def test_a_closed_round_is_erased_when_its_days_are_over(
    at_brink: Callable[[str], RegionDeployment], run_task: RunTask
) -> None:
    deployment = at_brink("sealed")
    region = deployment.folder / "region"
    shared = region.resolve()
    region.unlink()
    shutil.copytree(shared, region)
    [agreement] = region.glob("regions/alfa/*.yaml")
    agreed = "retention: {content_days: 90, traces_days: 730}"
    agreement.write_text(agreement.read_text().replace("retention: null", agreed))
    before = deployment.states()
    assert run_task(deployment, "retain", deployment.agreement.school_year) == {
        "content": 0,
        "traces": 0,
        "of_rounds": 0,
    }
    with psycopg.connect(deployment.owner_dsn, autocommit=True) as owner:
        owner.execute("update overstap.round set closed_at = clock_timestamp() - interval '91 days'")
        tell_closed(owner, deployment.region.name, deployment.round_id)
    done = run_task(deployment, "retain", deployment.agreement.school_year)
    waiting = before["sealed"]
    assert done["content"] == PUPILS - waiting, "what waits for a receipt stays"
    assert done["traces"] == 0
    with psycopg.connect(deployment.owner_dsn, autocommit=True) as owner:
        owner.execute("update overstap.dossier set state = 'undelivered' where state = 'sealed'")  # given up
        owner.execute("update overstap.round set closed_at = clock_timestamp() - interval '731 days'")
    assert run_task(deployment, "retain", deployment.agreement.school_year)["traces"] == PUPILS
    assert deployment.breaches() == []
