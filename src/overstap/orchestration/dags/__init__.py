"""DAGs of a region, made from its agreement: one per round, and those of background work."""

from overstap.agreements import Agreement
from overstap.orchestration.dags.agreement import agreement_dag
from overstap.orchestration.dags.answers import answers_dag
from overstap.orchestration.dags.deliveries import deliveries_dag
from overstap.orchestration.dags.intake import intake_dag
from overstap.orchestration.dags.notices import notices_dag
from overstap.orchestration.dags.round import round_dag
from overstap.orchestration.dags.steering import steering_dag

__all__ = ["make_dags"]


def make_dags(agreement: Agreement) -> None:
    """Make every DAG of a region. Airflow registers each when its context ends (`auto_register`)."""
    for kind in agreement.rounds:
        round_dag(agreement, kind)
    for make in (intake_dag, notices_dag, deliveries_dag, answers_dag, steering_dag, agreement_dag):
        make(agreement)
