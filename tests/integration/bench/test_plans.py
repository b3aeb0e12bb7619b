"""Tests of query plans: the ledger claims work by index, also without statistics.

Counted in rows that were looked at, not in seconds: a plan that looks at all dossiers for each group is quadratic.
"""

import os
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from overstap.agreements import RoundKind
from overstap.agreements.model import RegistrationStage
from overstap.clock import now
from overstap.envelope.message_ids import message_id
from overstap.ledger import Ledger, retention
from overstap.ledger.delivery.deliveries import (
    FIRST,
    Envelope,
    UnreceivedDossiers,
    claim_to_seal,
    claim_to_send,
    keep_sealed,
    sort_receivers,
    without_receiver,
)
from overstap.ledger.dossiers.dossiers import decide_release
from overstap.ledger.read_only import ReadOnlyLedger
from overstap.ledger.rounds import counts, progress
from overstap.ledger.rounds.registrations import Registration, record_registrations
from overstap.ledger.rounds.rounds import open_round
from overstap.ledger.session import UnitOfWork
from overstap.simulation.synthetic.agreement import agreement_of, past_milestones
from overstap_tools.bench.ledger import steps
from overstap_tools.bench.sandbox import region_of, today

REGION = "alfa"
SIZES = [("seal", 180), ("seal", 240), ("seal", 600), ("send", 240), ("send", 600)]
"""Dossiers of a round: without statistics the plan depends on how large the tables are."""
GROUP = 15
TABLES = ("application", "dossier", "dossier_version", "review_decision")
PER_ITEM = 10
"""Rows of a table for one dossier that is taken: its own, and again for each view that joins it."""


def looked_at(unit: UnitOfWork) -> dict[str, int]:
    return {
        table: int(rows)
        for table, rows in unit.rows(
            "select relname, coalesce(idx_tup_fetch, 0) + seq_tup_read from pg_stat_xact_user_tables "
            "where schemaname = 'overstap' and relname = any(%(tables)s)",
            tables=list(TABLES),
        )
    }


@pytest.mark.parametrize(("step", "dossiers"), SIZES)
def test_a_group_is_taken_without_looking_at_all(ledger: Ledger, step: str, dossiers: int) -> None:
    agreement = agreement_of(region_of(REGION, 1, today()), {RoundKind.ADVICE: past_milestones(now())})
    round_id = agreement.round_id("advice")
    primary, secondary = agreement.primary_schools[0].id, agreement.secondary_schools[0].id
    with ledger.unit(REGION, "test") as unit:
        open_round(unit, agreement, RoundKind.ADVICE)
        rows = [
            Registration(f"{n:09}", primary, secondary, "placed", agreement.round("advice").milestones.opens)
            for n in range(dossiers)
        ]
        record_registrations(unit, agreement.school_year, rows)
    until = {"seal": "inspect", "send": "seal"}[step]
    for done, _ in steps(ledger, agreement, REGION, dossiers, 200):
        if done == until:
            break
    with ledger.unit(REGION, "test") as unit:
        before = looked_at(unit)
        if step == "seal":
            with_keys: dict[str, Any] = {"senders": [primary], "receivers": [secondary]}
            claimed: list[Any] = list(claim_to_seal(unit, round_id, RegistrationStage.PLACED, limit=GROUP, **with_keys))
        else:
            claimed = list(claim_to_send(unit, round_id, secondary, limit=GROUP))
        after = looked_at(unit)
    assert len(claimed) == GROUP
    assert {
        table: after[table] - before[table] for table in TABLES if after[table] - before[table] > PER_ITEM * GROUP
    } == {}


def test_a_later_group_passes_by_none_that_was_sealed(ledger: Ledger) -> None:
    """No index holds the state: whoever began at the first one again would look at all that were sealed before."""
    agreement = agreement_of(region_of(REGION, 1, today()), {RoundKind.ADVICE: past_milestones(now())})
    round_id = agreement.round_id("advice")
    primary, secondary = agreement.primary_schools[0].id, agreement.secondary_schools[0].id
    with ledger.unit(REGION, "test") as unit:
        open_round(unit, agreement, RoundKind.ADVICE)
    for done, _ in steps(ledger, agreement, REGION, 600, 200):
        if done == "inspect":
            break
    last, claimed = FIRST, []
    for limit in (500, GROUP):
        with ledger.unit(REGION, "test") as unit:
            before = looked_at(unit)
            claimed = claim_to_seal(
                *(unit, round_id, RegistrationStage.PLACED),
                senders=[primary],
                receivers=[secondary],
                limit=limit,
                after=last,
            )
            after = looked_at(unit)
            last = claimed[-1].ref.dossier
            digest = b"\0" * 32
            envelopes = [
                Envelope(message_id(now(), os.urandom(10)), one.ref, secondary, b"envelope", digest, digest)
                for one in claimed
            ]
            keep_sealed(unit, round_id, envelopes)
    assert len(claimed) == GROUP
    assert after["dossier"] - before["dossier"] <= PER_ITEM * GROUP


