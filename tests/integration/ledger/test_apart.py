"""Tests of the separation of regions by PostgreSQL roles, and of the protection of audit lines."""

import re
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from test_walk import PO, REGION, ROUND, accept_all, agreement, incoming, inspect, register, release, seal, supply

from overstap.agreements import RoundKind
from overstap.ledger import Ledger
from overstap.ledger.dossiers import dossiers
from overstap.ledger.rounds import rounds

OTHER = "beta"
OTHERS_ROUND = agreement(OTHER).round_id("advice")
DIGEST = "decode(repeat('00', 32), 'hex')"


@pytest.fixture
def others_dossier(ledger: Ledger) -> UUID:
    with ledger.unit(OTHER, "test") as unit:
        rounds.open_round(unit, agreement(OTHER), RoundKind.ADVICE)
        dossiers.store(unit, OTHERS_ROUND, PO, [incoming()])
        return UUID(str(unit.one("select dossier from overstap.dossier")[0]))


@pytest.mark.fault("F68")
@pytest.mark.parametrize(
    "statement",
    [
        "dossier (region, round_id, primary_school, pupil) values ('alfa', %(round)s, '99AB00', {digest})",
        "round (round_id, region, school_year, kind, agreement, agreement_digest) "
        "values ('beta.2026-2027.placement', 'alfa', '2026-2027', 'placement', '{{}}', '')",
        "dossier_version (dossier, number, region, key_id, content, content_digest, oso_version, source) "
        "values (%(dossier)s, 2, 'alfa', '1', '', {digest}, '', '')",
        "finding values ('alfa', %(dossier)s, 1, '', 'error', '')",
        "dossier_record (dossier, number, region, key_id, record) values (%(dossier)s, 1, 'alfa', '1', '')",
        "supplied_file (region, round_id, primary_school, supplied, dossier, number) "
        "values ('alfa', %(own)s, '99AB00', sha256(''), %(dossier)s, 1)",
        "supplied_file (region, round_id, primary_school, supplied, code, facts) "
        "values ('alfa', %(round)s, '99AB00', sha256(''), '', '{{}}')",
        "gate_decision (region, round_id, gate, approved, decided_by, reason, answer_key, dossiers) "
        "values ('alfa', %(round)s, 'release_for_review', true, '', '', '', 1)",
        "refused_input (region, round_id, primary_school, label, code, facts, key_id, file_name) "
        "values ('alfa', %(round)s, '99AB00', '', '', '{{}}', '1', '')",
        "school_report (region, round_id, school, key_id, html, csv) values ('alfa', %(round)s, '99AB00', '1', '', '')",
        "review_decision (region, dossier, number, seen_on, agreed, recorded_by, ground) "
        "values ('alfa', %(dossier)s, 1, '2027-01-12', 'Ja', '', 'school_list')",
        "delivery (message_id, region, round_id, dossier, number, secondary_school, envelope, envelope_digest, "
        "manifest_digest) values (uuidv7(), 'alfa', %(own)s, %(dossier)s, 1, '98XA00', '', {digest}, {digest})",
    ],
)
def test_nothing_can_be_hung_on_another_regions_rows(
    ledger: Ledger, owner_dsn: str, others_dossier: UUID, statement: str
) -> None:
    """By anybody: the owner, and so every function that has the owner's rights, is refused by the tables themselves."""
    supply(ledger, incoming())
    inserting = f"insert into overstap.{statement.format(digest=DIGEST)}"
    wanted = (psycopg.errors.ForeignKeyViolation, psycopg.errors.CheckViolation)
    with psycopg.connect(owner_dsn) as owner, pytest.raises(wanted):
        owner.execute(inserting, {"dossier": others_dossier, "round": OTHERS_ROUND, "own": ROUND})


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (
            "insert into overstap.audit_line (region, seq, payload, hash) select r, 1, '{}', sha256('') "
            "from unnest(array['alfa_x', 'beta']) r",
            "an audit line of no region",
        ),
        ("delete from overstap.region where region = 'alfa'", "region alfa has an audit chain"),
        ("update overstap.region set region = 'gamma' where region = 'alfa'", "region alfa has an audit chain"),
    ],
)
def test_a_line_is_of_a_region_that_is_there_and_stays(
    ledger: Ledger, owner_dsn: str, statement: str, problem: str
) -> None:
    """What a foreign key would hold for each line, looked up once per group; it holds for the owner too."""
    supply(ledger, incoming())
    with psycopg.connect(owner_dsn) as owner, pytest.raises(psycopg.errors.ForeignKeyViolation, match=problem):
        owner.execute(statement)


def test_a_dossier_has_a_state_that_there_is(ledger: Ledger, owner_dsn: str) -> None:
    """The check of the table has the states of the table of states: a state that is added is added in both."""
    supply(ledger, incoming())
    with psycopg.connect(owner_dsn) as owner:
        known = {row[0] for row in owner.execute("select state from overstap.state")}
        [(said,)] = owner.execute(
            "select pg_get_constraintdef(oid) from pg_constraint where conname = 'dossier_state_check'"
        ).fetchall()
        assert set(re.findall(r"'([a-z_]+)'", said)) == known
        owner.execute("alter table overstap.dossier disable trigger user")
        with pytest.raises(psycopg.errors.CheckViolation):
            owner.execute("update overstap.dossier set state = 'lost'")


