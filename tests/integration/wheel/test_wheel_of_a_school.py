"""Tests of the wheel in an empty environment, as a receiving school or a supplier installs it."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest
from official_files import VERSION, official_files

from overstap.clock import now
from overstap.delivery.channels.push import PushChannel
from overstap.envelope.envelope import SealedEnvelope, seal
from overstap.envelope.message_ids import message_id
from overstap.envelope.over_https import ENVELOPES
from overstap.envelope.receipt import verify_receipt
from overstap.pki import TrustStore, make_development_certificates
from overstap.simulation.synthetic.region import make_region
from overstap.simulation.synthetic.writing import write
from overstap_tools.local import ports
from overstap_tools.project import PROJECT

from .wheels import bare_environment, build, install

SENDER, SCHOOL = "99AB00", "98XA00"
LARGE = {"airflow", "apache-airflow", "great-expectations", "numpy", "pandas", "psycopg", "paramiko", "fastapi"}
VECTORS = PROJECT / "tests" / "vectors" / "envelope"


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment in which the wheel and its dependencies are installed."""
    folder = tmp_path_factory.mktemp("wheel")
    return install(build(folder), folder)


@pytest.fixture
def run(programs: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a program of that environment in an empty folder."""

    def run(name: str, *words: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [programs / name, *map(str, words)],
            cwd=tmp_path,
            env=bare_environment(**environment),
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def trust(tmp_path: Path) -> TrustStore:
    make_development_certificates(tmp_path / "trust", schools=[SENDER, SCHOOL], regions=["waterland"], at=now())
    return TrustStore(tmp_path / "trust", production=False)


def sealed(trust: TrustStore) -> tuple[UUID, SealedEnvelope]:
    """Seal a dossier for the school."""
    at = now()
    identity = message_id(at, os.urandom(10))
    made = seal(
        {"dossier.xml": b"<dossier/>"},
        message_id=identity,
        round_id="waterland/2026-2027/advice",
        sender=trust.signing_identity(SENDER, at=at),
        recipient=trust.recipient(SCHOOL, at=at),
        oso_version="2019.1",
        created_at=at,
    )
    return identity, made


def test_nothing_large_is_installed(run) -> None:
    done = run("python", "-c", "import importlib.metadata as m; print(*(d.name for d in m.distributions()))")
    installed = {name.lower() for name in done.stdout.split()}
    assert "overstap" in installed
    assert not installed & LARGE


def test_the_version_and_the_list_of_commands(run) -> None:
    assert run("overstap", "--version").stdout.startswith("Overstap ")
    shown = run("overstap", "--help")
    assert shown.returncode == 0, shown.stderr
    assert "receive" in shown.stdout


def test_a_command_of_the_conductor_says_what_to_install(run) -> None:
    done = run("overstap", "ledger", "migrate", OVERSTAP_LEDGER_OWNER="dbname=x")
    assert done.returncode == 2
    assert "SETTING-002" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("file", official_files(f"{VERSION}/examples/**/*.xml")[:3] or [None], ids=str)
def test_an_official_example_is_checked(run, file: Path | None) -> None:
    if file is None:
        pytest.skip("the official examples are not at hand (../shared/oso)")
    done = run("overstap", "dossier", "check", "--format", "json", file)
    assert done.returncode in (0, 1), done.stderr
    assert json.loads(done.stdout)


def test_a_dossier_is_checked(run, tmp_path: Path) -> None:
    region = make_region(1, 4, 2, 1, today=date(2026, 11, 23), name="alfa", faulty=0, littered=0, late=0)
    write(region, tmp_path / "alfa")
    file = next((tmp_path / "alfa").rglob("*.xml"))
    done = run("overstap", "dossier", "check", file, "--today", "2026-11-23")
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr


OPENS = """
import sys, json, pathlib
from overstap.envelope.envelope import open_envelope
from overstap.envelope.manifest import moment_of
from overstap.pki import TrustStore
import overstap
folder, at, school, file = sys.argv[1:]
trust, at = TrustStore(pathlib.Path(folder), production=False), moment_of(at)
opened = open_envelope(
    pathlib.Path(file).read_bytes(), keyring=trust.keyring(school, at=at), trust=trust, school=school, at=at
)
print(json.dumps({"files": sorted(opened.files), "where": overstap.__file__}))
"""


def test_a_test_vector_opens(run, tmp_path: Path, programs: Path) -> None:
    index = json.loads((VECTORS / "vectors.json").read_text(encoding="utf-8"))
    vector = next(one for one in index["vectors"] if one["file"].startswith("good/"))
    folder = tmp_path / "vectors"
    shutil.copytree(VECTORS / "trust", folder)
    for key in folder.rglob("*.key"):
        key.chmod(0o600)
    done = run("python", "-c", OPENS, folder, index["at"], vector["recipient"], VECTORS / vector["file"])
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert "dossier.xml" in said["files"]
    assert Path(said["where"]).is_relative_to(programs.parent)


def test_an_envelope_that_was_collected_opens(run, tmp_path: Path, trust: TrustStore) -> None:
    identity, made = sealed(trust)
    (tmp_path / f"{identity}.cms").write_bytes(made.envelope)
    done = run("overstap", "open", "--school", SCHOOL, "--trust", trust.folder, f"{identity}.cms")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "geopend" / "dossiers" / str(identity) / "dossier.xml").read_bytes() == b"<dossier/>"


def test_the_endpoint_takes_a_delivery(programs: Path, tmp_path: Path, trust: TrustStore) -> None:
    port = ports.any_free()
    words = ["receive", "serve", "--school", SCHOOL, "--trust", trust.folder, "--store", tmp_path / "store"]
    log = (tmp_path / "log").open("wb")
    server = subprocess.Popen(
        [programs / "overstap", *map(str, words), "--port", str(port)],
        cwd=tmp_path,
        env=bare_environment(),
        stdout=log,
        stderr=log,
    )
    log.close()
    identity, made = sealed(trust)
    client = trust.conductor_identity("waterland", at=now())
    url = f"https://127.0.0.1:{port}{ENVELOPES}"
    try:
        answer = None
        with PushChannel(url, school=SCHOOL, trust=trust, client=client, at=now()) as channel:
            while (answer is None or answer.problem == "unreachable") and server.poll() is None:
                answer = channel.hand_over(made.envelope, message_id=identity)
        assert answer is not None, (tmp_path / "log").read_text()
        receipt = verify_receipt(
            answer.receipt_unverified or b"",
            message_id=identity,
            envelope_sha256=made.envelope_sha256,
            manifest_sha256=made.manifest_sha256,
            receiver=SCHOOL,
            trust=trust,
            at=now(),
        )
        assert receipt.is_accepted
    finally:
        server.kill()
        server.wait()
