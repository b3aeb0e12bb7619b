"""Test of a deployment in containers from installation to a confirmed round, by the commands in the docs.

The tests are one story, in order: each stage is a fixture that the next builds upon.
"""

import os
import shlex
import shutil
import signal
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest
import yaml
from deployed import (
    KIND,
    NAMES,
    REGION,
    Deployed,
    base_image,
    build_options,
    commit_all,
    mail_server,
    new_password,
    proxy,
)
from documented import in_sentences, table
from machine import METRICS, has_image, machine, need_image

from overstap.agreements import Agreement
from overstap.pki.certificates import DEVELOPMENT_POLICY
from overstap.pki.oin import development_oin_of_region
from overstap.simulation.synthetic.region import SyntheticRegion
from overstap_tools.demo.people import CoordinatorClient
from overstap_tools.local.waiting import wait_until
from overstap_tools.project import PROJECT

DAG = f"round__{REGION}__{KIND}"
PUPILS = 40
WAIT_SECONDS = 900
"""Seconds that a busy machine may take for one step of the story."""
RUNNING = ("postgres", "api-server", "scheduler", "dag-processor", "triggerer", "review", "key-service", "school")
FOR_ONE_COMMAND = ("init", "admin", "desk", "desk-keys")
WITH_WORKERS = ("redis", "worker-files", "worker-keys", "worker-default")
"""Services of test_workers.py."""
"""Services that do not run here all the time."""
BROKEN = "kapot"
"""A region whose agreement cannot be read, from the first start on."""
NOT_HERE = {
    "deploy/archive": "test_point_in_time.py",
    "deploy/init --workers": "test_workers.py",
    "git pull": "test_upgrade.py",
    "docker compose down": "test_upgrade.py",
    "docker compose rm --stop": "test_workers.py",
}
"""Blocks of the pages that another test runs, by their first words, and which."""
IN_SENTENCES: dict[str, str | None] = {
    "chown -R 50000 /var/lib/overstap/keys /var/lib/overstap/trust": "",
    "deploy/init --desk REGION": None,
    "deploy/init --help": "",
    "deploy/init --mail smtp://login@mail.example.nl:587 --mail-from overstap@example.nl --mail-password FILE": "",
    "deploy/init --trial": "",
    "deploy/init --workers": None,
    "docker build --build-arg CLUSTER=1 --tag overstap:local .": None,
    "docker compose logs SERVICE": "",
    "docker compose logs init": "",
    "docker compose ps postgres": "",
    "docker compose run --rm admin overstap doctor --quiet": None,
    "docker compose run --rm admin overstap ledger keys REGION": "",
    "docker compose run --rm init": None,
    "docker compose up --detach --force-recreate --wait": None,
    "docker compose up --detach --wait": None,
    "docker compose up --wait": None,
    # On this machine it would remove what others made.
    "docker image prune": None,
    "docker system df": "",
    "git describe --always": None,
    "make bundle": None,
    "make deploy": None,
    'make deploy ARGS="--address ..."': "",
    "openssl ca -config deploy/authority/openssl.cnf -revoke FILE": None,
    "openssl req -in tls-1.csr -noout -text": "",
    "overstap agreement check AGREEMENT": "",
    "overstap audit export": "overstap audit export REGION chain.jsonl",
    "overstap audit verify": "overstap audit verify chain.jsonl",
    "overstap doctor": None,
    "overstap doctor --json": "",
    "overstap dossier check": "overstap dossier check DOSSIER",
    "overstap ledger board-keys": "",
    "overstap ledger check": "",
    "overstap ledger keys": None,
    "overstap ledger retain": "overstap ledger retain REGION --content-days 400 --traces-days 4000",
    "overstap notice outbox --region haaglanden": "",
    "overstap open": None,
    "overstap notice preview AGREEMENT --out FOLDER": "",
    "overstap receive ask": None,
    "overstap review bounces": "overstap review bounces preview --region REGION --by administratie",
    "overstap trust accept": None,
    "overstap trust fetch": None,
    "overstap trust request": None,
    "overstap trust watch": "",
}
"""Commands in sentences of the pages: empty when run as they stand by the test of that name, None when another does."""


FINDS_FAULTS = ("overstap agreement check", "overstap audit verify", "overstap doctor", "overstap dossier check")
"""Commands that find a fault here: a round of minutes, no checkpoint of today, a trial, no inspection yet."""


@dataclass
class Started:
    """A deployment that runs, with a region in it."""

    deployed: Deployed
    region: SyntheticRegion
    mails: Path

    @property
    def agreement(self) -> Agreement:
        """What was agreed."""
        return self.deployed.agreement()

    @property
    def coordinator(self) -> str:
        """The coordinator's account."""
        return self.agreement.coordinators[0].account


