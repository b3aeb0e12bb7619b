"""One DAG per region: every morning what schools supplied so far, so that they can mend in time.

After that whatever was kept long enough is erased.
"""

from airflow.sdk import DAG, CronTriggerTimetable, TriggerRule

from overstap.agreements import Agreement
from overstap.clock import NETHERLANDS
from overstap.orchestration import tasks
from overstap.orchestration.documentation import intake_doc
from overstap.orchestration.roles import access_of
from overstap.orchestration.schedule import agreed_now, before_opening
from overstap.orchestration.task_factory import AGAIN, daily_steps
from overstap.orchestration.titles import title

EVERY_MORNING = "0 6 * * *"


def intake_dag(agreement: Agreement) -> DAG:
    """Return the DAG of a region's daily collection."""
    first = min(agreed.milestones.opens for agreed in agreement.rounds.values())
    with DAG(
        f"intake__{agreement.region}",
        dag_display_name=title("dag.intake", region=agreement.name),
        doc_md=intake_doc(agreement),
        schedule=CronTriggerTimetable(EVERY_MORNING, timezone=str(NETHERLANDS)),
        start_date=before_opening(first),
        catchup=False,
        max_active_runs=1,
        default_args={"owner": agreement.region, **AGAIN},
        owner_links={agreement.region: f"mailto:{agreement.coordinators[0].email}"},
        tags=["overstap", f"regio:{agreement.region}", "ophalen", f"schooljaar:{agreement.school_year}"],
        access_control=access_of(agreement.region),
    ) as dag:
        steps = daily_steps(agreement.region, agreement.school_year)
        planned = steps.once("plan_day", tasks.plan_day)
        collected = steps.per("collect_early", tasks.collect_early, planned)
        checked = steps.once("check_early", tasks.check_early, trigger_rule=TriggerRule.ALL_DONE)
        retained = steps.once("retain", tasks.retain, trigger_rule=TriggerRule.ALL_DONE)
        planned >> collected >> checked >> retained
    return dag


for agreement in agreed_now():
    globals()[agreement.region] = intake_dag(agreement)
