"""The one reader of tables that people make: CSV as spreadsheets and school systems write it, and workbooks (.xlsx).

It is strict. What it cannot read for certain it gives back as a refused row, with line, cell and cause; no row of the
file goes unmentioned, and no row is mended by guessing.
"""

from overstap.tabular.faults import RefusedRow
from overstap.tabular.table import MAX_BYTES, Header, HeaderError, Row, Table, read_table
from overstap.tabular.text_encoding import decoded

__all__ = ["MAX_BYTES", "Header", "HeaderError", "RefusedRow", "Row", "Table", "decoded", "read_table"]
