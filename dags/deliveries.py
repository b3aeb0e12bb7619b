"""One DAG per region: every ten minutes what is due of deliveries: tests, taking back, trying again, telling."""

from airflow.sdk import DAG, CronTriggerTimetable

from overstap.agreements import Agreement
from overstap.clock import NETHERLANDS
from overstap.orchestration import tasks
from overstap.orchestration.documentation import deliveries_doc
from overstap.orchestration.roles import access_of
from overstap.orchestration.schedule import agreed_now, before_opening
from overstap.orchestration.task_factory import AGAIN, daily_steps
from overstap.orchestration.titles import title

EVERY_TEN_MINUTES = "*/10 * * * *"


def deliveries_dag(agreement: Agreement) -> DAG:
    """Return the DAG that looks after a region's deliveries."""
    first = min(agreed.milestones.opens for agreed in agreement.rounds.values())
    with DAG(
        f"deliveries__{agreement.region}",
        dag_display_name=title("dag.deliveries", region=agreement.name),
        doc_md=deliveries_doc(agreement),
        schedule=CronTriggerTimetable(EVERY_TEN_MINUTES, timezone=str(NETHERLANDS)),
        start_date=before_opening(first),
        catchup=False,
        max_active_runs=1,
        default_args={"owner": agreement.region, **AGAIN, "retries": 2},  # the next run is ten minutes away
        tags=["overstap", f"regio:{agreement.region}", "leveringen", f"schooljaar:{agreement.school_year}"],
        access_control=access_of(agreement.region),
    ) as dag:
        steps = daily_steps(agreement.region, agreement.school_year)
        steps.once("watch_deliveries", tasks.watch_deliveries)
    return dag


for agreement in agreed_now():
    globals()[agreement.region] = deliveries_dag(agreement)
