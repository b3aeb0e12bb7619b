"""Who may do what in Airflow: a role per region, made from the agreements before DAGs are parsed.

A coordinator sees the own region's DAGs alone, may trigger, clear and answer gates there, and has no right to delete,
or to see connections, variables or configuration. Which DAG a role may touch stands on the DAG (`access_control`).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
from airflow.providers.fab.www.security import permissions as fab

from overstap.agreements import Agreement

_SEE = (
    *(fab.RESOURCE_DAG_RUN, fab.RESOURCE_TASK_INSTANCE, fab.RESOURCE_TASK_LOG, fab.RESOURCE_XCOM),
    *(fab.RESOURCE_HITL_DETAIL, fab.RESOURCE_DAG_VERSION, fab.RESOURCE_DAG_WARNING, fab.RESOURCE_DAG_DEPENDENCIES),
    *(fab.RESOURCE_WEBSITE, fab.RESOURCE_MY_PROFILE, fab.RESOURCE_MY_PASSWORD),
)
_CHANGE = (
    (fab.ACTION_CAN_CREATE, fab.RESOURCE_DAG_RUN),
    (fab.ACTION_CAN_EDIT, fab.RESOURCE_DAG_RUN),
    (fab.ACTION_CAN_EDIT, fab.RESOURCE_TASK_INSTANCE),
    (fab.ACTION_CAN_EDIT, fab.RESOURCE_HITL_DETAIL),
    (fab.ACTION_CAN_EDIT, fab.RESOURCE_MY_PROFILE),
    (fab.ACTION_CAN_EDIT, fab.RESOURCE_MY_PASSWORD),
)
_MENUS = (fab.RESOURCE_DAG, fab.RESOURCE_DAG_RUN, fab.RESOURCE_TASK_INSTANCE, fab.RESOURCE_BROWSE_MENU)


@dataclass(frozen=True, slots=True)
class Account:
    """A person's login."""

    username: str
    name: str
    email: str
    password: str
    role: str


def coordinator_role(region: str) -> str:
    """Return the name of a region's role."""
    return f"coordinator_{region}"


def rights() -> dict[str, set[str]]:
    """Return what a region's role may do with its own DAGs: see and change, not delete."""
    return {fab.RESOURCE_DAG: {fab.ACTION_CAN_READ, fab.ACTION_CAN_EDIT}}


def sync_roles(agreements: Iterable[Agreement]) -> list[str]:
    """Make the role of every region; safe to repeat.

    DAG files that name a role which is not there are import errors, so this runs before they are parsed.

    Args:
        agreements: one per region; several years of one region share its role.

    Returns:
        The names of the roles.
    """
    allowed = [(fab.ACTION_CAN_READ, resource) for resource in _SEE]
    allowed += [*_CHANGE, *((fab.ACTION_CAN_ACCESS_MENU, menu) for menu in _MENUS)]
    names = sorted({coordinator_role(agreement.region) for agreement in agreements})
    with get_application_builder() as builder:
        builder.sm.bulk_sync_roles([{"role": name, "perms": allowed} for name in names])
    return names


def add_accounts(accounts: Iterable[Account]) -> None:
    """Make logins, or give existing ones this password and role.

    Args:
        accounts: whose roles exist.

    Raises:
        LookupError: a role does not exist.
    """
    with get_application_builder() as builder:
        manager = builder.sm
        for account in accounts:
            role = manager.find_role(account.role)
            if role is None:
                raise LookupError(f"role {account.role} does not exist")
            user = manager.find_user(username=account.username)
            if user is None:
                manager.add_user(
                    account.username, account.name, account.role, account.email, role, password=account.password
                )
            else:
                user.roles = [role]
                manager.reset_user_password(user.id, account.password)
