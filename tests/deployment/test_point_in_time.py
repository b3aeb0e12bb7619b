"""Test of the databases' way back to a moment, by the commands of docs/backup.md.

The tests are one story, in order: each stage is a fixture that the next builds upon.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import pytest
from deployed import KIND, REGION, Deployed, build_options, new_place

from overstap_tools.demo.people import CoordinatorClient
from overstap_tools.local.waiting import wait_until
from overstap_tools.project import PROJECT

DAG = f"round__{REGION}__{KIND}"
WAIT_SECONDS = 900
"""Seconds that a busy machine may take for one step."""
_EVIDENCE = "select string_agg(encode(hash, 'hex'), ' ' order by seq) from overstap.audit_line"
_RUNS = "select string_agg(id::text, ' ' order by id) from dag_run"
_DESTROYED = "delete from overstap.backup; drop table overstap.audit_line cascade"
_WEST = timezone(timedelta(hours=-5))
_TZ = "XST5"
"""Zone of the clock by which the moment is given, and the same for `date`: five hours behind UTC, so that a moment
which is read as UTC is before every base backup."""


@dataclass(frozen=True)
class Moment:
    """A moment at which all was well, and what the databases held then.

    Args:
        at: moment by the database server's clock.
        evidence: digests of the ledger's audit lines, in their order.
        runs: ids of Airflow's runs.
    """

    deployed: Deployed
    at: datetime
    evidence: str
    runs: str


@pytest.fixture(scope="module")
def archived(request: pytest.FixtureRequest) -> Iterator[Deployed]:
    """A deployment that archives its log, with a base backup; made by the pages' commands."""
    with new_place(request.config, "moment") as deployed:
        if deployed.stage("archived") is None:
            options = ["--trial", "--project", deployed.project, "--network", deployed.network]
            options += [f"--{name}-port {deployed.ports[name]}" for name in ("board", "review", "school")]
            first = f"{deployed.documented('install', 'deploy/init --address')} {' '.join(options)}"
            deployed.run(first, BUILD_OPTIONS=build_options())
            page = (PROJECT / "docs" / "backup.md").read_text(encoding="utf-8")
            with (deployed.code / ".env").open("a") as env:
                env.write(re.findall(r"^COMPOSE_FILE=.*$", page, flags=re.M)[0] + "\n")
            deployed.do("install", "docker compose up")
            deployed.do("backup", "age-keygen")
            deployed.do("backup", "deploy/backup")
            deployed.passed("archived")
        yield deployed


@pytest.fixture(scope="module")
def moment(archived: Deployed) -> Moment:
    """A region came since the base backup, and its round has collected; then somebody destroys the evidence."""
    archived.write_region(archived.make_region(12))
    archived.do("install", "deploy/init --address")
    archived.supply(archived.agreement())
    archived.do("install", "docker compose up")
    wait_until(lambda: archived.psql("select count(*) from overstap.dossier") == "12", "the dossiers", WAIT_SECONDS)
    # What runs is stopped, so that what is compared stands still
    archived.run("docker compose stop scheduler triggerer dag-processor api-server school review key-service")
    evidence = archived.psql(_EVIDENCE)
    runs = archived.psql(_RUNS, "airflow")
    assert evidence
    assert runs
    # A line just before the moment and one just after it: what comes back is of that moment, not of about then
    archived.psql("create table moment (said text); insert into moment values ('before')", "postgres")
    at = datetime.fromisoformat(archived.psql("select date_trunc('second', now()) + interval '1 second'"))
    time.sleep(3)
    archived.psql("insert into moment values ('after')", "postgres")
    archived.psql(_DESTROYED)
    # A base backup of later than the moment is no beginning for it, though it is the newest
    later = f"{at.astimezone(UTC) + timedelta(days=1):%Y%m%dT%H%M%SZ}"
    (archived.place / "backups" / "overstap" / f"base-{later}.tar.gz.age").write_text("of later than the moment")
    # A file of the log is archived when it is full or five minutes old; this is not waited for here.
    archived.psql("select pg_switch_wal()")
    archive = archived.place / "data" / "archive"
    wait_until(lambda: any(path.is_file() for path in archive.glob("0*")), "a file in the archive", WAIT_SECONDS)
    wait_until(
        lambda: archived.psql("select last_archived_time > now() - interval '1 minute' from pg_stat_archiver") == "t",
        "the archive",
        60,
    )
    return Moment(archived, at, evidence, runs)


