"""Packages that a library uses where they are installed, and that this package does not need of it."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

DATABASES_AND_CLOUDS = ("sqlalchemy", "psycopg2", "boto3", "botocore", "pyspark")
"""Extras of Great Expectations for tables that are not in memory: 33 MB, and a fifth of the time of its import."""


@contextmanager
def left_out(*packages: str) -> Iterator[None]:
    """Let a library be imported as if packages were not installed, which it must be able to do without them.

    A package that is loaded already stays as it is, since it costs nothing more. Afterwards each can be imported by
    whoever needs it. Python does not look for cycles of objects in between: almost everything that is made stays.

    Args:
        packages: names of packages.
    """
    absent = [name for name in packages if name not in sys.modules]
    was_collecting = gc.isenabled()
    gc.disable()
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None: what Python takes for not installed
    try:
        yield
    finally:
        for name in absent:
            sys.modules.pop(name, None)
        if was_collecting:
            gc.enable()
