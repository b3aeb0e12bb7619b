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

_LEVEL = 1  # level 6 takes three times as long for about a sixth less
_STORED_BYTES = 1024  # below this, setting up the compressor costs more than it saves
_FIRST_DAY = 1 << 5 | 1  # 1980-01-01, midnight: when a file was made stands in the manifest
_VERSION_NEEDED, _MADE_BY = 20, 3 << 8 | 20  # deflate; file modes as Unix has them
_COMMON = struct.Struct("<5H3L2H")  # what a file's local header and its directory entry both state
_ENTRY = struct.Struct(f"<4sH{_COMMON.size}s3H2L")
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

    Written by hand: the standard library's writer takes three times as long as all cryptography together, for
    features that the format refuses (APPNOTE.TXT 4.3.7, 4.3.12 and 4.3.16).

    Args:
        files: content by name; names as `FILE_NAME` has them.

    Raises:
        ValueError: a name of another form, or content larger than any receiver takes.
    """
    if sum(map(len, files.values())) > DEFAULT_LIMITS.content_bytes or len(files) > DEFAULT_LIMITS.files:
        raise ValueError("too much for one envelope")
    body: list[bytes] = []
    directory: list[bytes] = []
    offset = 0
    for name, content in files.items():
        if not FILE_NAME.fullmatch(name):
            raise ValueError("a file name in an envelope is of letters, digits, '-' and '_' with an extension")
        small = len(content) < _STORED_BYTES
        packed = content if small else zlib.compress(content, _LEVEL, wbits=-zlib.MAX_WBITS)
        encoded = name.encode("ascii")
        common = _COMMON.pack(
            *(_VERSION_NEEDED, 0, zipfile.ZIP_STORED if small else zipfile.ZIP_DEFLATED, 0, _FIRST_DAY),
            *(zlib.crc32(content), len(packed), len(content), len(encoded), 0),
        )
        directory += (_ENTRY.pack(b"PK\1\2", _MADE_BY, common, 0, 0, 0, _READABLE_FILE, offset), encoded)
        body += (b"PK\3\4", common, encoded, packed)
        offset += 4 + len(common) + len(encoded) + len(packed)
    size = sum(map(len, directory))
    end = _END.pack(b"PK\5\6", 0, 0, len(files), len(files), size, offset, 0)
    return b"".join((*body, *directory, end))


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
