"""A dossier is taken back at one school: because a list says that parents withdrew there, or by a coordinator."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from owned import by_owner
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from test_application_states import collect, line, sound
from test_walk import (
    NOW,
    PO,
    PUPIL,
    REGION,
    ROUND,
    VO,
    accept_all,
    agreement,
    incoming,
    inspect,
    release,
    seal,
    send,
    supply,
)
from typer.testing import CliRunner

from overstap.cli import app
from overstap.errors import OverstapError
from overstap.intake import applications
from overstap.intake.registrations import SourceRegistrations, collect_registrations
from overstap.ledger import Ledger, second_person
from overstap.ledger.delivery import deliveries, withdrawals
from overstap.ledger.delivery.sent_in_vain import SentInVain, VainCause, sent_in_vain, withdraw_at
from overstap.ledger.delivery.withdrawals import WithdrawalReason
from overstap.ledger.invariants import check
from overstap.ledger.rounds.coordinator_answers import take_back_sent
from overstap.pki import make_development_certificates
from overstap.texts import texts
from overstap_tools.local.postgres import EmbeddedPostgres


def at(minute: int) -> str:
    return f"{NOW:%Y-%m-%d} 00:{minute:02}"


def told(ledger: Ledger, folder: Path, status: str, minute: int, reason: str = "") -> dict[str, int]:
    return collect(ledger, folder, line(PUPIL, "1", status, reason, stage="ingeschreven", moment=at(minute)))


@pytest.fixture
def sent(ledger: Ledger, tmp_path: Path) -> Ledger:
    """A dossier that a school confirmed."""
    supply(ledger, incoming())
    accept_all(ledger)
    release(ledger)
    inspect(ledger)
    told(ledger, tmp_path, "toelaatbaar", 1)
    assert len(seal(ledger)) == 1
    assert send(ledger) == 1
    return ledger


def taken_back(ledger: Ledger) -> list[tuple[str, str, str]]:
    with ledger.unit(REGION, "test") as unit:
        return unit.rows("select secondary_school, reason, decided_by from overstap.envelope_withdrawal")


def in_vain(ledger: Ledger) -> list[SentInVain]:
    with ledger.unit(REGION, "test") as unit:
        return sent_in_vain(unit, ROUND)


def test_what_a_list_calls_withdrawn_is_taken_back_at_that_school_once(sent: Ledger, tmp_path: Path) -> None:
    counted = told(sent, tmp_path, "ingetrokken", 2, "elders")
    assert (counted["taken_back"], counted["in_vain"]) == (1, 0)
    assert taken_back(sent) == [(VO, "pupil_not_coming", "platform")]
    with sent.unit(REGION, "test") as unit:
        [waiting] = withdrawals.to_revoke(unit, ROUND)
        assert waiting.secondary_school == VO
        assert unit.one("select state from overstap.dossier") == ("confirmed",), "elsewhere it stays as it is"
    sound(sent)
    assert told(sent, tmp_path, "ingetrokken", 2, "elders")["taken_back"] == 0
    assert len(taken_back(sent)) == 1
    assert in_vain(sent) == []
    told(sent, tmp_path, "toelaatbaar", 3)
    assert seal(sent) == []
    with sent.unit(REGION, "test") as unit:
        assert deliveries.claim_to_send(unit, ROUND, VO, limit=10) == [], "this version does not go there again"
    sound(sent)


@pytest.mark.parametrize(("status", "cause"), [("geweigerd", VainCause.REFUSED), ("uitgeloot", VainCause.NOT_DRAWN)])
def test_what_parents_may_object_to_is_left_to_a_coordinator(
    sent: Ledger, tmp_path: Path, status: str, cause: VainCause
) -> None:
    assert told(sent, tmp_path, status, 2)["taken_back"] == 0
    assert taken_back(sent) == []
    assert [(one.secondary_school, one.cause) for one in in_vain(sent)] == [(VO, cause)]
    sound(sent)


def test_a_list_that_takes_many_back_takes_none_and_a_coordinator_is_asked(
    sent: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("overstap.ledger.delivery.sent_in_vain.FEW", 0)
    counted = told(sent, tmp_path, "ingetrokken", 2)
    assert (counted["taken_back"], counted["in_vain"]) == (0, 1)
    assert taken_back(sent) == []
    [one] = in_vain(sent)
    assert one.cause is VainCause.WITHDRAWN
    with sent.unit(REGION, "c.een") as unit:
        reason = WithdrawalReason.PUPIL_NOT_COMING
        assert withdraw_at(unit, ROUND, [one.dossier], VO, reason=reason, decided_by="c.een") == 1
        assert withdraw_at(unit, ROUND, [one.dossier], VO, reason=reason, decided_by="c.een") == 0
        assert withdraw_at(unit, ROUND, [one.dossier], "98XB00", reason=reason, decided_by="c.een") == 0
        [status] = withdrawals.statuses(unit, ROUND)
    assert (status.secondary_school, status.state, status.decided_by) == (VO, "unsigned", "c.een")
    assert in_vain(sent) == []
    sound(sent)


@pytest.fixture
def board(postgres: EmbeddedPostgres, owner_dsn: str, ledger: Ledger) -> Iterator[Ledger]:
    made = Ledger(postgres.dsn("overstap_board", str(conninfo_to_dict(owner_dsn)["dbname"])), None)
    yield made
    made.close()


def agreed(ledger: Ledger, **changes: object) -> None:
    people = [{"account": one, "name": one, "email": f"{one}@example.org"} for one in ("c.een", "c.twee")]
    by_owner(
        ledger,
        "update overstap.round_agreement set agreement = agreement || %(change)s::jsonb",
        change=json.dumps({"coordinators": people, **changes}),
    )


def test_on_the_board_a_coordinator_takes_back_and_nobody_else(sent: Ledger, board: Ledger, tmp_path: Path) -> None:
    agreed(sent)
    told(sent, tmp_path, "geweigerd", 2, "vol")
    [one] = in_vain(board)
    with pytest.raises(OverstapError, match="GATE-013"):
        take_back_sent(board, ROUND, REGION, "iemand", [one.dossier], VO, "pupil_not_coming")
    assert take_back_sent(board, ROUND, REGION, "c.een", [one.dossier], VO, "pupil_not_coming") == 1
    assert taken_back(sent) == [(VO, "pupil_not_coming", "c.een")]
    sound(sent)
    with board.unit(REGION, "c.een") as unit, pytest.raises(psycopg.errors.InsufficientPrivilege):
        unit.run("select overstap.withdraw_at('x', '{}', 'x', 'other', 'iemand anders')")


def test_where_two_persons_take_back_another_one_confirms(sent: Ledger, board: Ledger, tmp_path: Path) -> None:
    agreed(sent, four_eyes=["take_back"])
    told(sent, tmp_path, "geweigerd", 2, "vol")
    [one] = in_vain(sent)
    with pytest.raises(OverstapError, match="LEDGER-021"):
        take_back_sent(board, ROUND, REGION, "c.een", [one.dossier], VO, "pupil_not_coming")
    assert taken_back(sent) == []
    with board.unit(REGION, "c.een") as unit:
        [waits] = second_person.waiting(unit)
    with board.unit(REGION, "c.twee") as unit:
        assert second_person.confirm(unit, waits.request) is second_person.Confirmation.DONE
    assert taken_back(sent) == [(VO, "pupil_not_coming", "c.een")]
    with sent.unit(REGION, "test") as unit:
        assert unit.one("select state from overstap.dossier") == ("confirmed",)
    sound(sent)


def test_nothing_is_taken_back_of_others_by_others_or_twice(sent: Ledger, board: Ledger, tmp_path: Path) -> None:
    agreed(sent, four_eyes=["take_back"])
    told(sent, tmp_path, "geweigerd", 2, "vol")
    [one] = in_vain(sent)
    reason = "pupil_not_coming"
    with pytest.raises(OverstapError, match="LEDGER-009"):
        take_back_sent(board, ROUND, "beta", "c.een", [one.dossier], VO, reason)
    with pytest.raises(OverstapError, match="LEDGER-009"):
        take_back_sent(board, f"beta{ROUND.removeprefix(REGION)}", REGION, "c.een", [one.dossier], VO, reason)
    assert take_back_sent(board, ROUND, REGION, "c.een", [one.dossier], "98XB00", reason) == 0, "never sent there"
    assert take_back_sent(board, ROUND, REGION, "c.een", [uuid4()], VO, reason) == 0
    assert take_back_sent(board, ROUND, REGION, "c.een", [one.dossier], f"{VO}:{uuid4()}", reason) == 0
    for _ in range(2):
        with pytest.raises(OverstapError, match="LEDGER-021"):
            take_back_sent(board, ROUND, REGION, "c.een", [one.dossier, one.dossier], VO, reason)
    with board.unit(REGION, "c.een") as unit:
        [waits] = second_person.waiting(unit)

    def confirmed(region: str, account: str) -> bool:
        try:
            with board.unit(region, account) as unit:
                return second_person.confirm(unit, waits.request) is second_person.Confirmation.DONE
        except OverstapError as refused:
            assert refused.code in ("LEDGER-022", "LEDGER-023")  # noqa: PT017
            return False

    assert not confirmed(REGION, "c.een"), "who asked"
    assert not confirmed("beta", "c.twee")
    assert not confirmed(REGION, "iemand")
    assert taken_back(sent) == []
    assert confirmed(REGION, "c.twee")
    assert not confirmed(REGION, "c.twee"), "twice"
    assert len(taken_back(sent)) == 1
    assert take_back_sent(board, ROUND, REGION, "c.een", [one.dossier], VO, reason) == 0, "it was"
    sound(sent)


def test_what_is_sent_again_after_it_was_taken_back_is_found(sent: Ledger, tmp_path: Path) -> None:
    told(sent, tmp_path, "ingetrokken", 2)
    sound(sent)
    by_owner(sent, "update overstap.delivery set state = 'sealed'; delete from overstap.receipt")
    by_owner(sent, "update overstap.delivery set attempts = attempts + 1")
    with sent.unit(REGION, "test") as unit:
        [message] = unit.one("select message_id from overstap.delivery")
        from overstap.ledger.audit import AuditLine

        unit.audit("delivery.send", AuditLine(str(message), {"to": VO, "attempt": 2}))
        assert "I12" in {one.invariant for one in check(unit)}


@pytest.fixture
def view(owner_dsn: str, sent: Ledger) -> Callable[[str, str, int], dict[str, int]]:
    """Collects registrations from the view of a platform's database, in which the pupil has a state."""
    with psycopg.connect(owner_dsn) as owner:
        owner.execute("create schema overstap_las")

    def collected(status: str, reason: str, minute: int) -> dict[str, int]:
        with psycopg.connect(owner_dsn) as owner:
            values = (REGION, PUPIL, PO, VO, "ingeschreven", f"{NOW:%Y-%m-%d} 00:{minute:02}+01", status, reason)
            owner.execute(
                sql.SQL(
                    "create or replace view overstap_las.oso_aanmelding as select {}::text as regio, {}::text as "
                    "leerlingnummer, null::date as geboortedatum, {}::text as basisschool, {}::text as vo_school, "
                    "{}::text as fase, {}::timestamptz as vastgelegd_op, 1 as voorkeur, {}::text as status, "
                    "{}::text as reden"
                ).format(*map(sql.Literal, values))
            )
        with psycopg.connect(owner_dsn) as platform:
            found = SourceRegistrations("database", *applications.read_database(platform, REGION))
        return dict(collect_registrations(sent, agreement(), [found], "platform"))

    return collected


