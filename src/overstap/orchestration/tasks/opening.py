"""The round begins."""

import logging
from typing import Any

from overstap.agreements import RoundKind
from overstap.agreements.load import find_agreement
from overstap.clock import now, spoken
from overstap.errors import OverstapError
from overstap.ledger.rounds import rounds
from overstap.orchestration.round_context import RoundRef, bare_workplace
from overstap.orchestration.tasks.steering import take_conf

log = logging.getLogger(__name__)


def open_round(region: str, school_year: str, kind: str) -> dict[str, Any]:
    """Write the round and its schools into the ledger, with the agreement as it stands now; take what the form asks.

    Raises:
        OverstapError: AGREEMENT-022 before the agreed opening; AGREEMENT-021 when the form asks what cannot be.
    """
    ref = RoundRef(region, school_year, kind)
    with bare_workplace() as (settings, ledger):
        agreement = find_agreement(settings.regions, region, school_year)
        opens = agreement.round(kind).milestones.opens
        if now() < opens:  # nobody's data are asked for before it was agreed, whoever starts the round
            raise OverstapError("AGREEMENT-022", round=ref.round_id, moment=spoken(opens))
        with ledger.unit(region, "open_round") as unit:
            opened = rounds.open_round(unit, agreement, RoundKind(kind))
    moved = take_conf(ref)
    log.info("%s %s", ref.round_id, "geopend | opened" if opened else "was al geopend | was open already")
    return {"opened": opened, "schools": len(agreement.schools), "moved": moved}
