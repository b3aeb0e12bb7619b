"""One DAG per region: what schools that collect by themselves left for us, in a folder or on their server."""

from airflow.sdk import DAG, CronTriggerTimetable

from overstap.agreements import Agreement
from overstap.clock import NETHERLANDS
from overstap.orchestration import tasks
from overstap.orchestration.documentation import answers_doc
from overstap.orchestration.roles import access_of
from overstap.orchestration.schedule import agreed_now, before_opening
from overstap.orchestration.task_factory import AGAIN, daily_steps
from overstap.orchestration.titles import title

EVERY_QUARTER = "*/15 * * * *"


def answers_dag(agreement: Agreement) -> DAG:
    """Return the DAG that takes in a region's receipts and results."""
    first = min(agreed.milestones.opens for agreed in agreement.rounds.values())
    with DAG(
        f"answers__{agreement.region}",
        dag_display_name=title("dag.answers", region=agreement.name),
        doc_md=answers_doc(agreement),
        schedule=CronTriggerTimetable(EVERY_QUARTER, timezone=str(NETHERLANDS)),
        start_date=before_opening(first),
        catchup=False,
        max_active_runs=1,
        default_args={"owner": agreement.region, **AGAIN},
        owner_links={agreement.region: f"mailto:{agreement.coordinators[0].email}"},
        tags=["overstap", f"regio:{agreement.region}", "ontvangstbewijzen", f"schooljaar:{agreement.school_year}"],
        access_control=access_of(agreement.region),
    ) as dag:
        steps = daily_steps(agreement.region, agreement.school_year)
        planned = steps.once("plan_answers", tasks.plan_answers)
        taken = steps.per("take_answers", tasks.take_answers, planned)
        planned >> taken
    return dag


for agreement in agreed_now():
    globals()[agreement.region] = answers_dag(agreement)
