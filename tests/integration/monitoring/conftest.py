"""Fixture: two regions under way in a ledger."""

import pytest

from overstap.agreements import RoundKind
from overstap.clock import now
from overstap.ledger import Ledger
from overstap.simulation.synthetic.agreement import agreement_of
from overstap.simulation.synthetic.region import make_region
from overstap_tools.bench.filling import UNDER_WAY, Filling, fill, milestones_around


@pytest.fixture
def filled(ledger: Ledger, owner_dsn: str) -> str:
    """Two regions under way; returns the school year."""
    at = now()
    for place, name in enumerate(("alfa", "beta")):
        region = make_region(5 + place, 40, 5, 2, today=at.date(), name=name)
        agreement = agreement_of(region, {RoundKind.ADVICE: milestones_around(at)})
        fill(ledger, owner_dsn, agreement, RoundKind.ADVICE, Filling(200, UNDER_WAY, troubled_every=3))
    return agreement.school_year
