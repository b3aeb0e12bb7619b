"""Tests of a running round under changes of the agreement and of the coordinator's form."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from owned import by_owner
from test_walk import PO, REGION, ROUND, VO, accept_all, agreement, incoming, inspect, register, release, seal, send

from overstap.agreements import Agreement, RoundKind
from overstap.agreements.change_verdicts import shifted
from overstap.agreements.model import RegistrationStage
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.delivery import deliveries
from overstap.ledger.dossiers import dossiers
from overstap.ledger.invariants import check
from overstap.ledger.rounds import milestones, rounds
from overstap.ledger.rounds.round_agreements import versions
from overstap.ledger.rounds.runs import narrow, narrowed_to
from overstap.ledger.rounds.steering import SteeringRequest, apply_file, apply_form

KIND = RoundKind.ADVICE
NOW = datetime.now(UTC).replace(microsecond=0)
OTHER_PO, OTHER_VO = "99AC00", "98XC00"


def running(**moved: timedelta) -> Agreement:
    """The agreement of a round that collects: opened an hour ago, delivers in four days."""
    moments = dict(
        zip(
            ("opens", "data_due", "review_opens", "review_closes", "delivers", "receipts_due"),
            (timedelta(hours=-1), *(timedelta(days=day) for day in range(1, 6))),
            strict=True,
        )
    )
    usual = shifted(agreement(), KIND, {name: NOW + after for name, after in (moments | moved).items()})
    agreed = usual.round(KIND).model_copy(update={"may_shift": {"data_due": 2, "delivers": 3}})
    return usual.model_copy(update={"rounds": {KIND: agreed}})


def begin(ledger: Ledger, agreed: Agreement) -> None:
    with ledger.unit(REGION, "open_round") as unit:
        assert rounds.open_round(unit, agreed, KIND)


def ask(ledger: Ledger, *, by: str = "coordinator", schools: tuple[str, ...] = (), **moved: datetime) -> int:
    with ledger.unit(REGION, by) as unit:
        return len(apply_form(unit, ROUND, SteeringRequest(by, "overleg", moved, schools, "manual__1")) or ())


def offer(ledger: Ledger, offered: Agreement) -> list[tuple[str, str | None]] | None:
    with ledger.unit(REGION, "collect") as unit:
        decided = apply_file(unit, ROUND, offered, taken_by="collect")
    return None if decided is None else [(verdict.difference.path, verdict.refused) for verdict in decided.verdicts]


def holds(ledger: Ledger, milestone: str) -> datetime:
    with ledger.unit(REGION, "test") as unit:
        found: datetime = getattr(rounds.get_round(unit, ROUND).agreement.round(KIND).milestones, milestone)
        return found


def test_each_version_is_kept_and_the_newest_holds(ledger: Ledger) -> None:
    begin(ledger, running())
    changed = running(data_due=timedelta(days=1, hours=2), opens=timedelta(hours=-2))
    path = "rounds.advice.milestones"
    assert offer(ledger, changed) == [(f"{path}.opens", "passed"), (f"{path}.data_due", None)]
    assert offer(ledger, changed) is None, "the same file is looked at once"
    with ledger.unit(REGION, "test") as unit:
        found = versions(unit, ROUND)
        lines = unit.rows("select payload from overstap.audit_line order by seq")
    assert [version.origin for version in found] == ["opened", "file"]
    assert [version.taken_by for version in found] == ["open_round", "collect"]
    assert found[1].offered_digest == changed.digest != found[1].agreement.digest
    assert [(change["path"], change["allowed"]) for change in found[1].changes] == [
        (f"{path}.opens", False),
        (f"{path}.data_due", True),
    ]
    assert holds(ledger, "data_due") == NOW + timedelta(days=1, hours=2)
    assert holds(ledger, "opens") == NOW - timedelta(hours=1)
    assert '"action":"agreement.file"' in lines[-1][0]


def test_versions_are_added_and_never_changed(ledger: Ledger) -> None:
    begin(ledger, running())
    for statement in (
        "update overstap.round_agreement set agreement = '{}'",
        "delete from overstap.round_agreement",
        "update overstap.round set delivers_at = now() - interval '1 day'",
        "update overstap.run_change set schools = '{}'",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), ledger.unit(REGION, "test") as unit:
            unit.run(statement)
    with pytest.raises(psycopg.errors.CheckViolation):
        by_owner(
            ledger,
            "insert into overstap.round_agreement (region, round_id, number, origin, agreement, agreement_digest, "
            "offered_digest, delivers_at, receiving, taken_by) "
            "select region, round_id, 5, origin, agreement, '', '', now(), '{}', '' from overstap.round_agreement",
        )


def test_a_form_moves_within_its_bounds_and_the_file_does_not_undo_it(ledger: Ledger) -> None:
    begin(ledger, running())
    later = NOW + timedelta(days=2)
    assert ask(ledger, data_due=later, review_opens=NOW + timedelta(days=2)) == 1
    assert holds(ledger, "data_due") == later
    contact = running().model_copy(update={"name": "Nieuwe naam"})
    assert offer(ledger, contact) == [("name", None)]
    assert holds(ledger, "data_due") == later
    with ledger.unit(REGION, "test") as unit:
        form = versions(unit, ROUND)[1]
    assert (form.origin, form.taken_by, form.reason) == ("form", "coordinator", "overleg")


@pytest.mark.parametrize(
    ("moved", "why"),
    [
        ({"data_due": NOW + timedelta(days=4)}, "hoogstens 2 dagen"),
        ({"review_closes": NOW + timedelta(days=3, hours=1)}, "hoogstens 0 dagen"),
        ({"data_due": NOW + timedelta(days=2, hours=12)}, "volgorde"),
        ({"data_due": NOW - timedelta(minutes=1)}, "voorbij"),
    ],
)
def test_a_form_that_cannot_be_changes_nothing(ledger: Ledger, moved: dict[str, datetime], why: str) -> None:
    begin(ledger, running())
    with pytest.raises(OverstapError, match=why) as refused:
        ask(ledger, by="coordinator", schools=(), **moved)
    assert refused.value.code == "AGREEMENT-021"
    with ledger.unit(REGION, "test") as unit:
        assert len(versions(unit, ROUND)) == 1


@pytest.mark.parametrize("school", ["99ZZ99", "../../etc/passwd", "'; drop table overstap.round; --", "{{ conn }}"])
def test_a_school_that_takes_no_part_is_refused(ledger: Ledger, school: str) -> None:
    begin(ledger, running())
    with pytest.raises(OverstapError, match="AGREEMENT-021") as refused:
        ask(ledger, schools=(PO, school))
    assert school not in str(refused.value)
    with ledger.unit(REGION, "test") as unit:
        assert narrowed_to(unit, ROUND, "manual__1") == frozenset()


def test_a_run_is_narrowed_once_and_by_its_id(ledger: Ledger) -> None:
    begin(ledger, running())
    ask(ledger, schools=(PO,))
    with ledger.unit(REGION, "test") as unit:
        assert not narrow(unit, ROUND, "manual__1", [VO], asked_by="other", reason="")
        assert narrowed_to(unit, ROUND, "manual__1") == {PO}
        assert narrowed_to(unit, ROUND, "scheduled__1") == frozenset()


def inspected(ledger: Ledger, agreed: Agreement) -> None:
    """A dossier of PO that parents have seen and whose pupil is registered at VO."""
    begin(ledger, agreed)
    with ledger.unit(REGION, "test") as unit:
        dossiers.store(unit, ROUND, PO, [incoming()])
    accept_all(ledger)
    release(ledger)
    inspect(ledger)
    register(ledger)


def test_nothing_leaves_before_the_agreed_moment(ledger: Ledger) -> None:
    inspected(ledger, running())
    with ledger.unit(REGION, "test") as unit, pytest.raises(OverstapError, match="AGREEMENT-020"):
        deliveries.check_due(unit, ROUND)
    assert seal(ledger) == []
    ask(ledger, delivers=NOW + timedelta(days=3, hours=1))
    assert seal(ledger) == []


def test_what_was_sealed_in_time_waits_when_the_moment_moves(ledger: Ledger, owner_dsn: str) -> None:
    agreed = running(
        **{name: timedelta(minutes=-minute) for minute, name in enumerate(("delivers", "review_closes"), start=1)}
        | {"data_due": timedelta(minutes=-30), "review_opens": timedelta(minutes=-20)}
    )
    inspected(ledger, agreed)
    assert len(seal(ledger)) == 1
    with psycopg.connect(owner_dsn) as connection:  # as if it had been moved just before
        connection.execute("update overstap.round set delivers_at = now() + interval '1 day'")
    assert send(ledger) == 0
    with psycopg.connect(owner_dsn) as connection:
        connection.execute("update overstap.round set delivers_at = now() - interval '1 minute'")
    assert send(ledger) == 1


def test_delivery_before_the_moment_is_a_breach(ledger: Ledger, owner_dsn: str) -> None:
    inspected(ledger, running(**dict.fromkeys(("data_due", "review_opens", "review_closes", "delivers"), timedelta(0))))
    assert len(seal(ledger)) == 1
    with ledger.unit(REGION, "test") as unit:
        assert check(unit) == []
    with psycopg.connect(owner_dsn) as connection:
        connection.execute(
            "update overstap.delivery l set sealed_at = v.delivers_at - interval '1 second' "
            "from overstap.round_agreement v where v.round_id = l.round_id"
        )
    with ledger.unit(REGION, "test") as unit:
        assert "sealed before the agreed moment of delivery" in {breach.why for breach in check(unit)}


def test_a_registration_elsewhere_shows(ledger: Ledger) -> None:
    """At a school that another round knows, or from another primary school: nobody receives it, and it says why."""
    agreed = running(**dict.fromkeys(("data_due", "review_opens", "review_closes", "delivers"), timedelta(0)))
    inspected(ledger, agreed)
    with ledger.unit(REGION, "test") as unit:
        unit.run(
            "insert into overstap.school (region, school, name, kind, contact) "
            "values (%(region)s, %(school)s, 'Buiten', 'VO', 'x@example.org')",
            region=REGION,
            school=OTHER_VO,
        )
    by_owner(
        ledger,
        "insert into overstap.application (region, school_year, pupil, primary_school, secondary_school, stage, "
        "recorded_at) select region, school_year, pupil, primary_school, %(vo)s, stage, recorded_at "
        "from overstap.application",
        vo=OTHER_VO,
    )
    for change, why in (
        (f"withdrawn_at = now() where secondary_school = '{VO}'", "outside"),
        (f"primary_school = '{OTHER_PO}', withdrawn_at = null", "other_school"),
        (f"primary_school = '{PO}', stage = 'applied'", "stage"),
        ("withdrawn_at = now()", "none"),
    ):
        by_owner(ledger, f"update overstap.application set {change}")  # noqa: S608
        with ledger.unit(REGION, "test") as unit:
            deliveries.sort_receivers(unit, ROUND, RegistrationStage.REGISTERED)
            found = deliveries.without_receiver(unit, ROUND)
            assert [(one.primary_school, one.why, one.count) for one in found] == [(PO, why, 1)]
            assert unit.one("select state from overstap.dossier")[0] == "no_receiver"


def test_moments_that_came_are_noted_once(ledger: Ledger) -> None:
    agreed = running(data_due=timedelta(minutes=-5))
    begin(ledger, agreed)
    for expected in (["opens", "data_due"], []):
        with ledger.unit(REGION, "alert") as unit:
            assert [one.milestone for one in milestones.note_passed(unit, ROUND)] == expected
    with ledger.unit(REGION, "alert") as unit:
        assert {one.milestone: dict(one.behind) for one in milestones.passed(unit, ROUND)} == {
            "opens": {},
            "data_due": {PO: 0},
        }


def test_a_longer_window_is_longer_for_those_who_are_in_it(ledger: Ledger) -> None:
    stones = {"data_due": timedelta(minutes=-30), "review_opens": timedelta(minutes=-20)}
    begin(ledger, running(**stones))
    with ledger.unit(REGION, "test") as unit:
        dossiers.store(unit, ROUND, PO, [incoming()])
    accept_all(ledger)
    release(ledger)
    assert offer(ledger, running(**stones, review_closes=timedelta(days=3, hours=12))) == [
        ("rounds.advice.milestones.review_closes", None)
    ]
    with ledger.unit(REGION, "test") as unit:
        assert unit.one("select review_closes_at from overstap.dossier")[0] == NOW + timedelta(days=3, hours=12)
    assert offer(ledger, running(**stones, review_closes=timedelta(days=2))) == [
        ("rounds.advice.milestones.review_closes", "shown")
    ]
