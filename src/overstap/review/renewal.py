"""Renewal of inspections after a newer version is released, with codes and decisions carried over.

The newer version is frozen, and the pages list its changes and ask for a decision about them. Changes that the
agreement calls immaterial (`inspection.immaterial`) need no decision: those on the version before are carried over, on
the ground "carried", and parents may still change them.
"""

import logging
from collections import Counter
from collections.abc import Set
from uuid import UUID

from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.review.access_codes import renewable, version_content
from overstap.ledger.review.decisions import carry
from overstap.ledger.rounds.rounds import get_round
from overstap.ledger.session import UnitOfWork
from overstap.oso.differences import differences
from overstap.oso.reading import read
from overstap.review.codes import renew
from overstap.review.copies import is_immaterial

GROUP = 100
"""Dossiers per transaction."""
_log = logging.getLogger(__name__)


def renew_after_release(ledger: Ledger, region: str, round_id: str, actor: str) -> Counter[str]:
    """Make codes show newly released versions, and carry decisions over immaterial changes. Idempotent.

    A damaged dossier is skipped and logged; the others go on.

    Args:
        ledger: the ledger.
        region: region id.
        round_id: the round.
        actor: step or account, recorded in audit lines.

    Returns:
        Counts: "codes" that show a newer version now, "carried" dossiers, "damaged" ones.
    """
    done: Counter[str] = Counter()
    with ledger.unit(region, actor) as unit:
        agreed = get_round(unit, round_id)
        immaterial = agreed.agreement.round(agreed.kind).inspection.immaterial
        waiting = renewable(unit, round_id)
    for start in range(0, len(waiting), GROUP):
        for dossier, version, inspected in waiting[start : start + GROUP]:
            try:
                with ledger.unit(region, actor) as unit:
                    done["codes"] += renew(unit, round_id, [dossier])
                    done["carried"] += _carried(unit, dossier, version, inspected, immaterial)
            except OverstapError as error:
                _log.error("%s: %s", dossier, error)
                done["damaged"] += 1
    return done


def _carried(unit: UnitOfWork, dossier: UUID, version: int, inspected: int | None, immaterial: Set[str]) -> int:
    """Carry over the decisions on the last inspected version when all changes since are immaterial."""
    if inspected is None or not immaterial:
        return 0
    before, after = VersionRef(dossier, inspected), VersionRef(dossier, version)
    changed = differences(read(version_content(unit, before)), read(version_content(unit, after)))
    # The creation date differs in every export and is not inspected.
    material = [each for each in changed if each.category != "metadata" and not is_immaterial(each, immaterial)]
    return 0 if material else carry(unit, before, after)
