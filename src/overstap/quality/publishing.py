"""Publication of a region's quality page as a file beside the round's report."""

from overstap import storage
from overstap.agreements import RoundId
from overstap.ledger import guests
from overstap.ledger.dossiers import quality_runs
from overstap.ledger.rounds.rounds import get_round
from overstap.ledger.session import UnitOfWork
from overstap.quality.quality_page import html
from overstap.storage import Place


def region_page(unit: UnitOfWork, round_id: str, school: str | None = None) -> str:
    """Return the quality page of a round.

    Args:
        unit: the transaction.
        round_id: id of the round.
        school: the school to report on; the whole region when None.

    Raises:
        KeyError: the school is not a primary school of the round's agreement.
    """
    round_ = get_round(unit, round_id)
    agreement = guests.with_guests(unit, round_id, round_.agreement)
    schools = {one.id: one.name for one in agreement.primary_schools}
    if school is not None and school not in schools:
        raise KeyError(school)
    return html(
        quality_runs.history(unit, round_id),
        region_name=round_.agreement.name,
        round_title=f"{round_.kind.dutch} {round_.school_year}",
        schools=schools,
        school=school,
    )


def publish(unit: UnitOfWork, folder: Place, round_id: str) -> Place:
    """Write the region's quality page atomically; return the file.

    Args:
        unit: the transaction.
        folder: folder of reports (setting OVERSTAP_REPORTS).
        round_id: id of the round.
    """
    identifier = RoundId(round_id)
    target, kind = folder / identifier.region / identifier.school_year, identifier.kind
    return storage.write(target, f"{kind}-quality.html", region_page(unit, round_id).encode(), mode=0o644)
