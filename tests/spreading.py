"""Which tests stay together when several processes share the work, and which of them begin.

What is costly to set up (a booted Airflow, a played round) is set up in one process only: the tests around it are one
group. All others go by file. Groups are handed out in order, so the longest come first and nobody waits for them at
the end.
"""

from pathlib import Path

import pytest

_LONGEST = (
    "airflow",
    "round",
    "faults/",
    "browser/",
    "integration/",
    "dags/",
    "unit/dossier/",
)


def spread(items: list[pytest.Item], root: Path) -> None:
    """Name each test's group, and bring the groups into the order in which they begin.

    Args:
        items: the tests that were collected; their order is changed in place, within a group it stays.
        root: the folder of the tests.
    """
    groups = {item.nodeid: _group(item, root) for item in items}
    for item in items:
        item.add_marker(pytest.mark.xdist_group(groups[item.nodeid]))
    items.sort(key=lambda item: _place(groups[item.nodeid]))


def _group(item: pytest.Item, root: Path) -> str:
    if item.get_closest_marker("boot") or "stage" in getattr(item, "fixturenames", ()):
        return "airflow"  # one booted Airflow at a time is enough for a machine
    path = item.path.relative_to(root)
    return "round" if path.parent.name == "round" else path.as_posix()


def _place(group: str) -> tuple[int, str]:
    known = next((place for place, start in enumerate(_LONGEST) if group.startswith(start)), len(_LONGEST))
    return known, group
