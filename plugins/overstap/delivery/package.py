"""The package inside an envelope: a ZIP of a few flat files, written always the same and read with distrust."""

import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from overstap.delivery.reasons import EnvelopeError, Reason

FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}(\.[A-Za-z0-9]{1,10}){1,2}")
"""Names of the format, not of the school's system: a school's own file names can hold a pupil's name."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
_LEVEL = 1  # level 6 takes three times as long for about a tenth less
_END = struct.Struct("<4s4H2LH")
_READABLE_FILE = (stat.S_IFREG | 0o600) << 16


@dataclass(frozen=True, slots=True)
class Limits:
    """How large an envelope and its content may be."""

    envelope_bytes: int = 32 * 1024 * 1024
    content_bytes: int = 64 * 1024 * 1024
    """All files together, unpacked."""
    files: int = 32
    """The manifest among them."""


DEFAULT_LIMITS = Limits()


def pack(files: Mapping[str, bytes]) -> bytes:
    """Pack files in the order given; the same files give the same bytes.

    Args:
        files: content by name; names as `FILE_NAME` has them.

    Raises:
        ValueError: a name of another form.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as package:
        for name, content in files.items():
            if not FILE_NAME.fullmatch(name):
                raise ValueError("a file name in an envelope is of letters, digits, '-' and '_' with an extension")
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = _READABLE_FILE
            package.writestr(entry, content)
    return out.getvalue()


def unpack(data: bytes, *, limits: Limits = DEFAULT_LIMITS) -> dict[str, bytes]:
    """Unpack files, refusing whatever the format does not need.

    Args:
        data: the ZIP.
        limits: how much may come out of it.

    Raises:
        EnvelopeError: PACKAGE.
    """
    _check_end(data, limits)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            entries = package.infolist()
            _check_entries(entries, limits)
            return {entry.filename: _read(package, entry) for entry in entries}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        raise EnvelopeError(Reason.PACKAGE) from error


def _check_end(data: bytes, limits: Limits) -> None:
    """Check the end record before a library reads the directory it points to: 65,000 entries cost half a second."""
    if len(data) < _END.size:
        raise EnvelopeError(Reason.PACKAGE)
    mark, disk, start_disk, here, entries, size, offset, comment = _END.unpack(data[-_END.size :])
    whole = mark == b"PK\5\6" and not (disk or start_disk or comment) and here == entries <= limits.files
    if not whole or offset + size + _END.size != len(data) or not data.startswith(b"PK\3\4"):
        raise EnvelopeError(Reason.PACKAGE)


def _check_entries(entries: list[zipfile.ZipInfo], limits: Limits) -> None:
    names = {entry.orig_filename.casefold() for entry in entries}
    if len(names) != len(entries) or len(entries) > limits.files:
        raise EnvelopeError(Reason.PACKAGE)
    if sum(entry.file_size for entry in entries) > limits.content_bytes:
        raise EnvelopeError(Reason.PACKAGE)
    for entry in entries:
        kind = stat.S_IFMT(entry.external_attr >> 16)
        plain = (
            FILE_NAME.fullmatch(entry.orig_filename)
            and entry.flag_bits & ~0x0806 == 0  # only compression level and UTF-8 names
            and entry.compress_type in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED)
            and kind in (0, stat.S_IFREG)
            and not entry.extra
            and not entry.comment
        )
        if not plain:
            raise EnvelopeError(Reason.PACKAGE)


def _read(package: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Read one file, never more than its entry states, whatever its compressed data would give."""
    with package.open(entry) as stream:
        content = stream.read(entry.file_size + 1)
    if len(content) != entry.file_size:
        raise EnvelopeError(Reason.PACKAGE)
    return content
