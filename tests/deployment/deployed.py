"""Deployment of this checkout in containers, made and operated by the commands in the docs."""

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from aiosmtpd.controller import Controller
from documented import Documented

from overstap.agreements import Agreement, Milestones, RoundKind, load_agreement
from overstap.clock import dutch_time, now
from overstap.simulation.synthetic.region import SyntheticRegion, make_region
from overstap.simulation.synthetic.writing import WrittenRegion, write
from overstap_tools.demo.mail import AT_ANY_HOUR
from overstap_tools.local.api import AirflowApi
from overstap_tools.local.mail_sink import MailFileHandler
from overstap_tools.local.ports import any_free, is_free
from overstap_tools.local.waiting import wait_until
from overstap_tools.project import PROJECT

REGION, KIND = "haaglanden", RoundKind.ADVICE  # the pages' own example
NAMES = ("overstap.example.nl", "inzage.example.nl", "scholen.example.nl")
_COPIED = ("src", "include", "dags", "plugins", "deploy", "docs")
_COPIED_FILES = (
    ".gitignore",
    "Dockerfile",
    "docker-compose.yaml",
    ".dockerignore",
    "requirements.txt",
    "requirements-cluster.txt",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "Makefile",
)
REVIEW = timedelta(minutes=8)
_LONGEST_SECONDS = 900
_COMMIT = ("-c", "user.name=test", "-c", "user.email=test@example.nl", "commit", "--quiet", "--message")
TAG = "previous"
"""Of the version with which a deployment begins that is upgraded."""
_TASK = re.compile(r"airflow worker -- [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""What the process of a task calls itself; that of an idle worker ends otherwise."""


@dataclass
class Deployed:
    """One deployment.

    Args:
        place: folder for everything; the pages' own folders are below it.
        number: distinguishes what a machine has once: project, network.
        previous: commit of this repository with which it begins, as a clone that can pull; None: with this checkout.
    """

    place: Path
    number: int
    previous: str | None = None
    ports: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.documented = Documented(self.place / "taken.json")
        kept = self.place / "ports.json"
        if kept.exists():
            self.ports = json.loads(kept.read_text())
            return
        self.place.mkdir(parents=True, exist_ok=True)
        if self.previous is None:
            _copy(self.code)
        else:
            self._clone(self.previous)
        self.ports = {name: any_free() for name in ("board", "review", "school", "https", "http", "mail", "desk")}
        kept.write_text(json.dumps(self.ports))

    def _clone(self, commit: str) -> None:
        """Make a repository with an earlier version of this one, tagged, and a clone of it; see `publish`."""
        self._origin.mkdir()
        archive = ["git", "-C", str(PROJECT), "archive", commit]
        packed = subprocess.run(archive, check=True, capture_output=True).stdout
        subprocess.run(["tar", "--extract", "--directory", str(self._origin)], input=packed, check=True)
        commit_all(self._origin, "old")
        _quiet(["git", "-C", self._origin, "tag", TAG])
        _quiet(["git", "clone", "--quiet", self._origin, self.code])

    def publish(self) -> None:
        """Put this checkout, as it is, into the repository from which the deployment pulls."""
        for path in self._origin.iterdir():
            if path.name != ".git":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        _copy(self._origin)
        commit_all(self._origin, "new")

    @property
    def _origin(self) -> Path:
        return self.place / "origin"

    def stage(self, name: str) -> str | None:
        """Return what a stage of the story left, when it was passed in an earlier run on the same place."""
        path = self.place / f"stage-{name}"
        return path.read_text() if path.exists() else None

    def passed(self, name: str, left: str = "passed") -> str:
        """Keep that a stage was passed, and what it left."""
        (self.place / f"stage-{name}").write_text(left)
        return left

    @property
    def code(self) -> Path:
        """Where docker-compose.yaml is."""
        return self.place / "overstap"

    @property
    def project(self) -> str:
        """Name of the compose project."""
        return f"overstap-test-{self.number}"

    @property
    def network(self) -> str:
        """Its network's first three numbers."""
        return f"10.213.{200 + self.number % 50}"

    def here(self, command: str) -> str:
        """Return a command of the pages with this deployment's folders in the place of the usual ones."""
        for usual, mine in (
            ("/etc/overstap", self.place / "etc"),
            ("/var/lib/overstap", self.place / "data"),
            ("/var/backups", self.place / "backups"),
            ("docker build --pull --tag overstap:local", f"docker build {build_options()} --tag {self.project}:local"),
            ("overstap_database", f"{self.project}_database"),
            ("git checkout v0.1.0", f"git checkout --quiet {TAG}"),
        ):
            command = command.replace(usual, str(mine))
        return command

    def run(self, command: str, *, check: bool = True, **env: str) -> str:
        """Run a command as an administrator would, in the folder of docker-compose.yaml; return what it said."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.here(command)],
            cwd=self.code,
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith(("COMPOSE_", "OVERSTAP_"))},
                "CONFIGURATION": str(self.place / "etc"),
                "DATA": str(self.place / "data"),
                "IMAGE": f"{self.project}:local",
                "RECIPIENTS": str(self.place / "etc" / "backup-recipients"),
                **env,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_LONGEST_SECONDS,
        )
        if check and done.returncode:
            logs = self.run("docker compose logs --tail 40", check=False) if check and "up" in command else ""
            raise AssertionError(f"{self.here(command)}\nended with {done.returncode}:\n{done.stdout[-3000:]}\n{logs}")
        return done.stdout

    def do(self, page: str, begins: str, more: str = "") -> str:
        """Run the block of a page that begins with these words, with further options behind it."""
        return self.run(f"{self.documented(page, begins)} {more}".strip())

    def admin(self, command: str, *, check: bool = True) -> str:
        """Run a command in the container for commands."""
        return self.run(f"docker compose run --rm --no-TTY admin {command}", check=check)

    def psql(self, statement: str, database: str = "overstap_ledger") -> str:
        """Ask the database server something, as its superuser."""
        words = f"psql --username postgres --dbname {database} --no-align --tuples-only"
        return self.run(f'docker compose exec --no-TTY postgres {words} --command "{statement}"').strip()

    def services(self) -> dict[str, str]:
        """Return which containers run, by service, and how they are."""
        said = self.run("docker compose ps --format '{{.Service}} {{.Health}}'")
        return dict([*line.split(" ", 1), ""][:2] for line in said.splitlines() if line)

    def kill(self, *services: str) -> None:
        """End the first process of containers as a crash does; the engine starts them again."""
        for service in services:
            container = self.run(f"docker compose ps --quiet {service}").strip()
            pid = int(self.run("docker inspect --format '{{.State.Pid}}' " + container))
            os.kill(pid, signal.SIGKILL)

    def tasks(self) -> list[int]:
        """Return the processes on this machine in which tasks run now."""
        container = self.run("docker compose ps --quiet scheduler").strip()
        lines = [line.split(maxsplit=1) for line in self.run(f"docker top {container} -eo pid,args").splitlines()[1:]]
        return [int(pid) for pid, command in lines if _TASK.fullmatch(command.strip())]

    def board(self, path: str, account: str, password: str) -> str:
        """Return a page of the board as an account sees it."""
        address = f"http://127.0.0.1:{self.ports['board']}"
        with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
            token = client.post("/auth/token", json={"username": account, "password": password}).json()["access_token"]
            answer = client.get(f"/rondes{path}", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        return answer.text

    def api(self, account: str = "admin", password: str | None = None) -> AirflowApi:
        """Return a client of Airflow's interface."""
        secret = password or (self.place / "etc" / "secrets" / "admin_password").read_text()
        return AirflowApi(f"http://127.0.0.1:{self.ports['board']}", account, secret)

    def coordinator(self, password: str | None = None) -> AirflowApi:
        """Return a client for the coordinator, whose account `init` made, after giving it a password."""
        account, secret = self.agreement().coordinators[0].account, password or new_password()
        with self.api() as admin:
            admin.put_user(account, secret, [f"coordinator_{REGION}"], shown_as=("Coördinator", "Regio"))
        return self.api(account, secret)

    def destroy(self) -> None:
        """Remove all containers, volumes, networks."""
        self.run("docker compose --profile '*' down --volumes --timeout 2 --remove-orphans", check=False)

    def forget(self) -> None:
        """Remove its image as well; a restore needs it."""
        self.run(f"docker image rm --force {self.project}:local", check=False)

    # -- a region that plays a round ----------------------------------------------------------------------------

    def make_region(
        self, pupils: int, *, name: str = REGION, schools: tuple[int, int] = (2, 2), first: int = 0
    ) -> SyntheticRegion:
        """Return a made-up region; the same each time.

        Args:
            pupils: how many.
            name: its id.
            schools: primary and secondary schools.
            first: where the numbers of its schools begin, so that two regions have others.
        """
        today = dutch_time(now()).date()
        return make_region(
            *(2027, pupils, *schools),
            today=today,
            name=name,
            first_position=first,
            late=0,
            faulty=0,
            littered=0,
            database=0,
        )

    def write_region(self, region: SyntheticRegion, *, review_minimum: timedelta = REVIEW) -> WrittenRegion:
        """Write a region whose round opens at once: agreement, drop folders, applications, schools' lists."""
        opens = (now() - timedelta(minutes=5)).replace(microsecond=0)
        moments = {
            name: opens + timedelta(seconds=10 * step)
            for step, name in enumerate(("data_due", "review_opens", "review_closes", "delivers"), start=1)
        }
        milestones = Milestones(opens=opens, receipts_due=opens + timedelta(hours=3), **moments)
        written = write(
            region,
            self.place / "made",
            {KIND: milestones},
            receives_at=lambda school: f"https://receiver-{school.lower()}:8443/v1/envelopes",
            review_minimum=review_minimum,
            notices=AT_ANY_HOUR,
        )
        shutil.copytree(written.agreement.parent, self.place / "etc" / "regions" / region.name, dirs_exist_ok=True)
        return written

    def supply(self, agreement: Agreement) -> None:
        """Put into the drop folder what schools and the region's administration hand in."""
        made, drop, region = self.place / "made", self.place / "data" / "drop", agreement.region
        shutil.copytree(made / "drop" / region, drop / region, dirs_exist_ok=True)
        shutil.copy(made / "applications" / f"{region}.csv", drop / region / (agreement.registrations.file or ""))
        for path in drop.rglob("*"):
            os.chown(path, 50000, 0)

    def agreement(self, region: str = REGION) -> Agreement:
        """Return what was agreed."""
        return load_agreement(next((self.place / "etc" / "regions" / region).glob("[0-9]*.yaml")))

    def receivers(self, *regions: SyntheticRegion) -> None:
        """Add a container for each receiving school, as a school would run one."""
        services: dict[str, Any] = {"init": {"build": {"network": "host"}}}
        for school in [school for region in regions for school in region.secondary]:
            store = self.place / "received" / school.id
            store.mkdir(parents=True, exist_ok=True)
            os.chown(store, 50000, 0)
            serve = ["overstap", "receive", "serve", "--school", school.id, "--host", "0.0.0.0"]  # noqa: S104
            services[f"receiver-{school.id.lower()}"] = {
                "image": f"{self.project}:local",
                "pull_policy": "never",
                "restart": "unless-stopped",
                "networks": ["inside"],
                "volumes": [f"{self.place}/data/trust:/trust:ro", f"{store}:/received"],
                "command": [*serve, "--trust", "/trust", "--store", "/received"],
            }
        (self.code / "receivers.yaml").write_text(yaml.safe_dump({"services": services}))
        env = self.code / ".env"
        said = env.read_text()
        if "receivers.yaml" not in said:
            files = re.search(r"^COMPOSE_FILE=(.*)$", said, flags=re.M)
            if files:
                env.write_text(said.replace(files[0], f"{files[0]}:receivers.yaml"))
            else:
                env.write_text(f"{said}COMPOSE_FILE=docker-compose.yaml:receivers.yaml\n")


def _copy(target: Path) -> None:
    """Copy what a deployment needs of this checkout."""
    target.mkdir(exist_ok=True)
    for name in _COPIED:
        shutil.copytree(PROJECT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in _COPIED_FILES:
        shutil.copy(PROJECT / name, target / name)


def commit_all(folder: Path, says: str) -> None:
    """Commit all of a folder, which becomes a repository if it is none."""
    for words in (["init", "--quiet", "--initial-branch", "main"], ["add", "--all"], [*_COMMIT, says]):
        _quiet(["git", "-C", folder, *words])


def build_options() -> str:
    """Return what the builder needs of this machine: its network, and its package index."""
    passed = [f"--build-arg {name}={os.environ[name]}" for name in ("PIP_CERT", "PIP_INDEX_URL") if name in os.environ]
    passed.append(f"--build-arg BASE={base_image()}")
    return " ".join(["--network host", *passed])


def base_image() -> str:
    """Return the Dockerfile's base; where that is not there but the larger image of the same Airflow is, the latter."""
    slim = re.search(r"^ARG BASE=(.*)$", (PROJECT / "Dockerfile").read_text(), flags=re.M)
    assert slim
    there = [
        name
        for name in (slim[1], slim[1].replace(":slim-", ":"))
        if subprocess.run(["docker", "image", "inspect", name], capture_output=True).returncode == 0
    ]
    return (*there, slim[1])[0]


def new_password() -> str:
    """Return a password that nobody has."""
    return secrets.token_urlsafe(16)


@contextmanager
def new_place(config: pytest.Config, name: str, *, previous: str | None = None) -> Iterator[Deployed]:
    """Give a deployment in a folder of its own; everything of it goes at the end, unless its place was asked for.

    Args:
        config: with the option `--deployment-place`.
        name: of its folder.
        previous: commit with which it begins; see `Deployed`.
    """
    kept = config.getoption("--deployment-place")
    place = Path(kept or tempfile.mkdtemp(prefix="overstap-deployment-", dir="/var/tmp")) / name
    made = Deployed(place, number=zlib.crc32(str(place).encode()) % 1000, previous=previous)
    try:
        yield made
    finally:
        if not kept:
            made.destroy()
            made.forget()
            shutil.rmtree(place.parent, ignore_errors=True)


@contextmanager
def mail_server(folder: Path, address: str, port: int) -> Iterator[Path]:
    """Run a mail server where containers can reach it; what it got lies in the folder, by recipient."""
    server = Controller(MailFileHandler(folder), hostname=address, port=port)
    server.start()
    try:
        yield folder
    finally:
        server.stop()


@contextmanager
def proxy(deployed: Deployed) -> Iterator[Path]:
    """Run nginx with the configuration of `deploy/init`, on free ports of 127.0.0.1; give its authority's file."""
    place = deployed.place / "nginx"
    tls = deployed.place / "etc" / "tls"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    tls.mkdir(exist_ok=True)
    authority, key = place / "authority.crt", place / "authority.key"
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    new += ["-nodes", "-days", "2"]
    _quiet([*new, "-subj", "/CN=test authority", "-keyout", key, "-out", authority])
    for name in NAMES:
        signed = ["-CA", authority, "-CAkey", key, "-addext", f"subjectAltName=DNS:{name}"]
        plain = ["-addext", "basicConstraints=CA:false", "-subj", f"/CN={name}"]
        _quiet([*new, *plain, *signed, "-keyout", tls / f"{name}.key", "-out", tls / f"{name}.crt"])
    made = (deployed.place / "etc" / "nginx.conf").read_text()
    https, http = deployed.ports["https"], deployed.ports["http"]
    made = "\n".join(line for line in made.splitlines() if "listen [::]" not in line)
    made = made.replace("listen 443", f"listen 127.0.0.1:{https}").replace("listen 80;", f"listen 127.0.0.1:{http};")
    made = made.replace("/var/log/nginx", str(place))
    (place / "site.conf").write_text(made)
    (place / "nginx.conf").write_text(
        f"daemon off; pid {place}/pid; error_log {place}/error.log; worker_processes 1;\n"
        f"events {{}}\nhttp {{ access_log {place}/access.log; include {place}/site.conf; }}\n"
    )
    _quiet(["nginx", "-t", "-c", place / "nginx.conf"])
    process = subprocess.Popen(["nginx", "-c", str(place / "nginx.conf")])
    try:
        wait_until(lambda: not is_free(https), "nginx", 60)
        yield authority
    finally:
        process.terminate()
        process.wait()


def _quiet(command: list[Any]) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
