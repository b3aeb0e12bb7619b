"""Test of tasks on several workers: how they spread, what a killed worker costs, and who holds what."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

import pytest
from deployed import KIND, REGION, Deployed, build_options, mail_server, new_place
from documented import table
from machine import REDIS, need_image
from test_a_round_in_containers import WAIT_SECONDS, WITH_WORKERS, answer_until, state_of

from overstap.errors import OverstapError
from overstap.simulation.synthetic.region import SyntheticRegion
from overstap_tools.demo.people import CoordinatorClient
from overstap_tools.local.api import AirflowApi
from overstap_tools.local.waiting import wait_until

PUPILS, SCHOOLS = 2_000, (10, 4)
ALONE = "waterland"
"""The region whose dossiers one worker collects."""
_COUNT = "select count(*) from overstap.dossier"
_STATES = "select state, count(*) from overstap.dossier"
_SENT = "select count(*) from overstap.delivery"
_CONFIRMED = "select count(distinct message_id) from overstap.delivery join overstap.receipt using (region, message_id)"


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest) -> Iterator[Deployed]:
    with new_place(request.config, "workers") as made:
        need_image("redis:8", REDIS)
        yield made


@pytest.fixture(scope="module")
def regions(cluster: Deployed) -> tuple[SyntheticRegion, SyntheticRegion]:
    alone = cluster.make_region(PUPILS, name=ALONE, schools=SCHOOLS, first=500)
    return alone, cluster.make_region(PUPILS, schools=SCHOOLS)


@pytest.fixture(scope="module")
def rate_of_one(cluster: Deployed, regions: tuple[SyntheticRegion, SyntheticRegion]) -> float:
    """One worker of each kind: dossiers per second while it collects."""
    if kept := cluster.stage("one"):
        return float(kept)
    options = [
        *("--trial", "--workers", "1", "--parallelism", "16", "--project", cluster.project),
        *("--network", cluster.network, "--mail", f"smtp+plain://{cluster.network}.1:{cluster.ports['mail']}"),
        *("--mail-from", "overstap@example.nl"),
        *(f"--{name}-port {cluster.ports[name]}" for name in ("board", "review", "school")),
    ]
    first = f"{cluster.documented('install', 'deploy/init --address')} {' '.join(options)}"
    cluster.run(first, BUILD_OPTIONS=build_options())
    _add(cluster, regions[0])
    cluster.do("install", "docker compose up")
    with cluster.api() as admin:
        rate, hosts = _collected(admin, cluster, ALONE, _opened(admin, ALONE))
    assert len(hosts) == 1
    cluster.passed("one", str(rate))
    return rate


def _add(cluster: Deployed, *regions: SyntheticRegion) -> None:
    """Add the last of some regions, whose round opens at once: agreement, keys, certificates, files, receivers."""
    cluster.write_region(regions[-1], review_minimum=timedelta(minutes=3))
    cluster.do("install", "deploy/init --address")
    cluster.receivers(*regions)
    cluster.supply(cluster.agreement(regions[-1].name))


@pytest.fixture(scope="module")
def confirmed(
    cluster: Deployed, regions: tuple[SyntheticRegion, SyntheticRegion], rate_of_one: float
) -> Iterator[dict[str, Any]]:
    """Two workers of each kind: a round to its end, with one of them killed while it delivers."""
    region = regions[1]
    if cluster.stage("two") is None:
        cluster.do("scaling", "deploy/init --workers")
        _add(cluster, *regions)
        cluster.do("install", "docker compose up")  # `init` makes the new region known; its receivers start
        cluster.passed("two")
    killed: list[str] = []
    with mail_server(cluster.place / "mails", f"{cluster.network}.1", cluster.ports["mail"]):
        with cluster.api() as admin:  # a coordinator sees nothing before the region's first DAG is there
            run = _opened(admin, REGION)
        api = cluster.coordinator()
        dag, round_id = f"round__{REGION}__{KIND}", cluster.agreement().round_id(KIND)
        coordinator = CoordinatorClient(api, dag)
        rate, hosts = _collected(api, cluster, REGION, run)
        print(f"\ncollecting, dossiers per second: one worker {rate_of_one:.1f}, two {rate:.1f}")
        answer_until(coordinator, run, lambda: state_of(coordinator, run, "invite") == "success")
        _record_reviews(cluster, region, round_id)
        # One receiver takes the connection and answers nothing: a delivery is under way for as long as that lasts.
        silent = f"receiver-{region.secondary[0].id.lower()}"
        cluster.run(f"docker compose pause {silent}")

        def is_over() -> bool:
            if not killed and (worker := _at_work(api, dag, run, "deliver")):
                cluster.run(f"docker kill --signal KILL {worker}")
                killed.append(worker)
                cluster.run(f"docker compose unpause {silent}; docker start {worker}")
            return str(api.run(dag, run)["state"]) in ("success", "failed")

        answer_until(coordinator, run, is_over, 2 * WAIT_SECONDS)
        tasks = api.task_instances(dag, run)
        yield {"rate": rate, "hosts": hosts, "killed": killed, "state": api.run(dag, run)["state"], "tasks": tasks}
        api.close()


def _at_work(api: AirflowApi, dag: str, run: str, task: str) -> str | None:
    """Return the container in which an instance of a task runs."""
    found = (one for one in api.task_instances(dag, run) if one["task_id"] == task and one["state"] == "running")
    return next((str(one["hostname"])[:12] for one in found if one["hostname"]), None)


def _opened(api: AirflowApi, region: str) -> str:
    """Wait for a region's round, which opens by itself; return its run."""
    dag = f"round__{region}__{KIND}"

    def is_open() -> bool:
        if dag not in {one["dag_id"] for one in api.dags()}:
            return False
        try:
            return bool(api.runs(dag))
        except OverstapError as error:
            if error.facts.get("status") != HTTPStatus.NOT_FOUND:
                raise
            return False  # it is listed a moment before it can be asked about

    wait_until(is_open, dag, WAIT_SECONDS)
    return str(api.runs(dag)[0]["dag_run_id"])


