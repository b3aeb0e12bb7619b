"""Tests of `overstap deploy init`: what it makes, and that it keeps existing files."""

import contextlib
import json
import os
import ssl
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from overstap.cli import app, deploy
from overstap.deployment import data_folders, env_file, secret_files
from overstap.deployment.choices import Choices, MailServer
from overstap.errors import OverstapError
from overstap.settings import Settings
from overstap_tools.project import PROJECT

ADDRESSES = {
    "--address": "https://overstap.example.nl",
    "--review-address": "https://inzage.example.nl",
    "--school-address": "https://scholen.example.nl",
}


@pytest.fixture(autouse=True)
def _own_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders are given to this process's own account: tests need not be root."""
    monkeypatch.setattr(data_folders, "CONTAINER_USER", os.getuid())
    monkeypatch.setattr(data_folders, "CONTAINER_GROUP", os.getgid())


def init(place: Path, *more: str) -> str:
    options = [word for pair in ADDRESSES.items() for word in pair] if "--trial" not in more else []
    folders = [word for name in ("secrets", "regions", "data") for word in (f"--{name}", str(place / name))]
    where = ["--compose", str(place), "--proxy", str(place / "nginx.conf")]
    done = CliRunner().invoke(app, ["deploy", "init", *options, *folders, *where, *more])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_second_time_changes_nothing_and_a_choice_that_is_left_out_stays(tmp_path: Path) -> None:
    init(tmp_path, "--administrators", "a.beheer,b.beheer", "--board-port", "9080", "--desk", "demo")
    before = contents(tmp_path)
    init(tmp_path)
    assert contents(tmp_path) == before
    said = env_file.read(tmp_path / ".env")
    assert said["ADMINISTRATORS"] == "a.beheer,b.beheer"
    assert stat.S_IMODE((tmp_path / "tls").stat().st_mode) == 0o700
    assert said["BOARD_PORT"] == "9080"
    assert said["COMPOSE_PROFILES"] == "desk"
    assert (said["PRODUCTION"], said["TRIAL"]) == ("true", "false")


def test_an_address_that_cannot_be_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deploy, "is_asked", lambda: True)
    folders = [word for name in ("secrets", "regions", "data") for word in (f"--{name}", str(tmp_path / name))]
    where = ["--compose", str(tmp_path), "--proxy", str(tmp_path / "nginx.conf")]
    typed = "overstap\nhttps://overstap.example.nl/\nhttp://inzage.example.nl\n" + "\n".join(
        list(ADDRESSES.values())[1:]
    )
    done = CliRunner().invoke(app, ["deploy", "init", *folders, *where], input=typed)
    assert done.exit_code == 0, done.output
    assert done.output.count("https:// and a name") == 2
    said = env_file.read(tmp_path / ".env")
    assert [said[name] for name in ("ADDRESS", "REVIEW_ADDRESS", "SCHOOL_ADDRESS")] == list(ADDRESSES.values())


def test_lines_of_ones_own_in_the_settings_file_stay(tmp_path: Path) -> None:
    init(tmp_path)
    path = tmp_path / ".env"
    path.write_text("# ours\nCOMPOSE_FILE=docker-compose.yaml:ours.yaml\n" + path.read_text())
    init(tmp_path, "--parallelism", "16")
    lines = path.read_text().splitlines()
    assert lines[:2] == ["# ours", "COMPOSE_FILE=docker-compose.yaml:ours.yaml"]
    assert "PARALLELISM=16" in lines
    assert len([line for line in lines if line.startswith("PARALLELISM=")]) == 1


@pytest.mark.parametrize(("processors", "tasks"), [(None, 4), (1, 4), (2, 4), (3, 6), (4, 8), (64, 8)])
def test_as_many_tasks_at_once_as_the_machine_has_use_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processors: int | None, tasks: int
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    init(tmp_path)
    assert env_file.read(tmp_path / ".env")["PARALLELISM"] == str(tasks)


def test_secrets_are_of_their_own_folder_and_each_is_another(tmp_path: Path) -> None:
    init(tmp_path)
    folder = tmp_path / "secrets"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    values = [(folder / name).read_text() for name in (*secret_files.PASSWORDS, *secret_files.SHARED, "fernet_key")]
    assert len(set(values)) == len(values)
    assert min(map(len, values)) >= 44
    assert [(folder / name).read_text() for name in secret_files.OPTIONAL] == ["", "", ""]


def test_a_region_gets_its_first_keys_and_a_broken_one_stops_nothing(tmp_path: Path) -> None:
    regions = tmp_path / "regions"
    (regions / "kapot").mkdir(parents=True)
    (regions / "kapot" / "2026-2027.yaml").write_text("region: [")
    (regions / "demo").mkdir()
    for path in (PROJECT / "include" / "regions" / "demo").iterdir():
        (regions / "demo" / path.name).write_bytes(path.read_bytes())
    said = init(tmp_path)
    assert "kapot" in said or "2026-2027.yaml" in said
    keys = tmp_path / "data" / "keys" / "demo"
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys.iterdir()} == {0o600}
    before = contents(keys)
    init(tmp_path)
    assert contents(keys) == before
    assert not (tmp_path / "data" / "trust" / "ca").exists(), "certificates of a development authority in production"


def test_lists_of_duo_are_named_once_there_is_one(tmp_path: Path) -> None:
    init(tmp_path)
    assert env_file.read(tmp_path / ".env")["REGISTERS"] == ""
    (tmp_path / "data" / "registers" / "scholen.csv").write_text("BRIN NUMMER\n")
    init(tmp_path)
    assert env_file.read(tmp_path / ".env")["REGISTERS"] == "/var/lib/overstap/registers"


