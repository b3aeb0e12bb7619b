"""Tests of one damaged dossier (F30): it is reported and set aside, all others are sealed."""

from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest
from test_walk import NOW, PO, REGION, ROUND, VO, accept_all, agreement, release, states, supply

from overstap.clock import now
from overstap.delivery.sealing import seal_round
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.dossiers import dossiers
from overstap.ledger.review import decisions
from overstap.ledger.rounds import registrations
from overstap.oso.writing import content_digest, to_bytes
from overstap.pki import TrustStore, make_development_certificates
from overstap.simulation.synthetic.region import make_region
from overstap.simulation.synthetic.writing import dossiers as made


@pytest.fixture
def trust(tmp_path: Path) -> TrustStore:
    make_development_certificates(tmp_path / "trust", schools=[PO, VO], regions=[REGION], at=datetime.now(UTC))
    return TrustStore(tmp_path / "trust", production=False)


def inspected(ledger: Ledger) -> int:
    """Take a school's dossiers up to their inspection; return how many."""
    region = make_region(1, 6, 1, 1, today=date(2026, 11, 23), late=0, faulty=0, littered=0, database=0)
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
        decided = [decisions.ReviewDecision(item.las_key or "", date(2027, 1, 12), "Ja", None) for item in group]
        decisions.record(unit, ROUND, PO, decided, ground="school_list")
        registered = [registrations.Registration(str(item.pupil_number), PO, VO, "registered", NOW) for item in group]
        registrations.record_registrations(unit, "2026-2027", registered)
    return len(group)


@pytest.mark.fault("F30")
def test_one_damaged_dossier_does_not_stop_the_others(ledger: Ledger, owner_dsn: str, trust: TrustStore) -> None:
    count = inspected(ledger)
    with psycopg.connect(owner_dsn) as connection:
        connection.execute(
            "update overstap.dossier_version set content = set_byte(content, 20, 255 - get_byte(content, 20)) "
            "where dossier = (select min(dossier::text)::uuid from overstap.dossier)"
        )
    agreed = agreement()
    with pytest.raises(OverstapError, match="DELIVERY-105") as caught:
        seal_round(
            *(ledger, trust),
            agreement=agreed,
            agreed=agreed.round("advice"),
            round_id=ROUND,
            actor="test",
            clock=now,
        )
    assert caught.value.facts == {"count": 1, "codes": "LEDGER-003"}
    assert sorted(states(ledger)) == ["inspected"] + ["sealed"] * (count - 1)


def test_what_a_parallel_run_held_and_gave_back_is_sealed_too(
    ledger: Ledger, owner_dsn: str, trust: TrustStore
) -> None:
    """A run goes on behind the last one that it took, and from the first again at its end."""
    count = inspected(ledger)
    agreed = agreement()
    with psycopg.connect(owner_dsn) as parallel:
        parallel.execute("select from overstap.dossier order by dossier limit 2 for update")
        asked = 0

        def clock() -> datetime:
            nonlocal asked
            asked += 1
            if asked == 2:  # once before it claims, then for each envelope
                parallel.rollback()
            return now()

        done = seal_round(
            *(ledger, trust),
            agreement=agreed,
            agreed=agreed.round("advice"),
            round_id=ROUND,
            actor="test",
            clock=clock,
        )
    assert done == {"dossiers": count, "envelopes": count}
    assert states(ledger) == ["sealed"] * count
