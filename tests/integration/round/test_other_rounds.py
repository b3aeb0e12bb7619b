"""A round to a partnership, and runs that a form narrows or moves: played through Airflow as they are run."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg import sql

from overstap.agreements import RoundKind
from overstap.clock import dutch_time, now
from overstap.envelope.envelope import DOSSIER_FILE
from overstap.ledger.rounds import rounds
from overstap.oso import read
from overstap.oso.model import Dossier
from overstap.simulation.synthetic.agreement import PARTNERSHIP
from overstap.simulation.synthetic.region import SyntheticRegion, make_region
from overstap.simulation.synthetic.support import supported, write_support
from overstap_tools.local.postgres import EmbeddedPostgres

from .airflow_home import Played, Players
from .conftest import Schools
from .deployment import RegionDeployment, build

WITHOUT = 2
"""Place of the school that has no pupil for the partnership."""


@dataclass
class PlayedRound:
    deployment: RegionDeployment
    region: SyntheticRegion
    too_far: Played
    """A form that moves a moment further than was agreed."""
    by_stranger: Played
    """The same form as below, of somebody who does not coordinate."""
    narrowed: Played
    """One primary and one secondary school, and receipts due a day later."""
    support: Played


@pytest.fixture(scope="module")
def played_round(
    server: EmbeddedPostgres, players: Players, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PlayedRound]:
    today = dutch_time(now()).date()
    region = make_region(11, 9, 3, 2, today=today, name="alfa", late=0, faulty=0, littered=0, database=0)
    folder, review = tmp_path_factory.mktemp("other"), timedelta(minutes=20)
    deployment = build(
        *(folder, server, region), may_shift="{receipts_due: 2}", review=review, las=False, to_partnership=True
    )
    for school in region.primary[:WITHOUT]:
        write_support(region, school, deployment.folder / "region")
    deployment.receive_all()
    airflow = players.open(deployment)
    schools = Schools(deployment)
    schools.start()
    due = deployment.round.milestones.receipts_due
    form = {"alleen_scholen": [region.primary[0].id, region.secondary[0].id], "waarom": "eerst deze twee"}
    try:
        yield PlayedRound(
            deployment,
            region,
            too_far=airflow.play(only=["open_round"], conf=later(form, due, 3), by=deployment.coordinator),
            by_stranger=airflow.play(only=["open_round"], conf=form, by="stranger"),
            narrowed=airflow.play(conf=later(form, due, 1), by=deployment.coordinator),
            support=airflow.play(dag="round__{region}__support"),
        )
    finally:
        schools.over.set()
        airflow.close()
        deployment.close()


def later(form: dict[str, Any], due: datetime, days: int) -> dict[str, Any]:
    return form | {"receipts_due": (due + timedelta(days=days)).isoformat()}


def test_a_form_beyond_the_agreed_bounds_is_refused_with_the_reason(played_round: PlayedRound) -> None:
    assert played_round.too_far.tasks["open_round"] == "failed"
    assert played_round.too_far.state == "failed"
    assert "AGREEMENT-021" in played_round.too_far.log
    assert "het moment Bevestigd uiterlijk mag u hoogstens 2 dagen verzetten" in played_round.too_far.log


def test_only_a_coordinator_steers(played_round: PlayedRound) -> None:
    assert played_round.by_stranger.tasks["open_round"] == "failed"
    assert (
        "alleen een coördinator van deze regio mag een moment verzetten of een ronde weer openen"
        in played_round.by_stranger.log
    )
    assert played_round.deployment.rows("select distinct asked_by from overstap.run_change") == [
        (played_round.deployment.coordinator,)
    ]


def test_a_narrowed_run_is_about_the_chosen_schools_only(played_round: PlayedRound) -> None:
    played, deployment = played_round.narrowed, played_round.deployment
    assert played.tasks["complete"] == played.state == "success"
    sender, receiver = played_round.region.primary[0].id, played_round.region.secondary[0].id
    for task, schools in (("collect", played_round.region.primary), ("deliver", played_round.region.secondary)):
        chosen = {sender, receiver} & {school.id for school in schools}
        labels = [label for name, label in played.labels.items() if name.startswith(f"{task}[")]
        assert len(labels) == len(schools)
        for label in labels:
            assert label.endswith("(niet in deze uitvoering)") is not any(
                f"({school})" in label for school in chosen
            ), label
    assert {school for _, school in of(deployment, "dossier", "primary_school")} == {sender}
    assert [closed for _, closed in of(deployment, "round", "closed_at")] == [None], "the others' are on their way"
    delivered = of(deployment, "delivery", "secondary_school", "attempts")
    assert {school for _, school, attempts in delivered if attempts} == {receiver}


def of(deployment: RegionDeployment, table: str, *columns: str, kind: RoundKind = RoundKind.ADVICE) -> list[tuple]:
    """Return columns of the rows of one round, the round's id first."""
    names = sql.SQL(", ").join(map(sql.Identifier, ("round_id", *columns)))
    query = sql.SQL("select {} from {} where round_id = {}")
    return deployment.rows(query.format(names, sql.Identifier("overstap", table), deployment.agreement.round_id(kind)))


