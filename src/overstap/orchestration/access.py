"""Synchronisation of Airflow's roles and accounts with the agreements, before DAGs are parsed. Idempotent.

Removed are rights that a role of ours must not have, roles of regions that no longer exist, and roles of accounts that
the agreement no longer names. Accounts and roles of others stay as they are.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

from overstap.agreements import Agreement
from overstap.agreements.model import Coordinator
from overstap.agreements.model.viewers import Viewer
from overstap.orchestration.roles import (
    ADMINISTRATOR,
    Right,
    access_of,
    coordinator_role,
    may_have,
    region_of_role,
    rights_of,
    viewer_role,
)
from overstap.orchestration.schedule import current

__all__ = ["AirflowAccount", "People", "access_of", "add_accounts", "coordinator_role", "people_of", "sync_access"]

_SEES_ALL = frozenset({"Admin", "Op", "User", "Viewer"})
"""Airflow's own roles, each of which sees every region."""


@dataclass(frozen=True, slots=True)
class AirflowAccount:
    """An account with a password, for the demonstration and tests."""

    username: str
    name: str
    email: str
    password: str
    role: str


@dataclass(frozen=True, slots=True)
class People:
    """Accounts and roles that follow from the agreements and the settings.

    Args:
        roles: names of all required roles.
        accounts: per account its name, its e-mail address and its roles.
        unsure: regions with an unreadable agreement: nothing is removed there.
    """

    roles: Sequence[str]
    accounts: Mapping[str, tuple[str, str, frozenset[str]]]
    unsure: frozenset[str] = frozenset()


@dataclass
class Changes:
    """Log of a synchronisation, in lines for the administrator."""

    lines: list[str] = field(default_factory=list)

    def tell(self, line: str) -> None:
        """Add a line."""
        self.lines.append(line)


def people_of(
    agreements: Iterable[Agreement], at: datetime, *, administrators: Iterable[str] = (), unsure: Iterable[str] = ()
) -> People:
    """Return the accounts and roles that follow from the agreements.

    Args:
        agreements: of all regions and school years; one whose rounds have ended gives no role.
        at: the present moment, aware.
        administrators: accounts with the administrator role for all regions.
        unsure: regions with an unreadable agreement.
    """
    every = sorted(agreements, key=lambda one: (one.region, one.school_year))
    first = {one.region: one.school_year for one in current(every, at)}
    roles = {ADMINISTRATOR}
    accounts: dict[str, tuple[str, str, set[str]]] = {}
    for region in (*first, *unsure):
        roles |= {coordinator_role(region), viewer_role(region)}
    for agreement in every:
        if agreement.school_year < first[agreement.region]:
            continue
        coordinator, viewer = coordinator_role(agreement.region), viewer_role(agreement.region)
        named: list[tuple[Coordinator | Viewer, str]] = [(person, coordinator) for person in agreement.coordinators]
        named += [(person, viewer) for person in agreement.viewers]
        for person, role in named:
            known = accounts.setdefault(person.account, (person.name, person.email, set()))
            known[2].add(role)
    for account in administrators:
        accounts.setdefault(account, (account, f"{account}@overstap.invalid", set()))[2].add(ADMINISTRATOR)
    told = {account: (name, email, frozenset(mine)) for account, (name, email, mine) in accounts.items()}
    return People(sorted(roles), told, frozenset(unsure))


def sync_access(people: People) -> list[str]:
    """Synchronise Airflow's roles and accounts with these. Idempotent.

    A DAG file that names a role that does not exist is an import error, so this runs before parsing.

    Args:
        people: see `people_of`.

    Returns:
        The changes, a line each.
    """
    changes = Changes()
    with get_application_builder() as builder:
        manager = builder.sm
        for name in people.roles:
            _sync_role(manager, name, changes)
        for role in list(manager.get_all_roles()):
            region = region_of_role(role.name)
            if region is not None and role.name not in people.roles:
                _empty_role(manager, role, changes)
        for account, (name, email, roles) in people.accounts.items():
            _sync_account(manager, account, name, email, roles, people.unsure, changes)
        for user in list(manager.get_all_users()):
            if user.username not in people.accounts:
                _take_away(manager, user, people.unsure, changes)
    return changes.lines


def add_accounts(accounts: Iterable[AirflowAccount]) -> None:
    """Make accounts, or give existing ones this password and role.

    Args:
        accounts: the accounts; their roles exist.

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
                manager.reset_password(user.id, account.password)


def _sync_role(manager: Any, name: str, changes: Changes) -> None:
    role = manager.find_role(name)
    if role is None:
        role = manager.add_role(name)
        changes.tell(f"role {name} made")
    has: dict[Right, Any] = {(one.action.name, one.resource.name): one for one in role.permissions}
    for right in sorted(rights_of(name) - has.keys()):
        manager.add_permission_to_role(role, manager.create_permission(*right))
    for right, permission in has.items():
        if not may_have(name, right):
            manager.remove_permission_from_role(role, permission)
            changes.tell(f"role {name}: taken away {right[0]} on {right[1]}")


def _empty_role(manager: Any, role: Any, changes: Changes) -> None:
    """Remove a role of a region that no longer exists from all accounts, and delete it."""
    for user in list(manager.get_all_users()):
        if role in user.roles:
            _set_roles(manager, user, [one for one in user.roles if one != role], changes)
    manager.delete_role(role.name)
    changes.tell(f"role {role.name} removed: no agreement has that region")


def _sync_account(
    manager: Any, account: str, name: str, email: str, roles: frozenset[str], unsure: frozenset[str], changes: Changes
) -> None:
    user = manager.find_user(username=account)
    wanted = [manager.find_role(one) for one in sorted(roles)]
    if user is None:
        first, _, last = name.partition(" ")
        # A password that nobody knows: one signs in with OIDC, or an administrator sets one
        # (airflow users reset-password).
        made = manager.add_user(account, first, last or first, email, wanted, password=secrets.token_urlsafe(48))
        if not made:
            changes.tell(f"account {account} could not be made: is its e-mail address another account's?")
            return
        changes.tell(f"account {account} made: {', '.join(sorted(roles))}")
        return
    kept = [
        one for one in user.roles if not _is_ours(one.name) or one.name in roles or region_of_role(one.name) in unsure
    ]
    _set_roles(manager, user, [*kept, *(one for one in wanted if one not in kept)], changes)
    if others := sorted({one.name for one in user.roles} & _SEES_ALL):
        changes.tell(f"mind: account {account} sees every region by role {', '.join(others)}")


def _take_away(manager: Any, user: Any, unsure: frozenset[str], changes: Changes) -> None:
    kept = [one for one in user.roles if not _is_ours(one.name) or region_of_role(one.name) in unsure]
    _set_roles(manager, user, kept, changes)


def _set_roles(manager: Any, user: Any, roles: list[Any], changes: Changes) -> None:
    before, after = {one.name for one in user.roles}, {one.name for one in roles}
    # An account without roles is inactive; one that gets a role again becomes active
    is_active = bool(after) if before != after else user.active
    if (before, bool(user.active)) == (after, bool(is_active)):
        return
    user.roles = roles
    user.active = is_active
    manager.update_user(user)
    gained, lost = sorted(after - before), sorted(before - after)
    said = [f"gets {', '.join(gained)}"] * bool(gained) + [f"loses {', '.join(lost)}"] * bool(lost)
    said += ["cannot sign in any more"] * (not after)
    changes.tell(f"account {user.username} {'; '.join(said)}")


def _is_ours(role: str) -> bool:
    return role == ADMINISTRATOR or region_of_role(role) is not None
