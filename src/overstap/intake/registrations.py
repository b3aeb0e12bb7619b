"""Recording of a region's registrations: stated rows, refused rows, and withdrawal of rows that are no longer stated.

A row that cannot be read does not count as gone: the registrations that it may be about are kept. When a large part of
the recorded registrations is no longer stated, the coordinator is asked first, and none is withdrawn before the answer.
A file that is still being written is read when it is complete.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from overstap.agreements import Agreement
from overstap.errors import OverstapError
from overstap.intake.applications import Application
from overstap.intake.refusals import RefusedItem
from overstap.ledger import Ledger
from overstap.ledger.rounds import registrations
from overstap.ledger.rounds.registrations import RefusedRegistration, Registration, UnstatedRegistrations

SETTLE_SECONDS = 5.0
"""How long a file must be unchanged before it is read, seconds."""
RETRY_SECONDS = 60.0
"""How long to wait for a file that is being written, seconds."""
LARGE_PART = 0.10
FEW = 5
"""Bounds of a question: more than this part is gone and at least this number, or half. Some pupils always move."""


@dataclass(frozen=True, slots=True)
class Statement:
    """Rows of one source of registrations.

    Args:
        source: "file" or "database".
        rows: the valid rows.
        refused: the refused rows.
    """

    source: str
    rows: Sequence[Application]
    refused: Sequence[RefusedItem]


def wait_until_written(
    path: Path,
    *,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
    wait_seconds: float = RETRY_SECONDS,
) -> None:
    """Wait until a file has not changed for some seconds; return at once when there is no file.

    Args:
        path: the file.
        clock: seconds since 1970.
        sleep: waits for a number of seconds.
        wait_seconds: longest wait, seconds.

    Raises:
        OverstapError: INTAKE-046 when the file still changes after that.
    """
    begun = clock()
    while (seen := _state(path)) is not None:
        # The clock of a file server may differ: a time in the future counts as just now
        if clock() - seen[1] / 1e9 >= SETTLE_SECONDS:
            return
        sleep(SETTLE_SECONDS)
        if _state(path) == seen:
            return
        if clock() - begun >= wait_seconds:
            raise OverstapError("INTAKE-046", seconds=round(wait_seconds))


def _state(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def is_large(gone: UnstatedRegistrations) -> bool:
    """Tell whether so many registrations are gone that the coordinator is asked first."""
    if not gone.missing:
        return False
    return gone.missing * 2 >= gone.in_force > 1 or (gone.missing >= FEW and gone.missing > gone.in_force * LARGE_PART)


def collect_registrations(ledger: Ledger, agreement: Agreement, found: Sequence[Statement], actor: str) -> Counter[str]:
    """Record registrations from every source of the region; withdraw those that no source states any more.

    When a large part is gone, none is withdrawn: they are marked, coordinators get a notice, and the gate before
    delivery asks (`delivery.unusual`). An approval withdraws them; a source that states them again removes the mark.

    Args:
        ledger: the ledger.
        agreement: the region's agreement; rows of schools outside it are counted and left out.
        found: the rows of each source; together they are all registrations of the region.
        actor: step or account, recorded in audit lines.

    Returns:
        Counts: "rows", "changed", "withdrawn", "outside", "asked" (gone, and waiting for an answer), "kept" (gone, but
        a row that could not be read may be about them) and, per error code, the refused rows.
    """
    secondary = {school.id for school in agreement.secondary_schools}
    primary = {school.id for school in agreement.primary_schools}
    counts: Counter[str] = Counter()
    inside: list[Registration] = []
    stated: list[tuple[str, str]] = []
    for source in found:
        counts.update(row.code for row in source.refused)
        # Registrations for schools outside this agreement may belong to another round: this one does not withdraw them
        stated += [(row.pupil_number, row.secondary_school) for row in source.rows]
        mine = [row for row in source.rows if row.secondary_school in secondary and row.primary_school in primary]
        counts["rows"] += len(source.rows)
        counts["outside"] += len(source.rows) - len(mine)
        inside += [
            Registration(row.pupil_number, row.primary_school, row.secondary_school, row.stage.value, row.recorded_at)
            for row in mine
        ]
    refused = [
        RefusedRegistration(source.source, int(row.facts["line"]), row.code, row.facts)
        for source in found
        for row in source.refused
    ]
    unread = [row.about for source in found for row in source.refused]
    year = agreement.school_year
    with ledger.unit(agreement.region, actor) as unit:
        counts["changed"] = registrations.record_registrations(unit, year, inside)
        registrations.note_refused(unit, year, refused)
        gone = registrations.mark_unstated(unit, year, stated, unread)
        if is_large(gone):
            counts["asked"] = gone.missing
        else:
            counts["withdrawn"] = registrations.withdraw_unstated(unit, year)
    counts["kept"] = gone.kept
    return counts