def test_what_a_view_calls_withdrawn_has_the_same_effect_as_a_list(
    sent: Ledger, view: Callable[[str, str, int], dict[str, int]]
) -> None:
    assert view("toelaatbaar", "", 1)["taken_back"] == 0
    counted = view("ingetrokken", "elders", 2)
    assert (counted["changed"], counted["taken_back"], counted["in_vain"]) == (1, 1, 0)
    assert taken_back(sent) == [(VO, "pupil_not_coming", "platform")]
    with sent.unit(REGION, "test") as unit:
        assert unit.rows("select source, status, is_withdrawn from overstap.application_event order by 1")[0] == (
            *("database", "withdrawn"),
            True,
        )
    assert seal(sent) == []
    assert view("ingetrokken", "elders", 2)["taken_back"] == 0
    assert in_vain(sent) == []
    sound(sent)


def test_what_a_list_calls_withdrawn_before_it_was_sent_does_not_go(ledger: Ledger, tmp_path: Path) -> None:
    supply(ledger, incoming())
    accept_all(ledger)
    release(ledger)
    inspect(ledger)
    told(ledger, tmp_path, "toelaatbaar", 1)
    assert len(seal(ledger)) == 1
    told(ledger, tmp_path, "ingetrokken", 2)
    assert send(ledger) == 0
    assert taken_back(ledger) == []
    sound(ledger)


