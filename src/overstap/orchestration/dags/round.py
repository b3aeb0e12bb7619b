"""DAG of one round, made from the agreement.

A school that is late or rejected does not delay the others; clearing its failed task adds it later. A round to a
partnership (support) has no inspection by parents and no registrations, so its DAG is shorter.
"""

from airflow.sdk import DAG, TriggerRule, chain

from overstap.agreements import Agreement, RoundKind
from overstap.orchestration import tasks
from overstap.orchestration.dags.common import common
from overstap.orchestration.deadlines import alerts
from overstap.orchestration.delivery_operator import DeliverOperator
from overstap.orchestration.documentation import round_doc
from overstap.orchestration.gates import AcceptUndeliverable, DecideNotInspected, ReleaseForDelivery, ReleaseForReview
from overstap.orchestration.run_form import run_form
from overstap.orchestration.schedule import at_opening, before_opening
from overstap.orchestration.sensors import WaitForMilestone, WaitForReceipts, WaitForReview
from overstap.orchestration.task_factory import round_steps
from overstap.orchestration.titles import title

EVEN_IF_A_SCHOOL_FAILED = TriggerRule.ALL_DONE_MIN_ONE_SUCCESS
EVEN_IF_A_TASK_WAS_SKIPPED = TriggerRule.NONE_FAILED
"""A task that a person marks as skipped in Airflow takes what follows with it, and the run would be green with nothing
done. So what follows runs, and asks the ledger, as after a task that was marked a success."""


def round_dag(agreement: Agreement, kind: RoundKind) -> DAG:
    """Return the DAG of one round, as agreed."""
    agreed = agreement.round(kind)
    ref = agreement.round_id(kind)
    coordinators = agreement.gate_accounts(kind)
    shared = common(agreement, f"ronde:{ref.kind}")
    shared["default_args"] |= {"trigger_rule": EVEN_IF_A_TASK_WAS_SKIPPED}

    with DAG(
        f"round__{ref.region}__{ref.kind}",
        dag_display_name=title("dag.round", region=agreement.name, round=kind.dutch, school_year=ref.school_year),
        doc_md=round_doc(agreement, kind),
        schedule=at_opening(agreed.milestones.opens),
        start_date=before_opening(agreed.milestones.opens),
        deadline=alerts(agreement, kind),
        # Catchup: a scheduler that was down at the opening still opens the round, once
        **shared | {"catchup": True},
    ) as dag:
        steps = round_steps(ref)

        # Dossiers supplied by the agreed moment (daily until then: the DAG of `intake`), and registrations
        opened = steps.once("open_round", tasks.open_round)
        data_due = steps.add(WaitForMilestone, "data_due", milestone="data_due")
        registered = [steps.once("registrations", tasks.registrations)] if kind.is_inspected else []
        collected = steps.per_school("collect", tasks.collect, agreement.suppliers(kind))
        if kind.is_of_leavers:  # schools from outside the region are invited while the round runs
            invited = steps.once("plan_guests", tasks.plan_guests)
            data_due >> invited
            collected = [collected, steps.per("collect_guests", tasks.collect_guests, invited)]
        else:
            collected = [collected]
        checked = steps.once("check", tasks.check, trigger_rule=EVEN_IF_A_SCHOOL_FAILED)

        # Release by the coordinator
        questions = steps.once("questions", tasks.questions)
        release = "release" if kind.is_inspected else "release_to_partnership"
        released = steps.each(ReleaseForReview, release, over={"question": questions}, accounts=coordinators)

        # Review by parents
        review, late_review = [], []
        if kind.is_inspected:
            not_seen = steps.once("window_questions", tasks.window_questions)
            review = [
                steps.once("invite", tasks.invite),
                steps.add(WaitForMilestone, "review_opens", milestone="review_opens"),
                steps.add(WaitForReview, "review"),
                steps.once("end_review", tasks.end_review),
                not_seen,
                steps.each(DecideNotInspected, "not_inspected", over={"question": not_seen}, accounts=coordinators),
            ]
            late_review = [steps.once("end_extended", tasks.end_review)]

        # Sealing, delivery and confirmation per receiving school
        delivers = steps.add(WaitForMilestone, "delivers", milestone="delivers")
        received_by = steps.once("receivers", tasks.receivers)
        unusual = steps.once("delivery_questions", tasks.delivery_questions)
        may_go = steps.each(
            ReleaseForDelivery, "release_for_delivery", over={"question": unusual}, accounts=coordinators
        )
        sealed = steps.once("seal", tasks.seal)
        delivered = steps.per_school("deliver", tasks.deliver, agreement.receivers(kind), DeliverOperator)
        confirmed = steps.add(WaitForReceipts, "receipts", trigger_rule=EVEN_IF_A_SCHOOL_FAILED)
        left = steps.once("closing_questions", tasks.closing_questions)
        accepted = steps.each(
            AcceptUndeliverable, "accept_undeliverable", over={"question": left}, accounts=coordinators
        )
        closed = steps.once("close", tasks.close)
        complete = steps.once("complete", tasks.complete)

        opened >> data_due >> [*registered, *collected] >> checked >> questions >> released
        chain(released, *review, delivers, *late_review, received_by)
        received_by >> unusual >> may_go >> sealed >> delivered
        [sealed, delivered] >> confirmed >> left >> accepted >> closed
        [*registered, *collected, delivered, closed] >> complete  # failed while a school is missing
    dag.params.update(run_form(agreement, kind))  # set last, since each task copies it
    return dag
