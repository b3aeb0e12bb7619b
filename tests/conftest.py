"""Fixtures shared by all tests: a PostgreSQL server and a booted Airflow, stopped at the session's end."""

import fcntl
import gc
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

import fault_table
import psutil
import pytest
from browser.stage import BETA, PROXY, Stage
from browser.stage import build as build_stage
from hypothesis import settings
from spreading import Groups, group_of, in_order

from overstap.ledger.migrate import LOGINS, add_region, migrate, set_password
from overstap.pages.school import passwords
from overstap_tools.local.postgres import EmbeddedPostgres
from overstap_tools.local.services import stop_all

gc.disable()  # until the tests are collected: all that this makes stays, so looking through it frees nothing

# A busy machine is no fault of the code: nothing in the tests is timed.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
settings.register_profile("thorough", deadline=None, max_examples=10_000)


STATES = Path(__file__).resolve().parents[1] / ".test"
"""A folder per test run, by its process id: what a killed run left behind is found and ended by the next."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let tests over generated input try many times more: minutes, not seconds."""
    parser.addoption("--deployment", action="store_true", help="also tests/deployment: containers, minutes")
    parser.addoption("--deployment-place", help="folder of a deployment that stays, to go on with where it was")
    parser.addoption("--thorough", action="store_true", help="ten thousand generated dossiers instead of hundreds")
    fault_table.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Give each process an Airflow home, and let generated input be tried ten thousand times where that was asked for.

    Airflow reads its home when something imports it, which may be the collection of tests; without one of their own all
    processes would share the user's.
    """
    os.environ["AIRFLOW_HOME"] = str(STATES / str(os.getpid()) / "airflow_home")
    fault_table.keep_outcomes(config)
    if config.getoption("--thorough"):
        settings.load_profile("thorough")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep what was asked for, and begin with the longest; see `fault_table` and `spreading`."""
    fault_table.choose(config, items)
    items[:] = in_order(items)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Look for garbage from now on, but not in what the collection made: a third of its time, in each process."""
    gc.freeze()
    gc.enable()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Repeat what happens at random moments; see `fault_table`."""
    fault_table.repeat_with_seeds(metafunc)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Tell which faults were survived; see `fault_table`."""
    fault_table.tell(config, terminalreporter)


@pytest.fixture
def random(request: pytest.FixtureRequest) -> Random:
    """Moments to strike. How to repeat them is printed with a failure."""
    return fault_table.seeded(request)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Groups:
    """Keep together what shares a costly fixture; see `spreading`."""
    return Groups(config, log)


@pytest.fixture(scope="session")
def thorough(request: pytest.FixtureRequest) -> bool:
    """Whether tests over generated input try all that they should once in a while."""
    return bool(request.config.getoption("--thorough"))


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Hash passwords of tests' accounts at a sixtieth of the cost, which a tenth of a second per sign-in was spent on.

    A hash holds its cost, so whoever verifies it pays no more. What production pays is tested by a process of its own
    (tests/unit/school/test_password_cost.py).
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_N", 2**10)
        yield


@pytest.fixture(scope="session")
def state_folder() -> Iterator[Path]:
    """This test run's own folder for the state of services; everything in it is ended and removed at the end."""
    _remove_what_was_left()
    folder = STATES / str(os.getpid())
    folder.mkdir(parents=True, exist_ok=True)
    yield folder
    _remove(folder)


@pytest.fixture(scope="session")
def postgres(state_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A running PostgreSQL server; tests make databases of their own in it."""
    server = EmbeddedPostgres(state_folder / "postgres", is_durable=False, in_memory=True)
    server.start()
    yield server
    server.destroy()


REGIONS = ("alfa", "beta", "demo")


@pytest.fixture(scope="session")
def ledger_template(postgres: EmbeddedPostgres) -> str:
    """A migrated database that is copied for each test, or for each module."""
    name = "ledger_template"
    postgres.create_database(name, "postgres")
    dsn = postgres.superuser_dsn(name)
    migrate(dsn)
    for region in REGIONS:
        add_region(dsn, region)
    # Logins belong to the server, so everybody has to mean the same password.
    for login in LOGINS:
        set_password(dsn, login, postgres.password(login))
    return name


@pytest.fixture(scope="session")
def stage(state_folder: Path, postgres: EmbeddedPostgres) -> Iterator[Stage]:
    """A booted Airflow with two regions, for all tests that are marked `boot`; region beta's round begins at once."""
    with ExitStack() as running:
        found = running.enter_context(build_stage(state_folder / "stage", postgres))
        _RUNNING["stage"] = running
        with found.api("admin") as admin:
            for region in found.regions:
                admin.wait_for_dag(found.dag_id(region), 180)
        with found.api(found.coordinator(BETA)) as coordinator:
            coordinator.unpause(found.dag_id(BETA))
        yield found


@pytest.fixture(scope="session")
def small_stage(state_folder: Path) -> Iterator[Stage]:
    """A booted Airflow with region beta alone, behind a proxy, whose server is its own: tests stop and kill its parts.

    Beta's round begins when somebody switches its DAG on.
    """
    folder = state_folder / "small"
    with ExitStack() as running:
        server = EmbeddedPostgres(folder / "postgres", is_durable=False, in_memory=True)
        running.callback(server.destroy)
        server.start()
        found = running.enter_context(build_stage(folder / "stage", server, [BETA], proxy=PROXY))
        _RUNNING["small stage"] = running
        yield found


_RUNNING: dict[str, ExitStack] = {}
"""What runs for a group of tests, by the group."""


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """End an Airflow behind its last test: one in which nothing happens still takes half a processor."""
    if nextitem is not None:
        for group in [name for name in _RUNNING if name != group_of(nextitem.nodeid)]:
            _RUNNING.pop(group).close()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the folder of this process, and end what an interrupted run left behind, since it had no time for it."""
    shutil.rmtree(STATES / str(os.getpid()), ignore_errors=True)
    if not hasattr(config, "workerinput"):
        _remove_what_was_left()


def _remove_what_was_left() -> None:
    STATES.mkdir(parents=True, exist_ok=True)
    with (STATES / "removing.lock").open("w") as lock:
        # Processes of one run begin together; two that removed one server's files at once both failed.
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in STATES.glob("[0-9]*"):
            if not psutil.pid_exists(int(left.name)):
                _remove(left)


def _remove(folder: Path) -> None:
    # Whole demonstrations live in folders below it, each with services and a server: services first, then servers.
    for run in sorted(folder.rglob("run"), key=lambda path: len(path.parts), reverse=True):
        if run.parent.name != "postgres":
            stop_all(run.parent)
    stop_all(folder)
    for place in sorted(folder.rglob("postgres/place")):
        EmbeddedPostgres(place.parent).destroy()
    shutil.rmtree(folder, ignore_errors=True)