@pytest.fixture
def commands(sent: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """The settings of the ledger, for commands; there is a certificate for the region and none that can be reached."""
    make_development_certificates(tmp_path / "trust", schools=[PO, VO], regions=[REGION], at=datetime.now(UTC))
    monkeypatch.setenv("OVERSTAP_LEDGER", sent._dsn)
    monkeypatch.setenv("OVERSTAP_KEYS", str(sent._where_keys_are))
    monkeypatch.setenv("OVERSTAP_TRUST", str(tmp_path / "trust"))
    monkeypatch.setenv("OVERSTAP_REGIONS", str(tmp_path))
    return sent


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["delivery", *words, "--round", ROUND, "--by", "c.een"], catch_exceptions=False)
    return done.exit_code, done.stdout


def test_the_command_lists_what_was_sent_in_vain_and_why(commands: Ledger, tmp_path: Path) -> None:
    assert run("sent-in-vain") == (0, "")
    assert run("sent-in-vain", "--json") == (0, "[]\n")
    told(commands, tmp_path, "geweigerd", 2, "vol")
    [one] = in_vain(commands)
    code, said = run("sent-in-vain")
    assert code == 1
    assert said.startswith(f"{one.dossier} ({one.sign}) Het College ({VO}): ")
    assert texts("board/sent_in_vain")["causes"]["refused"]["nl"] in said
    assert PUPIL not in said
    code, said = run("sent-in-vain", "--json", "--school", VO)
    [found] = json.loads(said)
    assert (code, found["secondary_school"], found["cause"]) == (1, VO, "refused")
    assert run("sent-in-vain", "--school", "98XB00") == (0, "")


