"""Reading of test advices: a table of a school or region, and results as the Doorstroomtoets API 1.1.0 writes them.

A row or message that is not valid is refused with its line, a code and what to do; the others are used.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from overstap.clock import NETHERLANDS
from overstap.errors import OverstapError
from overstap.intake.refusals import RefusedItem
from overstap.ledger.dossiers.pupil_tests import PupilTest
from overstap.oso.advice_order import level_of_text
from overstap.oso.identifiers import with_zeros
from overstap.school_numbers import school_id_in
from overstap.tabular import Header, HeaderError, RefusedRow, read_table
from overstap.tabular.values import NumberFormatError, digits, moment

if TYPE_CHECKING:
    from overstap.intake.mappings.model import Mapping

HEADER = ("leerlingnummer", "basisschool", "toetsadvies")
"""The required columns, in any order."""
OPTIONAL = ("toets", "reden", "vastgelegd_op")
"""Columns that may be there as well; no others are permitted."""
API_VERSION = "Doorstroomtoetsketen_v1.1"
"""Value of `versie` in messages of the Doorstroomtoets API 1.1.0."""
_SCHOOL_YEAR = re.compile(r"[0-9]{4}-[0-9]{4}")
_CODE = re.compile(r"[A-Z0-9_]{1,40}")
"""Form of the API's codes of tests: a text about a pupil is none."""
_FIRST_YEAR = 2000
"""Before any message of the chain. In UTC the year 1 can be one before it, which no reader of the ledger can name."""
_REASONS = {"verhinderd": "prevented", "ontheffing": "exempt", "anders": "other"}
_LIMIT_BYTES, _LIMIT_ROWS = 50_000_000, 300_000


@dataclass(frozen=True, slots=True)
class StatedTest:
    """What a source states of a pupil's test, before the pupil is looked up.

    Args:
        line: line of the file, from 1; 1 for a message.
        number: BSN or onderwijsnummer; empty in a message, which has a key instead.
        las_key: key of the pupil in the school's system; empty in a table.
        primary_school: BRIN and branch; empty in a message.
        test: which test, as the source calls it.
        level: key of the advice's level; empty without an advice.
        reason: why there is no test; empty when there is one.
        stated_at: when the source stated it, aware.
        is_restored: whether the number lacked its leading zeros, which came back by the check digit.
        school_year: the school year that a message states; empty in a table.
    """

    line: int
    number: str = field(repr=False)
    las_key: str = field(repr=False)
    primary_school: str
    test: str = field(repr=False)
    level: str = field(repr=False)
    reason: str = field(repr=False)
    stated_at: datetime
    is_restored: bool = False
    school_year: str = ""


def read_tests(
    data: bytes, stated_at: datetime, mapping: "Mapping | None" = None
) -> tuple[list[StatedTest], list[RefusedItem]]:
    """Read a table of test advices: CSV in any common dialect, or a workbook.

    Args:
        data: content of the file.
        stated_at: moment of the file, for rows without one of their own.
        mapping: mapping of a test provider's own export; None for a file with the documented columns.

    Returns:
        The rows in the order of the file, and the refused ones: TABLE-nnn, or INTAKE-120 to INTAKE-122.

    Raises:
        OverstapError: INTAKE-123 for another header; TABLE-nnn when it is no table; INTAKE-102 and INTAKE-109 for a
            mapping that does not fit.
    """
    found: list[StatedTest] = []
    refused: list[RefusedItem] = []
    rows = _documented(data) if mapping is None else _mapped(data, mapping)
    for row in rows:
        if isinstance(row, RefusedRow):
            refused.append(RefusedItem(row.label, row.code, {**row.facts, "line": row.line}))
            continue
        line, cells, is_restored = row
        try:
            one = _stated(line, cells, stated_at)
            found.append(replace(one, is_restored=one.is_restored or is_restored))
        except OverstapError as wrong:
            refused.append(RefusedItem(f"regel {line}", wrong.code, {**wrong.facts, "line": line}))
    return found, refused


def _documented(data: bytes) -> Iterator[tuple[int, dict[str, str], bool] | RefusedRow]:
    try:
        table = read_table(data, Header(HEADER, OPTIONAL), max_bytes=_LIMIT_BYTES, max_rows=_LIMIT_ROWS)
    except HeaderError:
        # The error does not contain the line: in a file without header it is a pupil's row
        raise OverstapError("INTAKE-123", header=";".join(HEADER), optional=";".join(OPTIONAL)) from None
    for row in table.rows:
        yield row if isinstance(row, RefusedRow) else (row.line, dict(row.cells), False)


def _mapped(data: bytes, mapping: "Mapping") -> Iterator[tuple[int, dict[str, str], bool] | RefusedRow]:
    from overstap.intake.mappings.model import About
    from overstap.intake.mappings.reading import open_table, read_rows

    targets = {rule.field for rule in mapping.rules()} | set(mapping.constants)
    if mapping.about is not About.TESTS or not set(HEADER) <= targets:
        raise OverstapError("INTAKE-109", mapping=mapping.name)
    for row in read_rows(open_table(data, mapping), mapping):
        if isinstance(row, RefusedRow):
            yield row
        else:
            yield (
                row.line,
                {name: text if isinstance(text, str) else " ".join(text) for name, text in row.texts.items()},
                bool(row.restored),
            )