def test_those_that_may_not_leave_are_passed_by(ledger: Ledger, owner_dsn: str) -> None:
    """However many wait before the first that may leave, and behind the last."""
    agreement = agreement_of(region_of(REGION, 1, today()), {RoundKind.ADVICE: past_milestones(now())})
    round_id, secondary = agreement.round_id("advice"), agreement.secondary_schools[0].id
    with_keys: dict[str, Any] = {"senders": [agreement.primary_schools[0].id], "receivers": [secondary]}
    with ledger.unit(REGION, "test") as unit:
        open_round(unit, agreement, RoundKind.ADVICE)
    for done, _ in steps(ledger, agreement, REGION, 60, 60):
        if done == "inspect":
            break
    with ledger.unit(REGION, "test") as unit:
        found = claim_to_seal(unit, round_id, RegistrationStage.PLACED, limit=60, **with_keys)
    assert len(found) == 60
    with psycopg.connect(owner_dsn) as owner:
        registered = owner.execute(
            "update overstap.application a set stage = 'applied' from overstap.dossier d "
            "where d.pupil = a.pupil and not (d.dossier = any(%s))",
            [[one.ref.dossier for one in found[35:38]]],
        )
        assert registered.rowcount == 57
    with ledger.unit(REGION, "test") as unit:
        taken = claim_to_seal(unit, round_id, RegistrationStage.PLACED, limit=GROUP, **with_keys)
        assert [one.ref for one in taken] == [one.ref for one in found[35:38]]
        after = taken[-1].ref.dossier
        assert claim_to_seal(unit, round_id, RegistrationStage.PLACED, limit=GROUP, after=after, **with_keys) == []


def test_counts_of_a_round_look_at_no_dossier_for_each_registration(ledger: Ledger, owner_dsn: str) -> None:
    """No index holds the state: to look for it at each registration is quadratic without statistics."""
    dossiers = 240
    agreement = agreement_of(region_of(REGION, 1, today()), {RoundKind.ADVICE: past_milestones(now())})
    round_id, primary = agreement.round_id("advice"), agreement.primary_schools[0].id
    with ledger.unit(REGION, "test") as unit:
        open_round(unit, agreement, RoundKind.ADVICE)
    for done, _ in steps(ledger, agreement, REGION, dossiers, 200):
        if done == "inspect":
            break
    with psycopg.connect(owner_dsn) as owner:
        owner.execute("update overstap.application set stage = 'applied'")
    with ledger.unit(REGION, "test") as unit:
        assert sort_receivers(unit, round_id, RegistrationStage.PLACED)["no_receiver"] == dossiers
    with ledger.unit(REGION, "test") as unit:
        before = looked_at(unit)
        assert counts.expected(unit, round_id)[round_id] == {primary: dossiers}
        assert without_receiver(unit, round_id) == [UnreceivedDossiers(primary, "stage", dossiers)]
        after = looked_at(unit)
    assert {
        table: after[table] - before[table] for table in TABLES if after[table] - before[table] > PER_ITEM * dossiers
    } == {}


def test_the_long_plans_are_made_once_per_connection(ledger: Ledger) -> None:
    """To plan the joins with what may leave takes longer than to take a group; they were planned for each group."""
    agreement = agreement_of(region_of(REGION, 1, today()), {RoundKind.ADVICE: past_milestones(now())})
    round_id, secondary = agreement.round_id("advice"), agreement.secondary_schools[0].id
    with_keys: dict[str, Any] = {"senders": [agreement.primary_schools[0].id], "receivers": [secondary]}
    with ledger.unit(REGION, "test") as unit:
        open_round(unit, agreement, RoundKind.ADVICE)
    for done, _ in steps(ledger, agreement, REGION, 30, 30):
        if done == "inspect":
            break
    with ledger.unit(REGION, "test") as unit:
        for _ in range(7):
            assert claim_to_seal(unit, round_id, RegistrationStage.PLACED, limit=GROUP, **with_keys)
            assert claim_to_seal(unit, "none", RegistrationStage.PLACED, limit=GROUP, **with_keys) == []
            claim_to_send(unit, "none", "99AA00", limit=GROUP)
        kept = unit.rows(
            "select generic_plans, custom_plans from pg_prepared_statements "
            "where statement like '%%overstap.may_leave%%'"
        )
        mode = unit.one("select current_setting('plan_cache_mode')")[0]
    assert kept == [(7, 0)] * 2
    assert mode == "auto", "all other statements are planned as ever"


