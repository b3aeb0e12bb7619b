"""Collection of test advices and places: tables of the region, and messages of the Doorstroomtoets API, per school.

In the region's drop folder: `toetsadviezen*.csv` or `.xlsx`, read by the mapping `toetsadviezen` where the region has
one; and `doorstroomtoets/<BRIN and branch>/*.json`. What is not valid is refused, logged and kept for the board; the
rest is used.
"""

import logging
from collections import Counter
from collections.abc import Callable
from datetime import datetime

from overstap import storage
from overstap.errors import OverstapError, system_fault
from overstap.intake.mappings.loading import load
from overstap.intake.mappings.model import Mapping
from overstap.intake.places import read_places
from overstap.intake.pupil_tests import StatedTest, as_rows, known_pupils, read_result, read_tests
from overstap.intake.refusals import RefusedItem
from overstap.ledger.dossiers import pupil_tests
from overstap.ledger.rounds import offers, refused_lists
from overstap.ledger.rounds.refused_lists import RegionList
from overstap.ledger.session import UnitOfWork
from overstap.rounds.context import RoundContext
from overstap.rounds.refused_rows import Refusals
from overstap.storage import Place, Stored, Unread, UnreadError

log = logging.getLogger(__name__)

NAME = "toetsadviezen"
"""Beginning of the name of a table, and name of the mapping."""
MESSAGES = "doorstroomtoets"
"""Folder of messages, with a folder per school."""
_LIMIT_BYTES, _LIMIT_MESSAGE, _MOST = 50_000_000, 1_000_000, 20_000
SETTLE_SECONDS = 5.0


def collect_tests(context: RoundContext) -> Counter[str]:
    """Take in test advices; return counts: "changed", "unknown" (a key of no dossier) and refused ones per code.

    Args:
        context: of a round of leavers.
    """
    drop = context.place("drop")
    counts: Counter[str] = Counter()
    if drop is None or not context.kind.is_of_leavers:
        return counts
    folder, now, refusals = drop / context.region, context.clock(), Refusals(RegionList.TESTS)
    year = context.agreement.school_year
    schools = {school.id for school in context.agreement.primary_schools}
    mapping = _mapping(context)
    for number, name in enumerate(_lists(folder, NAME), 1):
        try:
            stored = _read(folder, name, _LIMIT_BYTES, now, "bestand met toetsadviezen")
            found, refused = read_tests(stored.data, stored.modified_at, mapping)
        except OverstapError as problem:
            refusals.add([RefusedItem("bestand", problem.code, problem.facts)], file=number)
            continue
        refusals.add(refused, file=number)
        refusals.add_note("INTAKE-117", [one.line for one in found if one.is_restored], file=number)
        with context.unit("registrations") as unit:
            inside = [one for one in found if one.primary_school in schools]
            counts["outside"] += len(found) - len(inside)
            known = known_pupils(inside, lambda number: unit.keys.lookup("pupil", number), lambda _: None, "")
            counts["changed"] += pupil_tests.take(unit, year, as_rows(known, "file"))
    for school in sorted(schools):
        _take_messages(context, folder / MESSAGES / school, school, counts, refusals)
    _keep(context, RegionList.TESTS, refusals)
    counts += refusals.counts
    if counts:
        log.info("Toetsadviezen | test advices: %s", ", ".join(f"{name} {count}" for name, count in counts.items()))
    return counts


