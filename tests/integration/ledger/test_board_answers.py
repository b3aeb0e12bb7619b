"""Tests of what a coordinator decides on the board, by the functions that its login may execute and no others."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from uuid import UUID

import psycopg
import pytest
from owned import by_owner
from psycopg.conninfo import conninfo_to_dict
from test_registrations_gone import NUMBERS, collect, line
from test_walk import PO, REGION, ROUND, VO, accept_all, agreement, incoming, inspect, register, release, seal, states
from test_window_end import begin, close

from overstap.agreements import RoundKind
from overstap.delivery.unusual import MANY_UNSTATED
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.dossiers import dossiers, outstanding
from overstap.ledger.invariants import check
from overstap.ledger.review import decisions, invitations
from overstap.ledger.review.invitations import EntitledPerson, Invitation
from overstap.ledger.rounds import coordinator_answers, gate_decisions, gate_holds, registrations, rounds
from overstap.ledger.rounds.coordinator_answers import GivenAnswer, KeptAnswer
from overstap.ledger.rounds.gate_holds import (
    ACCEPT_UNDELIVERABLE,
    NOT_INSPECTED,
    RELEASE_FOR_DELIVERY,
    HoldReason,
)
from overstap.ledger.session import UnitOfWork
from overstap_tools.local.postgres import EmbeddedPostgres

RELEASE = "release_for_review"


@pytest.fixture
def board(postgres: EmbeddedPostgres, ledger: Ledger, owner_dsn: str) -> Iterator[Ledger]:
    """The ledger as the board's login has it: without a key."""
    found = Ledger(postgres.dsn("overstap_board", str(conninfo_to_dict(owner_dsn)["dbname"])), None)
    yield found
    found.close()


def answer(
    board: Ledger,
    gate: str = RELEASE,
    choice: str = "approve",
    *,
    by: str = "coordinator",
    question: int = 1,
    key: str = "asked 1",
    round_id: str = ROUND,
    region: str = REGION,
    **more: object,
) -> KeptAnswer:
    given = GivenAnswer(gate, question, choice, str(more.pop("reason", "Klopt zo")), key, **more)  # type: ignore[arg-type]
    return coordinator_answers.answer(board, round_id, region, by, given)


def undo(board: Ledger, ledger: Ledger, by: str = "coordinator") -> str:
    with ledger.unit(REGION, "test") as unit:
        newest = gate_decisions.of_round(unit, ROUND)[-1].decision
    assert newest is not None
    return coordinator_answers.take_back(board, ROUND, REGION, by, newest, reason="Vergist", key=f"taken back {newest}")


def can_undo(board: Ledger) -> bool:
    with board.unit(REGION, "board") as unit:
        return coordinator_answers.undoable(unit, ROUND) is not None


def told(ledger: Ledger) -> list[tuple[str, str, str]]:
    """Return gate, account and whether each decision of the round was approved, as the audit chain tells them."""
    with ledger.unit(REGION, "test") as unit:
        return unit.rows(
            "select p ->> 'action', p -> 'detail' ->> 'by', p ->> 'actor' from "
            "(select payload::jsonb as p, seq from overstap.audit_line) l "
            "where p ->> 'action' like 'gate.%%' and p ->> 'action' not like 'gate.hold%%' order by seq"
        )


@pytest.fixture
def accepted(ledger: Ledger) -> Ledger:
    """Two dossiers that wait for the coordinator's release."""
    supply_two(ledger)
    return ledger


def supply_two(ledger: Ledger) -> None:
    with ledger.unit(REGION, "test") as unit:
        rounds.open_round(unit, agreement(), RoundKind.ADVICE)
        dossiers.store(unit, ROUND, PO, [incoming(), incoming("999990020", b"<dossier>2</dossier>", "18")])
    accept_all(ledger)


def sound(ledger: Ledger) -> None:
    with ledger.unit(REGION, "test") as unit:
        assert check(unit) == []


def add_another(ledger: Ledger) -> None:
    """Let a second coordinator be in the agreement that holds."""
    by_owner(
        ledger,
        "update overstap.round_agreement set agreement = jsonb_set(agreement, '{coordinators,1}', "
        '\'{"account": "other", "name": "An", "email": "an@example.org"}\')',
    )


