"""Tests of Airflow roles: no permission for other regions, for deletion, or beyond a role's own region."""

import pytest

from overstap.orchestration.roles import (
    ADMINISTRATOR,
    access_of,
    coordinator_role,
    may_have,
    region_of_role,
    rights_of,
    viewer_role,
)

ROLES = (coordinator_role("alfa"), viewer_role("alfa"), ADMINISTRATOR)
OF_THE_WHOLE = {
    "Connections",
    "Variables",
    "Configurations",
    "Audit Logs",
    "Jobs",
    "Pools",
    "Assets",
    "DAG Code",
    "Users",
}


def test_no_role_deletes_or_reads_secrets() -> None:
    for role in ROLES:
        rights = rights_of(role)
        assert not [right for right in rights if right[0] == "can_delete"], role
        assert not {name for _, name in rights} & {"Variables", "Configurations", "Users", "Roles"}, role


def test_a_regions_role_has_nothing_of_the_whole() -> None:
    for role in ROLES[:2]:
        named = {name for action, name in rights_of(role) if action != "menu_access"}
        assert not named & (OF_THE_WHOLE | {"DAGs", "Overstap Regions"}), role


def test_only_coordinators_answer_and_see_dossiers() -> None:
    answer, dossiers = ("can_edit", "HITL Detail"), ("can_read", "Overstap Dossiers")
    assert [role for role in ROLES if answer in rights_of(role)] == [ROLES[0]]
    assert [role for role in ROLES if dossiers in rights_of(role)] == [ROLES[0]]
    assert {action for action, _ in rights_of(ROLES[1])} == {"can_read", "menu_access", "can_edit"}
    assert {name for action, name in rights_of(ROLES[1]) if action == "can_edit"} == {"My Profile", "My Password"}


@pytest.mark.fault("F68")
def test_a_right_on_a_dag_is_of_its_region() -> None:
    for role, own_edit in ((ROLES[0], True), (ROLES[1], False)):
        assert may_have(role, ("can_read", "DAG:round__alfa__advice"))
        assert may_have(role, ("can_edit", "DAG:intake__alfa")) is own_edit
        assert not may_have(role, ("can_delete", "DAG:round__alfa__advice"))
        assert not may_have(role, ("can_read", "DAG:round__beta__advice"))
        assert not may_have(role, ("can_read", "DAG:other"))
        assert not may_have(role, ("can_read", "Variables"))


def test_names() -> None:
    assert region_of_role("coordinator_delfland_2") == "delfland_2"
    assert region_of_role("Admin") is None
    assert access_of("alfa")["viewer_alfa"] == {"DAGs": {"can_read"}}
