"""The DAG that takes in what schools left for us, through Airflow itself: one of them collects by hand."""

import os

from forked import run

from overstap.agreements import Agreement
from overstap.delivery.channels.folder import Folder
from overstap.ledger.rounds.round_agreements import add_version

from .conftest import PlayedRound
from .deployment import RegionDeployment

DAG = "answers__{region}"


def agreed(deployment: RegionDeployment, agreement: Agreement) -> None:
    with deployment.ledger() as ledger, ledger.unit(deployment.region.name, deployment.coordinator) as unit:
        given = {"origin": "form", "offered_digest": agreement.digest, "taken_by": deployment.coordinator}
        add_version(unit, deployment.round_id, agreement, **given)  # type: ignore[arg-type]


def test_what_lies_in_a_folder_is_taken_in_once(played_round: PlayedRound) -> None:
    deployment, airflow = played_round.deployment, played_round.airflow
    assert airflow.play(dag=DAG).tasks.keys() == {"plan_answers", "take_answers"}, "nobody collects by hand"
    school = deployment.region.secondary[0].id
    schools = tuple(
        one.model_copy(update={"receives": Folder(way="folder")}) if one.id == school else one
        for one in deployment.agreement.schools
    )
    received = sorted(path.name for path in (deployment.store(school) / "dossiers").iterdir())[:3]
    place = deployment.folder / "outbox" / deployment.region.name / school
    given = ["--school", school, "--store", str(deployment.store(school)), "--out", str(place)]

    def state(messages: list[str], outcome: str, *more: str) -> None:
        words = ["receive", "result", *messages, "--outcome", outcome, *more, *given]
        run(["-m", "overstap", *words], env=os.environ | deployment.settings, check=True)

    state(received[:2], "imported")
    state(received[2:], "rejected", "--reason", "incomplete")
    results = [path.read_bytes() for path in sorted(place.glob("*.result.cms"))]
    (place / f"{received[0]}.receipt.cms").write_bytes(results[0])  # a lie that nobody waits for
    agreed(deployment, deployment.agreement.model_copy(update={"schools": schools}))
    try:
        taken = airflow.play(dag=DAG)
        again = airflow.play(dag=DAG)
    finally:
        agreed(deployment, deployment.agreement)
    assert (taken.state, taken.tasks) == ("success", {"plan_answers": "success", "take_answers[0]": "success"})
    assert again.tasks == taken.tasks
    [label] = set(taken.labels.values())
    assert deployment.agreement.school(school).name in label
    kept = deployment.rows("select outcome, count(*) from overstap.result group by 1 order by 1")
    assert kept == [("imported", 2), ("rejected", 1)]
    assert deployment.breaches() == []
