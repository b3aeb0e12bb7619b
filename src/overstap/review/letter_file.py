"""Atomic writing of files with personal data, readable by their owner only, never over an existing file."""

import os
from collections.abc import Callable
from pathlib import Path

from overstap.errors import OverstapError


class LetterFile:
    """A file of letters, written as `<name>.part` and renamed when its codes are valid.

    A `.part` file is left by an interruption in between; the ledger tells whether its codes are valid.

    Args:
        path: path of the file; its folder must exist.

    Raises:
        OverstapError: REVIEW-028 when the file exists already, or its folder does not; also when it is written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f"{path.name}.part")
        file_writer(path)

    @property
    def left_over(self) -> bytes | None:
        """Content of the `.part` file of an earlier interruption; None when there is none."""
        return self._part.read_bytes() if self._part.is_file() else None

    def drop(self) -> None:
        """Remove the `.part` file."""
        self._part.unlink(missing_ok=True)

    def write(self, content: bytes) -> None:
        """Write the `.part` file."""
        file_writer(self._part)(content)

    def publish(self) -> None:
        """Rename the `.part` file to its path, when its codes are valid."""
        self._part.rename(self._path)


def file_writer(path: Path) -> Callable[[bytes], None]:
    """Return a function that writes a new file with mode 0600.

    Args:
        path: path of the file; its folder must exist.

    Raises:
        OverstapError: REVIEW-028 when the file exists already, or its folder does not; also when it is written.
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
