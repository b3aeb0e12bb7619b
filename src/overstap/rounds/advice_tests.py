"""Collection of test advices and places: tables of the region, and messages of the Doorstroomtoets API, per school.

In the region's drop folder: `toetsadviezen*.csv` or `.xlsx`, read by the mapping `toetsadviezen` where the region has
one; and `doorstroomtoets/<BRIN and branch>/*.json`. What is not valid is refused; the rest is used.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from overstap import storage
from overstap.errors import OverstapError, system_fault
from overstap.intake.mappings.loading import load
from overstap.intake.mappings.model import Mapping
from overstap.intake.places import read_places
from overstap.intake.pupil_tests import StatedTest, as_rows, known_pupils, read_result, read_tests
from overstap.intake.refusals import RefusedItem
from overstap.ledger.dossiers import pupil_tests
from overstap.ledger.rounds import offers
from overstap.ledger.session import UnitOfWork
from overstap.rounds.context import RoundContext
from overstap.storage import Place, Stored, UnreadError

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
    folder, now = drop / context.region, context.clock()
    year = context.agreement.school_year
    schools = {school.id for school in context.agreement.primary_schools}
    mapping = _mapping(context)
    for name in _names(folder, lambda one: one.casefold().startswith(NAME) and one.endswith((".csv", ".xlsx"))):
        for stored in _read(folder, name, _LIMIT_BYTES, now, counts):
            try:
                found, refused = read_tests(stored.data, stored.modified_at, mapping)
            except OverstapError as problem:
                _tell(counts, [RefusedItem("bestand", problem.code, problem.facts)])
                continue
            _tell(counts, refused)
            _tell_restored(found)
            with context.unit("registrations") as unit:
                inside = [one for one in found if one.primary_school in schools]
                counts["outside"] += len(found) - len(inside)
                known = known_pupils(inside, lambda number: unit.keys.lookup("pupil", number), lambda _: None, "")
                counts["changed"] += pupil_tests.take(unit, year, as_rows(known, "file"))
    for school in sorted(schools):
        _take_messages(context, folder / MESSAGES / school, school, now, counts)
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
    for name in _names(folder, lambda one: one.casefold().startswith("plaatsen") and one.endswith((".csv", ".xlsx"))):
        for stored in _read(folder, name, _LIMIT_BYTES, context.clock(), Counter()):
            try:
                found, refused = read_places(stored.data, stored.modified_at)
            except OverstapError as problem:
                _tell(Counter(), [RefusedItem("bestand", problem.code, problem.facts)])
                continue
            _tell(Counter(), refused)
            inside = [one for one in found if one.secondary_school in schools]
            with context.unit("registrations") as unit:
                changed += offers.take(unit, context.agreement.school_year, inside)
    return changed


def _mapping(context: RoundContext) -> Mapping | None:
    try:
        return load(NAME, context.settings.regions, context.region)
    except OverstapError as problem:
        if problem.code != "INTAKE-100":
            raise
        return None


def _take_messages(context: RoundContext, folder: Place, school: str, now: datetime, counts: Counter[str]) -> None:
    found: list[StatedTest] = []
    refused: list[RefusedItem] = []
    for name in _names(folder, lambda one: one.casefold().endswith(".json")):
        for stored in _read(folder, name, _LIMIT_MESSAGE, now, counts):
            try:
                found.append(read_result(stored.data))
            except OverstapError as problem:
                refused.append(RefusedItem(f"bericht {len(found) + len(refused) + 1}", problem.code, problem.facts))
    _tell(counts, refused)
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


def _names(folder: Place, wanted: Callable[[str], bool]) -> list[str]:
    try:
        return sorted(one.name for one in storage.entries(folder, _MOST) if one.why_not is None and wanted(one.name))
    except OSError:
        return []  # there is no such folder: nothing was supplied


def _read(folder: Place, name: str, limit: int, now: datetime, counts: Counter[str]) -> Iterator[Stored]:
    try:
        yield storage.read(folder, name, limit_bytes=limit, now=now, settle_seconds=SETTLE_SECONDS)
    except (OSError, UnreadError) as problem:
        kind = problem.why.value if isinstance(problem, UnreadError) else system_fault(problem)
        _tell(counts, [RefusedItem("bestand", "INTAKE-127", {"kind": kind})])


def _tell_restored(found: Sequence[StatedTest]) -> None:
    """Log in which rows leading zeros came back, the first twenty of them by line."""
    lines = [one.line for one in found if one.is_restored]
    if lines:
        said = OverstapError("INTAKE-117", count=len(lines))
        where = ", ".join(map(str, lines[:20])) + (" …" if len(lines) > 20 else "")
        log.warning("%s: %s %s (Regel %s.)", said.code, said.message_nl, said.do_nl, where)


def _tell(counts: Counter[str], refused: list[RefusedItem]) -> None:
    """Log what was refused, by code with its lines: nothing of a row."""
    by_code: dict[str, list[RefusedItem]] = {}
    for one in refused:
        counts[one.code] += 1
        by_code.setdefault(one.code, []).append(one)
    for code, items in by_code.items():
        error = items[0].error
        others = ", ".join(item.label for item in items[1:21])
        log.warning("%s: %s %s%s", code, error.message_nl, error.do_nl, f" (Ook: {others}.)" if others else "")