def test_a_release_is_not_borrowed_from_another_region(ledger: Ledger, owner_dsn: str, others_dossier: UUID) -> None:
    supply(ledger, incoming())
    with psycopg.connect(owner_dsn) as owner:
        decision = owner.execute(
            "insert into overstap.gate_decision "
            "(region, round_id, gate, approved, decided_by, reason, answer_key, dossiers) "
            "values ('beta', %s, 'release_for_review', true, '', '', '', 1) returning gate_decision",
            [OTHERS_ROUND],
        ).fetchall()
        borrowed = "update overstap.dossier_version set released_by = %s where dossier <> %s"
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            owner.execute(borrowed, [decision[0][0], others_dossier])


def test_events_cannot_be_written_through_a_table_of_ones_own(ledger: Ledger, others_dossier: UUID) -> None:
    """The function that keeps events has its owner's rights, so nobody else may hang it on a table."""
    refused = pytest.raises(psycopg.errors.InsufficientPrivilege, match="keep_transition")
    with refused, ledger.unit(REGION, "test") as unit:
        unit.run("create temp table forged (dossier uuid, region text, state text, version int) on commit drop")
        unit.run("insert into forged values (%(id)s, 'beta', 'sealed', 1)", id=others_dossier)
        unit.run(
            "create trigger forge after update on forged referencing old table as old_rows new table as new_rows "
            "for each statement execute function overstap.keep_transition()"
        )
        unit.run("update forged set state = 'confirmed'")
    with ledger.unit(OTHER, "test") as unit:
        assert unit.rows("select transition from overstap.dossier_event") == []


@pytest.mark.parametrize(
    "statement",
    [
        # a dossier that never went through review
        "insert into overstap.dossier (region, round_id, primary_school, pupil, state) "
        "values ('alfa', 'alfa.2026-2027.advice', '99AB00', {digest}, 'inspected')",
        # evidence from before its time
        "insert into overstap.review_decision "
        "(region, dossier, number, seen_on, agreed, recorded_by, ground, recorded_at) "
        "select region, dossier, 1, '2027-01-12', 'Ja', '', 'school_list', '2020-01-01' from overstap.dossier",
        "insert into overstap.gate_decision "
        "(region, round_id, gate, approved, decided_by, reason, answer_key, dossiers, decided_at) "
        "values ('alfa', 'alfa.2026-2027.advice', 'release_for_review', true, '', '', 'x', 1, '2020-01-01')",
        # a delivery that was never sent
        "insert into overstap.delivery (message_id, region, round_id, dossier, number, secondary_school, envelope, "
        "envelope_digest, manifest_digest, state) select uuidv7(), region, round_id, dossier, 1, '98XA00', '', "
        "{digest}, {digest}, 'confirmed' from overstap.dossier",
        # another agreement than the round started with
        "update overstap.round set agreement = '{{}}'",
        # what was judged, put back or skipped
        "update overstap.delivery set envelope = ''",
        "update overstap.review_decision set agreed = 'Ja'",
        "update overstap.gate_decision set approved = true",
        "update overstap.dossier set pupil = {digest}",
    ],
)
def test_what_counts_as_evidence_cannot_be_made_up(ledger: Ledger, statement: str) -> None:
    supply(ledger, incoming())
    with pytest.raises(psycopg.errors.InsufficientPrivilege), ledger.unit(REGION, "test") as unit:
        unit.run(statement.format(digest=DIGEST))


@pytest.mark.parametrize("version", [1, 4])
def test_a_version_follows_the_one_before_it(ledger: Ledger, version: int) -> None:
    supply(ledger, incoming())
    supply(ledger, incoming(text=b"<dossier>new</dossier>"))
    with pytest.raises(psycopg.errors.CheckViolation, match="version 2"), ledger.unit(REGION, "test") as unit:
        unit.run("update overstap.dossier set version = %(version)s", version=version)


def test_a_new_version_of_what_was_inspected_begins_as_supplied(ledger: Ledger) -> None:
    supply(ledger, incoming())
    accept_all(ledger)
    release(ledger)
    inspect(ledger)
    register(ledger)
    seal(ledger)
    with pytest.raises(psycopg.errors.CheckViolation), ledger.unit(REGION, "test") as unit:
        unit.run("update overstap.dossier set version = 2")


@pytest.mark.parametrize(
    ("role", "region"),
    [
        ("overstap_region_alfa", "alfa"),
        ("overstap_school_alfa", "alfa"),
        ("overstap_desk_alfa", "alfa"),
        ("overstap_watch_alfa", "alfa"),
        ("overstap_board_alfa", "alfa"),
        ("overstap_drafts_alfa", "alfa"),
        ("overstap_board_north_and_east", "north_and_east"),
        ("overstap_region", None),
        ("overstap_region_", None),
        ("overstap_school", None),
        ("overstap_rights_school", None),
        ("overstap_rights_school_alfa", None),
        ("overstap_app", None),
        ("overstap_other_alfa", None),
        ("my_overstap_region_alfa", None),
        ("Overstap_region_alfa", None),
        ("region_alfa", None),
    ],
)
def test_a_region_is_that_of_the_role(owner_dsn: str, role: str, region: str | None) -> None:
    """What every policy rests on: roles of a region's services are of that region, and no other role is of any."""
    name = sql.Identifier(role)
    with psycopg.connect(owner_dsn) as owner:
        if owner.execute("select from pg_roles where rolname = %s", [role]).rowcount == 0:
            owner.execute(sql.SQL("create role {}").format(name))
        owner.execute(sql.SQL("grant usage on schema overstap to {}").format(name))
        owner.execute(sql.SQL("grant execute on function overstap.acting_region to {}").format(name))
        owner.execute(sql.SQL("set local role {}").format(name))
        assert owner.execute("select overstap.my_region(), overstap.acting_region()").fetchall() == [(region, region)]
        owner.execute("reset role")
        assert owner.execute("select overstap.my_region(), overstap.acting_region()").fetchall() == [(None, None)]
        owner.rollback()
