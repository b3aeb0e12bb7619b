"""Tests of forgery with the application's login: decisions without audit line, and audit lines without decision.

The attack of a penetration test, kept: each statement runs as the login itself, in a region's role or outside one.
"""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

import psycopg
import pytest
from owned import by_owner
from owned import register as register_owner
from test_walk import (
    PO,
    REGION,
    ROUND,
    accept_all,
    breaches,
    incoming,
    inspect,
    register,
    release,
    seal,
    supply,
)

from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.audit import AuditLine
from overstap.ledger.region_keys import create_keys
from overstap.ledger.review import decisions
from overstap.ledger.rounds import gate_holds, rounds
from overstap.resources import INCLUDE
from overstap_tools.local.postgres import EmbeddedPostgres


@contextmanager
def attacking(dsn: str) -> Iterator[psycopg.Connection]:
    """The application's login, in the role of the region."""
    with psycopg.connect(dsn) as connection:
        connection.execute(f"set role overstap_region_{REGION}")
        connection.execute("select set_config('overstap.actor', 'attacker', false)")
        connection.commit()
        yield connection


@pytest.fixture
def login(app_dsn: str) -> Iterator[psycopg.Connection]:
    with attacking(app_dsn) as connection:
        yield connection


@dataclass
class Unharmed:
    """A ledger for all that is refused, which changes nothing of it: a copy for each takes longer than the attack."""

    ledger: Ledger
    dsn: str
    lines: int
    """Length of its chain."""


@pytest.fixture(scope="module")
def unharmed(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Unharmed]:
    name = f"ledger_{secrets.token_hex(6)}"
    postgres.copy_database(name, ledger_template)
    keys = tmp_path_factory.mktemp("unharmed") / "keys"
    create_keys(keys, REGION, "1")
    dsn = postgres.dsn("overstap_app", name)
    ledger = Ledger(dsn, keys)
    register_owner(ledger, postgres.superuser_dsn(name))
    supply(ledger, incoming())
    accept_all(ledger)
    register(ledger)
    found = Unharmed(ledger, dsn, chain(ledger))
    yield found
    assert chain(ledger) == found.lines
    assert breaches(ledger) == []
    assert seal(ledger) == []
    ledger.close()
    postgres.drop_database(name)


def chain(ledger: Ledger) -> int:
    with ledger.unit(REGION, "test") as unit:
        return int(unit.one("select count(*) from overstap.audit_line")[0])


