"""Tests of holds of gates: raised by rules, settled by a coordinator's decision only."""

from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest
from test_walk import NOW, PO, REGION, ROUND, VO, accept_all, agreement, release, supply

from overstap.clock import now
from overstap.delivery.sealing import seal_round
from overstap.ledger import Ledger
from overstap.ledger.delivery import deliveries
from overstap.ledger.dossiers import dossiers
from overstap.ledger.review import decisions
from overstap.ledger.rounds import gate_holds, registrations
from overstap.ledger.rounds.gate_holds import ACCEPT_UNDELIVERABLE, RELEASE_FOR_DELIVERY, HoldReason
from overstap.oso.writing import content_digest, to_bytes
from overstap.pki import TrustStore, make_development_certificates
from overstap.simulation.synthetic.region import make_region
from overstap.simulation.synthetic.writing import dossiers as made

MISSING = HoldReason("school_missing", 5, {"school": "De Regenboog"}, PO)


def look(ledger: Ledger, *reasons: HoldReason) -> list[tuple[int, str, int]]:
    with ledger.unit(REGION, "test") as unit:
        found = gate_holds.update_holds(unit, ROUND, RELEASE_FOR_DELIVERY, reasons)
    return [(hold.batch, hold.reason.reason, hold.reason.count) for hold in found]


def decide(ledger: Ledger, batch: int, *, approved: bool, key: str = "1") -> None:
    with ledger.unit(REGION, "coordinator") as unit:
        gate_holds.decide(
            *(unit, ROUND, RELEASE_FOR_DELIVERY, batch),
            approved=approved,
            decided_by="coordinator",
            reason="",
            answer_key=key,
            dossiers=3,
        )


def test_a_reason_is_asked_once_and_anew_only_when_it_becomes_more(ledger: Ledger) -> None:
    supply(ledger)
    assert look(ledger, MISSING) == look(ledger, MISSING) == [(1, "school_missing", 5)]
    decide(ledger, 1, approved=False)
    assert look(ledger, MISSING) == [(1, "school_missing", 5)]
    decide(ledger, 1, approved=True, key="2")
    decide(ledger, 1, approved=True, key="2")
    assert look(ledger, MISSING, HoldReason("many_rejected", 4)) == [(2, "many_rejected", 4)]
    assert look(ledger, MISSING, HoldReason("many_rejected", 6)) == [(3, "many_rejected", 6)]
    assert look(ledger, MISSING) == []
    with ledger.unit(REGION, "test") as unit:
        assert unit.one("select count(*) from overstap.gate_decision")[0] == 2
        assert gate_holds.batches(unit, ROUND, RELEASE_FOR_DELIVERY) == 3


def test_only_a_decision_that_approved_settles(ledger: Ledger) -> None:
    supply(ledger)
    look(ledger, MISSING)
    decide(ledger, 1, approved=False)
    with pytest.raises(psycopg.errors.CheckViolation), ledger.unit(REGION, "test") as unit:
        gate_holds.settle(unit, ROUND, RELEASE_FOR_DELIVERY, 1, answer_key="1")
    with ledger.unit(REGION, "test") as unit:
        assert gate_holds.open_holds(unit, ROUND, RELEASE_FOR_DELIVERY, batch=1)
        assert gate_holds.open_holds(unit, ROUND, ACCEPT_UNDELIVERABLE) == []


def test_another_region_sees_and_settles_nothing(ledger: Ledger) -> None:
    supply(ledger)
    look(ledger, MISSING)
    with ledger.unit(REGION, "test") as unit:
        held = [hold.gate_hold for hold in gate_holds.open_holds(unit, ROUND, RELEASE_FOR_DELIVERY)]
    with ledger.unit("beta", "test") as unit:
        assert gate_holds.open_holds(unit, ROUND, RELEASE_FOR_DELIVERY) == []
        assert unit.one("select overstap.withdraw_holds(%(ids)s)", ids=held)[0] == 0
    with ledger.unit(REGION, "test") as unit:
        assert len(gate_holds.open_holds(unit, ROUND, RELEASE_FOR_DELIVERY)) == len(held) > 0


def test_nothing_is_sealed_or_sent_while_a_hold_stands(ledger: Ledger, tmp_path: Path) -> None:
    """The database refuses it itself, whatever was marked a success and whoever asks."""
    make_development_certificates(tmp_path / "trust", schools=[PO, VO], regions=[REGION], at=datetime.now(UTC))
    trust = TrustStore(tmp_path / "trust", production=False)
    region = make_region(1, 3, 1, 1, today=date(2026, 11, 23), late=0, faulty=0, littered=0, database=0)
    group = [
        dossiers.IncomingDossier(
            pupil.number, pupil.las_key, to_bytes(one), content_digest(one), "2019.1", "drop_folder"
        )
        for pupil, one in made(region)
    ]
    supply(ledger, *group)
    accept_all(ledger)
    release(ledger)
    with ledger.unit(REGION, "school") as unit:
        decided = [decisions.ReviewDecision(item.las_key or "", now().date(), "Ja", None) for item in group]
        decisions.record(unit, ROUND, PO, decided, ground="school_list")
        registered = [registrations.Registration(item.pupil_number, PO, VO, "registered", NOW) for item in group]
        registrations.record_registrations(unit, "2026-2027", registered)

    def seal() -> int:
        agreed = agreement()
        common = {"agreement": agreed, "agreed": agreed.round("advice"), "round_id": ROUND, "actor": "test"}
        return seal_round(ledger, trust, clock=now, **common)["dossiers"]

    look(ledger, MISSING)
    with pytest.raises(psycopg.errors.CheckViolation, match="held until the coordinator decides"):
        seal()
    decide(ledger, 1, approved=True)
    assert seal() == len(group)
    look(ledger, MISSING, HoldReason("many_rejected", 4))
    with pytest.raises(psycopg.errors.CheckViolation), ledger.unit(REGION, "test") as unit:
        deliveries.claim_to_send(unit, ROUND, VO, after=None, limit=5)
    decide(ledger, 2, approved=True, key="2")
    with ledger.unit(REGION, "test") as unit:
        assert len(deliveries.claim_to_send(unit, ROUND, VO, after=None, limit=5)) == len(group)