def refused(code: str) -> "pytest.RaisesExc[OverstapError]":
    return pytest.raises(OverstapError, match=code)


def test_a_release_from_the_board_is_a_decision_with_its_line(board: Ledger, accepted: Ledger) -> None:
    assert answer(board) == KeptAnswer("coordinator", "approve", 2, is_new=True)
    assert states(accepted) == ["in_review", "in_review"]
    assert told(accepted) == [(f"gate.{RELEASE}", "coordinator", "coordinator")]
    with accepted.unit(REGION, "test") as unit:
        opens, closes = unit.one("select min(review_opens_at), min(review_closes_at) from overstap.dossier")
        agreed = agreement().round(RoundKind.ADVICE)
        # The moments are the agreement's and the database's own, whatever a page says
        assert opens == agreed.milestones.review_opens
        assert abs(closes - datetime.now(UTC) - agreed.review_minimum) < timedelta(minutes=1)
    sound(accepted)


def test_not_yet_releases_nothing(board: Ledger, accepted: Ledger) -> None:
    assert answer(board, choice="reject").choice == "reject"
    assert states(accepted) == ["accepted", "accepted"]
    assert answer(board, key="asked again").choice == "approve"
    assert states(accepted) == ["in_review", "in_review"]


def test_the_first_of_two_answers_counts_and_the_other_reads_whose_it_was(board: Ledger, accepted: Ledger) -> None:
    add_another(accepted)
    at_once = Barrier(2)
    boards = [board, Ledger(board._dsn, None)]

    def press(which: int) -> KeptAnswer:
        at_once.wait()
        return answer(boards[which], choice=("approve", "reject")[which], by=("coordinator", "other")[which])

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(press, range(2))
    boards[1].close()
    assert sorted((first.is_new, second.is_new)) == [False, True]
    assert (first.account, first.choice) == (second.account, second.choice)
    assert len(told(accepted)) == 1
    assert states(accepted) == ["in_review" if first.choice == "approve" else "accepted"] * 2
    sound(accepted)


def test_only_who_answers_in_this_round(board: Ledger, accepted: Ledger) -> None:
    for by in ("stranger", "", "Coordinator", "coordinator "):
        with refused("GATE-013"):
            answer(board, by=by)
    add_another(accepted)
    by_owner(
        accepted,
        "update overstap.round_agreement set agreement = "
        "jsonb_set(agreement, '{rounds,advice,gate_answered_by}', '[\"other\"]')",
    )
    with pytest.raises(OverstapError, match="GATE-013") as said:
        answer(board)
    assert "other" in said.value.message_nl
    assert states(accepted) == ["accepted", "accepted"]
    assert told(accepted) == []


def test_another_regions_round_is_not_there(board: Ledger, accepted: Ledger) -> None:
    with refused("LEDGER-009"):
        answer(board, region="beta")
    with board.unit("beta", "coordinator") as unit:
        assert coordinator_answers.undoable(unit, ROUND) is None
    assert states(accepted) == ["accepted", "accepted"]


@pytest.mark.parametrize(
    ("gate", "choice", "code"),
    [
        (RELEASE, "extend", "GATE-005"),
        (RELEASE, "", "GATE-005"),
        ("reopen", "approve", "GATE-014"),
        ("take_back", "approve", "GATE-014"),
        (RELEASE_FOR_DELIVERY, "approve", "GATE-014"),
    ],
)
def test_what_is_no_answer_changes_nothing(board: Ledger, accepted: Ledger, gate: str, choice: str, code: str) -> None:
    with refused(code):
        answer(board, gate, choice)
    with refused("GATE-005"):
        answer(board, reason="x" * 501)
    assert states(accepted) == ["accepted", "accepted"]
    assert told(accepted) == []


def test_a_question_that_was_answered_is_not_answered_again(board: Ledger, accepted: Ledger) -> None:
    release(accepted)
    with refused("GATE-014"):
        answer(board)
    with refused("GATE-014"):
        answer(board, question=2)  # nothing waits for release


def hold(ledger: Ledger, gate: str, *reasons: HoldReason) -> None:
    with ledger.unit(REGION, "test") as unit:
        gate_holds.update_holds(unit, ROUND, gate, reasons)


