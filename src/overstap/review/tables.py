"""Rows of a list that a school made in its spreadsheet program: CSV, or the workbook itself (.xlsx)."""

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from itertools import islice
from typing import Any

from openpyxl import load_workbook

from overstap.decoding import decoded
from overstap.errors import OverstapError

MOST_BYTES = 10_000_000
MOST_UNPACKED_BYTES = 50_000_000
MOST_ROWS = 10_000
MOST_PARTS = 1_000
_ENCODING = re.compile(rb"""(?:\xef\xbb\xbf)?\s*<\?xml[^>]*?encoding\s*=\s*["']([^"']*)["']""")
_WORKBOOK = b"PK\x03\x04"


def rows(data: bytes) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a list with their numbers as a spreadsheet program counts them, from 1.

    Args:
        data: the file: a workbook, of which the first sheet counts, or text with semicolons or commas. Dates in a
            workbook come as 2027-03-18, whole numbers without a decimal point.

    Raises:
        OverstapError: REVIEW-001 when it is too large, or neither text nor a workbook.
    """
    if len(data) > MOST_BYTES:
        raise OverstapError("REVIEW-001")
    if data.startswith(_WORKBOOK):
        yield from _of_workbook(data)
        return
    text = decoded(data)
    if "\0" in text:
        raise OverstapError("REVIEW-001")
    first = text.lstrip().splitlines()[0] if text.strip() else ""
    separator = ";" if first.count(";") >= first.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    for row in reader:
        yield reader.line_num, row


def _of_workbook(data: bytes) -> Iterator[tuple[int, list[str]]]:
    try:
        _refuse_bombs(data)
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        for number, row in enumerate(islice(sheet.iter_rows(values_only=True), MOST_ROWS), start=1):
            cells = [_text(cell) for cell in row]
            yield number, cells
    except OverstapError:
        raise
    except Exception:
        # Whatever the library says about a damaged workbook may quote it: it is no list, and that is all
        raise OverstapError("REVIEW-001") from None


def _refuse_bombs(data: bytes) -> None:
    """Refuse what unpacks to more than a list ever is, or declares entities: however it is written."""
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        parts = package.infolist()
        if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED_BYTES:
            raise OverstapError("REVIEW-001")
        for part in parts:
            if not part.filename.lower().endswith((".xml", ".rels")):
                continue
            text = package.read(part)
            stated = _ENCODING.match(text)
            # In another coding a declaration could not be seen here; spreadsheet programs write UTF-8.
            is_plain = b"\0" not in text and (stated is None or stated[1].lower() in (b"utf-8", b"us-ascii"))
            if not is_plain or b"<!DOCTYPE" in text or b"<!ENTITY" in text:
                raise OverstapError("REVIEW-001")


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
