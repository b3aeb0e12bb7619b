"""Recording of a region's registrations: stores stated rows and withdraws registrations that are no longer stated.

An unreadable row does not withdraw the registrations that it can be about. When a large part of the registrations is no
longer stated, none is withdrawn until the coordinator approves. A file that is still being written is read when it is
complete.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from overstap import storage
from overstap.agreements import Agreement
from overstap.errors import OverstapError
from overstap.intake.applications import Application
from overstap.intake.refusals import RefusedItem
from overstap.ledger import Ledger, guests
from overstap.ledger.comparisons.pseudonyms import keep_pseudonyms
from overstap.ledger.delivery.sent_in_vain import take_back_withdrawn
from overstap.ledger.rounds import registrations
from overstap.ledger.rounds.registrations import RefusedRegistration, Registration, UnstatedRegistrations
from overstap.storage import Place, UnreadError

SETTLE_SECONDS = 5.0
"""Seconds for which a file must be unchanged before it is read."""
RETRY_SECONDS = 60.0
"""Longest wait for a file that is being written, in seconds."""
LARGE_PART = 0.10
ENDED = frozenset({"refused", "not_drawn", "withdrawn"})
"""States of an application that counts no longer."""
FEW = 5
"""The coordinator has to approve when more than this part and at least this number are gone, or half of all."""


@dataclass(frozen=True, slots=True)
class SourceRegistrations:
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
    path: Place,
    *,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
    wait_seconds: float = RETRY_SECONDS,
) -> None:
    """Wait until a file has not changed for `SETTLE_SECONDS`; return at once without a file.

    Args:
        path: the file.
        clock: returns the time, in seconds since 1970.
        sleep: waits for a number of seconds.
        wait_seconds: longest wait, in seconds.

    Raises:
        OverstapError: INTAKE-046 when the file still changes after that.
    """
    begun = clock()
    while (seen := _state(path)) is not None:
        # The clock of a file server can be ahead: a time in the future counts as the present
        if clock() - seen[1] >= SETTLE_SECONDS:
            return
        sleep(SETTLE_SECONDS)
        if _state(path) == seen:
            return
        if clock() - begun >= wait_seconds:
            raise OverstapError("INTAKE-046", seconds=round(wait_seconds))


def _state(path: Place) -> tuple[int, float] | None:
    try:
        return storage.state(path)
    except (OSError, UnreadError):
        return None


def is_large(gone: UnstatedRegistrations) -> bool:
    """Return whether so many registrations are gone that the coordinator has to approve their withdrawal."""
    if not gone.missing:
        return False
    return gone.missing * 2 >= gone.in_force > 1 or (gone.missing >= FEW and gone.missing > gone.in_force * LARGE_PART)


def collect_registrations(
    ledger: Ledger, agreement: Agreement, found: Sequence[SourceRegistrations], actor: str
) -> Counter[str]:
    """Record registrations from every source of a region; withdraw those that no source states any more.

    When a large part is gone, none is withdrawn: they are marked, coordinators get a notice, and the gate before
    delivery asks (`delivery.unusual`). Approval withdraws them; a source that states them again removes the mark.

    What a school was sent of a pupil whom a source calls withdrawn there is taken back at that school, unless that
    would be a large part of all that was sent: then it stays on the board's list for a coordinator.

    Args:
        ledger: the ledger.
        agreement: the region's agreement; rows of schools outside it are counted and ignored.
        found: the rows of each source; together all registrations of the region.
        actor: step or account, recorded in audit lines.

    Returns:
        Counts: "rows", "changed", "withdrawn", "outside", "asked" (gone, waiting for approval), "kept" (gone, but an
        unreadable row can be about them), "restored" (rows whose number got its leading zeros back), "taken_back"
        (envelopes taken back at a school), "in_vain" (envelopes to be taken back by a coordinator) and the refused
        rows per error code.
    """
    secondary = {school.id for school in agreement.secondary_schools}
    primary = {school.id for school in agreement.primary_schools}
    counts: Counter[str] = Counter()
    with ledger.unit(agreement.region, actor) as unit:
        primary |= guests.of_year(unit, agreement.school_year)
    inside: list[Registration] = []
    stated: list[tuple[str, str]] = []
    for source in found:
        counts.update(row.code for row in source.refused)
        # Registrations for schools outside this agreement can belong to another round, so they are not withdrawn here
        stated += [(row.pupil_number, row.secondary_school) for row in source.rows]
        relevant = [row for row in source.rows if row.secondary_school in secondary and row.primary_school in primary]
        counts["rows"] += len(source.rows)
        counts["outside"] += len(source.rows) - len(relevant)
        inside += [
            Registration(
                *(row.pupil_number, row.primary_school, row.secondary_school, row.stage.value, row.recorded_at),
                *(row.preference, row.status, row.reason, source.source),
            )
            for row in relevant
        ]
    outside = [
        (row.pupil_number, row.primary_school, row.secondary_school, row.preference)
        for source in found
        for row in source.rows
        if row.secondary_school in secondary and row.primary_school not in primary and row.status not in ENDED
    ]
    refused = [
        RefusedRegistration(source.source, int(row.facts["line"]), row.code, row.facts)
        for source in found
        for row in source.refused
    ]
    restored = [
        RefusedRegistration(source.source, row.restored_at_line, "INTAKE-114", {})
        for source in found
        for row in source.rows
        if row.restored_at_line is not None and row.secondary_school in secondary
    ]
    counts["restored"] = len(restored)
    unread = [row.about for source in found for row in source.refused]
    year = agreement.school_year
    with ledger.unit(agreement.region, actor) as unit:
        counts["changed"] = registrations.record_registrations(unit, year, inside)
        if agreement.comparisons:
            keep_pseudonyms(unit, year, {row.pupil_number for row in inside})
        registrations.note_refused(unit, year, [*refused, *restored])
        registrations.note_outside(unit, year, outside)
        gone = registrations.mark_unstated(unit, year, stated, unread)
        if is_large(gone):
            counts["asked"] = gone.missing
        else:
            counts["withdrawn"] = registrations.withdraw_unstated(unit, year)
        back = take_back_withdrawn(unit, year)
        counts["taken_back"], counts["in_vain"] = back.taken, back.found - back.taken
    counts["kept"] = gone.kept
    return counts
