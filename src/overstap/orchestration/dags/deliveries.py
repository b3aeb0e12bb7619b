"""DAG of background work on a region's deliveries: test messages, revocations, retries and notices."""

from airflow.sdk import DAG

from overstap.agreements import Agreement
from overstap.orchestration import tasks
from overstap.orchestration.dags.common import common
from overstap.orchestration.documentation import deliveries_doc
from overstap.orchestration.due_work import DELIVERIES, asset_of
from overstap.orchestration.schedule import first_opening
from overstap.orchestration.task_factory import daily_steps
from overstap.orchestration.titles import title


def deliveries_dag(agreement: Agreement) -> DAG:
    """Return the DAG of background work on a region's deliveries."""
    with DAG(
        f"deliveries__{agreement.region}",
        dag_display_name=title("dag.deliveries", region=agreement.name),
        doc_md=deliveries_doc(agreement),
        schedule=[asset_of(agreement.region, DELIVERIES)],
        start_date=first_opening(agreement),
        **common(agreement, "leveringen"),
    ) as dag:
        daily_steps(agreement.region, agreement.school_year).once("watch_deliveries", tasks.watch_deliveries)
    return dag
