"""Test of a dossier through all states of the ledger, on PostgreSQL."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from owned import by_owner

from overstap.agreements import Agreement, RoundKind
from overstap.agreements.model import RegistrationStage
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.delivery import circuit_breaker, deliveries, non_delivery
from overstap.ledger.dossiers import dossiers
from overstap.ledger.invariants import Breach, check
from overstap.ledger.region_keys import sha256
from overstap.ledger.review import decisions
from overstap.ledger.rounds import registrations, rounds

REGION = "alfa"
PO, VO = "99AB00", "98XA00"
PUPIL = "999990019"
NOW = datetime.now(UTC)


def agreement(region: str = REGION) -> Agreement:
    moments = ["opens", "data_due", "review_opens", "review_closes", "delivers", "receipts_due"]
    return Agreement.model_validate(
        {
            "region": region,
            "name": "Alfa",
            "school_year": "2026-2027",
            "coordinators": [{"account": "coordinator", "name": "Co", "email": "co@example.org"}],
            "schools": [
                {
                    "id": PO,
                    "name": "De Regenboog",
                    "kind": "PO",
                    "contact": "po@example.org",
                    "supplies": {"way": "drop_folder"},
                },
                {
                    "id": VO,
                    "name": "Het College",
                    "kind": "VO",
                    "contact": "vo@example.org",
                    "receives": {"way": "push", "url": "https://127.0.0.1:1"},
                },
            ],
            "rounds": {
                "advice": {
                    "receivers": "registered",
                    "milestones": {
                        name: NOW + timedelta(hours=place - 4 if name != "receipts_due" else 5)
                        for place, name in enumerate(moments)
                    },
                }
            },
        }
    )


ROUND = agreement().round_id("advice")


def incoming(pupil: str = PUPIL, text: bytes = b"<dossier/>", las_key: str = "17") -> dossiers.IncomingDossier:
    return dossiers.IncomingDossier(pupil, las_key, text, sha256(text), "2019.1", "drop_folder")


def supply(ledger: Ledger, *group: dossiers.IncomingDossier) -> dossiers.StoreCounts:
    with ledger.unit(REGION, "test") as unit:
        rounds.open_round(unit, agreement(), RoundKind.ADVICE)
        return dossiers.store(unit, ROUND, PO, group)


def accept_all(ledger: Ledger) -> None:
    with ledger.unit(REGION, "test") as unit:
        supplied = [content.ref for content in dossiers.contents(unit, ROUND, ["supplied"])]
        dossiers.verdicts(unit, {ref: [] for ref in supplied})


def release(ledger: Ledger, key: str = "answer 1", *, closes_in: float = 3600) -> int:
    with ledger.unit(REGION, "coordinator") as unit:
        return dossiers.decide_release(
            unit,
            ROUND,
            approved=True,
            decided_by="coordinator",
            reason="",
            answer_key=key,
            closes_at=datetime.now(UTC) + timedelta(seconds=closes_in),
        )


def inspect(ledger: Ledger, pupil: str = "17") -> decisions.DecisionOutcomes:
    with ledger.unit(REGION, "school") as unit:
        decision = decisions.ReviewDecision(pupil, date(2027, 1, 12), "Nee", "Ik zie het anders.")
        return decisions.record(unit, ROUND, PO, [decision], ground="school_list")


def register(ledger: Ledger, stage: str = "registered") -> int:
    with ledger.unit(REGION, "test") as unit:
        return registrations.record_registrations(
            unit,
            "2026-2027",
            [
                registrations.Registration(
                    PUPIL,
                    PO,
                    VO,
                    stage,
                    NOW + timedelta(seconds=list(RegistrationStage).index(RegistrationStage(stage))),
                )
            ],
        )


def seal(ledger: Ledger) -> list[UUID]:
    with ledger.unit(REGION, "test") as unit:
        claimed = deliveries.claim_to_seal(
            unit, ROUND, RegistrationStage.REGISTERED, senders=[PO], receivers=[VO], limit=10
        )
        sealed = [
            deliveries.Envelope(uuid4(), item.ref, school, b"sealed", sha256(b"sealed"), sha256(b"manifest"))
            for item in claimed
            for school in item.secondary_schools
        ]
        deliveries.keep_sealed(unit, ROUND, sealed)
        return [item.message_id for item in sealed]


def send(ledger: Ledger, outcome: str = "accepted", receipt: bytes | None = b"receipt") -> int:
    with ledger.unit(REGION, "test") as unit:
        leased = deliveries.claim_to_send(unit, ROUND, VO, limit=10)
    with ledger.unit(REGION, "test") as unit:
        deliveries.settle(unit, [deliveries.AttemptResult(item.message_id, outcome, None, receipt) for item in leased])
    return len(leased)


def states(ledger: Ledger) -> list[str]:
    with ledger.unit(REGION, "test") as unit:
        return [row[0] for row in unit.rows("select state from overstap.dossier order by dossier")]


def breaches(ledger: Ledger) -> list[Breach]:
    with ledger.unit(REGION, "test") as unit:
        return check(unit)


def test_a_dossier_walks_from_supply_to_confirmation(ledger: Ledger) -> None:
    assert supply(ledger, incoming()) == dossiers.StoreCounts(new=1)
    accept_all(ledger)
    assert release(ledger) == 1
    assert inspect(ledger).recorded == (0,)
    assert register(ledger) == 1
    assert len(seal(ledger)) == 1
    assert send(ledger) == 1
    assert states(ledger) == ["confirmed"]
    assert breaches(ledger) == []


def test_every_step_again_changes_nothing(ledger: Ledger) -> None:
    supply(ledger, incoming())
    accept_all(ledger)
    release(ledger)
    inspect(ledger)
    register(ledger)
    seal(ledger)
    send(ledger)
    assert supply(ledger, incoming()) == dossiers.StoreCounts(unchanged=1)
    accept_all(ledger)
    assert release(ledger) == 1  # the same answer: what it covered then, nothing more
    assert release(ledger, "answer 2") == 0
    assert inspect(ledger).repeated == (0,)
    assert register(ledger) == 0
    assert seal(ledger) == []
    assert send(ledger) == 0
    assert states(ledger) == ["confirmed"]
    assert breaches(ledger) == []


def test_a_changed_dossier_needs_its_own_release_and_inspection(ledger: Ledger) -> None:
    supply(ledger, incoming())
    accept_all(ledger)
    release(ledger)
    inspect(ledger)
    register(ledger)
    assert supply(ledger, incoming(text=b"<dossier>new</dossier>")) == dossiers.StoreCounts(changed=1)
    assert states(ledger) == ["supplied"]
    assert seal(ledger) == []
    accept_all(ledger)
    assert seal(ledger) == []
    assert release(ledger, "answer 2") == 1
    assert seal(ledger) == []
    assert inspect(ledger).recorded == (0,)
    assert len(seal(ledger)) == 1


def test_what_was_sent_is_not_replaced(ledger: Ledger) -> None:
    supply(ledger, incoming())
    accept_all(ledger)
    release(ledger)
    inspect(ledger)
    register(ledger)
    seal(ledger)
    assert supply(ledger, incoming(text=b"<dossier>late</dossier>")) == dossiers.StoreCounts(too_late=1)


@pytest.mark.parametrize("stage", ["applied", None])
def test_nobody_receives_without_the_agreed_registration(ledger: Ledger, stage: str | None) -> None:
    supply(ledger, incoming())
    accept_all(ledger)
    release(ledger)
    inspect(ledger)
    if stage:
        register(ledger, stage)
    assert seal(ledger) == []
    with ledger.unit(REGION, "test") as unit:
        assert deliveries.sort_receivers(unit, ROUND, RegistrationStage.REGISTERED)["no_receiver"] == 1
    assert states(ledger) == ["no_receiver"]
    register(ledger, "placed")
    with ledger.unit(REGION, "test") as unit:
        assert deliveries.sort_receivers(unit, ROUND, RegistrationStage.REGISTERED)["found_receiver"] == 1
    assert len(seal(ledger)) == 1


def test_a_decision_after_the_window_does_not_count(ledger: Ledger) -> None:
    supply(ledger, incoming())
    accept_all(ledger)
    release(ledger, closes_in=-1)
    assert inspect(ledger).not_open == (0,)
    with ledger.unit(REGION, "test") as unit:
        assert decisions.lapse(unit, ROUND) == 1
    assert states(ledger) == ["not_inspected"]


def test_marking_dossiers_inspected_by_hand_lets_nothing_leave(ledger: Ledger) -> None:
    supply(ledger, incoming())
    accept_all(ledger)
    register(ledger)
    # allowed steps, but without a gate or a parent behind them
    for state in ("in_review", "inspected"):
        step = f"update overstap.dossier set state = '{state}'"  # noqa: S608
        refused = pytest.raises(psycopg.errors.CheckViolation, match="which a decision does")
        with refused, ledger.unit(REGION, "somebody") as unit:
            unit.run(step)
        by_owner(ledger, step)
    assert seal(ledger) == []


def test_a_step_that_is_not_in_the_table_is_refused(ledger: Ledger) -> None:
    supply(ledger, incoming())
    with (
        pytest.raises(psycopg.errors.CheckViolation, match="supplied -> confirmed"),
        ledger.unit(REGION, "test") as unit,
    ):
        unit.run("update overstap.dossier set state = 'confirmed'")


def test_a_receipt_that_does_not_count_leaves_it_unconfirmed(ledger: Ledger) -> None:
    supply(ledger, incoming())
    accept_all(ledger)
    release(ledger)
    inspect(ledger)
    register(ledger)
    seal(ledger)
    send(ledger, "unverified")
    assert states(ledger) == ["sealed"]
    with ledger.unit(REGION, "test") as unit:
        assert [one.count for one in non_delivery.mark_undelivered(unit, ROUND)] == [1]
    assert send(ledger) == 0  # nothing goes by itself any more: it was told, a person decides
    with ledger.unit(REGION, "coordinator") as unit:
        assert non_delivery.mark_undelivered(unit, ROUND) == []
        assert circuit_breaker.resend(unit, ROUND) == (1, 0)
    assert send(ledger, "accepted") == 1  # a late receipt still counts
    assert states(ledger) == ["confirmed"]
    assert breaches(ledger) == []


@pytest.mark.fault("F68")
def test_another_region_sees_and_takes_nothing(ledger: Ledger) -> None:
    supply(ledger, incoming())
    with ledger.unit("beta", "test") as unit:
        assert unit.rows("select * from overstap.dossier") == []
        assert unit.rows("select * from overstap.audit_line") == []
        assert unit.run("update overstap.dossier set state = 'accepted'") == 0
    with pytest.raises(psycopg.errors.InsufficientPrivilege), ledger.unit("beta", "test") as unit:
        unit.run("insert into overstap.audit_line values ('alfa', 99, '{}', sha256('x'))")
    with pytest.raises(OverstapError, match="LEDGER-001"), ledger.unit("gamma", "test"):
        pass


def test_the_evidence_cannot_be_changed_by_the_application(ledger: Ledger) -> None:
    supply(ledger, incoming())
    for statement in ("update overstap.audit_line set payload = ''", "delete from overstap.audit_line"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), ledger.unit(REGION, "test") as unit:
            unit.run(statement)


@pytest.mark.parametrize(
    ("damage", "invariant"),
    [
        ("update overstap.dossier_version set released_by = null", "I1"),
        ("delete from overstap.review_decision", "I1"),
        ("delete from overstap.application", "I1"),
        ("update overstap.delivery set state = 'sealed'", "I3"),
        ("update overstap.delivery set envelope = 'x'", "I3"),
        ("update overstap.delivery set attempts = 2", "I5"),
        ("update overstap.audit_line set payload = replace(payload, 'test', 'tost') where seq = 3", "I5"),
        ("delete from overstap.audit_line where seq = 2", "I5"),
        ("update overstap.dossier_version set content = set_byte(content, 20, 255 - get_byte(content, 20))", "I6"),
        ("alter table overstap.dossier disable row level security", "I7"),
        ("insert into overstap.dossier_event select * from overstap.dossier_event", "I8"),
        (
            "alter table overstap.dossier disable trigger all; "
            "update overstap.dossier set version = 2; alter table overstap.dossier enable trigger all",
            "I4",
        ),
    ],
)
def test_the_checker_names_what_is_broken(ledger: Ledger, owner_dsn: str, damage: str, invariant: str) -> None:
    supply(ledger, incoming())
    accept_all(ledger)
    release(ledger)
    inspect(ledger)
    register(ledger)
    seal(ledger)
    send(ledger)
    assert breaches(ledger) == []
    with psycopg.connect(owner_dsn) as connection:
        connection.execute(damage)
    assert invariant in {breach.invariant for breach in breaches(ledger)}


def test_nobody_skips_the_inspection_of_a_round_that_has_one(ledger: Ledger) -> None:
    supply(ledger, incoming())
    accept_all(ledger)
    with pytest.raises(psycopg.errors.CheckViolation, match="accepted -> inspected"), ledger.unit(REGION, "x") as unit:
        unit.run("update overstap.dossier set state = 'inspected'")
    assert states(ledger) == ["accepted"]