@pytest.fixture(scope="module")
def started(deployed: Deployed) -> Iterator[Started]:
    """Made and started by the pages' commands: first empty, then with a region."""
    region = deployed.make_region(PUPILS)
    if deployed.stage("started") is None:
        options = [
            *("--trial", "--project", deployed.project, "--network", deployed.network),
            *("--mail", f"smtp+plain://{deployed.network}.1:{deployed.ports['mail']}"),
            *("--mail-from", "overstap@example.nl"),
            *(f"--{name}-port {deployed.ports[name]}" for name in ("board", "review", "school")),
        ]
        first = f"{deployed.documented('install', 'deploy/init --address')} {' '.join(options)}"
        assert "TRIAL" in deployed.run(first, BUILD_OPTIONS=build_options())
        deployed.write_region(region)
        broken = deployed.place / "etc" / "regions" / BROKEN
        broken.mkdir()
        (broken / "2026-2027.yaml").write_text("region: [")
        # The same command again makes the new region's keys, and in a trial its certificates; what was chosen stays.
        said = deployed.do("install", "deploy/init --address")
        assert f"keys          {REGION}: made" in said
        assert BROKEN in said[said.index("left out") :].splitlines()[0]
        deployed.receivers(region)
        deployed.supply(deployed.agreement())
        begun = time.monotonic()
        deployed.do("install", "docker compose up")
        deployed.passed("started")
        print(f"from nothing to healthy: {time.monotonic() - begun:.0f} s")
    wait_until(lambda: _is_healthy(deployed), "healthy", WAIT_SECONDS)
    with mail_server(deployed.place / "mails", f"{deployed.network}.1", deployed.ports["mail"]) as mails:
        yield Started(deployed, region, mails)


@pytest.fixture(scope="module")
def proxied(started: Started) -> Iterator[Path]:
    """A running nginx with the shipped configuration before it."""
    with proxy(started.deployed) as authority:
        yield authority


@pytest.fixture(scope="module")
def password(started: Started) -> str:
    """The coordinator's, whose account `init` made by the agreement; an administrator gave it this password."""
    made = new_password()
    started.deployed.coordinator(made).close()
    return made


@pytest.fixture(scope="module")
def coordinator(started: Started, password: str) -> CoordinatorClient:
    """The coordinator."""
    return CoordinatorClient(started.deployed.api(started.coordinator, password), DAG)


@pytest.fixture(scope="module")
def released(started: Started, coordinator: CoordinatorClient) -> str:
    """The round opened by itself, collected from the drop folders, was checked, and a coordinator released it."""
    deployed = started.deployed
    if run := deployed.stage("released"):
        return run
    # Nobody switches anything on.
    wait_until(lambda: DAG in {dag["dag_id"] for dag in coordinator.api.dags()}, DAG, WAIT_SECONDS)
    wait_until(lambda: bool(coordinator.api.runs(DAG)), f"a run of {DAG}", WAIT_SECONDS)
    run_id = str(coordinator.api.runs(DAG)[0]["dag_run_id"])
    answer_until(coordinator, run_id, lambda: state_of(coordinator, run_id, "invite") == "success")
    return deployed.passed("released", run_id)


@pytest.fixture(scope="module")
def restored(started: Started, released: str) -> str:
    """In the middle of the round everything was backed up, destroyed, and restored by the pages' commands."""
    deployed = started.deployed
    if deployed.stage("restored"):
        return released
    deployed.do("backup", "age-keygen")
    private = deployed.code / "restore.key"
    deployed.do("backup", "deploy/backup")
    before = deployed.psql("select count(*), max(seq) from overstap.audit_line")
    deployed.do("backup", "deploy/restore-drill")
    deployed.destroy()
    for name in ("secrets", "regions"):
        shutil.copytree(deployed.place / "etc" / name, deployed.place / "kept" / name)
        shutil.rmtree(deployed.place / "etc" / name)
    shutil.copytree(deployed.place / "data" / "drop", deployed.place / "kept" / "drop")
    receivers = (deployed.code / "receivers.yaml").read_text()
    shutil.rmtree(deployed.place / "data")
    (deployed.code / ".env").unlink()
    assert private.exists()
    deployed.do("backup", "deploy/restore keys")
    assert not (deployed.place / "data" / "drop" / REGION).exists()
    # What is no backup's: agreements are under version control, schools' files are the schools'.
    shutil.copytree(deployed.place / "kept" / "regions", deployed.place / "etc" / "regions", dirs_exist_ok=True)
    (deployed.code / "receivers.yaml").write_text(receivers)
    deployed.do("backup", "deploy/restore databases")
    assert "touched" in deployed.run(deployed.documented("backup", "deploy/restore databases"), check=False)
    said = deployed.do("backup", "docker compose up")
    assert f"{REGION}: I1-I13 hold" in said
    deployed.supply(started.agreement)
    assert deployed.psql("select count(*), max(seq) from overstap.audit_line") >= before
    return deployed.passed("restored", released)


@pytest.fixture(scope="module")
def confirmed(started: Started, restored: str, coordinator: CoordinatorClient) -> str:
    """Certificates were renewed, schools recorded what parents decided; during delivery everything was killed."""
    deployed = started.deployed
    if deployed.stage("confirmed"):
        return restored
    if deployed.stage("renewed") is None:
        _renew_certificates(deployed)
        deployed.passed("renewed")
    lists = deployed.place / "data" / "lists"
    round_id = started.agreement.round_id(KIND)
    for school in started.region.primary:
        path = lists / f"{school.id}.csv"
        shutil.copy(deployed.place / "made" / "reviews" / REGION / f"review-{school.id}.csv", path)
        os.chown(path, 50000, 0)
        words = f"--region {REGION} --round {round_id} --school {school.id} --by administratie"
        deployed.admin(f"overstap review record {path.name} {words}", check=False)
    # One receiver takes the connection and answers nothing: a delivery is under way for as long as that lasts.
    silent = f"receiver-{started.region.secondary[0].id.lower()}"
    deployed.run(f"docker compose pause {silent}")
    killed: list[str] = []

    def is_over() -> bool:
        if not killed and state_of(coordinator, restored, "deliver") == "running":
            try:
                _kill_everything(deployed, killed)
            finally:
                deployed.run(f"docker compose unpause {silent}")
        return str(coordinator.api.run(DAG, restored)["state"]) in ("success", "failed")

    answer_until(coordinator, restored, is_over, 2 * WAIT_SECONDS)  # the review has its time
    assert killed == ["task", "scheduler", "triggerer", "dag-processor", "postgres"]
    return deployed.passed("confirmed", restored)


