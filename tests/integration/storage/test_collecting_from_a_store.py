"""Test of a round's collection and reports where files lie in an object store, also while it is away."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from object_store import BUCKET, ObjectStore

from overstap.agreements import RoundId, RoundKind
from overstap.clock import now
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.rounds import registrations, rounds
from overstap.ledger.rounds.counts import primary_schools
from overstap.orchestration.object_storage import place_of
from overstap.rounds import checking, collection
from overstap.rounds.context import Context
from overstap.settings import Settings
from overstap.simulation.synthetic.agreement import agreement_of, past_milestones
from overstap.simulation.synthetic.region import make_region
from overstap.simulation.synthetic.writing import write_applications, write_school

REGION = "alfa"


def test_a_store_that_is_away_takes_nothing_away(
    store: ObjectStore, opened: Callable[..., Any], ledger: Ledger, tmp_path: Path
) -> None:
    made_up = make_region(3, 6, 1, 1, today=date(2026, 11, 23), name=REGION, late=0, faulty=0, littered=0, database=0)
    write_school(made_up, made_up.primary[0], tmp_path)
    agreement = agreement_of(made_up, {RoundKind.ADVICE: past_milestones(now())})
    for path in (tmp_path / "drop").rglob("*.xml"):
        store.put(path.relative_to(tmp_path).as_posix(), path.read_bytes())
    assert write_applications(made_up, tmp_path / "a.csv") > 0
    store.put(f"drop/{REGION}/{agreement.registrations.file}", (tmp_path / "a.csv").read_bytes())
    with ledger.unit(REGION, "test") as unit:
        rounds.open_round(unit, agreement, RoundKind.ADVICE)
    opened()  # the connection that the settings name
    settings = Settings(regions=tmp_path, drop=f"s3://files@{BUCKET}/drop", reports=f"s3://files@{BUCKET}/reports")
    context = Context(settings, ledger, storage=place_of).of_round(
        RoundId(agreement.round_id(RoundKind.ADVICE)), agreement
    )
    school = agreement.suppliers(RoundKind.ADVICE)[0].id

    assert collection.collect(context, school).stored.new == made_up.size
    assert collection.register(context)["changed"] > 0
    checking.check(context)
    assert b"<html" in store.keys()[f"reports/{REGION}/2026-2027/advice-quality.html"]
    before = counts(ledger, context.round_id)

    opened(bucket="niet-daar")
    away = Settings(regions=tmp_path, drop="s3://files@niet-daar/drop")
    lost = Context(away, ledger, storage=place_of).of_round(context.round_id, agreement)
    for code, step in (
        ("INTAKE-001", lambda: collection.collect(lost, school)),
        ("INTAKE-047", lambda: collection.register(lost)),
    ):
        with pytest.raises(OverstapError, match=code) as told:
            step()
        assert told.value.who == "administrator"  # and so the task is tried again
    assert counts(ledger, context.round_id) == before
    assert collection.collect(context, school).stored.new == 0


def counts(ledger: Ledger, round_id: str) -> Any:
    with ledger.unit(REGION, "test") as unit:
        return primary_schools(unit, round_id), registrations.unstated(unit, "2026-2027")
