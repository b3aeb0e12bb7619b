"""What Airflow keeps of tasks that never ran, since the coordinator did not release: title, and label per school."""

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest

from overstap.clock import dutch_time, now
from overstap.orchestration.titles import title
from overstap.simulation.synthetic.region import make_region
from overstap_tools.local.postgres import EmbeddedPostgres

from .airflow_home import DATABASE, Players
from .deployment import RegionDeployment, build


@pytest.fixture(scope="module")
def kept(
    server: EmbeddedPostgres, players: Players, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RegionDeployment, list[tuple[str, int, str, str, str]]]]:
    today = dutch_time(now()).date()
    region = make_region(13, 4, 2, 2, today=today, name="alfa", late=0, faulty=0, littered=0, database=0)
    deployment = build(tmp_path_factory.mktemp("squares"), server, region, review=timedelta(minutes=20), las=False)
    airflow = players.open(deployment)
    try:
        played = airflow.play(answer={"release": "Nog niet"})
        assert played.state == "failed"
        with psycopg.connect(server.superuser_dsn(DATABASE)) as connection:
            found = connection.execute(
                "select task_id, map_index, coalesce(state, ''), coalesce(task_display_name, ''), "
                "coalesce(rendered_map_index, '') from task_instance where dag_id = %s and run_id = %s order by 1, 2",
                [f"round__alfa__{deployment.kind.value}", played.run],
            ).fetchall()
        yield deployment, found
    finally:
        airflow.close()
        deployment.close()


def test_a_square_that_never_ran_names_its_school(
    kept: tuple[RegionDeployment, list[tuple[str, int, str, str, str]]],
) -> None:
    deployment, found = kept
    labels = [(state, label) for task, _, state, _, label in found if task == "deliver"]
    schools = deployment.agreement.receivers(deployment.kind)
    assert labels == [("upstream_failed", f"Versturen - {one.label}") for one in schools]


def test_every_instance_has_the_title_of_its_task(
    kept: tuple[RegionDeployment, list[tuple[str, int, str, str, str]]],
) -> None:
    _, found = kept
    assert {(task, shown) for task, _, _, shown, _ in found} == {(task, title(f"task.{task}")) for task, *_ in found}
