"""Every task fails for real, says in its log what is wrong and what to do, and is mended by doing that and clearing it.

On a round that is complete, so that what a rerun changes would show: nothing at all (docs/rerun.md).
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from overstap_tools.project import PROJECT

from .conftest import _KEPT, PlayedRound

GATES = ("release", "not_inspected", "release_for_delivery", "accept_undeliverable")
ROUND = (
    *("open_round", "data_due", "registrations", "plan_guests", "check", "questions"),
    *("invite", "review_opens", "review", "end_review", "window_questions"),
    *("delivers", "end_extended", "receivers", "delivery_questions", "seal", "receipts"),
    *("closing_questions", "close"),
)
PER_SCHOOL = ("collect", "collect_guests", "deliver")
"""Mapped tasks cannot be cut out of their DAG: the story itself makes `collect` fail, tests/faults `deliver`."""
DAILY = ("plan_day", "check_early")
TELLING = ("tell", "invite_late", "send_mail")


@contextlib.contextmanager
def away(*paths: Path) -> Iterator[None]:
    """Take files or folders away, and put them back."""
    for path in paths:
        path.rename(path.with_name(f"{path.name}.away"))
    try:
        yield
    finally:
        for path in paths:
            path.with_name(f"{path.name}.away").rename(path)


@contextlib.contextmanager
def no_login(played_round: PlayedRound) -> Iterator[None]:
    """Let the ledger refuse its application's login."""
    with psycopg.connect(played_round.deployment.owner_dsn, autocommit=True) as connection:
        connection.execute("alter role overstap_app nologin")
        try:
            yield
        finally:
            connection.execute("alter role overstap_app login")


def kept(played_round: PlayedRound) -> dict[str, list[str]]:
    return {name: played_round.deployment.dump(name) for name in (*_KEPT, "receipt", "dossier_event", "gate_hold")}


def red(played_round: PlayedRound) -> list[tuple]:
    return played_round.deployment.rows(
        "select task, school, code, who from overstap.task_failure where ended_at is null order by task, school"
    )


@pytest.mark.fault("F24")
def test_a_ledger_that_is_away_turns_every_task_red_and_clearing_changes_nothing(played_round: PlayedRound) -> None:
    before = kept(played_round)
    with no_login(played_round):
        played = played_round.airflow.play(only=list(ROUND))
        mail = played_round.airflow.play(dag="notices__{region}", only=list(TELLING))
        daily = played_round.airflow.play(dag="intake__{region}", only=list(DAILY))
    tried = {name.split("[")[0] for name in played.tasks}
    assert tried == set(ROUND)
    assert {state for one in (played, mail, daily) for state in one.tasks.values()} == {"failed"}
    for one in (played, mail, daily):
        assert one.log.count("LEDGER-006 | ") >= 2 * len(one.tasks), "in Dutch, and in English"
        assert one.log.count("Nu doen | ") >= len(one.tasks)
    assert red(played_round) == [], "where the ledger is away nothing can be kept in it: Airflow shows the red square"
    again = played_round.airflow.play(only=list(ROUND))
    assert set(again.tasks.values()) == {"success"}
    assert kept(played_round) == before
    assert played_round.deployment.breaches() == []


def test_what_is_taken_away_is_told_by_its_code_and_put_back(played_round: PlayedRound) -> None:
    deployment = played_round.deployment
    region = deployment.region.name
    with (
        away(
            deployment.folder / "region" / "regions" / region / f"{deployment.agreement.school_year}.yaml",
            deployment.drop / region / str(deployment.agreement.registrations.file),
            deployment.folder / "trust" / "conductor",
        ),
    ):
        played = played_round.airflow.play(only=["open_round", "registrations", "close"])
    found = {(task, school): (code, who) for task, school, code, who in red(played_round)}
    assert found["open_round", None] == ("AGREEMENT-003", "region")
    assert found["registrations", None][0] == "INTAKE-030"
    assert found["close", None] == ("TRUST-001", "administrator")
    assert set(played.tasks.values()) == {"failed"}
    for code, _ in found.values():
        assert f"{code} | " in played.log
        assert f"### {code}" in (PROJECT / "docs" / "errors.md").read_text(encoding="utf-8")
    again = played_round.airflow.play(only=["open_round", "registrations", "close"])
    assert set(again.tasks.values()) == {"success"}
    assert red(played_round) == []


def test_the_mail_server_is_away_and_comes_back(played_round: PlayedRound) -> None:
    """Through Airflow's connection: what was told of the whole story lies in the mail boxes in the end, once."""
    deployment = played_round.deployment
    mail = "notices__{region}"
    assert played_round.airflow.play(dag=mail, only=["tell"]).state == "success"
    assert played_round.airflow.play(dag=mail, only=["send_mail"]).state == "failed"
    assert red(played_round) == [("send_mail", None, "MAIL-001", "administrator")]
    deployment.mail.start()
    try:
        assert played_round.airflow.play(dag=mail).state == "success"
        assert red(played_round) == []
        states = deployment.rows("select state, count(*) from overstap.mail group by 1")
        assert [state for state, _ in states] == ["sent"]
        [person] = deployment.agreement.coordinators
        boxes = {path.name for path in deployment.mail.folder.iterdir()}
        assert boxes == {person.email, *(school.contact for school in deployment.agreement.schools)}
        before = sum(1 for _ in deployment.mail.folder.rglob("*.eml"))
        played_round.airflow.play(dag=mail)
        assert sum(1 for _ in deployment.mail.folder.rglob("*.eml")) == before
    finally:
        deployment.mail.stop()


def test_the_guide_tells_of_every_task_and_every_task_was_made_to_fail(played_round: PlayedRound) -> None:
    guide = (PROJECT / "docs" / "rerun.md").read_text(encoding="utf-8")
    dags = played_round.airflow.greeting["dags"]
    assert dags
    for task in (*ROUND, *PER_SCHOOL, *GATES, *DAILY, *TELLING, "collect_early"):
        assert f"`{task}`" in guide, task


@pytest.mark.parametrize("gate", GATES[:1])
def test_a_gate_that_failed_is_in_the_ledger(played_round: PlayedRound, gate: str) -> None:
    assert (gate, None, "GATE-001", "region", False) in played_round.refused.red
    assert ("questions", None, "GATE-002", "region", False) in played_round.empty.red