def test_an_empty_setting_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVERSTAP_REGISTERS", "")
    monkeypatch.setenv("OVERSTAP_TRAFFIC_CENTRE", "")
    assert (Settings().registers, Settings().traffic_centre) == (None, None)


def test_a_trial_says_so_and_has_certificates(tmp_path: Path) -> None:
    regions = tmp_path / "regions" / "demo"
    regions.mkdir(parents=True)
    for path in (PROJECT / "include" / "regions" / "demo").iterdir():
        (regions / path.name).write_bytes(path.read_bytes())
    said = init(tmp_path, "--trial", *(word for pair in ADDRESSES.items() for word in pair))
    assert "TRIAL" in said
    variables = env_file.read(tmp_path / ".env")
    assert (variables["PRODUCTION"], variables["TRIAL"]) == ("false", "true")
    assert "TRIAL" in variables["INSTANCE_NAME"]
    assert (tmp_path / "data" / "trust" / "conductor" / "demo" / "signing-1.crt").exists()


@pytest.mark.parametrize(
    ("choice", "value"),
    [
        ("address", "http://overstap.example.nl"),
        ("address", "https://overstap.example.nl/pad"),
        ("address", "https://inzage.example.nl"),
        ("address", "https://overstap.example.nl;return 200"),
        ("review_address", "https://in zage.nl"),
        ("project", "Overstap 2"),
        ("administrators", "a b"),
        ("administrators", "a\nSECRETS_FOLDER=/tmp"),
        ("network", "10.213"),
        ("network", "10.213.300"),
        ("secrets", Path("secrets")),
        ("board_port", 8090),
        ("oidc_issuer", "https://login.example.nl"),
        ("desk_region", "Haag;landen"),
        ("desk_listen", "10.0.0.1"),
        ("oidc_account_claim", "a\nb"),
        ("image", "overstap local"),
    ],
)
def test_a_choice_that_cannot_be_is_told_and_nothing_is_made(choice: str, value: object) -> None:
    usual = {
        "address": "https://overstap.example.nl",
        "review_address": "https://inzage.example.nl",
        "school_address": "https://scholen.example.nl",
    }
    with pytest.raises(OverstapError, match="DEPLOY-001"):
        Choices(**{**usual, choice: value})  # type: ignore[arg-type]


def test_without_a_keyboard_the_missing_option_is_named(tmp_path: Path) -> None:
    with pytest.raises(OverstapError, match=r"DEPLOY-003.*--review-address"):
        CliRunner().invoke(
            app, ["deploy", "init", "--address", "https://a.nl", "--compose", str(tmp_path)], catch_exceptions=False
        )
    assert contents(tmp_path) == {}


def test_a_mail_server_becomes_a_connection_of_airflow() -> None:
    mail = MailServer("mail.example.nl", 587, "overstap@example.nl", "login", "pass word/@")
    assert json.loads(secret_files.mail_connection(mail)) == {
        "conn_type": "smtp",
        "host": "mail.example.nl",
        "port": 587,
        "login": "login",
        "password": "pass word/@",
        "extra": {"from_email": "overstap@example.nl", "disable_ssl": True, "disable_tls": False},
    }


def test_workers_come_and_go_by_one_choice(tmp_path: Path) -> None:
    init(tmp_path, "--desk", "haaglanden", "--workers", "2")
    path = tmp_path / ".env"
    said = env_file.read(path)
    assert (said["WORKERS"], said["COMPOSE_PROFILES"]) == ("2", "desk,celery")
    assert said["COMPOSE_FILE"] == "docker-compose.yaml:deploy/compose.celery.yaml"
    path.write_text(path.read_text().replace("docker-compose.yaml:", "docker-compose.yaml:ours.yaml:"))
    init(tmp_path)  # what was chosen stays
    assert env_file.read(path)["COMPOSE_FILE"] == "docker-compose.yaml:ours.yaml:deploy/compose.celery.yaml"
    init(tmp_path, "--workers", "0")
    said = env_file.read(path)
    assert (said["COMPOSE_PROFILES"], said["COMPOSE_FILE"]) == ("desk", "docker-compose.yaml:ours.yaml")


@pytest.mark.parametrize(("host", "name"), [("redis", "redis"), ("postgres", "database")])
def test_a_service_within_has_a_certificate_that_stands_for_itself(tmp_path: Path, host: str, name: str) -> None:
    init(tmp_path)
    folder = tmp_path / "secrets"
    first = (folder / f"{name}_certificate").read_bytes()
    init(tmp_path)
    assert (folder / f"{name}_certificate").read_bytes() == first
    context = ssl.create_default_context(cafile=str(folder / f"{name}_certificate"))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(folder / f"{name}_certificate", folder / f"{name}_key")
    ends = [ssl.MemoryBIO() for _ in range(2)]
    client = context.wrap_bio(*ends, server_hostname=host)
    server = served.wrap_bio(*reversed(ends), server_side=True)
    for _ in range(3):
        for side in (client, server):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
    assert client.getpeercert()["subject"] == ((("commonName", host),),)  # type: ignore[index]


def test_the_database_without_tls_is_written_down_and_can_have_it_again(tmp_path: Path) -> None:
    init(tmp_path)
    path = tmp_path / ".env"
    assert env_file.read(path)["DATABASE_TLS"] == "on"
    init(tmp_path, "--no-database-tls")
    init(tmp_path)  # stays
    assert env_file.read(path)["DATABASE_TLS"] == "off"
    init(tmp_path, "--database-tls")
    assert env_file.read(path)["DATABASE_TLS"] == "on"
