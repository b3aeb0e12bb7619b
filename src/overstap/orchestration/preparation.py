"""Start of a deployment, Airflow's part: database schema, roles and accounts, and the account `admin`."""

import logging
import os
import warnings
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from overstap.progress import Advance, counted, unwatched

ADMIN = "admin"


def quiet() -> None:
    """Limit Airflow's log to errors, since it logs each granted right. To be called before Airflow is imported."""
    os.environ.setdefault("AIRFLOW__LOGGING__LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("AIRFLOW__LOGGING__FAB_LOGGING_LEVEL", "ERROR")
    warnings.simplefilter("ignore")
    logging.getLogger("alembic").setLevel(logging.ERROR)


def migrate_airflow() -> None:
    """Migrate Airflow's database and that of its auth manager to the newest schema. Idempotent."""
    from airflow.cli.cli_parser import get_parser

    asked = get_parser().parse_args(["db", "migrate"])
    asked.func(asked)


def add_admin(password: str) -> bool:
    """Make the account `admin` with the role Admin, unless there is one; return whether it was made.

    An existing account keeps its password, which may have been changed.

    Args:
        password: of the new account.
    """
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

    with get_application_builder() as builder:
        manager = builder.sm
        if manager.find_user(username=ADMIN) is not None:
            return False
        role = manager.find_role("Admin")
        made = manager.add_user(ADMIN, "Beheer", "Overstap", f"{ADMIN}@overstap.invalid", role, password=password)
        return bool(made)


def sync(
    regions: Path, *, production: bool, administrators: Iterable[str], at: datetime, advance: Advance = unwatched
) -> list[str]:
    """Synchronise roles and accounts with the agreements; return the changes, a line each.

    In a region with an unreadable agreement nothing is removed; other regions are not affected.

    Args:
        regions: the folder with agreements.
        production: whether examples are left out.
        administrators: accounts with the administrator role for all regions.
        at: the present moment.
        advance: is told of each agreement that was read.
    """
    from overstap.agreements.load import agreement_paths, load_agreement, load_in_use
    from overstap.errors import OverstapError
    from overstap.orchestration.access import people_of, sync_access

    unsure, lines = set(), []
    for path in counted(agreement_paths(regions), advance, every=1):
        try:
            load_agreement(path)
        except OverstapError as error:
            unsure.add(path.parent.name)
            lines.append(f"nothing is taken away in region {path.parent.name}: {error}")
    people = people_of(load_in_use(regions, production=production), at, administrators=administrators, unsure=unsure)
    changes = sync_access(people)
    count = f"{len(people.roles)} roles and {len(people.accounts)} accounts are as agreed; {len(changes)} changes"
    return [*lines, *changes, count]
