"""Certificate files of a folder by use: `signing-2.crt` is the second of `signing`."""

import re
import time
from pathlib import Path

CERTIFICATE_SUFFIXES = frozenset((".crt", ".cer"))
"""In small letters; Windows writes .cer, and either in capitals."""
_NUMBERED = re.compile(r"([a-z]+)-([0-9]{1,4})\.(?i:crt|cer|p12|pfx)")
_SETTLED_NS = 2_000_000_000
"""A folder that was changed less than this ago may change again without showing it by its time."""


def number_of(path: Path) -> int:
    """Return the number of a certificate file."""
    return int(path.stem.rpartition("-")[2])


class CertificateFiles:
    """The certificate files of folders; a folder is looked through again only after it changed."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[int, dict[str, list[Path]]]] = {}

    def of(self, folder: Path) -> dict[str, list[Path]]:
        """Return certificate files (or PKCS#12 files, where there is no other) by use, newest first.

        Args:
            folder: of one owner; need not be there.
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
    # of two with one stem, the certificate by itself counts
    for path in sorted(folder.iterdir(), key=lambda one: one.suffix.lower() in CERTIFICATE_SUFFIXES):
        if numbered := _NUMBERED.fullmatch(path.name):
            files.setdefault(numbered[1], {})[path.stem] = path
    return {use: sorted(paths.values(), key=number_of, reverse=True) for use, paths in files.items()}
