"""The folders of a deployment, owned by the account that runs in its containers."""

import os
from pathlib import Path

FOLDERS = ("keys", "trust", "drop", "outbox", "reports", "checkpoints", "registers", "lists")
"""What regions and rounds read and write, and files for commands (docs/install.md)."""
CONTAINER_USER, CONTAINER_GROUP = 50000, 0
"""Airflow's account in its official image."""


def make_folders(data: Path, regions: Path) -> list[Path]:
    """Make the folders that are not there yet, and give all of them to the containers' account; return the new ones.

    Args:
        data: what rounds read and write lies below it, for that account alone.
        regions: the agreements; containers may read them only.

    Raises:
        PermissionError: this process may not give a folder to another account: it has to be root.
    """
    made = []
    for folder in (regions, *(data / name for name in FOLDERS)):
        if not folder.exists():
            folder.mkdir(parents=True)
            made.append(folder)
    regions.chmod(0o755)
    for name in FOLDERS:
        give(data / name)
        (data / name).chmod(0o700)
    return made


def give(path: Path) -> None:
    """Give a file or folder to the containers' account, where this process is another."""
    if path.stat().st_uid != CONTAINER_USER:
        os.chown(path, CONTAINER_USER, CONTAINER_GROUP)


def give_all(folder: Path) -> None:
    """Give a folder and all below it to the containers' account; links are left alone."""
    for path in (folder, *sorted(folder.rglob("*"))):
        if not path.is_symlink():
            give(path)
