"""One DAG per region: the form with which a coordinator moves a moment of a running round, within what was agreed."""

from airflow.sdk import DAG

from overstap.agreements import Agreement
from overstap.orchestration import tasks
from overstap.orchestration.documentation import steering_doc
from overstap.orchestration.roles import access_of
from overstap.orchestration.run_form import steering_form
from overstap.orchestration.schedule import agreed_now
from overstap.orchestration.task_factory import AGAIN, daily_steps
from overstap.orchestration.titles import title


def steering_dag(agreement: Agreement) -> DAG:
    """Return the DAG that steers a region's rounds; it runs when a coordinator fills in its form."""
    with DAG(
        f"steer__{agreement.region}",
        dag_display_name=title("dag.steering", region=agreement.name),
        doc_md=steering_doc(agreement),
        schedule=None,
        max_active_runs=1,
        default_args={"owner": agreement.region, **AGAIN},
        owner_links={agreement.region: f"mailto:{agreement.coordinators[0].email}"},
        tags=["overstap", f"regio:{agreement.region}", "bijsturen", f"schooljaar:{agreement.school_year}"],
        params=steering_form(agreement),
        access_control=access_of(agreement.region),
    ) as dag:
        daily_steps(agreement.region, agreement.school_year).once("steer", tasks.steer)
    return dag


for agreement in agreed_now():
    globals()[agreement.region] = steering_dag(agreement)
