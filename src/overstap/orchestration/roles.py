"""Airflow permissions of each role. The DAGs of a role are in the `access_control` of each DAG (`access_of`).

A coordinator sees the own region's rounds, starts and clears them, and answers their gates. A viewer only looks. An
administrator looks after all regions and answers no gate. None of them may delete, or see variables or configuration.
"""

from airflow.providers.fab.www.security import permissions as fab

Right = tuple[str, str]
"""An action and what it is done to, as FAB names them."""

DOSSIERS = "Overstap Dossiers"
"""Resource: single dossiers by pseudonym, on the board."""
ALL_REGIONS = "Overstap Regions"
"""Resource: the board's page of all regions."""

ADMINISTRATOR = "overstap_administrator"
_COORDINATOR, _VIEWER = "coordinator_", "viewer_"

_LOOK: frozenset[Right] = frozenset(
    {
        *(
            (fab.ACTION_CAN_READ, resource)
            for resource in (
                *(fab.RESOURCE_DAG_RUN, fab.RESOURCE_TASK_INSTANCE, fab.RESOURCE_TASK_LOG, fab.RESOURCE_XCOM),
                *(fab.RESOURCE_HITL_DETAIL, fab.RESOURCE_DAG_VERSION, fab.RESOURCE_DAG_WARNING),
                # The graph of tasks; it names DAGs that the account may see, and no others.
                fab.RESOURCE_DAG_DEPENDENCIES,
                *(fab.RESOURCE_WEBSITE, fab.RESOURCE_MY_PROFILE, fab.RESOURCE_MY_PASSWORD),
                # Airflow's own pages ask which pages plugins add; without it the board is not in the navigation.
                fab.RESOURCE_PLUGIN,
            )
        ),
        *(
            (fab.ACTION_CAN_ACCESS_MENU, menu)
            for menu in (fab.RESOURCE_DAG, fab.RESOURCE_DAG_RUN, fab.RESOURCE_TASK_INSTANCE, fab.RESOURCE_BROWSE_MENU)
        ),
        (fab.ACTION_CAN_EDIT, fab.RESOURCE_MY_PROFILE),
        (fab.ACTION_CAN_EDIT, fab.RESOURCE_MY_PASSWORD),
    }
)
_MOVE: frozenset[Right] = frozenset(
    {
        (fab.ACTION_CAN_CREATE, fab.RESOURCE_DAG_RUN),
        (fab.ACTION_CAN_EDIT, fab.RESOURCE_DAG_RUN),
        (fab.ACTION_CAN_EDIT, fab.RESOURCE_TASK_INSTANCE),
    }
)
_ANSWER: frozenset[Right] = frozenset(
    {
        (fab.ACTION_CAN_EDIT, fab.RESOURCE_HITL_DETAIL),
        (fab.ACTION_CAN_ACCESS_MENU, fab.RESOURCE_HITL_DETAIL),
    }
)

COORDINATOR_RIGHTS = _LOOK | _MOVE | _ANSWER | {(fab.ACTION_CAN_READ, DOSSIERS)}
VIEWER_RIGHTS = _LOOK
ADMINISTRATOR_RIGHTS: frozenset[Right] = (
    _LOOK
    | _MOVE
    | frozenset(
        {
            (fab.ACTION_CAN_READ, ALL_REGIONS),
            (fab.ACTION_CAN_READ, fab.RESOURCE_DAG),
            (fab.ACTION_CAN_EDIT, fab.RESOURCE_DAG),
            *(
                (fab.ACTION_CAN_READ, resource)
                for resource in (
                    *(fab.RESOURCE_DAG_CODE, fab.RESOURCE_IMPORT_ERROR),
                    *(fab.RESOURCE_JOB, fab.RESOURCE_POOL, fab.RESOURCE_PROVIDER, fab.RESOURCE_TRIGGER),
                    *(fab.RESOURCE_CLUSTER_ACTIVITY, fab.RESOURCE_AUDIT_LOG, fab.RESOURCE_CONNECTION),
                    # Assets are not of a region for Airflow: one right shows all of them.
                    *(fab.RESOURCE_ASSET, fab.RESOURCE_ASSET_ALIAS),
                )
            ),
            # A region's LAS database and the mail server are connections.
            (fab.ACTION_CAN_CREATE, fab.RESOURCE_CONNECTION),
            (fab.ACTION_CAN_EDIT, fab.RESOURCE_CONNECTION),
            *(
                (fab.ACTION_CAN_ACCESS_MENU, menu)
                for menu in (
                    *(fab.RESOURCE_ADMIN_MENU, fab.RESOURCE_AUDIT_LOG, fab.RESOURCE_CONNECTION, fab.RESOURCE_JOB),
                    *(fab.RESOURCE_PLUGIN, fab.RESOURCE_POOL, fab.RESOURCE_PROVIDER, fab.RESOURCE_ASSET),
                )
            ),
        }
    )
)
_ON_DAG = {
    _COORDINATOR: frozenset({fab.ACTION_CAN_READ, fab.ACTION_CAN_EDIT}),
    _VIEWER: frozenset({fab.ACTION_CAN_READ}),
}


def coordinator_role(region: str) -> str:
    """Return the name of the role of a region's coordinators."""
    return f"{_COORDINATOR}{region}"


def viewer_role(region: str) -> str:
    """Return the name of the role of a region's viewers."""
    return f"{_VIEWER}{region}"


def access_of(region: str) -> dict[str, dict[str, set[str]]]:
    """Return the `access_control` of a region's DAGs: its coordinators see and change them, its viewers see them."""
    return {f"{kind}{region}": {fab.RESOURCE_DAG: set(actions)} for kind, actions in _ON_DAG.items()}


def region_of_role(role: str) -> str | None:
    """Return the region of a role; None for a role without a region."""
    return next((role.removeprefix(kind) for kind in _ON_DAG if role.startswith(kind)), None)


def coordinated_region(role: str) -> str | None:
    """Return the region whose coordinators have a role; None for any other role."""
    return role.removeprefix(_COORDINATOR) if role.startswith(_COORDINATOR) else None


def may_have(role: str, right: Right) -> bool:
    """Tell whether a right is one that a role of ours must or may have.

    Args:
        role: name of a role of ours.
        right: action and resource; one of a DAG is right for a role of that DAG's region.
    """
    action, resource = right
    if resource.startswith(fab.RESOURCE_DAG_PREFIX):
        region = region_of_role(role)
        of_dag = resource.removeprefix(fab.RESOURCE_DAG_PREFIX).split("__")
        return (
            region is not None
            and len(of_dag) > 1
            and of_dag[1] == region
            and action in _ON_DAG[role.removesuffix(region)]
        )
    return right in rights_of(role)


def rights_of(role: str) -> frozenset[Right]:
    """Return the rights of a role of ours, those on single DAGs left out."""
    if role == ADMINISTRATOR:
        return ADMINISTRATOR_RIGHTS
    return COORDINATOR_RIGHTS if role.startswith(_COORDINATOR) else VIEWER_RIGHTS
