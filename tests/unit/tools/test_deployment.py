"""Tests of the deployment's files, as far as possible without containers."""

import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from psycopg.conninfo import conninfo_to_dict

from overstap.deployment import env_file, secret_files
from overstap.deployment.choices import Choices
from overstap.ledger.migrate import LOGINS
from overstap.orchestration.queues import Queue, queued_tasks
from overstap.settings import Settings
from overstap_tools.local.environment import AirflowFolders, environment
from overstap_tools.local.passwords import Passwords
from overstap_tools.project import PROJECT

COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")
WORKERS = ("worker-files", "worker-keys", "worker-default")
TEXT = (PROJECT / "docker-compose.yaml").read_text()
DOCKERFILE = (PROJECT / "Dockerfile").read_text()


@cache
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load(TEXT))


def services() -> dict[str, dict[str, Any]]:
    return {name: {"secrets": [], "networks": [], **one} for name, one in compose()["services"].items()}


def test_every_component_waits_for_the_schema_and_is_watched() -> None:
    others = {"postgres", "init", "admin", "review", "key-service", "school", "desk-keys", "desk", "redis"}
    assert set(services()) == {*others, *COMPONENTS, *WORKERS}
    for name in (*COMPONENTS, *WORKERS, "review", "school", "desk"):
        service = services()[name]
        assert service["depends_on"]["init"]["condition"] == "service_completed_successfully"
        assert service["healthcheck"]["test"][:2] == ["CMD", "healthy"]
    for name in COMPONENTS:
        assert services()[name]["command"][:2] == ["airflow", name]
        assert services()[name]["healthcheck"]["test"][2] == name
    # Each looks at its own port.
    for name in ("review", "school", "desk"):
        port = services()[name]["healthcheck"]["test"][3]
        assert port in services()[name]["command"]
        assert services()[name]["ports"][0].endswith(f":{port}")


def test_nothing_is_published_but_the_pages_on_loopback_and_the_desk() -> None:
    published = {name: service["ports"] for name, service in services().items() if "ports" in service}
    assert set(published) == {"api-server", "review", "school", "desk"}
    for name in ("api-server", "review", "school"):
        [port] = published[name]
        assert port.startswith("127.0.0.1:${")
    assert services()["desk"]["profiles"] == ["desk"]


def test_the_parents_pages_have_their_own_login_and_nothing_else() -> None:
    pages = services()["review"]
    assert pages["secrets"] == ["review_password", "database_certificate"]
    assert "volumes" not in pages
    assert pages["networks"] == ["parents"]
    assert [name for name, one in services().items() if "parents" in one["networks"]] == ["postgres", "review"]


def test_the_schools_pages_have_no_key() -> None:
    pages, service = services()["school"], services()["key-service"]
    assert {part.rsplit("/", 1)[-1] for part in pages["volumes"]} == {"standards:ro", "school"}
    assert {part.rsplit("/", 1)[-1] for part in service["volumes"]} == {"keys:ro", "trust:ro", "school", "board"}
    socket = pages["environment"]["OVERSTAP_KEY_SERVICE"]
    assert pages["volumes"][1].partition(":")[2] == socket.rpartition("/")[0]
    assert socket in service["healthcheck"]["test"]
    assert service["network_mode"] == "none"
    assert not service["secrets"]
    assert pages["depends_on"]["key-service"]["condition"] == "service_healthy"
    folder = service["command"][-1]
    assert re.search(rf"install --directory --owner airflow .* {folder}/school$", DOCKERFILE, flags=re.M)


def test_the_board_has_no_look_up_key_and_asks_over_a_socket_of_its_own() -> None:
    board, service = services()["api-server"], services()["key-service"]
    mounted = {part.partition(":")[2] for part in board["volumes"]}
    socket = board["environment"]["OVERSTAP_KEY_SERVICE"]
    assert socket.rpartition("/")[0] in mounted
    assert not [part for part in board["volumes"] if part.endswith(("/keys:ro", "/keys"))]
    assert [part for part in service["volumes"] if part.endswith(socket.rpartition("/")[0])]
    # A volume that is new has the owner of the folder in the image
    assert re.search(rf"install --directory --owner airflow .*{socket.rpartition('/')[0]}$", DOCKERFILE, flags=re.M)


