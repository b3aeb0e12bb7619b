"""The round begins."""

import logging
from typing import Any

from overstap.agreements import RoundKind
from overstap.agreements.load import find_agreement
from overstap.ledger import rounds
from overstap.orchestration.workplace import RoundRef, bare_workplace

log = logging.getLogger(__name__)


def open_round(region: str, school_year: str, kind: str) -> dict[str, Any]:
    """Write the round and its schools into the ledger, with the agreement as it stands now."""
    ref = RoundRef(region, school_year, kind)
    with bare_workplace() as (settings, ledger):
        agreement = find_agreement(settings.regions, region, school_year)
        with ledger.unit(region, "open_round") as unit:
            opened = rounds.open_round(unit, agreement, RoundKind(kind))
    log.info("%s %s", ref.round_id, "geopend | opened" if opened else "was al geopend | was open already")
    return {"opened": opened, "schools": len(agreement.schools)}
