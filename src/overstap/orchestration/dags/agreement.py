"""DAG that writes approved drafts of a region's agreements to their files, started when one was approved."""

from datetime import UTC, datetime

from airflow.sdk import DAG

from overstap.agreements import Agreement
from overstap.orchestration import tasks
from overstap.orchestration.dags.common import common
from overstap.orchestration.documentation import agreement_doc
from overstap.orchestration.due_work import AGREEMENTS, asset_of
from overstap.orchestration.task_factory import daily_steps
from overstap.orchestration.titles import title

_LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
"""An agreement changes before its first round opens too."""


def agreement_dag(agreement: Agreement) -> DAG:
    """Return the DAG that writes a region's approved drafts."""
    with DAG(
        f"agreement__{agreement.region}",
        dag_display_name=title("dag.agreement", region=agreement.name),
        doc_md=agreement_doc(agreement),
        schedule=[asset_of(agreement.region, AGREEMENTS)],
        start_date=_LONG_AGO,
        **common(agreement, "afspraken"),
    ) as dag:
        daily_steps(agreement.region, agreement.school_year).once("apply_agreement", tasks.apply_agreement)
    return dag