def test_the_desk_has_no_key_of_a_dossier_and_its_service_one_regions() -> None:
    desk, service = services()["desk"], services()["desk-keys"]
    assert {part.rsplit("/", 1)[-1] for part in desk["volumes"]} == {"standards:ro", "trust:ro", "desk"}
    assert "OVERSTAP_KEYS" not in desk["environment"]
    assert {part.rsplit("/", 1)[-1] for part in service["volumes"]} == {"keys:ro", "desk"}
    assert "OVERSTAP_TRUST" not in service["environment"]
    socket = desk["environment"]["OVERSTAP_KEY_SERVICE"]
    assert socket in service["healthcheck"]["test"]
    assert service["network_mode"] == "none"
    assert not service["secrets"]
    assert service["command"][-2:] == ["--region", "${DESK_REGION}"]
    assert service["profiles"] == desk["profiles"] == ["desk"]
    assert desk["depends_on"]["desk-keys"]["condition"] == "service_healthy"
    assert re.search(r"install --directory --owner airflow .* /var/lib/overstap/sockets/desk$", DOCKERFILE, flags=re.M)


def test_each_service_has_its_own_login_of_the_ledger() -> None:
    logins = {f"{login.removeprefix('overstap_')}_password" for login in LOGINS}
    held = {name: logins & set(service["secrets"]) for name, service in services().items()}
    assert held.pop("postgres") == set()
    assert held.pop("init") == logins  # which gives them their passwords
    assert held == {
        **{name: {"app_password"} for name in ("admin", "scheduler", "dag-processor", *WORKERS)},
        "redis": set(),
        "key-service": set(),
        "desk-keys": set(),
        "api-server": {"board_password", "drafts_password"},
        "triggerer": {"watch_password"},
        **{name: {f"{name}_password"} for name in ("review", "school", "desk")},
    }


def test_one_kind_of_container_writes_agreements() -> None:
    place = "/var/lib/overstap/regions"
    mounted = {
        name: [volume.partition(place)[2] for volume in service.get("volumes", ()) if place in str(volume)]
        for name, service in services().items()
    }
    assert {name for name, ways in mounted.items() if ways == [""]} == {"scheduler", "worker-files"}
    for name in ("init", "admin", "api-server", "dag-processor", "triggerer"):
        assert mounted[name] == [":ro"], name


def test_no_container_can_change_what_it_runs() -> None:
    for name, service in services().items():
        if name != "postgres":
            assert service["read_only"] is True, name
            assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["logging"]["options"]["max-size"], name


def test_rounds_open_by_themselves() -> None:
    # Airflow's own default leaves each new DAG standing still until somebody starts it.
    for name in COMPONENTS:
        assert services()[name]["environment"]["AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION"] == "False"


def test_no_log_server_where_logs_are_shared() -> None:
    for name in ("scheduler", "triggerer"):
        assert "--skip-serve-logs" in services()[name]["command"]


def test_secrets_are_files_without_a_default() -> None:
    named = set(compose()["secrets"])
    for name, secret in compose()["secrets"].items():
        assert re.fullmatch(r"\$\{SECRETS_FOLDER(:\?[^}]+)?\}/" + name, secret["file"])
    used = {secret for service in services().values() for secret in service["secrets"]}
    assert used == named
    assert not re.search(r"\$\{[A-Z_]+:?-", TEXT), "a default in ${NAME:-default}"
    for service in services().values():
        secret_like = [name for name in service.get("environment", {}) if re.search("PASSWORD|SECRET|KEY$|CONN", name)]
        assert set(secret_like) <= {"POSTGRES_PASSWORD_FILE"}


def test_the_owner_of_the_ledger_is_known_to_no_component_that_runs() -> None:
    holders = {name for name, service in services().items() if "owner_password" in service["secrets"]}
    assert holders == {"postgres", "init", "admin"}
    assert services()["admin"]["profiles"] == ["admin"]  # there while a command runs


def test_the_table_of_rights_says_what_the_file_says() -> None:
    table = (PROJECT / "docs" / "rights.md").read_text().partition("| queue |")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.splitlines()
        if line.startswith("|") and not line.startswith("|---")
    ]
    names = rows[0][1:]
    assert set(names) == set(services())
    said = {row[0].replace("`", ""): dict(zip(names, row[1:], strict=True)) for row in rows[1:]}
    folders = ("regions", "standards", "keys", "board", "trust", "drop", "outbox", "reports", "checkpoints")
    folders += ("registers", "lists")
    for client in ("school", "board", "desk"):
        sharing = {name for name, one in services().items() if f"sockets/{client}" in str(one.get("volumes"))}
        assert {name for name, right in said.pop(f"socket {client}").items() if right == "yes"} == sharing
    assert set(said) == {
        *compose()["secrets"],
        *(f"folder {name}" for name in folders),
        *(f"network {name}" for name in compose()["networks"]),
    }
    for name, service in services().items():
        for secret in compose()["secrets"]:
            assert said[secret][name] == ("r" if secret in service["secrets"] else ""), (name, secret)
        for network in compose()["networks"]:
            assert said[f"network {network}"][name] == ("yes" if network in service["networks"] else ""), name
        mounted = {part.rsplit("/var/lib/overstap/", 1)[-1] for part in service.get("volumes", [])}
        for folder in folders:
            right = "r" if f"{folder}:ro" in mounted else "w" if folder in mounted else ""
            assert said[f"folder {folder}"][name] == right, (name, folder)


