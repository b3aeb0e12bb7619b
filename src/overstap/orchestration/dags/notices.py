"""DAG of a region's mail to coordinators, schools and families, started when mail is due."""

from airflow.sdk import DAG, TriggerRule

from overstap.agreements import Agreement
from overstap.orchestration import tasks
from overstap.orchestration.dags.common import common
from overstap.orchestration.documentation import notices_doc
from overstap.orchestration.due_work import NOTICES, asset_of
from overstap.orchestration.schedule import first_opening
from overstap.orchestration.task_factory import daily_steps
from overstap.orchestration.titles import title


def notices_dag(agreement: Agreement) -> DAG:
    """Return the DAG of a region's mail."""
    with DAG(
        f"notices__{agreement.region}",
        dag_display_name=title("dag.notices", region=agreement.name),
        doc_md=notices_doc(agreement),
        schedule=[asset_of(agreement.region, NOTICES)],
        start_date=first_opening(agreement),
        **common(agreement, "berichten"),
    ) as dag:
        steps = daily_steps(agreement.region, agreement.school_year)
        told = steps.once("tell", tasks.tell)
        invited = steps.once("invite_late", tasks.invite_late)
        sent = steps.once("send_mail", tasks.send_mail, trigger_rule=TriggerRule.ALL_DONE)
        [told, invited] >> sent
    return dag
