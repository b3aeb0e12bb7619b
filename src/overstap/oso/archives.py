"""ZIP archives, read from memory: the plain ones directly, all others by `zipfile`.

Opening an archive with `zipfile` takes longer than unpacking what a dossier's attachments hold. An archive that is as
plain as programs write them (one disk, no comment, no encryption, stored or deflated, sizes that agree) is read here,
at the first thing that is not so, `zipfile` is asked instead, so that an odd or damaged archive gets its verdict.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from isal import isal_zlib

DAMAGED = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError, OSError, IndexError)
"""What `zipfile` and zlib raise for archives damaged by accident or on purpose."""
_END = struct.Struct("<4s4H2LH")
# of a file in the table of contents (APPNOTE 4.3.12), and before the file itself (4.3.7): what is looked at
_CENTRAL = struct.Struct("<4s2x3H4x3L4H2x2L")
_LOCAL = struct.Struct("<4s2x2H16x2H")
_MOST_ENTRIES = 4_000
_STORED, _DEFLATED = 0, 8
_SMALL = 3_000
"""Packed bytes below which zlib is the quicker of the two: ISA-L makes larger tables before it begins."""
# all but: the level of deflating, sizes behind the content, names in UTF-8
_OTHER_FLAGS = 0xFFFF & ~(0x0002 | 0x0004 | 0x0008 | 0x0800)
_UTF8 = 0x0800
_ELSEWHERE = 0xFFFFFFFF
"""A size that is too large for its field and stands elsewhere (APPNOTE 4.5.3)."""
_NEWEST = 20
"""What it takes to unpack deflated files (APPNOTE 4.4.3.2)."""


class _Odd(Exception):  # noqa: N818 - it only says: ask zipfile
    """Something that is not plain."""


_NOT_PLAIN: Any = (_Odd, struct.error, zlib.error, isal_zlib.error)  # Any: ISA-L's stub calls its error an instance


class ArchiveEntry(NamedTuple):
    """A file in an archive, named as `zipfile.ZipInfo` names it.

    Args:
        orig_filename: its name as it stands in the archive.
        file_size: bytes when unpacked, as stated.
        flag_bits: general purpose flags (APPNOTE 4.4.4).
        external_attr: what the system that wrote it knows of it; Unix keeps its mode in the upper half.
        method: how it is packed: 0 not at all, 8 deflated.
        crc: its checksum.
        packed_size: bytes in the archive.
        at: where in the archive it begins, with a header of its own.
    """

    orig_filename: str
    file_size: int
    flag_bits: int
    external_attr: int
    method: int
    crc: int
    packed_size: int
    at: int

    @property
    def filename(self) -> str:
        """Its name."""
        return self.orig_filename

    def is_dir(self) -> bool:
        """Whether it is a folder."""
        return self.orig_filename.endswith("/")


class Archive:
    """An archive in memory.

    Args:
        data: the whole archive.

    Raises:
        One of `DAMAGED`: it is none, or is damaged.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._zip: zipfile.ZipFile | None = None
        self.entries: Sequence[ArchiveEntry | zipfile.ZipInfo]
        try:
            self.entries = _entries(data)
        except (_Odd, struct.error):
            self.entries = self._by_zipfile().infolist()

    def read(self, entry: ArchiveEntry | zipfile.ZipInfo, most: int) -> bytes:
        """Return what a file holds, no more than so many bytes; its checksum is verified when it is read whole.

        Args:
            entry: one of `entries`.
            most: the largest number of bytes.

        Raises:
            One of `DAMAGED`: it is damaged.
        """
        if isinstance(entry, ArchiveEntry):
            try:
                return _content(self._data, entry, most)
            except _NOT_PLAIN:
                at = next(number for number, each in enumerate(self.entries) if each is entry)
                entry = self._by_zipfile().infolist()[at]
        with self._by_zipfile().open(entry) as file:
            return file.read(most)

    def _by_zipfile(self) -> zipfile.ZipFile:
        if self._zip is None:
            self._zip = zipfile.ZipFile(io.BytesIO(self._data))
        return self._zip


def _entries(data: bytes) -> list[ArchiveEntry]:
    end = len(data) - _END.size
    if end < 0:
        raise _Odd
    mark, disk, first_disk, here, count, size, at, comment = _END.unpack_from(data, end)
    if mark != b"PK\x05\x06" or disk or first_disk or here != count or comment or at + size != end:
        raise _Odd
    if count > _MOST_ENTRIES:
        raise _Odd
    found = []
    header, fixed = _CENTRAL.unpack_from, _CENTRAL.size
    for _ in range(count):
        mark, needs, flags, method, crc, packed, whole, named, extra, note, disk, outer, start = header(data, at)
        if (
            mark != b"PK\x01\x02"
            or flags & _OTHER_FLAGS
            or (method != _DEFLATED and method != _STORED)
            or disk
            or needs > _NEWEST
            or packed == _ELSEWHERE
            or whole == _ELSEWHERE
            or start == _ELSEWHERE
        ):
            raise _Odd
        name = data[at + fixed : at + fixed + named]
        if len(name) != named or b"\x00" in name or not name:
            raise _Odd
        try:
            told = name.decode("utf-8" if flags & _UTF8 or name.isascii() else "cp437")
        except UnicodeDecodeError:
            raise _Odd from None
        found.append(ArchiveEntry(told, whole, flags, outer, method, crc, packed, start))
        at += fixed + named + extra + note
    if at != end:
        raise _Odd
    return found


def _content(data: bytes, entry: ArchiveEntry, most: int) -> bytes:
    if entry.file_size > most:
        raise _Odd
    mark, flags, method, name_size, extra = _LOCAL.unpack_from(data, entry.at)
    named = entry.at + _LOCAL.size
    begin = named + name_size + extra
    packed = data[begin : begin + entry.packed_size]
    if mark != b"PK\x03\x04" or flags & _OTHER_FLAGS or method != entry.method or len(packed) != entry.packed_size:
        raise _Odd
    encoding = "utf-8" if entry.flag_bits & _UTF8 or entry.orig_filename.isascii() else "cp437"
    if data[named : named + name_size] != entry.orig_filename.encode(encoding):
        raise _Odd
    content = packed
    if method == _DEFLATED:
        inflate = zlib.decompressobj if entry.packed_size < _SMALL else isal_zlib.decompressobj
        unpacker = inflate(-zlib.MAX_WBITS)
        content = unpacker.decompress(packed, entry.file_size + 1)  # one more would tell that it states too little
        if not unpacker.eof:
            raise _Odd
    if len(content) != entry.file_size or zlib.crc32(content) != entry.crc:
        raise _Odd
    return content
