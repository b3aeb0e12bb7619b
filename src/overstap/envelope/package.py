"""Package inside an envelope: a ZIP file without folders, in one canonical form, read and written strictly."""

import re
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from isal import isal_zlib

from overstap.envelope.reasons import EnvelopeError, OpeningFailure

FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}(\.[A-Za-z0-9]{1,10}){1,2}")
"""Permitted file names; they are assigned by the format, since a school's own file names can contain a pupil's name."""

_LEVEL = 1  # of ISA-L: half the time of zlib's level 1, with smaller output
_STORED, _DEFLATED = 0, 8  # APPNOTE.TXT 4.4.5
_PLAIN_FLAGS = 0x0806  # compression level and UTF-8 names; no encryption, no data descriptors
_STORED_BYTES = 1024  # smaller files are stored, since setting up the compressor costs more than it saves
_FIRST_DAY = 1 << 5 | 1  # 1980-01-01, midnight: the manifest states the actual time
_VERSION_NEEDED, _MADE_BY = 20, 3 << 8 | 20  # deflate; Unix file modes
_COMMON = struct.Struct("<5H3L2H")  # fields that the local header and the directory entry share
_ENTRY = struct.Struct(f"<4sH{_COMMON.size}s3H2L")
_END = struct.Struct("<4s4H2LH")
_UNREADABLE = (struct.error, ValueError, isal_zlib.error)
_READABLE_FILE = (stat.S_IFREG | 0o600) << 16


@dataclass(frozen=True, slots=True)
class PackageLimits:
    """Size limits of an envelope and its content."""

    envelope_bytes: int = 32 * 1024 * 1024
    content_bytes: int = 64 * 1024 * 1024
    """Size of all files together, unpacked."""
    files: int = 32
    """Number of files, including the manifest."""


DEFAULT_LIMITS = PackageLimits()


def pack(files: Mapping[str, bytes]) -> bytes:
    """Pack files in the given order; equal files give equal bytes.

    The records (APPNOTE.TXT 4.3.7, 4.3.12 and 4.3.16) are written directly: `zipfile` takes three times as long as all
    cryptography together, for features that the format refuses.

    Args:
        files: content by name; names as in `FILE_NAME`.

    Raises:
        ValueError: a name has another form, or the content exceeds `DEFAULT_LIMITS`.
    """
    if sum(map(len, files.values())) > DEFAULT_LIMITS.content_bytes or len(files) > DEFAULT_LIMITS.files:
        raise ValueError("the content exceeds the limits of an envelope")
    body: list[bytes] = []
    directory: list[bytes] = []
    offset = 0
    for name, content in files.items():
        if not FILE_NAME.fullmatch(name):
            raise ValueError("a file name in an envelope is of letters, digits, '-' and '_' with an extension")
        small = len(content) < _STORED_BYTES
        packed = content if small else isal_zlib.compress(content, _LEVEL, wbits=-isal_zlib.MAX_WBITS)
        encoded = name.encode("ascii")
        common = _COMMON.pack(
            *(_VERSION_NEEDED, 0, _STORED if small else _DEFLATED, 0, _FIRST_DAY),
            *(isal_zlib.crc32(content), len(packed), len(content), len(encoded), 0),
        )
        directory += (_ENTRY.pack(b"PK\1\2", _MADE_BY, common, 0, 0, 0, _READABLE_FILE, offset), encoded)
        body += (b"PK\3\4", common, encoded, packed)
        offset += 4 + len(common) + len(encoded) + len(packed)
    size = sum(map(len, directory))
    end = _END.pack(b"PK\5\6", 0, 0, len(files), len(files), size, offset, 0)
    return b"".join((*body, *directory, end))


def unpack(data: bytes, *, limits: PackageLimits = DEFAULT_LIMITS) -> dict[str, bytes]:
    """Unpack files; refuse every feature of ZIP that the format does not need.

    Some ZIP readers use the directory, others the local headers, so that a package in which they differ, or with data
    between files, has two meanings. Here directory and local headers must agree, and every byte must belong to a
    record.

    Args:
        data: the ZIP file.
        limits: size limits of the unpacked content.

    Returns:
        Content by name, in the order of the package.

    Raises:
        EnvelopeError: PACKAGE.
    """
    try:
        start = _directory(data, limits)
        entries = _entries(data, start)
        _check_entries(entries, limits)
        files, end = {}, 0
        for entry in entries:
            files[entry.name], end = _read(data, entry, end)
    except _UNREADABLE as error:  # type: ignore[misc]  # the library's own types call its error class an instance
        raise EnvelopeError(OpeningFailure.PACKAGE) from error
    if end != start:
        raise EnvelopeError(OpeningFailure.PACKAGE)
    return files


