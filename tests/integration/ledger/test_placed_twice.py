"""A pupil placed at several schools: sealed for none until a coordinator said which placement holds."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from owned import by_owner
from psycopg.conninfo import conninfo_to_dict
from test_walk import NOW, PO, REGION, VO, incoming
from test_walk import agreement as of_advice

from overstap.agreements import Agreement, RoundKind
from overstap.agreements.model import RegistrationStage
from overstap.delivery.unusual import DeliverySituation, unusual
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.delivery import deliveries
from overstap.ledger.dossiers import dossiers
from overstap.ledger.invariants import check
from overstap.ledger.region_keys import sha256
from overstap.ledger.review import decisions
from overstap.ledger.rounds import coordinator_answers, gate_holds, placements, registrations, rounds
from overstap.ledger.rounds.gate_holds import PLACED_TWICE, RELEASE_FOR_DELIVERY
from overstap.ledger.rounds.placements import PlacedTwice
from overstap_tools.local.postgres import EmbeddedPostgres

OTHER, THIRD = "98XB00", "98XC00"
ONE, TWO = "999990019", "999990020"
YEAR = "2026-2027"


def agreement() -> Agreement:
    plain = of_advice().model_dump(mode="json")
    second = next(one for one in plain["schools"] if one["id"] == VO)
    plain["schools"] += [{**second, "id": OTHER, "name": "Het Lyceum"}, {**second, "id": THIRD, "name": "De Mavo"}]
    plain["rounds"] = {"placement": {**plain["rounds"]["advice"], "receivers": "placed"}}
    return Agreement.model_validate(plain)


ROUND = agreement().round_id("placement")


@pytest.fixture
def board(postgres: EmbeddedPostgres, ledger: Ledger, owner_dsn: str) -> Iterator[Ledger]:
    """The ledger as the board's login has it: without a key."""
    found = Ledger(postgres.dsn("overstap_board", str(conninfo_to_dict(owner_dsn)["dbname"])), None)
    yield found
    found.close()


@pytest.fixture
def inspected(ledger: Ledger) -> Ledger:
    """Two inspected dossiers: one of a pupil placed at two schools, one of a pupil placed at one."""
    with ledger.unit(REGION, "test") as unit:
        rounds.open_round(unit, agreement(), RoundKind.PLACEMENT)
        dossiers.store(unit, ROUND, PO, [incoming(ONE), incoming(TWO, b"<dossier>2</dossier>", "18")])
        supplied = [content.ref for content in dossiers.contents(unit, ROUND, ["supplied"])]
        dossiers.verdicts(unit, {ref: [] for ref in supplied})
    with ledger.unit(REGION, "coordinator") as unit:
        dossiers.decide_release(
            *(unit, ROUND),
            approved=True,
            decided_by="coordinator",
            reason="",
            answer_key="1",
            closes_at=datetime.now(UTC) + timedelta(hours=1),
        )
    with ledger.unit(REGION, "school") as unit:
        decided = [decisions.ReviewDecision(key, NOW.date(), "Ja", None) for key in ("17", "18")]
        decisions.record(unit, ROUND, PO, decided, ground="school_list")
    place(ledger, (ONE, VO), (ONE, OTHER), (TWO, VO))
    return ledger


def place(ledger: Ledger, *placed: tuple[str, str], stage: str = "placed", hours: int = 0) -> None:
    """State placements, and no others; what is stated no more is withdrawn."""
    with ledger.unit(REGION, "test") as unit:
        at = NOW + timedelta(hours=hours)
        stated = [registrations.Registration(pupil, PO, school, stage, at) for pupil, school in placed]
        registrations.record_registrations(unit, YEAR, stated)
        registrations.mark_unstated(unit, YEAR, placed)
        registrations.withdraw_unstated(unit, YEAR)


def seal(ledger: Ledger) -> list[str]:
    """Seal what may leave; return the schools, in order."""
    with ledger.unit(REGION, "test") as unit:
        claimed = deliveries.claim_to_seal(
            *(unit, ROUND, RegistrationStage.PLACED), senders=[PO], receivers=[VO, OTHER, THIRD], limit=10
        )
        sealed = [
            deliveries.Envelope(uuid4(), item.ref, school, b"sealed", sha256(b"sealed"), sha256(b"manifest"))
            for item in claimed
            for school in item.secondary_schools
        ]
        deliveries.keep_sealed(unit, ROUND, sealed)
        return sorted(item.secondary_school for item in sealed)


def listed(ledger: Ledger) -> list[PlacedTwice]:
    with ledger.unit(REGION, "test") as unit:
        return placements.placed_twice(unit, ROUND)


def reply(
    board: Ledger, found: PlacedTwice, *holds: str, by: str = "coordinator", reason: str = "Ouders kozen"
) -> bool:
    return coordinator_answers.answer_placement(board, ROUND, REGION, by, found, holds, reason)


