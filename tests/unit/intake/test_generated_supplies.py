"""Generated rosters and exports: whatever a file holds, each row is taken or told, and nothing is a traceback."""

import contextlib
from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st
from test_mappings import HEADER, ROW, mapping, table

from overstap.agreements import School
from overstap.errors import OverstapError
from overstap.intake.mappings.dossiers import dossier_of
from overstap.intake.mappings.model import About
from overstap.intake.mappings.proposing import propose
from overstap.intake.mappings.reading import MappedRow, open_table, read_rows
from overstap.intake.mappings.trying import read_columns, try_mapping
from overstap.intake.rosters.supplied import supplied
from overstap.intake.rosters.table import read_roster
from overstap.oso.writing import to_bytes

NOW = datetime(2027, 2, 1, 9, tzinfo=UTC)
SCHOOL = School.model_validate(
    {
        "id": "99AB00",
        "name": "De Regenboog",
        "kind": "PO",
        "contact": "po@example.org",
        "supplies": {"way": "mapped_export", "mapping": "las"},
    }
)
EDEXML = (
    b"<EDEX><school><schooljaar>2026-2027</schooljaar><aanmaakdatum>2027-01-20T09:00:00</aanmaakdatum></school>"
    b"<groepen><groep key='a'><naam>8A</naam><jaargroep>8</jaargroep></groep></groepen><leerlingen>"
    b"<leerling key='1'><achternaam>Vis</achternaam><geboortedatum>2015-03-30</geboortedatum><groep key='a'/>"
    b"</leerling></leerlingen></EDEX>"
)
cells = st.lists(st.text(max_size=30).map(lambda text: text.replace(";", ",")), min_size=10, max_size=10)


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """A file with some bytes replaced, removed or added."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 6))):
        at, length = draw(st.integers(0, len(data))), draw(st.integers(0, 20))
        data[at : at + length] = draw(st.binary(max_size=12))
    return bytes(data)


@given(st.one_of(damaged(EDEXML), st.binary(max_size=200)))
@example(EDEXML.replace(b"2027-01-20T09:00:00", b"0001-01-01T00:00:00"))
@example(EDEXML.replace(b"2027-01-20T09:00:00", b"9999-12-31T23:59:59"))
@example(EDEXML.replace(b"2015-03-30", b"9999-12-31"))
def test_no_roster_is_a_traceback(data: bytes) -> None:
    try:
        found = read_roster(data)
        made = supplied(found, data, school="99AB00", school_year="2026-2027", source="page", now=NOW, moment=NOW)
    except OverstapError:
        return
    assert made.stated_at <= NOW
    for leaver in made.leavers:
        leaver.person.as_json()


@given(st.lists(cells, max_size=4))
@example([["A1", "1", "\x00", "1", "", "", "", "", "", ""]])
@example([["A1", "", "\ufffe", "30-3-2015", "", "", "\ud7ff", "x", "y", "9" * 400]])
def test_each_row_of_an_export_is_taken_or_told(rows: list[list[str]]) -> None:
    data = "\n".join((";".join(HEADER), *(";".join(row) for row in rows))).encode("utf-8", "replace")
    try:
        found = list(read_rows(open_table(data, mapping()), mapping()))
        try_mapping(data, mapping())
    except OverstapError:
        return
    for one in found:
        if isinstance(one, MappedRow):
            with contextlib.suppress(ValueError):  # a character that XML does not allow: the source refuses the row
                to_bytes(dossier_of(one, mapping(), SCHOOL, NOW.date()))


@given(st.one_of(damaged(table(ROW, ROW)), st.binary(max_size=200)))
@example(b";".join(b"k%d" % place for place in range(700)))
@example(b"k" * 300 + b";x")
def test_no_export_is_a_traceback(data: bytes) -> None:
    with contextlib.suppress(OverstapError):
        list(read_rows(open_table(data, mapping()), mapping()))
    with contextlib.suppress(OverstapError):
        propose(read_columns(data), name="x", title="x", about=About.DOSSIERS)
