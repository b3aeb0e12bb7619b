"""One DAG per region: tells coordinators and schools by mail what they have to know, a digest a day or at once."""

from airflow.sdk import DAG, CronTriggerTimetable, TriggerRule

from overstap.agreements import Agreement
from overstap.clock import NETHERLANDS
from overstap.orchestration import tasks
from overstap.orchestration.documentation import notices_doc
from overstap.orchestration.roles import access_of
from overstap.orchestration.schedule import agreed_now, before_opening
from overstap.orchestration.task_factory import AGAIN, daily_steps
from overstap.orchestration.titles import title

EVERY_FIVE_MINUTES = "*/5 * * * *"


def notices_dag(agreement: Agreement) -> DAG:
    """Return the DAG of a region's mail."""
    first = min(agreed.milestones.opens for agreed in agreement.rounds.values())
    with DAG(
        f"notices__{agreement.region}",
        dag_display_name=title("dag.notices", region=agreement.name),
        doc_md=notices_doc(agreement),
        schedule=CronTriggerTimetable(EVERY_FIVE_MINUTES, timezone=str(NETHERLANDS)),
        start_date=before_opening(first),
        catchup=False,
        max_active_runs=1,
        default_args={"owner": agreement.region, **AGAIN},
        tags=["overstap", f"regio:{agreement.region}", "berichten", f"schooljaar:{agreement.school_year}"],
        access_control=access_of(agreement.region),
    ) as dag:
        steps = daily_steps(agreement.region, agreement.school_year)
        told = steps.once("tell", tasks.tell)
        invited = steps.once("invite_late", tasks.invite_late)
        sent = steps.once("send_mail", tasks.send_mail, trigger_rule=TriggerRule.ALL_DONE)
        [told, invited] >> sent
    return dag


for agreement in agreed_now():
    globals()[agreement.region] = notices_dag(agreement)
