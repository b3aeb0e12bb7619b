"""Tests of the report of paused DAGs, of which Airflow starts nothing and warns nobody."""

from pathlib import Path
from typing import Any


def test_a_paused_dag_of_an_agreement_in_use_is_told(regions: Path, read_dags: Any) -> None:
    from airflow.dag_processing.dagbag import sync_bag_to_db
    from airflow.models import DagModel
    from airflow.models.dagbundle import DagBundleModel
    from airflow.utils.db import initdb
    from airflow.utils.session import create_session

    from overstap.orchestration.board import AirflowAdapter
    from overstap.orchestration.state import paused_dags

    initdb()
    bag = read_dags(regions)
    for dag in bag.dags.values():
        dag.access_control = None  # the roles are made by `overstap access sync`, which is tested elsewhere
    with create_session() as session:
        session.merge(DagBundleModel(name="dags-folder"))
        session.commit()
        sync_bag_to_db(bag, "dags-folder", None, session=session)
    with create_session() as session:  # another test of this session may have stored them before
        for dag_id in bag.dags:
            session.get(DagModel, dag_id).is_paused = False
    assert paused_dags() == []
    with create_session() as session:
        for dag_id in ("notices__alfa", "round__beta__advice", "intake__beta"):
            session.get(DagModel, dag_id).is_paused = True
        session.get(DagModel, "intake__beta").is_stale = True
    try:
        assert paused_dags() == ["notices__alfa", "round__beta__advice"]
        told = AirflowAdapter().paused()
        assert [(one.region, one.path) for one in told] == [
            ("alfa", "/dags/notices__alfa"),
            ("beta", "/dags/round__beta__advice"),
        ]
        assert [one.title for one in told] == [bag.dags[name].dag_display_name for name in paused_dags()]
    finally:
        with create_session() as session:
            for dag_id in bag.dags:
                session.get(DagModel, dag_id).is_paused = False