def test_the_command_takes_back_at_one_school_with_an_audit_line(commands: Ledger, tmp_path: Path) -> None:
    told(commands, tmp_path, "geweigerd", 2, "vol")
    [one] = in_vain(commands)
    taking = ("withdraw", str(one.dossier), "--reason", "pupil_not_coming", "--json")
    code, said = run(*taking, "--at", "98XB00")
    assert (code, json.loads(said)) == (0, {"withdrawn": 0, "revocations": []}), "a school that was sent nothing"
    code, said = run(*taking, "--at", VO)
    assert code == 1, "the school cannot be reached, so that it has not confirmed"
    [revoked] = json.loads(said)["revocations"]
    assert json.loads(said)["withdrawn"] == 1
    assert (revoked["secondary_school"], revoked["decided_by"]) == (VO, "c.een")
    assert taken_back(commands) == [(VO, "pupil_not_coming", "c.een")]
    assert json.loads(run(*taking, "--at", VO)[1])["withdrawn"] == 0
    assert run("sent-in-vain") == (0, "")
    with commands.unit(REGION, "test") as unit:
        assert unit.one("select state from overstap.dossier") == ("confirmed",), "elsewhere it stays"
        [line] = unit.rows(
            "select payload::jsonb from overstap.audit_line where payload::jsonb ->> 'action' = 'delivery.take_back'"
        )
    assert (line[0]["actor"], line[0]["detail"]["to"]) == ("c.een", VO)
    sound(commands)


def test_a_reason_that_is_none_is_refused_before_anything_is_taken_back(commands: Ledger, tmp_path: Path) -> None:
    told(commands, tmp_path, "geweigerd", 2, "vol")
    [one] = in_vain(commands)
    assert run("withdraw", str(one.dossier), "--at", VO, "--reason", "zomaar")[0] == 2
    assert taken_back(commands) == []
