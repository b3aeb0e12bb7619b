"""One DAG per region and round: what the region agreed becomes tasks that a coordinator can follow and rerun.

    open -> registrations, collect (per primary school) -> check -> release (coordinator) -> review by parents
         -> determine receivers -> seal -> deliver (per secondary school) -> confirmations -> close

A school that is late or rejected holds up nobody: the others go on, and clearing its red task brings it in later.
"""

from datetime import timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TriggerRule, task

from overstap.agreements import Agreement, RoundKind, load_all
from overstap.orchestration import tasks
from overstap.orchestration.access import coordinator_role, rights
from overstap.orchestration.documentation import broken_doc, round_doc
from overstap.orchestration.gates import ReleaseForReview
from overstap.orchestration.schedule import at_opening, from_agreement
from overstap.orchestration.titles import label_template, title
from overstap.orchestration.waits import WaitForMilestone, WaitForReceipts, WaitForReview
from overstap.orchestration.workplace import RoundRef
from overstap.settings import Settings

DEFAULTS = {
    "owner": "overstap",
    "retries": 4,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(hours=1),
}
WORK = {"execution_timeout": timedelta(hours=2)}  # waits and gates take as long as people take
LOOK_EVERY = timedelta(seconds=10)


def round_dag(agreement: Agreement, kind: RoundKind) -> DAG:
    """Return the DAG of one round, as agreed."""
    agreed = agreement.round(kind)
    ref = RoundRef(agreement.region, agreement.school_year, kind.value)
    which = {"region": ref.region, "school_year": ref.school_year, "kind": ref.kind}
    suppliers = [{"school": school.id, "label": school.label} for school in agreement.primary_schools]
    recipients = [{"school": school.id, "label": school.label} for school in agreement.secondary_schools]
    accounts = agreed.gate_answered_by or tuple(coordinator.account for coordinator in agreement.coordinators)

    with DAG(
        f"round__{ref.region}__{ref.kind}",
        dag_display_name=title(
            "dag.round", region=agreement.name, round=kind.dutch, school_year=agreement.school_year
        ),
        doc_md=round_doc(agreement, kind),
        schedule=at_opening(agreed.milestones.opens),
        start_date=from_agreement(agreed.milestones.opens),
        catchup=True,  # a scheduler that was down at the opening still opens the round, once
        max_active_runs=1,
        default_args=DEFAULTS,
        tags=["overstap", f"regio:{ref.region}", f"ronde:{ref.kind}", f"schooljaar:{ref.school_year}"],
        access_control={coordinator_role(ref.region): rights()},
    ) as dag:
        opened = task(task_id="open_round", task_display_name=title("task.open_round"), **WORK)(tasks.open_round)(
            **which
        )
        registered = task(task_id="registrations", task_display_name=title("task.registrations"), **WORK)(
            tasks.registrations
        )(**which)
        collected = (
            task(
                task_id="collect",
                task_display_name=title("task.collect"),
                map_index_template=label_template("task.collect.map"),
                **WORK,
            )(tasks.collect)
            .partial(**which)
            .expand_kwargs(suppliers)
        )
        checked = task(
            task_id="check", task_display_name=title("task.check"), trigger_rule=TriggerRule.ALL_DONE_MIN_ONE_SUCCESS, **WORK
        )(tasks.check)(**which)
        released = ReleaseForReview(
            task_id="release", task_display_name=title("task.release"), ref=ref, accounts=accounts, retries=0
        )
        review_opens = WaitForMilestone(
            task_id="review_opens", task_display_name=title("task.review_opens"), ref=ref, milestone="review_opens"
        )
        reviewed = WaitForReview(
            task_id="review", task_display_name=title("task.review"), ref=ref, look_every=LOOK_EVERY
        )
        ended = task(task_id="end_review", task_display_name=title("task.end_review"), **WORK)(tasks.end_review)(**which)
        delivers = WaitForMilestone(
            task_id="delivers", task_display_name=title("task.delivers"), ref=ref, milestone="delivers"
        )
        received_by = task(task_id="receivers", task_display_name=title("task.receivers"), **WORK)(tasks.receivers)(
            **which
        )
        sealed = task(task_id="seal", task_display_name=title("task.seal"), **WORK)(tasks.seal)(**which)
        delivered = (
            task(
                task_id="deliver",
                task_display_name=title("task.deliver"),
                map_index_template=label_template("task.deliver.map"),
                **WORK,
            )(tasks.deliver)
            .partial(**which)
            .expand_kwargs(recipients)
        )
        confirmed = WaitForReceipts(
            task_id="receipts",
            task_display_name=title("task.receipts"),
            ref=ref,
            look_every=LOOK_EVERY,
            trigger_rule=TriggerRule.ALL_DONE_MIN_ONE_SUCCESS,
        )
        closed = task(task_id="close", task_display_name=title("task.close"), **WORK)(tasks.close)(**which)
        complete = EmptyOperator(task_id="complete", task_display_name=title("task.complete"))

        opened >> [registered, collected] >> checked >> released >> review_opens >> reviewed >> ended
        ended >> delivers >> received_by >> sealed >> delivered
        [sealed, delivered] >> confirmed >> closed
        [registered, collected, delivered, closed] >> complete
    return dag


agreements, broken = load_all(Settings().regions)
for agreement in agreements:
    for kind in agreement.rounds:
        globals()[f"round__{agreement.region}__{kind}"] = round_dag(agreement, kind)
