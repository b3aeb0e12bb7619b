"""Distribution of tests over processes: groups that stay together, and their order.

What is costly to set up (a booted Airflow, a played round) is set up in one process only: the tests around it are one
group. All others go by file. Groups are handed out in order, so the longest come first and nobody waits for them at
the end.

pytest-xdist's own groups (`--dist loadgroup`) are written into the ids of tests, which pytest 9.2 does not let it do.
"""

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

_STAGE = (
    "tests/browser/test_board_airflow_pages.py",
    "tests/browser/test_board_bins.py",
    "tests/browser/test_board_round.py",
    "tests/browser/test_board_signin.py",
    "tests/browser/test_board_two_regions.py",
    "tests/browser/test_board_walk_of_guide.py",
    "tests/integration/local/test_airflow.py",
)
"""They share one booted Airflow, the stage."""
_SMALL = (
    "tests/faults/test_database_restart.py",
    "tests/integration/local/test_airflow_behind_proxy.py",
)
"""They share another one, with one region, whose server and components are stopped and killed."""
_STORY = "tests/integration/round/test_boot.py"
"""The demonstration, with an Airflow of its own: minutes of waiting for agreed moments, so beside the others."""
_APART = (
    "tests/integration/local/test_ended_by_a_signal.py",
    "tests/integration/local/test_region_bench.py",
    "tests/integration/monitoring/test_airflow_metrics.py",
)
_BOOTS = (*_STAGE, *_SMALL, _STORY, *_APART)
"""What boots an Airflow: the stage and the story begin together, what is last comes when one of them is over."""
_ROUND = "tests/integration/round/"
"""Half of them look at one played round; the others play rounds of their own, in processes forked from the same."""

_LONGEST = (
    "stage",
    _STORY,
    "round",
    # One that waits beside one that computes: silent visitors, then pages; a server that is started anew, then a bench.
    "tests/integration/review/test_slow_visitors.py",
    "tests/browser/test_board_large_region.py",
    "small stage",
    "tests/integration/local/test_region_bench.py",
    "tests/faults/",
    "tests/browser/",
    "tests/integration/",
    "tests/dags/",
    "tests/unit/oso/",
)


class Groups(LoadScopeScheduling):
    """Hands out whole groups, each to one process."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        config.option.loadscopereorder = False  # the order is that of `in_order`
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def in_order(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return tests in the order in which their groups begin; within a group it stays as it is.

    Args:
        items: what was collected.

    Raises:
        pytest.UsageError: when a test boots an Airflow and nobody has thought of what runs beside it.
    """
    apart = [item.nodeid for item in items if item.get_closest_marker("boot") and not item.nodeid.startswith(_BOOTS)]
    if apart:
        raise pytest.UsageError(f"these boot an Airflow; name their files in tests/spreading.py: {', '.join(apart)}")
    return sorted(items, key=lambda item: _place(group_of(item.nodeid)))


def group_of(nodeid: str) -> str:
    """Return the group of a test: what it shares with others goes on until the last of them.

    Args:
        nodeid: id of the test.
    """
    path = nodeid.split("::")[0]
    if path in _STAGE:
        return "stage"
    if path in _SMALL:
        return "small stage"
    return "round" if path.startswith(_ROUND) and path != _STORY else path


def _place(group: str) -> tuple[int, str]:
    known = next((place for place, start in enumerate(_LONGEST) if group.startswith(start)), len(_LONGEST))
    return known, group
