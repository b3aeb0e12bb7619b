"""Tests of the bundle of DAG files, in Airflow's own database: when it has files read anew, and when not."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from airflow import settings
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.models.dagbag import DagPriorityParsingRequest
from airflow.models.errors import ParseImportError
from sqlalchemy.orm import Session

from overstap.orchestration import bundle as module
from overstap.orchestration.bundle import AgreementsBundle
from overstap_tools.bench.rest import shipped_settings
from overstap_tools.local.environment import BUNDLES
from overstap_tools.project import PROJECT

FILES = {path.name for path in (PROJECT / "dags").glob("*.py")}
SETTING = "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"


class Clock:
    """Stands for the module `time`: an hour of refreshes takes no hour."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def monotonic(self) -> float:
        return self.at


@pytest.fixture
def session(airflow_home: Path) -> Iterator[Session]:
    tables = [DagPriorityParsingRequest.__table__, ParseImportError.__table__]
    for table in tables:
        table.create(settings.engine, checkfirst=True)
    with settings.Session() as found:
        yield found
    for table in tables:
        table.drop(settings.engine)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


@pytest.fixture
def agreements(regions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copied = tmp_path / "regions"
    shutil.copytree(regions, copied)
    monkeypatch.setenv("OVERSTAP_REGIONS", str(copied))
    return copied


@pytest.fixture
def bundle(session: Session, clock: Clock, agreements: Path) -> AgreementsBundle:
    """Return the bundle after its first refresh: Airflow reads every file that it has not read by itself."""
    made = AgreementsBundle(name="dags-folder", path=str(PROJECT / "dags"), refresh_interval=60)
    made.refresh()
    return made


def requested(session: Session) -> set[str]:
    """Return the files that were requested, and take the requests, as the dag-processor does."""
    found = list(session.query(DagPriorityParsingRequest))
    for one in found:
        session.delete(one)
    session.commit()
    return {one.relative_fileloc for one in found}


def refreshed(bundle: AgreementsBundle, clock: Clock, session: Session, *, after: float) -> set[str]:
    clock.at += after
    bundle.refresh()
    return requested(session)


def test_nothing_is_read_anew_while_no_agreement_changes(
    bundle: AgreementsBundle, clock: Clock, session: Session
) -> None:
    assert requested(session) == set()
    assert [refreshed(bundle, clock, session, after=60) for _ in range(60)] == [set()] * 60


@pytest.mark.parametrize("change", ["written", "added", "removed", "its schools", "its workbook"])
def test_a_change_is_read_at_once_and_once_more(
    change: str, bundle: AgreementsBundle, agreements: Path, clock: Clock, session: Session
) -> None:
    path = next(agreements.glob("alfa/*.yaml"))
    if change == "written":
        path.write_bytes(path.read_bytes())
    elif change == "added":
        shutil.copytree(agreements / "alfa", agreements / "gamma")
    elif change == "its schools":
        (agreements / "alfa" / "scholen.csv").write_text("brin;naam\n", encoding="utf-8")
    elif change == "its workbook":
        (agreements / "alfa" / "scholen.xlsx").write_bytes(b"PK")
    else:
        path.unlink()
    assert refreshed(bundle, clock, session, after=10) == FILES
    # The dag-processor refreshes at once what it was asked to read
    assert [refreshed(bundle, clock, session, after=1) for _ in range(30)] == [set()] * 30
    assert refreshed(bundle, clock, session, after=60) == FILES
    assert [refreshed(bundle, clock, session, after=60) for _ in range(5)] == [set()] * 5


def test_a_file_with_an_error_is_read_again_each_time_and_the_others_seldom(
    bundle: AgreementsBundle, clock: Clock, session: Session
) -> None:
    """A role that `overstap access sync` makes is seen in no agreement, nor is a ledger that was away."""
    session.add(ParseImportError(bundle_name=bundle.name, filename="broken_agreements.py", stacktrace=""))
    session.commit()
    found = [refreshed(bundle, clock, session, after=60) for _ in range(21)]
    assert found == [FILES, *[{"broken_agreements.py"}] * 9, FILES, *[{"broken_agreements.py"}] * 9, FILES]
    assert [refreshed(bundle, clock, session, after=1) for _ in range(30)] == [set()] * 30
    session.query(ParseImportError).delete()
    session.commit()
    assert [refreshed(bundle, clock, session, after=60) for _ in range(15)] == [set()] * 15


def test_what_was_requested_already_is_not_requested_twice(
    bundle: AgreementsBundle, agreements: Path, clock: Clock, session: Session
) -> None:
    session.add(DagPriorityParsingRequest(bundle.name, "regions.py"))
    session.commit()
    next(agreements.glob("alfa/*.yaml")).touch()
    assert refreshed(bundle, clock, session, after=60) == FILES


def test_every_installation_ships_the_same_bundle_and_airflow_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    helm = yaml.safe_load((PROJECT / "deploy" / "helm" / "airflow-values.yaml").read_text(encoding="utf-8"))
    by_helm = {one["name"]: one["value"] for one in helm["env"]}
    shipped = shipped_settings()
    ours = {name for name in shipped if name.startswith("AIRFLOW__DAG_PROCESSOR__")} - {
        "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL"
    }
    assert {name: by_helm[name] for name in ours} == {name: shipped[name] for name in ours}
    assert json.loads(shipped[SETTING]) == BUNDLES
    monkeypatch.setenv(SETTING, shipped[SETTING])
    [found] = DagBundlesManager().get_all_dag_bundles()
    assert isinstance(found, AgreementsBundle)
    assert found.path == Path(settings.DAGS_FOLDER)
