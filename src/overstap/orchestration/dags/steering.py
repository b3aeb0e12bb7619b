"""DAG with the form in which a coordinator moves a milestone of a running round, within the agreed bounds."""

from airflow.sdk import DAG

from overstap.agreements import Agreement
from overstap.orchestration import tasks
from overstap.orchestration.dags.common import common
from overstap.orchestration.documentation import steering_doc
from overstap.orchestration.run_form import steering_form
from overstap.orchestration.task_factory import daily_steps
from overstap.orchestration.titles import title


def steering_dag(agreement: Agreement) -> DAG:
    """Return the DAG that steers a region's rounds; it runs when a coordinator fills in its form."""
    with DAG(
        f"steer__{agreement.region}",
        dag_display_name=title("dag.steering", region=agreement.name),
        doc_md=steering_doc(agreement),
        schedule=None,
        params=steering_form(agreement),
        **common(agreement, "bijsturen"),
    ) as dag:
        daily_steps(agreement.region, agreement.school_year).once("steer", tasks.steer)
    return dag