@dataclass(frozen=True, slots=True)
class _Entry:
    """Directory entry of a file."""

    name: str
    common: bytes
    """The fields that its local header must repeat."""
    flags: int
    method: int
    checksum: int
    packed: int
    """Compressed size, in bytes."""
    size: int
    """Uncompressed size, in bytes."""
    offset: int
    """Offset of its local header, in bytes."""
    is_plain: bool
    """Whether it is a regular file without comment and extra fields."""


def _directory(data: bytes, limits: PackageLimits) -> int:
    """Return the offset of the directory, after a check of the end-of-central-directory record."""
    mark, disk, start_disk, here, entries, size, offset, comment = _END.unpack(data[-_END.size :])
    whole = mark == b"PK\5\6" and not (disk or start_disk or comment) and here == entries <= limits.files
    if not whole or offset + size + _END.size != len(data):
        raise EnvelopeError(OpeningFailure.PACKAGE)
    return int(offset)


def _entries(data: bytes, start: int) -> list[_Entry]:
    """Read the directory, which must consist of exactly the number of entries that the end record states."""
    entries: list[_Entry] = []
    at, end = start, len(data) - _END.size
    count = _END.unpack_from(data, end)[4]
    while at < end and len(entries) < count:
        mark, _, common, comment, disk, _, external, offset = _ENTRY.unpack_from(data, at)
        _, flags, method, _, _, checksum, packed, size, length, extra = _COMMON.unpack(common)
        at += _ENTRY.size
        name = data[at : at + length].decode("ascii")
        at += length
        kind = stat.S_IFMT(external >> 16)
        is_plain = mark == b"PK\1\2" and kind in (0, stat.S_IFREG) and not (comment or disk or extra)
        entries.append(_Entry(name, common, flags, method, checksum, packed, size, offset, is_plain))
    if at != end or len(entries) != count:
        raise EnvelopeError(OpeningFailure.PACKAGE)
    return entries


def _check_entries(entries: list[_Entry], limits: PackageLimits) -> None:
    if not entries or len({entry.name.casefold() for entry in entries}) != len(entries):
        raise EnvelopeError(OpeningFailure.PACKAGE)
    if sum(entry.size for entry in entries) > limits.content_bytes:
        raise EnvelopeError(OpeningFailure.PACKAGE)
    for entry in entries:
        plain = (
            entry.is_plain
            and FILE_NAME.fullmatch(entry.name)
            and entry.flags & ~_PLAIN_FLAGS == 0
            and entry.method in (_STORED, _DEFLATED)
        )
        if not plain:
            raise EnvelopeError(OpeningFailure.PACKAGE)


def _read(data: bytes, entry: _Entry, at: int) -> tuple[bytes, int]:
    """Read the file whose local header begins at offset `at`; return its content and the offset of its end.

    At most one byte more than the stated size is unpacked, whatever the compressed data contain.
    """
    begin = at + 4 + _COMMON.size + len(entry.name)
    head = b"".join((b"PK\3\4", entry.common, entry.name.encode("ascii")))
    end = begin + entry.packed
    if entry.offset != at or data[at:begin] != head or end > len(data):
        raise EnvelopeError(OpeningFailure.PACKAGE)
    content = data[begin:end]
    if entry.method == _DEFLATED:
        unpacking = isal_zlib.decompressobj(wbits=-isal_zlib.MAX_WBITS)
        content = unpacking.decompress(content, entry.size + 1)
        if not unpacking.eof or unpacking.unused_data:
            raise EnvelopeError(OpeningFailure.PACKAGE)
    if len(content) != entry.size or isal_zlib.crc32(content) != entry.checksum:
        raise EnvelopeError(OpeningFailure.PACKAGE)
    return content, end
