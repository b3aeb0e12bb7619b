"""Checks of the machine before anything is started: Python's version and free disk space."""

import shutil
import sys
from pathlib import Path

from overstap.errors import OverstapError

SUPPORTED = ((3, 11), (3, 12), (3, 13))
NEEDED_MIB = 1024
"""Databases, logs and dossiers of a demo stay well below this (measured: under 400 MiB)."""


def check(state: Path, *, needed_mib: int = NEEDED_MIB, version: tuple[int, int] = sys.version_info[:2]) -> None:
    """Refuse a machine on which the rest cannot work, before anything is written.

    Args:
        state: where everything will be kept; need not exist.
        needed_mib: free space that must be there, in MiB.
        version: Python's version.

    Raises:
        OverstapError: LOCAL-003 for a Python that Airflow does not run on, LOCAL-002 for too little disk.
    """
    if version not in SUPPORTED:
        raise OverstapError("LOCAL-003", found=".".join(map(str, version)))
    existing = next(folder for folder in [state.absolute(), *state.absolute().parents] if folder.exists())
    free_mib = shutil.disk_usage(existing).free // 2**20
    if free_mib < needed_mib:
        raise OverstapError("LOCAL-002", folder=str(existing), free_mib=free_mib, needed_mib=needed_mib)
