"""DAG of a region's daily intake: collects and checks what schools supplied so far, so that they can correct it.

Afterwards it compares applications with other regions where that is due, erases data whose retention period has ended,
and publishes the day's checkpoint of the audit chain.
"""

from airflow.sdk import DAG, CronTriggerTimetable, TriggerRule

from overstap.agreements import Agreement
from overstap.clock import NETHERLANDS
from overstap.orchestration import tasks
from overstap.orchestration.dags.common import common
from overstap.orchestration.documentation import intake_doc
from overstap.orchestration.schedule import first_opening
from overstap.orchestration.task_factory import daily_steps
from overstap.orchestration.titles import title

EVERY_MORNING = "0 6 * * *"


def intake_dag(agreement: Agreement) -> DAG:
    """Return the DAG of a region's daily collection."""
    with DAG(
        f"intake__{agreement.region}",
        dag_display_name=title("dag.intake", region=agreement.name),
        doc_md=intake_doc(agreement),
        schedule=CronTriggerTimetable(EVERY_MORNING, timezone=str(NETHERLANDS)),
        start_date=first_opening(agreement),
        **common(agreement, "ophalen"),
    ) as dag:
        steps = daily_steps(agreement.region, agreement.school_year)
        planned = steps.once("plan_day", tasks.plan_day)
        collected = steps.per("collect_early", tasks.collect_early, planned)
        checked = steps.once("check_early", tasks.check_early, trigger_rule=TriggerRule.ALL_DONE)
        compared = steps.once("compare_regions", tasks.compare_regions, trigger_rule=TriggerRule.ALL_DONE)
        retained = steps.once("retain", tasks.retain, trigger_rule=TriggerRule.ALL_DONE)
        handed_out = steps.once("hand_out", tasks.hand_out, trigger_rule=TriggerRule.ALL_DONE)
        planned >> collected >> checked >> compared >> retained >> handed_out
    return dag