def _collected(api: AirflowApi, cluster: Deployed, region: str, run: str) -> tuple[float, Counter[str]]:
    """Wait until all schools are collected; return dossiers per second, and how many tasks each worker ended."""

    def tasks() -> list[dict[str, Any]]:
        found = api.task_instances(f"round__{region}__{KIND}", run)
        return [one for one in found if one["task_id"] == "collect" and one["map_index"] >= 0]

    def is_done() -> bool:
        found = tasks()
        return len(found) == SCHOOLS[0] and all(one["state"] == "success" for one in found)

    wait_until(is_done, f"{region} collected", 2 * WAIT_SECONDS)
    found = tasks()
    first, last = (
        choose(datetime.fromisoformat(one[name]) for one in found)
        for choose, name in ((min, "start_date"), (max, "end_date"))
    )
    supplied = _supplied(cluster, region)
    assert supplied == PUPILS
    return supplied / (last - first).total_seconds(), Counter(one["hostname"] for one in found)


def _supplied(cluster: Deployed, region: str) -> int:
    return int(cluster.psql(f"{_COUNT} where region = '{region}'"))


def _record_reviews(cluster: Deployed, region: SyntheticRegion, round_id: str) -> None:
    lists = cluster.place / "data" / "lists"
    for school in region.primary:
        path = lists / f"{school.id}.csv"
        shutil.copy(cluster.place / "made" / "reviews" / REGION / f"review-{school.id}.csv", path)
        os.chown(path, 50000, 0)
    words = f"--region {REGION} --round {round_id} --by administratie"
    each = f"overstap review record $school.csv --school $school {words} || true"
    schools = " ".join(school.id for school in region.primary)
    cluster.admin(f"bash -c 'for school in {schools}; do {each}; done'")