@pytest.mark.parametrize("gate", [RELEASE_FOR_DELIVERY, ACCEPT_UNDELIVERABLE])
def test_what_stands_in_the_way_is_settled_by_yes_only(board: Ledger, accepted: Ledger, gate: str) -> None:
    hold(accepted, gate, HoldReason("refused", 3), HoldReason("school_missing", 9, {"school": "x"}, PO))
    for choice, left in (("reject", 2), ("approve", 0)):
        kept = answer(board, gate, choice, key=choice)
        assert kept.dossiers == (3 if gate == ACCEPT_UNDELIVERABLE else 0)
        with accepted.unit(REGION, "test") as unit:
            assert len(gate_holds.open_holds(unit, ROUND, gate)) == left
    sound(accepted)


def test_sending_nevertheless_withdraws_exactly_the_registrations_of_the_question(
    board: Ledger, ledger: Ledger, tmp_path: Path
) -> None:
    supply_two(ledger)
    collect(ledger, tmp_path, *map(line, NUMBERS))
    collect(ledger, tmp_path, *map(line, NUMBERS[:2]))
    with ledger.unit(REGION, "test") as unit:
        gone = registrations.unstated(unit, "2026-2027")
    hold(ledger, RELEASE_FOR_DELIVERY, HoldReason(MANY_UNSTATED, gone.missing, {}, gone.digest))
    answer(board, RELEASE_FOR_DELIVERY, "reject", key="no")
    with ledger.unit(REGION, "test") as unit:
        assert registrations.unstated(unit, "2026-2027") == gone
    answer(board, RELEASE_FOR_DELIVERY)
    with ledger.unit(REGION, "test") as unit:
        assert registrations.unstated(unit, "2026-2027").in_force == 2
    sound(ledger)


def ask_about_window(ledger: Ledger, rule: str) -> None:
    begin(ledger, rule)
    close(ledger)
    with ledger.unit(REGION, "test") as unit:
        decisions.lapse(unit, ROUND)
    hold(ledger, NOT_INSPECTED, HoldReason(NOT_INSPECTED, 2, {"school": "x", "released": 2}, PO))


@pytest.mark.parametrize(
    ("rule", "choice", "more"),
    [
        ("extend", "attest", {"reason": "Gezien"}),
        ("withhold", "extend", {}),
        ("extend", "extend", {}),
        ("extend", "extend", {"until": datetime(2020, 1, 1, tzinfo=UTC)}),
        ("extend", "extend", {"until": datetime.now(UTC) + timedelta(days=99)}),
        ("attest", "attest", {"reason": ""}),
        ("extend", "hold", {"schools": (VO,)}),
        ("extend", "approve", {}),
    ],
)
def test_about_the_window_only_what_was_agreed(
    board: Ledger, ledger: Ledger, rule: str, choice: str, more: dict[str, object]
) -> None:
    ask_about_window(ledger, rule)
    with refused("GATE-005"):
        answer(board, NOT_INSPECTED, choice, **more)
    assert states(ledger) == ["not_inspected", "not_inspected"]


def test_families_of_the_chosen_schools_get_longer(board: Ledger, ledger: Ledger) -> None:
    ask_about_window(ledger, "extend")
    until = datetime.now(UTC) + timedelta(hours=1)
    assert answer(board, NOT_INSPECTED, "extend", schools=(PO,), until=until).choice == "extend"
    assert states(ledger) == ["in_review", "in_review"]
    with ledger.unit(REGION, "test") as unit:
        assert gate_holds.open_holds(unit, ROUND, NOT_INSPECTED) == []
    assert not can_undo(board)  # families have the longer time already
    sound(ledger)


def invite(ledger: Ledger) -> None:
    """Queue the invitation of one family, as the task does."""
    with ledger.unit(REGION, "invite") as unit:
        [ref, *_] = [found.ref for found in dossiers.contents(unit, ROUND, ["in_review"])]
        invite_in(unit, ref)


def invite_in(unit: UnitOfWork, ref: dossiers.VersionRef) -> None:
    invitations.entitle(unit, [EntitledPerson(ref, "p1", "carer")])
    invitations.note(unit, [Invitation(ref, "p1", "email", 0, None)])
    unit.run(
        "insert into overstap.mail (region, round_id, meaning, kind, is_urgent, key_id, content) "
        "values (%(region)s, %(round)s, %(meaning)s, 'invitation', false, 'k', 'x')",
        region=REGION,
        round=ROUND,
        meaning=invitations.meaning(ref, "p1"),
    )


