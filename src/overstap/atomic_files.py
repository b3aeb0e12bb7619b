"""Atomic writing of files."""

import os
import secrets
from pathlib import Path


def write_atomically(path: Path, data: bytes, *, mode: int) -> None:
    """Write a file that nobody sees half: beside it first, synced, then renamed over the name.

    Args:
        path: where; folders above are made, for the owner only.
        data: the content.
        mode: permission bits, given before the first byte is written.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Random: two containers write into one folder, and each counts its processes from 1.
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as out:
        os.fchmod(out.fileno(), mode)
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    beside.replace(path)