FORGED = {
    "a release": "insert into overstap.gate_decision (region, round_id, gate, approved, decided_by, reason, "
    "answer_key, dossiers) select region, round_id, 'release_for_review', true, 'coordinator', '', 'x', 1 "
    "from overstap.round",
    "a release of a version": "update overstap.dossier_version set released_by = null",
    "a state that a release gives": "update overstap.dossier set state = 'in_review'",
    "an answer": "insert into overstap.review_decision (region, dossier, number, seen_on, agreed, recorded_by, ground) "
    "select region, dossier, version, '2027-01-12', 'Ja', 'school', 'school_list' from overstap.dossier",
    "another answer": "update overstap.review_decision set agreed = 'Nee'",
    "no answer": "delete from overstap.review_decision",
    "a registration": "insert into overstap.application (region, school_year, pupil, primary_school, secondary_school, "
    "stage, recorded_at) select region, '2026-2027', pupil, primary_school, '98XA00', 'placed', now() "
    "from overstap.dossier",
    "another registration": "update overstap.application set stage = 'placed'",
    "a registration that is gone": "delete from overstap.application",
    "the end of a window": "update overstap.dossier set review_closes_at = now()",
    "the beginning of a window": "update overstap.dossier set review_opens_at = now() + interval '1 year'",
    "a decision about a window": "insert into overstap.window_decision (gate_decision, region, round_id, school, "
    "choice, dossiers) select uuidv7(), region, round_id, primary_school, 'hold', 1 from overstap.dossier",
    "what holds for a round": "insert into overstap.round_agreement (region, round_id, number, origin, agreement, "
    "agreement_digest, offered_digest, delivers_at, receiving, taken_by) select region, round_id, 2, 'form', "
    "agreement, '', '', now(), receiving, 'coordinator' from overstap.round",
    "a round that is closed": "update overstap.round set closed_at = now()",
    "a round that was never opened": "insert into overstap.round (round_id, region, school_year, kind, agreement, "
    "agreement_digest) values ('alfa.2026-2027.placement', 'alfa', '2026-2027', 'placement', '{}', '')",
    "a narrowed run": "insert into overstap.run_change (region, round_id, run_id, schools, asked_by) "
    "select region, round_id, 'run', '{}', 'coordinator' from overstap.round",
    "a hold that is gone": "update overstap.gate_hold set withdrawn_at = now()",
    "a dossier that is taken back": "insert into overstap.withdrawal (region, round_id, dossier, number, reason, "
    "decided_by) select region, round_id, dossier, version, 'other', 'coordinator' from overstap.dossier",
    "a state that taking back gives": "update overstap.dossier set state = 'withdrawn'",
    "a hold on erasing": "insert into overstap.retention_hold (region, round_id, reason, held_by) "
    "select region, round_id, 'x', 'x' from overstap.round",
    "an audit line": "insert into overstap.audit_line (region, seq, payload, hash) "
    "values ('alfa', 9223372036854775807, '{}', sha256('x'))",
    "a line by the function behind": "select overstap.append_audit('alfa', 'x', 'x', '{x}', '{\"{}\"}')",
    "a decision by the function behind": "select overstap.keep_decision('alfa.2026-2027.advice', 'reopen', true, 'x', "
    "'', 'x', 0, null)",
    "a line of the parents' pages": "call overstap.review_audit('alfa', 'review.record', 'x', '{}')",
    "a parent's answer": "select overstap.record_decisions('parent_page', array_agg(dossier), array_agg(version), "
    "'{2027-01-12}', '{Ja}', '{null}', array[null]::bytea[], '{x}', '{null}', '{null}', array[null]::bytea[]) "
    "from overstap.dossier",
    "a carried answer": "select overstap.record_decisions('carried', array_agg(dossier), array_agg(version), "
    "'{2027-01-12}', '{Ja}', '{null}', array[null]::bytea[], '{null}', '{null}', '{null}', array[null]::bytea[]) "
    "from overstap.dossier",
    "a gate with a function of its own": "select overstap.decide_gate('alfa.2026-2027.advice', 'release_for_review', "
    "1, true, 'coordinator', '', 'x', 1)",
}


@pytest.mark.parametrize("statement", FORGED.values(), ids=FORGED.keys())
def test_no_decision_is_made_without_its_line(unharmed: Unharmed, statement: str) -> None:
    refused = (psycopg.errors.InsufficientPrivilege, psycopg.errors.CheckViolation)
    with attacking(unharmed.dsn) as login:
        with pytest.raises(refused):
            login.execute(statement)
        login.rollback()
    assert chain(unharmed.ledger) == unharmed.lines
    assert breaches(unharmed.ledger) == []
    assert seal(unharmed.ledger) == []


_APPENDS = re.compile(r"(?:append_\w+|account_line)\((?:(?!;).)*?'([a-z]{1,30}\.[a-z_]{1,30})'", re.DOTALL)


def written_by_functions() -> list[str]:
    """Return the actions whose lines the functions of the database write, as their source has them."""
    sources = [path.read_text(encoding="utf-8") for path in (INCLUDE / "schemas" / "ledger" / "code").glob("*.sql")]
    found = {action.removesuffix("_") for source in sources for action in _APPENDS.findall(source)}
    # That a coordinator looks after a list is no decision about a dossier, and tasks write it as well
    return sorted(found - {"receiver.take"})


@pytest.mark.parametrize(
    "action",
    [
        *written_by_functions(),
        "gate.release_for_review",
        "agreement.form",
        "agreement.draft_applied",
        "roster.take",
    ],
)
def test_no_line_tells_a_decision_that_was_not_made(unharmed: Unharmed, action: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), unharmed.ledger.unit(REGION, "attacker") as unit:
        unit.audit(action, AuditLine(ROUND, {"approved": True, "by": "coordinator", "dossiers": 1}))