def undoing(board: Ledger) -> tuple[Ledger, str, str, str, UUID]:
    """Return the arguments with which the decision that can be taken back is taken back."""
    with board.unit(REGION, "board") as unit:
        found = coordinator_answers.undoable(unit, ROUND)
    assert found is not None
    return board, ROUND, REGION, "coordinator", found.decision


def counted(ledger: Ledger, table: str) -> int:
    with ledger.unit(REGION, "test") as unit:
        return int(unit.one(f"select count(*) from overstap.{table}")[0])  # noqa: S608


def test_a_release_is_taken_back_while_nobody_was_told(board: Ledger, accepted: Ledger) -> None:
    answer(board)
    invite(accepted)
    assert can_undo(board)
    assert undo(board, accepted) == RELEASE
    assert states(accepted) == ["accepted", "accepted"]
    assert [counted(accepted, table) for table in ("mail", "invitation", "entitled")] == [0, 0, 0]
    assert [line[0] for line in told(accepted)] == [f"gate.{RELEASE}", "gate.take_back"]
    with accepted.unit(REGION, "test") as unit:
        first, second = gate_decisions.of_round(unit, ROUND)
        assert (first.is_taken_back, second.gate, second.reason) == (True, "take_back", "Vergist")
        assert dossiers.releases(unit, ROUND) == 0
        assert gate_decisions.first_release(unit, ROUND) is None
    sound(accepted)
    # The question is open again, and families are invited after a second release as after a first
    assert not can_undo(board)
    assert answer(board, key="asked 2").dossiers == 2
    invite(accepted)
    assert counted(accepted, "mail") == 1
    sound(accepted)


def leave_trace(ledger: Ledger, trace: str) -> None:
    if trace == "mail":
        by_owner(ledger, "update overstap.mail set state = 'sent', content = null")
    elif trace == "mail on its way":
        by_owner(ledger, "update overstap.mail set state = 'sending', attempts = 1")
    elif trace == "letter":
        by_owner(
            ledger,
            "insert into overstap.letter_print (region, dossier, number, person, printed_by) "
            "select region, dossier, version, 'p1', 'x' from overstap.dossier limit 1",
        )
    elif trace == "look":
        by_owner(
            ledger,
            "insert into overstap.content_access (region, dossier, number, purpose, opened_by) "
            "select region, dossier, version, 'parent_page', 'parent' from overstap.dossier limit 1",
        )
    elif trace == "answer":
        inspect(ledger)
    elif trace == "later decision":
        hold(ledger, RELEASE_FOR_DELIVERY, HoldReason("many_rejected", 1, {"of": 2, "percent": 50}))
        with ledger.unit(REGION, "coordinator") as unit:
            gate_holds.decide(
                *(unit, ROUND, RELEASE_FOR_DELIVERY, 1),
                approved=False,
                decided_by="coordinator",
                reason="",
                answer_key="no",
                dossiers=1,
            )


@pytest.mark.parametrize("trace", ["mail", "mail on its way", "letter", "look", "answer", "later decision"])
def test_a_release_of_which_something_came_stays(board: Ledger, accepted: Ledger, trace: str) -> None:
    release(accepted)
    invite(accepted)
    with accepted.unit(REGION, "test") as unit:
        decision = gate_decisions.of_round(unit, ROUND)[0].decision
    assert decision is not None
    leave_trace(accepted, trace)
    before = states(accepted)
    assert not can_undo(board)
    with refused("GATE-015"):
        coordinator_answers.take_back(board, ROUND, REGION, "coordinator", decision, reason="Vergist", key="x")
    assert states(accepted) == before
    sound(accepted)


def test_mail_that_leaves_at_the_same_moment_is_waited_for(board: Ledger, accepted: Ledger, owner_dsn: str) -> None:
    """A mail is claimed, and the coordinator presses: what is sent then was not taken back."""
    release(accepted)
    invite(accepted)
    with ThreadPoolExecutor(1) as pool, psycopg.connect(owner_dsn) as sending:
        sending.execute("update overstap.mail set state = 'sending', attempts = 1")
        pressed = pool.submit(undo, board, accepted)
        with pytest.raises(TimeoutError):
            pressed.result(timeout=0.7)
        sending.commit()
        with refused("GATE-015"):
            pressed.result(timeout=20)
    assert states(accepted) == ["in_review", "in_review"]


