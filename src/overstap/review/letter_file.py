"""Writing of files with personal data: atomic, for their owner only, never over another."""

import os
from collections.abc import Callable
from pathlib import Path

from overstap.errors import OverstapError


class LetterFile:
    """A file of letters: written beside its place, and put there when its codes count.

    What broke off in between lies there as `<name>.part`: it counts or not, and the ledger knows.

    Args:
        path: where; its folder must be there.

    Raises:
        OverstapError: REVIEW-028 when the file is there already, or its folder is not; also when it is written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f"{path.name}.part")
        new_file(path)

    @property
    def left_over(self) -> bytes | None:
        """What lies there of an earlier time; None when nothing does."""
        return self._part.read_bytes() if self._part.is_file() else None

    def drop(self) -> None:
        """Remove what lies there of an earlier time."""
        self._part.unlink(missing_ok=True)

    def write(self, content: bytes) -> None:
        """Write it beside its place."""
        new_file(self._part)(content)

    def put(self) -> None:
        """Put it in its place: its codes count."""
        self._part.rename(self._path)


def new_file(path: Path) -> Callable[[bytes], None]:
    """Return what writes a new file.

    Args:
        path: where; its folder must be there.

    Raises:
        OverstapError: REVIEW-028 when the file is there already, or its folder is not; also when it is written.
    """
    if path.exists() or not path.parent.is_dir():
        raise OverstapError("REVIEW-028", file=path.name)

    def write(content: bytes) -> None:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as problem:
            raise OverstapError("REVIEW-028", file=path.name) from problem
        try:
            with os.fdopen(descriptor, "wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
        except OSError:
            path.unlink(missing_ok=True)
            raise

    return write