def test_old_and_new_rows_are_matched_by_a_hash(ledger: Ledger) -> None:
    """A trigger's plan is made for the first group of a session: after an empty one, all rows were compared to all."""
    compared = ledger.without_region(
        "select proname from pg_proc where pronamespace = 'overstap'::regnamespace "
        "and prosrc like '%%old_rows%%' and prosrc like '%%new_rows%%'"
    )
    by_hash = ledger.without_region(
        "select proname from pg_proc where pronamespace = 'overstap'::regnamespace "
        "and 'enable_nestloop=off' = any(proconfig)"
    )
    rows = {"keep_transition", "keep_delivery_held", "keep_inspection"}
    assert {name for (name,) in compared} == rows
    # A region's first list is joined with rows that were just written, of which the planner knows no number
    assert {name for (name,) in by_hash} == rows | {"record_registrations"}


def test_a_page_asks_by_plans_that_are_kept(ledger: Ledger, app_dsn: str) -> None:
    """A question of a region and of one of its schools is two, each good for one plan; plans stay from page to page."""
    pages = ReadOnlyLedger(app_dsn)
    for school in (None, "99AB00"):
        for _ in range(12):
            with pages.region(REGION) as unit:
                progress.open_reviews(unit, "none", school)
    with pages.region(REGION) as unit:
        kept = unit.rows(
            "select generic_plans, statement like '%%or primary_school%%' from pg_prepared_statements "
            "where statement like '%%min(review_closes_at)%%' and statement not like '%%pg_prepared%%'"
        )
    pages.close()
    assert [both for _, both in kept] == [False, False]
    assert all(plans > 0 for plans, _ in kept)


def test_a_page_that_failed_spoils_no_other(ledger: Ledger, app_dsn: str) -> None:
    pages = ReadOnlyLedger(app_dsn)
    for _ in range(2):
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction), pages.region(REGION) as unit:
            unit.run("delete from overstap.dossier")
        with pages.region(REGION) as unit:
            assert unit.one("select overstap.my_region()") == (REGION,)
    with pages.without_region() as connection:
        assert connection.execute("select overstap.my_region()").fetchall() == [(None,)]
    pages.close()


def test_what_a_function_asks_again_and_again_is_planned_once(ledger: Ledger) -> None:
    """Else its first five calls of a connection plan every statement anew, and a task of one school makes no more."""
    kept = ledger.without_region(
        "select proname from pg_proc where pronamespace = 'overstap'::regnamespace "
        "and 'plan_cache_mode=force_generic_plan' = any(proconfig)"
    )
    told = {"tell_decided", "tell_settled_in"}
    assert {name for (name,) in kept} == {"audit", "keep_transition", "record_decisions"} | told


def test_whoever_answers_finds_at_once_that_others_are_waited_for(ledger: Ledger, owner_dsn: str) -> None:
    """In any order, and without statistics: all answers of a round together look at few dossiers for each.

    Of a much smaller table PostgreSQL reads all, to find the dossier itself.
    """
    agreement = agreement_of(region_of(REGION, 1, today()), {RoundKind.ADVICE: past_milestones(now())})
    with ledger.unit(REGION, "test") as unit:
        open_round(unit, agreement, RoundKind.ADVICE)
    for done, _ in steps(ledger, agreement, REGION, 600, 200):
        if done == "release":
            break
    counted = (
        "select coalesce(idx_tup_fetch, 0) + seq_tup_read from pg_stat_xact_user_tables "
        "where schemaname = 'overstap' and relname = 'dossier'"
    )
    with psycopg.connect(owner_dsn) as owner:
        ids = [one for (one,) in owner.execute("select dossier from overstap.dossier order by md5(dossier::text)")]
        owner.execute("set session_replication_role = replica")  # the answers themselves are not what is counted
        looked = 0
        for one in ids:
            owner.execute("update overstap.dossier set state = 'inspected' where dossier = %s", [one])
            [[before]] = owner.execute(counted).fetchall()
            owner.execute("select overstap.tell_decided(array[%s]::uuid[])", [one])
            [[after]] = owner.execute(counted).fetchall()
            looked += int(after) - int(before)
    assert looked <= PER_ITEM * 2 * len(ids)