def test_a_line_is_one_json_object_whatever_is_put_into_it(ledger: Ledger) -> None:
    supply(ledger, incoming())
    for detail in ('{}, "seq": 99', "", "{", '{"a": 1}}'):
        with pytest.raises(psycopg.errors.InvalidTextRepresentation), ledger.unit(REGION, "attacker") as unit:
            unit.one("select overstap.audit('mail.send', '{x}', array[%(detail)s])", detail=detail)
    with ledger.unit(REGION, 'quote"\nand\\more') as unit:
        unit.audit("mail.send", AuditLine('sub"ject\n', {"text": "\u2028é\n\"'"}))
    assert breaches(ledger) == []


def test_the_sequence_is_the_databases_own(ledger: Ledger, login: psycopg.Connection) -> None:
    """Once a line with the highest number that there is could be written, and no line could follow it any more."""
    supply(ledger, incoming())
    before = chain(ledger)
    login.execute("select overstap.audit('mail.send', '{a,b,c}', '{\"{}\",\"{}\",\"{}\"}')")
    login.commit()
    with ledger.unit(REGION, "test") as unit:
        assert unit.one("select max(seq), count(*) from overstap.audit_line") == (before + 3, before + 3)
    accept_all(ledger)
    assert breaches(ledger) == []


def test_outside_a_region_the_login_does_nothing(app_dsn: str, ledger: Ledger) -> None:
    supply(ledger, incoming())
    with psycopg.connect(app_dsn) as connection:
        for statement in (
            "select overstap.audit('mail.send', '{x}', '{\"{}\"}')",
            "select overstap.release('alfa.2026-2027.advice', true, 'x', '', 'x', now(), null)",
            "set role overstap_region; select overstap.audit('mail.send', '{x}', '{\"{}\"}')",
            "set role overstap_region; select overstap.release('alfa.2026-2027.advice', true, 'x', '', 'x', now(), "
            "null)",
        ):
            with pytest.raises(psycopg.Error):
                connection.execute(statement)
            connection.rollback()


def test_no_decision_is_made_in_another_region(ledger: Ledger) -> None:
    supply(ledger, incoming())
    accept_all(ledger)
    register(ledger)
    release(ledger)
    with ledger.unit(REGION, "test") as unit:
        dossier, number = unit.one("select dossier, version from overstap.dossier")
        gate_holds.update_holds(
            unit, ROUND, gate_holds.RELEASE_FOR_DELIVERY, [gate_holds.HoldReason("missing", 1, {}, PO)]
        )
    before = chain(ledger)
    values = {"round": ROUND, "dossier": dossier, "number": number, "po": PO}
    for statement in (
        "select overstap.release(%(round)s, true, 'x', '', 'x', now(), null)",
        "select overstap.decide_gate(%(round)s, 'release_for_delivery', 1, true, 'x', '', 'x', 1)",
        "select overstap.decide_window(%(round)s, 'hold', array[%(po)s], 'x', '', 'x', null)",
        "select overstap.withdraw(%(round)s, array[%(dossier)s::uuid], 'other', 'x')",
        "select overstap.close_round(%(round)s)",
        "select overstap.reopen_round(%(round)s, 'x', '', 'x')",
        "select overstap.lapse_review(%(round)s)",
        "select overstap.narrow_run(%(round)s, 'r', '{}', 'x', '')",
        "select overstap.hold_back(%(round)s, %(dossier)s, 'x')",
        "select overstap.record_decisions('school_list', array[%(dossier)s::uuid], array[%(number)s::int], "
        "'{2027-01-12}', '{Ja}', '{null}', array[null]::bytea[], '{null}', '{null}', '{null}', array[null]::bytea[])",
        "select overstap.erase_asked(%(dossier)s::uuid, 'x')",
        "select overstap.add_agreement(%(round)s, 'form', '{}', '', '[]', now(), '{}', now(), 'x', '')",
    ):
        try:
            with ledger.unit("beta", "attacker") as unit:
                unit.rows(statement, **values)
        except psycopg.Error:
            pass
    assert chain(ledger) == before
    assert breaches(ledger) == []
    with ledger.unit(REGION, "test") as unit:
        assert unit.one("select state, erased_at is null from overstap.dossier") == ("in_review", True)
        assert len(gate_holds.open_holds(unit, ROUND, gate_holds.RELEASE_FOR_DELIVERY)) == 1
    with ledger.unit("beta", "test") as unit:
        assert unit.rows("select seq from overstap.audit_line") == []


