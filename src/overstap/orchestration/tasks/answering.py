"""What schools that collect by themselves left for us: receipts and results, in a folder or on their server."""

import logging
from typing import Any

from overstap.agreements.model import Folder, Sftp
from overstap.clock import now
from overstap.ledger.rounds import rounds
from overstap.orchestration.round_context import RoundRef, bare_workplace, say, workplace

log = logging.getLogger(__name__)


def plan_answers(region: str, school_year: str) -> list[dict[str, str]]:
    """Return where to look: each school that collects by itself, for each round in which dossiers may have left."""
    with bare_workplace() as (_, ledger), ledger.unit(region, "plan_answers") as unit:
        found = rounds.delivering(unit, school_year)
    return [
        {"kind": one.kind.value, "school": school.id, "label": f"{school.label}, {one.kind.dutch.lower()}"}
        for one in found
        for school in one.agreement.secondary_schools
        if isinstance(school.receives, Sftp | Folder)
    ]


def take_answers(region: str, school_year: str, kind: str, school: str, label: str) -> dict[str, Any]:
    """Take in the receipts and results that one school left; send nothing.

    Args:
        region: region id.
        school_year: school year.
        kind: which round.
        school: BRIN and branch.
        label: how the school is shown in the grid.
    """
    from overstap.delivery.receipt_collection import take_in

    with workplace(RoundRef(region, school_year, kind), f"answers {school}") as place:
        done = take_in(
            place.ledger,
            place.trust,
            agreement=place.agreement,
            round_id=place.ref.round_id,
            school=place.agreement.school(school),
            actor=f"answers {school}",
            clock=now,
            outbox=place.settings.outbox,
        )
    say(label, done)
    return dict(done)