@pytest.mark.parametrize("step", ["content", "traces"])
def test_a_group_that_is_erased_does_not_read_those_before_and_behind_it(
    ledger: Ledger, owner_dsn: str, step: str
) -> None:
    """Each group read its whole round, and in a larger ledger all rounds of all regions for each dossier of it."""
    agreement = agreement_of(region_of(REGION, 1, today()), {RoundKind.ADVICE: past_milestones(now())})
    round_id = agreement.round_id("advice")
    with ledger.unit(REGION, "test") as unit:
        open_round(unit, agreement, RoundKind.ADVICE)
    for done, _ in steps(ledger, agreement, REGION, 600, 200):
        if done == "take in":
            break
    with psycopg.connect(owner_dsn, autocommit=True) as owner:
        owner.execute("set session_replication_role = replica")
        ids = [one for (one,) in owner.execute("select dossier from overstap.dossier order by dossier")]
        owner.execute(
            "update overstap.dossier set erased_at = now(), forgotten_at = now() where dossier = any(%s)", [ids[:450]]
        )
    with ledger.unit(REGION, "test") as unit:
        before = looked_at(unit).get("dossier", 0)
        group = retention._group_after(unit, round_id, step, ids[449], GROUP)
        after = looked_at(unit)["dossier"]
        assert group == ids[450 : 450 + GROUP]
        assert after - before <= PER_ITEM * GROUP
        assert retention._group_after(unit, round_id, step, ids[-1], GROUP) == []


@pytest.mark.parametrize("following", ["accept", "release", "inspect", "seal"])
def test_a_new_state_writes_no_index(ledger: Ledger, owner_dsn: str, following: str) -> None:
    """A dossier's state changes seven times: no index holds it, and there is room on the page for the next row."""
    agreement = agreement_of(region_of(REGION, 1, today()), {RoundKind.ADVICE: past_milestones(now())})
    with ledger.unit(REGION, "test") as unit:
        open_round(unit, agreement, RoundKind.ADVICE)
    counted = "select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables where relname = 'dossier'"
    before = (0, 0)
    with psycopg.connect(owner_dsn, autocommit=True) as owner:
        for done, _ in steps(ledger, agreement, REGION, 240, 80):
            ledger.without_region("select pg_stat_force_next_flush()")
            ledger.without_region("select 1")
            found = owner.execute(counted).fetchall()[0]
            if done == following:
                break
            before = found
    assert found[0] - before[0] == 240
    assert found[1] - before[1] >= 0.9 * 240


@pytest.mark.parametrize(("until", "table"), [("accept", "dossier_version"), ("seal", "delivery")])
def test_a_release_and_an_attempt_write_no_index(ledger: Ledger, until: str, table: str) -> None:
    """There is room on the page for the row as it is next, so no index of the table is written (a "HOT" update)."""
    agreement = agreement_of(region_of(REGION, 1, today()), {RoundKind.ADVICE: past_milestones(now())})
    round_id, secondary = agreement.round_id("advice"), agreement.secondary_schools[0].id
    with ledger.unit(REGION, "test") as unit:
        open_round(unit, agreement, RoundKind.ADVICE)
    for done, _ in steps(ledger, agreement, REGION, 240, 200):
        if done == until:
            break
    with ledger.unit(REGION, "test") as unit:
        if table == "delivery":
            claim_to_send(unit, round_id, secondary, limit=240)
        else:
            until_then = now() + timedelta(days=1)
            decide_release(
                *(unit, round_id),
                approved=True,
                decided_by="test",
                reason="",
                answer_key="test",
                closes_at=until_then,
            )
        [(moved, in_place)] = unit.rows(
            "select n_tup_upd, n_tup_hot_upd from pg_stat_xact_user_tables "
            "where schemaname = 'overstap' and relname = %(table)s",
            table=table,
        )
    assert moved == 240
    assert in_place >= 0.9 * moved
