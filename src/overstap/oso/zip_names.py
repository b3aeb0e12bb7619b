"""Decoding of file names in ZIP archives, as the programs that wrote them intended.

The format has two encodings (APPNOTE appendix D): UTF-8 with a flag, else code page 437. Programs deviate: Linux and
macOS write UTF-8 without the flag, Windows Explorer the code page of the machine (850 in the Netherlands, 852 and 857
for Polish and Turkish), WinRAR and 7-Zip add an extra field with the name in UTF-8 (APPNOTE 4.6.9). macOS decomposes
accents, so callers compare names in one normal form.
"""

import struct
import zipfile
import zlib
from collections.abc import Callable

_UTF8_FLAG, _ENCRYPTED = 0x0800, 0x0001
_UNICODE_PATH = 0x7075
_CODE_PAGES = ("cp850", "cp437", "cp1252", "cp852", "cp857", "cp1250", "cp1254")
_SYSTEM_FOLDERS = frozenset(
    ("__macosx", ".fseventsd", ".spotlight-v100", ".trashes", ".temporaryitems", ".trash-1000", "@eadir")
)
_SYSTEM_FILES = frozenset(
    (
        *(".ds_store", ".localized", ".apdisk", "icon\r", "thumbs.db", "thumbs.db:encryptable"),
        *("ehthumbs.db", "desktop.ini", ".directory"),
    )
)
_APPLE_DOUBLE = b"\0\x05\x16\x07"
"""Start of an AppleDouble file (RFC 1740, appendix A), in which macOS stores metadata as `._` and the file's name."""
_LOCK_BYTES = 512
_END, _END_BYTES = b"PK\x05\x06", 22


def names_of(entry: zipfile.ZipInfo) -> tuple[str, ...]:
    """Return the possible names of an entry, the likeliest first.

    Args:
        entry: the entry, read by `zipfile`.
    """
    if entry.flag_bits & _UTF8_FLAG:
        return (entry.orig_filename.removeprefix("./"),)
    raw = entry.orig_filename.encode("cp437")
    found = [name for name in (_unicode_path(entry.extra, raw), _decoded(raw, "utf-8")) if name]
    found += [name for code_page in _CODE_PAGES if (name := _decoded(raw, code_page))]
    return tuple(dict.fromkeys(name.removeprefix("./") for name in found))


def is_folder(entry: zipfile.ZipInfo) -> bool:
    """Return whether an entry is a folder."""
    return entry.orig_filename.endswith("/")


def is_of_system(entry: zipfile.ZipInfo, begin: Callable[[int], bytes]) -> bool:
    """Return whether an entry is a file that an operating system or Office adds to the packed file.

    A receiver can unpack it too, so the name is not sufficient: an AppleDouble file must have its signature, and a
    system folder must contain system files only.

    Args:
        entry: the entry, read by `zipfile`.
        begin: returns at most the given number of bytes from the start of its content.
    """
    folders, _, name = entry.orig_filename.rpartition("/")
    if name.startswith("._"):
        return bool(entry.flag_bits & _ENCRYPTED) or begin(4) == _APPLE_DOUBLE
    if name.startswith("~$"):  # lock file of Office for an open document
        return 0 < entry.file_size <= _LOCK_BYTES
    is_in_system = any(folder.lower() in _SYSTEM_FOLDERS for folder in folders.split("/"))
    return (not name and (is_in_system or not folders)) or name.lower() in _SYSTEM_FILES


def is_in_folder(name: str) -> bool:
    """Return whether a name is a relative path of a file in a folder, without drive or parent references."""
    *folders, file = name.split("/")
    return bool(folders and file) and not any(each in ("", ".", "..") or ":" in each for each in (*folders, file))


def stated_entries(packed: bytes) -> int | None:
    """Return the number of entries that an archive states; None without an end-of-central-directory record.

    Args:
        packed: content of the archive.
    """
    end = _end_of(packed)
    if end < 0 or len(packed) < end + _END_BYTES:
        return None
    count = int(struct.unpack_from("<H", packed, end + 10)[0])
    locator = packed[max(0, end - 20) : end]
    # streaming writers use ZIP64 records (APPNOTE 4.3.14) for small archives too
    if locator.startswith(b"PK\x06\x07"):
        at = struct.unpack_from("<Q", locator, 8)[0]
        if packed[at : at + 4] == b"PK\x06\x06" and len(packed) >= at + 40:
            return int(struct.unpack_from("<Q", packed, at + 32)[0])
    return count


def without_comment(packed: bytes) -> bytes:
    """Return an archive without its trailing comment, in which a reader could find another end record."""
    end = _end_of(packed)
    comment = int(struct.unpack_from("<H", packed, end + 20)[0]) if 0 <= end <= len(packed) - _END_BYTES else 0
    if not comment or end + _END_BYTES + comment != len(packed):
        return packed
    return packed[: end + 20] + bytes(2)


def _end_of(packed: bytes) -> int:
    """Return the offset of the end-of-central-directory record; its signature can occur in the comment too."""
    last = at = packed.rfind(_END)
    while at >= 0:
        if len(packed) >= at + _END_BYTES:
            comment = int(struct.unpack_from("<H", packed, at + 20)[0])
            if at + _END_BYTES + comment == len(packed):
                return at
        at = packed.rfind(_END, max(0, len(packed) - 65_557), at)
    return last


def _decoded(raw: bytes, encoding: str) -> str | None:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        return None


def _unicode_path(extra: bytes, raw: bytes) -> str | None:
    """Return the name in the Unicode path extra field, if its checksum matches the name in the header."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        field = extra[at + 4 : at + 4 + size]
        at += 4 + size
        is_named = kind == _UNICODE_PATH and len(field) > 5 and field[0] == 1
        if is_named and struct.unpack_from("<L", field, 1)[0] == zlib.crc32(raw):
            return _decoded(field[5:], "utf-8")
    return None
