"""Data folders of a deployment, owned by the account that runs in its containers."""

import os
from pathlib import Path

FOLDERS = ("keys", "board", "trust", "drop", "outbox", "reports", "checkpoints", "registers", "lists", "standards")
"""Folders that regions and rounds read and write, and folders for files of commands (docs/install.md)."""
CONTAINER_USER, CONTAINER_GROUP = 50000, 0
"""User id of Airflow in its official image."""


def make_folders(data: Path, regions: Path) -> list[Path]:
    """Make missing folders, and change the owner of all to the containers' account; return the new ones.

    Args:
        data: parent of the folders that rounds read and write, with access for that account only.
        regions: folder of the agreements, with a folder per region, which one container writes.

    Raises:
        PermissionError: this process may not change the owner: it must be root.
    """
    made = []
    for folder in (regions, *(data / name for name in FOLDERS)):
        if not folder.exists():
            folder.mkdir(parents=True)
            made.append(folder)
    for folder in (regions, *(inside for inside in sorted(regions.iterdir()) if inside.is_dir())):
        set_owner(folder)
        folder.chmod(0o755)
    for name in FOLDERS:
        set_owner(data / name)
        (data / name).chmod(0o700)
    return made


def set_owner(path: Path) -> None:
    """Change the owner of a file or folder to the containers' account, when this process has another."""
    if path.stat().st_uid != CONTAINER_USER:
        os.chown(path, CONTAINER_USER, CONTAINER_GROUP)


def set_owner_of_all(folder: Path) -> None:
    """Change the owner of a folder and all below it to the containers' account; symbolic links are skipped."""
    for path in (folder, *sorted(folder.rglob("*"))):
        if not path.is_symlink():
            set_owner(path)