def test_with_workers_the_scheduler_holds_nothing_of_the_rounds() -> None:
    text = (PROJECT / "deploy" / "compose.celery.yaml").read_text()
    more = yaml.load(text.replace("!override", ""), Loader=yaml.SafeLoader)["services"]
    assert set(more) == {*COMPONENTS, *WORKERS}
    assert all(one["environment"]["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor" for one in more.values())
    scheduler, usual = more["scheduler"], services()["scheduler"]
    assert text.count("!override") == 2  # secrets and volumes are these and no others
    assert {part.rsplit("/", 1)[-1] for part in scheduler["volumes"]} == {"logs", "regions:ro", "standards:ro"}
    assert not {"app_password", "mail_connection"} & set(scheduler["secrets"])
    held = {name for name, value in usual["environment"].items() if "/var/lib/overstap" in str(value)}
    emptied = {name for name, value in scheduler["environment"].items() if value == ""}
    assert held - emptied == {"OVERSTAP_REGIONS", "OVERSTAP_STANDARDS"}
    for name in (*WORKERS, "redis"):
        assert services()[name]["profiles"] == ["celery"]
        assert not {"airflow_password", "fernet_key", "jwt_secret"} & set(services()[name]["secrets"])


def test_each_queue_has_a_worker_that_holds_what_its_tasks_need() -> None:
    assert {services()[name]["command"][1] for name in WORKERS} == {queue.value for queue in Queue}
    table = (PROJECT / "docs" / "rights.md").read_text().partition("| queue |")[2]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", table, flags=re.M))
    for queue, tasks in queued_tasks().items():
        assert rows[queue] == ", ".join(f"`{name}`" for name in tasks)
    private = {name: {part.split("/overstap/")[-1] for part in services()[name]["volumes"]} for name in WORKERS}
    assert [name for name in WORKERS if "trust:ro" in private[name]] == ["worker-keys"]
    assert [name for name in WORKERS if "drop:ro" in private[name]] == ["worker-files"]


def test_the_queue_of_tasks_is_closed_to_strangers() -> None:
    conf = (PROJECT / "deploy" / "redis" / "redis.conf").read_text()
    assert {"port 0", "tls-port 6379", "maxmemory-policy noeviction"} <= set(conf.splitlines())
    assert "requirepass" in " ".join(services()["redis"]["command"])
    script = (PROJECT / "deploy" / "image" / "with-secrets").read_text()
    assert "rediss://" in script
    assert "ssl_cert_reqs=required" in script


def test_every_service_with_a_login_knows_the_database_by_its_certificate(tmp_path: Path) -> None:
    for name, service in services().items():
        held = set(service.get("secrets", ()))
        has_login = any(one.endswith("_password") for one in held - {"redis_password"})
        assert ("database_certificate" in held) == has_login, name
        assert ("database_key" in held) == (name == "postgres"), name
    command = " ".join(services()["postgres"]["command"])
    assert 'ssl="$$DATABASE_TLS"' in command
    assert "rules=/etc/overstap/pg_hba.conf" in command
    rules = [
        line.split()
        for line in (PROJECT / "deploy" / "postgres" / "pg_hba.conf").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert {kind for kind, _, _, where, *_ in rules if where == "all"} == {"hostssl"}
    (tmp_path / "airflow_password").write_text("a" * 16)
    (tmp_path / "app_password").write_text("b" * 16)
    (tmp_path / "database_certificate").write_text("a certificate")
    read = subprocess.run(
        ["bash", PROJECT / "deploy" / "image" / "with-secrets", "env"],
        env={"PATH": os.defpath, "SECRETS": str(tmp_path), "DATABASE_HOST": "database"},
        capture_output=True,
        text=True,
        check=True,
    )
    given = dict(line.split("=", 1) for line in read.stdout.splitlines())
    assert given["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].count("?") == 1
    for name in ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC", "OVERSTAP_LEDGER"):
        address = conninfo_to_dict(given[name].replace("postgresql+psycopg", "postgresql"))
        assert (address["sslmode"], address["sslrootcert"]) == ("verify-full", f"{tmp_path}/database_certificate")


def test_the_triggerer_has_no_keys() -> None:
    assert not [part for part in services()["triggerer"]["volumes"] if "/keys" in part or "/trust" in part]
    assert "OVERSTAP_KEYS" not in services()["triggerer"]["environment"]


def test_deploy_init_makes_each_secret_and_each_variable() -> None:
    choices = Choices("https://a.example", "https://b.example", "https://c.example")
    variables = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", TEXT))
    monitoring = {"PROMETHEUS_IMAGE", "GRAFANA_IMAGE"}  # of deploy/compose.monitoring.yaml
    assert variables == set(env_file.variables(choices)) - {"COMPOSE_PROFILES"} - monitoring
    made = {
        *secret_files.PASSWORDS,
        *secret_files.SHARED,
        *secret_files.OPTIONAL,
        *(name for pair in secret_files.CERTIFICATES.values() for name in pair),
    }
    made.add("fernet_key")
    assert made == set(compose()["secrets"])


def test_the_image_is_of_the_airflow_and_lock_that_are_tested() -> None:
    locked = re.search(r"^apache-airflow==(\S+)", (PROJECT / "requirements.txt").read_text(), flags=re.M)
    assert locked is not None
    file = (PROJECT / "Dockerfile").read_text()
    assert f"=apache/airflow:slim-{locked[1]}-python3.12\n" in file
    # A line `# syntax=` fetches a builder's frontend from the network.
    assert "# syntax" not in file
    # What the image reads as a secret is what the deployment gives.
    script = (PROJECT / "deploy" / "image" / "with-secrets").read_text()
    read = re.findall(r"^ *(?:ledger|setting) .* (\w+)$", script, flags=re.M)
    assert len(read) > 6
    assert set(read) <= set(compose()["secrets"])


def test_only_what_the_image_copies_reaches_the_builder() -> None:
    allowed = {line[1:] for line in (PROJECT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        name
        for line in (PROJECT / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY") and "<<" not in line
        for name in line.split()[1:-1]
    }
    assert allowed == copied
    assert not [name for name in copied - {"wheels*"} if not (PROJECT / name).exists()]  # made by `make bundle`


def test_settings_of_ours_in_the_deployment_exist() -> None:
    given = set(re.findall(r"\b(OVERSTAP_[A-Z_]+)\b", TEXT + (PROJECT / "Dockerfile").read_text()))
    assert len(given) > 6
    assert given - {f"OVERSTAP_{name.upper()}" for name in Settings.model_fields} == set()


def test_settings_of_airflow_exist(tmp_path: Path) -> None:
    place = AirflowFolders(tmp_path, tmp_path, tmp_path, "postgresql://", 8080, 8)
    given = {name for name in environment(place, Passwords(tmp_path), {}) if name.startswith("AIRFLOW__")}
    given |= set(re.findall(r"AIRFLOW__[A-Z0-9_]+__[A-Z0-9_]+", TEXT + (PROJECT / "Dockerfile").read_text()))
    listed = subprocess.check_output(
        [sys.executable, "-m", "airflow", "config", "list", "--defaults"],
        text=True,
        env={"AIRFLOW_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        stderr=subprocess.DEVNULL,
    )
    known = set(re.findall(r"# Variable: (AIRFLOW__\S+)", listed))
    assert len(known) > 300
    assert given - known == set()


def test_every_setting_is_documented() -> None:
    guide = (PROJECT / "docs" / "settings.md").read_text()
    names = {f"OVERSTAP_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"^## (OVERSTAP_\w+)$", guide, flags=re.M)) == names
    assert set(re.findall(r"^\| \[`(OVERSTAP_\w+)`\]", guide, flags=re.M)) == names


def test_the_public_code_file_says_what_the_project_says() -> None:
    said = yaml.safe_load((PROJECT / "publiccode.yml").read_text())
    project = (PROJECT / "pyproject.toml").read_text()
    assert f'version = "{said["softwareVersion"]}"' in project
    assert f'license = "{said["legal"]["license"]}"' in project
    for language in said["description"].values():
        assert len(language["shortDescription"]) <= 150
        assert 150 <= len(language["longDescription"]) <= 10_000


def test_the_licence_is_there_in_full() -> None:
    text = (PROJECT / "LICENSE").read_text()
    assert text.startswith("EUROPEAN UNION PUBLIC LICENCE v. 1.2")
    assert [article for article in range(1, 16) if not re.search(rf"^{article}\.\S", text, flags=re.M)] == []
    assert "Appendix" in text


def test_hooks_download_nothing() -> None:
    config = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text())
    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    assert {hook["language"] for repo in config["repos"] for hook in repo["hooks"]} == {"system"}


def test_sentences_before_the_environment_are_in_both_languages() -> None:
    messages = json.loads((PROJECT / "include" / "texts" / "bootstrap" / "messages.json").read_text())
    for text in messages.values():
        assert set(re.findall(r"{(\w+)}", text["nl"])) == set(re.findall(r"{(\w+)}", text["en"]))
