"""Listing of a folder's certificate files by purpose and number: `signing-2.crt` is the second for `signing`."""

import re
import time
from pathlib import Path

CERTIFICATE_SUFFIXES = frozenset((".crt", ".cer"))
"""Suffixes of certificate files in lower case; compare case-insensitively (Windows writes .cer and capitals)."""
_NUMBERED = re.compile(r"([a-z]+)-([0-9]{1,4})\.(?i:crt|cer|p12|pfx)")
_SETTLED_NS = 2_000_000_000
"""A folder changed more recently can change again within the resolution of its modification time."""


def number_of(path: Path) -> int:
    """Return the number of a certificate file."""
    return int(path.stem.rpartition("-")[2])


class CertificateFiles:
    """Cached listings of certificate files; a folder is scanned again only after it changed."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[int, dict[str, list[Path]]]] = {}

    def of(self, folder: Path) -> dict[str, list[Path]]:
        """Return the certificate files, or else PKCS#12 files, of a folder by purpose, newest first.

        Args:
            folder: folder of one holder; it may be missing.
        """
        try:
            changed = folder.stat().st_mtime_ns
        except OSError:
            return {}
        known = self._known.get(folder)
        if known is not None and known[0] == changed:
            return known[1]
        found = _scan(folder)
        if time.time_ns() - changed > _SETTLED_NS:
            self._known[folder] = changed, found
        return found


def _scan(folder: Path) -> dict[str, list[Path]]:
    files: dict[str, dict[str, Path]] = {}
    # of two files with one stem, the certificate file takes precedence over the PKCS#12
    for path in sorted(folder.iterdir(), key=lambda file: file.suffix.lower() in CERTIFICATE_SUFFIXES):
        if numbered := _NUMBERED.fullmatch(path.name):
            files.setdefault(numbered[1], {})[path.stem] = path
    return {use: sorted(paths.values(), key=number_of, reverse=True) for use, paths in files.items()}