def held(ledger: Ledger) -> list[tuple[int, str]]:
    """Look as before delivery; return question and reason of what is held for pupils placed twice."""
    with ledger.unit(REGION, "test") as unit:
        reasons = unusual(DeliverySituation((), placed_twice=placements.unanswered(unit, ROUND)))
        mine = [one for one in reasons if one.reason == PLACED_TWICE]
        found = gate_holds.update_holds(unit, ROUND, RELEASE_FOR_DELIVERY, mine)
    return [(one.batch, one.reason.subject.partition("/")[2]) for one in found]


def approve(ledger: Ledger, batch: int) -> None:
    with ledger.unit(REGION, "coordinator") as unit:
        gate_holds.decide(
            *(unit, ROUND, RELEASE_FOR_DELIVERY, batch),
            approved=True,
            decided_by="coordinator",
            reason="",
            answer_key=f"{batch}",
            dossiers=1,
        )


def sound(ledger: Ledger) -> None:
    with ledger.unit(REGION, "test") as unit:
        assert check(unit) == []


def states(ledger: Ledger) -> list[str]:
    with ledger.unit(REGION, "test") as unit:
        return [row[0] for row in unit.rows("select state from overstap.dossier order by dossier")]


def test_who_is_placed_twice_is_sealed_for_neither_and_the_others_go(inspected: Ledger) -> None:
    [found] = listed(inspected)
    assert (found.schools, found.primary_schools, found.answer) == ((VO, OTHER), (PO,), None)
    assert ONE not in repr(found)
    with inspected.unit(REGION, "test") as unit:
        sorted_out = deliveries.sort_receivers(unit, ROUND, RegistrationStage.PLACED)
        assert dict(sorted_out) == {"no_receiver": 0, "found_receiver": 0}
    assert held(inspected) == [(1, f"{VO}/{OTHER}")]
    with pytest.raises(psycopg.errors.CheckViolation, match="held"):
        seal(inspected)
    approve(inspected, 1)
    assert held(inspected) == []
    assert seal(inspected) == [VO]
    assert states(inspected) == ["inspected", "sealed"]
    with inspected.unit(REGION, "test") as unit:
        assert deliveries.waiting_to_seal(unit, ROUND) == 0
        left = unit.one("select overstap.close_round(%(round)s)", round=ROUND)[0]
    assert left == {"inspected": 1, "sealed": 1}
    sound(inspected)


def test_the_school_that_the_coordinator_names_receives_alone(inspected: Ledger, board: Ledger) -> None:
    [found] = listed(inspected)
    assert held(inspected)
    assert reply(board, found, OTHER) is True
    assert reply(board, found, OTHER) is False
    assert held(inspected) == []
    assert seal(inspected) == [VO, OTHER]
    [now] = listed(inspected)
    assert now.answer is not None
    assert (now.answer.holds, now.answer.decided_by, now.answer.reason) == ((OTHER,), "coordinator", "Ouders kozen")
    assert now.sealed_for == (OTHER,)
    with pytest.raises(OverstapError, match="GATE-015"):
        reply(board, found, VO)
    sound(inspected)


def test_both_hold_when_the_coordinator_says_so_and_the_check_knows(inspected: Ledger, board: Ledger) -> None:
    [found] = listed(inspected)
    reply(board, found, VO)
    reply(board, found, VO, OTHER, reason="Halve weken op beide scholen")  # nothing was sealed yet
    assert seal(inspected) == [VO, VO, OTHER]
    sound(inspected)
    by_owner(inspected, "update overstap.placement_answer set holds = array[schools[1]]")
    with inspected.unit(REGION, "test") as unit:
        why = {breach.why for breach in check(unit) if breach.invariant == "I9"}
    assert why == {"sealed for two placements of one pupil, without a coordinator's answer"}


def test_an_answer_given_after_the_sealing_does_not_make_it_right(inspected: Ledger, board: Ledger) -> None:
    [found] = listed(inspected)
    reply(board, found, VO, OTHER)
    seal(inspected)
    by_owner(inspected, "delete from overstap.placement_answer")
    with inspected.unit(REGION, "test") as unit:
        assert "I9" in {one.invariant for one in check(unit)}
    by_owner(
        inspected,
        "insert into overstap.placement_answer (region, round_id, pupil, schools, holds, reason, decided_by) "  # noqa: S608
        f"select '{REGION}', '{ROUND}', d.pupil, array['{VO}', '{OTHER}'], array['{VO}', '{OTHER}'], 'x', 'x' "
        "from overstap.dossier d",
    )
    with inspected.unit(REGION, "test") as unit:
        assert "I9" in {one.invariant for one in check(unit)}


