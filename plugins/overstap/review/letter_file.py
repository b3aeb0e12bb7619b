"""Files that hold personal data: whole or not there, for their owner alone, and never over another."""

import os
from collections.abc import Callable
from pathlib import Path

from overstap.errors import OverstapError


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