def test_families_that_are_invited_at_the_same_moment_are_waited_for(board: Ledger, accepted: Ledger) -> None:
    """Else their invitation was noted after it was taken away, and sent although the release had been taken back."""
    release(accepted)
    with ThreadPoolExecutor(1) as pool:
        with accepted.unit(REGION, "invite") as unit:
            [dossier, *_] = invitations.without_people(unit, ROUND, limit=10)
            pressed = pool.submit(coordinator_answers.take_back, *undoing(board), reason="Vergist", key="back")
            with pytest.raises(TimeoutError):
                pressed.result(timeout=0.7)
            invite_in(unit, dossiers.VersionRef(dossier, 1))
        assert pressed.result(timeout=20) == RELEASE
    assert [counted(accepted, table) for table in ("mail", "invitation", "entitled")] == [0, 0, 0]
    with accepted.unit(REGION, "invite") as unit:
        assert invitations.without_people(unit, ROUND, limit=10) == []
    sound(accepted)


def test_sending_nevertheless_is_taken_back_until_something_is_sealed(board: Ledger, ledger: Ledger) -> None:
    supply_two(ledger)
    register(ledger)
    release(ledger, closes_in=2)
    inspect(ledger)
    by_owner(ledger, "update overstap.round set delivers_at = now() - interval '1 hour'")
    hold(ledger, RELEASE_FOR_DELIVERY, HoldReason("many_rejected", 1, {"of": 2, "percent": 50}))
    answer(board, RELEASE_FOR_DELIVERY)
    assert can_undo(board)
    assert undo(board, ledger) == RELEASE_FOR_DELIVERY
    with ledger.unit(REGION, "test") as unit:
        assert len(gate_holds.open_holds(unit, ROUND, RELEASE_FOR_DELIVERY, batch=1)) == 1
    with pytest.raises(psycopg.errors.CheckViolation, match="delivery is held"):
        seal(ledger)
    answer(board, RELEASE_FOR_DELIVERY, key="asked 2")
    assert seal(ledger)
    assert not can_undo(board)
    sound(ledger)


def test_not_sending_what_nobody_saw_is_taken_back(board: Ledger, ledger: Ledger) -> None:
    ask_about_window(ledger, "extend")
    answer(board, NOT_INSPECTED, "hold")
    assert undo(board, ledger) == NOT_INSPECTED
    until = datetime.now(UTC) + timedelta(hours=1)
    assert answer(board, NOT_INSPECTED, "extend", key="asked 2", until=until).is_new
    assert states(ledger) == ["in_review", "in_review"]
    sound(ledger)


def test_nobody_else_takes_back(board: Ledger, accepted: Ledger) -> None:
    answer(board)
    with refused("GATE-013"):
        undo(board, accepted, by="stranger")
    undo(board, accepted)
    with refused("GATE-015"):
        undo(board, accepted)
    assert states(accepted) == ["accepted", "accepted"]


def test_who_looks_for_a_receiver_is_noted_once(board: Ledger, ledger: Ledger) -> None:
    supply_two(ledger)
    release(ledger)
    by_owner(
        ledger, "update overstap.dossier set state = 'inspected'; update overstap.dossier set state = 'no_receiver'"
    )
    with refused("GATE-013"):
        coordinator_answers.take_up(board, ROUND, REGION, "stranger", PO)
    assert coordinator_answers.take_up(board, ROUND, REGION, "coordinator", VO) == 0
    assert coordinator_answers.take_up(board, ROUND, REGION, "coordinator", PO) == 2
    assert coordinator_answers.take_up(board, ROUND, REGION, "coordinator", PO) == 0
    with ledger.unit(REGION, "test") as unit:
        assert [(one.owner, one.count) for one in outstanding.without_receiver(unit, ROUND)] == [("coordinator", 2)]
        assert unit.one(
            "select count(*) from overstap.audit_line where payload::jsonb ->> 'action' = 'receiver.take'"
        ) == (2,)