def collect_places(context: RoundContext) -> int:
    """Take in the region's list of places, `plaatsen*.csv` or `.xlsx` in its drop folder; return how many changed.

    Args:
        context: of a round of leavers.
    """
    drop = context.place("drop")
    if drop is None or not context.kind.is_of_leavers:
        return 0
    folder, schools, changed = drop / context.region, {one.id for one in context.agreement.secondary_schools}, 0
    refusals = Refusals(RegionList.PLACES)
    for number, name in enumerate(_lists(folder, "plaatsen"), 1):
        try:
            stored = _read(folder, name, _LIMIT_BYTES, context.clock(), "bestand met plaatsen")
            found, refused = read_places(stored.data, stored.modified_at)
        except OverstapError as problem:
            refusals.add([RefusedItem("bestand", problem.code, problem.facts)], file=number)
            continue
        refusals.add(refused, file=number)
        inside = [one for one in found if one.secondary_school in schools]
        with context.unit("registrations") as unit:
            changed += offers.take(unit, context.agreement.school_year, inside)
    _keep(context, RegionList.PLACES, refusals)
    return changed


def _keep(context: RoundContext, of_list: RegionList, refusals: Refusals) -> None:
    """Log what was refused of a list, and put it in the place of what was refused before."""
    refusals.tell()
    with context.unit("registrations") as unit:
        refused_lists.note(unit, context.agreement.school_year, of_list, refusals.rows)


def _mapping(context: RoundContext) -> Mapping | None:
    try:
        return load(NAME, context.settings.regions, context.region)
    except OverstapError as problem:
        if problem.code != "INTAKE-100":
            raise
        return None


def _take_messages(context: RoundContext, folder: Place, school: str, counts: Counter[str], refusals: Refusals) -> None:
    found: list[StatedTest] = []
    for number, name in enumerate(_names(folder, lambda one: one.casefold().endswith(".json")), 1):
        try:
            stored = _read(folder, name, _LIMIT_MESSAGE, context.clock(), f"bericht {number}")
            found.append(read_result(stored.data))
        except OverstapError as problem:
            refused = RefusedItem(f"bericht {number}", problem.code, {**problem.facts, "line": number})
            refusals.add([refused], school=school)
    if not found:
        return
    with context.unit("registrations") as unit:
        by_key = _by_key(unit, context.agreement.school_year, school)
        known = list(known_pupils(found, lambda _: b"", by_key, school))
        counts["unknown"] += len(found) - len(known)
        counts["changed"] += pupil_tests.take(unit, context.agreement.school_year, as_rows(known, "message"))


def _by_key(unit: UnitOfWork, school_year: str, school: str) -> Callable[[str], bytes | None]:
    """Return a function that finds the keyed hash of a pupil by the key in the school's system."""
    known = pupil_tests.pupils_by_las_key(unit, school_year, school)
    return lambda key: known.get(unit.keys.lookup("las_key", f"{school}\0{key}"))


def _lists(folder: Place, beginning: str) -> list[str]:
    """Return the names of the region's files that begin so, CSV and workbooks, in order."""
    return _names(folder, lambda one: one.casefold().startswith(beginning) and one.endswith((".csv", ".xlsx")))


def _names(folder: Place, wanted: Callable[[str], bool]) -> list[str]:
    try:
        return sorted(one.name for one in storage.entries(folder, _MOST) if one.why_not is None and wanted(one.name))
    except OSError:
        return []  # there is no such folder: nothing was supplied


_WHY_NOT = {
    Unread.LINK: "EIRREGULAR",
    Unread.SPECIAL: "EIRREGULAR",
    Unread.TOO_LARGE: "ETOOLARGE",
    Unread.UNSETTLED: "EUNSETTLED",
    Unread.CHANGED: "ECHANGED",
}
"""Names in include/texts/system.yaml of why a file is not read."""


def _read(folder: Place, name: str, limit: int, now: datetime, label: str) -> Stored:
    """Read a file.

    Raises:
        OverstapError: INTAKE-127 when it cannot be read.
    """
    try:
        return storage.read(folder, name, limit_bytes=limit, now=now, settle_seconds=SETTLE_SECONDS)
    except UnreadError as problem:
        raise OverstapError("INTAKE-127", label=label, kind=_WHY_NOT[problem.why]) from None
    except OSError as problem:
        raise OverstapError("INTAKE-127", label=label, kind=system_fault(problem)) from None