def _renew_certificates(deployed: Deployed) -> None:
    """Ask, sign and accept as docs/certificates.md says, with the authority that the trial's schools know."""
    trust = deployed.place / "data" / "trust"
    own, authority = trust / "conductor" / REGION, trust / "ca" / "issuing"
    oin = development_oin_of_region(REGION)
    deployed.admin(f"overstap trust request {REGION} --oin {oin} --host desk")
    (deployed.place / "policy").write_text(f"certificatePolicies={DEVELOPMENT_POLICY.dotted_string}\n")
    for name in ("tls", "signing"):
        signed = deployed.place / "data" / "lists" / f"{name}-renewed.crt"
        deployed.run(
            f"openssl x509 -req -in {own}/{name}-2.csr -CA {authority}.crt -CAkey {authority}.key -days 300 "
            f"-copy_extensions copyall -extfile {deployed.place}/policy -out {signed}"
        )
        os.chown(signed, 50000, 0)
    deployed.admin(f"overstap trust accept {REGION} tls-renewed.crt signing-renewed.crt")
    assert {"tls-2.crt", "signing-2.crt"} <= {path.name for path in own.glob("*.crt")}


def _kill_everything(deployed: Deployed, killed: list[str]) -> None:
    """Kill what runs while dossiers are delivered, one after the other, and note what was killed."""
    before = deployed.psql("select count(*) from overstap.audit_line")

    def a_task() -> bool:
        for pid in deployed.tasks():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue  # it ended since it was seen
            return True
        return False

    wait_until(a_task, "the process of a task", WAIT_SECONDS)
    killed.append("task")
    for service in ("scheduler", "triggerer", "dag-processor", "postgres"):
        deployed.kill(service)
        killed.append(service)
    wait_until(lambda: _is_healthy(deployed), "healthy after kill -9", WAIT_SECONDS)
    assert int(deployed.psql("select count(*) from overstap.audit_line")) >= int(before)
    said = deployed.admin("overstap ledger check")
    assert f"{REGION}: I1-I13 hold" in said


def answer_until(
    coordinator: CoordinatorClient, run_id: str, is_done: object, most_seconds: int = WAIT_SECONDS
) -> None:
    """Answer each question as it comes with the option that lets the round go on, until something is done."""

    def look() -> bool:
        try:
            question = coordinator.question(run_id)
            if question is not None:
                coordinator.answer(run_id, question)
            return bool(is_done())  # type: ignore[operator]
        except Exception as problem:
            if "LOCAL-0" not in str(problem):
                raise
            return False  # Airflow is away for a while, or the question was answered in between

    wait_until(look, "the next step of the round", most_seconds)


def state_of(coordinator: CoordinatorClient, run_id: str, task: str) -> str | None:
    """Return the state of a task; of a mapped one that of the first that is not done."""
    states = [state for (name, _), state in coordinator.api.states(DAG, run_id).items() if name == task]
    return next((state for state in states if state != "success"), states[0] if states else None)


def _is_healthy(deployed: Deployed) -> bool:
    services = deployed.services()
    return all(services.get(name) == "healthy" for name in RUNNING)


# -- the story ----------------------------------------------------------------------------------------------------


def test_it_is_healthy_and_at_rest_small(started: Started) -> None:
    deployed = started.deployed
    assert _is_healthy(deployed)
    said = ""

    def rests() -> bool:
        """Look how much each container holds; it rests when no task ran before or after."""
        nonlocal said
        before = deployed.tasks()
        said = deployed.run("docker stats --no-stream --format '{{.Name}} {{.MemUsage}}'")
        return not before and not deployed.tasks()

    wait_until(rests, "a moment without a task", WAIT_SECONDS)
    print(said)
    lines = [line for line in said.splitlines() if line.startswith(deployed.project) and "receiver" not in line]
    assert sum(_mib(line.split()[1]) for line in lines) < 1536


def _mib(said: str) -> float:
    for unit, size in (("GiB", 1024.0), ("MiB", 1.0), ("KiB", 1 / 1024), ("B", 1 / 1024**2)):
        if said.endswith(unit):
            return float(said.removesuffix(unit)) * size
    raise ValueError(said)


def test_a_stranger_without_secrets_is_told_which_setting_is_missing(started: Started) -> None:
    said = started.deployed.run("docker compose --env-file /dev/null config --quiet", check=False)
    assert "required variable" in said


def test_one_broken_agreement_stops_nothing_but_itself(started: Started, password: str) -> None:
    """It was there before the first start: keys, schema, roles, DAGs and board are those of the others."""
    deployed = started.deployed
    broken = deployed.place / "etc" / "regions" / BROKEN
    if deployed.stage("broken") is None:
        first = deployed.run("docker compose logs --no-log-prefix init")
        again = deployed.do("install", "docker compose run --rm init")
        for said in (first, again):
            assert f"region {REGION} is there" in said or f"region {REGION} made" in said, said
            assert "AGREEMENT-001" in said
            assert _wrong(said) == {f"agreement {BROKEN}/2026-2027.yaml"}
        looked = deployed.admin("overstap doctor --quiet", check=False)
        assert f"agreement {BROKEN}/2026-2027.yaml" in looked
        with deployed.api() as admin:
            wait_until(lambda: DAG in {dag["dag_id"] for dag in admin.dags()}, DAG, WAIT_SECONDS)
            wait_until(lambda: bool(admin.import_errors()), "the import error", WAIT_SECONDS)
            assert all(BROKEN in error["stack_trace"] for error in admin.import_errors())
            assert REGION.capitalize() in deployed.board("/", started.coordinator, password)
            shutil.rmtree(broken)
            wait_until(lambda: not admin.import_errors(), "no import error", WAIT_SECONDS)
        deployed.passed("broken")
    assert not broken.exists()


