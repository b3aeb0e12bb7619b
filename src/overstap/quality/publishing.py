"""Writing of the region's quality page beside the round's report."""

from pathlib import Path

from overstap.agreements import RoundId
from overstap.atomic_files import write_atomically
from overstap.ledger.dossiers import quality_runs
from overstap.ledger.rounds.rounds import get_round
from overstap.ledger.session import UnitOfWork
from overstap.quality.quality_page import html


def region_page(unit: UnitOfWork, round_id: str, school: str | None = None) -> str:
    """Return the quality page of a round.

    Args:
        unit: the transaction.
        round_id: the round.
        school: the one school to tell of; the whole region when None.

    Raises:
        KeyError: the school is no primary school of the round's agreement.
    """
    held = get_round(unit, round_id)
    schools = {one.id: one.name for one in held.agreement.primary_schools}
    if school is not None and school not in schools:
        raise KeyError(school)
    return html(
        quality_runs.history(unit, round_id),
        region_name=held.agreement.name,
        round_title=f"{held.kind.dutch} {held.school_year}",
        schools=schools,
        school=school,
    )


def publish(unit: UnitOfWork, folder: Path, round_id: str) -> Path:
    """Write the region's quality page, whole or not at all; return the file.

    Args:
        unit: the transaction.
        folder: setting OVERSTAP_REPORTS.
        round_id: the round.
    """
    found = RoundId(round_id)
    place, kind = folder / found.region / found.school_year, found.kind
    place.mkdir(parents=True, exist_ok=True)
    page = place / f"{kind}-quality.html"
    write_atomically(page, region_page(unit, round_id).encode(), mode=0o644)
    return page
