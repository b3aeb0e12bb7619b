"""Airflow's part of a deployment's start: its database's schema, roles and accounts, and the account `admin`."""

import logging
import os
import warnings
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

ADMIN = "admin"


def quiet() -> None:
    """Let Airflow tell errors only: it would tell each right that it gives. Call it before Airflow is imported."""
    os.environ.setdefault("AIRFLOW__LOGGING__LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("AIRFLOW__LOGGING__FAB_LOGGING_LEVEL", "ERROR")
    warnings.simplefilter("ignore")
    logging.getLogger("alembic").setLevel(logging.ERROR)


def migrate_airflow() -> None:
    """Bring Airflow's database to its newest schema, with that of its login; safe to repeat."""
    from airflow.cli.cli_parser import get_parser

    asked = get_parser().parse_args(["db", "migrate"])
    asked.func(asked)


def add_admin(password: str) -> bool:
    """Make the account `admin` with the role Admin, unless there is one; return whether it was made.

    An account that is there keeps its password: somebody may have given it another.

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


def sync(regions: Path, *, production: bool, administrators: Iterable[str], at: datetime) -> list[str]:
    """Bring roles and accounts to what the agreements say; return what was done, a line each.

    An agreement that cannot be read stops nothing but itself: in its region nothing is taken away.

    Args:
        regions: the folder with agreements.
        production: whether examples are left out.
        administrators: accounts that look after all regions.
        at: the present moment.
    """
    from overstap.agreements.load import agreement_paths, load_agreement, load_in_use
    from overstap.errors import OverstapError
    from overstap.orchestration.access import people_of, sync_access

    unsure, lines = set(), []
    for path in agreement_paths(regions):
        try:
            load_agreement(path)
        except OverstapError as error:
            unsure.add(path.parent.name)
            lines.append(f"nothing is taken away in region {path.parent.name}: {error}")
    people = people_of(load_in_use(regions, production=production), at, administrators=administrators, unsure=unsure)
    changes = sync_access(people)
    count = f"{len(people.roles)} roles and {len(people.accounts)} accounts are as agreed; {len(changes)} changes"
    return [*lines, *changes, count]