TAMPERED = {
    "a decision beside the chain": "insert into overstap.gate_decision (region, round_id, gate, approved, decided_by, "
    "reason, answer_key, dossiers) select region, round_id, 'release_for_review', true, 'x', '', 'x', 1 "
    "from overstap.round",
    "a decision that is gone": "alter table overstap.dossier_version disable trigger all; "
    "update overstap.dossier_version set released_by = null; delete from overstap.gate_decision",
    "a decision by another": "update overstap.gate_decision set decided_by = 'somebody else'",
    "an answer that is gone": "delete from overstap.review_decision",
    "another answer": "update overstap.review_decision set agreed = 'Onbekend'",
    "another registration": "update overstap.application set stage = 'placed'",
    "a registration that is gone": "delete from overstap.application",
    "a round that is closed": "update overstap.round set closed_at = now()",
    "another agreement": "update overstap.round_agreement set agreement_digest = 'x'",
}


@pytest.mark.parametrize("damage", TAMPERED.values(), ids=TAMPERED.keys())
def test_the_check_compares_decisions_and_lines_both_ways(ledger: Ledger, damage: str) -> None:
    supply(ledger, incoming())
    accept_all(ledger)
    release(ledger)
    inspect(ledger)
    register(ledger)
    assert breaches(ledger) == []
    by_owner(ledger, damage)
    assert [breach for breach in breaches(ledger) if breach.invariant == "I5"]


def test_nothing_undecided_is_closed_and_a_closed_round_is_opened_by_a_decision(ledger: Ledger) -> None:
    supply(ledger, incoming())
    accept_all(ledger)
    with pytest.raises(OverstapError) as refused, ledger.unit(REGION, "close") as unit:
        rounds.close_round(unit, ROUND)
    assert refused.value.code == "LEDGER-020"
    with ledger.unit(REGION, "gate") as unit:
        gate_holds.update_holds(
            unit, ROUND, gate_holds.ACCEPT_UNDELIVERABLE, [gate_holds.HoldReason("not_released", 1)]
        )
        decided = {"decided_by": "lisa", "reason": "", "answer_key": "1", "dossiers": 1}
        gate_holds.decide(unit, ROUND, gate_holds.ACCEPT_UNDELIVERABLE, 1, approved=True, **decided)  # type: ignore[arg-type]
    with ledger.unit(REGION, "close") as unit:
        rounds.close_round(unit, ROUND)
    with ledger.unit(REGION, "lisa") as unit:
        assert rounds.get_round(unit, ROUND).closed_at is not None
        wanted = {"decided_by": "lisa", "reason": "te vroeg", "answer_key": str(uuid4())}
        assert rounds.reopen_round(unit, ROUND, **wanted)
        assert not rounds.reopen_round(unit, ROUND, **wanted)
        assert rounds.get_round(unit, ROUND).closed_at is None
        assert unit.one(
            "select payload::jsonb ->> 'action', payload::jsonb #>> '{detail,by}' from overstap.audit_line "
            "order by seq desc limit 1"
        ) == ("round.reopen", "lisa")
    assert breaches(ledger) == []


def test_what_the_gate_names_is_what_closing_refuses(ledger: Ledger) -> None:
    """The reasons of the gate before closing (overstap.closing.undeliverable) are those that the database knows."""
    from overstap.closing.undeliverable import REASONS

    with ledger.unit(REGION, "test") as unit:
        body = unit.one("select prosrc from pg_proc where proname = 'undecided'")[0]
        unfinished = {row[0] for row in unit.rows("select state from overstap.state where not is_final")}
    for state in unfinished:
        assert f"('{state}', '{REASONS[state]}')" in body


def test_a_decision_twice_is_one(ledger: Ledger) -> None:
    supply(ledger, incoming())
    accept_all(ledger)
    release(ledger)
    before = chain(ledger)
    release(ledger)
    assert chain(ledger) == before
    with ledger.unit(REGION, "test") as unit:
        assert decisions.lapse(unit, ROUND) == 0
    assert chain(ledger) == before
