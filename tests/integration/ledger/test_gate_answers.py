"""Tests of answers at gates, which the task validates again before they reach the ledger."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from families import ReviewRound, open_review_round
from owned import by_owner
from psycopg.conninfo import conninfo_to_dict
from test_walk import PO, REGION, ROUND, states
from test_window_end import begin, close

from overstap.ledger import Ledger, second_person
from overstap.ledger.read_only import ReadOnlyLedger
from overstap.ledger.review import decisions, windows
from overstap.ledger.rounds import coordinator_answers, gate_holds
from overstap.ledger.rounds.coordinator_answers import GivenAnswer
from overstap.ledger.rounds.gate_holds import NOT_INSPECTED, HoldReason
from overstap_tools.local.postgres import EmbeddedPostgres

HOLD, EXTEND, ATTEST = "Niet versturen", "Langer laten inzien", "School laten verklaren"


@pytest.fixture(scope="module", autouse=True)
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Airflow reads its settings when it is first imported; no process of it runs here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
        patch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
        yield


Answer = Callable[..., Any]


@pytest.fixture
def answer(ledger: Ledger, app_dsn: str, keys_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Answer:
    """Ask about two dossiers that nobody inspected, and give the answer that Airflow would hand to the task."""
    from overstap.agreements import RoundId
    from overstap.orchestration.gates import DecideNotInspected

    monkeypatch.setenv("OVERSTAP_LEDGER", app_dsn)
    monkeypatch.setenv("OVERSTAP_KEYS", str(keys_folder))
    region, year, kind = ROUND.split(".")
    gate = DecideNotInspected(
        task_id="not_inspected", ref=RoundId.of(region, year, kind), accounts=("coordinator",), question=1
    )
    ti = SimpleNamespace(id=uuid4(), run_id="run")

    def give(option: str, by: str = "coordinator", **filled: object) -> Any:
        event = {
            "chosen_options": [option],
            "params_input": {"scholen": None, "tot": None, "reden": None, **filled},
            "responded_at": datetime.now(UTC),
            "responded_by_user": {"id": "1", "name": by},
        }
        return gate.execute_complete({"ti": ti}, event)

    give.asking = ti.id  # type: ignore[attr-defined]
    give.gate = gate  # type: ignore[attr-defined]
    return give


def ask(ledger: Ledger, rule: str) -> None:
    begin(ledger, rule)
    close(ledger)
    with ledger.unit(REGION, "test") as unit:
        decisions.lapse(unit, ROUND)
        facts = {"school": "De Regenboog (99AB00)", "released": 2}
        gate_holds.update_holds(unit, ROUND, NOT_INSPECTED, [HoldReason(NOT_INSPECTED, 2, facts, PO)])


def decided(ledger: Ledger) -> list[tuple[str, str]]:
    with ledger.unit(REGION, "test") as unit:
        found = [(one.school, one.choice) for one in windows.decisions(unit, ROUND)]
        still_open = gate_holds.open_holds(unit, ROUND, NOT_INSPECTED)
    assert bool(found) != bool(still_open), "a question is open until it is decided, and not after"
    return found


def soon() -> str:
    return (datetime.now(UTC) + timedelta(hours=2)).isoformat()


def test_families_of_the_schools_that_are_named_get_longer(ledger: Ledger, answer: Answer) -> None:
    ask(ledger, "extend")
    assert answer(EXTEND, scholen=f" {PO.lower()} ; ", tot=soon()) == {"dossiers": 2}
    assert decided(ledger) == [(PO, "extend")]
    assert states(ledger) == ["in_review", "in_review"]


def test_no_school_named_means_every_school_of_the_question(ledger: Ledger, answer: Answer) -> None:
    ask(ledger, "attest")
    assert answer(ATTEST, reden="Gesprekken gevoerd") == {"dossiers": 2}
    assert decided(ledger) == [(PO, "attest")]


def test_holding_is_a_decision_too(ledger: Ledger, answer: Answer) -> None:
    ask(ledger, "extend")
    answer(HOLD)
    assert decided(ledger) == [(PO, "hold")]
    assert states(ledger) == ["not_inspected", "not_inspected"]


@pytest.mark.parametrize(
    ("rule", "option", "filled", "code"),
    [
        ("extend", EXTEND, {"tot": "morgen"}, "GATE-005"),
        ("extend", EXTEND, {}, "GATE-005"),
        ("extend", EXTEND, {"tot": "2020-01-01 10:00"}, "REVIEW-022"),
        ("extend", EXTEND, {"tot": "soon", "scholen": "12ZZ34"}, "GATE-006"),
        ("extend", ATTEST, {"reden": "Gezien"}, "REVIEW-020"),
        ("attest", ATTEST, {}, "GATE-005"),
        ("attest", ATTEST, {"reden": "x" * 501}, "GATE-005"),
        ("attest", ATTEST, {"reden": ["lijst"]}, "GATE-005"),
        ("attest", HOLD, {"onbekend veld": "x"}, "GATE-005"),
        ("attest", "Alles leveren", {}, "GATE-005"),
    ],
)
def test_an_answer_that_does_not_hold_changes_nothing(
    ledger: Ledger, answer: Answer, rule: str, option: str, filled: dict[str, object], code: str
) -> None:
    from overstap.orchestration.failures import StopError

    ask(ledger, rule)
    with pytest.raises(StopError, match=code):
        answer(option, **filled)
    assert decided(ledger) == []
    assert states(ledger) == ["not_inspected", "not_inspected"]


def test_what_was_typed_is_not_repeated_unless_it_is_a_school(ledger: Ledger, answer: Answer) -> None:
    from overstap.orchestration.failures import StopError

    ask(ledger, "extend")
    with pytest.raises(StopError, match="GATE-006") as refused:
        answer(EXTEND, scholen="Jan_de_Vries 12ZZ34", tot=soon())
    assert "VRIES" not in str(refused.value).upper()
    assert "12ZZ34" in str(refused.value)


def test_an_answer_of_the_board_counts_whatever_airflow_was_told(
    ledger: Ledger, answer: Answer, owner_dsn: str, postgres: EmbeddedPostgres
) -> None:
    """Somebody answers in Airflow in the same second: the first answer that the ledger has is carried out."""
    from overstap.orchestration.gate_names import answer_key

    ask(ledger, "extend")
    board = Ledger(postgres.dsn("overstap_board", str(conninfo_to_dict(owner_dsn)["dbname"])), None)
    given = GivenAnswer(NOT_INSPECTED, 1, "hold", "Gebeld", answer_key(answer.asking))  # type: ignore[attr-defined]
    kept = coordinator_answers.answer(board, ROUND, REGION, "coordinator", given)
    board.close()
    assert kept.dossiers == 2
    answer(EXTEND, by="stranger", tot="morgen")  # not even looked at
    assert decided(ledger) == [(PO, "hold")]
    assert states(ledger) == ["not_inspected", "not_inspected"]


def test_only_a_coordinator_of_the_round_answers(ledger: Ledger, answer: Answer) -> None:
    from overstap.orchestration.failures import StopError

    ask(ledger, "extend")
    for by in ("stranger", "", "Coordinator"):
        with pytest.raises(StopError, match="GATE-003"):
            answer(HOLD, by=by)
    assert decided(ledger) == []


def test_the_question_shows_what_may_be_decided_and_the_figures(ledger: Ledger, answer: Answer) -> None:
    from overstap.agreements import RoundId
    from overstap.orchestration.round_context import workplace

    ask(ledger, "extend")
    gate = answer.gate  # type: ignore[attr-defined]
    with workplace(RoundId(ROUND), "test") as place, place.ledger.unit(REGION, "test") as unit:
        facts = gate.ask(place, unit)
        assert gate.options == [HOLD, EXTEND]
        assert facts["count"] == "2"
        assert facts["rows"] == "| De Regenboog (99AB00) | 2 | 2 |"
    answer(HOLD)
    with workplace(RoundId(ROUND), "test") as place, place.ledger.unit(REGION, "test") as unit:
        assert gate.ask(place, unit) is None


FIRST, SECOND = "c.een", "c.twee"


@pytest.fixture
def two_persons(ledger: Ledger, app_dsn: str, keys_folder: Path, monkeypatch: pytest.MonkeyPatch) -> ReviewRound:
    """A round of which two persons release dossiers, with dossiers that were supplied anew."""
    monkeypatch.setenv("OVERSTAP_LEDGER", app_dsn)
    monkeypatch.setenv("OVERSTAP_KEYS", str(keys_folder))
    made = open_review_round(ledger, 4)
    people = [{"account": one, "name": one, "email": f"{one}@example.org"} for one in (FIRST, SECOND)]
    by_owner(
        ledger,
        "update overstap.round_agreement set agreement = agreement || %(change)s::jsonb",
        change=json.dumps({"four_eyes": ["release"], "coordinators": people}),
    )
    made.supply(*(made.changed(one, lambda pupil: pupil.update(roepnaam=["Anders"])) for one in made.families()))
    return made


def test_a_release_goes_on_by_itself_after_the_second_person(
    two_persons: ReviewRound, postgres: EmbeddedPostgres, app_dsn: str
) -> None:
    """The gate waits with its question, by what the triggerer may read, and a coordinator clears nothing."""
    from airflow.sdk.exceptions import TaskDeferred

    from overstap.agreements import RoundId
    from overstap.orchestration.failures import StopError
    from overstap.orchestration.gates import ReleaseForReview
    from overstap.orchestration.triggers import ReleaseConfirmed

    place, database = two_persons, str(conninfo_to_dict(app_dsn)["dbname"])
    gate = ReleaseForReview(task_id="release", ref=RoundId(place.round_id), accounts=(FIRST, SECOND), question=2)
    context: Any = {"ti": SimpleNamespace(id=uuid4(), run_id="run", xcom_pull=lambda task_ids: [1, 2])}
    event = {
        "chosen_options": ["Vrijgeven"],
        "params_input": {"reden": None},
        "responded_at": datetime.now(UTC),
        "responded_by_user": {"id": "1", "name": FIRST},
    }
    watching = ReadOnlyLedger(postgres.dsn("overstap_watch", database))
    board = Ledger(postgres.dsn("overstap_board", database), None)

    def request() -> UUID:
        with place.unit() as unit:
            [found] = second_person.waiting(unit)
        return found.request

    with pytest.raises(TaskDeferred) as waits:
        gate.execute_complete(context, event)
    path, arguments = waits.value.trigger.serialize()  # type: ignore[union-attr]
    assert path.endswith("ReleaseConfirmed")
    trigger = ReleaseConfirmed(**arguments)
    assert waits.value.method_name == "second_decided"
    assert trigger.seconds_left(watching) > 0
    for again in (lambda: gate.execute(context), lambda: gate.second_decided(context)):
        with pytest.raises(TaskDeferred) as still:  # cleared meanwhile: it asks nobody anew
            again()
        assert isinstance(still.value.trigger, ReleaseConfirmed)

    with board.unit(place.region.name, SECOND) as unit:
        second_person.withdraw_request(unit, request())
    assert trigger.seconds_left(watching) <= 0
    with pytest.raises(StopError, match="LEDGER-023"):
        gate.second_decided(context)

    with pytest.raises(TaskDeferred):
        gate.execute_complete(context, event | {"responded_at": datetime.now(UTC)})
    with board.unit(place.region.name, SECOND) as unit:
        assert second_person.confirm(unit, request()) is second_person.Confirmation.DONE
    assert trigger.seconds_left(watching) <= 0
    assert gate.second_decided(context) == {"confirmed": 1}
    with place.unit() as unit:
        assert {row[0] for row in unit.rows("select distinct state from overstap.dossier")} == {"in_review"}
    watching.close()
    board.close()
