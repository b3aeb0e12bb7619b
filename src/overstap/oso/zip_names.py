"""What a file in a ZIP is called, as the programs that wrote it meant it.

The format has two encodings (APPNOTE appendix D): UTF-8 with a flag, else code page 437. Programs keep to neither:
Linux and macOS write UTF-8 without the flag, Windows' Explorer the code page of the machine (850 in the Netherlands),
WinRAR and 7-Zip add the name once more in a field of its own (APPNOTE 4.6.9). macOS decomposes accents, which comparing
in one normal form undoes.
"""

import struct
import zipfile
import zlib

_UTF8_FLAG = 0x0800
_UNICODE_PATH = 0x7075
_SYSTEM_FILES = frozenset((".ds_store", "thumbs.db", "desktop.ini"))


def names_of(entry: zipfile.ZipInfo) -> tuple[str, ...]:
    """Return what an entry may be called, the likeliest first.

    Args:
        entry: as `zipfile` read it.
    """
    if entry.flag_bits & _UTF8_FLAG:
        return (entry.orig_filename,)
    raw = entry.orig_filename.encode("cp437")
    found = [name for name in (_unicode_path(entry.extra, raw), _decoded(raw, "utf-8")) if name]
    found += [name for code_page in ("cp850", "cp437", "cp1252") if (name := _decoded(raw, code_page))]
    return tuple(dict.fromkeys(found))


def is_of_system(entry: zipfile.ZipInfo) -> bool:
    """Tell whether an entry is what an operating system adds by itself, beside the file that was packed."""
    folders, _, name = entry.orig_filename.rpartition("/")
    return folders.partition("/")[0] == "__MACOSX" or (not name and not folders) or name.lower() in _SYSTEM_FILES


def stated_entries(packed: bytes) -> int | None:
    """Return how many entries an archive says that it has; None where its end is not found.

    Args:
        packed: the archive.
    """
    end = packed.rfind(b"PK\x05\x06")
    if end < 0 or len(packed) < end + 22:
        return None
    count = int(struct.unpack_from("<H", packed, end + 10)[0])
    locator = packed[max(0, end - 20) : end]
    # programs that write as they go use the larger records (APPNOTE 4.3.14) for small archives as well
    if locator.startswith(b"PK\x06\x07"):
        at = struct.unpack_from("<Q", locator, 8)[0]
        if packed[at : at + 4] == b"PK\x06\x06" and len(packed) >= at + 40:
            return int(struct.unpack_from("<Q", packed, at + 32)[0])
    return count


def _decoded(raw: bytes, encoding: str) -> str | None:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        return None


def _unicode_path(extra: bytes, raw: bytes) -> str | None:
    """Return the name in the field of its own, if it is of this very name."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        field = extra[at + 4 : at + 4 + size]
        at += 4 + size
        is_named = kind == _UNICODE_PATH and len(field) > 5 and field[0] == 1
        if is_named and struct.unpack_from("<L", field, 1)[0] == zlib.crc32(raw):
            return _decoded(field[5:], "utf-8")
    return None
