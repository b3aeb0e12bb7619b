"""Tests of the deadline alert for a round that is not closed in time, in Airflow's own tables."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from overstap.agreements import load_all


def test_a_run_gets_one_alert_for_a_day_after_receipts_were_due(regions: Path, read_dags: Any) -> None:
    """The DAG as it is stored: dag.test() of 3.3.2 cannot make alerts, the scheduler makes them from here."""
    from airflow.dag_processing.dagbag import sync_bag_to_db
    from airflow.models.dagbundle import DagBundleModel
    from airflow.models.deadline import Deadline
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.sdk._shared.module_loading import import_string
    from airflow.utils.db import initdb
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState
    from airflow.utils.types import DagRunTriggeredByType, DagRunType
    from sqlalchemy import select

    initdb()
    bag = read_dags(regions)
    for dag in bag.dags.values():
        dag.access_control = None  # the roles are made by `overstap access sync`, which is tested elsewhere
    agreement = next(one for one in load_all(regions)[0] if one.region == "alfa")
    stones = agreement.round("advice").milestones
    now = datetime.now(UTC)
    with create_session() as session:
        session.merge(DagBundleModel(name="dags-folder"))
        session.commit()
        sync_bag_to_db(bag, "dags-folder", None, session=session)
        stored = SerializedDagModel.get("round__alfa__advice", session=session)
        assert stored is not None
        stored.dag.create_dagrun(
            run_id="manual__1",
            logical_date=now,
            data_interval=(now, now),
            run_after=now,
            run_type=DagRunType.MANUAL,
            triggered_by=DagRunTriggeredByType.TEST,
            state=DagRunState.QUEUED,
            session=session,
        )
        session.flush()
        found = session.scalars(select(Deadline)).all()
        assert [one.deadline_time.replace(tzinfo=UTC) for one in found] == [
            stones.receipts_due.astimezone(UTC) + timedelta(days=1)
        ], "a milestone that passes is no missed deadline"
        for one in found:
            assert callable(import_string(one.callback.data["path"]))
        found[0].handle_miss(session)
        assert found[0].callback.state == "queued", "the triggerer takes it from here"
        session.rollback()