def _stated(line: int, cells: dict[str, str], stated_at: datetime) -> StatedTest:
    try:
        written = digits(cells.get("leerlingnummer", ""))
    except NumberFormatError:
        written = ""
    number = with_zeros(written)
    if number is None:
        raise OverstapError("INTAKE-120", line=line)
    school = school_id_in(cells.get("basisschool", ""))
    if school is None:
        raise OverstapError("INTAKE-121", line=line, column="basisschool")
    said, why = cells.get("toetsadvies", "").strip(), cells.get("reden", "").strip().lower()
    level = level_of_text(said) if said else None
    if (said and level is None) or (not said and why not in _REASONS) or (said and why):
        raise OverstapError("INTAKE-122", line=line)
    try:
        own = moment(cells["vastgelegd_op"]) if cells.get("vastgelegd_op", "").strip() else stated_at
    except ValueError:
        raise OverstapError("INTAKE-121", line=line, column="vastgelegd_op") from None
    own = own if own.tzinfo is not None else own.replace(tzinfo=NETHERLANDS)
    test = cells.get("toets", "").strip()[:100]
    reason = _REASONS.get(why, "") if not said else ""
    return StatedTest(
        *(line, number, "", school, test, level.key if level else "", reason, own), is_restored=number != written
    )


def read_result(data: bytes) -> StatedTest:
    """Read a result of one pupil, as `POST /leerlingresultaat` of the Doorstroomtoets API 1.1.0 carries it.

    The pupil is named by the key of the school's system (LAS-key); an ECK iD is not used, since no dossier has it.

    Args:
        data: the message, JSON.

    Raises:
        OverstapError: INTAKE-124 it is no such message; INTAKE-125 it has no LAS-key; INTAKE-126 it has no test advice,
            or several.
    """
    try:
        said = json.loads(data, object_pairs_hook=_without_doubles)
        if said["versie"] != API_VERSION or said["profiel"] != "Leerlingtoetsresultaat":
            raise OverstapError("INTAKE-124", version=API_VERSION)
        scores = said["resultatenscores"]
        key = las_key_in(scores)
        stated_at = datetime.fromisoformat(said["datumtijd"])
        whole = [one for one in scores["resultaten"]["resultaten"] if not one.get("toetseenheid")]
        advices = [str(one["waarde"]) for one in whole if one["label"] == "Toetsadvies"]
        test, school_year = scores["toetsdefinitie"], said.get("schooljaar", "")
        if not _CODE.fullmatch(test) or (school_year and not is_school_year(school_year)):
            raise OverstapError("INTAKE-124", version=API_VERSION)
        if stated_at.year < _FIRST_YEAR:
            raise OverstapError("INTAKE-124", version=API_VERSION)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        raise OverstapError("INTAKE-124", version=API_VERSION) from None
    if not key or len(key) > 256:
        raise OverstapError("INTAKE-125")
    found = {level.key for level in map(level_of_text, advices) if level is not None}
    if len(found) != 1:
        raise OverstapError("INTAKE-126")
    if stated_at.tzinfo is None:
        stated_at = stated_at.replace(tzinfo=NETHERLANDS)
    return StatedTest(1, "", key, "", test, found.pop(), "", stated_at, school_year=school_year)


def las_key_in(scores: dict[str, Any]) -> str:
    """Return the LAS-key that scores of a message name; empty when they name none.

    Raises:
        ValueError: they name two pupils, or the key is no text.
        KeyError, TypeError, AttributeError: they do not have the form of the API.
    """
    keys = [one["onderwijsdeelnemerID"] for one in scores["deelnemerref"] if one["label"] == "LAS-key"]
    if not all(isinstance(one, str) for one in keys) or len(set(keys)) > 1:
        raise ValueError("not one key")
    return keys[0] if keys else ""


def is_school_year(text: str) -> bool:
    """Tell whether a text has the form of a school year, such as "2026-2027".

    Raises:
        TypeError: it is no text.
    """
    return _SCHOOL_YEAR.fullmatch(text) is not None


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of a message.

    Raises:
        ValueError: a name stands in it twice, so that two readers could read two things.
    """
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def known_pupils(
    found: Sequence[StatedTest], by_number: Callable[[str], bytes], by_key: Callable[[str], bytes | None], school: str
) -> Iterator[tuple[StatedTest, bytes, str]]:
    """Yield each statement with the keyed hash of its pupil and its school; those of an unknown key are left out.

    Args:
        found: the statements.
        by_number: returns the keyed hash of a number.
        by_key: returns the keyed hash of the number of the pupil with a key in the school's system; None: unknown.
        school: the school of messages, which do not name it.
    """
    for one in found:
        pupil = by_number(one.number) if one.number else by_key(one.las_key)
        if pupil is not None:
            yield one, pupil, one.primary_school or school


def as_rows(found: Iterable[tuple[StatedTest, bytes, str]], source: str) -> list[PupilTest]:
    """Return statements as the ledger takes them in; source is "file" or "message"."""
    return [
        PupilTest(pupil, school, one.test, one.level, one.reason, one.stated_at, source) for one, pupil, school in found
    ]
