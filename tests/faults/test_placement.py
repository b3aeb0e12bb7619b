"""Test of a whole placement round, from drop folder to feedback: placed, not placed, not shown up."""

import csv
import io
import os
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from forked import run
from integration.round.deployment import RegionDeployment, build

from overstap.agreements import RoundKind
from overstap.clock import dutch_time, now
from overstap.delivery.channels.folder import Folder
from overstap.delivery.stored_evidence import receipt_fault
from overstap.ledger.invariants import ExternalEvidence, check
from overstap.receiver.folder_store import envelope_digests as stored
from overstap.simulation.synthetic.region import make_region
from overstap_tools.local.postgres import EmbeddedPostgres

from .conftest import RunTask, agreed_anew, inspected, opened
from .desks import OVERSTAP, desk
from .receiving_ends import receiving
from .steps import seal, send


@pytest.fixture
def deployment(server: EmbeddedPostgres, tmp_path: Path) -> Iterator[RegionDeployment]:
    region = make_region(
        3, 60, 1, 2, today=dutch_time(now()).date(), name="alfa", late=0, faulty=0, littered=0, database=0
    )
    found = build(tmp_path, server, region, review=timedelta(hours=1), las=False, kind=RoundKind.PLACEMENT)
    yield found
    found.close()


def overstap(deployment: RegionDeployment, *words: object) -> str:
    ran = run(
        [*OVERSTAP, *map(str, words)],
        env=os.environ | deployment.settings | {"COLUMNS": "200"},
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr + ran.stdout
    return ran.stdout


def test_what_became_of_each_pupil_comes_back_to_the_primary_school(
    deployment: RegionDeployment, run_task: RunTask, tmp_path: Path
) -> None:
    pushed, by_hand = (one.id for one in deployment.region.secondary)
    opened(deployment)
    inspected(deployment)
    deployment.receive(pushed)
    agreement = agreed_anew(deployment, receiving(deployment, by_hand, Folder(way="folder")))
    with deployment.ledger() as ledger:
        seal(deployment, ledger, agreement)
        assert send(deployment, pushed, ledger, agreement=agreement).keys() == {"accepted"}
        send(deployment, by_hand, ledger, agreement=agreement, outbox=deployment.folder / "outbox")
    place, store = deployment.folder / "outbox" / "alfa" / by_hand, tmp_path / "store"
    overstap(deployment, "open", *sorted(place.glob("*.cms")), "--school", by_hand, "--store", store)
    year = agreement.school_year
    assert [one["school"] for one in run_task(deployment, "plan_answers", year)] == [by_hand]
    taken = run_task(deployment, "take_answers", year, "placement", by_hand, "label")
    assert taken["accepted"] == len(stored(store)) > 1

    # One school says it at the desk, the other beside the envelopes; one changes its mind
    said: dict[str, str] = {}
    outcomes = ("placed", "not_placed", "not_shown_up")
    at_desk, in_folder = (sorted(map(str, stored(one))) for one in (deployment.store(pushed), store))
    with desk(deployment) as (address, _):
        for number, message in enumerate(at_desk[:3]):
            said[message] = outcomes[number % 3]
            given = ("--school", pushed, "--store", deployment.store(pushed), "--desk", address)
            overstap(deployment, "receive", "result", message, "--outcome", said[message], *given)
        said[at_desk[0]] = "not_shown_up"
        overstap(deployment, "receive", "result", at_desk[0], "--outcome", "not_shown_up", *given)
    for number, message in enumerate(in_folder[:2]):
        said[message] = outcomes[number]
        given = ("--school", by_hand, "--store", store, "--out", str(place))
        overstap(deployment, "receive", "result", message, "--outcome", said[message], *given)
    assert run_task(deployment, "take_answers", year, "placement", by_hand, "label")["results"] == 2
    current = dict(
        deployment.rows("select message_id::text, outcome from overstap.current_result where kind = 'placement'")
    )
    assert current == said

    primary = deployment.region.primary[0]
    overstap(
        deployment, "deliver", "results", deployment.round_id, "--school", primary.id, "--out", tmp_path / "terug.csv"
    )
    lines = list(csv.DictReader(io.StringIO((tmp_path / "terug.csv").read_text("utf-8-sig")), delimiter=";"))
    assert {line["leerlingid"] for line in lines} <= {pupil.las_key for pupil in deployment.region.pupils()}
    words = {"placed": "geplaatst", "not_placed": "niet geplaatst", "not_shown_up": "niet verschenen"}
    told = Counter(line["plaatsing"] for line in lines if line["plaatsing"])
    assert told == Counter(words[outcome] for outcome in said.values())
    with deployment.ledger() as ledger, ledger.unit("alfa", "test") as unit:
        stores = {pushed: stored(deployment.store(pushed)), by_hand: stored(store)}
        assert list(check(unit, ExternalEvidence(stores, receipt_fault(deployment.trust())))) == []
