"""DAG that collects receipts and results which schools left in folders or on SFTP servers."""

from airflow.sdk import DAG

from overstap.agreements import Agreement
from overstap.orchestration import tasks
from overstap.orchestration.dags.common import common
from overstap.orchestration.documentation import answers_doc
from overstap.orchestration.due_work import ANSWERS, asset_of
from overstap.orchestration.schedule import first_opening
from overstap.orchestration.task_factory import daily_steps
from overstap.orchestration.titles import title


def answers_dag(agreement: Agreement) -> DAG:
    """Return the DAG that collects a region's receipts and results."""
    with DAG(
        f"answers__{agreement.region}",
        dag_display_name=title("dag.answers", region=agreement.name),
        doc_md=answers_doc(agreement),
        schedule=[asset_of(agreement.region, ANSWERS)],
        start_date=first_opening(agreement),
        **common(agreement, "ontvangstbewijzen"),
    ) as dag:
        steps = daily_steps(agreement.region, agreement.school_year)
        planned = steps.once("plan_answers", tasks.plan_answers)
        taken = steps.per("take_answers", tasks.take_answers, planned)
        planned >> taken
    return dag