def test_the_ledger_says_who_asked_what_of_the_run_and_the_moved_moment_holds(played_round: PlayedRound) -> None:
    deployment = played_round.deployment
    schools = sorted([played_round.region.primary[0].id, played_round.region.secondary[0].id])
    [(_, run, *asked)] = of(deployment, "run_change", "run_id", "asked_by", "reason", "schools")
    assert asked == [deployment.coordinator, "eerst deze twee", schools]
    columns = ("number", "origin", "taken_by", "reason", "changes")
    opened, (_, *moved, changes) = sorted(of(deployment, "round_agreement", *columns), key=lambda row: row[1])
    assert opened[2] == "opened"
    assert moved == [2, "form", deployment.coordinator, "eerst deze twee"]
    assert [(one["path"], one["allowed"]) for one in changes] == [("rounds.advice.milestones.receipts_due", True)]
    with deployment.ledger() as ledger, ledger.unit(deployment.region.name, "test") as unit:
        holds = rounds.get_round(unit, deployment.round_id).agreement.round(RoundKind.ADVICE).milestones.receipts_due
    assert holds == deployment.round.milestones.receipts_due + timedelta(days=1)
    lines = [json.loads(line) for (line,) in deployment.rows("select payload from overstap.audit_line order by seq")]
    [narrowed] = [line["detail"] for line in lines if line["action"] == "run.narrow"]
    [form] = [line["detail"] for line in lines if line["action"] == "agreement.form"]
    assert narrowed == {"run": run, "schools": schools, "by": deployment.coordinator}
    assert (form["by"], form["changed"]) == (deployment.coordinator, ["rounds.advice.milestones.receipts_due"])


def test_a_round_to_a_partnership_goes_without_parents_and_without_registrations(played_round: PlayedRound) -> None:
    played = played_round.support
    names = {name.partition("[")[0] for name in played.tasks}
    assert not names & {"registrations", "invite", "review_opens", "review", "end_review", "not_inspected"}
    assert {"release_to_partnership", "seal", "deliver", "receipts", "close"} <= names
    assert set(played.tasks.values()) == {"success"}
    [label] = [label for label in played.labels.values() if label.endswith("(niets aangeleverd)")]
    assert played_round.region.primary[WITHOUT].id in label, "a school need not have such a pupil"


def test_the_partnership_has_every_dossier_confirmed_and_nobody_else_has_one(played_round: PlayedRound) -> None:
    deployment, wanted = (
        played_round.deployment,
        sum(len(supported(played_round.region, one)) for one in played_round.region.primary[:WITHOUT]),
    )
    kind = RoundKind.SUPPORT
    assert [row[1:] for row in of(deployment, "dossier", "state", kind=kind)] == [("confirmed",)] * wanted
    delivered = of(deployment, "delivery", "secondary_school", "state", kind=kind)
    assert [row[1:] for row in delivered] == [(PARTNERSHIP, "confirmed")] * wanted
    decisions = [
        row[1:] for row in of(deployment, "gate_decision", "gate", "approved", "decided_by", "dossiers", kind=kind)
    ]
    assert decisions == [("release_for_review", True, deployment.coordinator, wanted)]
    opened = list(dossiers(deployment, PARTNERSHIP))
    assert len(opened) == wanted
    for dossier in opened:
        assert dossier.profile == "POSWV"
        assert dossier.pupil_number is None
        assert "inzage" not in dossier.tree


def dossiers(deployment: RegionDeployment, school: str) -> Iterator[Dossier]:
    """Read what a receiver stored."""
    for place in sorted((deployment.store(school) / "dossiers").iterdir()):
        yield read((place / DOSSIER_FILE).read_bytes())


def test_the_ledger_holds_with_both_rounds_in_it(played_round: PlayedRound) -> None:
    assert played_round.deployment.breaches() == []
    assert played_round.deployment.count("refused_input") == 0, "files for the one round are no faults in the other"