def test_a_changed_list_asks_again_about_what_changed_alone(inspected: Ledger, board: Ledger) -> None:
    place(inspected, (ONE, VO), (ONE, OTHER), (TWO, VO), (TWO, THIRD))
    assert [batch for batch, _ in held(inspected)] == [1, 1]
    approve(inspected, 1)
    assert held(inspected) == []
    place(inspected, (ONE, VO), (ONE, OTHER), (ONE, THIRD), (TWO, VO), (TWO, THIRD))
    assert held(inspected) == [(2, f"{VO}/{OTHER}/{THIRD}")]
    for one in listed(inspected):
        reply(board, one, VO)
    assert held(inspected) == []
    place(inspected, (ONE, VO), (ONE, OTHER), (TWO, VO), (TWO, THIRD), hours=1)
    assert [(one.schools, one.answer is None) for one in listed(inspected)] == [
        ((VO, OTHER), True),
        ((VO, THIRD), False),
    ]
    assert held(inspected) == []  # that these go on waiting was approved in question 1
    assert seal(inspected) == [VO]
    place(inspected, (ONE, OTHER), (TWO, VO), (TWO, THIRD), hours=2)
    assert seal(inspected) == [OTHER]
    sound(inspected)


def test_what_was_sealed_for_one_does_not_leave_while_a_second_placement_is_asked_about(
    inspected: Ledger, board: Ledger
) -> None:
    place(inspected, (ONE, VO), (TWO, VO))
    assert seal(inspected) == [VO, VO]
    place(inspected, (ONE, VO), (ONE, OTHER), (TWO, VO))
    [found] = listed(inspected)
    assert found.sealed_for == (VO,)
    with inspected.unit(REGION, "test") as unit:
        assert len(deliveries.claim_to_send(unit, ROUND, VO, limit=10)) == 1
    reply(board, found, VO)
    with inspected.unit(REGION, "test") as unit:
        assert len(deliveries.claim_to_send(unit, ROUND, VO, limit=10)) == 2
    sound(inspected)


@pytest.mark.parametrize(
    ("holds", "by", "reason", "code"),
    [
        ((VO,), "somebody", "x", "GATE-013"),
        ((), "coordinator", "x", "GATE-005"),
        ((THIRD,), "coordinator", "x", "GATE-005"),
        ((VO, THIRD), "coordinator", "x", "GATE-005"),
        ((VO,), "coordinator", "  ", "GATE-005"),
        ((VO,), "coordinator", "x" * 501, "GATE-005"),
    ],
)
def test_what_is_no_answer_is_refused(
    inspected: Ledger, board: Ledger, holds: tuple[str, ...], by: str, reason: str, code: str
) -> None:
    [found] = listed(inspected)
    with pytest.raises(OverstapError, match=code):
        reply(board, found, *holds, by=by, reason=reason)
    assert listed(inspected)[0].answer is None
    assert seal(inspected) == [VO]


def test_an_answer_about_placements_that_changed_meanwhile_does_not_count(inspected: Ledger, board: Ledger) -> None:
    [found] = listed(inspected)
    place(inspected, (ONE, VO), (ONE, THIRD), (TWO, VO))
    with pytest.raises(OverstapError, match="GATE-014"):
        reply(board, found, OTHER)
    with board.unit("beta", "coordinator") as unit, pytest.raises(psycopg.errors.NoDataFound):
        unit.one(
            "select overstap.answer_placement(%(r)s, %(p)s, array['a', 'b'], array['a'], 'x')", r=ROUND, p=found.pupil
        )


def test_another_region_sees_none_and_no_login_writes_or_fakes_one(inspected: Ledger, board: Ledger) -> None:
    [found] = listed(inspected)
    with inspected.unit("beta", "test") as unit:
        assert placements.placed_twice(unit, ROUND) == []
    with inspected.unit(REGION, "test") as unit, pytest.raises(psycopg.errors.InsufficientPrivilege):
        unit.run("delete from overstap.placement_answer")
    with inspected.unit(REGION, "test") as unit, pytest.raises(psycopg.errors.InsufficientPrivilege):
        unit.one("select overstap.audit('placement.answer', array['x'], array['{}'])")
    reply(board, found, VO)
    by_owner(inspected, "update overstap.placement_answer set holds = schools")
    with inspected.unit(REGION, "test") as unit:
        assert any("placement.answer" in breach.why for breach in check(unit))


def test_in_a_round_of_another_kind_nothing_is_asked(ledger: Ledger) -> None:
    plain = agreement().model_dump(mode="json")
    plain["rounds"] = {"advice": plain["rounds"]["placement"]}
    other = Agreement.model_validate(plain)
    with ledger.unit(REGION, "test") as unit:
        rounds.open_round(unit, other, RoundKind.ADVICE)
        dossiers.store(unit, other.round_id("advice"), PO, [incoming(ONE)])
    place(ledger, (ONE, VO), (ONE, OTHER))
    with ledger.unit(REGION, "test") as unit:
        assert placements.placed_twice(unit, other.round_id("advice")) == []
        assert unit.one("select count(*) from overstap.may_receive")[0] == 2
