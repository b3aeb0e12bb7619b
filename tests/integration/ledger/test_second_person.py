"""Acts for which the agreement asks two persons, enforced by the database whatever login or page is used."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from families import REGION, ReviewRound, open_review_round
from owned import by_owner
from psycopg.conninfo import conninfo_to_dict
from typer.testing import CliRunner

from overstap.cli import app
from overstap.errors import OverstapError
from overstap.ledger import Ledger, retention, second_person
from overstap.ledger.delivery.withdrawals import WithdrawalReason, withdraw
from overstap.ledger.invariants import check
from overstap.ledger.notifications import notices
from overstap_tools.local.postgres import EmbeddedPostgres

FIRST, SECOND = "c.een", "c.twee"
ALL = ["release", "take_back", "erase", "key_destruction"]


@pytest.fixture
def place(ledger: Ledger) -> ReviewRound:
    found = open_review_round(ledger, 4)
    people = [{"account": one, "name": one, "email": f"{one}@example.org"} for one in (FIRST, SECOND)]
    by_owner(
        ledger,
        "update overstap.round_agreement set agreement = agreement || %(change)s::jsonb",
        change=json.dumps({"four_eyes": ALL, "coordinators": people}),
    )
    return found


@pytest.fixture
def board(postgres: EmbeddedPostgres, owner_dsn: str) -> Iterator[Ledger]:
    """The ledger with the login of the board, without keys."""
    made = Ledger(postgres.dsn("overstap_board", str(conninfo_to_dict(owner_dsn)["dbname"])), None)
    yield made
    made.close()


def states(place: ReviewRound) -> set[str]:
    with place.unit() as unit:
        return {row[0] for row in unit.rows("select distinct state from overstap.dossier")}


def open_request(place: ReviewRound) -> UUID:
    with place.unit() as unit:
        [found] = second_person.waiting(unit)
    return found.request


def confirm(board: Ledger, request: UUID, by: str = SECOND) -> bool:
    with board.unit(REGION, by) as unit:
        return second_person.confirm(unit, request) is second_person.Confirmation.DONE


def lines(place: ReviewRound, prefix: str) -> list[tuple[str, str, Any]]:
    with place.unit() as unit:
        return [
            (action, actor, detail)
            for action, actor, detail in unit.rows(
                "select l.said ->> 'action', l.said ->> 'actor', l.said -> 'detail' from "
                "(select payload::jsonb as said, seq from overstap.audit_line) l "
                "where starts_with(l.said ->> 'action', %(prefix)s) order by l.seq",
                prefix=prefix,
            )
        ]


def renewed(place: ReviewRound) -> None:
    """Let every dossier be supplied anew, so that there is something to release."""
    place.supply(*(place.changed(one, lambda pupil: pupil.update(roepnaam=["Anders"])) for one in place.families()))
    assert "accepted" in states(place)


def test_a_release_waits_for_another_coordinator_and_both_are_in_the_chain(place: ReviewRound, board: Ledger) -> None:
    renewed(place)
    assert place.release("antwoord 1", by=FIRST) is None
    assert place.release("antwoord 1", by=FIRST) is None, "asked once"
    assert place.release("antwoord 2", by=FIRST) is None
    assert "accepted" in states(place), "nothing is released yet"
    request = open_request(place)
    with place.unit() as unit:
        told = notices.waiting(unit)
    assert [one.content.kind for one in told[f"coordinator:{SECOND}"]] == ["second_release"]
    assert f"coordinator:{FIRST}" not in told
    assert confirm(board, request)
    assert states(place) == {"in_review"}
    assert [(action, actor) for action, actor, _ in lines(place, "second.")] == [
        ("second.ask", FIRST),
        ("second.confirm", SECOND),
    ]
    _, actor, detail = lines(place, "gate.release_for_review")[-1]
    assert (actor, detail["by"], detail["confirmed_by"]) == (SECOND, FIRST, SECOND)
    with place.unit() as unit:
        assert check(unit) == []
        assert second_person.waiting(unit) == []
    with pytest.raises(OverstapError, match="LEDGER-023"):
        confirm(board, request)


def test_an_answer_on_the_board_asks_and_is_passed_on_after_the_confirmation(place: ReviewRound, board: Ledger) -> None:
    from overstap.ledger.rounds.coordinator_answers import GivenAnswer, answer

    renewed(place)
    given = GivenAnswer("release_for_review", 2, "approve", "akkoord", "bord 1")
    for who in (FIRST, SECOND, FIRST):
        with pytest.raises(OverstapError, match="LEDGER-021"):
            answer(board, place.round_id, REGION, who, given)
    assert "accepted" in states(place)
    assert confirm(board, open_request(place))
    kept = answer(board, place.round_id, REGION, FIRST, given)
    assert (kept.account, kept.choice, kept.is_new) == (FIRST, "approve", False)
    assert states(place) == {"in_review"}


def test_a_refusal_needs_no_second(place: ReviewRound) -> None:
    from overstap.clock import now
    from overstap.ledger.dossiers import dossiers

    with place.unit(FIRST) as unit:
        done = dossiers.decide_release(
            unit,
            place.round_id,
            approved=False,
            decided_by=FIRST,
            reason="nog niet",
            answer_key="nee",
            closes_at=now(),
        )
    assert done == 0


def test_the_same_person_with_two_sessions_confirms_nothing(place: ReviewRound, board: Ledger) -> None:
    renewed(place)
    place.release(by=FIRST)
    request = open_request(place)
    for who in (FIRST, "buitenstaander", "", FIRST.upper()):
        with pytest.raises(OverstapError, match="LEDGER-022"):
            confirm(board, request, who)
    assert "accepted" in states(place)
    with place.unit() as unit:
        assert len(second_person.waiting(unit)) == 1


def test_no_login_does_it_without_the_second(
    place: ReviewRound, board: Ledger, postgres: EmbeddedPostgres, owner_dsn: str
) -> None:
    """Tasks ask and do not confirm; nobody writes a request, or reaches what does the act."""
    renewed(place)
    place.release(by=FIRST)
    request = open_request(place)
    with pytest.raises(OverstapError, match="LEDGER-022"):
        confirm(place.ledger, request)
    statements = (
        "insert into overstap.second_person (region, act, about, arguments, asked_by) "
        "values ('alfa', 'release', 'x', '{}', 'x')",
        "update overstap.second_person set confirmed_by = 'c.twee', confirmed_at = now()",
        "update overstap.second_person set expires_at = now() + interval '1 year'",
        "select overstap.do_release('alfa.2026-2027.advice', true, 'x', '', 'x', now(), now(), null)",
        "select overstap.do_withdraw('alfa.2026-2027.advice', '{}', 'other', 'x')",
        "select overstap.do_erase(gen_random_uuid(), 'x')",
        "select overstap.erase_content_now('{}', null, true, 'x')",
        "select overstap.forget_traces_now('{}', null, true, 'x')",
        "select overstap.ask_second(null, 'key_destruction', 'x', '{}', 'x')",
        "select overstap.audit('second.confirm', '{x}', '{\"{}\"}')",
        "select overstap.audit('retention.key', '{x}', '{\"{}\"}')",
    )
    name = str(conninfo_to_dict(owner_dsn)["dbname"])
    for login in ("app", "school", "desk", "board"):
        role = f"overstap_{'region' if login == 'app' else login}_{REGION}"
        for statement in statements:
            with psycopg.connect(postgres.dsn(f"overstap_{login}", name)) as connection:
                connection.execute(f"set local role {role}")
                connection.execute("select set_config('overstap.actor', 'attacker', true)")
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement)
    assert "accepted" in states(place)


def test_one_person_does_not_drop_the_second_from_a_running_round(place: ReviewRound) -> None:
    added = (
        "select overstap.add_agreement(%(round)s, 'file', (agreement - 'four_eyes')::text, 'o', '[]', delivers_at, "
        "receiving, overstap.clock(), 'x', '') from overstap.round_agreement where round_id = %(round)s"
    )
    with pytest.raises(psycopg.errors.CheckViolation, match="second person"), place.unit("x") as unit:
        unit.rows(added, round=place.round_id)


def test_two_who_confirm_at_once_do_it_once(place: ReviewRound, postgres: EmbeddedPostgres, owner_dsn: str) -> None:
    renewed(place)
    place.release(by="c.drie")
    request = open_request(place)
    dsn = postgres.dsn("overstap_board", str(conninfo_to_dict(owner_dsn)["dbname"]))

    def one(who: str) -> str:
        mine = Ledger(dsn, None)
        try:
            return "done" if confirm(mine, request, who) else "ready"
        except OverstapError as error:
            return error.code
        finally:
            mine.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(one, (FIRST, SECOND))) == ["LEDGER-023", "done"]


def test_a_request_is_withdrawn_and_expires(place: ReviewRound, board: Ledger) -> None:
    renewed(place)
    place.release(by=FIRST)
    request = open_request(place)
    with pytest.raises(OverstapError, match="LEDGER-022"), place.unit("buitenstaander") as unit:
        second_person.withdraw_request(unit, request)
    with place.unit(FIRST) as unit:
        second_person.withdraw_request(unit, request)
    with pytest.raises(OverstapError, match="LEDGER-023"):
        confirm(board, request)
    with pytest.raises(OverstapError, match="LEDGER-023"), place.unit(FIRST) as unit:
        second_person.withdraw_request(unit, request)
    place.release(by=FIRST)
    again = open_request(place)
    assert again != request
    by_owner(place.ledger, "update overstap.second_person set expires_at = overstap.clock() - interval '1 second'")
    with pytest.raises(OverstapError, match="LEDGER-023"):
        confirm(board, again)
    place.release(by=SECOND)
    assert open_request(place) != again
    assert "accepted" in states(place)


def test_taking_back_waits_for_the_second(place: ReviewRound, board: Ledger) -> None:
    with place.unit() as unit:
        ids = [row[0] for row in unit.rows("select dossier from overstap.dossier order by 1")]
    with place.unit(FIRST) as unit:
        why = WithdrawalReason.WRONG_CONTENT
        assert withdraw(unit, place.round_id, ids[:2], reason=why, decided_by=FIRST) is None
    assert "withdrawn" not in states(place)
    assert confirm(board, open_request(place))
    with place.unit(FIRST) as unit:
        assert unit.rows("select reason, decided_by from overstap.withdrawal") == [("wrong_content", FIRST)] * 2
        assert withdraw(unit, place.round_id, ids[:2], reason=why, decided_by=FIRST) == 0, "done already"
        assert check(unit) == []


def test_erasing_waits_for_the_second(place: ReviewRound, board: Ledger) -> None:
    by_owner(place.ledger, 'update overstap.round_agreement set agreement = agreement || \'{"four_eyes": ["erase"]}\'')
    with place.unit() as unit:
        dossier = unit.one("select dossier from overstap.dossier order by 1 limit 1")[0]
        withdraw(unit, place.round_id, [dossier], reason=WithdrawalReason.OTHER, decided_by=FIRST)
    with pytest.raises(OverstapError, match="LEDGER-021"):
        retention.erase(place.ledger, REGION, dossier, actor=FIRST, reason="AVG art. 17")
    with place.unit() as unit:
        assert unit.one("select count(*) from overstap.dossier where erased_at is not null") == (0,)
    assert confirm(board, open_request(place))
    with place.unit() as unit:
        assert unit.one("select count(*) from overstap.dossier where forgotten_at is not null") == (1,)
        assert check(unit) == []


def test_keys_are_announced_once_two_agreed(place: ReviewRound, board: Ledger) -> None:
    with place.unit(FIRST) as unit:
        assert not retention.announce_keys(unit, ["1", "2"])
    request = open_request(place)
    assert not confirm(board, request), "left to whoever has the keys"
    with place.unit(FIRST) as unit:
        assert not retention.announce_keys(unit, ["1"]), "other keys than were confirmed"
    with place.unit(FIRST) as unit:
        assert retention.announce_keys(unit, ["2", "1"])
    with place.unit(FIRST) as unit:
        assert not retention.announce_keys(unit, ["1", "2"]), "a confirmation serves once"
    assert [action for action, *_ in lines(place, "retention.key")] == ["retention.key"] * 2


def test_an_agreement_without_it_is_as_before(ledger: Ledger) -> None:
    found = open_review_round(ledger, 3)
    with found.unit() as unit:
        assert second_person.waiting(unit) == []
        assert retention.announce_keys(unit, ["1"])
    assert states(found) == {"in_review"}


def test_by_command(place: ReviewRound, board: Ledger, monkeypatch: pytest.MonkeyPatch, keys_folder: Any) -> None:
    monkeypatch.setenv("OVERSTAP_LEDGER", place.ledger._dsn)
    monkeypatch.setenv("OVERSTAP_KEYS", str(keys_folder))
    run = CliRunner().invoke
    assert run(app, ["second", "list", "--region", REGION]).exit_code == 0
    renewed(place)
    place.release(by=FIRST)
    request = str(open_request(place))
    listed = run(app, ["second", "list", "--region", REGION])
    assert listed.exit_code == 1
    assert f"{request} dossiers vrijgeven ({place.round_id}), {FIRST}, tot" in listed.output
    refused = run(app, ["second", "confirm", request, "--region", REGION, "--by", SECOND])
    assert isinstance(refused.exception, OverstapError), "the login of tasks asks, and does not confirm"
    monkeypatch.setenv("OVERSTAP_LEDGER", board._dsn)
    done = run(app, ["second", "confirm", request, "--region", REGION, "--by", SECOND])
    assert "bevestigd en gedaan" in done.output
    nobody = run(app, ["second", "withdraw", str(uuid4()), "--region", REGION, "--by", SECOND])
    assert isinstance(nobody.exception, OverstapError)