def test_a_round_goes_over_all_workers_and_survives_one_that_is_killed(
    cluster: Deployed, confirmed: dict[str, Any]
) -> None:
    assert confirmed["state"] == "success"
    assert len(confirmed["hosts"]) == 2
    [worker] = confirmed["killed"]
    again = [one for one in confirmed["tasks"] if one["task_id"] == "deliver" and one["try_number"] > 1]
    assert again, worker
    said = cluster.admin("overstap ledger check")
    for region in (ALONE, REGION):
        assert f"{region}: I1-I13 hold" in said
    mine = f"region = '{REGION}'"
    print(cluster.psql(f"{_STATES} where {mine} group by state"))
    sent, told = (int(cluster.psql(f"{count} where {mine}")) for count in (_SENT, _CONFIRMED))
    stored = [path for path in (cluster.place / "received").glob("*/dossiers/*") if (path / "receipt.cms").exists()]
    assert PUPILS / 2 < sent == told == len(stored) == len({path.name for path in stored})


def test_tasks_ran_where_their_queue_is(cluster: Deployed, confirmed: dict[str, Any]) -> None:
    where = {
        container[:12]: kind
        for kind in WITH_WORKERS[1:]
        for container in cluster.run(f"docker compose ps --quiet {kind}").split()
    }
    ran = {(one["queue"], where[one["hostname"][:12]]) for one in confirmed["tasks"] if one["hostname"]}
    assert ran == {("files", "worker-files"), ("keys", "worker-keys"), ("default", "worker-default")}


def test_each_worker_has_what_the_table_says_and_the_scheduler_nothing(cluster: Deployed, rate_of_one: float) -> None:
    said = table("rights")
    for service in ("worker-files", "worker-keys", "worker-default", "scheduler"):
        # Not as one path: a path of the pages would become this deployment's own
        look = "ls /run/secrets; cd /var/lib; for f in overstap/*; do echo folder ${f#overstap/}; done"
        found = set(cluster.run(f"docker compose exec --no-TTY {service} bash -c '{look}'").splitlines())
        found -= {"folder sockets"}  # of the image, and empty but where the volume of a socket is
        rows = {row for row, columns in said.items() if columns[service] and not row.startswith(("network", "socket"))}
        if service == "scheduler":
            held = {"app_password", "mail_connection"}
            rows = {row for row in rows - held if not row.startswith("folder")}
            rows |= {"folder regions", "folder standards"}
            rows |= {"redis_password", "redis_certificate"}
        assert found == rows, service


def test_redis_lets_no_stranger_in(cluster: Deployed, rate_of_one: float) -> None:
    run = "docker compose exec --no-TTY redis redis-cli"
    certificate = "--cacert /run/secrets/redis_certificate"
    assert "NOAUTH" in cluster.run(f"{run} --tls {certificate} ping", check=False)
    assert "PONG" not in cluster.run(f"{run} ping", check=False)
    assert "PONG" not in cluster.run(f"{run} --tls ping", check=False)


def test_back_to_one_machine(cluster: Deployed, rate_of_one: float) -> None:
    cluster.do("scaling", "docker compose rm --stop")
    words = f"docker ps --filter label=com.docker.compose.project={cluster.project}"
    running = set(cluster.run(words + " --format '{{.Label \"com.docker.compose.service\"}}'").split())
    assert {"scheduler", "api-server", "school"} <= running
    assert running.isdisjoint({"redis", "worker-files", "worker-keys", "worker-default"})
    look = "ls /run/secrets; cd /var/lib; ls overstap"
    found = cluster.run(f"docker compose exec --no-TTY scheduler sh -c '{look}'").split()
    assert {"app_password", "keys", "trust", "drop"} <= set(found)
    assert f"{ALONE}: I1-I13 hold" in cluster.admin("overstap ledger check")