@pytest.fixture(scope="module")
def returned(moment: Moment) -> Moment:
    """The databases as they were, by the page."""
    deployed = moment.deployed
    command = deployed.documented("backup", "deploy/archive")
    assert '"2027-03-24 10:31"' in command
    here = moment.at.astimezone(_WEST).strftime("%Y-%m-%d %H:%M:%S")
    deployed.run(command.replace("2027-03-24 10:31", here), TZ=_TZ)
    return moment


def test_what_is_archived_is_taken_away_encrypted(archived: Deployed) -> None:
    archived.run("deploy/archive /var/backups/overstap")
    log = archived.place / "backups" / "overstap" / "log"
    taken = list(log.glob("*.gz.age"))
    assert taken
    assert all(path.read_bytes().startswith(b"age-encryption.org/v1") for path in taken)
    assert not list((archived.place / "data" / "archive").glob("0*"))
    assert "good    log archive" in archived.admin("overstap doctor --only ledger", check=False)


def test_both_databases_are_as_they_were_at_that_moment(returned: Moment) -> None:
    deployed = returned.deployed
    assert deployed.psql("select string_agg(said, ' ') from moment", "postgres") == "before"
    # The services run again, so that more may stand behind it
    assert deployed.psql(_EVIDENCE).startswith(returned.evidence)
    assert deployed.psql(_RUNS, "airflow").startswith(returned.runs)
    assert deployed.psql("select count(*) from overstap.backup where what = 'keys'") == "1"
    assert f"{REGION}: I1-I13 hold" in deployed.admin("overstap ledger check")
    # It archives on, under a history of its own, and nothing of the way back is left
    assert deployed.psql("show restore_command") == ""
    assert not (deployed.place / "data" / "archive" / "restore").exists()
    deployed.psql("select pg_switch_wal()")
    wait_until(
        lambda: any(path.name.startswith("00000002") for path in (deployed.place / "data" / "archive").iterdir()),
        "the log after the way back",
        WAIT_SECONDS,
    )


def test_the_round_goes_on_after_it(returned: Moment) -> None:
    deployed = returned.deployed
    deployed.run("docker compose up --detach --wait")
    with deployed.api() as api:
        asks = CoordinatorClient(api, DAG)
        wait_until(lambda: bool(api.runs(DAG)), f"a run of {DAG}", WAIT_SECONDS)
        run_id = str(api.runs(DAG)[0]["dag_run_id"])
        wait_until(lambda: asks.question(run_id) is not None, "the question to release", WAIT_SECONDS)


def test_it_refuses_what_it_cannot_restore(returned: Moment) -> None:
    """A moment before the first base backup, no moment, and a server that is there."""
    deployed = returned.deployed
    words = "deploy/restore moment restore.key /var/backups/overstap"
    before = (returned.at - timedelta(days=400)).strftime("%Y-%m-%d %H:%M")
    assert "no base backup" in deployed.run(f'{words} "{before}"', check=False)
    assert "is no moment" in deployed.run(f'{words} "half elf"', check=False)
    here = returned.at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    evidence = deployed.psql(_EVIDENCE)
    assert "database server runs" in deployed.run(f'{words} "{here}"', check=False)
    deployed.run("docker compose stop postgres")
    assert "was not touched" in deployed.run(f'{words} "{here}"', check=False)
    deployed.run("docker compose up --detach --wait postgres")
    assert deployed.psql(_EVIDENCE).startswith(evidence)


def test_a_log_that_nobody_takes_away_is_told(returned: Moment) -> None:
    """PostgreSQL keeps its log then; the doctor says so, and it goes on when somebody does."""
    deployed = returned.deployed
    archive = deployed.place / "data" / "archive"
    for number in range(48):
        (archive / f"left-{number}").write_text("")
    deployed.psql("select pg_switch_wal()")

    def told() -> bool:
        deployed.psql("select pg_switch_wal()")
        return "PostgreSQL cannot archive" in deployed.admin("overstap doctor --only ledger", check=False)

    wait_until(told, "the doctor's word", WAIT_SECONDS)
    for path in archive.glob("left-*"):
        path.unlink()
    wait_until(
        lambda: "good    log archive" in deployed.admin("overstap doctor --only ledger", check=False),
        "the archive to go on",
        WAIT_SECONDS,
    )
