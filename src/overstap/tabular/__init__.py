"""Strict reader of tables from people and school systems: CSV in any common dialect, and workbooks (.xlsx).

A row that cannot be read with certainty is returned as a refused row with its line, cell and cause. Every row of the
file is returned either way, and none is corrected by guessing.
"""

from overstap.tabular.faults import RefusedRow
from overstap.tabular.table import MAX_BYTES, Header, HeaderError, Row, Table, read_table
from overstap.tabular.text_encoding import decoded

__all__ = ["MAX_BYTES", "Header", "HeaderError", "RefusedRow", "Row", "Table", "decoded", "read_table"]