def _wrong(said: str) -> set[str]:
    """Return the subjects that `doctor` or `init` calls wrong."""
    lines = said.replace("\x1b[2K", "").splitlines()  # Compose begins each line of a log so
    return {line.split(":")[0].removeprefix("wrong").strip() for line in lines if line.startswith("wrong")}


def test_doctor_finds_nothing_wrong(started: Started, coordinator: CoordinatorClient) -> None:
    wait_until(lambda: len(coordinator.api.dags()) >= 5, "the region's DAGs", WAIT_SECONDS)
    said = started.deployed.do("install", "docker compose run --rm admin overstap doctor")
    assert _wrong(said) == set(), said
    assert "this is a TRIAL" in said
    for subject in (
        "folder checkpoints",
        "disk",
        "ledger schema",
        f"keys {REGION}",
        f"certificates {REGION}",
        "airflow scheduler",
        "airflow dags",
    ):
        assert f"good    {subject}" in said, said
    assert "as overstap@example.nl" in said
    assert "paused" not in said.replace("none paused", "")
    quiet = started.deployed.do("monitoring", "docker compose ps")
    assert "good " not in quiet


def test_each_container_has_what_the_table_says_and_no_more(started: Started) -> None:
    said = table("rights")
    wrong = []
    assert {service for columns in said.values() for service in columns} == {*RUNNING, *FOR_ONE_COMMAND, *WITH_WORKERS}
    for service in (*RUNNING, *FOR_ONE_COMMAND):
        found = _within(started.deployed, service)
        has = {f"folder {name}": found[name] for name in FOLDERS}
        has |= dict.fromkeys(_networks(started.deployed, found["addresses"]), "yes")
        has |= {f"socket {who}": found[f"socket-{who}"] for who in ("school", "desk", "board")}
        has |= dict.fromkeys(found["secrets"].split(), "r")
        wrong += [f"{service}: {name} is not in the table" for name in has.keys() - said.keys()]
        for row, columns in said.items():
            right = columns[service]
            if has.get(row, "") != right:
                wrong.append(f"{service}: {row} is {has.get(row) or 'nothing'}, the table says {right or 'nothing'}")
    assert wrong == []


FOLDERS = (
    *("regions", "standards", "keys", "board", "trust", "drop", "outbox", "reports", "checkpoints", "registers"),
    "lists",
)
_LOOK = f"""
echo "secrets $(ls /run/secrets 2>/dev/null | tr '\\n' ' ')"
echo "addresses $(hostname --all-ip-addresses)"
for folder in {" ".join(FOLDERS)}; do
    path=/var/lib/overstap/$folder; right=
    if ls $path >/dev/null 2>&1; then right=r; fi
    if touch $path/.tried 2>/dev/null; then right=w; rm -f $path/.tried; fi
    echo "$folder $right"
done
for who in school desk board; do
    echo "socket-$who $(grep -q " /var/lib/overstap/sockets/$who " /proc/mounts && echo yes)"
done
echo "root $(touch /opt/tried 2>/dev/null && echo w)"
echo "capabilities $(grep CapEff /proc/self/status | cut -f 2)"
"""


def _within(deployed: Deployed, service: str) -> dict[str, str]:
    """Look around in a container."""
    (deployed.place / "look.sh").write_text(_LOOK)
    how = "exec" if service in RUNNING else "run --rm --no-deps"
    said = deployed.run(f"docker compose {how} --no-TTY {service} sh < {deployed.place}/look.sh")
    return {line.split(" ")[0]: line.partition(" ")[2].strip() for line in said.splitlines() if line}


