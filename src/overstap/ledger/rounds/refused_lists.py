"""Rows of the region's lists of test advices and of places that could not be read, by cause, for the board."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from overstap.errors import OverstapError
from overstap.ledger.session import UnitOfWork

NOTES = ("INTAKE-117",)
"""Codes of what is said of rows that were used all the same."""
MOST_LINES = 100
"""Lines that are kept of a cause; of the others their number is."""
_OF_SENT = {"version": "Doorstroomtoetsketen_v1.1"}
"""Fact of results that a supplier sent, which have this version alone."""


class RegionList(StrEnum):
    """A list that a region puts in its drop folder beside its registrations."""

    TESTS = "tests"
    PLACES = "places"


@dataclass(frozen=True, slots=True)
class RefusedRows:
    """Rows of one file, or messages of one school, that were refused for the same reason.

    Args:
        list: which list.
        school: BRIN and branch of the school whose messages they are; empty for a file of the region.
        file: which of the region's files of this list, by name, from 1; 0 for messages.
        code: error code.
        count: number of rows; 1 for a file as a whole.
        lines: the first `MOST_LINES` lines of the file, or positions of the messages by name; empty for a file as a
            whole.
        facts: values for the sentence of the code: names of columns and counts, of the first row.
    """

    list: RegionList
    school: str
    file: int
    code: str
    count: int
    lines: tuple[int, ...]
    facts: dict[str, Any]

    @property
    def is_note(self) -> bool:
        """Whether the rows were used, and something is said of them."""
        return self.code in NOTES

    @property
    def error(self) -> OverstapError:
        """The refusal of the first row with its sentences."""
        return OverstapError(self.code, **self.facts)


def note(unit: UnitOfWork, school_year: str, of_list: RegionList, refused: Iterable[RefusedRows]) -> None:
    """Replace what is kept of a list: rows that were mended are no longer told.

    Args:
        unit: the transaction.
        school_year: the school year.
        of_list: the list.
        refused: at most one per file, school, code and column.
    """
    unit.run(
        "delete from overstap.refused_list_row where school_year = %(year)s and list = %(list)s",
        year=school_year,
        list=of_list.value,
    )
    for one in refused:
        # Two rounds of a year may read the same file at once: the later one has the last word
        unit.run(
            "insert into overstap.refused_list_row "
            "(region, school_year, list, school, file, code, table_column, count, lines, facts) values (%(region)s, "
            "%(year)s, %(list)s, %(school)s, %(file)s, %(code)s, %(column)s, %(count)s, %(lines)s::integer[], "
            "%(facts)s::jsonb) on conflict (region, school_year, list, school, file, code, table_column) do update "
            "set count = excluded.count, lines = excluded.lines, facts = excluded.facts",
            region=unit.region,
            year=school_year,
            list=of_list.value,
            school=one.school,
            file=one.file,
            code=one.code,
            column=str(one.facts.get("column", "")),
            count=one.count,
            lines=list(one.lines[:MOST_LINES]),
            facts=json.dumps(one.facts),
        )


def refused(unit: UnitOfWork, school_year: str) -> Sequence[RefusedRows]:
    """Return what is kept of both lists: per file and school, the most frequent cause first.

    Of results that a supplier of the test sent: those of pupils for whom no usable one came since.
    """
    sent = [
        RefusedRows(RegionList.TESTS, school, 0, code, count, (), dict(_OF_SENT))
        for school, code, count in unit.rows(
            "select primary_school, refused_code, count(*)::int from overstap.test_registration "
            "where school_year = %(year)s and refused_code is not null group by 1, 2 order by 1, 3 desc, 2",
            year=school_year,
        )
    ]
    return sent + [
        RefusedRows(RegionList(of_list), school, file, code, count, tuple(lines), facts)
        for of_list, school, file, code, count, lines, facts in unit.rows(
            "select list, school, file, code, count, lines, facts from overstap.refused_list_row "
            "where school_year = %(year)s order by list desc, school, file, count desc, code, table_column",
            year=school_year,
        )
    ]
