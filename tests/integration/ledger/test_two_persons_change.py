"""A change of the agreement takes two persons where that is agreed, whichever way the change comes."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from owned import by_owner
from psycopg.conninfo import conninfo_to_dict
from test_steering import NOW, REGION, ROUND, ask, begin, holds, offer, running

from overstap.agreements import Agreement
from overstap.agreements.model import Coordinator
from overstap.agreements.model.agreement import FourEyesAct
from overstap.errors import OverstapError
from overstap.ledger import Ledger, second_person
from overstap.ledger.invariants import check
from overstap.ledger.notifications import notices
from overstap.ledger.second_person import Confirmation
from overstap_tools.local.postgres import EmbeddedPostgres

FIRST, SECOND, THIRD = "c.een", "c.twee", "c.drie"
LATER = timedelta(days=1, hours=2)


def of_two(**moved: timedelta) -> Agreement:
    people = tuple(Coordinator(account=one, name=one, email=f"{one}@example.org") for one in (FIRST, SECOND, THIRD))
    return running(**moved).model_copy(update={"four_eyes": (FourEyesAct.AGREEMENT_CHANGE,), "coordinators": people})


@pytest.fixture
def board(postgres: EmbeddedPostgres, owner_dsn: str) -> Iterator[Ledger]:
    made = Ledger(postgres.dsn("overstap_board", str(conninfo_to_dict(owner_dsn)["dbname"])), None)
    yield made
    made.close()


@pytest.fixture
def open_round(ledger: Ledger) -> None:
    begin(ledger, of_two())


def waiting(ledger: Ledger) -> list[second_person.SecondPersonRequest]:
    with ledger.unit(REGION, "test") as unit:
        assert check(unit) == []
        return second_person.waiting(unit)


def confirm(board: Ledger, request: UUID, by: str) -> Confirmation:
    with board.unit(REGION, by) as unit:
        return second_person.confirm(unit, request)


def chain(ledger: Ledger) -> list[tuple[str, str]]:
    with ledger.unit(REGION, "test") as unit:
        return [
            (action, actor)
            for action, actor in unit.rows(
                "select l.said ->> 'action', l.said ->> 'actor' from (select payload::jsonb as said, seq "
                "from overstap.audit_line) l where l.said ->> 'action' ~ '^(second|agreement)[.]' order by l.seq"
            )
        ]


def test_a_changed_file_waits_for_two_named_coordinators(ledger: Ledger, board: Ledger, open_round: None) -> None:
    changed, before = of_two(data_due=LATER), holds(ledger, "data_due")
    for _ in range(3):  # every task and wait sees the file
        assert offer(ledger, changed) is None
    [request] = waiting(ledger)
    assert not request.is_named
    assert [(one["path"], one["allowed"]) for one in request.changes] == [("rounds.advice.milestones.data_due", True)]
    assert holds(ledger, "data_due") == before
    assert confirm(board, request.request, FIRST) is Confirmation.ADOPTED
    assert holds(ledger, "data_due") == before, "one person is not enough"
    with pytest.raises(OverstapError, match="LEDGER-022"):
        confirm(board, request.request, FIRST)
    with ledger.unit(REGION, "test") as unit:
        told = notices.waiting(unit)
    assert [one.content.kind for one in told[f"coordinator:{FIRST}"]] == ["second_agreement_change"]
    assert [one.content.kind for one in told[f"coordinator:{SECOND}"]] == ["second_agreement_change"] * 2
    assert confirm(board, request.request, SECOND) is Confirmation.DONE
    assert holds(ledger, "data_due") == NOW + LATER
    assert offer(ledger, changed) is None
    assert waiting(ledger) == []
    assert chain(ledger) == [
        ("second.ask", "collect"),
        ("second.adopt", FIRST),
        ("second.confirm", SECOND),
        ("agreement.file", SECOND),
    ]
    with ledger.unit(REGION, "test") as unit:
        [detail] = unit.rows(
            "select payload::jsonb -> 'detail' from overstap.audit_line "
            "where payload::jsonb ->> 'action' = 'agreement.file'"
        )
    assert (detail[0]["by"], detail[0]["confirmed_by"]) == (FIRST, SECOND)


def test_a_form_waits_for_another_coordinator(ledger: Ledger, board: Ledger, open_round: None) -> None:
    from overstap.ledger.rounds.steering import SteeringRequest, apply_form

    moved = {"data_due": NOW + LATER}
    with ledger.unit(REGION, FIRST) as unit:
        assert apply_form(unit, ROUND, SteeringRequest(FIRST, "overleg", moved)) is None
    [request] = waiting(ledger)
    assert (request.asked_by, request.is_named) == (FIRST, True)
    with pytest.raises(OverstapError, match="LEDGER-022"):
        confirm(board, request.request, FIRST)
    assert confirm(board, request.request, SECOND) is Confirmation.DONE
    assert holds(ledger, "data_due") == NOW + LATER
    assert ask(ledger, by=FIRST, data_due=NOW + LATER) == 0, "the task that was red goes on"


def test_a_withdrawn_change_of_the_file_is_not_asked_again(ledger: Ledger, open_round: None) -> None:
    offer(ledger, of_two(data_due=LATER))
    [request] = waiting(ledger)
    with ledger.unit(REGION, SECOND) as unit:
        second_person.withdraw_request(unit, request.request)
    offer(ledger, of_two(data_due=LATER))
    assert waiting(ledger) == []
    offer(ledger, of_two(data_due=LATER * 1.5))
    assert len(waiting(ledger)) == 1


def test_the_file_as_it_is_last_is_what_waits(ledger: Ledger, board: Ledger, open_round: None) -> None:
    one, other = of_two(data_due=LATER), of_two(data_due=LATER * 1.5)
    offer(ledger, one)
    [first] = waiting(ledger)
    offer(ledger, other)
    [second] = waiting(ledger)
    assert second.about != first.about
    with pytest.raises(OverstapError, match="LEDGER-023"):
        confirm(board, first.request, FIRST)
    offer(ledger, one)
    assert [found.about for found in waiting(ledger)] == [first.about]


def test_what_was_asked_of_an_older_agreement_is_not_done(ledger: Ledger, board: Ledger, open_round: None) -> None:
    with ledger.unit(REGION, FIRST) as unit:
        from overstap.ledger.rounds.steering import SteeringRequest, apply_form

        apply_form(unit, ROUND, SteeringRequest(FIRST, "", {"data_due": NOW + LATER}))
    offer(ledger, of_two(delivers=timedelta(days=5)))
    by_form, by_file = sorted(waiting(ledger), key=lambda one: not one.is_named)
    assert confirm(board, by_form.request, SECOND) is Confirmation.DONE
    assert confirm(board, by_file.request, FIRST) is Confirmation.ADOPTED
    with pytest.raises(OverstapError, match="LEDGER-024"):
        confirm(board, by_file.request, SECOND)
    offer(ledger, of_two(delivers=timedelta(days=5)))
    [anew] = waiting(ledger)
    assert confirm(board, anew.request, FIRST) is Confirmation.ADOPTED
    assert confirm(board, anew.request, SECOND) is Confirmation.DONE
    assert holds(ledger, "data_due") == NOW + LATER
    assert holds(ledger, "delivers") == NOW + timedelta(days=5)


def test_what_two_approved_as_a_draft_needs_no_third(ledger: Ledger, owner_dsn: str, open_round: None) -> None:
    changed = of_two(data_due=LATER)
    by_owner(
        ledger,
        "insert into overstap.agreement_draft (region, school_year, base_text, made_by, state, approved_by, "
        "approved_at, agreed_digest) values (%(region)s, '2026-2027', '', 'a', 'approved', 'b', now(), %(digest)s)",
        region=REGION,
        digest=changed.digest,
    )
    assert offer(ledger, changed) == [("rounds.advice.milestones.data_due", None)]
    assert holds(ledger, "data_due") == NOW + LATER
    offer(ledger, of_two(data_due=LATER * 1.5))
    assert len(waiting(ledger)) == 1, "another file than the draft waits"


def test_the_login_of_tasks_finds_no_way_around(ledger: Ledger, open_round: None) -> None:
    """It says that nothing changed, that it is an opening, or calls what does it."""
    changed = of_two(data_due=LATER)
    known = {"round": ROUND, "agreement": changed.model_dump_json(), "at": NOW}
    sql = (
        "select overstap.add_agreement(%(round)s, %(how)s, %(agreement)s, 'x', '[]', %(at)s, "
        "'{}'::text[], %(at)s, 'c.een', '')"
    )
    for how in ("opened", "file", "form"):
        with ledger.unit(REGION, "x") as unit:
            assert unit.one(sql, how=how, **known)[0] is None
    with pytest.raises(psycopg.errors.InsufficientPrivilege), ledger.unit(REGION, "x") as unit:
        unit.one("select overstap.do_add_agreement(%(round)s, '{}', 'x', '{}')", round=ROUND)
    request = waiting(ledger)[0].request
    with pytest.raises(psycopg.errors.InsufficientPrivilege), ledger.unit(REGION, SECOND) as unit:
        unit.one("select overstap.confirm_second(%(request)s)", request=request)
    with ledger.unit(REGION, "x") as unit:
        assert unit.one("select max(number) from overstap.round_agreement")[0] == 1


def test_without_it_nothing_waits(ledger: Ledger) -> None:
    begin(ledger, running())
    assert offer(ledger, running(data_due=LATER)) == [("rounds.advice.milestones.data_due", None)]
    assert waiting(ledger) == []


def test_one_person_cannot_take_the_second_away_by_a_file(ledger: Ledger, board: Ledger, open_round: None) -> None:
    alone = of_two(data_due=LATER).model_copy(update={"four_eyes": ()})
    offer(ledger, alone)
    found = waiting(ledger)
    assert holds(ledger, "data_due") != NOW + LATER
    assert not [one for request in found for one in request.changes if one["path"] == "four_eyes" and one["allowed"]]