def _networks(deployed: Deployed, addresses: str) -> list[str]:
    """Return the rows of the table that a container's addresses stand for: each network has 32 of the 256."""
    rows = ("network inside", "network parents", "network schools", "network desk")
    parts = [address.rpartition(".") for address in addresses.split()]
    assert {front for front, _, _ in parts} <= {deployed.network}, addresses
    return [rows[int(last) // 32] for _, _, last in parts]


def test_nobody_can_change_what_it_runs_or_gain_rights(started: Started) -> None:
    for service in (*RUNNING[1:], *FOR_ONE_COMMAND):
        found = _within(started.deployed, service)
        assert found["root"] == "", service
        assert int(found["capabilities"], 16) == 0, service


def test_each_service_signs_in_to_the_ledger_as_itself(started: Started) -> None:
    ask = (
        "import os, psycopg; "
        "c = psycopg.connect(os.environ.get('OVERSTAP_LEDGER') or os.environ['OVERSTAP_REVIEW']); "
        "print(c.execute('select session_user').fetchone()[0])"
    )
    words = f'bash /usr/local/bin/with-secrets python -c "{ask}"'
    logins = {
        service: started.deployed.run(f"docker compose exec --no-TTY {service} {words}").strip()
        for service in RUNNING[1:]
        if service != "key-service"
    }
    assert "KeyError" in started.deployed.run(f"docker compose exec --no-TTY key-service {words}", check=False)
    assert logins == {
        **dict.fromkeys(("scheduler", "dag-processor"), "overstap_app"),
        "api-server": "overstap_board",
        "triggerer": "overstap_watch",
        **{service: f"overstap_{service}" for service in ("review", "school")},
    }


def test_a_paused_dag_is_red_for_coordinators_and_in_doctor(started: Started, password: str) -> None:
    deployed = started.deployed
    with deployed.api() as admin:
        wait_until(lambda: f"notices__{REGION}" in {dag["dag_id"] for dag in admin.dags()}, "DAGs", WAIT_SECONDS)

        def switch(*, off: bool) -> None:
            admin.call("PATCH", f"/api/v2/dags/notices__{REGION}", json={"is_paused": off})

        switch(off=True)
        try:
            assert "Dit staat uit" in deployed.board("/", started.coordinator, password)
            said = deployed.admin("overstap doctor --only airflow --quiet", check=False)
            assert f"wrong   dag notices__{REGION}: it is paused" in said
            secret = (deployed.place / "etc" / "secrets" / "admin_password").read_text()
            assert f"dag notices__{REGION}" in deployed.board("/beheer/controle", "admin", secret)
        finally:
            switch(off=False)
    assert "Dit staat uit" not in deployed.board("/", started.coordinator, password)


def test_init_says_what_doctor_finds(started: Started) -> None:
    said = started.deployed.run("docker compose logs --no-log-prefix init")
    assert "mind    settings: this is a TRIAL" in said
    assert _wrong(said) == {f"agreement {BROKEN}/2026-2027.yaml"}  # it was there at the first start
    assert "overstap_board" in said


def test_who_is_in_one_network_reaches_nobody_of_another(started: Started) -> None:
    def reaches(service: str, host: str, port: int) -> bool:
        probe = f"timeout 5 bash -c '</dev/tcp/{host}/{port}' 2>/dev/null && echo yes || echo no"
        return started.deployed.run(f'docker compose exec --no-TTY {service} bash -c "{probe}"').strip() == "yes"

    assert reaches("review", "postgres", 5432)
    assert reaches("triggerer", "api-server", 8080)
    for service in ("review", "school"):
        assert not reaches(service, "api-server", 8080)
        assert not reaches(service, "scheduler", 8974)
    assert not reaches("review", "school", 8091)
    assert not reaches("school", "review", 8090)


def test_the_database_speaks_tls_only_and_proves_who_it_is(started: Started) -> None:
    if "DATABASE_TLS=off" in (started.deployed.code / ".env").read_text():
        pytest.skip("the image postgres:18 on this machine is built without TLS")
    words = "from pg_stat_ssl join pg_stat_activity using (pid) where client_addr is not null"
    query = f"select count(*), count(*) filter (where not ssl), string_agg(distinct version, ' ') {words}"
    said = started.deployed.run(
        f'docker compose exec --no-TTY postgres psql --username postgres --tuples-only --no-align --command "{query}"'
    )
    connections, open_ones, versions = said.strip().split("|")
    assert int(connections) > 5
    assert open_ones == "0"
    assert set(versions.split()) <= {"TLSv1.2", "TLSv1.3"}
    # In the service's own process environment: the login that it has
    script = (
        "import os, psycopg, sys\n"
        "dsn = psycopg.conninfo.conninfo_to_dict(os.environ['OVERSTAP_REVIEW'])\n"
        "assert dsn['sslmode'] == 'verify-full'\n"
        "try:\n"
        "    with psycopg.connect(**dsn | {'sslmode': sys.argv[1], 'host': sys.argv[2]}) as one:\n"
        "        print('in')\n"
        "except psycopg.OperationalError as problem:\n"
        "    print(problem)\n"
    )
    address = started.deployed.run("docker compose exec --no-TTY review getent hosts postgres").split()[0]

    def connect(mode: str, host: str) -> str:
        command = f"docker compose exec --no-TTY review with-secrets python - {mode} {host}"
        return started.deployed.run(f"printf %s {shlex.quote(script)} | {command}")

    assert connect("verify-full", "postgres").strip() == "in"
    assert "no encryption" in connect("disable", "postgres")
    # Another host that has the same certificate's key is believed only by its name
    assert "does not match host name" in connect("verify-full", address)


def test_pages_answer_through_a_proxy_with_tls(started: Started, proxied: Path) -> None:
    port = started.deployed.ports["https"]
    with httpx.Client(verify=_context(proxied), trust_env=False) as client:

        def get(name: str, path: str) -> httpx.Response:
            asked = httpx.Request(
                "GET",
                f"https://127.0.0.1:{port}{path}",
                headers={"Host": name, "X-Forwarded-For": "203.0.113.9"},
                extensions={"sni_hostname": name},
            )
            return client.send(asked)

        for name in NAMES[1:]:
            page = get(name, "/")
            assert page.status_code == 200, name
            assert "PROEFOMGEVING" in page.text
            assert page.headers["Strict-Transport-Security"]
        board = get(NAMES[0], "/api/v2/monitor/health")
        assert board.json()["scheduler"]["status"] == "healthy"
        login = get(NAMES[0], "/auth/login/")
        assert login.status_code == 200
        assert all("secure" in cookie.lower() for cookie in login.headers.get_list("set-cookie"))
    assert "203.0.113.9" not in started.deployed.run("docker compose logs review school")
    log = started.deployed.place / "nginx" / "access.log"
    assert NAMES[1] not in log.read_text(), "who visits the parents' pages is logged"


def _context(authority: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority))


def test_the_round_opens_by_itself_and_is_released(released: str) -> None:
    assert released


def test_it_goes_on_from_a_backup_when_everything_is_lost(restored: str) -> None:
    assert restored


@pytest.mark.fault("F08", "F09", "F10")
def test_the_round_ends_confirmed_though_everything_was_killed(started: Started, confirmed: str) -> None:
    deployed = started.deployed
    states = dict(
        line.split("|")
        for line in deployed.psql("select state, count(*) from overstap.delivery group by state").split()
    )
    stored = [path for path in (deployed.place / "received").glob("*/dossiers/*") if (path / "receipt.cms").exists()]
    print(f"deliveries: {states}; stored by schools: {len(stored)}")
    assert set(states) == {"confirmed"}
    assert len(stored) == int(states["confirmed"]) > PUPILS / 2
    receipts = deployed.psql("select count(distinct message_id) from overstap.receipt where outcome = 'accepted'")
    assert receipts == states["confirmed"]
    said = deployed.do("install", "docker compose run --rm admin overstap ledger check")
    assert f"{REGION}: I1-I13 hold" in said


def test_mail_arrived(started: Started, confirmed: str) -> None:
    boxes = {path.name for path in started.mails.iterdir()}
    assert any("coordinator" in box or "coordinator" in started.coordinator for box in boxes), boxes
    one = next(started.mails.rglob("*.eml")).read_text()
    assert "Overstap PROEF" in one


def test_nothing_of_a_pupil_is_in_a_log(started: Started, confirmed: str) -> None:
    logs = started.deployed.run("docker compose logs --no-log-prefix")
    logs += started.deployed.admin("bash -c 'find /opt/airflow/logs -type f -exec cat {} +'")
    for school in started.region.primary:
        for pupil in started.region.pupils(school):
            assert pupil.number not in logs


def test_old_runs_go_and_new_ones_stay(started: Started, confirmed: str, coordinator: CoordinatorClient) -> None:
    started.deployed.do("monitoring", "deploy/clean")
    assert coordinator.api.runs(DAG)
    assert "30 or more" in started.deployed.run("deploy/clean 7", check=False)


def test_the_numbers_of_this_moment(started: Started, confirmed: str) -> None:
    """A login that may run rounds reads them too; with the file of the page, every service sends its own."""
    deployed = started.deployed
    said = deployed.do("monitoring", "docker compose run --rm admin overstap metrics show")
    assert "overstap.ledger.up{} 1" in said
    assert f"overstap.region.readable{{region={REGION}}} 1" in said
    assert "state=confirmed}" in said
    files = "COMPOSE_FILE=docker-compose.yaml:deploy/compose.monitoring.yaml:deploy/compose.json-logs.yaml"
    services = yaml.safe_load(deployed.run(f"{files} docker compose --profile desk config"))["services"]
    assert {"metrics", "prometheus", "grafana"} <= set(services)
    address = "http://prometheus:9090/api/v1/otlp/v1/metrics"
    sending = {name for name, one in services.items() if address in str(one.get("environment"))}
    assert sending >= {*RUNNING, "metrics"} - {"postgres", "key-service"}  # those two send nothing


def _collector(deployed: Deployed) -> str:
    """Return the files of docker-compose.yaml's kind with which metrics are collected.

    Where the image of Prometheus cannot be had another collector takes its place, set up as docs/monitoring.md says.
    """
    files = "docker-compose.yaml:deploy/compose.monitoring.yaml"
    if has_image("prom/prometheus:v3.5.0"):
        return files
    need_image("overstap-test-metrics:1", METRICS)
    monitoring = yaml.safe_load((deployed.code / "deploy" / "compose.monitoring.yaml").read_text())
    there = {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://prometheus:9090/opentelemetry/v1/metrics"}
    services: dict[str, object] = {
        name: {"environment": there} for name in monitoring["services"] if name not in ("prometheus", "grafana")
    }
    flags = ["-storageDataPath=/prometheus", "-httpListenAddr=:9090", "-opentelemetry.usePrometheusNaming"]
    services["prometheus"] = {"image": "overstap-test-metrics:1", "pull_policy": "never", "command": flags}
    (deployed.code / "collector.yaml").write_text(yaml.safe_dump({"services": services}))
    return f"{files}:collector.yaml"


def _has_arrived(deployed: Deployed, metric: str) -> bool:
    """Return whether the server of metrics has a value of one."""
    query = f"http://prometheus:9090/api/v1/query?query={metric}"
    ask = f"docker compose exec --no-TTY review python -c 'import httpx; print(httpx.get(\"{query}\").text)'"
    return '"value"' in deployed.run(ask)


def test_metrics_of_every_service_arrive(started: Started, confirmed: str) -> None:
    """With the line of the page in .env a real server takes them, and a page without Grafana shows them."""
    deployed = started.deployed
    env = deployed.code / ".env"
    before = env.read_text()
    env.write_text(before.replace("COMPOSE_FILE=docker-compose.yaml", f"COMPOSE_FILE={_collector(deployed)}"))
    services = " ".join((*RUNNING, "prometheus", "metrics"))  # an image of Grafana cannot be had everywhere
    try:
        deployed.run(f"docker compose up --detach {services}")
        wait_until(lambda: _is_healthy(deployed), "healthy", WAIT_SECONDS)
        block = deployed.documented("monitoring", "docker compose run --rm -T admin overstap metrics dashboard")

        def shows() -> bool:
            deployed.run(block)
            return REGION in (deployed.code / "metrics.html").read_text()

        wait_until(shows, "the dashboard with the region's dossiers", WAIT_SECONDS)
        for metric in (
            "overstap_ledger_up",
            "airflow_scheduler_heartbeat_total",
            "http_server_request_duration_seconds_count",
        ):
            wait_until(partial(_has_arrived, deployed, metric), metric, WAIT_SECONDS)
    finally:
        env.write_text(before)
        deployed.run("docker compose up --detach --wait --remove-orphans")


def test_what_timers_start(started: Started, confirmed: str) -> None:
    """Each service's own words, in the folder of docker-compose.yaml; its timer says when."""
    services = sorted((started.deployed.code / "deploy" / "systemd").glob("*.service"))
    assert len(services) >= 3
    for service in services:
        assert "OnCalendar=" in service.with_suffix(".timer").read_text()
        if service.stem == "overstap-archive":
            continue  # needs a database that archives: test_point_in_time.py
        said = dict(line.split("=", 1) for line in service.read_text().splitlines() if "=" in line)
        assert said["WorkingDirectory"] == "/opt/overstap"
        started.deployed.run(said["ExecStart"].replace("/opt/overstap/", "").replace("/usr/bin/docker", "docker"))
    assert "good    backup ledger" in started.deployed.admin("overstap doctor --only ledger", check=False)


def test_what_is_set_up_on_the_machine_itself(started: Started, confirmed: str, proxied: Path) -> None:
    """The proxy and timers by the pages' commands, on a machine with systemd."""
    pages = started.deployed.documented
    with machine(started.deployed) as run:
        run("systemctl is-active nginx")
        run(pages("install", "ln -sf"))
        run(
            "systemctl reload nginx && curl --silent --insecure --head --resolve inzage.example.nl:443:127.0.0.1 https://inzage.example.nl/"
        )
        for page, name in (("backup", "backup"), ("backup", "archive"), ("certificates", "revocation-lists")):
            run(pages(page, f"cp deploy/systemd/overstap-{name}"))
        timers = run("systemctl list-timers --all --no-pager")
        for name in ("backup", "archive", "revocation-lists"):
            assert f"overstap-{name}.timer" in timers
            assert run(f"systemctl is-enabled overstap-{name}.timer").strip() == "enabled"
        units = "deploy/systemd/*.service deploy/systemd/*.timer"
        run("printf '[Service]\\nExecStart=true\\n' > /etc/systemd/system/docker.service")
        run("ln -s /bin/true /usr/bin/docker")
        run(f"systemd-analyze verify {units}")


def test_a_desk_for_schools_that_ask(started: Started, confirmed: str) -> None:
    """One choice more adds it; it speaks TLS with the conductor's certificate, to schools that show theirs."""
    deployed = started.deployed
    port = deployed.ports["desk"]
    deployed.run(f"deploy/init --desk {REGION} --desk-listen 127.0.0.1:{port}")
    deployed.run("docker compose up --detach --wait")
    assert deployed.services()["desk"] == "healthy"
    trust = deployed.place / "data" / "trust"
    own = trust / "schools" / started.region.secondary[0].id

    def answer(*, shows_certificate: bool) -> httpx.Response:
        context = ssl.create_default_context(cafile=str(trust / "ca" / "authorities.pem"))
        if shows_certificate:
            context.load_cert_chain(own / "tls-1.crt", own / "tls-1.key")
        with httpx.Client(verify=context, trust_env=False, timeout=60) as client:
            asked = httpx.Request("GET", f"https://127.0.0.1:{port}/", extensions={"sni_hostname": "desk"})
            return client.send(asked)

    assert answer(shows_certificate=True).status_code < 500
    with pytest.raises(httpx.TransportError):
        answer(shows_certificate=False)


def test_files_beside_docker_compose_are_taken_by_it(started: Started) -> None:
    """The override with a second desk, and the one for the machine's journal."""
    deployed = started.deployed
    page = (PROJECT / "docs" / "scaling.md").read_text()
    override = page[page.index("```yaml\n") + 8 :].partition("```")[0]
    (deployed.code / "second-desk.yaml").write_text(override)
    made = deployed.run("COMPOSE_FILE=docker-compose.yaml:second-desk.yaml docker compose --profile desk config")
    desk = yaml.safe_load(made)["services"]["desk-waterland"]
    assert [one["published"] for one in desk["ports"]] == ["8445"]
    assert desk["command"][:4] == ["overstap", "deliver", "serve", "waterland"]
    named = (PROJECT / "docs" / "monitoring.md").read_text()
    files = next(line for line in named.split("`") if line.startswith("COMPOSE_FILE="))
    services = yaml.safe_load(deployed.run(f"{files} docker compose --profile '*' config"))["services"]
    assert {one["logging"]["driver"] for one in services.values()} == {"journald"}


def test_a_secret_is_changed_as_the_page_says(started: Started, confirmed: str) -> None:
    """Another password in its file, `init`, and every container anew: nobody else was told, and all is well."""
    deployed = started.deployed
    for name in ("review_password", "app_password"):
        (deployed.place / "etc" / "secrets" / name).write_text(new_password())
    deployed.do("install", "docker compose run --rm init")
    deployed.run("docker compose up --detach --force-recreate --wait")
    assert _wrong(deployed.run("docker compose run --rm admin overstap doctor --quiet", check=False)) == set()


def test_certificates_of_a_private_authority(started: Started, confirmed: str) -> None:
    """The recipe of docs/certificates.md, from the request to a conductor's certificate that counts."""
    deployed = started.deployed
    own = deployed.place / "data" / "trust" / "conductor" / REGION
    deployed.do("certificates", "docker compose run --rm admin overstap trust request")
    deployed.do("certificates", "mkdir -p authority")
    for path in sorted(own.glob("*-3.csr")):
        shutil.copy(path, deployed.code / f"{path.name.split('-')[0]}-1.csr")
    deployed.do("certificates", "openssl ca -config")
    deployed.do("certificates", "install -m 0644 authority")
    for name in ("tls-1.crt", "signing-1.crt"):
        shutil.copy(deployed.code / name, deployed.place / "data" / "lists" / name)
        os.chown(deployed.place / "data" / "lists" / name, 50000, 0)
    deployed.do("certificates", "docker compose run --rm admin overstap trust accept")
    assert {"tls-3.crt", "signing-3.crt"} <= {path.name for path in own.glob("*.crt")}
    deployed.do("certificates", "docker compose run --rm admin overstap trust fetch")
    deployed.run("openssl ca -config deploy/authority/openssl.cnf -revoke signing-1.crt")
    # What was signed under the earlier authority is still verified.
    assert f"{REGION}: I1-I13 hold" in deployed.admin("overstap ledger check")
    assert "the conductor's that" not in deployed.admin("overstap doctor --only regions", check=False)


def test_commands_that_stand_in_sentences(started: Started, confirmed: str) -> None:
    deployed = started.deployed
    (deployed.place / "mail-password").write_text(new_password())
    drop = deployed.place / "data" / "drop"
    agreement = f"../regions/{REGION}/{started.agreement.school_year}.yaml"  # from the folder for a command's files
    stands_for = {
        "AGREEMENT": agreement,
        "DOSSIER": shlex.quote(str(Path("../drop") / next(drop.rglob("*.xml")).relative_to(drop))),
        "FILE": str(deployed.place / "mail-password"),
        "FOLDER": "preview",
        "REGION": REGION,
        "SERVICE": "scheduler",
        '"--address ..."': "--trial",
    }
    for command, runs in IN_SENTENCES.items():
        if runs is not None:
            runs = runs or command
            for word, value in stands_for.items():
                runs = runs.replace(word, value)
            admin = runs.startswith("overstap ")
            is_checked = not runs.startswith(FINDS_FAULTS)
            said = (
                deployed.admin(runs, check=is_checked) if admin else deployed.run(runs, BUILD_OPTIONS=build_options())
            )
            print(f"{command}: {len(said.splitlines())} lines")
    assert "mail.example.nl" in (deployed.place / "etc" / "secrets" / "mail_connection").read_text()
    assert any((deployed.place / "data" / "lists" / "preview").iterdir())


def test_an_installation_without_a_network(started: Started, confirmed: str) -> None:
    """A bundle, carried over, checked, loaded; the image can be made there anew from its packages alone."""
    deployed = started.deployed
    commit_all(deployed.code, "for the bundle")
    deployed.run("make bundle", BUILD_OPTIONS=build_options(), BASE=base_image())
    there = deployed.place / "elsewhere"
    there.mkdir()
    for path in (deployed.code / "bundle").iterdir():
        shutil.move(path, there / path.name)
    said = deployed.run(f"cd {there}\n{deployed.documented('install', 'sha256sum --check')}")
    assert f"Loaded image: {deployed.project}:local" in said
    assert {f"Loaded image: {name}" for name in (base_image(), "postgres:18")} <= set(said.splitlines())
    shutil.move(there / "wheels", there / "overstap" / "wheels")
    options = build_options().replace("--network host", "--network none")
    deployed.run(f"cd {there / 'overstap'}\ndocker build {options} --tag {deployed.project}:anew .")
    listed = "docker run --rm --network none --entrypoint pip {} list --format freeze"
    lists = [deployed.run(listed.format(f"{deployed.project}:{tag}")) for tag in ("local", "anew")]
    assert lists[0] == lists[1]
    deployed.run(f"docker image rm {deployed.project}:anew")
    shutil.rmtree(there)


def test_the_image_holds_nothing_that_production_does_not_use(started: Started) -> None:
    """Packages that nobody asks for, and folders of the repository; and what the image weighs."""
    look = "docker run --rm --network none --entrypoint {} " + f"{started.deployed.project}:local"
    look_in = look.replace("--rm", "--rm --interactive").format("python")
    said = started.deployed.run(f"{look_in} - < {Path(__file__).with_name('not_needed.py')}")
    assert said.split() == []
    print(started.deployed.run(f"docker image inspect --format '{{{{.Size}}}}' {started.deployed.project}:local"))
    layers = f"docker history --format '{{{{.Size}}}} {{{{.CreatedBy}}}}' {started.deployed.project}:local"
    print(started.deployed.run(layers))
    for name in ("tests", "tools", ".git", "docs", "examples"):
        assert "no" in started.deployed.run(f"{look.format('bash')} -c 'test -e /opt/overstap/{name} || echo no'")


def test_every_command_of_the_pages_was_run(
    started: Started, confirmed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    left = started.deployed.documented.not_taken()
    here = [block for block in sorted(left) if not block.startswith(tuple(NOT_HERE))]
    with capsys.disabled():
        print("\nblocks of the pages that another test runs:")
        for begins, why in NOT_HERE.items():
            print(f"  {begins}: {why}")
    assert here == []
    assert in_sentences() == set(IN_SENTENCES)
    assert [begins for begins in NOT_HERE if not any(block.startswith(begins) for block in left)] == []
